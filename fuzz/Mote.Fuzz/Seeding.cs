// Random numbers that depend on nothing but what they are made of: the same on every machine and in every process.
namespace Mote.Fuzz;

internal static class Seeding
{
    /// <summary>The generator of one input.</summary>
    public static Random Of(int seed, string target, long index)
    {
        uint hash = Fnv(System.Text.Encoding.UTF8.GetBytes(target));
        foreach (long part in (ReadOnlySpan<long>)[seed, index])
        {
            for (int i = 0; i < 8; i++) hash = (hash ^ (byte)(part >> (i * 8))) * 16777619;
        }

        return new Random((int)hash);
    }

    /// <summary>The generator of what an input does not say itself, such as arguments of its functions.</summary>
    public static Random Of(ReadOnlySpan<byte> input) => new((int)Fnv(input));

    private static uint Fnv(ReadOnlySpan<byte> bytes)
    {
        uint hash = 2166136261;
        foreach (byte b in bytes) hash = (hash ^ b) * 16777619;
        return hash;
    }

    public static T From<T>(this Random random, IReadOnlyList<T> from) => from[random.Next(from.Count)];

    public static T Pick<T>(this Random random, params ReadOnlySpan<T> from) => from[random.Next(from.Length)];

    /// <summary>True once in so many times.</summary>
    public static bool Once(this Random random, int times) => random.Next(times) == 0;
}
