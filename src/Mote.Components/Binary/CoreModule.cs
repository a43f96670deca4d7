// A core module inside a component: its types, and as much of its content as the planner looks at. Wasmtime validates
// the module itself; this only reads.
using Mote.Components.Types;
using Mote.Wasmtime;

namespace Mote.Components.Binary;

/// <summary>An active element segment that fills a table with functions.</summary>
internal sealed record FuncElements(uint Table, uint Offset, uint[] Functions);

/// <summary>The content of a core module that linking depends on.</summary>
internal sealed class CoreModule
{
    /// <summary>Imports in order, with their types.</summary>
    public List<(string Module, string Name, CoreExternType Type)> Imports { get; } = [];

    /// <summary>Exports in order: name, kind, index in that kind's space.</summary>
    public List<(string Name, ExternKind Kind, uint Index)> Exports { get; } = [];

    /// <summary>Function types in the index space, imported ones first.</summary>
    public List<CoreSubType> Functions { get; } = [];

    /// <summary>Function bodies (after the size), in order, as ranges of the module.</summary>
    public List<Range> Code { get; } = [];

    /// <summary>Active element segments of functions.</summary>
    public List<FuncElements> Elements { get; } = [];

    /// <summary>Memories, imported ones first.</summary>
    public List<CoreMemoryType> Memories { get; } = [];

    /// <summary>Tables, imported ones first.</summary>
    public List<CoreTableType> Tables { get; } = [];

    /// <summary>True where there is something that <see cref="Elements"/> does not show (other segments).</summary>
    public bool HasOtherElements { get; private set; }

    public bool HasStart { get; private set; }

    public bool HasData { get; private set; }

    /// <summary>Globals defined here.</summary>
    public int DefinedGlobals { get; private set; }

    public int ImportedFunctions { get; private set; }

    public CoreModuleType Type { get; } = new();

    private readonly List<CoreSubType> _types = [];
    private readonly List<CoreGlobalType> _globals = [];
    private readonly List<CoreSubType> _tags = [];

    /// <summary>Reads a module that Wasmtime has found valid.</summary>
    public static CoreModule Read(ReadOnlySpan<byte> wasm, long offset, CoreTypeInterner interner)
    {
        var module = new CoreModule();
        var r = new WasmReader(wasm, offset);
        r.Bytes(8, "a module header");
        while (!r.AtEnd)
        {
            byte id = r.Byte("a section id");
            int size = (int)r.U32("section size");
            int start = r.Position;
            WasmReader section = r.Sub(size, "a section");
            module.Section(id, ref section, start, interner);
        }

        module.FinishType(offset);
        return module;
    }

    private void Section(byte id, ref WasmReader r, int sectionStart, CoreTypeInterner interner)
    {
        switch (id)
        {
            case 1:
                for (int n = r.Count("type", Limits.Types); n > 0; n--)
                {
                    _types.AddRange(interner.Intern(CoreDecoder.RecGroup(ref r), _types.Count, i => TypeAt(i, 0)));
                }

                break;
            case 2:
                ImportSection(ref r);
                break;
            case 3:
                for (int n = r.Count("function", Limits.Functions); n > 0; n--)
                {
                    long at = r.Offset;
                    Functions.Add(TypeAt(r.U32("a type index"), at));
                }

                break;
            case 4:
                for (int n = r.Count("table", Limits.CoreItems); n > 0; n--)
                {
                    if (r.Peek("a table") == 0x40)
                    {
                        r.Byte("a table with an initializer");
                        r.Byte("a reserved byte");
                        Tables.Add(Resolve(CoreDecoder.Table(ref r)));
                        HasOtherElements = true;
                        SkipConst(ref r);
                    }
                    else
                    {
                        Tables.Add(Resolve(CoreDecoder.Table(ref r)));
                    }
                }

                break;
            case 5:
                for (int n = r.Count("memory", Limits.CoreItems); n > 0; n--) Memories.Add(CoreDecoder.Memory(ref r));
                break;
            case 6:
                for (int n = r.Count("global", Limits.CoreItems); n > 0; n--)
                {
                    CoreGlobalType global = CoreDecoder.Global(ref r);
                    _globals.Add(global with { Type = Resolve(global.Type) });
                    DefinedGlobals++;
                    SkipConst(ref r);
                }

                break;
            case 7:
                for (int n = r.Count("export", Limits.Exports, 3); n > 0; n--)
                {
                    string name = r.Name("an export name");
                    var kind = (ExternKind)(r.Byte("an export kind") switch { 0 => 0, 1 => 2, 2 => 3, 3 => 1, _ => 5 });
                    Exports.Add((name, kind, r.U32("an index")));
                }

                break;
            case 8:
                HasStart = true;
                r.Bytes(r.Remaining, "a start section");
                break;
            case 9:
                ElementSection(ref r);
                break;
            case 10:
                for (int n = r.Count("function body", Limits.Functions); n > 0; n--)
                {
                    int size = (int)r.U32("a body's size");
                    int from = sectionStart + r.Position;
                    r.Bytes(size, "a function body");
                    Code.Add(from..(from + size));
                }

                break;
            case 11:
                HasData = true;
                r.Bytes(r.Remaining, "a data section");
                break;
            case 13:
                for (int n = r.Count("tag", Limits.CoreItems); n > 0; n--)
                {
                    r.Byte("a tag attribute");
                    long at = r.Offset;
                    _tags.Add(TypeAt(r.U32("a type index"), at));
                }

                break;
            default:
                r.Bytes(r.Remaining, "a section");
                break;
        }
    }

