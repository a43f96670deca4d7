// What kind of place an IP address is: what a host name may lead to, and what only an address in the manifest may.
using System.Net;
using System.Net.Sockets;

namespace Mote.Runtime.Egress;

/// <summary>What kind of place an address is.</summary>
public enum AddressKind
{
    /// <summary>Somewhere on the internet.</summary>
    Public,

    /// <summary>In somebody's own network (10/8, 172.16/12, 192.168/16, 100.64/10, fc00::/7): what a factory's names resolve to.</summary>
    Private,

    /// <summary>This machine.</summary>
    Loopback,

    /// <summary>On this wire only.</summary>
    LinkLocal,

    /// <summary>A cloud's metadata service, which gives credentials to whoever asks.</summary>
    Metadata,

    /// <summary>No address at all; many systems take it for this machine.</summary>
    Unspecified,

    /// <summary>Many receivers.</summary>
    Multicast,

    /// <summary>Everybody on this wire.</summary>
    Broadcast,

    /// <summary>Set aside by the registries: documentation, protocol assignments, future use.</summary>
    Reserved,
}

/// <summary>Kinds of addresses.</summary>
public static class AddressKinds
{
    /// <summary>
    /// The blocks, narrow ones before the wide ones that they are in. From the IANA special-purpose registries, and from
    /// what clouds document of their metadata services.
    /// </summary>
    private static readonly (AddressRange Range, AddressKind Kind)[] s_blocks =
    [
        .. Blocks(AddressKind.Metadata,
            "169.254.169.254", "169.254.170.2", "169.254.170.23", // most clouds; containers and pods of AWS
            "100.100.100.200", "168.63.129.16", "192.0.0.192", // Alibaba, Azure, Oracle
            "fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254", "fe80::a9fe:a9fe"), // AWS, its pods, Google, OpenStack
        .. Blocks(AddressKind.Broadcast, "255.255.255.255"),
        .. Blocks(AddressKind.Unspecified, "0.0.0.0/8", "::"),
        .. Blocks(AddressKind.Loopback, "127.0.0.0/8", "::1"),
        .. Blocks(AddressKind.LinkLocal, "169.254.0.0/16", "fe80::/10"),
        .. Blocks(AddressKind.Multicast, "224.0.0.0/4", "ff00::/8"),
        .. Blocks(AddressKind.Private, "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "198.18.0.0/15", "fc00::/7", "fec0::/10"),
        .. Blocks(AddressKind.Reserved,
            "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
            "100::/64", "2001:2::/48", "2001:10::/28", "2001:db8::/32", "3fff::/20", "5f00::/16"),
    ];

    /// <summary>Kinds that a host name never leads to.</summary>
    public static bool IsSpecial(this AddressKind kind) => kind is not (AddressKind.Public or AddressKind.Private);

    /// <summary>The kind of an address. An address that carries another inside it is what the inner one is, where that is worse.</summary>
    public static AddressKind Of(IPAddress address)
    {
        address = AddressRange.Plain(address);
        AddressKind outer = InTable(address);
        if (outer.IsSpecial() || Embedded(address) is not { } inner) return outer;
        AddressKind inside = InTable(inner);
        return inside.IsSpecial() || inside > outer ? inside : outer;
    }

    /// <summary>In words, for people.</summary>
    public static string Words(this AddressKind kind) => kind switch
    {
        AddressKind.Public => "a public address",
        AddressKind.Private => "a private address",
        AddressKind.Loopback => "this machine",
        AddressKind.LinkLocal => "a link-local address",
        AddressKind.Metadata => "a cloud's metadata service",
        AddressKind.Unspecified => "the unspecified address",
        AddressKind.Multicast => "a multicast address",
        AddressKind.Broadcast => "the broadcast address",
        _ => "a reserved address",
    };

    /// <summary>True where a range was written for a special address: it lies in that address's own block. Metadata services and addresses with others inside are named one by one.</summary>
    internal static bool IsNamedBy(IPAddress address, AddressKind kind, AddressRange range)
    {
        if (range.IsSingle) return true;
        if (kind == AddressKind.Metadata) return false;
        foreach ((AddressRange block, AddressKind of) in s_blocks)
        {
            if (of == kind && block.Contains(address)) return block.Contains(range);
        }

        return false;
    }

    private static IEnumerable<(AddressRange, AddressKind)> Blocks(AddressKind kind, params string[] ranges) => ranges.Select(r => (AddressRange.Parse(r), kind));

    private static AddressKind InTable(IPAddress address)
    {
        foreach ((AddressRange range, AddressKind kind) in s_blocks)
        {
            if (range.Contains(address)) return kind;
        }

        return AddressKind.Public;
    }

    /// <summary>The IPv4 address that a gateway or a tunnel would take out of an IPv6 one.</summary>
    private static IPAddress? Embedded(IPAddress address)
    {
        if (address.AddressFamily != AddressFamily.InterNetworkV6) return null;
        Span<byte> b = stackalloc byte[16];
        address.TryWriteBytes(b, out _);
        ReadOnlySpan<byte> tail = b[12..];
        if (b[..12].IndexOfAnyExcept((byte)0) < 0) return new IPAddress(tail); // IPv4-compatible
        if (b[..12].SequenceEqual((ReadOnlySpan<byte>)[0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0])) return new IPAddress(tail); // IPv4-translated
        if (b[..4].SequenceEqual((ReadOnlySpan<byte>)[0, 0x64, 0xff, 0x9b]))
        {
            // NAT64: the well-known /96, and the local /48, where bits 64 to 71 are left out (RFC 6052, 2.2).
            return b[4] == 0 && b[5] == 1 ? new IPAddress([b[6], b[7], b[9], b[10]]) : new IPAddress(tail);
        }

        if (b[0] == 0x20 && b[1] == 0x02) return new IPAddress(b[2..6]); // 6to4
        if (b[..4].SequenceEqual((ReadOnlySpan<byte>)[0x20, 0x01, 0, 0])) return new IPAddress([(byte)~b[12], (byte)~b[13], (byte)~b[14], (byte)~b[15]]); // Teredo
        return (b[8] & 0xfd) == 0 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe ? new IPAddress(tail) : null; // ISATAP
    }
}
