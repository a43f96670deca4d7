// WASI preview 1: core modules, whose functions answer with error numbers.
using System.Buffers.Binary;
using System.Text;
using Mote.Capabilities.Wasi.Cli;
using Mote.Capabilities.Wasi.Io;
using Mote.Components;
using Mote.Components.Linking;
using Mote.Runtime;
using Mote.Wasmtime;

namespace Mote.Capabilities.Tests;

public sealed class Preview1Tests
{
    private const int BadFile = 8, Invalid = 28, IllegalSeek = 70, NotSupported = 58, NotASocket = 57, NoSystemCall = 52;

    /// <summary>What a run left.</summary>
    private sealed record Ran(string Output, string Error, int? ExitCode);

    /// <summary>
    /// Runs a core module. Its text may use the preview-1 functions by name, a memory, $say (writes bytes to stdout) and
    /// $number (writes an i32 as 4 bytes).
    /// </summary>
    private static Ran Run(string body, Grants? grants = null, byte[]? input = null, MicroVmLimits? limits = null, bool terminal = false)
    {
        string text = $$"""
            (module
              (import "wasi_snapshot_preview1" "args_get" (func $args_get (param i32 i32) (result i32)))
              (import "wasi_snapshot_preview1" "args_sizes_get" (func $args_sizes_get (param i32 i32) (result i32)))
              (import "wasi_snapshot_preview1" "environ_get" (func $environ_get (param i32 i32) (result i32)))
              (import "wasi_snapshot_preview1" "environ_sizes_get" (func $environ_sizes_get (param i32 i32) (result i32)))
              (import "wasi_snapshot_preview1" "clock_res_get" (func $clock_res_get (param i32 i32) (result i32)))
              (import "wasi_snapshot_preview1" "clock_time_get" (func $clock_time_get (param i32 i64 i32) (result i32)))
              (import "wasi_snapshot_preview1" "random_get" (func $random_get (param i32 i32) (result i32)))
              (import "wasi_snapshot_preview1" "sched_yield" (func $sched_yield (result i32)))
              (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
              (import "wasi_snapshot_preview1" "proc_raise" (func $proc_raise (param i32) (result i32)))
              (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
              (import "wasi_snapshot_preview1" "fd_close" (func $fd_close (param i32) (result i32)))
              (import "wasi_snapshot_preview1" "fd_renumber" (func $fd_renumber (param i32 i32) (result i32)))
              (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
              (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
              (import "wasi_snapshot_preview1" "fd_fdstat_get" (func $fd_fdstat_get (param i32 i32) (result i32)))
              (import "wasi_snapshot_preview1" "fd_filestat_get" (func $fd_filestat_get (param i32 i32) (result i32)))
              (import "wasi_snapshot_preview1" "fd_sync" (func $fd_sync (param i32) (result i32)))
              (import "wasi_snapshot_preview1" "fd_seek" (func $fd_seek (param i32 i64 i32 i32) (result i32)))
              (import "wasi_snapshot_preview1" "fd_tell" (func $fd_tell (param i32 i32) (result i32)))
              (import "wasi_snapshot_preview1" "fd_fdstat_set_flags" (func $fd_fdstat_set_flags (param i32 i32) (result i32)))
              (import "wasi_snapshot_preview1" "fd_prestat_get" (func $fd_prestat_get (param i32 i32) (result i32)))
              (import "wasi_snapshot_preview1" "fd_prestat_dir_name" (func $fd_prestat_dir_name (param i32 i32 i32) (result i32)))
              (import "wasi_snapshot_preview1" "fd_readdir" (func $fd_readdir (param i32 i32 i32 i64 i32) (result i32)))
              (import "wasi_snapshot_preview1" "path_open" (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
              (import "wasi_snapshot_preview1" "path_unlink_file" (func $path_unlink_file (param i32 i32 i32) (result i32)))
              (import "wasi_snapshot_preview1" "sock_send" (func $sock_send (param i32 i32 i32 i32 i32) (result i32)))
              (memory (export "memory") 2)
              (func $say (param $at i32) (param $length i32)
                (i32.store (i32.const 0xff00) (local.get $at))
                (i32.store (i32.const 0xff04) (local.get $length))
                (drop (call $fd_write (i32.const 1) (i32.const 0xff00) (i32.const 1) (i32.const 0xff08))))
              (func $number (param i32)
                (i32.store (i32.const 0xff10) (local.get 0))
                (call $say (i32.const 0xff10) (i32.const 4)))
              (func (export "_start")
                {{body}}))
            """;
        var output = new MemoryStream();
        var error = new MemoryStream();
        CapabilitySet set = Wasi.Set(vm => new StandardStreams(new BytesInput(vm, input ?? []), new StreamOutput(vm, output), new StreamOutput(vm, error)) { OutputIsTerminal = terminal });
        using CompiledComponent compiled = Guest.Engine.Compile(CoreProgram.ToComponent(Wat.ToWasm(text), Guest.Engine.Engine));
        using InstanceTemplate template = set.Linker.Link(compiled);
        int? code = null;
        using (MicroVm vm = MicroVm.Create(template, Guest.App(grants, limits), Guest.Engine, set.Slots))
        {
            try
            {
                vm.Call(0, static (instance, _) => instance.GetFunction(CoreProgram.Entry).Call());
            }
            catch (TrapException e) when (e.InnerException is GuestExitException exit)
            {
                code = exit.Code;
            }
        }

        return new Ran(Encoding.Latin1.GetString(output.ToArray()), Encoding.Latin1.GetString(error.ToArray()), code);
    }

