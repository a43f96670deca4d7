// Values that an operator gives to an app's variables, and from where: the first that has one decides.
using System.Text;
using Mote.Packaging.Toml;

namespace Mote.Packaging;

/// <summary>
/// Where values of variables come from, in this order: the command line, files, the environment, the credentials that
/// the service manager passed on. The manifest's default comes after all of them.
/// </summary>
public sealed class VariableValues
{
    /// <summary>Most bytes of one credential.</summary>
    public const int MaxCredential = 1 << 20;

    private readonly Dictionary<string, string> _given = [];
    private readonly Func<string, string?> _environment;
    private readonly string? _credentials;

    /// <summary>Values.</summary>
    /// <param name="given">Of the command line; of two for one name, the first.</param>
    /// <param name="files">TOML files of names and values; of two that have one name, the last.</param>
    /// <param name="environment">The process's environment.</param>
    /// <exception cref="ConfigException">A file has a fault. The message has no text of the file: it may be a secret.</exception>
    public VariableValues(IEnumerable<KeyValuePair<string, string>> given, IEnumerable<string> files, Func<string, string?> environment)
    {
        foreach (string file in files)
        {
            foreach ((string name, string value) in Load(file)) _given[name] = value;
        }

        foreach ((string name, string value) in given.DistinctBy(p => p.Key)) _given[name] = value;
        _environment = environment;
        _credentials = environment("CREDENTIALS_DIRECTORY") is { Length: > 0 } folder ? folder : null;
    }

    /// <summary>The variable of the environment that gives a value to a variable of an app.</summary>
    public static string EnvironmentName(string variable) => $"MOTE_VARIABLE_{variable.ToUpperInvariant().Replace('-', '_')}";

    /// <summary>A variable's value; null where nobody gave one.</summary>
    /// <exception cref="ConfigException">Its credential cannot be read.</exception>
    public string? Find(string name) => _given.GetValueOrDefault(name) ?? _environment(EnvironmentName(name)) ?? Credential(name);

    private static IEnumerable<KeyValuePair<string, string>> Load(string file)
    {
        TomlTable table;
        try
        {
            table = TomlTable.Load(file);
        }
        catch (ConfigException e) when (e.Line > 0)
        {
            // A parser's words quote what it found.
            throw new ConfigException(file, e.Line, "this is not TOML: a file of variables has lines like name = \"value\"");
        }

        foreach ((string name, TomlNode node) in table.Values)
        {
            yield return KeyValuePair.Create(name, node switch
            {
                TomlString s => s.Value,
                TomlInteger i => i.Value.ToString(System.Globalization.CultureInfo.InvariantCulture),
                TomlBoolean b => b.Value ? "true" : "false",
                _ => throw node.Error($"the value of `{name}` is {node.Kind}: write a string"),
            });
        }
    }

    /// <summary>systemd's LoadCredential= and SetCredential=: a file of the variable's name. The newline that editors put at its end is none of it.</summary>
    private string? Credential(string name)
    {
        if (_credentials is null || name.Contains('/') || name is "." or "..") return null;
        string file = Path.Combine(_credentials, name);
        if (!File.Exists(file)) return null;
        try
        {
            string text = new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(BoundedFile.Read(file, MaxCredential));
            return text.EndsWith("\r\n", StringComparison.Ordinal) ? text[..^2] : text.EndsWith('\n') ? text[..^1] : text;
        }
        catch (DecoderFallbackException)
        {
            throw new ConfigException(file, 0, $"the credential of variable `{name}` is not text in UTF-8");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ConfigException(file, 0, $"the credential of variable `{name}` cannot be read: {e.Message}");
        }
    }
}
