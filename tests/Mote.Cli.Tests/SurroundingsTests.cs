// Places that are full, closed or forbidden: what can run runs, and what cannot says so.
using System.Diagnostics;

namespace Mote.Cli.Tests;

public sealed class SurroundingsTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly string _file;

    public SurroundingsTests() => _file = _folder.Wasm("functions.wasm", Guests.Functions);

    public void Dispose() => _folder.Dispose();

    /// <summary>Runs a line of the shell in which $MOTE is the program.</summary>
    private MoteResult Shell(string line)
    {
        var info = new ProcessStartInfo("/bin/sh", ["-c", line]) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = _folder.Path };
        info.Environment["MOTE"] = MoteBinary.Path;
        info.Environment["FILE"] = _file;
        info.Environment["XDG_CACHE_HOME"] = _folder["cache"];
        using Process process = Process.Start(info)!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        var result = new MoteResult(process.ExitCode, output, error.Result);
        result.NoInternals();
        return result;
    }

    private static void LinuxOnly()
    {
        if (!OperatingSystem.IsLinux()) Assert.Skip("needs /dev/full and /proc");
    }

    [Theory]
    [InlineData("call \"$FILE\" 'add(1, 2)'")]
    [InlineData("inspect \"$FILE\"")]
    [InlineData("call --json \"$FILE\" 'add(1, 2)'")]
    public void Output_ToAFullDisk_EndsWith69(string arguments)
    {
        LinuxOnly();
        Assert.Contains("No space left", Shell($"\"$MOTE\" {arguments} >/dev/full").FailedWith(69));
    }

    [Fact]
    public void Output_ClosedPipe_IsNoCrash() => Assert.Empty(Shell("\"$MOTE\" inspect \"$FILE\" | true").Error);

    [Theory]
    [InlineData(">&-")]
    [InlineData(">/dev/full")]
    public void Output_OfAProgramThatCannotWrite_IsTheProgramsToSee(string redirection)
    {
        LinuxOnly();
        _folder.Wasm("program.wasm", """
            (module
              (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
              (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
              (memory (export "memory") 1) (data (i32.const 0) "\10\00\00\00\06\00\00\00") (data (i32.const 16) "hello\n")
              (func (export "_start") (call $exit (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))
            """);
        MoteResult r = Shell($"\"$MOTE\" run program.wasm {redirection}");
        Assert.Equal((29, ""), (r.Code, r.Error)); // EIO
    }

    [Theory]
    [InlineData("HOME=/proc XDG_CACHE_HOME=")]
    [InlineData("HOME= XDG_CACHE_HOME=")]
    [InlineData("env -i")]
    [InlineData("XDG_CACHE_HOME=/dev/null")]
    public void Cache_NowhereToBe_RunsWithoutOne(string variables) => Assert.Equal("3\n", Shell($"{variables} \"$MOTE\" call \"$FILE\" 'add(1, 2)'").Succeeded());

    [Fact]
    public void Cache_OthersMayWrite_IsRefused()
    {
        MoteResult r = Shell("mkdir -p cache/mote/code && chmod 777 cache/mote/code && exec \"$MOTE\" call \"$FILE\" 'add(1, 2)'");
        Assert.Contains("chmod 700", r.FailedWith(69));
    }

    [Fact]
    public void Cache_KeyDamaged_SaysWhatToDo() => Assert.Contains("delete the folder", Shell("mkdir -p -m 700 cache/mote/code && echo x >cache/mote/code/key && exec \"$MOTE\" call \"$FILE\" 'add(1, 2)'").FailedWith(69));

    [Theory]
    [InlineData("plan")]
    [InlineData("0.cwasm")]
    [InlineData("tag")]
    public void Cache_FileDamaged_IsCompiledAgain(string name)
    {
        Assert.Equal("3\n", Shell("exec \"$MOTE\" call \"$FILE\" 'add(1, 2)'").Succeeded());
        string entry = Assert.Single(Directory.GetDirectories(_folder["cache/mote/code"]));
        string file = System.IO.Path.Combine(entry, name);
        byte[] whole = File.ReadAllBytes(file);
        byte[] flipped = [.. whole];
        flipped[flipped.Length / 2] ^= 1;
        foreach (byte[]? damaged in (byte[]?[])[[], whole[..(whole.Length / 2)], flipped, [.. whole, 0], null])
        {
            if (damaged is null) File.Delete(file);
            else File.WriteAllBytes(file, damaged);
            Assert.Equal("3\n", Shell("exec \"$MOTE\" call \"$FILE\" 'add(1, 2)'").Succeeded());
            Assert.True(File.Exists(file) && File.ReadAllBytes(file).Length == whole.Length, $"{name} is not written again");
        }
    }

    [Fact]
    public void Cache_UsedByManyAtOnce_Works()
    {
        MoteResult r = Shell("for i in 1 2 3 4 5 6; do \"$MOTE\" call \"$FILE\" \"add($i, 0)\" & done; wait");
        Assert.Equal(["1", "2", "3", "4", "5", "6"], r.Succeeded().Trim().Split('\n').Order());
        Assert.Empty(r.Error);
        Assert.Single(Directory.GetDirectories(_folder["cache/mote/code"]));
    }

    [Fact]
    public void AddressSpace_Limited_RunsAsOnASmallDevice()
    {
        LinuxOnly();
        Assert.Equal("3\n", Shell("ulimit -v 4000000; exec \"$MOTE\" call \"$FILE\" 'add(1, 2)'").Succeeded());
    }

    [Fact]
    public void AddressSpace_Limited_IsNotASurprise()
    {
        LinuxOnly();
        // Asked for by name it is an error that names the way out; doctor says what is so.
        Assert.Contains("small-device profile", Shell("ulimit -v 4000000; exec \"$MOTE\" call --profile server \"$FILE\" 'add(1, 2)'").FailedWith(69));
        Assert.Equal("3\n", Shell("ulimit -v 4000000; exec \"$MOTE\" call --profile small \"$FILE\" 'add(1, 2)'").Succeeded());
        Assert.Matches("note +profile +small", Shell("ulimit -v 4000000; exec \"$MOTE\" doctor").Succeeded());
        Assert.Matches("ok +profile +server", Shell("exec \"$MOTE\" doctor").Succeeded());
    }

    [Theory]
    [InlineData("--profile huge", "--profile is auto, server or small, found `huge`")]
    [InlineData("--floats exact", "--floats is deterministic or fast, found `exact`")]
    public void Options_WithAnotherWord_SayWhich(string option, string words)
    {
        MoteResult r = Shell($"exec \"$MOTE\" call {option} \"$FILE\" 'add(1, 2)'");
        Assert.Equal(64, r.Code);
        Assert.Contains(words, r.Error);
    }

    [Fact]
    public void File_ThatNeverEnds_IsRefused()
    {
        LinuxOnly();
        Assert.Contains("more than 536870912 bytes", Shell("exec \"$MOTE\" inspect /dev/zero").FailedWith(66));
    }

    [Fact]
    public void File_FromAPipe_IsRead() => Assert.Equal("3\n", Shell("cat \"$FILE\" | \"$MOTE\" call /dev/stdin 'add(1, 2)'").Succeeded());

    [Fact]
    public void Listen_AddressOfAnotherMachine_EndsWith69() => Shell("exec \"$MOTE\" collect --listen 192.0.2.1:0 --duration 1s").FailedWith(69);
}
