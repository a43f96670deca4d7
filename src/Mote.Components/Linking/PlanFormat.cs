// Plans as bytes, to be kept beside the compiled code. Only files that this node wrote and authenticated are read
// (CompiledStore adds a checksum, the node's cache a tag): reading checks counts and what it follows itself, so that a
// damaged plan is an error; it does not check that a plan makes sense.
using System.Buffers.Binary;
using System.Text;
using Mote.Components.Binary;
using Mote.Components.Types;
using Mote.Wasmtime;

namespace Mote.Components.Linking;

/// <summary>Writes plans. The version changes with anything in <see cref="Plan"/> or in the order of fields here.</summary>
internal sealed class PlanWriter
{
    /// <summary>"MPLN" and a format version.</summary>
    public const uint Magic = 0x4e4c504d, Version = 5;

    private readonly MemoryStream _out = new();
    private readonly MemoryStream _types = new();
    private readonly Dictionary<TypeDef, int> _typeIndex = new(ReferenceEqualityComparer.Instance);

    public static byte[] Write(Plan plan)
    {
        var writer = new PlanWriter();
        writer.Body(plan);
        var file = new MemoryStream();
        Span<byte> head = stackalloc byte[8];
        BinaryPrimitives.WriteUInt32LittleEndian(head, Magic);
        BinaryPrimitives.WriteUInt32LittleEndian(head[4..], Version);
        file.Write(head);
        Number(file, writer._typeIndex.Count);
        writer._types.WriteTo(file);
        writer._out.WriteTo(file);
        return file.ToArray();
    }

    private static void Number(Stream s, long value)
    {
        // Zigzag LEB128, because some fields use -1 for none.
        ulong v = (ulong)((value << 1) ^ (value >> 63));
        while (v >= 0x80)
        {
            s.WriteByte((byte)(v | 0x80));
            v >>= 7;
        }

        s.WriteByte((byte)v);
    }

    private static void Text(Stream s, string? value)
    {
        if (value is null)
        {
            Number(s, -1);
            return;
        }

        byte[] bytes = Encoding.UTF8.GetBytes(value);
        Number(s, bytes.Length);
        s.Write(bytes);
    }

    private void Number(long value) => Number(_out, value);

    private void Text(string? value) => Text(_out, value);

    private void List<T>(IReadOnlyCollection<T> items, Action<T> write)
    {
        Number(items.Count);
        foreach (T item in items) write(item);
    }

    private void Path(string[] path) => List(path, Text);

    private void Body(Plan plan)
    {
        List(plan.Modules, m =>
        {
            Number(m.Offset);
            Number(m.Length);
            Number(m.Needed ? 1 : 0);
        });
        List(plan.Instances, i =>
        {
            Number(i.Parent);
            Number(i.MayBlock ? 1 : 0);
        });
        List(plan.Resources, r =>
        {
            Text(r.Name);
            Path(r.ImportPath ?? []);
            Number(r.Instance);
            Number(r.Destructor);
        });
        List(plan.ResourceAliases, a =>
        {
            Number(a.Resource);
            Path(a.Path);
        });
        List(plan.InstanceImports, Path);
        List(plan.Imports, i =>
        {
            Path(i.Path);
            Text(i.Implements);
            Text(i.ExternalId);
            Function(i.Type);
        });
        List(plan.ModuleImports, _ => throw new NotSupportedException("components that import core modules are not cached"));
        List(plan.Trampolines, t =>
        {
            Number((byte)t.Kind);
            CoreType(t.CoreType);
            Number(t.Options is null ? 0 : 1);
            if (t.Options is { } o) Options(o);
            Number(t.Target);
            Number(t.Instance);
            Number(t.AvailableAfterStep);
            Number((byte)t.Op);
            Number(t.Flag ? 1 : 0);
            Number(t.Type is null ? -1 : Type(t.Type));
        });
        List(plan.Lifts, l =>
        {
            Number(l.Func);
            Options(l.Options);
            Function(l.Type);
            CoreType(l.CoreType);
        });
        List(plan.Steps, s =>
        {
            Number(s.Module);
            Number(s.Instance);
            Number(s.CoreInstance);
            List(s.Imports, Ref);
            List(s.Names, n =>
            {
                Text(n.Module);
                Text(n.Name);
            });
            List(s.Extracts, e =>
            {
                Number(e.Memory ? 1 : 0);
                Number(e.Slot);
                Text(e.Name);
            });
            Text(s.Start);
        });
        Number(plan.CoreInstances);
        Number(plan.Memories);
        Number(plan.Funcs);
        List(plan.TrampolineFuncs, f =>
        {
            Number(f.Slot);
            Number(f.Trampoline);
        });
        List(plan.Exports, Export);
        Number(plan.TotalMemories);
        Number(plan.TotalTables);
        Number(plan.BypassedModules);
        Number(plan.MergedModules);
        Number(plan.IsAsync ? 1 : 0);
    }

