// Replays a recorded table: each number of a row is a reading of the column's sensor.
using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Mote.Cli.Simulation;

/// <summary>Readings from a CSV file with a header; the separator (; , or tab) is found from the header.</summary>
internal sealed partial class CsvReplay
{
    private const int MaxColumns = 10_000;

    private readonly string _path;
    private readonly double _rate;
    private readonly DateTimeOffset _start;
    private readonly HashSet<string> _skip;
    private readonly string _prefix;

    /// <summary>Replays at <paramref name="rate"/> readings a second; times in the file are passed on where the first column has them.</summary>
    public CsvReplay(string path, double rate, IEnumerable<string> skip, string prefix, DateTimeOffset start)
    {
        _path = path;
        _rate = rate;
        _start = start;
        _skip = [.. skip];
        _prefix = prefix;
    }

    /// <summary>Fields that are no numbers, and rows of another length: left out.</summary>
    public long Skipped { get; private set; }

    /// <summary>Where the first of them was, for people.</summary>
    public string? FirstSkipped { get; private set; }

    public IEnumerable<SimulatedMessage> Messages()
    {
        using var reader = new StreamReader(_path, Encoding.UTF8);
        string header = reader.ReadLine() ?? throw new CliException(ExitCode.BadInput, $"{_path}: the file is empty: its first line must name the columns");
        char separator = header.Contains(';') ? ';' : header.Contains('\t') ? '\t' : ',';
        string[] columns = Split(header, separator);
        if (columns.Length > MaxColumns) throw new CliException(ExitCode.BadInput, $"{_path}:1: {columns.Length} columns: at most {MaxColumns} are read");
        if (_skip.FirstOrDefault(s => !columns.Contains(s)) is { } unknown) throw new CliException(ExitCode.BadInput, $"{_path}:1: there is no column `{unknown}` to skip: it has {string.Join(", ", columns)}");
        string machine = Slug(Path.GetFileNameWithoutExtension(_path));
        string?[] topics = [.. columns.Select(c => _skip.Contains(c) ? null : $"{_prefix}/{machine}/{Slug(c)}")];
        var buffer = new ArrayBufferWriter<byte>(128);
        long n = 0;
        for (int line = 2; reader.ReadLine() is { } text; line++)
        {
            if (text.Length == 0) continue;
            string[] fields = Split(text, separator);
            if (fields.Length != columns.Length)
            {
                Skip($"{_path}:{line}: {fields.Length} fields, the header has {columns.Length}");
                continue;
            }

            bool hasTime = IsTime(fields[0], out DateTimeOffset time);
            for (int i = hasTime ? 1 : 0; i < fields.Length; i++)
            {
                if (topics[i] is not { } topic) continue;
                if (!double.TryParse(fields[i], NumberStyles.Float, CultureInfo.InvariantCulture, out double value) || !double.IsFinite(value))
                {
                    if (fields[i].Length > 0) Skip($"{_path}:{line}: column {columns[i]}: `{fields[i]}` is not a number");
                    continue;
                }

                TimeSpan at = TimeSpan.FromSeconds(n++ / _rate);
                yield return new SimulatedMessage(at, topic, Reading.ToJson(buffer, hasTime ? time : _start + at, value, null), Reading.ContentType);
            }
        }
    }

    /// <summary>With the marks of a date or a time of day: .NET alone takes 1,5 for the fifth of January.</summary>
    private static bool IsTime(string text, out DateTimeOffset time)
    {
        time = default;
        return text.Count(c => c is '-' or '/' or ':') >= 2
            && !double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out _)
            && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out time);
    }

    private void Skip(string where)
    {
        Skipped++;
        FirstSkipped ??= where;
    }

    /// <summary>Fields of a line; one in double quotes may have separators in it.</summary>
    private static string[] Split(string line, char separator)
    {
        if (!line.Contains('"')) return [.. line.Split(separator).Select(f => f.Trim())];
        var fields = new List<string>();
        var field = new StringBuilder();
        bool quoted = false;
        for (int i = 0; i < line.Length; i++)
        {
            char c = line[i];
            if (c == '"' && quoted && i + 1 < line.Length && line[i + 1] == '"') field.Append(line[i++]);
            else if (c == '"') quoted = !quoted;
            else if (c == separator && !quoted)
            {
                fields.Add(field.ToString().Trim());
                field.Clear();
            }
            else field.Append(c);
        }

        fields.Add(field.ToString().Trim());
        return [.. fields];
    }

    /// <summary>A name that may be a level of a topic.</summary>
    internal static string Slug(string name) => NotSlug().Replace(name.ToLowerInvariant(), "-").Trim('-') is { Length: > 0 } slug ? slug : "x";

    [GeneratedRegex("[^a-z0-9]+")]
    private static partial Regex NotSlug();
}
