// Files of every length that matters, changed and cut ones.
namespace Mote.Age.Tests;

public sealed class FileTests
{
    private readonly AgeIdentity _identity = AgeIdentity.Create();

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(65535)]
    [InlineData(65536)]
    [InlineData(65537)]
    [InlineData(131072)]
    [InlineData(1_000_000)]
    public void WhatWasWritten_IsRead(int length)
    {
        var random = new Random(length);
        byte[] text = new byte[length];
        random.NextBytes(text);
        byte[] file = Files.Encrypt(_identity.Recipient, text, random);
        (byte[] read, AgeException? fault) = Files.Decrypt(_identity, file);
        Assert.Null(fault);
        Assert.Equal(text, read);
        if (length >= 64) Assert.True(file.AsSpan().IndexOf(text.AsSpan(0, 64)) < 0, "the text stands in the file");
    }

    [Fact]
    public void TwoFilesOfOneText_AreDifferent() => Assert.NotEqual(Files.Encrypt(_identity.Recipient, [1, 2, 3]), Files.Encrypt(_identity.Recipient, [1, 2, 3]));

    [Fact]
    public void FileOfAnotherKey_IsSaidToBeOne() => Assert.Equal(AgeFault.NotForThisKey, Files.Decrypt(AgeIdentity.Create(), Files.Encrypt(_identity.Recipient, [1])).Fault!.Fault);

    /// <summary>Whatever byte is changed: nothing that was not written is given, and the reader is told.</summary>
    [Fact]
    public void ChangedByte_IsAlwaysFound()
    {
        byte[] text = new byte[70_000];
        new Random(1).NextBytes(text);
        byte[] file = Files.Encrypt(_identity.Recipient, text);
        var random = new Random(2);
        foreach (int at in Enumerable.Range(0, 240).Concat(Enumerable.Range(0, 60).Select(_ => random.Next(file.Length))))
        {
            byte[] changed = [.. file];
            changed[at] ^= (byte)(1 << random.Next(8));
            (byte[] read, AgeException? fault) = Files.Decrypt(_identity, changed);
            Assert.True(fault is not null, $"byte {at}");
            Assert.True(text.AsSpan().StartsWith(read), $"byte {at}");
            Assert.DoesNotContain("AGE-SECRET", fault.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void CutFile_GivesWholePieces_AndSaysThatItWasCut()
    {
        byte[] text = new byte[200_000];
        new Random(1).NextBytes(text);
        byte[] file = Files.Encrypt(_identity.Recipient, text);
        int head = file.Length - 200_000 - (4 * 16); // and the nonce
        foreach (int length in (int[])[head, head + 65552, head + 70_000, head + (2 * 65552), file.Length - 1])
        {
            (byte[] read, AgeException? fault) = Files.Decrypt(_identity, file[..length]);
            Assert.Equal(AgeFault.Truncated, fault!.Fault);
            Assert.True(text.AsSpan().StartsWith(read));
            Assert.Equal((length - head) / 65552 * 65536, read.Length);
        }

        foreach (int length in (int[])[0, 30, head - 1]) Assert.Equal(AgeFault.Header, Files.Decrypt(_identity, file[..length]).Fault!.Fault);
        Assert.Equal(AgeFault.Payload, Files.Decrypt(_identity, [.. file, .. file[^65552..]]).Fault!.Fault);
    }

    /// <summary>A file that was never finished, as after a power cut.</summary>
    [Fact]
    public void UnfinishedFile_GivesItsWholePieces()
    {
        byte[] text = new byte[150_000];
        new Random(1).NextBytes(text);
        var to = new MemoryStream();
        using (var writer = new AgeWriter(to, _identity.Recipient)) writer.Write(text);
        (byte[] read, AgeException? fault) = Files.Decrypt(_identity, to.ToArray());
        Assert.Equal(AgeFault.Truncated, fault!.Fault);
        Assert.Equal(text[..131072], read);
    }

    [Fact]
    public void EndlessHead_IsRefused()
    {
        using var endless = new Endless();
        AgeException e = Assert.Throws<AgeException>(() => new AgeReader(endless, _identity));
        Assert.Equal(AgeFault.Header, e.Fault);
        Assert.InRange(endless.Given, 1, 1 << 17);
    }

    private sealed class Endless : MemoryStream
    {
        private static readonly byte[] s_text = [.. "age-encryption.org/v1\n"u8, .. "-> grease x\n\n"u8];

        public long Given { get; private set; }

        public override int ReadByte()
        {
            long at = Given++;
            return at < s_text.Length ? s_text[at] : s_text[22 + ((at - 22) % 13)];
        }
    }
}
