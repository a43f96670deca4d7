// A key of NATS: signs what a server asks to be signed, and says who it is.
using System.Security.Cryptography;
using Org.BouncyCastle.Math.EC.Rfc8032;

namespace NATS.NKeys;

/// <summary>An Ed25519 key of NATS: public alone, or with its seed.</summary>
public sealed class KeyPair : IDisposable
{
    private readonly byte[]? _seed;
    private readonly byte[] _public;
    private bool _gone;

    private KeyPair(PrefixByte prefix, byte[]? seed, byte[] key)
    {
        Prefix = prefix;
        _seed = seed;
        _public = key;
    }

    /// <summary>What the key is for.</summary>
    public PrefixByte Prefix { get; }

    /// <summary>A new key from the system's random numbers.</summary>
    /// <exception cref="NKeysException">There are no such keys.</exception>
    public static KeyPair CreatePair(PrefixByte prefix)
    {
        using var random = RandomNumberGenerator.Create();
        return CreatePair(prefix, random);
    }

    /// <summary>A new key.</summary>
    /// <exception cref="NKeysException">There are no such keys.</exception>
    public static KeyPair CreatePair(PrefixByte prefix, RandomNumberGenerator rng)
    {
        ArgumentNullException.ThrowIfNull(rng);
        byte[] seed = new byte[KeyText.KeyBytes];
        rng.GetBytes(seed);
        return Of(prefix, seed);
    }

    /// <summary>A key from its seed's text: SU… and 56 more letters for a user.</summary>
    /// <exception cref="NKeysException">It is none.</exception>
    public static KeyPair FromSeed(ReadOnlySpan<char> encodedSeed)
    {
        byte[] seed = new byte[KeyText.KeyBytes];
        return KeyText.TryReadSeed(encodedSeed, out PrefixByte prefix, seed, out string? fault) ? Of(prefix, seed) : throw new NKeysException($"this is not the seed of an nkey: {fault}");
    }

    /// <summary>A key that can check signatures, from its text: U… and 55 more letters for a user.</summary>
    /// <exception cref="NKeysException">It is none.</exception>
    public static KeyPair FromPublicKey(ReadOnlySpan<char> publicKey)
    {
        byte[] key = new byte[KeyText.KeyBytes];
        if (!KeyText.TryReadPublicKey(publicKey, out PrefixByte prefix, key, out string? fault)) throw new NKeysException($"this is not a public nkey: {fault}");
        Check(prefix);
        return new KeyPair(prefix, null, key);
    }

    /// <summary>Is this the text of a public key of this kind?</summary>
    public static bool IsValidPublicKey(PrefixByte prefix, ReadOnlySpan<char> publicKey)
    {
        Span<byte> key = stackalloc byte[KeyText.KeyBytes];
        return KeyText.TryReadPublicKey(publicKey, out PrefixByte found, key, out _) && found == prefix;
    }

    /// <summary>The public key's text.</summary>
    public string GetPublicKey() => KeyText.OfPublicKey(Prefix, _public);

    /// <summary>The seed's text: a secret.</summary>
    /// <exception cref="NKeysException">The key is a public one.</exception>
    public string GetSeed() => KeyText.OfSeed(Prefix, Seed());

    /// <summary>Signs a message.</summary>
    /// <param name="message">The message.</param>
    /// <param name="signature">Takes the 64 bytes of the signature.</param>
    /// <exception cref="NKeysException">The key is a public one, or there is no room for the signature.</exception>
    public void Sign(ReadOnlyMemory<byte> message, Memory<byte> signature)
    {
        byte[] seed = Seed();
        if (signature.Length < Ed25519.SignatureSize) throw new NKeysException($"a signature has {Ed25519.SignatureSize} bytes, and there is room for {signature.Length}");
        byte[] made = new byte[Ed25519.SignatureSize], bytes = message.ToArray();
        Ed25519.Sign(seed, 0, bytes, 0, bytes.Length, made, 0);
        made.CopyTo(signature);
    }

    /// <summary>Is this the key's signature of the message?</summary>
    public bool Verify(ReadOnlyMemory<byte> message, ReadOnlyMemory<byte> signature)
    {
        if (signature.Length != Ed25519.SignatureSize) return false;
        byte[] bytes = message.ToArray();
        return Ed25519.Verify(signature.ToArray(), 0, _public, 0, bytes, 0, bytes.Length);
    }

    /// <summary>Forgets the seed.</summary>
    public void Dispose()
    {
        if (_seed is not null) CryptographicOperations.ZeroMemory(_seed);
        _gone = true;
    }

    private static KeyPair Of(PrefixByte prefix, byte[] seed)
    {
        Check(prefix);
        byte[] key = new byte[KeyText.KeyBytes];
        Ed25519.GeneratePublicKey(seed, 0, key, 0);
        return new KeyPair(prefix, seed, key);
    }

    private static void Check(PrefixByte prefix)
    {
        if (prefix == PrefixByte.Curve) throw new NKeysException("curve keys (X…) seal messages, which is not supported here");
        if (!Enum.IsDefined(prefix)) throw new NKeysException($"there are no nkeys of kind {(byte)prefix}");
    }

    private byte[] Seed()
    {
        ObjectDisposedException.ThrowIf(_gone, this);
        return _seed ?? throw new NKeysException("this is a public key: it signs nothing, and has no seed");
    }
}
