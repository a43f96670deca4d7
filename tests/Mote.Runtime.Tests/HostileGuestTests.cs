// Guests that mean harm outside their own functions: where the host calls them (realloc, destructors, post-return), while
// they start, and with tables and instances. Each is stopped at its deadline, and what runs beside it goes on.
using System.Diagnostics;
using System.Text;
using Mote.Components;
using Mote.Components.Linking;
using Mote.Wasmtime;

namespace Mote.Runtime.Tests;

public sealed class HostileGuestTests : IClassFixture<HostileGuestTests.Fixture>
{
    private readonly Fixture _fixture;

    public HostileGuestTests(Fixture fixture) => _fixture = fixture;

    /// <summary>Engines with the guest on them, made once.</summary>
    public sealed class Fixture : IDisposable
    {
        public Fixture()
        {
            Engine = new RuntimeEngine(new RuntimeOptions { PoolSlots = 300 });
            Good = Engine.Link(Guests.Everything);
            var linker = new ComponentLinker();
            linker.Root.Function("name", new DynamicHostFunction((_, _) => new StringValue("a string that the guest must make room for")));
            Hostile = linker.Link(Engine.Compile(Wat.ToWasm(Text)));
        }

        public RuntimeEngine Engine { get; }

        public InstanceTemplate Good { get; }

        public InstanceTemplate Hostile { get; }

        public void Dispose()
        {
            Hostile.Dispose();
            Good.Dispose();
            Engine.Dispose();
        }
    }

    private const string Text = """
        (component
          (import "name" (func $name (result string)))
          (core module $libc
            (memory (export "memory") 1)
            (func $spin (export "spin") (loop $l (br $l)))
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) (call $spin) unreachable)
            (func (export "dtor") (param i32) (call $spin))
            (func (export "post") (param i32) (call $spin)))
          (core instance $libc (instantiate $libc))
          (core func $name (canon lower (func $name) (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
          (type $r' (resource (rep i32) (dtor (core func $libc "dtor"))))
          (export $r "r" (type $r'))
          (core func $new (canon resource.new $r'))
          (core func $drop (canon resource.drop $r'))
          (core module $m
            (import "" "memory" (memory 1))
            (import "" "name" (func $name (param i32)))
            (import "" "new" (func $new (param i32) (result i32)))
            (import "" "drop" (func $drop (param i32)))
            (table $t 1 externref)
            (table $u 1 externref)
            (func (export "take") (param i32 i32))
            (func (export "ask") (call $name (i32.const 8)))
            (func (export "give") (result i32) (i32.store (i32.const 16) (i32.const 32)) (i32.store (i32.const 20) (i32.const 3)) i32.const 16)
            (func (export "make") (result i32) (call $new (i32.const 1)))
            (func (export "drop") (call $drop (call $new (i32.const 1))))
            (func (export "receive") (param i32) (call $drop (local.get 0)))
            ;; Tables as large as they may be, then filled and copied for ever.
            (func (export "tables")
              (loop $more (br_if $more (i32.ne (table.grow $t (ref.null extern) (i32.const 64)) (i32.const -1))))
              (loop $more (br_if $more (i32.ne (table.grow $u (ref.null extern) (i32.const 64)) (i32.const -1))))
              (loop $l
                (table.fill $t (i32.const 0) (ref.null extern) (table.size $t))
                (table.copy $u $t (i32.const 0) (i32.const 0) (table.size $t))
                (br $l)))
            ;; Memory as large as it may be, filled and copied for ever: one instruction works on all of it.
            (func (export "memories")
              (loop $more (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
              (loop $l
                (memory.fill (i32.const 0) (i32.const 7) (i32.mul (i32.const 65536) (memory.size)))
                (memory.copy (i32.const 1) (i32.const 0) (i32.sub (i32.mul (i32.const 65536) (memory.size)) (i32.const 1)))
                (br $l))))
          (core instance $i (instantiate $m (with "" (instance
            (export "memory" (memory $libc "memory")) (export "name" (func $name)) (export "new" (func $new)) (export "drop" (func $drop))))))
          (func (export "take") (param "s" string) (canon lift (core func $i "take") (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
          (func (export "ask") (canon lift (core func $i "ask")))
          (func (export "give") (result string) (canon lift (core func $i "give") (memory (core memory $libc "memory")) (post-return (core func $libc "post"))))
          (func (export "make") (result (own $r)) (canon lift (core func $i "make")))
          (func (export "drop") (canon lift (core func $i "drop")))
          (func (export "receive") (param "r" (own $r)) (canon lift (core func $i "receive")))
          (func (export "tables") (canon lift (core func $i "tables")))
          (func (export "memories") (canon lift (core func $i "memories"))))
        """;

    private static readonly MicroVmLimits s_limits = new() { Time = TimeSpan.FromMilliseconds(250) };

    /// <summary>The product promises 20 ms; other work on the machine that tests run on can take far more than that.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);

