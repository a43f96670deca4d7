// Compiled code on disk runs as machine code: whatever is not exactly what this node wrote must never be loaded.
using Mote.Components;
using Mote.Wasmtime;

namespace Mote.Runtime.Tests;

public sealed class CodeCacheTests : IDisposable
{
    private static readonly Lazy<Engine> s_engine = new(() => new Engine(new EngineOptions { ParallelCompilation = false, Optimization = OptimizationLevel.None }));
    private readonly Scratch _scratch = new();

    private static Engine Engine => s_engine.Value;

    private string Folder => _scratch.Of("code");

    public void Dispose() => _scratch.Dispose();

    /// <summary>Compiles a component into a new cache, and gives the entry's folder.</summary>
    private string Fill(byte[] file)
    {
        using CompiledComponent compiled = new CodeCache(Folder).Get(file, Engine);
        string entry = Path.Combine(Folder, CodeCache.NameOf(file, Engine));
        Assert.True(Directory.Exists(entry));
        return entry;
    }

    /// <summary>The entry is not loaded, it is gone, and asking for the component compiles it anew.</summary>
    private void IsRefused(byte[] file, uint answer)
    {
        string name = CodeCache.NameOf(file, Engine);
        Assert.Null(new CodeCache(Folder).TryLoad(name, Engine));
        Assert.False(Directory.Exists(Path.Combine(Folder, name)));
        using (CompiledComponent again = new CodeCache(Folder).Get(file, Engine)) Assert.Equal(answer, Guests.Answer(again));
        using CompiledComponent kept = new CodeCache(Folder).TryLoad(name, Engine)!;
        Assert.Equal(answer, Guests.Answer(kept));
    }

    [Fact]
    public void Get_SecondTime_LoadsWhatTheFirstKept()
    {
        byte[] file = Guests.Giving(7);
        Fill(file);
        using CompiledComponent loaded = new CodeCache(Folder).TryLoad(CodeCache.NameOf(file, Engine), Engine)!;
        Assert.NotNull(loaded);
        Assert.Equal(7u, Guests.Answer(loaded));
    }

    [Theory]
    [InlineData("plan")]
    [InlineData("0.cwasm")]
    [InlineData("tag")]
    public void Entry_WithAnyBitChanged_IsRefused(string part)
    {
        byte[] file = Guests.Giving(7);
        string path = Path.Combine(Fill(file), part);
        byte[] good = File.ReadAllBytes(path);
        // Beginning, end, and a dozen places between.
        foreach (int at in Enumerable.Range(0, 14).Select(i => (int)((long)(good.Length - 1) * i / 13)).Distinct())
        {
            byte[] bad = [.. good];
            bad[at] ^= 1;
            File.WriteAllBytes(path, bad);
            IsRefused(file, 7);
        }
    }

    [Theory]
    [InlineData("plan")]
    [InlineData("0.cwasm")]
    [InlineData("tag")]
    public void Entry_Truncated_IsRefused(string part)
    {
        byte[] file = Guests.Giving(7);
        string path = Path.Combine(Fill(file), part);
        byte[] good = File.ReadAllBytes(path);
        foreach (int length in (int[])[0, 1, good.Length / 2, good.Length - 1])
        {
            File.WriteAllBytes(path, good[..length]);
            IsRefused(file, 7);
        }

        File.Delete(path);
        IsRefused(file, 7);
    }

    [Fact]
    public void Entry_WithAFileMore_IsRefused()
    {
        byte[] file = Guests.Giving(7);
        File.WriteAllText(Path.Combine(Fill(file), "1.cwasm"), "something else");
        IsRefused(file, 7);
    }

    [Fact]
    public void Entry_OfAnotherNode_IsRefused()
    {
        byte[] file = Guests.Giving(7);
        string entry = Fill(file);
        File.WriteAllBytes(_scratch.Of("code", "key"), new byte[32]); // whoever wrote the entry had another key
        Assert.True(Directory.Exists(entry));
        IsRefused(file, 7);
    }

    [Fact]
    public void Entry_UnderTheNameOfAnother_IsRefused()
    {
        // Both entries are this node's own and whole; what is wrong is only which component they claim to be.
        byte[] wanted = Guests.Giving(7), other = Guests.Giving(8);
        string wantedEntry = Fill(wanted), otherEntry = Fill(other);
        Directory.Delete(wantedEntry, recursive: true);
        Directory.Move(otherEntry, wantedEntry);
        IsRefused(wanted, 7);
    }

    [Fact]
    public void Entry_OfAnotherEngine_IsRefused()
    {
        byte[] file = Guests.Giving(7);
        using var other = new Engine(new EngineOptions { EpochInterruption = false, ParallelCompilation = false });
        using (CompiledComponent compiled = Component.Load(file, other).Compile(other)) new CodeCache(Folder).Save(CodeCache.NameOf(file, Engine), compiled);
        IsRefused(file, 7);
    }

    [Fact]
    public void NameOf_DependsOnFileAndEngine()
    {
        using var other = new Engine(new EngineOptions { NanCanonicalization = false, ParallelCompilation = false });
        byte[] file = Guests.Giving(7);
        Assert.Equal(CodeCache.NameOf(file, Engine), CodeCache.NameOf([.. file], Engine));
        Assert.NotEqual(CodeCache.NameOf(file, Engine), CodeCache.NameOf(Guests.Giving(8), Engine));
        Assert.NotEqual(CodeCache.NameOf(file, Engine), CodeCache.NameOf(file, other));
    }

