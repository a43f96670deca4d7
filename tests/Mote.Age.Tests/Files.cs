// Encrypting and reading in memory.
namespace Mote.Age.Tests;

internal static class Files
{
    public static byte[] Encrypt(AgeRecipient recipient, byte[] text, Random? pieces = null)
    {
        var to = new MemoryStream();
        using (var writer = new AgeWriter(to, recipient))
        {
            for (int at = 0; at < text.Length;)
            {
                int n = Math.Min(text.Length - at, pieces?.Next(1, 100_000) ?? int.MaxValue);
                writer.Write(text.AsSpan(at, n));
                at += n;
            }

            writer.Finish();
        }

        return to.ToArray();
    }

    /// <summary>What could be read, and why no more.</summary>
    public static (byte[] Read, AgeException? Fault) Decrypt(AgeIdentity identity, byte[] file)
    {
        var read = new MemoryStream();
        try
        {
            using var reader = new AgeReader(new MemoryStream(file), identity);
            reader.CopyTo(read);
            return (read.ToArray(), null);
        }
        catch (AgeException e)
        {
            return (read.ToArray(), e);
        }
    }
}
