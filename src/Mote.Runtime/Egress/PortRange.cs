// The port part of a grant.
using System.Globalization;

namespace Mote.Runtime.Egress;

/// <summary>Ports from one to another.</summary>
/// <param name="First">The first.</param>
/// <param name="Last">The last.</param>
public readonly record struct PortRange(int First, int Last)
{
    /// <summary>Every port; when listening, also one that the system chooses.</summary>
    public static PortRange All { get; } = new(0, 65535);

    /// <summary>Reads <c>*</c>, a port, or <c>first-last</c>.</summary>
    internal static bool TryParse(ReadOnlySpan<char> text, out PortRange range)
    {
        range = All;
        if (text is "*") return true;
        int dash = text.IndexOf('-');
        if (!Number(dash < 0 ? text : text[..dash], out int first)) return false;
        int last = first;
        if (dash >= 0 && !Number(text[(dash + 1)..], out last)) return false;
        range = new PortRange(first, last);
        return first <= last;
    }

    /// <summary>Is it one of them?</summary>
    public bool Contains(int port) => port >= First && port <= Last;

    /// <inheritdoc/>
    public override string ToString() => this == All ? "*" : First == Last ? $"{First}" : $"{First}-{Last}";

    private static bool Number(ReadOnlySpan<char> text, out int port) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out port) && port <= 65535 && text.Length <= 5;
}
