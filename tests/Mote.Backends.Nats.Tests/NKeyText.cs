// Keys of NATS as text, written anew for the tests: what the product writes and reads is compared with it.
using System.Numerics;

namespace Mote.Backends.Nats.Tests;

internal static class NKeyText
{
    private const string Letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

    public static string PublicKey(char kind, byte[] key) => WithCheck([(byte)(Letters.IndexOf(kind) << 3), .. key]);

    public static string Seed(char kind, byte[] seed)
    {
        int prefix = Letters.IndexOf(kind) << 3;
        return WithCheck([(byte)((Letters.IndexOf('S') << 3) | (prefix >> 5)), (byte)(prefix << 3), .. seed]);
    }

    /// <summary>The text of these bytes and their check value, which is one more than right where asked for.</summary>
    public static string WithCheck(byte[] bytes, bool wrong = false)
    {
        // The remainder of the bytes, as a polynomial over GF(2), by x^16 + x^12 + x^5 + 1.
        BigInteger rest = new BigInteger(bytes, isUnsigned: true, isBigEndian: true) << 16;
        for (int bit = (bytes.Length * 8) + 15; bit >= 16; bit--)
        {
            if (!(rest >> bit).IsEven) rest ^= new BigInteger(0x11021) << (bit - 16);
        }

        int check = (int)rest + (wrong ? 1 : 0);
        byte[] all = [.. bytes, (byte)check, (byte)(check >> 8)];
        int letters = ((all.Length * 8) + 4) / 5;
        BigInteger number = new BigInteger(all, isUnsigned: true, isBigEndian: true) << ((letters * 5) - (all.Length * 8));
        return string.Concat(Enumerable.Range(0, letters).Select(i => Letters[(int)((number >> ((letters - 1 - i) * 5)) & 31)]));
    }
}
