// Makes one core module of several that are always instantiated together: what would be passed from one instance to
// the next at run time is an index in the same module. Only what is provably the same is merged; see docs/adr.
using System.Text;
using Mote.Components.Types;
using Mote.Wasmtime;

namespace Mote.Components.Binary;

/// <summary>What an import of a module to be merged is: an export of an earlier member, or a function from outside.</summary>
/// <param name="Member">The earlier member; -1 for a function from outside.</param>
/// <param name="Name">The member's export.</param>
/// <param name="Outside">Number of the function from outside.</param>
internal readonly record struct MergeSource(int Member, string Name, int Outside);

/// <summary>A module to be merged.</summary>
/// <param name="Wasm">The module.</param>
/// <param name="Imports">What each of its imports is, in order.</param>
internal sealed record MergeMember(ReadOnlyMemory<byte> Wasm, MergeSource[] Imports);

/// <summary>An item that the merged module exports.</summary>
internal readonly record struct MergeExport(int Member, string Name, string As);

/// <summary>Merges core modules that Wasmtime has found valid.</summary>
internal sealed class CoreMerger
{
    /// <summary>
    /// What the last member's start function is exported as. It is not the merged module's start function: when it
    /// runs, the host must already have what the earlier members export, their memory for instance.
    /// </summary>
    public const string StartExport = "start";

    private readonly Part[] _parts;
    private readonly List<int> _outside = [];
    private readonly List<uint> _outsideTypes = [];
    private uint _functions, _tables, _memories, _globals, _tags, _types, _elements, _dataSegments;

    private CoreMerger(IReadOnlyList<MergeMember> members)
    {
        _parts = [.. members.Select(m => new Part(m))];
        foreach (MergeSource s in members.SelectMany(m => m.Imports))
        {
            if (s.Member < 0 && !_outside.Contains(s.Outside)) _outside.Add(s.Outside);
        }
    }

    /// <summary>The merged module, or null where one of the members cannot be merged.</summary>
    /// <param name="members">In the order of their instantiation; only the last may have a start function.</param>
    /// <param name="exports">What is to be exported.</param>
    /// <param name="outside">The functions that are imported, by their numbers, in order; the import of number n is called n, in module "".</param>
    public static byte[]? Merge(IReadOnlyList<MergeMember> members, IReadOnlyList<MergeExport> exports, out int[] outside)
    {
        var merger = new CoreMerger(members);
        outside = [.. merger._outside];
        try
        {
            merger.Number();
            return merger.Write(exports);
        }
        catch (Exception e) when (e is NotRewritableException or ComponentException)
        {
            return null; // it stays several modules, which is slower and no less right
        }
    }

    // ---- what is where ----

    /// <summary>A member and the places of its sections.</summary>
    private sealed class Part(MergeMember member)
    {
        public MergeMember Member { get; } = member;

        public IndexMap Map { get; } = new();

        /// <summary>By section id; the default range for a section that is not there.</summary>
        public Range[] Sections { get; } = new Range[14];

        public Range Names { get; set; }

        public Dictionary<string, (byte Kind, uint Index)> Exports { get; } = [];

        /// <summary>Its functions before any that it defines.</summary>
        public int ImportedFunctions { get; set; }

        public ReadOnlySpan<byte> Section(int id) => Member.Wasm.Span[Sections[id]];

        public WasmReader Read(int id) => new(Section(id), 0);
    }

    private void Number()
    {
        _functions = (uint)_outside.Count;
        _outsideTypes.AddRange(Enumerable.Repeat(uint.MaxValue, _outside.Count));
        foreach (Part part in _parts)
        {
            FindSections(part);
            part.Map.TypeBase = _types;
            part.Map.ElementBase = _elements;
            part.Map.DataBase = _dataSegments;
            _types += CountTypes(part);
            NumberImports(part);
            part.ImportedFunctions = part.Map.Functions.Count;
            Define(part, 3, part.Map.Functions, ref _functions);
            Define(part, 4, part.Map.Tables, ref _tables);
            Define(part, 5, part.Map.Memories, ref _memories);
            Define(part, 6, part.Map.Globals, ref _globals);
            Define(part, 13, part.Map.Tags, ref _tags);
            _elements += Count(part, 9);
            _dataSegments += Count(part, 11);
            FindExports(part);
        }
    }

