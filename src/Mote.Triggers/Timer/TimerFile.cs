// The marks of a node's timers on disk: a line with the SHA-256 of what follows, and JSON. It is replaced whole, and one
// that is not what was written is set aside.
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Mote.Runtime;

namespace Mote.Triggers.Timer;

internal sealed class TimerFile(string path, Action<string> say, DiskWear? wear = null)
{
    /// <summary>Room for the most timers that a node has, many times over.</summary>
    private const long MaxBytes = 16 << 20;

    private const int HashLength = 64;

    /// <summary>The marks; none where there is no file, or one that cannot be used, which is said.</summary>
    public Dictionary<string, TimerMark> Load()
    {
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
            if (stream.Length > MaxBytes) return SetAside($"it has {stream.Length} bytes");
            byte[] all = new byte[stream.Length];
            stream.ReadExactly(all);
            stream.Close(); // Windows renames no open file.
            return Parse(all) ?? SetAside("its checksum is another");
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return [];
        }
        catch (JsonException e)
        {
            return SetAside(e.Message);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return SetAside(e.Message);
        }
    }

    /// <summary>Writes the marks, and returns when they are on disk.</summary>
    /// <exception cref="IOException">They could not be written.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder cannot be written.</exception>
    public void Save(Dictionary<string, TimerMark> marks)
    {
        byte[] body = JsonSerializer.SerializeToUtf8Bytes(new TimerFileBody(1, marks), TimerFileJson.Default.TimerFileBody);
        byte[] all = new byte[HashLength + 1 + body.Length];
        Encoding.ASCII.GetBytes(Convert.ToHexStringLower(SHA256.HashData(body)), all);
        all[HashLength] = (byte)'\n';
        body.CopyTo(all, HashLength + 1);
        DurableFile.Replace(path, all);
        wear?.Add(WearSource.Timers, all.Length);
    }

    private static Dictionary<string, TimerMark>? Parse(ReadOnlySpan<byte> all)
    {
        if (all.Length <= HashLength || all[HashLength] != '\n') return null;
        ReadOnlySpan<byte> body = all[(HashLength + 1)..];
        if (Encoding.ASCII.GetString(all[..HashLength]) != Convert.ToHexStringLower(SHA256.HashData(body))) return null;
        return JsonSerializer.Deserialize(body, TimerFileJson.Default.TimerFileBody) is { Version: 1, Timers: { } timers } ? timers : throw new JsonException("it is of another version");
    }

    private Dictionary<string, TimerMark> SetAside(string why)
    {
        string aside = $"{path}.damaged";
        try
        {
            File.Move(path, aside, overwrite: true);
            say($"what timers did last cannot be used ({path}: {why}): they begin anew, and nothing is caught up; the file is now {aside}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            say($"what timers did last cannot be used ({path}: {why}): they begin anew, and nothing is caught up; the file could not be set aside ({e.Message})");
        }

        return [];
    }
}

internal sealed record TimerFileBody(int Version, Dictionary<string, TimerMark> Timers);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(TimerFileBody))]
internal sealed partial class TimerFileJson : JsonSerializerContext;
