// Asynchronous components from the host's side. What guests see of the asynchronous ABI is in tests/wast/async.
using Mote.Components.Linking;
using Mote.Wasmtime;

namespace Mote.Components.Tests;

public sealed class AsyncTests
{
    /// <summary>A function that waits inside its call for what never comes, called by another that does not wait for it.</summary>
    private const string Waiting = """
        (component
          (component $W
            (core module $libc (memory (export "memory") 1))
            (core instance $libc (instantiate $libc))
            (core module $m
              (import "" "set" (func $set (result i32)))
              (import "" "wait" (func $wait (param i32 i32) (result i32)))
              (func (export "wait") (drop (call $wait (call $set) (i32.const 0)))))
            (core func $set (canon waitable-set.new))
            (core func $wait (canon waitable-set.wait (memory (core memory $libc "memory"))))
            (core instance $i (instantiate $m (with "" (instance (export "set" (func $set)) (export "wait" (func $wait))))))
            (func (export "wait") async (canon lift (core func $i "wait") async)))
          (component $D
            (import "wait" (func $wait async))
            (core module $m
              (import "" "wait" (func $wait (result i32)))
              (func (export "start") (param $n i32) (result i32)
                (loop $again
                  (drop (call $wait))
                  (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
                (i32.const 7)))
            (core func $wait (canon lower (func $wait) async))
            (core instance $i (instantiate $m (with "" (instance (export "wait" (func $wait))))))
            (func (export "start") async (param "n" u32) (result u32) (canon lift (core func $i "start"))))
          (instance $w (instantiate $W))
          (instance $d (instantiate $D (with "wait" (func $w "wait"))))
          (func (export "start") (alias export $d "start")))
        """;

    [Fact]
    public void Dispose_WithTasksThatWaitOnStacksOfTheirOwn_EndsTheirThreads()
    {
        Component component = Component.Load(Wat.ToWasm(Waiting), Engines.Plain);
        using CompiledComponent compiled = component.Compile(Engines.Plain);
        using InstanceTemplate template = new ComponentLinker().Link(compiled);
        using (ComponentInstance instance = template.Instantiate())
        {
            Assert.Equal(new UnsignedValue(7), instance.GetFunction("start").Call(new UnsignedValue(20)));
            Assert.Equal(20, Threads());
            Assert.Equal(20, instance.LiveHandles - 20); // subtasks of the one, sets of the other
        }

        Assert.True(SpinWait.SpinUntil(() => Threads() == 0, TimeSpan.FromSeconds(10)), $"{Threads()} threads are left");
    }

    private static int Threads() => !OperatingSystem.IsLinux() ? 0
        : Directory.GetDirectories("/proc/self/task").Count(t => Name(t) == "mote-task");

    private static string Name(string task)
    {
        try
        {
            return File.ReadAllText(Path.Combine(task, "comm")).Trim();
        }
        catch (IOException)
        {
            return ""; // it has ended just now
        }
    }

    [Theory]
    [InlineData(65, "at most 64")]
    public void TasksThatWaitOnStacksOfTheirOwn_HaveABound(int tasks, string error)
    {
        Component component = Component.Load(Wat.ToWasm(Waiting), Engines.Plain);
        using CompiledComponent compiled = component.Compile(Engines.Plain);
        using InstanceTemplate template = new ComponentLinker().Link(compiled);
        using ComponentInstance instance = template.Instantiate();
        TrapException e = Assert.Throws<TrapException>(() => instance.GetFunction("start").Call(new UnsignedValue((uint)tasks)));
        Assert.Contains(error, e.Message, StringComparison.Ordinal);
    }
}