    private void ImportSection(ref WasmReader r)
    {
        for (int n = r.Count("import", Limits.Imports, 4); n > 0; n--)
        {
            string module = r.Name("an import module"), name = r.Name("an import name");
            long at = r.Offset;
            CoreExternType type = Resolve(CoreDecoder.Extern(ref r), at);
            switch (type.Kind)
            {
                case ExternKind.Func:
                    Functions.Add(type.Func!);
                    ImportedFunctions++;
                    break;
                case ExternKind.Table:
                    Tables.Add(type.Table);
                    break;
                case ExternKind.Memory:
                    Memories.Add(type.Memory);
                    break;
                case ExternKind.Global:
                    _globals.Add(type.Global);
                    break;
                default:
                    _tags.Add(type.Func!);
                    break;
            }

            Imports.Add((module, name, type));
        }
    }

    private void ElementSection(ref WasmReader r)
    {
        int count = r.Count("element segment", Limits.CoreItems);
        for (int i = 0; i < count; i++)
        {
            long at = r.Offset;
            uint flags = r.U32("segment flags");
            // Only the two forms that fill a table with functions at a constant offset are read; at anything else
            // reading stops, because what follows is not needed then.
            if (flags is not (0 or 2))
            {
                HasOtherElements = true;
                r.Bytes(r.Remaining, "element segments");
                return;
            }

            uint table = flags == 2 ? r.U32("a table index") : 0;
            if (r.Byte("an offset") != 0x41)
            {
                HasOtherElements = true;
                r.Bytes(r.Remaining, "element segments");
                return;
            }

            long offset = r.S33("an offset");
            bool simple = r.Byte("the end of an offset") == 0x0b;
            if (!simple || (flags == 2 && r.Byte("an element kind") != 0))
            {
                HasOtherElements = true;
                r.Bytes(r.Remaining, "element segments");
                return;
            }

            var functions = new uint[r.Count("element", Limits.Functions)];
            for (int f = 0; f < functions.Length; f++) functions[f] = r.U32("a function index");
            Elements.Add(new FuncElements(table, (uint)offset, functions));
        }
    }

    /// <summary>Skips a constant expression; only its end is needed.</summary>
    private static void SkipConst(ref WasmReader r)
    {
        while (true)
        {
            byte op = r.Byte("a constant expression");
            switch (op)
            {
                case 0x0b:
                    return;
                case 0x41 or 0x42:
                    while ((r.Byte("a constant") & 0x80) != 0)
                    {
                    }

                    break;
                case 0x43:
                    r.Bytes(4, "an f32");
                    break;
                case 0x44:
                    r.Bytes(8, "an f64");
                    break;
                case 0x23 or 0xd2:
                    r.U32("an index");
                    break;
                case 0xd0:
                    r.S33("a heap type");
                    break;
                case 0xfd:
                    r.U32("a vector opcode");
                    r.Bytes(16, "a v128");
                    break;
                case 0xfb:
                    // struct.new, array.new and friends: one or two indices.
                    uint sub = r.U32("a GC opcode");
                    if (sub is 0 or 1 or 6 or 7 or 8) r.U32("a type index");
                    if (sub is 8) r.U32("a count");
                    break;
                default:
                    break; // operators without immediates
            }
        }
    }

    private CoreSubType TypeAt(uint index, long at) =>
        index < _types.Count ? _types[(int)index] : throw ComponentException.Invalid($"unknown type {index}: type index out of bounds", at);

    private CoreValType Resolve(CoreValType t) => t.IsConcrete ? t with { Heap = TypeAt((uint)t.Heap, 0).Id } : t;

    private CoreTableType Resolve(CoreTableType t) => t with { Element = Resolve(t.Element) };

    private CoreExternType Resolve(CoreExternNode node, long at) => new(node.Kind)
    {
        Func = node.Kind is ExternKind.Func or ExternKind.Tag ? TypeAt(node.TypeIndex, at) : null,
        Table = node.Kind == ExternKind.Table ? Resolve(node.Table) : default,
        Memory = node.Memory,
        Global = node.Kind == ExternKind.Global ? node.Global with { Type = Resolve(node.Global.Type) } : default,
    };

    private void FinishType(long offset)
    {
        foreach ((string module, string name, CoreExternType type) in Imports)
        {
            // Allowed in core wasm; a component could not supply the two with different items.
            if (!Type.Imports.TryAdd((module, name), type)) throw ComponentException.Invalid($"duplicate import name `{module}:{name}` already defined", offset);
        }

        foreach ((string name, ExternKind kind, uint index) in Exports)
        {
            Type.Exports[name] = kind switch
            {
                ExternKind.Func => new CoreExternType(kind) { Func = Functions[(int)index] },
                ExternKind.Table => new CoreExternType(kind) { Table = Tables[(int)index] },
                ExternKind.Memory => new CoreExternType(kind) { Memory = Memories[(int)index] },
                ExternKind.Global => new CoreExternType(kind) { Global = _globals[(int)index] },
                _ => new CoreExternType(kind) { Func = _tags[(int)index] },
            };
        }

        Type.Seal();
    }
}
