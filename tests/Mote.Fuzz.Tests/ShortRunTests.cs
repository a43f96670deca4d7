// Each target for a moment, as the program runs it: in a process of its own. MOTE_SEED=N tries other inputs, MOTE_LONG=1
// tries a hundred times as many.
using System.Globalization;

namespace Mote.Fuzz.Tests;

public sealed class ShortRunTests(ITestOutputHelper log)
{
    private static int Seed => Environment.GetEnvironmentVariable("MOTE_SEED") is { Length: > 0 } seed ? int.Parse(seed, CultureInfo.InvariantCulture) : 1;

    /// <summary>By number, so that a slow machine tries the same.</summary>
    private static long Count(string target) => (target is "component" or "echo" or "hostile" or "program" or "host" ? 100 : 500) * (Environment.GetEnvironmentVariable("MOTE_LONG") == "1" ? 100 : 1);

    public static TheoryData<string> Names => [.. TargetList.Names];

    [Theory]
    [MemberData(nameof(Names))]
    public void Target_ShortRun_HasNoFaults(string target)
    {
        var output = new StringWriter();
        string faults = Directory.CreateTempSubdirectory("mote-fuzz-tests-").FullName;
        Tally tally = new Supervisor(new Options { Target = target, Seed = Seed, Count = Count(target), Faults = faults }, output).Run(target);
        log.WriteLine($"seed {Seed}\n{output}");
        Assert.True(tally.Faults == 0, $"seed {Seed}:\n{output}");
        Assert.Equal(Count(target), tally.Inputs);
        Assert.True(tally.Accepted > 0, "no input was accepted: the target tests nothing but refusals");
        Assert.Equal(tally.Inputs, tally.Accepted + tally.Refused);
        Directory.Delete(faults, recursive: true);
    }

    [Fact]
    public void Make_SameSeed_GivesSameInputs()
    {
        foreach (string name in TargetList.Names)
        {
            using Target a = TargetList.Make(name, new Options()), b = TargetList.Make(name, new Options());
            for (int i = 0; i < 20; i++) Assert.Equal(a.Make(Seeding.Of(Seed, name, i)), b.Make(Seeding.Of(Seed, name, i)));
        }
    }
}
