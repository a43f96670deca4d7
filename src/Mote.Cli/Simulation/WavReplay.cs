// Replays a recording: windows of samples, as audio/L16 (RFC 2586: 16 bits, network byte order, channels interleaved).
using System.Buffers.Binary;

namespace Mote.Cli.Simulation;

/// <summary>Windows of a WAV file of 16-bit PCM.</summary>
internal sealed class WavReplay
{
    private const int Pcm = 1;
    private const int Extensible = 0xfffe;

    private readonly string _path;
    private readonly int _window;
    private readonly double _rate;
    private readonly string _topic;

    /// <summary>Windows of <paramref name="window"/> samples of each channel, <paramref name="rate"/> windows a second.</summary>
    public WavReplay(string path, int window, double rate, string prefix)
    {
        _path = path;
        _window = window;
        _rate = rate;
        _topic = $"{prefix}/{CsvReplay.Slug(Path.GetFileNameWithoutExtension(path))}/vibration";
    }

    public IEnumerable<SimulatedMessage> Messages()
    {
        using FileStream file = File.OpenRead(_path);
        (int channels, int sampleRate, long length) = ReadHeader(file);
        string type = $"audio/L16;rate={sampleRate};channels={channels}";
        var window = new byte[checked(_window * channels * 2)];
        // What does not fill a window at the end is left out.
        for (long n = 0; n < length / window.Length; n++)
        {
            file.ReadExactly(window);
            var payload = new byte[window.Length];
            for (int i = 0; i < window.Length; i += 2) BinaryPrimitives.WriteInt16BigEndian(payload.AsSpan(i), BinaryPrimitives.ReadInt16LittleEndian(window.AsSpan(i)));
            yield return new SimulatedMessage(TimeSpan.FromSeconds(n / _rate), _topic, payload, type);
        }
    }

    /// <summary>Reads up to the samples.</summary>
    private (int Channels, int Rate, long Length) ReadHeader(FileStream file)
    {
        Span<byte> head = stackalloc byte[12];
        if (file.ReadAtLeast(head, 12, throwOnEndOfStream: false) < 12 || !head[..4].SequenceEqual("RIFF"u8) || !head[8..].SequenceEqual("WAVE"u8)) throw Bad(0, "not a WAV file: it does not begin with RIFF … WAVE");
        (int Channels, int Rate)? format = null;
        Span<byte> chunk = stackalloc byte[8];
        Span<byte> fmt = stackalloc byte[16];
        while (file.ReadAtLeast(chunk, 8, throwOnEndOfStream: false) == 8)
        {
            long start = file.Position;
            uint size = BinaryPrimitives.ReadUInt32LittleEndian(chunk[4..]);
            long left = file.Length - start;
            if (chunk[..4].SequenceEqual("data"u8))
            {
                if (format is not { } f) throw Bad(start - 8, "the samples come before their format");
                // A writer that was cut off leaves a size that is too large: what is there is used.
                return (f.Channels, f.Rate, Math.Min(size, left));
            }

            if (size > left) throw Bad(start - 8, $"a chunk of {size} bytes where {left} are left");
            if (chunk[..4].SequenceEqual("fmt "u8))
            {
                if (size < 16) throw Bad(start - 8, "the format is cut off");
                file.ReadExactly(fmt);
                int code = BinaryPrimitives.ReadUInt16LittleEndian(fmt), channels = BinaryPrimitives.ReadUInt16LittleEndian(fmt[2..]), bits = BinaryPrimitives.ReadUInt16LittleEndian(fmt[14..]);
                if (code is not (Pcm or Extensible) || bits != 16) throw Bad(start, $"16-bit PCM is needed, this is format {code} with {bits} bits");
                if (channels is 0 or > 64) throw Bad(start, $"{channels} channels: 1 to 64 are read");
                format = (channels, BinaryPrimitives.ReadInt32LittleEndian(fmt[4..]));
            }

            file.Position = start + size + (size & 1);
        }

        throw Bad(file.Position, "there are no samples");
    }

    private CliException Bad(long offset, string what) => new(ExitCode.BadInput, $"{_path}: at offset 0x{offset:x}: {what}");
}
