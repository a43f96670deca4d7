// Addresses of wasi:sockets and of .NET, and which of them can be used for what.
using System.Net;
using System.Net.Sockets;
using Mote.Runtime.Egress;
using Types = Mote.Capabilities.Wasi.Sockets.INetworks;

namespace Mote.Capabilities.Wasi.Sockets;

internal static class Addresses
{
    public static IPEndPoint ToEndPoint(Types.IpSocketAddress address) => address switch
    {
        Types.IpSocketAddress.Ipv4 v4 => new IPEndPoint(ToAddress(new Types.IpAddress.Ipv4(v4.Value.Address)), v4.Value.Port),
        Types.IpSocketAddress.Ipv6 v6 => new IPEndPoint(new IPAddress(Bytes(v6.Value.Address), v6.Value.ScopeId), v6.Value.Port),
        _ => throw new InvalidOperationException("an address is of one family or of the other"),
    };

    public static Types.IpSocketAddress ToGuest(IPEndPoint at) => ToGuest(at.Address) switch
    {
        Types.IpAddress.Ipv4 v4 => new Types.IpSocketAddress.Ipv4(new((ushort)at.Port, v4.Value)),
        Types.IpAddress.Ipv6 v6 => new Types.IpSocketAddress.Ipv6(new((ushort)at.Port, 0, v6.Value, (uint)at.Address.ScopeId)),
        _ => throw new InvalidOperationException("an address is of one family or of the other"),
    };

    public static IPAddress ToAddress(Types.IpAddress.Ipv4 v4) => new([v4.Value.Item1, v4.Value.Item2, v4.Value.Item3, v4.Value.Item4]);

    public static Types.IpAddress ToGuest(IPAddress address)
    {
        byte[] b = address.GetAddressBytes();
        if (b.Length == 4) return new Types.IpAddress.Ipv4((b[0], b[1], b[2], b[3]));
        return new Types.IpAddress.Ipv6((Word(0), Word(1), Word(2), Word(3), Word(4), Word(5), Word(6), Word(7)));

        ushort Word(int i) => (ushort)((b[2 * i] << 8) | b[(2 * i) + 1]);
    }

    /// <summary>Of this family, and not IPv4 in IPv6's clothes.</summary>
    public static bool IsOf(IPEndPoint at, AddressFamily family) => at.AddressFamily == family && !at.Address.IsIPv4MappedToIPv6;

    /// <summary>One receiver: what a TCP socket can be bound or connected to.</summary>
    public static bool IsUnicast(IPEndPoint at) => AddressKinds.Of(at.Address) is not (AddressKind.Multicast or AddressKind.Broadcast);

    public static bool IsUnspecified(IPEndPoint at) => at.Address.Equals(IPAddress.Any) || at.Address.Equals(IPAddress.IPv6Any);

    /// <summary>Somewhere that can be sent to.</summary>
    public static bool IsRemote(IPEndPoint at) => at.Port != 0 && !IsUnspecified(at);

    private static byte[] Bytes((ushort, ushort, ushort, ushort, ushort, ushort, ushort, ushort) a) =>
    [
        (byte)(a.Item1 >> 8), (byte)a.Item1, (byte)(a.Item2 >> 8), (byte)a.Item2, (byte)(a.Item3 >> 8), (byte)a.Item3, (byte)(a.Item4 >> 8), (byte)a.Item4,
        (byte)(a.Item5 >> 8), (byte)a.Item5, (byte)(a.Item6 >> 8), (byte)a.Item6, (byte)(a.Item7 >> 8), (byte)a.Item7, (byte)(a.Item8 >> 8), (byte)a.Item8,
    ];
}
