// TOML with the place of every value, so that an error can point at it.
using System.Globalization;
using Tomlyn.Parsing;
using Tomlyn.Syntax;

namespace Mote.Packaging.Toml;

/// <summary>A config file has a fault: where, what, and how to put it right, in one line.</summary>
public sealed class ConfigException(string file, int line, string message) : Exception(line > 0 ? $"{file}:{line}: {OneLine(message)}" : $"{file}: {OneLine(message)}")
{
    private const int MaxLength = 1000;

    /// <summary>The line, from 1; 0 where the fault is of the file as a whole.</summary>
    public int Line { get; } = line;

    /// <summary>What is wrong, without the place.</summary>
    public string Reason { get; } = OneLine(message);

    /// <summary>Messages quote values of the file, which may be long and may have line breaks and control characters in them.</summary>
    private static string OneLine(string text)
    {
        text = UrlUserInfo.Mask(text); // before it is cut
        if (text.Length > MaxLength) text = $"{text.AsSpan(0, MaxLength / 2)} … {text.AsSpan(text.Length - (MaxLength / 4))}";
        return text.Any(c => char.IsControl(c) || c is '\u2028' or '\u2029')
            ? string.Concat(text.Select(c => char.IsControl(c) || c is '\u2028' or '\u2029' ? $"\\u{(int)c:x4}" : $"{c}")) : text;
    }
}

/// <summary>A value of a TOML file.</summary>
public abstract class TomlNode(string file, int line)
{
    /// <summary>The file.</summary>
    public string File { get; } = file;

    /// <summary>The line, from 1.</summary>
    public int Line { get; } = line;

    /// <summary>What kind of value it is, in words.</summary>
    public abstract string Kind { get; }

    /// <summary>A fault at this value.</summary>
    public ConfigException Error(string message) => new(File, Line, message);
}

/// <summary>A string.</summary>
public sealed class TomlString(string file, int line, string value) : TomlNode(file, line)
{
    /// <summary>Its text.</summary>
    public string Value { get; } = value;

    /// <inheritdoc/>
    public override string Kind => "a string";
}

/// <summary>An integer.</summary>
public sealed class TomlInteger(string file, int line, long value) : TomlNode(file, line)
{
    /// <summary>Its value.</summary>
    public long Value { get; } = value;

    /// <inheritdoc/>
    public override string Kind => "an integer";
}

/// <summary>A number with a fraction.</summary>
public sealed class TomlFloat(string file, int line, double value) : TomlNode(file, line)
{
    /// <summary>Its value.</summary>
    public double Value { get; } = value;

    /// <inheritdoc/>
    public override string Kind => "a number";
}

/// <summary>true or false.</summary>
public sealed class TomlBoolean(string file, int line, bool value) : TomlNode(file, line)
{
    /// <summary>Its value.</summary>
    public bool Value { get; } = value;

    /// <inheritdoc/>
    public override string Kind => "true or false";
}

/// <summary>A list of values, or of tables written with [[…]].</summary>
public sealed class TomlList(string file, int line) : TomlNode(file, line)
{
    /// <summary>The values.</summary>
    public List<TomlNode> Items { get; } = [];

    /// <inheritdoc/>
    public override string Kind => "a list";
}

/// <summary>A table. Keys that nobody asks for are reported by <see cref="RejectUnknown"/>.</summary>
public sealed class TomlTable(string file, int line) : TomlNode(file, line)
{
    private readonly HashSet<string> _used = [];

    /// <summary>Its values in order.</summary>
    public OrderedDictionary<string, TomlNode> Values { get; } = [];

    /// <inheritdoc/>
    public override string Kind => "a table";

    /// <summary>Reads a file.</summary>
    /// <exception cref="ConfigException">It cannot be read or is not TOML.</exception>
    public static TomlTable Load(string path)
    {
        try
        {
            return Parse(path, BoundedFile.ReadText(path));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ConfigException(path, 0, $"cannot be read: {e.Message}");
        }
    }

    /// <summary>Reads text.</summary>
    /// <exception cref="ConfigException">It is not TOML.</exception>
    public static TomlTable Parse(string file, string text) => TomlBuilder.Build(file, text);

