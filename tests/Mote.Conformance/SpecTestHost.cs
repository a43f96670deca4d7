// The host that scripts expect: the functions, resources and the module that Wasmtime's test runner defines, and the
// named instances of the script itself.
using Mote.Components;
using Mote.Components.Linking;
using Mote.Components.Resources;
using Mote.Wasmtime;

namespace Mote.Conformance;

internal sealed class SpecTestHost
{
    private uint _drops;
    private uint _lastDrop;

    public SpecTestHost(Engine engine)
    {
        Linker.Root.Function("host-echo-u32", new DynamicHostFunction((_, a) => a[0]));
        Linker.Root.Function("host-return-two", new DynamicHostFunction((_, _) => new UnsignedValue(2), "func() -> u32"));
        HostInstance host = Linker.Instance("host");
        host.Function("return-three", new DynamicHostFunction((_, _) => new UnsignedValue(3), "func() -> u32"));
        host.Instance("nested").Function("return-four", new DynamicHostFunction((_, _) => new UnsignedValue(4), "func() -> u32"));
        byte[] simple = Wat.ToWasm("""(module (global (export "g") i32 i32.const 100) (func (export "f") (result i32) i32.const 101))""");
        host.Module("simple-module", Module.Compile(engine, simple), simple);
        Linker.Instance("wasmtime").Function("gc", new DynamicHostFunction((_, _) => null));

        // The objects behind these resources are the numbers that the scripts give them.
        var resource1 = new HostResource("resource1", (_, rep) =>
        {
            _drops++;
            _lastDrop = (uint)rep;
        });
        var resource2 = new HostResource("resource2", (_, _) => { });
        host.Resource("resource1", resource1).Resource("resource2", resource2).Resource("resource1-again", resource1);
        host.Function("[constructor]resource1", new DynamicHostFunction((i, a) => new ResourceValue(ResourceHandle.FromHost(i, resource1, Rep(a[0])))));
        host.Function("[static]resource1.assert", new DynamicHostFunction((_, a) =>
        {
            ResourceHandle handle = ((ResourceValue)a[0]).Handle;
            Expect((uint)handle.Host! == Rep(a[1]), "representation");
            if (handle.IsOwned) Keep(handle);
            return null;
        }));
        host.Function("[static]resource1.last-drop", new DynamicHostFunction((_, _) => new UnsignedValue(_lastDrop)));
        host.Function("[static]resource1.drops", new DynamicHostFunction((_, _) => new UnsignedValue(_drops)));
        host.Function("[method]resource1.simple", new DynamicHostFunction((_, a) =>
        {
            ResourceHandle handle = ((ResourceValue)a[0]).Handle;
            Expect(!handle.IsOwned && (uint)handle.Host! == Rep(a[1]), "borrow");
            return null;
        }));
        host.Function("[method]resource1.take-borrow", new DynamicHostFunction((_, a) =>
        {
            Expect(!Owned(a[0]) && !Owned(a[1]), "two borrows");
            return null;
        }));
        host.Function("[method]resource1.take-own", new DynamicHostFunction((_, a) =>
        {
            Expect(!Owned(a[0]) && Owned(a[1]), "a borrow and an own");
            return null;
        }));
    }

    public ComponentLinker Linker { get; } = new();

    /// <summary>Shows a named instance's modules and resources to later components.</summary>
    public void Define(string name, WastInstance instance)
    {
        Linker.Remove(name);
        HostInstance target = Linker.Instance(name);
        foreach (ComponentExport export in instance.Template.Exports)
        {
            if (export.IsModule)
            {
                (Module module, ReadOnlyMemory<byte> wasm) = instance.Template.GetModule(instance.Component, export.Name);
                target.Module(export.Name, module, wasm);
            }
            else if (export.IsResource)
            {
                target.Resource(export.Name, new HostResource($"{name}.{export.Name}"));
            }
        }
    }

    /// <summary>As in Wasmtime's runner: what a test function is given, it lets go without running the destructor.</summary>
    private static void Keep(ResourceHandle handle) => _ = handle;

    private static uint Rep(Value value) => (uint)((UnsignedValue)value).Value;

    private static bool Owned(Value value) => ((ResourceValue)value).Handle.IsOwned;

    private static void Expect(bool condition, string what)
    {
        if (!condition) throw new InvalidOperationException($"the host function was given something else than {what}");
    }
}
