// A recorded table with a column that says where something was wrong: rows as messages, and their labels.
using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Mote.Cli.Scoring;

/// <summary>A row.</summary>
/// <param name="Message">{"ts":…,"values":{…}}, or {"ts":…,"value":…} where there is one column.</param>
/// <param name="Anomaly">What the label says.</param>
internal readonly record struct LabelledRow(byte[] Message, bool Anomaly);

internal static class LabelledTable
{
    private const int MaxColumns = 1000;

    /// <summary>Reads a CSV file with a header; the separator (; , or tab) is found from the header.</summary>
    /// <param name="path">The file.</param>
    /// <param name="label">The column of the labels: 0 is healthy, another number an anomaly. Null: there is none.</param>
    /// <param name="skip">Columns that are no sensors.</param>
    /// <exception cref="CliException">It is not such a file.</exception>
    public static IEnumerable<LabelledRow> Read(string path, string? label, IReadOnlyCollection<string> skip)
    {
        if (!File.Exists(path)) throw new CliException(ExitCode.NoInput, $"{path}: there is no such file");
        using var reader = new StreamReader(path, Encoding.UTF8);
        string header = reader.ReadLine() ?? throw new CliException(ExitCode.BadInput, $"{path}: the file is empty: its first line must name the columns");
        char separator = header.Contains(';') ? ';' : header.Contains('\t') ? '\t' : ',';
        string[] columns = Split(header, separator);
        if (columns.Length > MaxColumns) throw new CliException(ExitCode.BadInput, $"{path}:1: {columns.Length} columns: at most {MaxColumns} are read");
        foreach (string needed in label is null ? skip : [label, .. skip])
        {
            if (!columns.Contains(needed)) throw new CliException(ExitCode.BadInput, $"{path}:1: there is no column `{needed}`: it has {string.Join(", ", columns)}");
        }

        int labelAt = label is null ? -1 : Array.IndexOf(columns, label), timeAt = -1;
        int[] sensors = [.. Enumerable.Range(0, columns.Length).Where(i => i != labelAt && !skip.Contains(columns[i]))];
        var buffer = new ArrayBufferWriter<byte>(512);
        int line = 1;
        while (reader.ReadLine() is { } text)
        {
            line++;
            if (text.Length == 0) continue;
            string[] fields = Split(text, separator);
            if (fields.Length != columns.Length) throw new CliException(ExitCode.BadInput, $"{path}:{line}: {fields.Length} fields, the header has {columns.Length}");
            if (line == 2 && sensors.Length > 0 && !IsNumber(fields[sensors[0]], out _))
            {
                // The first column may be the time.
                timeAt = sensors[0];
                sensors = sensors[1..];
            }

            if (sensors.Length == 0) throw new CliException(ExitCode.BadInput, $"{path}:1: there is no column with a sensor");
            double labelled = 0;
            if (labelAt >= 0 && !IsNumber(fields[labelAt], out labelled)) throw new CliException(ExitCode.BadInput, $"{path}:{line}: the label `{fields[labelAt]}` is not a number");
            yield return new LabelledRow(Message(buffer, path, line, columns, fields, sensors, timeAt), labelled != 0);
        }
    }

    private static byte[] Message(ArrayBufferWriter<byte> buffer, string path, int line, string[] columns, string[] fields, int[] sensors, int timeAt)
    {
        buffer.ResetWrittenCount();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            if (timeAt >= 0)
            {
                if (!DateTimeOffset.TryParse(fields[timeAt], CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset time)) throw new CliException(ExitCode.BadInput, $"{path}:{line}: `{fields[timeAt]}` is not a time");
                json.WriteString("ts", time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture));
            }

            if (sensors.Length > 1) json.WriteStartObject("values");
            foreach (int i in sensors)
            {
                string name = sensors.Length > 1 ? columns[i] : "value";
                if (IsNumber(fields[i], out double value)) json.WriteNumber(name, value);
                else if (fields[i].Length == 0 && sensors.Length > 1) json.WriteNull(name);
                else throw new CliException(ExitCode.BadInput, $"{path}:{line}: column {columns[i]}: `{fields[i]}` is not a number");
            }

            if (sensors.Length > 1) json.WriteEndObject();
            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    private static bool IsNumber(string text, out double value) => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out value) && double.IsFinite(value);

    private static string[] Split(string line, char separator) => [.. line.Split(separator).Select(f => f.Trim().Trim('"'))];
}
