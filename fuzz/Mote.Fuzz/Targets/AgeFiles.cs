// Encrypted files, and key files.
using System.Text;
using Mote.Age;
using Mote.Fuzz.Generation;

namespace Mote.Fuzz.Targets;

/// <summary>The first byte says what the rest is: an encrypted file, or the text of a key file.</summary>
internal sealed class AgeFiles : Target
{
    private static readonly string[] s_words = ["age-encryption.org/v1\n", "-> X25519 ", "-> scrypt ", "-> grease\n", "--- ", "---", "\n", "\r\n", "AGE-SECRET-KEY-1", "# public key: ", "age1", "=", "A", " "];

    private readonly AgeIdentity _identity = AgeIdentity.Of([.. Enumerable.Range(1, 32).Select(i => (byte)i)]);

    public override string Name => "age";

    public override byte[] Make(Random random)
    {
        var mutator = new Mutator(random, []);
        if (random.Once(4)) return [0, .. Encoding.UTF8.GetBytes(random.Once(4) ? _identity.ToFile(DateTimeOffset.UnixEpoch) : mutator.Text(_identity.ToFile(DateTimeOffset.UnixEpoch), s_words))];
        byte[] text = new byte[random.Pick(0, 1, 65536, random.Next(150_000))];
        random.NextBytes(text);
        var file = new MemoryStream();
        using (var writer = new AgeWriter(file, _identity.Recipient, Bytes))
        {
            writer.Write(text);
            if (!random.Once(8)) writer.Finish();
        }

        byte[] whole = file.ToArray();
        if (random.Once(8)) return [1, .. whole];
        // The head is a small part of the file, and has the most to read.
        int head = Math.Min(whole.Length, 200);
        return random.Once(2) ? [1, .. Encoding.Latin1.GetBytes(mutator.Text(Encoding.Latin1.GetString(whole, 0, head), s_words)), .. whole[head..]] : [1, .. Cut(random, whole)];

        byte[] Bytes(int count)
        {
            byte[] bytes = new byte[count];
            random.NextBytes(bytes);
            return bytes;
        }
    }

    public override Outcome Run(byte[] input)
    {
        try
        {
            if (input.Length == 0 || input[0] == 0)
            {
                AgeIdentity key = AgeIdentity.ParseFile(Encoding.UTF8.GetString(input.AsSpan(Math.Min(1, input.Length))));
                Require(AgeIdentity.ParseFile(key.ToFile(DateTimeOffset.UnixEpoch)).Recipient.ToString() == key.Recipient.ToString(), "a key is not what was written of it");
                return Outcome.Accepted;
            }

            using var reader = new AgeReader(new MemoryStream(input, 1, input.Length - 1), _identity);
            var read = new MemoryStream();
            reader.CopyTo(read);
            Require(read.Length < input.Length, $"{read.Length} bytes came of {input.Length}");
            return Outcome.Accepted;
        }
        catch (AgeException e)
        {
            Require(!e.Message.Contains('\n'), $"more than one line: {e.Message}");
            return Outcome.Refused;
        }
    }

    private static byte[] Cut(Random random, byte[] whole)
    {
        byte[] changed = whole[..random.Next(whole.Length + 1)];
        for (int i = random.Next(3); i > 0 && changed.Length > 0; i--) changed[random.Next(changed.Length)] = (byte)random.Next(256);
        return changed;
    }
}
