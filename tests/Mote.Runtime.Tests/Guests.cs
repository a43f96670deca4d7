// Components written as text, and what is needed to run them as microVMs.
using Mote.Components;
using Mote.Components.Linking;
using Mote.Wasmtime;

namespace Mote.Runtime.Tests;

internal static class Guests
{
    /// <summary>A little of everything that limits are about.</summary>
    public static byte[] Everything { get; } = Wat.ToWasm("""
        (component
          (core module $m
            (memory (export "memory") 1)
            (table $t 1 funcref)
            (global $n (mut i32) (i32.const 0))
            (func (export "answer") (result i32) i32.const 42)
            (func (export "count") (result i32)
              (global.set $n (i32.add (global.get $n) (i32.const 1)))
              global.get $n)
            (func (export "spin") (loop $l (br $l)))
            (func (export "loops") (param $n i32) (result i32)
              (loop $l
                (local.set $n (i32.sub (local.get $n) (i32.const 1)))
                (br_if $l (local.get $n)))
              local.get $n)
            (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
            (func (export "grow-table") (param i32) (result i32) (table.grow $t (ref.null func) (local.get 0)))
            (func $inner unreachable)
            (func $outer call $inner)
            (func (export "crash") call $outer)
            (func $deep (export "recurse") call $deep)
            (func (export "divide") (param i32) (result i32) (i32.div_u (i32.const 1) (local.get 0)))
            (func (export "outside") (result i32) (i32.load (i32.const 0x7fff0000))))
          (core instance $i (instantiate $m))
          (func (export "answer") (result u32) (canon lift (core func $i "answer")))
          (func (export "count") (result u32) (canon lift (core func $i "count")))
          (func (export "spin") (canon lift (core func $i "spin")))
          (func (export "loops") (param "n" u32) (result u32) (canon lift (core func $i "loops")))
          (func (export "grow") (param "pages" u32) (result s32) (canon lift (core func $i "grow")))
          (func (export "grow-table") (param "by" u32) (result s32) (canon lift (core func $i "grow-table")))
          (func (export "crash") (canon lift (core func $i "crash")))
          (func (export "recurse") (canon lift (core func $i "recurse")))
          (func (export "divide") (param "by" u32) (result u32) (canon lift (core func $i "divide")))
          (func (export "outside") (result u32) (canon lift (core func $i "outside"))))
        """);

    /// <summary>A component that gives a number.</summary>
    public static byte[] Giving(int number) => Wat.ToWasm($$"""
        (component
          (core module $m (func (export "answer") (result i32) i32.const {{number}}))
          (core instance $i (instantiate $m))
          (func (export "answer") (result u32) (canon lift (core func $i "answer"))))
        """);

    /// <summary>The component as a template without imports.</summary>
    public static InstanceTemplate Link(this RuntimeEngine engine, byte[] file) => new ComponentLinker().Link(engine.Compile(file));

    public static AppComponent App(MicroVmLimits? limits = null) => new("app", "guest", Grants.None, limits ?? new MicroVmLimits());

    public static MicroVm Start(this RuntimeEngine engine, InstanceTemplate template, MicroVmLimits? limits = null) => MicroVm.Create(template, App(limits), engine, 0);

    /// <summary>Calls an export of the root with numbers.</summary>
    public static long Call(this MicroVm vm, string function, params uint[] arguments) => vm.Call((function, arguments), static (instance, s) =>
        instance.GetFunction(s.function).Call([.. s.arguments.Select(a => new UnsignedValue(a))]) switch
        {
            UnsignedValue u => (long)u.Value,
            SignedValue n => n.Value,
            _ => 0,
        });

    public static uint Answer(CompiledComponent compiled)
    {
        using InstanceTemplate template = new ComponentLinker().Link(compiled);
        using ComponentInstance instance = template.Instantiate();
        return (uint)((UnsignedValue)instance.GetFunction("answer").Call()!).Value;
    }
}