    private static void FindSections(Part part)
    {
        var r = new WasmReader(part.Member.Wasm.Span, 0);
        r.Bytes(8, "a module header");
        while (!r.AtEnd)
        {
            byte id = r.Byte("a section id");
            int size = (int)r.U32("section size");
            int start = r.Position;
            WasmReader section = r.Sub(size, "a section");
            if (id >= part.Sections.Length) throw new NotRewritableException($"section {id}");
            if (id != 0) part.Sections[id] = start..(start + size);
            else if (section.Name("a section name") == "name") part.Names = (start + section.Position)..(start + size);
        }
    }

    private static uint Count(Part part, int id) => part.Section(id).IsEmpty ? 0 : part.Read(id).U32("a count");

    private static void Define(Part part, int id, List<uint> space, ref uint next)
    {
        for (uint n = Count(part, id); n > 0; n--) space.Add(next++);
    }

    private static uint CountTypes(Part part)
    {
        uint count = Count(part, 1);
        if (count == 0) return 0;
        WasmReader r = part.Read(1);
        r.U32("a count");
        for (uint n = count; n > 0; n--)
        {
            if (r.Byte("a type") != 0x60) throw new NotRewritableException("a type that is not of a function");
            for (int list = 0; list < 2; list++)
            {
                for (uint v = r.U32("types"); v > 0; v--)
                {
                    if (!CoreRewriter.IsSimpleValType(r.Byte("a type"))) throw new NotRewritableException("a type that refers to another");
                }
            }
        }

        return count;
    }

    private void NumberImports(Part part)
    {
        if (part.Section(2).IsEmpty) return;
        WasmReader r = part.Read(2);
        uint count = r.U32("imports");
        for (int i = 0; i < count; i++)
        {
            r.Name("a module name");
            r.Name("a name");
            CoreExternNode type = CoreDecoder.Extern(ref r);
            MergeSource source = part.Member.Imports[i];
            if (source.Member < 0)
            {
                if (type.Kind != ExternKind.Func) throw new NotRewritableException("an import from outside that is not a function");
                int at = _outside.IndexOf(source.Outside);
                _outsideTypes[at] = part.Map.TypeBase + type.TypeIndex;
                part.Map.Functions.Add((uint)at);
                continue;
            }

            Part from = _parts[source.Member];
            (byte kind, uint index) = from.Exports[source.Name];
            Space(part.Map, kind).Add(Space(from.Map, kind)[(int)index]);
        }
    }

    private static void FindExports(Part part)
    {
        if (part.Section(7).IsEmpty) return;
        WasmReader r = part.Read(7);
        for (uint n = r.U32("exports"); n > 0; n--) part.Exports.Add(r.Name("a name"), (r.Byte("a kind"), r.U32("an index")));
    }

    private static List<uint> Space(IndexMap map, byte kind) => kind switch
    {
        0 => map.Functions,
        1 => map.Tables,
        2 => map.Memories,
        3 => map.Globals,
        4 => map.Tags,
        _ => throw new NotRewritableException($"external kind {kind}"),
    };

    // ---- writing ----

    private byte[] Write(IReadOnlyList<MergeExport> exports)
    {
        var code = new WasmWriter();
        Code(code);
        uint[] referenced = [.. _parts.SelectMany(p => p.Map.Referenced).Distinct().Order()];
        var w = new WasmWriter();
        w.Raw("\0asm\x01\0\0\0"u8);
        w.Section(1, s => Concatenate(s, 1, _types));
        w.Section(2, Imports);
        w.Section(3, FunctionTypes);
        Section(w, 4, _tables, s => Concatenate(s, 4, _tables));
        Section(w, 5, _memories, s => Concatenate(s, 5, _memories));
        Section(w, 13, _tags, Tags);
        Section(w, 6, _globals, Globals);
        w.Section(7, s => Exports(s, exports));
        Section(w, 9, _elements + (uint)referenced.Length, s => Elements(s, referenced));
        Section(w, 12, _dataSegments, s => s.U32(_dataSegments));
        w.Byte(10);
        w.Sized(code);
        Section(w, 11, _dataSegments, Data);
        w.Section(0, Names);
        return w.ToArray();
    }

