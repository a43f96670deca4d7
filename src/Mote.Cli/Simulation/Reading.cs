// One reading of one sensor as JSON: what a sensor's gateway publishes.
using System.Buffers;
using System.Text.Json;

namespace Mote.Cli.Simulation;

internal static class Reading
{
    public const string ContentType = "application/json";

    /// <summary>{"ts":…,"value":…} with a unit where there is one. The buffer is only scratch space.</summary>
    public static byte[] ToJson(ArrayBufferWriter<byte> buffer, DateTimeOffset time, double value, string? unit)
    {
        buffer.ResetWrittenCount();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("ts", time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", System.Globalization.CultureInfo.InvariantCulture));
            json.WriteNumber("value", value);
            if (unit is not null) json.WriteString("unit", unit);
            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }
}
