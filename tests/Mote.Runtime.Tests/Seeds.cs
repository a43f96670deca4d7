// Seeds of random tests: fixed unless asked otherwise, and always named by a failure.
using System.Globalization;

namespace Mote.Runtime.Tests;

/// <summary>MOTE_SEED=N tries another seed; MOTE_LONG=1 tries many more values.</summary>
internal static class Seeds
{
    /// <summary>True where a run may take its time.</summary>
    public static bool Long => Environment.GetEnvironmentVariable("MOTE_LONG") == "1";

    /// <summary>The seed of this run, or the one the test was written with.</summary>
    public static int Of(int usual) => Environment.GetEnvironmentVariable("MOTE_SEED") is { Length: > 0 } seed ? int.Parse(seed, CultureInfo.InvariantCulture) : usual;

    /// <summary>How often to try: a sample, or the whole battery.</summary>
    public static int Times(int sample, int all) => Long ? all : sample;
}