    private void Ref(CoreRef r)
    {
        Number((byte)r.Kind);
        Number(r.Index);
        Text(r.Name);
    }

    private void Options(PlanOptions o)
    {
        Number(o.Instance);
        Number((byte)o.Encoding);
        Number(o.Memory);
        Number(o.Realloc);
        Number(o.PostReturn);
        Number(o.Async ? 1 : 0);
        Number(o.Callback);
    }

    private void CoreType(FuncType type)
    {
        List(type.Parameters, k => Number((byte)k));
        List(type.Results, k => Number((byte)k));
    }

    private void Export(PlanExport e)
    {
        Text(e.Name);
        Number((byte)e.Sort);
        Number(e.Lift);
        Number(e.Resource);
        Number(e.Module);
        List(e.Children, Export);
    }

    // ---- types: each is written once, after those it refers to ----

    private void Function(FunctionType f)
    {
        Number(f.IsAsync ? 1 : 0);
        List(f.Parameters, p =>
        {
            Text(p.Name);
            Number(Type(p.Type));
        });
        Number(f.Result is null ? -1 : Type(f.Result));
    }

    private int Type(ValType? type)
    {
        if (type is null) return -1;
        if (type is PrimitiveType primitive) type = PrimitiveType.Of(primitive.Kind); // one each, as they are read
        if (_typeIndex.TryGetValue(type, out int known)) return known;
        var own = new MemoryStream();
        switch (type)
        {
            case PrimitiveType p:
                Number(own, 0);
                Number(own, (byte)p.Kind);
                break;
            case RecordType r:
                int[] fields = Array.ConvertAll(r.Types, Type);
                Number(own, 1);
                Number(own, fields.Length);
                for (int i = 0; i < fields.Length; i++)
                {
                    Text(own, r.Fields[i].Name);
                    Number(own, fields[i]);
                }

                break;
            case TupleType t:
                int[] elements = Array.ConvertAll(t.Types, Type);
                Number(own, 2);
                Number(own, elements.Length);
                foreach (int e in elements) Number(own, e);
                break;
            case ListType l:
                int element = Type(l.Element);
                Number(own, 3);
                Number(own, element);
                Number(own, l.Length ?? -1L);
                break;
            case MapType m:
                int key = Type(m.Key), value = Type(m.Value);
                Number(own, 4);
                Number(own, key);
                Number(own, value);
                break;
            case FlagsType f:
                Number(own, 5);
                Number(own, f.Names.Count);
                foreach (string n in f.Names) Text(own, n);
                break;
            case VariantType v:
                int[] payloads = Array.ConvertAll(v.Payloads, Type);
                Number(own, 6);
                Number(own, payloads.Length);
                for (int i = 0; i < payloads.Length; i++)
                {
                    Text(own, v.Cases[i].Name);
                    Number(own, payloads[i]);
                }

                break;
            case EnumType e:
                Number(own, 7);
                Number(own, e.Names.Count);
                foreach (string n in e.Names) Text(own, n);
                break;
            case OptionType o:
                int some = Type(o.Element);
                Number(own, 8);
                Number(own, some);
                break;
            case ResultType r:
                int ok = Type(r.Ok), error = Type(r.Error);
                Number(own, 9);
                Number(own, ok);
                Number(own, error);
                break;
            case HandleType h:
                Number(own, 10);
                Number(own, h.Resource.Id.Slot);
                Number(own, h.IsOwn ? 1 : 0);
                break;
            case StreamOrFutureType s:
                int payload = s.Element is null ? -1 : Type(s.Element);
                Number(own, 11);
                Number(own, payload);
                Number(own, s.IsStream ? 1 : 0);
                break;
            default:
                throw new NotSupportedException($"{type} in a plan");
        }

        own.WriteTo(_types);
        _typeIndex.Add(type, _typeIndex.Count);
        return _typeIndex.Count - 1;
    }
}

