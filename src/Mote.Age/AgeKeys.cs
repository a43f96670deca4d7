// The two halves of a key: what files are encrypted to, and what opens them.
using System.Security.Cryptography;
using Org.BouncyCastle.Math.EC.Rfc7748;

namespace Mote.Age;

/// <summary>Who may read: an X25519 public key, as text age1… (62 characters).</summary>
public sealed class AgeRecipient
{
    internal const int KeyBytes = 32;
    private const string Prefix = "age";

    internal AgeRecipient(byte[] key) => Key = key;

    internal byte[] Key { get; }

    /// <summary>Reads a text such as age-keygen prints behind "public key:".</summary>
    /// <exception cref="AgeException">It is none.</exception>
    public static AgeRecipient Parse(string text)
    {
        if (text.StartsWith("AGE-SECRET-KEY-", StringComparison.OrdinalIgnoreCase)) throw new AgeException(AgeFault.Key, "this is a secret key (AGE-SECRET-KEY-…), and the public one is wanted, which begins with age1: `age-keygen -y FILE` prints it");
        return text.Length == 62 && Bech32.TryDecode(Prefix, text) is { Length: KeyBytes } key && text[0] == 'a' ? new AgeRecipient(key)
            : throw new AgeException(AgeFault.Key, "a recipient has 62 characters that begin with age1, as age-keygen prints it; a character is wrong or missing");
    }

    /// <inheritdoc/>
    public override string ToString() => Bech32.Encode(Prefix, Key);
}

/// <summary>What opens files: an X25519 secret key, as text AGE-SECRET-KEY-1… (74 characters).</summary>
public sealed class AgeIdentity
{
    private const string Prefix = "age-secret-key-";

    private readonly byte[] _key;

    private AgeIdentity(byte[] key)
    {
        _key = key;
        byte[] point = new byte[AgeRecipient.KeyBytes];
        X25519.ScalarMultBase(key, 0, point, 0);
        Recipient = new AgeRecipient(point);
    }

    /// <summary>The public half.</summary>
    public AgeRecipient Recipient { get; }

    /// <summary>A new one, of the system's random numbers.</summary>
    public static AgeIdentity Create() => new(RandomNumberGenerator.GetBytes(AgeRecipient.KeyBytes));

    /// <summary>One of bytes that are given; for tests.</summary>
    internal static AgeIdentity Of(byte[] key) => new(key);

    /// <summary>Reads one.</summary>
    /// <exception cref="AgeException">It is none.</exception>
    public static AgeIdentity Parse(string text) => text.Length == 74 && text[0] == 'A' && Bech32.TryDecode(Prefix, text) is { Length: AgeRecipient.KeyBytes } key ? new AgeIdentity(key)
        : throw new AgeException(AgeFault.Key, "a secret key has 74 characters that begin with AGE-SECRET-KEY-1; a character is wrong or missing");

    /// <summary>Reads the one of a file as age-keygen writes it: lines that begin with # are remarks.</summary>
    /// <param name="text">The file's text.</param>
    /// <exception cref="AgeException">There is none in it, or there are several.</exception>
    public static AgeIdentity ParseFile(string text)
    {
        string[] lines = [.. text.Split('\n').Select(l => l.TrimEnd('\r')).Where(l => l.Length > 0 && l[0] != '#')];
        return lines.Length == 1 ? Parse(lines[0]) : throw new AgeException(AgeFault.Key, $"a key file has one line that begins with AGE-SECRET-KEY-1, and remarks (#); this one has {lines.Length} lines that are no remarks");
    }

    /// <summary>What age-keygen would write for it.</summary>
    /// <param name="created">When it was made.</param>
    public string ToFile(DateTimeOffset created) => $"# created: {created.UtcDateTime:yyyy-MM-ddTHH:mm:ssZ}\n# public key: {Recipient}\n{Bech32.Encode(Prefix, _key).ToUpperInvariant()}\n";

    /// <summary>The secret that this key and another's public half have in common.</summary>
    /// <returns>False for points that give everybody the same one.</returns>
    internal bool TryAgree(byte[] point, byte[] secret) => X25519.CalculateAgreement(_key, 0, point, 0, secret, 0);
}
