// Values that nobody is to read: taken out of every line before it is written.
using System.Text.Encodings.Web;

namespace Mote.Packaging;

/// <summary>The values of an app's variables that are `secret`, and what a node's configuration says of who the node is.</summary>
public sealed class SecretValues
{
    /// <summary>What stands in a secret's place.</summary>
    public const string Mark = "***";

    private readonly string[] _values;

    /// <summary>Takes values; empty ones are none.</summary>
    public SecretValues(IEnumerable<string> values)
    {
        // Longest first: one may be a part of another.
        _values = [.. values.SelectMany(Forms).Where(v => v.Length > 0).Distinct().OrderByDescending(v => v.Length)];
    }

    /// <summary>No secrets.</summary>
    public static SecretValues None { get; } = new([]);

    /// <summary>Those of two.</summary>
    public SecretValues With(SecretValues other) => new(_values.Concat(other._values));

    /// <summary>The text without them, and without the user information of any URL.</summary>
    public string Mask(string text)
    {
        foreach (string value in _values)
        {
            if (text.Contains(value, StringComparison.Ordinal)) text = text.Replace(value, Mark, StringComparison.Ordinal);
        }

        return UrlUserInfo.Mask(text);
    }

    /// <summary>Says nothing of them.</summary>
    public override string ToString() => Mark;

    /// <summary>
    /// A secret of several lines is also looked for line by line (short ones, as the braces of JSON, say nothing), since that
    /// is how logs are written; and each in the forms in which texts are put into JSON and URLs.
    /// </summary>
    private static IEnumerable<string> Forms(string value)
    {
        foreach (string text in value.Split('\n').Select(l => l.Trim('\r')).Where(l => l.Length >= 4).Append(value))
        {
            yield return text;
            yield return JavaScriptEncoder.Default.Encode(text);
            yield return JavaScriptEncoder.UnsafeRelaxedJsonEscaping.Encode(text);
            yield return Uri.EscapeDataString(text);
        }
    }
}
