// A core module with WASI preview 1 imports as a component: the module is put into a small component that imports one
// instance with the preview-1 functions and exports the module's entry. Everything a component has (limits, deadlines,
// code cache, planning) then holds for it too, and nothing in the runtime knows of preview 1.
using System.Text;
using Mote.Components.Binary;
using Mote.Components.Types;
using Mote.Wasmtime;

namespace Mote.Components;

/// <summary>Wraps a preview-1 program.</summary>
public static class CoreProgram
{
    /// <summary>The module that a program imports its functions from.</summary>
    public const string ImportModule = "wasi_snapshot_preview1";

    /// <summary>The instance that the component imports them from.</summary>
    public const string ImportInstance = "wasi-snapshot-preview1";

    /// <summary>The component's export that runs the program.</summary>
    public const string Entry = "start";

    private const string CoreEntry = "_start";
    private const string CoreMemory = "memory";

    /// <summary>Names of component-level items are in kebab-case.</summary>
    public static string ComponentName(string preview1Name) => preview1Name.Replace('_', '-').Trim('-');

    /// <summary>A component that runs the module.</summary>
    /// <exception cref="ComponentException">The module is not valid, exports no entry, or imports something else.</exception>
    public static byte[] ToComponent(ReadOnlySpan<byte> module, Engine engine)
    {
        if (engine.Validate(module) is { } error) throw new ComponentException(ComponentErrorKind.Invalid, error);
        byte[] bytes = CoreImports.Unique(module);
        CoreModule m = CoreModule.Read(bytes, 0, new CoreTypeInterner());
        if (!m.Exports.Any(e => e.Name == CoreEntry && e.Kind == ExternKind.Func)) throw new ComponentException(ComponentErrorKind.Link, $"a core module that exports no function `{CoreEntry}` is not a program: it exports {Names(m.Exports.Select(e => e.Name))}");
        if (m.Imports.Where(i => i.Module != ImportModule || i.Type.Kind != ExternKind.Func).ToArray() is { Length: > 0 } foreign) throw new ComponentException(ComponentErrorKind.Link, $"a core module may import functions of {ImportModule} only; this one imports {Names(foreign.Select(i => $"{i.Module}.{i.Name}"))}");
        if (m.Type.Exports[CoreEntry].Func is not { Parameters.Length: 0, Results.Length: 0 }) throw new ComponentException(ComponentErrorKind.Link, $"the function `{CoreEntry}` of a program takes nothing and gives nothing");
        (string Name, CoreSubType Type)[] imports = [.. m.Imports.Select(Wanted).Distinct()];
        foreach ((string name, CoreSubType type) in imports) CheckImport(name, type);

        var file = new WasmWriter();
        file.Raw("\0asm\x0d\0\x01\0"u8);
        file.Section(1, s => s.Raw(bytes));
        file.Section(7, s =>
        {
            s.U32(2);
            InstanceType(s, imports);
            s.Raw([0x40, 0x00, 0x01, 0x00]); // func()
        });
        file.Section(10, s =>
        {
            s.U32(1);
            s.Raw([0x00]);
            s.Name(ImportInstance);
            s.Raw([0x05, 0x00]); // an instance of type 0
        });
        file.Section(6, s => s.Vector(imports, i =>
        {
            s.Raw([0x01, 0x00, 0x00]); // a function of instance 0
            s.Name(ComponentName(i.Name));
        }));
        file.Section(8, s => s.Vector(Enumerable.Range(0, imports.Length), i =>
        {
            s.Raw([0x01, 0x00]); // canon lower
            s.U32((uint)i);
            s.U32(0);
        }));
        file.Section(2, s =>
        {
            s.U32(2);
            s.Raw([0x01]);
            s.Vector(m.Imports, i =>
            {
                s.Name(i.Name);
                s.Raw([0x00]);
                s.U32((uint)Array.IndexOf(imports, Wanted(i)));
            });
            s.Raw([0x00, 0x00, 0x01]); // module 0, one argument: core instance 0
            s.Name(ImportModule);
            s.Raw([0x12, 0x00]);
        });
        bool hasMemory = m.Exports.Any(e => e.Name == CoreMemory && e.Kind == ExternKind.Memory);
        file.Section(6, s =>
        {
            s.U32(hasMemory ? 2u : 1u);
            s.Raw([0x00, 0x00, 0x01, 0x01]); // a core function of core instance 1
            s.Name(CoreEntry);
            if (!hasMemory) return;
            s.Raw([0x00, 0x02, 0x01, 0x01]);
            s.Name(CoreMemory);
        });
        file.Section(8, s =>
        {
            s.U32(1);
            s.Raw([0x00, 0x00]); // canon lift
            s.U32((uint)imports.Length);
            // The option makes the memory known to the host, which reads and writes what the arguments point to.
            s.Raw(hasMemory ? [0x01, 0x03, 0x00] : [0x00]);
            s.U32(1);
        });
        file.Section(11, s =>
        {
            s.U32(1);
            s.Raw([0x00]);
            s.Name(Entry);
            s.Raw([0x01]);
            s.U32((uint)imports.Length);
            s.Raw([0x00]);
        });
        return file.ToArray();
    }

    private static (string Name, CoreSubType Type) Wanted((string Module, string Name, CoreExternType Type) import) => (CoreImports.Original(import.Name), import.Type.Func!);

    /// <summary>What no preview-1 function looks like could not be written as a component's import.</summary>
    private static void CheckImport(string name, CoreSubType type)
    {
        bool isName = name.Split('_').All(word => word.Length > 0 && char.IsAsciiLetterLower(word[0]) && word.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c)));
        if (!isName) throw new ComponentException(ComponentErrorKind.Link, $"there is no function `{name}` in {ImportModule}");
        if (type.Parameters.Length > ValType.MaxFlatParameters || type.Results.Length > ValType.MaxFlatResults) throw new ComponentException(ComponentErrorKind.Link, $"no function of {ImportModule} has the type that the module imports `{name}` with: {type}");
    }

    private static void InstanceType(WasmWriter s, (string Name, CoreSubType Type)[] functions)
    {
        s.Raw([0x42]);
        s.U32((uint)functions.Length * 2);
        for (int i = 0; i < functions.Length; i++)
        {
            CoreSubType type = functions[i].Type;
            s.Raw([0x01, 0x40]); // a function type
            s.Vector(Enumerable.Range(0, type.Parameters.Length), p =>
            {
                s.Name($"p{p}");
                s.Raw([Primitive(type.Parameters[p])]);
            });
            s.Raw(type.Results.Length == 0 ? [0x01, 0x00] : [0x00, Primitive(type.Results[0])]);
            s.Raw([0x04, 0x00]); // an export of it
            s.Name(ComponentName(functions[i].Name));
            s.Raw([0x01]);
            s.U32((uint)i);
        }
    }

    private static byte Primitive(CoreValType type) => type.Kind switch
    {
        CoreValKind.I32 => 0x79, // u32
        CoreValKind.I64 => 0x77, // u64
        CoreValKind.F32 => 0x76,
        CoreValKind.F64 => 0x75,
        _ => throw new ComponentException(ComponentErrorKind.Link, $"no function of {ImportModule} has a parameter of type {type}"),
    };

    private static string Names(IEnumerable<string> names)
    {
        string[] all = [.. names.Take(6)];
        return all.Length == 0 ? "nothing" : string.Join(", ", all.Take(5).Select(n => $"`{n}`")) + (all.Length > 5 ? " and others" : "");
    }
}
