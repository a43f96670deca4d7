// wasi:cli, io, clocks, random, and the denials of what is not granted.
using System.Diagnostics;
using System.Text;
using Mote.Capabilities.Wasi.Cli;
using Mote.Capabilities.Wasi.Io;
using Mote.Components;
using Mote.Runtime;
using Mote.Wasmtime;
using static Mote.Capabilities.Tests.Guest;

namespace Mote.Capabilities.Tests;

public sealed class WasiTests
{
    private static Guest Start(Func<MicroVm, StandardStreams> streams, Grants? grants = null, MicroVmLimits? limits = null) =>
        Guest.Start(Wasi.Set(streams), App(grants, limits), Wasi.Environment, Wasi.Exit, Wasi.Stdin, Wasi.Stdout, Wasi.Stderr, Wasi.TerminalStdin, Wasi.TerminalStdout, Wasi.Streams, Wasi.Poll, Wasi.Monotonic);

    private static Guest WithInput(byte[] input, MicroVmLimits? limits = null) => Start(vm => StandardStreams.ToLog(vm) with { Input = new BytesInput(vm, input) }, limits: limits);

    private static string Call(Guest g, string iface, string function, params Value[] arguments) => Show(g.Call(iface, function, arguments));

    // ---- cli ----

    [Fact]
    public void Environment_IsWhatWasGranted_NotTheHosts()
    {
        var grants = new Grants
        {
            Arguments = ["program", "", "two words", "ключ"],
            Environment = [new("A", "1"), new("EMPTY", ""), new("A", "2")],
        };
        using Guest g = Start(StandardStreams.ToLog, grants);
        Assert.Equal("[\"program\", \"\", \"two words\", \"ключ\"]", Call(g, Wasi.Environment, "get-arguments"));
        Assert.Equal("[(\"A\", \"1\"), (\"EMPTY\", \"\"), (\"A\", \"2\")]", Call(g, Wasi.Environment, "get-environment"));
        Assert.Equal("none", Call(g, Wasi.Environment, "initial-cwd"));
        using Guest bare = Start(StandardStreams.ToLog);
        Assert.Equal("[]", Call(bare, Wasi.Environment, "get-environment"));
        Assert.Equal("[]", Call(bare, Wasi.Environment, "get-arguments"));
    }

    [Fact]
    public void Exit_EndsTheGuestWithItsCode()
    {
        foreach ((string function, Value argument, int code) in ((string, Value, int)[])[
            ("exit", new ResultValue(true, null), 0), ("exit", new ResultValue(false, null), 1), ("exit-with-code", U(0), 0), ("exit-with-code", U(42), 42), ("exit-with-code", U(255), 255)])
        {
            using Guest g = Start(StandardStreams.ToLog);
            TrapException e = Assert.Throws<TrapException>(() => g.Call(Wasi.Exit, function, argument));
            Assert.Equal(code, Assert.IsType<GuestExitException>(e.InnerException).Code);
            Assert.False(g.Vm.IsUsable);
        }
    }

    [Fact]
    public void Terminals_AreToldOnlyWhereThereAre()
    {
        using Guest none = Start(StandardStreams.ToLog);
        Assert.Equal("none", Call(none, Wasi.TerminalStdin, "get-terminal-stdin"));
        using Guest some = Start(vm => StandardStreams.ToLog(vm) with { OutputIsTerminal = true });
        Assert.Equal("none", Call(some, Wasi.TerminalStdin, "get-terminal-stdin"));
        Assert.Equal("some(<terminal-output>)", Call(some, Wasi.TerminalStdout, "get-terminal-stdout"));
    }

