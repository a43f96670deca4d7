// What a component says, as the page gets it: its JSON as it is, text of another kind cut, and of bytes only how many.
using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace Mote.Node.View;

internal static class ViewMessage
{
    /// <summary>Most bytes of a message that is shown; of a longer one only its length is.</summary>
    public const int MaxJson = 64 << 10;

    /// <summary>Most characters of what is shown as text.</summary>
    public const int MaxText = 500;

    /// <summary>A message as a line of the stream.</summary>
    public static byte[] Of(string app, string component, string? camera, string topic, ReadOnlySpan<byte> data, bool isForView, DateTimeOffset now)
    {
        var buffer = new ArrayBufferWriter<byte>(data.Length + 256);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("type", "message");
            json.WriteString("app", app);
            json.WriteString("component", component);
            if (camera is not null) json.WriteString("camera", camera);
            json.WriteString("topic", Cut(topic));
            json.WriteBoolean("forView", isForView);
            json.WriteNumber("at", now.ToUnixTimeMilliseconds());
            json.WriteNumber("bytes", data.Length);
            if (IsObject(data))
            {
                json.WritePropertyName("data");
                json.WriteRawValue(data, skipInputValidation: true); // it has just been read
            }
            else if (data.Length <= MaxJson && Utf8.IsValid(data))
            {
                json.WriteString("text", Cut(Encoding.UTF8.GetString(data)));
            }

            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>A whole JSON object in UTF-8, which a browser will read as well: one that is not would end its connection.</summary>
    private static bool IsObject(ReadOnlySpan<byte> data)
    {
        if (data.Length is 0 or > MaxJson || !Utf8.IsValid(data)) return false;
        var reader = new Utf8JsonReader(data);
        try
        {
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject) return false;
            while (reader.Read())
            {
                // To its end: a second value behind it is a fault.
            }

            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private static string Cut(string text) => text.Length <= MaxText ? text : $"{text.AsSpan(0, MaxText - 1)}…";
}