    private static Value? Invoke(ComponentInstance instance, string function)
    {
        switch (function)
        {
            case "take":
                return instance.GetFunction("take").Call(new StringValue("hello"));
            case "make, then the host drops it":
                ((ResourceValue)instance.GetFunction("make").Call()!).Handle.Drop();
                return null;
            case "receive":
                return instance.GetFunction("receive").Call(instance.GetFunction("make").Call()!);
            default:
                return instance.GetFunction(function).Call();
        }
    }

    [Theory]
    [InlineData("take")] // realloc, called by the host for an argument
    [InlineData("ask")] // realloc, called by the host for a result, within a call of the guest
    [InlineData("give")] // post-return
    [InlineData("make, then the host drops it")] // destructor, called by the host
    [InlineData("drop")] // destructor, by way of the host from the guest
    [InlineData("receive")] // destructor of what the host gave back
    [InlineData("tables")]
    [InlineData("memories")]
    public void HostileCall_IsStoppedAtItsDeadline_AndNothingElseIs(string function)
    {
        using MicroVm bystander = _fixture.Engine.Start(_fixture.Good);
        Assert.Equal(1, bystander.Call("count"));
        using (MicroVm vm = _fixture.Engine.Start(_fixture.Hostile, s_limits))
        {
            Stopped(function, () => vm.Call(function, Invoke));
            Assert.False(vm.IsUsable);
            // Over is over: not even the other functions of it run again.
            Assert.Throws<TrapException>(() => vm.Call("drop", Invoke));
        }

        Assert.Equal(2, bystander.Call("count"));
        using MicroVm next = _fixture.Engine.Start(_fixture.Hostile, s_limits);
        Assert.NotNull(next.Call("make", Invoke));
    }

    [Theory]
    [InlineData("(func $spin (loop $l (br $l))) (start $spin)", 1)]
    // No instance takes long by itself; all of them together do.
    [InlineData("(global $n (mut i32) (i32.const 400000000)) (func $work (loop $l (global.set $n (i32.sub (global.get $n) (i32.const 1))) (br_if $l (global.get $n)))) (start $work)", 100)]
    [InlineData("(table $t 1 externref) (func $bomb (loop $more (br_if $more (i32.ne (table.grow $t (ref.null extern) (i32.const 1)) (i32.const -1)))) (loop $l (table.fill $t (i32.const 0) (ref.null extern) (table.size $t)) (br $l))) (start $bomb)", 1)]
    public void HostileStart_IsStoppedAtItsDeadline_AndNothingElseIs(string module, int instances)
    {
        var text = new StringBuilder($"(component (core module $m {module})");
        for (int i = 0; i < instances; i++) text.Append(" (core instance (instantiate $m))");
        using InstanceTemplate template = _fixture.Engine.Link(Wat.ToWasm(text.Append(')').ToString()));
        long taken = _fixture.Engine.Mappings.Taken;
        Stopped("start", () => _fixture.Engine.Start(template, s_limits).Dispose());
        Assert.Equal(taken, _fixture.Engine.Mappings.Taken);
        using MicroVm next = _fixture.Engine.Start(_fixture.Good, s_limits);
        Assert.Equal(42, next.Call("answer"));
    }

    [Fact]
    public void MoreInstancesTablesOrMemoriesThanTheLimit_AreRefusedByName()
    {
        foreach ((string module, string what) in ((string, string)[])[("(func)", "instance count"), ("(table 1 funcref)", "table count"), ("(memory 1)", "memory count")])
        {
            var text = new StringBuilder($"(component (core module $m {module})");
            for (int i = 0; i < 400; i++) text.Append(" (core instance (instantiate $m))");
            byte[] file = Wat.ToWasm(text.Append(')').ToString());
            WasmtimeException e = Assert.ThrowsAny<WasmtimeException>(() =>
            {
                using InstanceTemplate template = _fixture.Engine.Link(file);
                _fixture.Engine.Start(template, s_limits).Dispose();
            });
            TestContext.Current.TestOutputHelper?.WriteLine($"400 x {module}: {e.Message}");
            Assert.Contains(what, e.Message, StringComparison.OrdinalIgnoreCase);
        }

        using MicroVm next = _fixture.Engine.Start(_fixture.Good, s_limits);
        Assert.Equal(42, next.Call("answer"));
    }

    private static void Stopped(string what, Action call)
    {
        long start = Stopwatch.GetTimestamp();
        TrapException e = Assert.Throws<TrapException>(call);
        TimeSpan took = Stopwatch.GetElapsedTime(start);
        TimeSpan limit = s_limits.Time ?? default;
        TestContext.Current.TestOutputHelper?.WriteLine($"{what}: stopped {(took - limit).TotalMilliseconds:0.0} ms after its deadline");
        Assert.IsType<DeadlineException>(e.InnerException);
        Assert.Contains("longer than its limit of 250 ms", e.Message, StringComparison.Ordinal);
        Assert.InRange(took, limit, limit + s_patience);
    }
}