    [Fact]
    public void Stdout_GivesWholeLines_AndTheRestAtTheEnd()
    {
        var lines = new List<string>();
        var app = new AppComponent("app", "guest", Grants.None, new MicroVmLimits()) { Log = (name, level, context, message) => lines.Add($"{name}/{level}/{context}/{message}") };
        using (Guest g = Guest.Start(Wasi.Set(), app, Wasi.Stdout, Wasi.Stderr, Wasi.Streams))
        {
            Value output = g.Call(Wasi.Stdout, "get-stdout")!, error = g.Call(Wasi.Stderr, "get-stderr")!;
            void Write(Value stream, string text) => g.Ok(Wasi.Streams, "[method]output-stream.blocking-write-and-flush", stream, Text(text));
            Write(output, "hel");
            Assert.Empty(lines);
            Write(output, "lo\r\n\nwor");
            Write(error, "oh");
            Assert.Equal(["guest/Info/stdout/hello", "guest/Info/stdout/"], lines);
            Write(output, "ld");
            lines.Clear();
        }

        Assert.Equal(["guest/Info/stdout/world", "guest/Warn/stderr/oh"], lines);
    }

    [Fact]
    public void Stdout_LineWithoutEnd_IsBounded()
    {
        var lines = new List<string>();
        var app = new AppComponent("app", "guest", Grants.None, new MicroVmLimits()) { Log = (_, _, _, message) => lines.Add(message) };
        using Guest g = Guest.Start(Wasi.Set(), app, Wasi.Stdout, Wasi.Streams);
        Value output = g.Call(Wasi.Stdout, "get-stdout")!;
        for (int i = 0; i < 16; i++) g.Ok(Wasi.Streams, "[method]output-stream.write", output, Bytes([.. Enumerable.Repeat((byte)'x', 4096)]));
        Assert.Equal(8, lines.Count);
        Assert.All(lines, l => Assert.Equal(8192, l.Length));
    }

    [Fact]
    public void Stdout_LongLineOfLetters_IsCutBetweenThem()
    {
        var lines = new List<string>();
        var app = new AppComponent("app", "guest", Grants.None, new MicroVmLimits()) { Log = (_, _, _, message) => lines.Add(message) };
        string text = "x" + string.Concat(Enumerable.Repeat("ж", 6000));
        using (Guest g = Guest.Start(Wasi.Set(), app, Wasi.Stdout, Wasi.Streams)) g.Ok(Wasi.Streams, "[method]output-stream.write", g.Call(Wasi.Stdout, "get-stdout")!, Text(text));
        Assert.Equal(2, lines.Count);
        Assert.Equal(text, string.Concat(lines));
    }

    // ---- io ----

    [Fact]
    public void Read_GivesWhatIsThere_ThenClosed()
    {
        using Guest g = WithInput("hello world"u8.ToArray());
        Value input = g.Call(Wasi.Stdin, "get-stdin")!;
        Assert.Equal("ok('hello')", Call(g, Wasi.Streams, "[method]input-stream.read", input, U(5)));
        Assert.Equal("ok([])", Call(g, Wasi.Streams, "[method]input-stream.read", input, U(0)));
        Assert.Equal("ok([])", Call(g, Wasi.Streams, "[method]input-stream.blocking-read", input, U(0)));
        Assert.Equal("ok(1)", Call(g, Wasi.Streams, "[method]input-stream.skip", input, U(1)));
        Assert.Equal("ok('world')", Call(g, Wasi.Streams, "[method]input-stream.blocking-read", input, U(ulong.MaxValue)));
        Assert.Equal("err(closed)", Call(g, Wasi.Streams, "[method]input-stream.blocking-read", input, U(1)));
        Assert.Equal("err(closed)", Call(g, Wasi.Streams, "[method]input-stream.read", input, U(1)));
        Assert.Equal("err(closed)", Call(g, Wasi.Streams, "[method]input-stream.blocking-skip", input, U(1)));
    }

    [Fact]
    public void Read_OfMoreThanIsGivenAtOnce_ComesInParts()
    {
        byte[] all = new byte[200_000];
        new System.Random(3).NextBytes(all);
        using Guest g = WithInput(all);
        Value input = g.Call(Wasi.Stdin, "get-stdin")!;
        var got = new List<byte>();
        while (g.Call(Wasi.Streams, "[method]input-stream.blocking-read", input, U(1 << 30)) is ResultValue { IsOk: true } part)
        {
            byte[] bytes = BytesOf(part.Payload);
            Assert.InRange(bytes.Length, 1, InputStream.MaxRead);
            got.AddRange(bytes);
        }

        Assert.Equal(all, got);
    }

