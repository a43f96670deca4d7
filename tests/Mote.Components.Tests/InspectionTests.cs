// What a component file says about itself.
using Mote.Components.Inspection;
using Mote.Wasmtime;

namespace Mote.Components.Tests;

public sealed class InspectionTests
{
    [Fact]
    public void Of_Component_DescribesImportsExportsAndParts()
    {
        byte[] file = Wat.ToWasm("""
            (component
              (import "ns:pkg/store@1.0.0" (instance $store
                (export "bucket" (type $b (sub resource)))
                (export "open" (func (param "name" string) (result (result (own $b)))))))
              (import "log" (func (param "line" string)))
              (import "m" (core module))
              (component $inner
                (core module $a (memory 2 5) (func) (func)))
              (core module $b (import "x" "f" (func)) (func))
              (type $e' (enum "x" "y"))
              (export "e" (type $e')))
            """);

        ComponentDescription d = ComponentDescription.Of(file, Engines.Plain);

        Assert.Equal(file.Length, d.Bytes);
        Assert.Equal(["ns:pkg/store@1.0.0", "log", "m"], d.Imports.Select(i => i.Name));
        Assert.Equal([ItemKind.Instance, ItemKind.Function, ItemKind.Module], d.Imports.Select(i => i.Kind));
        Assert.Equal([("bucket", ItemKind.Resource), ("open", ItemKind.Function)], d.Imports[0].Items.Select(i => (i.Name, i.Kind)));
        Assert.Equal("func(name: string) -> result<own<bucket>>", d.Imports[0].Items[1].Type);
        Assert.Equal("func(line: string)", d.Imports[1].Type);
        ItemDescription e = Assert.Single(d.Exports);
        Assert.Equal(("e", ItemKind.Type), (e.Name, e.Kind));
        Assert.Equal(1, d.Components);
        Assert.Equal([(0, 1, null), (1, 2, 2UL)], d.Modules.Select(m => (m.Depth, m.Functions, m.MemoryPages)).Order());
        Assert.Contains(d.Modules, m => m.MaxMemoryPages == 5);
        // Each module's place in the file is where a module begins.
        Assert.All(d.Modules, m => Assert.Equal("\0asm"u8.ToArray(), file[(int)m.Offset..((int)m.Offset + 4)]));
    }

    [Fact]
    public void Of_AsynchronousComponent_IsDescribedThoughItCannotRun()
    {
        byte[] file = Wat.ToWasm("""(component (import "f" (func async (param "s" (stream u8)))))""");

        Assert.Equal("async func(s: stream<u8>)", Assert.Single(ComponentDescription.Of(file, Engines.Plain).Imports).Type);
    }

    [Fact]
    public void Of_DamagedFile_IsRefused() =>
        Assert.Throws<ComponentException>(() => ComponentDescription.Of(new byte[] { 0, 1, 2 }, Engines.Plain));
}