/// <summary>Reads plans.</summary>
internal ref struct PlanReader
{
    private readonly ReadOnlySpan<byte> _bytes;
    private int _at;
    private ValType[] _types;
    private ResourceId[] _slots;

    private PlanReader(ReadOnlySpan<byte> bytes)
    {
        _bytes = bytes;
        _types = [];
        _slots = [];
    }

    /// <exception cref="InvalidDataException">The bytes are not a plan of this version.</exception>
    public static Plan Read(ReadOnlySpan<byte> bytes)
    {
        try
        {
            var reader = new PlanReader(bytes);
            return reader.Body();
        }
        catch (Exception e) when (e is IndexOutOfRangeException or ArgumentException or OverflowException)
        {
            throw new InvalidDataException("the stored plan is damaged", e);
        }
    }

    private long Long()
    {
        ulong v = 0;
        int shift = 0;
        while (true)
        {
            if (_at >= _bytes.Length || shift > 63) throw Damaged();
            byte b = _bytes[_at++];
            v |= (ulong)(b & 0x7f) << shift;
            if (b < 0x80) return (long)(v >> 1) ^ -(long)(v & 1);
            shift += 7;
        }
    }

    private int Int() => checked((int)Long());

    /// <summary>A type that was read before.</summary>
    private ValType TypeAt(int index) => index >= 0 && index < _types.Length && _types[index] is { } type ? type : throw Damaged();

    private bool Bool() => Int() != 0;

    private int Count()
    {
        int count = Int();
        return count >= 0 && count <= _bytes.Length - _at ? count : throw Damaged();
    }

    private string? Text()
    {
        int length = Int();
        if (length < 0) return null;
        if (length > _bytes.Length - _at) throw Damaged();
        string text = Encoding.UTF8.GetString(_bytes.Slice(_at, length));
        _at += length;
        return text;
    }

    private static InvalidDataException Damaged() => new("the stored plan is damaged");

    private string[] Path()
    {
        int count = Count();
        if (count == 0) return [];
        var path = new string[count];
        for (int i = 0; i < count; i++) path[i] = Text() ?? throw Damaged();
        return path;
    }

    private Plan Body()
    {
        if (_bytes.Length < 8 || BinaryPrimitives.ReadUInt32LittleEndian(_bytes) != PlanWriter.Magic) throw Damaged();
        if (BinaryPrimitives.ReadUInt32LittleEndian(_bytes[4..]) != PlanWriter.Version) throw new InvalidDataException("the stored plan is of another version");
        _at = 8;
        int types = Count();
        int typesAt = _at;
        // Handle types name slots, and the slots come later: the types are read when the resources are known.
        SkipTypes(types);
        var plan = new Plan();
        for (int n = Count(); n > 0; n--) plan.Modules.Add(new PlanModule(Long(), Int()) { Needed = Bool() });
        for (int n = Count(); n > 0; n--) plan.Instances.Add(new PlanInstance(Int()) { MayBlock = Bool() });
        int resources = Count();
        _slots = new ResourceId[resources];
        for (int i = 0; i < resources; i++)
        {
            string name = Text() ?? "";
            string[] path = Path();
            plan.Resources.Add(new PlanResource(name, path.Length == 0 ? null : path, Int(), Int()));
            _slots[i] = new ResourceId(name) { Slot = i };
        }

        int rest = _at;
        _at = typesAt;
        ReadTypes(types);
        _at = rest;
        for (int n = Count(); n > 0; n--) plan.ResourceAliases.Add((Int(), Path()));
        for (int n = Count(); n > 0; n--) plan.InstanceImports.Add(Path());
        for (int n = Count(); n > 0; n--) plan.Imports.Add(new PlanImport(Path(), Text(), Text(), Function()));
        if (Count() != 0) throw Damaged();
        for (int n = Count(); n > 0; n--)
        {
            var kind = (TrampolineKind)Int();
            FuncType core = CoreType();
            plan.Trampolines.Add(new PlanTrampoline(kind, core) { Options = Bool() ? Options() : null, Target = Int(), Instance = Int(), AvailableAfterStep = Int(), Op = (CanonOp)Int(), Flag = Bool(), Type = Optional() });
        }

        for (int n = Count(); n > 0; n--) plan.Lifts.Add(new PlanLift(Int(), Options(), Function(), CoreType()));
        for (int n = Count(); n > 0; n--) plan.Steps.Add(Step());
        plan.CoreInstances = Int();
        plan.Memories = Int();
        plan.Funcs = Int();
        for (int n = Count(); n > 0; n--) plan.TrampolineFuncs.Add((Int(), Int()));
        for (int n = Count(); n > 0; n--) plan.Exports.Add(Export(0));
        plan.TotalMemories = Int();
        plan.TotalTables = Int();
        plan.BypassedModules = Int();
        plan.MergedModules = Int();
        plan.IsAsync = Bool();
        if (_at != _bytes.Length) throw Damaged();
        return plan;
    }

    private PlanStep Step()
    {
        int module = Int(), instance = Int(), coreInstance = Int();
        var imports = new CoreRef[Count()];
        for (int i = 0; i < imports.Length; i++) imports[i] = new CoreRef((CoreRefKind)Int(), Int(), 0, Text());
        var names = new (string, string)[Count()];
        for (int i = 0; i < names.Length; i++) names[i] = (Text() ?? "", Text() ?? "");
        var extracts = new PlanExtract[Count()];
        for (int n = 0; n < extracts.Length; n++) extracts[n] = new PlanExtract(Bool(), Int(), Text() ?? throw Damaged());
        var step = new PlanStep(module, false, instance, coreInstance, imports, names) { Start = Text() };
        step.Extracts.AddRange(extracts);
        return step;
    }

    private PlanOptions Options() => new(Int(), (StringEncoding)Int(), Int(), Int(), Int()) { Async = Bool(), Callback = Int() };

    private FuncType CoreType() => new(Kinds(), Kinds());

    private ValKind[] Kinds()
    {
        var kinds = new ValKind[Count()];
        for (int i = 0; i < kinds.Length; i++) kinds[i] = (ValKind)Int();
        return kinds;
    }

    private PlanExport Export(int depth)
    {
        if (depth > Limits.NestingDepth) throw Damaged();
        string name = Text() ?? throw Damaged();
        var sort = (Sort)Int();
        int lift = Int(), resource = Int(), module = Int();
        var children = new PlanExport[Count()];
        for (int i = 0; i < children.Length; i++) children[i] = Export(depth + 1);
        return new PlanExport(name, sort) { Lift = lift, Resource = resource, Module = module, Children = children };
    }

    private FunctionType Function()
    {
        bool isAsync = Bool();
        var parameters = new Parameter[Count()];
        for (int i = 0; i < parameters.Length; i++) parameters[i] = new Parameter(Text() ?? throw Damaged(), TypeAt(Int()));
        return new FunctionType(parameters, Optional(), isAsync);
    }

    private ValType? Optional()
    {
        int index = Int();
        return index < 0 ? null : TypeAt(index);
    }

    private void SkipTypes(int count)
    {
        for (int i = 0; i < count; i++)
        {
            switch (Int())
            {
                case 0 or 8:
                    Int();
                    break;
                case 1 or 6:
                    for (int n = Count(); n > 0; n--)
                    {
                        Text();
                        Int();
                    }

                    break;
                case 2:
                    for (int n = Count(); n > 0; n--) Int();
                    break;
                case 3 or 4 or 9 or 10 or 11:
                    Long();
                    Long();
                    break;
                case 5 or 7:
                    for (int n = Count(); n > 0; n--) Text();
                    break;
                default:
                    throw Damaged();
            }
        }
    }

    private void ReadTypes(int count)
    {
        _types = new ValType[count];
        for (int i = 0; i < count; i++) _types[i] = ReadType();
    }

    private ValType ReadType()
    {
        switch (Int())
        {
            case 0:
                return PrimitiveType.Of((PrimitiveKind)Int());
            case 1:
                var fields = new RecordField[Count()];
                for (int i = 0; i < fields.Length; i++) fields[i] = new RecordField(Text() ?? "", TypeAt(Int()));
                return new RecordType(fields);
            case 2:
                var elements = new ValType[Count()];
                for (int i = 0; i < elements.Length; i++) elements[i] = TypeAt(Int());
                return new TupleType(elements);
            case 3:
                ValType element = TypeAt(Int());
                long length = Long();
                return new ListType(element, length < 0 ? null : (uint)length);
            case 4:
                return new MapType(TypeAt(Int()), TypeAt(Int()));
            case 5:
                return new FlagsType(Names());
            case 6:
                var cases = new VariantCase[Count()];
                for (int i = 0; i < cases.Length; i++) cases[i] = new VariantCase(Text() ?? "", Optional());
                return new VariantType(cases);
            case 7:
                return new EnumType(Names());
            case 8:
                return new OptionType(TypeAt(Int()));
            case 9:
                return new ResultType(Optional(), Optional());
            case 11:
                return new StreamOrFutureType(Optional(), Bool());
            default:
                return new HandleType(new ResourceType(_slots[Int()]), Bool());
        }
    }

    private string[] Names()
    {
        var names = new string[Count()];
        for (int i = 0; i < names.Length; i++) names[i] = Text() ?? "";
        return names;
    }
}