    [Fact]
    public void PumpedInput_WaitsForWhatComes_AndForNothingElse()
    {
        using var pipe = new System.IO.Pipes.AnonymousPipeServerStream();
        using var reader = new System.IO.Pipes.AnonymousPipeClientStream(System.IO.Pipes.PipeDirection.In, pipe.ClientSafePipeHandle);
        using Guest g = Start(vm => StandardStreams.ToLog(vm) with { Input = new PumpedInput(vm, reader) });
        Value input = g.Call(Wasi.Stdin, "get-stdin")!;
        Value pollable = g.Call(Wasi.Streams, "[method]input-stream.subscribe", input)!;
        Assert.Equal("ok([])", Call(g, Wasi.Streams, "[method]input-stream.read", input, U(10)));
        Assert.Equal("false", Call(g, Wasi.Poll, "[method]pollable.ready", pollable));
        var writer = new Thread(() =>
        {
            Thread.Sleep(50);
            pipe.Write("late"u8);
        });
        writer.Start();
        g.Call(Wasi.Poll, "[method]pollable.block", pollable);
        Assert.Equal("true", Call(g, Wasi.Poll, "[method]pollable.ready", pollable));
        Assert.Equal("ok('late')", Call(g, Wasi.Streams, "[method]input-stream.read", input, U(10)));
        writer.Join();
        // More than the buffer holds, in the order it was written.
        byte[] all = new byte[1 << 20];
        new System.Random(4).NextBytes(all);
        var flood = new Thread(() =>
        {
            pipe.Write(all);
            pipe.Dispose();
        });
        flood.Start();
        var got = new List<byte>();
        while (g.Call(Wasi.Streams, "[method]input-stream.blocking-read", input, U(1 << 20)) is ResultValue { IsOk: true } part) got.AddRange(BytesOf(part.Payload));
        flood.Join();
        Assert.Equal(all, got);
        Assert.Equal("err(closed)", Call(g, Wasi.Streams, "[method]input-stream.read", input, U(10)));
    }

    [Fact]
    public void BlockingRead_OfNothing_EndsAtTheDeadline()
    {
        using var silence = new Silence();
        using Guest g = Start(vm => StandardStreams.ToLog(vm) with { Input = new PumpedInput(vm, silence) }, limits: new MicroVmLimits { Time = TimeSpan.FromMilliseconds(100) });
        Value input = g.Call(Wasi.Stdin, "get-stdin")!;
        long start = Stopwatch.GetTimestamp();
        TrapException e = Assert.Throws<TrapException>(() => g.Call(Wasi.Streams, "[method]input-stream.blocking-read", input, U(1)));
        Assert.Contains("limit of 100 ms", e.Message, StringComparison.Ordinal);
        Assert.InRange(Stopwatch.GetElapsedTime(start), TimeSpan.FromMilliseconds(90), TimeSpan.FromSeconds(10));
    }

    /// <summary>A stream that gives nothing until it is disposed.</summary>
    private sealed class Silence : MemoryStream
    {
        private readonly ManualResetEventSlim _over = new();

        public override int Read(Span<byte> buffer)
        {
            _over.Wait();
            return 0;
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(default);

        protected override void Dispose(bool disposing) => _over.Set();
    }