    /// <summary>The value of a key, or null.</summary>
    public TomlNode? Get(string key)
    {
        _used.Add(key);
        return Values.GetValueOrDefault(key);
    }

    /// <summary>A string, or null where the key is not there.</summary>
    public string? String(string key) => Typed<TomlString>(key, "a string")?.Value;

    /// <summary>A string that must be there.</summary>
    public string Required(string key, string example) => String(key) ?? throw Error($"`{key}` is missing: add {key} = {example}");

    /// <summary>The absolute path that the value of a key stands for.</summary>
    /// <param name="key">The key, for the error.</param>
    /// <param name="folder">What a relative path begins at.</param>
    /// <param name="path">Its value, or what is taken in its place.</param>
    public string Path(string key, string folder, string path) =>
        path.Length > 0 && !path.Contains('\0') ? System.IO.Path.GetFullPath(System.IO.Path.Combine(folder, path)) : throw Values[key].Error($"`{key}` must be the path of a file or folder, found \"{path}\"");

    /// <summary>The absolute path of a file that is there, which the value of a key names.</summary>
    /// <param name="key">The key.</param>
    /// <param name="folder">What a relative path begins at.</param>
    /// <param name="value">Its value.</param>
    /// <param name="hint">What to do where there is none, for the end of the error.</param>
    public string ExistingFile(string key, string folder, string value, string hint = "")
    {
        string path = Path(key, folder, value);
        return System.IO.File.Exists(path) ? path : throw Values[key].Error($"`{key}`: there is no file {path}{hint}");
    }

    /// <summary>A whole number within bounds, or null.</summary>
    public long? Integer(string key, long min, long max)
    {
        if (Typed<TomlInteger>(key, "an integer") is not { } node) return null;
        return node.Value >= min && node.Value <= max ? node.Value : throw node.Error($"`{key}` must be from {min} to {max}, found {node.Value}");
    }

    /// <summary>A number, whole or not, within bounds, or null.</summary>
    public double? Number(string key, double min, double max)
    {
        double? value = Get(key) switch
        {
            null => null,
            TomlInteger i => i.Value,
            TomlFloat f => f.Value,
            { } other => throw other.Error($"`{key}` must be a number, found {other.Kind}"),
        };
        if (value is { } v && !(v >= min && v <= max)) throw Values[key].Error(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"`{key}` must be from {min} to {max}, found {v}"));
        return value;
    }

    /// <summary>true or false, or null.</summary>
    public bool? Boolean(string key) => Typed<TomlBoolean>(key, "true or false")?.Value;

    /// <summary>A table, or null.</summary>
    public TomlTable? Table(string key) => Typed<TomlTable>(key, "a table");

    /// <summary>A list of strings; empty where the key is not there.</summary>
    public string[] Strings(string key) =>
        Typed<TomlList>(key, "a list of strings")?.Items.Select(i => i is TomlString s ? s.Value : throw i.Error($"`{key}` is a list of strings, found {i.Kind} in it")).ToArray() ?? [];

    /// <summary>Tables written with [[…]]; empty where the key is not there.</summary>
    public TomlTable[] Tables(string key) =>
        Typed<TomlList>(key, "a list of tables")?.Items.Select(i => i as TomlTable ?? throw i.Error($"`{key}` is a list of tables, found {i.Kind} in it")).ToArray() ?? [];

    /// <summary>Throws at the first key that nobody has asked for.</summary>
    public void RejectUnknown(string where)
    {
        foreach ((string key, TomlNode node) in Values)
        {
            if (_used.Contains(key)) continue;
            string known = string.Join(", ", _used.Order(StringComparer.Ordinal).Select(k => $"`{k}`"));
            throw node.Error($"unknown key `{key}` in {where}{(known.Length > 0 ? $": it knows {known}" : "")}");
        }
    }

    private T? Typed<T>(string key, string wanted)
        where T : TomlNode =>
        Get(key) switch
        {
            null => null,
            T node => node,
            { } other => throw other.Error($"`{key}` must be {wanted}, found {other.Kind}"),
        };
}
