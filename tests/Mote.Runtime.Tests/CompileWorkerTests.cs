// Compiling in a process of its own: the same code comes of it, and what takes too much is refused without harm here.
using Mote.Components;
using Mote.Wasmtime;

namespace Mote.Runtime.Tests;

public sealed class CompileWorkerTests : IDisposable
{
    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    private static CompileWorker Worker
    {
        get
        {
            string? program = Environment.GetEnvironmentVariable("MOTE_BINARY");
            Assert.SkipUnless(File.Exists(program), "MOTE_BINARY names no published mote (./test makes one)");
            return new CompileWorker { Program = program };
        }
    }

    private RuntimeEngine Runtime(CompileWorker worker, ProfileKind profile = ProfileKind.SmallDevice) =>
        new(new RuntimeOptions { Profile = profile, PoolSlots = 4, CacheFolder = _scratch.Of("code"), Compiler = worker });

    [Theory]
    [InlineData(ProfileKind.SmallDevice)]
    [InlineData(ProfileKind.Server)]
    public void Compile_InAWorker_GivesWhatRunsHere(ProfileKind profile)
    {
        using RuntimeEngine runtime = Runtime(Worker, profile);
        byte[] file = Guests.Giving(42);
        using (CompiledComponent compiled = runtime.Compile(file)) Assert.Equal(42u, Guests.Answer(compiled));
        // What is kept is what a cache without a worker finds.
        using CompiledComponent? kept = new CodeCache(_scratch.Of("code")).TryLoad(CodeCache.NameOf(file, runtime.Engine), runtime.Engine);
        Assert.NotNull(kept);
        Assert.Equal(["0.cwasm", "plan", "tag"], Directory.GetFiles(Directory.GetDirectories(_scratch.Of("code")).Single()).Select(Path.GetFileName).Order());
    }

    [Fact]
    public void Compile_OfMoreThanTheMemory_IsRefusedAndNothingIsLeft()
    {
        using RuntimeEngine runtime = Runtime(Worker with { MemoryBytes = 200L << 20 });
        CompileException e = Assert.Throws<CompileException>(() => runtime.Compile(Large(branches: 300_000)));
        Assert.Contains("200 MiB of memory", e.Message);
        Assert.Empty(Directory.GetDirectories(_scratch.Of("code")));
        using CompiledComponent next = runtime.Compile(Guests.Giving(7));
        Assert.Equal(7u, Guests.Answer(next));
    }

    [Fact]
    public void Compile_OfMoreThanTheTime_IsStopped()
    {
        using RuntimeEngine runtime = Runtime(Worker with { Time = TimeSpan.FromMilliseconds(1) });
        CompileException e = Assert.Throws<CompileException>(() => runtime.Compile(Large(branches: 100_000)));
        Assert.Contains("longer than", e.Message);
        Assert.Empty(Directory.GetDirectories(_scratch.Of("code")));
    }

    [Fact]
    public void Compile_WithAProgramThatIsNotThere_SaysSo()
    {
        using RuntimeEngine runtime = Runtime(new CompileWorker { Program = _scratch.Of("no-such-program") });
        Assert.Contains("no-such-program", Assert.Throws<CompileException>(() => runtime.Compile(Guests.Giving(1))).Message);
    }

    /// <summary>One function with very many blocks and locals: small on disk, large in a compiler.</summary>
    private static byte[] Large(int branches)
    {
        var text = new System.Text.StringBuilder("(component (core module $m (func (export \"f\") (param i32) (local");
        for (int i = 0; i < 20_000; i++) text.Append(" i32");
        text.Append(')');
        for (int i = 0; i < branches; i++) text.Append($"(if (local.get {i % 20_000}) (then (local.set {(int)((long)i * 7919 % 20_000)} (local.get 0))))");
        return Wat.ToWasm(text.Append(")) (core instance (instantiate $m)))").ToString());
    }
}