    private static void Section(WasmWriter w, byte id, uint count, Action<WasmWriter> body)
    {
        if (count > 0) w.Section(id, body);
    }

    /// <summary>The elements of all members' sections, one after the other, where they hold no index.</summary>
    private void Concatenate(WasmWriter s, int id, uint count)
    {
        s.U32(count);
        foreach (Part part in _parts)
        {
            if (part.Section(id).IsEmpty) continue;
            WasmReader r = part.Read(id);
            uint n = r.U32("a count");
            int start = r.Position;
            for (; id == 4 && n > 0; n--)
            {
                if (!CoreRewriter.IsSimpleValType(r.Peek("a table"))) throw new NotRewritableException("a table with an initializer or of a type that refers to another");
                CoreDecoder.Table(ref r);
            }

            s.Raw(part.Section(id)[start..]);
        }
    }

    private void Imports(WasmWriter s)
    {
        s.U32((uint)_outside.Count);
        for (int i = 0; i < _outside.Count; i++)
        {
            s.Name("");
            s.Name($"{_outside[i]}");
            s.Byte(0);
            s.U32(_outsideTypes[i]);
        }
    }

    private void FunctionTypes(WasmWriter s)
    {
        s.U32(_functions - (uint)_outside.Count);
        foreach (Part part in _parts)
        {
            if (part.Section(3).IsEmpty) continue;
            WasmReader r = part.Read(3);
            for (uint n = r.U32("functions"); n > 0; n--) s.U32(part.Map.TypeBase + r.U32("a type"));
        }
    }

    private void Tags(WasmWriter s)
    {
        s.U32(_tags);
        foreach (Part part in _parts)
        {
            if (part.Section(13).IsEmpty) continue;
            WasmReader r = part.Read(13);
            for (uint n = r.U32("tags"); n > 0; n--)
            {
                s.Byte(r.Byte("an attribute"));
                s.U32(part.Map.TypeBase + r.U32("a type"));
            }
        }
    }

    private void Globals(WasmWriter s)
    {
        s.U32(_globals);
        foreach (Part part in _parts)
        {
            if (part.Section(6).IsEmpty) continue;
            WasmReader r = part.Read(6);
            for (uint n = r.U32("globals"); n > 0; n--)
            {
                byte type = r.Byte("a type");
                if (!CoreRewriter.IsSimpleValType(type)) throw new NotRewritableException("a global of a type that refers to another");
                s.Byte(type);
                s.Byte(r.Byte("a mutability"));
                Constant(part, 6, ref r, s);
            }
        }
    }

    private static void Constant(Part part, int id, ref WasmReader r, WasmWriter s) =>
        r.Bytes(CoreRewriter.Constant(part.Section(id)[r.Position..], part.Map, s), "a constant expression");

    private void Exports(WasmWriter s, IReadOnlyList<MergeExport> exports)
    {
        Part last = _parts[^1];
        bool starts = !last.Section(8).IsEmpty;
        s.U32((uint)exports.Count + (starts ? 1u : 0u));
        foreach (MergeExport e in exports)
        {
            (byte kind, uint index) = _parts[e.Member].Exports[e.Name];
            s.Name(e.As);
            s.Byte(kind);
            s.U32(Space(_parts[e.Member].Map, kind)[(int)index]);
        }

        if (!starts) return;
        s.Name(StartExport);
        s.Byte(0);
        s.U32(last.Map.Functions[(int)last.Read(8).U32("a function")]);
    }

    /// <param name="s">The section.</param>
    /// <param name="referenced">Functions that code refers to: being exported had allowed that, and few are exported any more, so they are declared.</param>
    private void Elements(WasmWriter s, uint[] referenced)
    {
        s.U32(_elements + (referenced.Length > 0 ? 1u : 0u));
        foreach (Part part in _parts)
        {
            if (part.Section(9).IsEmpty) continue;
            WasmReader r = part.Read(9);
            for (uint n = r.U32("segments"); n > 0; n--) Elements(part, ref r, s);
        }

        if (referenced.Length == 0) return;
        s.U32(3); // declarative
        s.Byte(0); // of functions
        s.Vector(referenced, s.U32);
    }