    private static int[] Numbers(Ran ran)
    {
        byte[] bytes = Encoding.Latin1.GetBytes(ran.Output);
        return [.. Enumerable.Range(0, bytes.Length / 4).Select(i => BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(i * 4)))];
    }

    /// <summary>The numbers that calls answer with.</summary>
    private static int[] Answers(params string[] calls) => Numbers(Run(string.Join('\n', calls.Select(c => $"(call $number (call {c}))"))));

    [Fact]
    public void Arguments_AndEnvironment_AreThoseThatWereGranted()
    {
        var grants = new Grants { Arguments = ["program", "", "ключ"], Environment = [new("A", "1"), new("B", "")] };
        Ran ran = Run("""
            (call $number (call $args_sizes_get (i32.const 0) (i32.const 4)))
            (call $say (i32.const 0) (i32.const 8))
            (call $number (call $args_get (i32.const 16) (i32.const 256)))
            (call $say (i32.const 16) (i32.const 12))
            (call $say (i32.const 256) (i32.load (i32.const 4)))
            """, grants);
        string expected = "\0\0\0\0" + "\u0003\0\0\0\u0012\0\0\0" + "\0\0\0\0" + "\0\u0001\0\0\u0008\u0001\0\0\u0009\u0001\0\0" + "program\0\0" + Encoding.Latin1.GetString("ключ"u8) + "\0";
        Assert.Equal(expected, ran.Output);
        ran = Run("""
            (drop (call $environ_sizes_get (i32.const 0) (i32.const 4)))
            (drop (call $environ_get (i32.const 16) (i32.const 256)))
            (call $say (i32.const 256) (i32.load (i32.const 4)))
            """, grants);
        Assert.Equal("A=1\0B=\0", ran.Output);
        ran = Run("(drop (call $environ_sizes_get (i32.const 0) (i32.const 4))) (call $say (i32.const 0) (i32.const 8))");
        Assert.Equal("\0\0\0\0\0\0\0\0", ran.Output);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(42)]
    [InlineData(255)]
    public void ProcExit_EndsWithItsCode(int code)
    {
        Ran ran = Run($"(i32.store (i32.const 0) (i32.const 0x216968)) (call $say (i32.const 0) (i32.const 3)) (call $proc_exit (i32.const {code})) unreachable");
        Assert.Equal(code, ran.ExitCode);
        Assert.Equal("hi!", ran.Output);
    }

    [Fact]
    public void Start_ThatReturns_IsNoExit() => Assert.Null(Run("nop").ExitCode);

    [Fact]
    public void FdWrite_GathersItsParts_AndTellsOutFromErr()
    {
        Ran ran = Run("""
            (i64.store (i32.const 100) (i64.const 0x0a6f6c6c6568))
            (i32.store (i32.const 0) (i32.const 100)) (i32.store (i32.const 4) (i32.const 2))
            (i32.store (i32.const 8) (i32.const 0)) (i32.store (i32.const 12) (i32.const 0))
            (i32.store (i32.const 16) (i32.const 102)) (i32.store (i32.const 20) (i32.const 4))
            (drop (call $fd_write (i32.const 2) (i32.const 0) (i32.const 3) (i32.const 32)))
            (call $number (i32.load (i32.const 32)))
            """);
        Assert.Equal("hello\n", ran.Error);
        Assert.Equal([6], Numbers(ran));
    }

    [Fact]
    public void FdWrite_OfMoreThanOneWriteMayHave_GoesThroughWhole()
    {
        Ran ran = Run("(memory.fill (i32.const 0) (i32.const 120) (i32.const 0xfe00)) (drop (memory.grow (i32.const 4))) (memory.fill (i32.const 0x20000) (i32.const 120) (i32.const 0x30000)) (call $say (i32.const 0x20000) (i32.const 0x30000))");
        Assert.Equal(new string('x', 0x30000), ran.Output);
    }

    [Theory]
    [InlineData("(call $fd_write (i32.const 1) (i32.const 0x7ffffff0) (i32.const 1) (i32.const 0))")]
    [InlineData("(call $fd_write (i32.const 1) (i32.const 0xfffffff0) (i32.const 1024) (i32.const 0))")]
    [InlineData("(i32.store (i32.const 0) (i32.const -1)) (i32.store (i32.const 4) (i32.const -1)) (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 64))")]
    [InlineData("(call $random_get (i32.const 0) (i32.const -1))")]
    [InlineData("(call $clock_time_get (i32.const 0) (i64.const 0) (i32.const -4))")]
    [InlineData("(call $args_get (i32.const -4) (i32.const 0))")]
    [InlineData("(call $fd_fdstat_get (i32.const 0) (i32.const 0x1fff8))")]
    public void Pointers_OutsideTheMemory_NeverReachTheHost(string call)
    {
        TrapException e = Assert.Throws<TrapException>(() => Run($"{call} (drop)", new Grants { Arguments = ["x"] }));
        Assert.Contains("out of bounds", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void FdRead_ScattersWhatIsThere_AndEndsWithNothing()
    {
        Ran ran = Run("""
            (i32.store (i32.const 0) (i32.const 100)) (i32.store (i32.const 4) (i32.const 2))
            (i32.store (i32.const 8) (i32.const 200)) (i32.store (i32.const 12) (i32.const 2))
            (drop (call $fd_read (i32.const 0) (i32.const 0) (i32.const 2) (i32.const 32)))
            (call $say (i32.const 100) (i32.const 2)) (call $say (i32.const 200) (i32.const 2)) (call $say (i32.const 32) (i32.const 4))
            (drop (call $fd_read (i32.const 0) (i32.const 0) (i32.const 2) (i32.const 32)))
            (call $say (i32.const 100) (i32.const 1)) (call $say (i32.const 32) (i32.const 4))
            (call $number (call $fd_read (i32.const 0) (i32.const 0) (i32.const 2) (i32.const 32)))
            (call $say (i32.const 32) (i32.const 4))
            """, input: "abcde"u8.ToArray());
        Assert.Equal("abcd\u0004\0\0\0e\u0001\0\0\0\0\0\0\0\0\0\0\0", ran.Output);
    }

    [Fact]
    public void Random_FillsTheBuffer()
    {
        string a = Run("(drop (call $random_get (i32.const 0) (i32.const 1000))) (call $say (i32.const 0) (i32.const 1000))").Output;
        string b = Run("(drop (call $random_get (i32.const 0) (i32.const 1000))) (call $say (i32.const 0) (i32.const 1000))").Output;
        Assert.NotEqual(a, b);
        Assert.True(a.Distinct().Count() > 200);
    }

    [Fact]
    public void Clocks_WallAndMonotonic_AndNoOther()
    {
        long before = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        Ran ran = Run("(drop (call $clock_time_get (i32.const 0) (i64.const 0) (i32.const 0))) (call $say (i32.const 0) (i32.const 8))");
        long now = BinaryPrimitives.ReadInt64LittleEndian(Encoding.Latin1.GetBytes(ran.Output)) / 1_000_000;
        Assert.InRange(now, before - 1, DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() + 1);
        Assert.Equal([0, 0, 0, Invalid, Invalid, Invalid, 0], Answers(
            "$clock_time_get (i32.const 1) (i64.const 0) (i32.const 0)",
            "$clock_res_get (i32.const 0) (i32.const 0)",
            "$clock_res_get (i32.const 1) (i32.const 0)",
            "$clock_res_get (i32.const 2) (i32.const 0)",
            "$clock_time_get (i32.const 2) (i64.const 0) (i32.const 0)",
            "$clock_time_get (i32.const 3) (i64.const 0) (i32.const 0)",
            "$sched_yield"));
    }

    [Fact]
    public void Files_AreNotThere_AndSaySo()
    {
        Assert.Equal([BadFile, BadFile, BadFile, BadFile, BadFile, BadFile, BadFile, BadFile], Answers(
            "$fd_prestat_get (i32.const 3) (i32.const 0)",
            "$fd_prestat_dir_name (i32.const 3) (i32.const 0) (i32.const 10)",
            "$fd_readdir (i32.const 3) (i32.const 0) (i32.const 10) (i64.const 0) (i32.const 0)",
            "$path_open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 0) (i64.const 0) (i64.const 0) (i32.const 0) (i32.const 0)",
            "$path_unlink_file (i32.const 3) (i32.const 0) (i32.const 1)",
            "$fd_write (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 0)",
            "$fd_close (i32.const 3)",
            "$fd_seek (i32.const -1) (i64.const 0) (i32.const 0) (i32.const 0)"));
    }

    /// <summary>Opens `f` in the first folder; the errno is on the stack and the descriptor at 8.</summary>
    private static string OpenF(int flags = 0, long rights = 2, int lookup = 0) =>
        $"(i32.store8 (i32.const 0) (i32.const 102)) (call $path_open (i32.const 3) (i32.const {lookup}) (i32.const 0) (i32.const 1) (i32.const {flags}) (i64.const {rights}) (i64.const 0) (i32.const 0) (i32.const 8))";

    [Fact]
    public void OpenFiles_AreBounded_AndCloseMakesRoom()
    {
        using var folder = new HostFolder();
        folder.Write("f", "text");
        Ran ran = Run($"""
            (local $n i32) (local $e i32)
            (loop $more
              (local.set $e {OpenF()})
              (if (i32.eqz (local.get $e)) (then (local.set $n (i32.add (local.get $n) (i32.const 1))) (br $more))))
            (call $number (local.get $n)) (call $number (local.get $e))
            (drop (call $fd_close (i32.const 100)))
            (call $number {OpenF()}) (call $number (i32.load (i32.const 8)))
            """, folder.Grant());
        Assert.Equal([1024, 41, 0, 100], Numbers(ran));
    }

    [Fact]
    public void Paths_ThatAreNoText_OrTooLong_AreRefused()
    {
        using var folder = new HostFolder();
        folder.Write("f", "text");
        const int Illegal = 25, NameTooLong = 37, ReadOnly = 69, NotAFolder = 54;
        Ran ran = Run($"""
            (i32.store8 (i32.const 0) (i32.const 0xff))
            (call $number (call $path_open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 8)))
            (call $number (call $path_open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 5000) (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 8)))
            (i32.store16 (i32.const 0) (i32.const 0x0066))
            (call $number (call $path_open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 2) (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 8)))
            (call $number (call $path_open (i32.const 3) (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 8)))
            (call $number (call $path_open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 16) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 8)))
            (call $number {OpenF(rights: 64)})
            (call $number (call $path_open (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 8)))
            """, folder.Grant(write: false));
        Assert.Equal([Illegal, NameTooLong, Invalid, Invalid, Invalid, ReadOnly, NotAFolder], Numbers(ran));
    }

    [Fact]
    public void StandardStreams_AreNoFiles_AndSaySo()
    {
        Assert.Equal([IllegalSeek, IllegalSeek, NotSupported, NotASocket, NoSystemCall, BadFile, BadFile, Invalid], Answers(
            "$fd_seek (i32.const 1) (i64.const 0) (i32.const 0) (i32.const 0)",
            "$fd_tell (i32.const 1) (i32.const 0)",
            "$fd_fdstat_set_flags (i32.const 1) (i32.const 0)",
            "$sock_send (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)",
            "$proc_raise (i32.const 1)",
            "$fd_write (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)",
            "$fd_read (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 0)",
            "$fd_write (i32.const 1) (i32.const 0) (i32.const 1025) (i32.const 0)"));
    }

    [Fact]
    public void Fdstat_TellsATerminalFromAPipe()
    {
        const string Ask = "(drop (call $fd_fdstat_get (i32.const 1) (i32.const 0))) (call $say (i32.const 0) (i32.const 1)) (drop (call $fd_filestat_get (i32.const 1) (i32.const 0))) (call $say (i32.const 16) (i32.const 1))";
        Assert.Equal("\0\0", Run(Ask).Output);
        Assert.Equal("\u0002\u0002", Run(Ask, terminal: true).Output);
    }

    [Fact]
    public void FdClose_AndRenumber()
    {
        Ran ran = Run("""
            (i32.store8 (i32.const 0) (i32.const 65))
            (drop (call $fd_renumber (i32.const 2) (i32.const 1)))
            (call $say (i32.const 0) (i32.const 1))
            (drop (call $fd_close (i32.const 1)))
            (call $say (i32.const 0) (i32.const 1))
            """);
        Assert.Equal(("", "A"), (ran.Output, ran.Error));
        Assert.Equal([0, BadFile, BadFile], Answers("$fd_close (i32.const 0)", "$fd_close (i32.const 0)", "$fd_sync (i32.const 0)"));
    }

    /// <summary>A subscription to a clock (48 bytes) or to a descriptor.</summary>
    private static string Subscription(int at, int userData, int type, int what, long timeout = 0) =>
        $"(i64.store (i32.const {at}) (i64.const {userData})) (i32.store8 (i32.const {at + 8}) (i32.const {type})) (i32.store (i32.const {at + 16}) (i32.const {what})) (i64.store (i32.const {at + 24}) (i64.const {timeout}))";

    [Fact]
    public void Poll_WaitsForAClock_AndTellsWhichEventItWas()
    {
        long start = System.Diagnostics.Stopwatch.GetTimestamp();
        Ran ran = Run($"""
            {Subscription(0, 7, 0, 1, 40_000_000)}
            {Subscription(48, 8, 0, 1, long.MaxValue)}
            (call $number (call $poll_oneoff (i32.const 0) (i32.const 512) (i32.const 2) (i32.const 1024)))
            (call $number (i32.load (i32.const 1024)))
            (call $number (i32.load (i32.const 512)))
            (call $number (i32.load16_u (i32.const 520)))
            """);
        Assert.Equal([0, 1, 7, 0], Numbers(ran));
        Assert.True(System.Diagnostics.Stopwatch.GetElapsedTime(start) >= TimeSpan.FromMilliseconds(40));
    }

    [Fact]
    public void Poll_OfDescriptors_GivesThoseThatAreReady_AndErrorsAtOnce()
    {
        Ran ran = Run($"""
            {Subscription(0, 1, 1, 0)}
            {Subscription(48, 2, 2, 1)}
            {Subscription(96, 3, 1, 9)}
            {Subscription(144, 4, 0, 1, long.MaxValue)}
            (call $number (call $poll_oneoff (i32.const 0) (i32.const 512) (i32.const 4) (i32.const 1024)))
            (call $number (i32.load (i32.const 1024)))
            (call $number (i32.load16_u (i32.const 584)))
            """);
        Assert.Equal([0, 3, BadFile], Numbers(ran));
        Assert.Equal([Invalid, Invalid], Answers("$poll_oneoff (i32.const 0) (i32.const 512) (i32.const 0) (i32.const 1024)", "$poll_oneoff (i32.const 0) (i32.const 512) (i32.const -1) (i32.const 1024)"));
    }

    [Fact]
    public void Poll_ForEver_EndsAtTheDeadline()
    {
        TrapException e = Assert.Throws<TrapException>(() => Run($"{Subscription(0, 7, 0, 1, long.MaxValue)} (drop (call $poll_oneoff (i32.const 0) (i32.const 512) (i32.const 1) (i32.const 1024)))", limits: new MicroVmLimits { Time = TimeSpan.FromMilliseconds(100) }));
        Assert.Contains("limit of 100 ms", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("(module (func (export \"main\")))", "_start")]
    [InlineData("(module (import \"env\" \"f\" (func)) (func (export \"_start\")))", "env.f")]
    [InlineData("(module (import \"wasi_snapshot_preview1\" \"no_such_thing\" (func)) (func (export \"_start\")))", "no-such-thing")]
    [InlineData("(module (import \"wasi_snapshot_preview1\" \"fd_close\" (func (param i64))) (func (export \"_start\")))", "fd-close")]
    public void Module_ThatIsNoPreview1Program_IsRefusedByName(string text, string named)
    {
        ComponentException e = Assert.Throws<ComponentException>(() =>
        {
            using CompiledComponent compiled = Guest.Engine.Compile(CoreProgram.ToComponent(Wat.ToWasm(text), Guest.Engine.Engine));
            Wasi.Set().Linker.Link(compiled);
        });
        Assert.Contains(named, e.Message, StringComparison.Ordinal);
    }
}
