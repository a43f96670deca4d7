// Keys of NATS: what others have published of keys and signatures is what ours are.
using System.Security.Cryptography;
using System.Text;
using NATS.NKeys;

namespace Mote.Backends.Nats.Tests;

public sealed class KeyPairTests
{
    /// <summary>Published with the libraries of NATS for Ruby, Python and Elixir.</summary>
    private const string Seed = "SUAMLK2ZNL35WSMW37E7UD4VZ7ELPKW7DHC3BWBSD2GCZ7IUQQXZIORRBU", Public = "UCK5N7N66OBOINFXAYC2ACJQYFSOD4VYNU6APEJTAVFZB2SVHLKGEW7L";

    [Fact]
    public void Seed_OfAPublishedUser_GivesItsPublicKeyAndSignature()
    {
        using KeyPair key = KeyPair.FromSeed(Seed);
        Assert.Equal((PrefixByte.User, Public, Seed), (key.Prefix, key.GetPublicKey(), key.GetSeed()));
        byte[] signature = new byte[64];
        key.Sign("PXoWU7zWAMt75FY"u8.ToArray(), signature);
        Assert.Equal("ZaAiVDgB5CeYoXoQ7cBCmq+ZllzUnGUoDVb8C7PilWvCs8XKfUchAUhz2P4BYAF++Dg3w05CqyQFRDiGL6LrDw==", Convert.ToBase64String(signature));
    }

    /// <summary>RFC 8032, section 7.1: secret key, public key, message, signature.</summary>
    [Theory]
    [InlineData(
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60", "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b")]
    [InlineData(
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb", "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00")]
    [InlineData(
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7", "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a")]
    public void Signature_IsThatOfTheStandard(string secret, string known, string message, string expected)
    {
        using KeyPair key = KeyPair.FromSeed(NKeyText.Seed('U', Convert.FromHexString(secret)));
        Assert.Equal(NKeyText.PublicKey('U', Convert.FromHexString(known)), key.GetPublicKey());
        byte[] signature = new byte[64];
        key.Sign(Convert.FromHexString(message), signature);
        Assert.Equal(expected, Convert.ToHexStringLower(signature));
        using KeyPair other = KeyPair.FromPublicKey(key.GetPublicKey());
        Assert.True(other.Verify(Convert.FromHexString(message), signature));
        signature[10] ^= 1;
        Assert.False(other.Verify(Convert.FromHexString(message), signature));
        Assert.False(other.Verify(Convert.FromHexString(message), new byte[63]));
    }

    [Theory]
    [InlineData(PrefixByte.Account, 'A')]
    [InlineData(PrefixByte.Cluster, 'C')]
    [InlineData(PrefixByte.Server, 'N')]
    [InlineData(PrefixByte.Operator, 'O')]
    [InlineData(PrefixByte.User, 'U')]
    public void Pair_ThatIsMade_SignsWhatItsPublicKeyAccepts(PrefixByte kind, char letter)
    {
        using KeyPair key = KeyPair.CreatePair(kind), again = KeyPair.FromSeed(key.GetSeed()), known = KeyPair.FromPublicKey(key.GetPublicKey()), other = KeyPair.CreatePair(kind);
        Assert.Equal((letter, $"S{letter}", 56, 58), (key.GetPublicKey()[0], key.GetSeed()[..2], key.GetPublicKey().Length, key.GetSeed().Length));
        Assert.NotEqual(key.GetSeed(), other.GetSeed());
        Assert.Equal((kind, key.GetPublicKey()), (again.Prefix, again.GetPublicKey()));
        byte[] message = RandomNumberGenerator.GetBytes(1000), signature = new byte[64];
        again.Sign(message, signature);
        Assert.True(known.Verify(message, signature));
        Assert.False(other.Verify(message, signature));
        message[500] ^= 1;
        Assert.False(known.Verify(message, signature));
        Assert.True(KeyPair.IsValidPublicKey(kind, key.GetPublicKey()));
        Assert.False(KeyPair.IsValidPublicKey(kind == PrefixByte.User ? PrefixByte.Account : PrefixByte.User, key.GetPublicKey()));
        Assert.False(KeyPair.IsValidPublicKey(kind, key.GetSeed()));
    }

    [Fact]
    public void Text_WithACharacterChanged_IsNoKey()
    {
        foreach (char c in "ABXZ27a-1 =é")
        {
            for (int i = 0; i < Seed.Length; i++)
            {
                if (Seed[i] == c) continue;
                string wrong = Seed[..i] + c + Seed[(i + 1)..];
                Assert.True(Assert.Throws<NKeysException>(() => KeyPair.FromSeed(wrong)).Message.Length > 20, wrong);
            }

            for (int i = 0; i < Public.Length; i++)
            {
                if (Public[i] == c) continue;
                string wrong = Public[..i] + c + Public[(i + 1)..];
                Assert.Throws<NKeysException>(() => KeyPair.FromPublicKey(wrong));
                Assert.False(KeyPair.IsValidPublicKey(PrefixByte.User, wrong));
            }
        }
    }

    [Fact]
    public void Text_OfAnotherLengthOrKind_IsNoKey_AndTheReasonIsNotTheSecret()
    {
        byte[] bytes = new byte[32];
        string[] wrong =
        [
            "", "S", Seed[..57], Seed + "A", Public, Seed.ToLowerInvariant(), new string('A', 58), new string('7', 58),
            NKeyText.WithCheck([0x90 | 5, 0, .. bytes], wrong: true),
            NKeyText.WithCheck([0x90 | 1, 0, .. bytes]), // no such kind
            NKeyText.WithCheck([0x90 | 5, 1, .. bytes]), // bits beside the kind
            NKeyText.Seed('X', bytes), // for sealing
        ];
        foreach (string text in wrong)
        {
            NKeysException e = Assert.Throws<NKeysException>(() => KeyPair.FromSeed(text));
            if (text.Length > 8) Assert.DoesNotContain(text[..8], e.Message, StringComparison.Ordinal);
        }

        Assert.Contains("X", Assert.Throws<NKeysException>(() => KeyPair.FromPublicKey(NKeyText.PublicKey('X', bytes))).Message, StringComparison.Ordinal);
        Assert.Throws<NKeysException>(() => KeyPair.FromPublicKey(NKeyText.PublicKey('B', bytes)));
        Assert.Throws<NKeysException>(() => KeyPair.CreatePair(PrefixByte.Curve));
        Assert.Throws<NKeysException>(() => KeyPair.CreatePair((PrefixByte)1));
    }

    [Fact]
    public void Key_ThatIsPublicOrDisposedOf_SignsNothing()
    {
        KeyPair key = KeyPair.FromSeed(Seed), known = KeyPair.FromPublicKey(Public);
        Assert.Throws<NKeysException>(() => known.Sign(Encoding.ASCII.GetBytes("x"), new byte[64]));
        Assert.Throws<NKeysException>(known.GetSeed);
        Assert.Throws<NKeysException>(() => key.Sign(Encoding.ASCII.GetBytes("x"), new byte[63]));
        key.Dispose();
        key.Dispose();
        Assert.Throws<ObjectDisposedException>(key.GetSeed);
        Assert.Throws<ObjectDisposedException>(() => key.Sign(Encoding.ASCII.GetBytes("x"), new byte[64]));
        Assert.Equal(Public, key.GetPublicKey());
    }
}