    /// <summary>One element segment. Bit 0 of its flags: not active; bit 1: with a table, or declarative; bit 2: expressions.</summary>
    private static void Elements(Part part, ref WasmReader r, WasmWriter s)
    {
        uint flags = r.U32("flags");
        if (flags > 7) throw new NotRewritableException($"element segment flags {flags}");
        bool active = (flags & 1) == 0;
        uint table = active ? part.Map.Tables[(flags & 2) != 0 ? (int)r.U32("a table") : 0] : 0;
        bool typed = (flags & 3) != 0;
        // An active segment without a type stays so only in table 0.
        bool withTable = active && !typed && table != 0;
        s.U32(withTable ? flags | 2 : flags);
        if (active)
        {
            if (withTable || (flags & 2) != 0) s.U32(table);
            Constant(part, 9, ref r, s);
        }

        bool expressions = (flags & 4) != 0;
        if (typed)
        {
            byte type = r.Byte("a type or kind");
            if (expressions ? !CoreRewriter.IsSimpleValType(type) : type != 0) throw new NotRewritableException($"elements of 0x{type:x2}");
            s.Byte(type);
        }
        else if (withTable)
        {
            s.Byte(expressions ? (byte)0x70 : (byte)0);
        }

        uint count = r.U32("elements");
        s.U32(count);
        for (; count > 0; count--)
        {
            if (expressions) Constant(part, 9, ref r, s);
            else s.U32(part.Map.Functions[(int)r.U32("a function")]);
        }
    }

    private void Code(WasmWriter s)
    {
        s.U32(_functions - (uint)_outside.Count);
        var body = new WasmWriter();
        foreach (Part part in _parts)
        {
            if (part.Section(10).IsEmpty) continue;
            WasmReader r = part.Read(10);
            for (uint n = r.U32("bodies"); n > 0; n--)
            {
                body.Clear();
                CoreRewriter.Body(r.Bytes((int)r.U32("a size"), "a body"), part.Map, body);
                s.Sized(body);
            }
        }
    }

    private void Data(WasmWriter s)
    {
        s.U32(_dataSegments);
        foreach (Part part in _parts)
        {
            if (part.Section(11).IsEmpty) continue;
            WasmReader r = part.Read(11);
            for (uint n = r.U32("segments"); n > 0; n--)
            {
                uint flags = r.U32("flags");
                if (flags > 2) throw new NotRewritableException($"data segment flags {flags}");
                uint memory = flags == 1 ? 0 : part.Map.Memories[flags == 2 ? (int)r.U32("a memory") : 0];
                s.U32(flags == 1 ? 1u : memory == 0 ? 0u : 2u);
                if (flags != 1)
                {
                    if (memory != 0) s.U32(memory);
                    Constant(part, 11, ref r, s);
                }

                uint size = r.U32("a size");
                s.U32(size);
                s.Raw(r.Bytes((int)size, "data"));
            }
        }
    }

    /// <summary>Names of functions, for backtraces. One without a name is called by its index in the module it came from.</summary>
    private void Names(WasmWriter s)
    {
        var names = new Dictionary<uint, string>();
        foreach (Part part in _parts)
        {
            for (int f = part.ImportedFunctions; f < part.Map.Functions.Count; f++) names[part.Map.Functions[f]] = $"func[{f}]";
            foreach ((uint f, string name) in FunctionNames(part))
            {
                if (f < part.Map.Functions.Count) names[part.Map.Functions[(int)f]] = name;
            }
        }

        s.Name("name");
        var functions = new WasmWriter();
        functions.Vector(names.OrderBy(n => n.Key), n =>
        {
            functions.U32(n.Key);
            functions.Name(n.Value);
        });
        s.Byte(1);
        s.Sized(functions);
    }

    /// <summary>From the name section; one that is not well formed has no more names from there on.</summary>
    private static List<(uint Function, string Name)> FunctionNames(Part part)
    {
        var names = new List<(uint, string)>();
        try
        {
            var r = new WasmReader(part.Member.Wasm.Span[part.Names], 0);
            while (!r.AtEnd)
            {
                byte id = r.Byte("a subsection");
                WasmReader section = r.Sub((int)r.U32("a size"), "a subsection");
                for (uint n = id == 1 ? section.U32("names") : 0; n > 0; n--) names.Add((section.U32("a function"), section.Name("a name")));
            }
        }
        catch (ComponentException)
        {
        }

        return names;
    }
}
