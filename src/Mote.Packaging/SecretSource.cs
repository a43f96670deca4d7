// A secret of node.toml: in the file itself, in another, in the environment, or what the service manager passed on.
using System.Text;
using Mote.Packaging.Toml;

namespace Mote.Packaging;

/// <summary>Where a secret is. One in a file is read again when the file changes: a renewed one is taken without a restart.</summary>
public sealed class SecretSource
{
    private const int MaxBytes = 64 << 10;

    private readonly string? _file;
    private readonly Lock _lock = new();
    private (DateTime At, long Length) _seen;
    private string _value = "";

    private SecretSource(string? file, string value) => (_file, _value) = (file, value);

    /// <summary>A secret that does not change.</summary>
    public static SecretSource Of(string value) => new(null, value);

    /// <summary>The secret of now and, for a while, the one before it: what no line may show.</summary>
    public SecretValues Hidden { get; private set; } = SecretValues.None;

    /// <summary>key = "…", or key = { file = "PATH" }, { env = "NAME" } or { credential = "NAME" }; null where the key is not there.</summary>
    /// <exception cref="ConfigException">It is not there, or is no text. The message has nothing of it.</exception>
    internal static SecretSource? Read(TomlTable table, string key, string folder, Func<string, string?> environment)
    {
        if (table.Get(key) is not { } node) return null;
        string help = $"`{key}` is a string, or one of {{ file = \"PATH\" }}, {{ env = \"NAME\" }} and {{ credential = \"NAME\" }} (systemd's LoadCredential=)";
        SecretSource source;
        if (node is TomlString text) source = new SecretSource(null, text.Value);
        else if (node is TomlTable { Values.Count: 1 } from && from.String("env") is { } name) source = new SecretSource(null, environment(name) is { Length: > 0 } value ? value : throw node.Error($"`{key}`: the environment has no {name}"));
        else if (node is TomlTable { Values.Count: 1 } file && file.String("file") is { } path) source = new SecretSource(file.Path("file", folder, path), "");
        else if (node is TomlTable { Values.Count: 1 } passed && passed.String("credential") is { } credential)
        {
            if (credential.Contains('/') || credential is "" or "." or "..") throw node.Error($"`{key}`: a credential has the name of a file, found \"{credential}\"");
            string? credentials = environment("CREDENTIALS_DIRECTORY");
            source = new SecretSource(Path.Combine(credentials is { Length: > 0 } ? credentials : throw node.Error($"`{key}`: the service manager passed no credentials on (CREDENTIALS_DIRECTORY is not set)"), credential), "");
        }
        else throw node.Error($"{help}, found {node.Kind}");

        try
        {
            if (source.Value().Length == 0) throw node.Error($"`{key}` is empty");
            return source;
        }
        catch (IOException e)
        {
            throw node.Error($"`{key}`: {e.Message}");
        }
    }

    /// <summary>The secret as it is now.</summary>
    /// <exception cref="IOException">Its file cannot be read, or has no text; the message has nothing of it.</exception>
    public string Value()
    {
        lock (_lock)
        {
            if (_file is null)
            {
                if (ReferenceEquals(Hidden, SecretValues.None)) Hidden = new SecretValues([_value]);
                return _value;
            }

            try
            {
                var now = new FileInfo(_file);
                if (!now.Exists) throw new IOException($"there is no file {_file}");
                if (_value.Length > 0 && _seen == (now.LastWriteTimeUtc, now.Length)) return _value;
                string text = new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(BoundedFile.Read(_file, MaxBytes)).TrimEnd('\r', '\n');
                if (text.Length == 0) throw new IOException($"{_file} is empty");
                Hidden = new SecretValues([text, _value]);
                _seen = (now.LastWriteTimeUtc, now.Length);
                return _value = text;
            }
            catch (DecoderFallbackException)
            {
                throw new IOException($"{_file} is not text in UTF-8");
            }
            catch (UnauthorizedAccessException)
            {
                throw new IOException($"{_file} may not be read by this user");
            }
        }
    }

    /// <summary>Says nothing of it.</summary>
    public override string ToString() => SecretValues.Mark;
}
