// The host part of a grant: a name, the names below one, an address, a block of addresses, or everything public.
using System.Diagnostics.CodeAnalysis;
using System.Net;

namespace Mote.Runtime.Egress;

/// <summary>What a host may be.</summary>
public sealed record HostPattern
{
    private const string Local = "localhost";

    private HostPattern()
    {
    }

    /// <summary>Everything public: <c>*</c>.</summary>
    public bool IsAny { get; private init; }

    /// <summary>One name, or with <see cref="Below"/> every name that ends in it.</summary>
    public string? Name { get; private init; }

    /// <summary>True for <c>*.name</c>.</summary>
    public bool Below { get; private init; }

    /// <summary>An address or a block of them.</summary>
    public AddressRange? Range { get; private init; }

    /// <summary>Reads one; IPv6 stands in brackets.</summary>
    internal static bool TryParse(ReadOnlySpan<char> text, [NotNullWhen(true)] out HostPattern? pattern)
    {
        pattern = null;
        ReadOnlySpan<char> range = text is ['[', .. var inner, ']'] ? inner : text.Contains(':') ? default : text;
        if (text is "*") pattern = new HostPattern { IsAny = true };
        else if (AddressRange.TryParse(range, out AddressRange? addresses)) pattern = new HostPattern { Range = addresses };
        else if (text is ['*', '.', .. var suffix] && Authority.NormalizeName(suffix) is { } below) pattern = new HostPattern { Name = below, Below = true };
        else if (Authority.NormalizeName(text) is { } name) pattern = new HostPattern { Name = name };
        return pattern is not null;
    }

    /// <summary>May this name be asked for? Where it leads is another question: <see cref="AllowsAddress"/>.</summary>
    public bool MatchesName(string name) => IsAny || (Name is not null && (Below ? name.Length > Name.Length && name.EndsWith(Name, StringComparison.Ordinal) && name[^(Name.Length + 1)] == '.' : name == Name));

    /// <summary>
    /// May this address be connected to? <paramref name="name"/> is what led to it; null where the guest named the address.
    /// A name leads to public and private addresses; to this machine only `localhost` does; everything else special has to
    /// stand in the grant as an address.
    /// </summary>
    public bool AllowsAddress(string? name, IPAddress address)
    {
        AddressKind kind = AddressKinds.Of(address);
        if (kind is AddressKind.Unspecified or AddressKind.Broadcast) return false;
        if (Range is not null) return Range.Contains(address) && (!kind.IsSpecial() || AddressKinds.IsNamedBy(address, kind, Range));
        if (IsAny) return kind == AddressKind.Public;
        if (name is null || !MatchesName(name)) return false;
        return !kind.IsSpecial() || (kind == AddressKind.Loopback && Name == Local && !Below);
    }

    /// <summary>May a socket be bound to this address of the machine? The unspecified address stands for all of them.</summary>
    public bool AllowsBinding(IPAddress address)
    {
        if (IsAny) return true;
        if (Range is null) return Name == Local && AddressKinds.Of(address) == AddressKind.Loopback;
        return Range.Contains(address) || (Range.IsSingle && Range.First.Equals(address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any));
    }

    /// <inheritdoc/>
    public override string ToString() => IsAny ? "*"
        : Range is not null ? Range.First.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6 ? $"[{Range}]" : Range.ToString()
        : Below ? $"*.{Name}" : Name!;
}