    [Fact]
    public void Write_BeyondThePermit_Traps()
    {
        foreach ((string function, int length) in ((string, int)[])[("write", 65_537), ("blocking-write-and-flush", 4097)])
        {
            using Guest g = WithInput([]);
            Value output = g.Call(Wasi.Stdout, "get-stdout")!;
            Assert.Equal("ok(65536)", Call(g, Wasi.Streams, "[method]output-stream.check-write", output));
            Assert.Contains("at most", Assert.Throws<TrapException>(() => g.Call(Wasi.Streams, $"[method]output-stream.{function}", output, Bytes(new byte[length]))).Message.Replace("check-write allowed", "at most", StringComparison.Ordinal), StringComparison.Ordinal);
        }

        foreach (string function in (string[])["write-zeroes", "blocking-write-zeroes-and-flush"])
        {
            using Guest g = WithInput([]);
            Assert.Throws<TrapException>(() => g.Call(Wasi.Streams, $"[method]output-stream.{function}", g.Call(Wasi.Stdout, "get-stdout")!, U(ulong.MaxValue)));
        }
    }

    [Fact]
    public void Output_WritesZeroesAndSplices()
    {
        var target = new MemoryStream();
        using Guest g = Start(vm => StandardStreams.ToLog(vm) with { Input = new BytesInput(vm, "abcdef"u8.ToArray()), Output = new StreamOutput(vm, target) });
        Value input = g.Call(Wasi.Stdin, "get-stdin")!, output = g.Call(Wasi.Stdout, "get-stdout")!;
        Assert.Equal("ok(4)", Call(g, Wasi.Streams, "[method]output-stream.splice", output, input, U(4)));
        Assert.Equal("ok", Call(g, Wasi.Streams, "[method]output-stream.write-zeroes", output, U(2)));
        Assert.Equal("ok(2)", Call(g, Wasi.Streams, "[method]output-stream.blocking-splice", output, input, U(100)));
        Assert.Equal("err(closed)", Call(g, Wasi.Streams, "[method]output-stream.splice", output, input, U(1)));
        Assert.Equal("ok", Call(g, Wasi.Streams, "[method]output-stream.flush", output));
        Assert.Equal("abcd\0\0ef", Encoding.ASCII.GetString(target.ToArray()));
        Value pollable = g.Call(Wasi.Streams, "[method]output-stream.subscribe", output)!;
        Assert.Equal("true", Call(g, Wasi.Poll, "[method]pollable.ready", pollable));
    }

    [Fact]
    public void Output_ThatFails_IsAnErrorWithItsReason()
    {
        using Guest g = Guest.Start(Wasi.Set(vm => StandardStreams.ToLog(vm) with { Output = new StreamOutput(vm, new FullDisk()) }), App(), Wasi.Stdout, Wasi.Streams, Wasi.Error);
        Value output = g.Call(Wasi.Stdout, "get-stdout")!;
        var result = (ResultValue)g.Call(Wasi.Streams, "[method]output-stream.write", output, Text("x"))!;
        Assert.Equal("err(last-operation-failed(<error>))", Show(result));
        Assert.Equal("\"no space\"", Call(g, Wasi.Error, "[method]error.to-debug-string", ((VariantValue)result.Payload!).Payload!));
        Assert.Equal("err(last-operation-failed(<error>))", Call(g, Wasi.Streams, "[method]output-stream.blocking-flush", output));
    }

    private sealed class FullDisk : MemoryStream
    {
        public override void Write(ReadOnlySpan<byte> buffer) => throw new IOException("no space");

        public override void Flush() => throw new IOException("no space");
    }

    // ---- clocks and poll ----