    [Fact]
    public void Load_PlanOfAnotherVersion_IsRefusedEvenWithoutATag()
    {
        string entry = Fill(Guests.Giving(7));
        string plan = Path.Combine(entry, "plan");
        byte[] good = File.ReadAllBytes(plan);
        for (int i = 0; i < 8; i++)
        {
            byte[] bad = [.. good];
            bad[i] ^= 0x40;
            File.WriteAllBytes(plan, bad);
            Assert.Throws<InvalidDataException>(() => CompiledStore.Load(Engine, entry));
        }
    }

    [Fact]
    public async Task Get_ByManyWritersAtOnce_GivesEachAWorkingComponentAndKeepsOneEntry()
    {
        byte[] file = Guests.Giving(7);
        var answers = new uint[16];
        // Each has a cache of its own, as processes would; they make folder, key and entry at the same time.
        using var start = new Barrier(answers.Length);
        await Task.WhenAll([.. Enumerable.Range(0, answers.Length).Select(i => Task.Factory.StartNew(() =>
        {
            start.SignalAndWait();
            using CompiledComponent compiled = new CodeCache(Folder).Get(file, Engine);
            answers[i] = Guests.Answer(compiled);
        }, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default))]);
        Assert.All(answers, a => Assert.Equal(7u, a));
        Assert.Equal([CodeCache.NameOf(file, Engine)], Directory.GetDirectories(Folder).Select(Path.GetFileName));
        Assert.Equal(["key"], Directory.GetFiles(Folder).Select(Path.GetFileName));
        using CompiledComponent kept = new CodeCache(Folder).TryLoad(CodeCache.NameOf(file, Engine), Engine)!;
        Assert.Equal(7u, Guests.Answer(kept));
    }

    [Fact]
    public void Key_LeftUnfinishedByAProcessOfTheSameNumber_IsNoObstacle()
    {
        // In a container every process has number 1: what one left when it was killed meets the next.
        _ = new CodeCache(Folder);
        File.Delete(Path.Combine(Folder, "key"));
        File.WriteAllBytes(Path.Combine(Folder, $"key.{Environment.ProcessId}"), []);
        Fill(Guests.Giving(7));
        Assert.Equal(32, new FileInfo(Path.Combine(Folder, "key")).Length);
    }

    [Fact]
    public void Key_Damaged_SaysWhatToDo()
    {
        Fill(Guests.Giving(7));
        File.WriteAllBytes(Path.Combine(Folder, "key"), new byte[31]);
        IOException e = Assert.Throws<IOException>(() => new CodeCache(Folder));
        Assert.Contains("delete the folder", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Folder_ThatOthersCanWrite_IsRefused()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Skip("no file modes on Windows");
            return;
        }

        Fill(Guests.Giving(7));
        File.SetUnixFileMode(Folder, (UnixFileMode)0b111_010_010);
        IOException e = Assert.Throws<IOException>(() => new CodeCache(Folder));
        Assert.Contains("chmod 700", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Files_CanBeReadByTheOwnerOnly()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Skip("no file modes on Windows");
            return;
        }

        Fill(Guests.Giving(7));
        const UnixFileMode Others = UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;
        Assert.Equal(UnixFileMode.None, File.GetUnixFileMode(Folder) & Others);
        Assert.Equal(UnixFileMode.None, File.GetUnixFileMode(Path.Combine(Folder, "key")) & Others);
    }

    [Fact]
    public void Entry_LeftUnfinishedByAProcessThatIsGone_IsCleanedUp()
    {
        Fill(Guests.Giving(7));
        // No process has the largest number; this one is alive and may still be writing.
        string gone = Path.Combine(Folder, $".{new string('a', 64)}.{int.MaxValue}.{Guid.NewGuid():N}");
        string alive = Path.Combine(Folder, $".{new string('a', 64)}.{Environment.ProcessId}.{Guid.NewGuid():N}");
        Directory.CreateDirectory(gone);
        Directory.CreateDirectory(alive);
        File.WriteAllText(Path.Combine(gone, "plan"), "half of i");
        _ = new CodeCache(Folder);
        Assert.False(Directory.Exists(gone));
        Assert.True(Directory.Exists(alive));
    }

    [Fact]
    public void Get_WhereNothingCanBeWritten_StillGivesTheComponent()
    {
        // A full or broken disk must not stop a node whose components are there.
        var cache = new CodeCache(Folder);
        Directory.Delete(Folder, recursive: true);
        File.WriteAllText(Folder, "a file is in the way");
        using CompiledComponent compiled = cache.Get(Guests.Giving(7), Engine);
        Assert.Equal(7u, Guests.Answer(compiled));
    }

    [Fact]
    public void Get_InvalidFile_KeepsNothing()
    {
        Assert.Throws<ComponentException>(() => new CodeCache(Folder).Get(new byte[] { 0, (byte)'a', (byte)'s', (byte)'m', 13, 0, 1, 0, 99 }, Engine));
        Assert.Empty(Directory.GetDirectories(Folder));
    }
}
