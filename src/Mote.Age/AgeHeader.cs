// The head of an encrypted file: for whom it is, and the key of the file for each of them.
using System.Security.Cryptography;
using System.Text;
using Org.BouncyCastle.Math.EC.Rfc7748;

namespace Mote.Age;

internal static class AgeHeader
{
    public const int FileKeyBytes = 16;
    public const int TagBytes = 16;

    /// <summary>Most bytes of a head that is read: hundreds of recipients.</summary>
    private const int MaxBytes = 64 << 10;

    private const string Version = "age-encryption.org/v1";
    private const int Columns = 64;

    private static ReadOnlySpan<byte> X25519Info => "age-encryption.org/v1/X25519"u8;

    /// <summary>The head of a file that a recipient can open.</summary>
    public static byte[] Make(AgeRecipient recipient, byte[] fileKey, Func<int, byte[]> random)
    {
        byte[] secret = random(AgeRecipient.KeyBytes), share = new byte[AgeRecipient.KeyBytes], shared = new byte[AgeRecipient.KeyBytes];
        X25519.ScalarMultBase(secret, 0, share, 0);
        if (!X25519.CalculateAgreement(secret, 0, recipient.Key, 0, shared, 0)) throw new AgeException(AgeFault.Key, "the recipient is no key that can be kept secret (a point of low order)");
        byte[] wrapped = new byte[FileKeyBytes + TagBytes];
        using (var cipher = new ChaCha20Poly1305(WrapKey(shared, share, recipient.Key))) cipher.Encrypt(new byte[12], fileKey, wrapped.AsSpan(..FileKeyBytes), wrapped.AsSpan(FileKeyBytes));
        CryptographicOperations.ZeroMemory(secret);
        CryptographicOperations.ZeroMemory(shared);
        string head = $"{Version}\n-> X25519 {Encode(share)}\n{Encode(wrapped)}\n---";
        return Encoding.ASCII.GetBytes($"{head} {Encode(Mac(fileKey, Encoding.ASCII.GetBytes(head)))}\n");
    }

    /// <summary>Reads a head, up to the first byte behind it.</summary>
    /// <returns>The key of the file.</returns>
    /// <exception cref="AgeException">It is not whole, or for others.</exception>
    public static byte[] Read(Stream from, AgeIdentity identity)
    {
        var read = new StringBuilder();
        if (Line() != Version) throw Fault($"it does not begin with {Version}: it is no file of age, or of another version");
        byte[]? fileKey = null;
        int stanzas = 0;
        bool hasPassphrase = false;
        string line;
        for (line = Line(); line.StartsWith("-> ", StringComparison.Ordinal); line = Line())
        {
            string[] args = line[3..].Split(' ');
            if (args.Any(a => a.Length == 0)) throw Fault("a recipient's line has an empty part");
            byte[] body = Body();
            stanzas++;
            hasPassphrase |= args[0] == "scrypt";
            if (args[0] == "X25519") fileKey ??= TryUnwrap(args, body, identity);
        }

        if (stanzas == 0) throw Fault("it has no recipients");
        if (hasPassphrase && stanzas > 1) throw Fault("it has a passphrase and other recipients, which the format does not allow");
        if (!line.StartsWith("--- ", StringComparison.Ordinal) || TryDecode(line[4..]) is not { Length: 32 } mac) throw Fault("its last line is not `--- ` and 43 characters");
        if (fileKey is null) throw new AgeException(AgeFault.NotForThisKey, "it was encrypted to another key than this one");
        string signed = read.ToString();
        byte[] expected = Mac(fileKey, Encoding.ASCII.GetBytes(signed[..(signed.LastIndexOf("--- ", StringComparison.Ordinal) + 3)]));
        return CryptographicOperations.FixedTimeEquals(expected, mac) ? fileKey : throw Fault("it was changed after it was written");

        string Line()
        {
            int start = read.Length;
            while (true)
            {
                int c = from.ReadByte();
                if (c < 0) throw Fault("it ends within the head");
                if (c is not '\n' and (< 0x20 or > 0x7e)) throw Fault("there is a byte that is no text");
                if (read.Length == MaxBytes) throw Fault($"it is longer than {MaxBytes} bytes");
                read.Append((char)c);
                if (c == '\n') return read.ToString(start, read.Length - start - 1);
            }
        }

        byte[] Body()
        {
            var text = new StringBuilder();
            string line;
            do
            {
                line = Line();
                if (line.Length > Columns) throw Fault($"a line has more than {Columns} characters");
                text.Append(line);
            }
            while (line.Length == Columns);
            return TryDecode(text.ToString()) ?? throw Fault("a recipient's key is no base 64");
        }
    }

    /// <summary>The key with which the content is encrypted.</summary>
    public static byte[] PayloadKey(byte[] fileKey, byte[] nonce) => HKDF.DeriveKey(HashAlgorithmName.SHA256, fileKey, 32, nonce, "payload"u8.ToArray());

    private static byte[]? TryUnwrap(string[] args, byte[] body, AgeIdentity identity)
    {
        if (args.Length != 2 || TryDecode(args[1]) is not { Length: AgeRecipient.KeyBytes } share) throw Fault("a recipient's X25519 line is not `X25519` and 43 characters");
        if (body.Length != FileKeyBytes + TagBytes) throw Fault("a recipient's X25519 key has another length than 32 bytes");
        byte[] shared = new byte[AgeRecipient.KeyBytes], fileKey = new byte[FileKeyBytes];
        if (!identity.TryAgree(share, shared)) throw Fault("a recipient's X25519 line has a point of low order");
        try
        {
            using var cipher = new ChaCha20Poly1305(WrapKey(shared, share, identity.Recipient.Key));
            cipher.Decrypt(new byte[12], body.AsSpan(..FileKeyBytes), body.AsSpan(FileKeyBytes), fileKey);
            return fileKey;
        }
        catch (AuthenticationTagMismatchException)
        {
            return null; // for somebody else
        }
    }

    private static byte[] WrapKey(byte[] shared, byte[] share, byte[] recipient) => HKDF.DeriveKey(HashAlgorithmName.SHA256, shared, 32, [.. share, .. recipient], X25519Info.ToArray());

    private static byte[] Mac(byte[] fileKey, byte[] head) => HMACSHA256.HashData(HKDF.DeriveKey(HashAlgorithmName.SHA256, fileKey, 32, [], "header"u8.ToArray()), head);

    private static string Encode(byte[] data) => Convert.ToBase64String(data).TrimEnd('=');

    /// <summary>Base 64 without padding, in the one spelling that the bytes have.</summary>
    private static byte[]? TryDecode(string text)
    {
        if (text.Length % 4 == 1 || text.Any(c => !char.IsAsciiLetterOrDigit(c) && c is not ('+' or '/'))) return null;
        byte[] data = Convert.FromBase64String(text.PadRight((text.Length + 3) / 4 * 4, '='));
        return Encode(data) == text ? data : null;
    }

    private static AgeException Fault(string what) => new(AgeFault.Header, $"the head of the encrypted file is broken: {what}");
}
