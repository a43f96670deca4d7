// What the fuzzer is there for: a crash, a hang and a fault are each seen, counted and kept with their input.
namespace Mote.Fuzz.Tests;

public sealed class SupervisorTests
{
    private sealed class Probe(Func<byte[], Outcome> run, long bound = 1 << 20) : Target
    {
        public override string Name => "probe";

        public override long AllocationBound(byte[] input) => bound;

        public override byte[] Make(Random random) => [];

        public override Outcome Run(byte[] input) => run(input);
    }

    [Fact]
    public void Try_UndocumentedException_IsAFault()
    {
        (Outcome? outcome, string? fault) = Worker.Try(new Probe(_ => throw new InvalidCastException("no")), []);
        Assert.Null(outcome);
        Assert.StartsWith("InvalidCastException: no", fault);
    }

    [Fact]
    public void Try_TooMuchAllocated_IsAFault()
    {
        (_, string? fault) = Worker.Try(new Probe(_ => GC.AllocateUninitializedArray<byte>(2 << 20).Length > 0 ? Outcome.Accepted : Outcome.Refused), [1]);
        Assert.StartsWith("allocates: 2 MiB for an input of 1 bytes", fault);
    }

    [Fact]
    public void Try_GoodInput_GivesItsOutcome() => Assert.Equal((Outcome.Refused, null), Worker.Try(new Probe(_ => Outcome.Refused), []));

    [Fact]
    public void Run_ProcessDies_ReportsTheInputAndGoesOn()
    {
        const int Inputs = 10, Seed = 5;
        int[] crashes = [.. Enumerable.Range(0, Inputs).Where(i => Seeding.Of(Seed, TargetList.CrashForTests, i).Next(256) < TargetList.CrashBelow)];
        Assert.InRange(crashes.Length, 1, Inputs - 2);
        string folder = Directory.CreateTempSubdirectory("mote-fuzz-tests-").FullName;
        var output = new StringWriter();
        Tally tally = new Supervisor(new Options { Count = Inputs, Seed = Seed, Faults = folder }, output).Run(TargetList.CrashForTests);
        Assert.Equal(Inputs, tally.Inputs);
        Assert.Equal(crashes.Length, tally.Faults);
        Assert.Equal(crashes.Select(i => $"{TargetList.CrashForTests}-{Seed}-{i}.txt").Order(), Directory.GetFiles(folder).Select(Path.GetFileName).Order());
        Assert.All(Directory.GetFiles(folder), f => Assert.InRange(Assert.Single(File.ReadAllBytes(f)), 0, TargetList.CrashBelow - 1));
        Assert.Contains($"FAULT crash #{crashes[0]}: crash: exit code 134", output.ToString());
        Directory.Delete(folder, recursive: true);
    }
}
