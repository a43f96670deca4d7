// Sounds of several formats, whole and damaged.
using Mote.Cli.Simulation;

namespace Mote.Cli.Tests;

public sealed class WavReplayTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>A file of 16-bit samples, unless said otherwise; <paramref name="dataSize"/> is what its header claims.</summary>
    private static byte[] Wav(short[] samples, short format = 1, short channels = 1, short bits = 16, uint? dataSize = null, bool extensible = false, bool extraChunk = false)
    {
        var file = new MemoryStream();
        var w = new BinaryWriter(file);
        w.Write("RIFF"u8);
        w.Write(0);
        w.Write("WAVE"u8);
        if (extraChunk)
        {
            w.Write("LIST"u8);
            w.Write(3); // an odd size is followed by a byte of padding
            w.Write("abc\0"u8);
        }

        w.Write("fmt "u8);
        w.Write(extensible ? 40 : 16);
        w.Write(extensible ? (short)-2 : format);
        w.Write(channels);
        w.Write(8000);
        w.Write(8000 * channels * bits / 8);
        w.Write((short)(channels * bits / 8));
        w.Write(bits);
        if (extensible)
        {
            w.Write((short)22);
            w.Write(bits);
            w.Write(0);
            w.Write(format);
            w.Write([0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71]);
        }

        w.Write("data"u8);
        w.Write(dataSize ?? (uint)samples.Length * 2);
        foreach (short s in samples) w.Write(s);
        return file.ToArray();
    }

    private SimulatedMessage[] Messages(byte[] wav, int window = 2) => [.. new WavReplay(_folder.Write("Motor 1.wav", wav), window, rate: 4, "plant").Messages()];

    private void Refused(byte[] wav, string words)
    {
        CliException e = Assert.Throws<CliException>(() => Messages(wav));
        Assert.Equal(ExitCode.BadInput, e.ExitCode);
        Assert.Contains("at offset 0x", e.Message);
        Assert.Contains(words, e.Message);
    }

    [Fact]
    public void Messages_Windows_AreInNetworkOrder()
    {
        SimulatedMessage[] messages = Messages(Wav([1, -2, 0x1234, 4, 5]));
        Assert.Equal([[0, 1, 0xff, 0xfe], [0x12, 0x34, 0, 4]], messages.Select(m => m.Payload.ToArray()));
        Assert.Equal([0, 0.25], messages.Select(m => m.At.TotalSeconds));
        Assert.All(messages, m => Assert.Equal(("plant/motor-1/vibration", "audio/L16;rate=8000;channels=1"), (m.Topic, m.ContentType)));
    }

    [Fact]
    public void Messages_Stereo_HasBothChannelsInAWindow()
    {
        SimulatedMessage m = Assert.Single(Messages(Wav([1, 2, 3, 4], channels: 2)));
        Assert.Equal([0, 1, 0, 2, 0, 3, 0, 4], m.Payload.ToArray());
        Assert.Equal("audio/L16;rate=8000;channels=2", m.ContentType);
    }

    [Fact]
    public void Messages_ExtensibleFormatAndOtherChunks_AreRead()
    {
        Assert.Single(Messages(Wav([1, 2], extensible: true)));
        Assert.Single(Messages(Wav([1, 2], extraChunk: true)));
    }

    [Theory]
    [InlineData(uint.MaxValue)]
    [InlineData(1000u)]
    public void Messages_SizeOfAWriterThatWasCutOff_GivesWhatIsThere(uint claimed) => Assert.Equal(2, Messages(Wav([1, 2, 3, 4], dataSize: claimed)).Length);

    [Theory]
    [InlineData(1, 8)]
    [InlineData(1, 24)]
    [InlineData(1, 32)]
    [InlineData(3, 32)]
    public void Messages_OtherSamples_AreRefusedByName(short format, short bits) => Refused(Wav([1, 2], format, bits: bits), $"16-bit PCM is needed, this is format {format} with {bits} bits");

    [Fact]
    public void Messages_ExtensibleFloat_IsRefused() => Refused(Wav([1, 2], format: 3, bits: 32, extensible: true), "16-bit PCM is needed");

    [Theory]
    [InlineData(0)]
    [InlineData(65)]
    public void Messages_NumberOfChannels_IsBounded(short channels) => Refused(Wav([1], channels: channels), $"{channels} channels");

    [Fact]
    public void Messages_CutOffAnywhere_IsAnErrorOrWhatIsThere()
    {
        byte[] whole = Wav([1, 2, 3, 4], extraChunk: true);
        for (int length = 0; length < whole.Length; length++)
        {
            try
            {
                Assert.InRange(Messages(whole[..length]).Length, 0, 2);
            }
            catch (CliException e)
            {
                Assert.Equal(ExitCode.BadInput, e.ExitCode);
            }
        }
    }

    [Fact]
    public void Messages_NoWav_IsRefused()
    {
        Refused([], "not a WAV file");
        Refused("RIFF\0\0\0\0AVI "u8.ToArray(), "not a WAV file");
        Refused("RIFF\0\0\0\0WAVE"u8.ToArray(), "there are no samples");
        Refused([.. "RIFF\0\0\0\0WAVEdata\0\0\0\0"u8], "the samples come before their format");
        Refused([.. "RIFF\0\0\0\0WAVEfmt \u0004\0\0\0abcd"u8], "the format is cut off");
        Refused([.. "RIFF\0\0\0\0WAVELIST\u00ff\u00ff\0\0"u8], "are left");
    }
}
