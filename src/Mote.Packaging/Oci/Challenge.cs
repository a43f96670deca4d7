// WWW-Authenticate, read as RFC 9110 has it: how a registry says what it wants to see.
namespace Mote.Packaging.Oci;

/// <summary>A way of saying who one is.</summary>
/// <param name="Scheme">The scheme, in lower case.</param>
/// <param name="Parameters">What belongs to it, by names in lower case.</param>
public sealed record Challenge(string Scheme, IReadOnlyDictionary<string, string> Parameters)
{
    private const int MaxText = 8 << 10;

    /// <summary>Reads a header; what cannot be read is left out.</summary>
    public static IReadOnlyList<Challenge> Parse(string header)
    {
        ArgumentNullException.ThrowIfNull(header);
        var all = new List<Challenge>();
        if (header.Length > MaxText) return all;
        Dictionary<string, string>? parameters = null;
        int i = 0;
        while (true)
        {
            while (i < header.Length && header[i] is ' ' or '\t' or ',') i++;
            string token = Token(header, ref i);
            if (token.Length == 0) return all;
            int after = i;
            while (i < header.Length && header[i] is ' ' or '\t') i++;
            if (i < header.Length && header[i] == '=' && parameters is not null)
            {
                i++;
                while (i < header.Length && header[i] is ' ' or '\t') i++;
                parameters.TryAdd(token.ToLowerInvariant(), i < header.Length && header[i] == '"' ? Quoted(header, ref i) : Token(header, ref i));
                continue;
            }

            // A scheme: a space and its parameters follow, or the next one.
            i = after;
            all.Add(new Challenge(token.ToLowerInvariant(), parameters = []));
        }
    }

    private static string Token(string text, ref int i)
    {
        int start = i;
        while (i < text.Length && (char.IsAsciiLetterOrDigit(text[i]) || "!#$%&'*+-.^_`|~/:".Contains(text[i]))) i++;
        return text[start..i];
    }

    private static string Quoted(string text, ref int i)
    {
        var value = new System.Text.StringBuilder();
        for (i++; i < text.Length && text[i] != '"'; i++)
        {
            if (text[i] == '\\' && i + 1 < text.Length) i++;
            value.Append(text[i]);
        }

        i = Math.Min(i + 1, text.Length);
        return value.ToString();
    }
}