    [Fact]
    public void Poll_GivesAllThatAreReady_AndWaitsForTheFirst()
    {
        using Guest g = WithInput("x"u8.ToArray());
        Value soon = g.Call(Wasi.Monotonic, "subscribe-duration", U(30_000_000))!, never = g.Call(Wasi.Monotonic, "subscribe-duration", U(ulong.MaxValue))!;
        Value now = g.Call(Wasi.Monotonic, "subscribe-duration", U(0))!, past = g.Call(Wasi.Monotonic, "subscribe-instant", U(1))!;
        Value input = g.Call(Wasi.Streams, "[method]input-stream.subscribe", g.Call(Wasi.Stdin, "get-stdin")!)!;
        Assert.Equal("[1, 2, 3]", Call(g, Wasi.Poll, "poll", List(never, now, past, input)));
        Assert.Equal("[0, 2]", Call(g, Wasi.Poll, "poll", List(now, never, now)));
        Assert.Equal("[1]", Call(g, Wasi.Poll, "poll", List(never, soon)));
        Assert.Equal("true", Call(g, Wasi.Poll, "[method]pollable.ready", soon));
        Assert.Equal("false", Call(g, Wasi.Poll, "[method]pollable.ready", never));
        Assert.Contains("empty list", Assert.Throws<TrapException>(() => g.Call(Wasi.Poll, "poll", List())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Poll_ForEver_EndsAtTheDeadline()
    {
        using Guest g = WithInput([], new MicroVmLimits { Time = TimeSpan.FromMilliseconds(100) });
        Value never = g.Call(Wasi.Monotonic, "subscribe-instant", U(ulong.MaxValue))!;
        Assert.Contains("limit of 100 ms", Assert.Throws<TrapException>(() => g.Call(Wasi.Poll, "poll", List(never, never))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Poll_UnderALimitOfMonths_Waits()
    {
        // More than the waits of the system take at once.
        using Guest g = WithInput([], new MicroVmLimits { Time = TimeSpan.FromDays(60) });
        Value soon = g.Call(Wasi.Monotonic, "subscribe-duration", U(30_000_000))!;
        g.Call(Wasi.Poll, "[method]pollable.block", soon);
        Assert.Equal("true", Call(g, Wasi.Poll, "[method]pollable.ready", soon));
    }

    [Fact]
    public void MonotonicClock_OnlyGoesForward_AndTimersHoldToIt()
    {
        using Guest g = WithInput([]);
        ulong Now() => ((UnsignedValue)g.Call(Wasi.Monotonic, "now")!).Value;
        ulong last = Now();
        for (int i = 0; i < 100; i++)
        {
            ulong now = Now();
            Assert.True(now >= last);
            last = now;
        }

        Assert.True(((UnsignedValue)g.Call(Wasi.Monotonic, "resolution")!).Value >= 1);
        Value timer = g.Call(Wasi.Monotonic, "subscribe-instant", U(last + 40_000_000))!;
        g.Call(Wasi.Poll, "[method]pollable.block", timer);
        Assert.True(Now() >= last + 40_000_000);
    }

    [Fact]
    public void WallClock_IsTheHosts()
    {
        using Guest g = Guest.Start(Wasi.Set(time: new FixedTime(DateTimeOffset.FromUnixTimeSeconds(1_700_000_000).AddTicks(1_234_567))), App(), Wasi.Wall);
        Assert.Equal("{seconds: 1700000000, nanoseconds: 123456700}", Call(g, Wasi.Wall, "now"));
        Assert.Equal("{seconds: 0, nanoseconds: 100}", Call(g, Wasi.Wall, "resolution"));
    }

    [Fact]
    public void WallClock_BeforeTheEpoch_IsTheEpoch()
    {
        // A device without a battery may believe it is any time at all; datetime has no negative numbers.
        using Guest g = Guest.Start(Wasi.Set(time: new FixedTime(DateTimeOffset.UnixEpoch.AddDays(-1))), App(), Wasi.Wall);
        Assert.Equal("{seconds: 0, nanoseconds: 0}", Call(g, Wasi.Wall, "now"));
    }

    private sealed class FixedTime(DateTimeOffset now) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => now;
    }

    // ---- random ----

    [Fact]
    public void Random_GivesAsManyBytesAsAsked_AndOthersEachTime()
    {
        using Guest g = Guest.Start(Wasi.Set(), App(), Wasi.Random, Wasi.Insecure, Wasi.Seed);
        foreach ((string iface, string function) in ((string, string)[])[(Wasi.Random, "get-random-bytes"), (Wasi.Insecure, "get-insecure-random-bytes")])
        {
            Assert.Empty(BytesOf(g.Call(iface, function, U(0))));
            byte[] a = BytesOf(g.Call(iface, function, U(10_000))), b = BytesOf(g.Call(iface, function, U(10_000)));
            Assert.Equal(10_000, a.Length);
            Assert.NotEqual(a, b);
            Assert.Equal(256, a.Distinct().Count()); // all values; a miss has a chance of 1 in 10^14
        }

        Assert.NotEqual(Call(g, Wasi.Random, "get-random-u64"), Call(g, Wasi.Random, "get-random-u64"));
        Assert.NotEqual(Call(g, Wasi.Insecure, "get-insecure-random-u64"), Call(g, Wasi.Insecure, "get-insecure-random-u64"));
        Assert.Equal(Call(g, Wasi.Seed, "insecure-seed"), Call(g, Wasi.Seed, "insecure-seed"));
        using Guest other = Guest.Start(Wasi.Set(), App(), Wasi.Seed);
        Assert.NotEqual(Call(g, Wasi.Seed, "insecure-seed"), Call(other, Wasi.Seed, "insecure-seed"));
    }

    [Theory]
    [InlineData((16UL << 20) + 1)]
    [InlineData(ulong.MaxValue)]
    public void Random_OfMoreThanAnyoneNeeds_Traps(ulong length)
    {
        using Guest g = Guest.Start(Wasi.Set(), App(), Wasi.Random);
        Assert.Contains("random bytes in one call", Assert.Throws<TrapException>(() => g.Call(Wasi.Random, "get-random-bytes", U(length))).Message, StringComparison.Ordinal);
    }

    // ---- versions ----

    [Theory]
    [InlineData("0.2.0")]
    [InlineData("0.2.3")]
    [InlineData("0.2.6")]
    [InlineData("0.2.99")]
    public void EveryVersionOf02_Links(string version)
    {
        Forwarder forwarder = Forwarder.Of(t => t.Replace("@0.2.12", $"@{version}", StringComparison.Ordinal), Wasi.Random, Wasi.Monotonic, Wasi.Streams, Wasi.Stdout);
        using Guest g = Guest.Start(Wasi.Set(), App(), forwarder);
        Assert.Equal(3, BytesOf(g.Call(Wasi.Random, "get-random-bytes", U(3))).Length);
        Assert.Equal("ok(65536)", Call(g, Wasi.Streams, "[method]output-stream.check-write", g.Call(Wasi.Stdout, "get-stdout")!));
    }

    [Fact]
    public void AnotherTrack_IsRefusedByName()
    {
        Forwarder forwarder = Forwarder.Of(t => t.Replace("@0.2.12", "@0.3.0", StringComparison.Ordinal), Wasi.Random);
        ComponentException e = Assert.Throws<ComponentException>(() => Guest.Start(Wasi.Set(), App(), forwarder));
        Assert.Equal(ComponentErrorKind.Link, e.Kind);
        Assert.Contains("wasi:random/random@0.3.0", e.Message, StringComparison.Ordinal);
    }

    // ---- what is not granted ----

    [Fact]
    public void FilesAndSockets_AreDeniedInTheInterfacesOwnWords()
    {
        using Guest g = Guest.Start(Wasi.Set(), App(), Wasi.Preopens, Wasi.InstanceNetwork, Wasi.CreateTcp, Wasi.CreateUdp, Wasi.Lookup);
        Assert.Equal("[]", Call(g, Wasi.Preopens, "get-directories"));
        Value network = g.Call(Wasi.InstanceNetwork, "instance-network")!;
        foreach (string family in (string[])["ipv4", "ipv6"])
        {
            Assert.Equal("err(access-denied)", Call(g, Wasi.CreateTcp, "create-tcp-socket", new EnumValue(family)));
            Assert.Equal("err(access-denied)", Call(g, Wasi.CreateUdp, "create-udp-socket", new EnumValue(family)));
        }

        Assert.Equal("err(access-denied)", Call(g, Wasi.Lookup, "resolve-addresses", network, S("localhost")));
    }
}
