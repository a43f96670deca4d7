// Decodes the binary format of a component (Binary.md) into definitions. It checks form only; what the definitions
// mean is the validator's business.
using Mote.Components.Types;

namespace Mote.Components.Binary;

/// <summary>One pass over a file; nested components are decoded in place.</summary>
internal static class ComponentDecoder
{
    private static ReadOnlySpan<byte> Magic => "\0asm"u8;

    /// <summary>True where the bytes start like a component (and not like a core module).</summary>
    public static bool LooksLikeComponent(ReadOnlySpan<byte> file) =>
        file.Length >= 8 && file[..4].SequenceEqual(Magic) && file[6] == 1 && file[7] == 0;

    /// <summary>True where the bytes start like a core module.</summary>
    public static bool LooksLikeModule(ReadOnlySpan<byte> file) =>
        file.Length >= 8 && file[..4].SequenceEqual(Magic) && file[4] == 1 && file[5] == 0 && file[6] == 0 && file[7] == 0;

    public static ComponentNode Decode(ReadOnlySpan<byte> file)
    {
        var reader = new WasmReader(file, 0);
        return Component(ref reader, file.Length, 0);
    }

    private static ComponentNode Component(ref WasmReader r, long length, int depth)
    {
        long start = r.Offset;
        Preamble(ref r);
        var definitions = new List<Node>();
        while (!r.AtEnd)
        {
            long at = r.Offset;
            byte id = r.Byte("a section id");
            if (id > 12) throw ComponentException.Malformed($"malformed section id: {id}", at);
            long sizeAt = r.Offset;
            uint size = r.U32("section size");
            if (size > (uint)r.Remaining) throw ComponentException.Malformed($"unexpected end-of-file: section {id} says it has {size} bytes, {r.Remaining} follow", sizeAt);
            WasmReader section = r.Sub((int)size, "a section");
            Section(id, at, ref section, definitions, depth);
            if (!section.AtEnd) throw ComponentException.Malformed($"section size mismatch: unexpected data at the end of section {id}", section.Offset);
        }

        return new ComponentNode(start, length, definitions, r.Offset);
    }

    private static void Preamble(ref WasmReader r)
    {
        long at = r.Offset;
        ReadOnlySpan<byte> head = r.Bytes(Math.Min(8, r.Remaining), "a component");
        if (head.Length < 4 || !head[..4].SequenceEqual(Magic)) throw ComponentException.Malformed("magic header not detected: bad magic number, expected 00 61 73 6d", at);
        if (head.Length < 8) throw ComponentException.Malformed("unexpected end-of-file: expected a version and a layer", at + 4);
        if (head[6] == 0 && head[7] == 0) throw ComponentException.Malformed("expected a version header for a component, found a core module (layer 0)", at + 4);
        if (head[6] != 1 || head[7] != 0) throw ComponentException.Malformed($"unknown binary version and encoding combination: layer {head[6] | head[7] << 8}, expected 1", at + 6);
        int version = head[4] | head[5] << 8;
        if (version != 0x0d) throw ComponentException.Malformed($"unknown binary version and encoding combination: version 0x{version:x}, expected 0xd", at + 4);
    }

    private static void Section(byte id, long at, ref WasmReader r, List<Node> definitions, int depth)
    {
        switch (id)
        {
            case 0:
                r.Name("a custom section's name");
                r.Bytes(r.Remaining, "a custom section");
                break;
            case 1:
                definitions.Add(new CoreModuleNode(r.Offset, r.Remaining));
                r.Bytes(r.Remaining, "a core module");
                break;
            case 2:
                Items(ref r, "core instance", Limits.Instances, definitions, CoreInstance);
                break;
            case 3:
                Items(ref r, "core type", Limits.Types, definitions, static (ref WasmReader s) => CoreType(ref s, inModuleType: false));
                break;
            case 4:
                if (depth >= Limits.NestingDepth) throw ComponentException.Malformed($"nesting too deep: components may be nested {Limits.NestingDepth} deep", at);
                WasmReader nested = r.Sub(r.Remaining, "a component");
                long length = nested.Remaining;
                definitions.Add(Component(ref nested, length, depth + 1));
                break;
            case 5:
                Items(ref r, "instance", Limits.Instances, definitions, Instance);
                break;
            case 6:
                Items(ref r, "alias", Limits.Declarations, definitions, Alias);
                break;
            case 7:
                Items(ref r, "type", Limits.Types, definitions, static (ref WasmReader s) => Type(ref s, 0));
                break;
            case 8:
                Items(ref r, "canonical function", Limits.Functions, definitions, Canon);
                break;
            case 9:
                throw ComponentException.Unsupported("start definitions (value imports and exports) are not supported yet", at);
            case 10:
                Items(ref r, "import", Limits.Imports, definitions, Import);
                break;
            case 11:
                Items(ref r, "export", Limits.Exports, definitions, Export);
                break;
            case 12:
                throw ComponentException.Unsupported("value definitions (value imports and exports) are not supported yet", at);
            default:
                throw ComponentException.Malformed($"malformed section id: {id}", at);
        }
    }

    private delegate Node ItemReader(ref WasmReader r);

    private static void Items(ref WasmReader r, string what, int max, List<Node> definitions, ItemReader read)
    {
        int count = r.Count(what, max);
        for (int i = 0; i < count; i++) definitions.Add(read(ref r));
    }

    // ---- instances and aliases ----

    private static Node CoreInstance(ref WasmReader r)
    {
        long at = r.Offset;
        byte form = r.Byte("a core instance");
        switch (form)
        {
            case 0x00:
                uint module = r.U32("a module index");
                var arguments = new CoreArgument[r.Count("core instantiation argument", Limits.InstantiationArguments, 3)];
                for (int i = 0; i < arguments.Length; i++)
                {
                    string name = r.Name("an argument name");
                    long sortAt = r.Offset;
                    byte sort = r.Byte("an argument's sort");
                    if (sort != 0x12) throw ComponentException.Malformed($"invalid leading byte (0x{sort:x}) for instantiation arg kind: expected 0x12 (instance)", sortAt);
                    arguments[i] = new CoreArgument(name, r.U32("an instance index"));
                }

                return new InstantiateModuleNode(at, module, arguments);
            case 0x01:
                var exports = new CoreExportItem[r.Count("core inline export", Limits.Exports, 3)];
                for (int i = 0; i < exports.Length; i++)
                {
                    string name = r.Name("an export name");
                    exports[i] = new CoreExportItem(name, CoreSort(ref r), r.U32("an index"));
                }

                return new CoreExportsNode(at, exports);
            default:
                throw ComponentException.Malformed($"invalid leading byte (0x{form:x}) for core instance: expected 0x00 (instantiate) or 0x01 (exports)", at);
        }
    }

    private static Sort CoreSort(ref WasmReader r, string what = "core sort")
    {
        long at = r.Offset;
        byte b = r.Byte("a core sort");
        return b switch
        {
            0x00 => Sort.CoreFunc,
            0x01 => Sort.CoreTable,
            0x02 => Sort.CoreMemory,
            0x03 => Sort.CoreGlobal,
            0x04 => Sort.CoreTag,
            0x10 => Sort.CoreType,
            0x11 => Sort.CoreModule,
            0x12 => Sort.CoreInstance,
            _ => throw ComponentException.Malformed($"invalid leading byte (0x{b:x}) for {what}", at),
        };
    }

    private static Sort AnySort(ref WasmReader r, string what = "component external kind")
    {
        long at = r.Offset;
        byte b = r.Byte("a sort");
        return b switch
        {
            0x00 => CoreSort(ref r, what),
            0x01 => Sort.Func,
            0x02 => Sort.Value,
            0x03 => Sort.Type,
            0x04 => Sort.Component,
            0x05 => Sort.Instance,
            _ => throw ComponentException.Malformed($"invalid leading byte (0x{b:x}) for {what}", at),
        };
    }

    /// <summary>The byte that stands for a sort; for core sorts the second one.</summary>
    private static int Code(Sort sort) => sort switch
    {
        Sort.CoreFunc => 0,
        Sort.CoreTable => 1,
        Sort.CoreMemory => 2,
        Sort.CoreGlobal => 3,
        Sort.CoreTag => 4,
        Sort.CoreType => 0x10,
        Sort.CoreModule => 0x11,
        Sort.CoreInstance => 0x12,
        Sort.Func => 1,
        Sort.Value => 2,
        Sort.Type => 3,
        Sort.Component => 4,
        _ => 5,
    };

    private static Node Instance(ref WasmReader r)
    {
        long at = r.Offset;
        byte form = r.Byte("an instance");
        switch (form)
        {
            case 0x00:
                uint component = r.U32("a component index");
                var arguments = new Argument[r.Count("instantiation argument", Limits.InstantiationArguments, 3)];
                for (int i = 0; i < arguments.Length; i++)
                {
                    string name = r.Name("an argument name");
                    arguments[i] = new Argument(name, AnySort(ref r), r.U32("an index"));
                }

                return new InstantiateNode(at, component, arguments);
            case 0x01:
                var exports = new InlineExport[r.Count("inline export", Limits.Exports, 3)];
                for (int i = 0; i < exports.Length; i++)
                {
                    ExternName name = ExternName(ref r);
                    exports[i] = new InlineExport(name, AnySort(ref r), r.U32("an index"));
                }

                return new InlineExportsNode(at, exports);
            default:
                throw ComponentException.Malformed($"invalid leading byte (0x{form:x}) for instance: expected 0x00 (instantiate) or 0x01 (exports)", at);
        }
    }

    private static Node Alias(ref WasmReader r)
    {
        long at = r.Offset;
        Sort sort = AnySort(ref r, "component outer alias kind");
        long formAt = r.Offset;
        byte form = r.Byte("an alias target");
        switch (form)
        {
            case 0x00:
                uint instance = r.U32("an instance index");
                return new ExportAliasNode(at, sort, instance, r.Name("an export name"));
            case 0x01:
                uint core = r.U32("a core instance index");
                return new CoreExportAliasNode(at, sort, core, r.Name("an export name"));
            case 0x02:
                if (sort is not (Sort.CoreModule or Sort.CoreType or Sort.Type or Sort.Component))
                {
                    throw ComponentException.Malformed($"invalid leading byte (0x{Code(sort):x}) for component outer alias kind: a {sort.Word()} cannot be aliased from an outer scope", at);
                }

                uint count = r.U32("an outer alias count");
                return new OuterAliasNode(at, sort, count, r.U32("an index"));
            default:
                throw ComponentException.Malformed($"invalid leading byte (0x{form:x}) for alias", formAt);
        }
    }

    // ---- core types ----

    private static Node CoreType(ref WasmReader r, bool inModuleType)
    {
        long at = r.Offset;
        byte lead = r.Peek("a core type");
        if (lead == 0x50 && !inModuleType) return ModuleType(ref r);
        if (lead == 0x00 && !inModuleType)
        {
            // A non-final sub type is prefixed with 0x00 here, because 0x50 means a module type.
            r.Byte("sub");
            if (r.Peek("a sub type") != 0x50) throw ComponentException.Malformed("invalid leading byte for a core type: 0x00 must be followed by 0x50", r.Offset);
        }

        return new RecGroupNode(at, CoreDecoder.RecGroup(ref r));
    }

    private static ModuleTypeNode ModuleType(ref WasmReader r)
    {
        long at = r.Offset;
        r.Byte("a module type");
        var declarations = new Node[r.Count("module type declaration", Limits.Declarations)];
        for (int i = 0; i < declarations.Length; i++)
        {
            long declAt = r.Offset;
            byte kind = r.Byte("a module type declaration");
            switch (kind)
            {
                case 0x00:
                    string module = r.Name("an import module");
                    string name = r.Name("an import name");
                    declarations[i] = new CoreImportNode(declAt, module, name, CoreDecoder.Extern(ref r));
                    break;
                case 0x01:
                    declarations[i] = CoreType(ref r, inModuleType: true);
                    break;
                case 0x02:
                    long sortAt = r.Offset;
                    byte sort = r.Byte("an alias sort");
                    if (sort != 0x10) throw ComponentException.Malformed($"invalid leading byte (0x{sort:x}) for outer alias kind: expected 0x10 (type)", sortAt);
                    byte target = r.Byte("an alias target");
                    if (target != 0x01) throw ComponentException.Malformed($"invalid leading byte (0x{target:x}) for outer alias target: expected 0x01", sortAt + 1);
                    uint count = r.U32("an outer alias count");
                    declarations[i] = new OuterAliasNode(declAt, Sort.CoreType, count, r.U32("a type index"));
                    break;
                case 0x03:
                    string export = r.Name("an export name");
                    declarations[i] = new CoreExportDeclNode(declAt, export, CoreDecoder.Extern(ref r));
                    break;
                default:
                    throw ComponentException.Malformed($"invalid leading byte (0x{kind:x}) for type definition in a module type", declAt);
            }
        }

        return new ModuleTypeNode(at, declarations);
    }

    // ---- component types ----

    private static PrimitiveKind? Primitive(byte b) => b switch
    {
        0x7f => PrimitiveKind.Bool,
        0x7e => PrimitiveKind.S8,
        0x7d => PrimitiveKind.U8,
        0x7c => PrimitiveKind.S16,
        0x7b => PrimitiveKind.U16,
        0x7a => PrimitiveKind.S32,
        0x79 => PrimitiveKind.U32,
        0x78 => PrimitiveKind.S64,
        0x77 => PrimitiveKind.U64,
        0x76 => PrimitiveKind.F32,
        0x75 => PrimitiveKind.F64,
        0x74 => PrimitiveKind.Char,
        0x73 => PrimitiveKind.String,
        0x64 => PrimitiveKind.ErrorContext,
        _ => null,
    };

    private static ValTypeRef ValType(ref WasmReader r)
    {
        long at = r.Offset;
        if (Primitive(r.Peek("a value type")) is { } primitive)
        {
            r.Byte("a value type");
            return new ValTypeRef(primitive, 0);
        }

        long index = r.S33("a value type");
        if (index is < 0 or > uint.MaxValue) throw ComponentException.Malformed($"invalid leading byte for a component value type ({index})", at);
        return new ValTypeRef(null, (uint)index);
    }

    private static ValTypeRef? OptionalValType(ref WasmReader r)
    {
        long at = r.Offset;
        byte present = r.Byte("an optional type");
        return present switch
        {
            0 => null,
            1 => ValType(ref r),
            _ => throw ComponentException.Malformed($"invalid leading byte (0x{present:x}) for optional type: expected 0 or 1", at),
        };
    }

    private static LabeledRef[] Labeled(ref WasmReader r, string what, int max)
    {
        var items = new LabeledRef[r.Count(what, max, 2)];
        for (int i = 0; i < items.Length; i++)
        {
            string label = r.Name($"a {what} name");
            items[i] = new LabeledRef(label, ValType(ref r));
        }

        return items;
    }

    private static string[] Labels(ref WasmReader r, string what, int max)
    {
        var labels = new string[r.Count(what, max)];
        for (int i = 0; i < labels.Length; i++) labels[i] = r.Name($"a {what} name");
        return labels;
    }

    private static TypeNode Type(ref WasmReader r, int depth)
    {
        long at = r.Offset;
        if (depth > Limits.NestingDepth) throw ComponentException.Malformed($"nesting too deep: types may be nested {Limits.NestingDepth} deep", at);
        byte b = r.Byte("a type");
        if (Primitive(b) is { } primitive) return new PrimitiveNode(at, primitive);
        switch (b)
        {
            case 0x72:
                return new RecordNode(at, Labeled(ref r, "record field", Limits.RecordFields));
            case 0x71:
                var cases = new CaseRef[r.Count("variant case", Limits.VariantCases, 3)];
                for (int i = 0; i < cases.Length; i++)
                {
                    string label = r.Name("a variant case name");
                    cases[i] = new CaseRef(label, OptionalValType(ref r));
                    long endAt = r.Offset;
                    byte end = r.Byte("the end of a variant case");
                    if (end != 0) throw ComponentException.Malformed($"invalid leading byte (0x{end:x}) for zero byte required: `refines` is no longer allowed", endAt);
                }

                return new VariantNode(at, cases);
            case 0x70:
                return new ListNode(at, ValType(ref r), null);
            case 0x67:
                ValTypeRef element = ValType(ref r);
                return new ListNode(at, element, r.U32("a list length"));
            case 0x63:
                ValTypeRef key = ValType(ref r);
                return new MapNode(at, key, ValType(ref r));
            case 0x6f:
                var types = new ValTypeRef[r.Count("tuple element", Limits.TupleTypes)];
                for (int i = 0; i < types.Length; i++) types[i] = ValType(ref r);
                return new TupleNode(at, types);
            case 0x6e:
                return new FlagsNode(at, Labels(ref r, "flag", 1000));
            case 0x6d:
                return new EnumNode(at, Labels(ref r, "enum case", Limits.EnumCases));
            case 0x6b:
                return new OptionNode(at, ValType(ref r));
            case 0x6a:
                ValTypeRef? ok = OptionalValType(ref r);
                return new ResultNode(at, ok, OptionalValType(ref r));
            case 0x69:
                return new HandleNode(at, true, r.U32("a resource type index"));
            case 0x68:
                return new HandleNode(at, false, r.U32("a resource type index"));
            case 0x66:
                return new StreamNode(at, OptionalValType(ref r));
            case 0x65:
                return new FutureNode(at, OptionalValType(ref r));
            case 0x40 or 0x43:
                LabeledRef[] parameters = Labeled(ref r, "function parameter", Limits.FunctionParameters);
                return new FuncTypeNode(at, b == 0x43, parameters, ResultList(ref r));
            case 0x41:
                return new ComponentTypeNode(at, Declarations(ref r, component: true, depth));
            case 0x42:
                return new InstanceTypeNode(at, Declarations(ref r, component: false, depth));
            case 0x3f:
                CoreValType rep = CoreDecoder.ValType(ref r);
                long dtorAt = r.Offset;
                byte hasDtor = r.Byte("an optional destructor");
                if (hasDtor > 1) throw ComponentException.Malformed($"invalid leading byte (0x{hasDtor:x}) for optional destructor", dtorAt);
                return new ResourceTypeNode(at, rep, hasDtor == 1 ? r.U32("a function index") : null);
            default:
                throw ComponentException.Malformed($"invalid leading byte (0x{b:x}) for component defined type", at);
        }
    }

    private static ValTypeRef? ResultList(ref WasmReader r)
    {
        long at = r.Offset;
        byte form = r.Byte("a result list");
        switch (form)
        {
            case 0x00:
                return ValType(ref r);
            case 0x01:
                long zeroAt = r.Offset;
                byte zero = r.Byte("the end of a result list");
                if (zero != 0) throw ComponentException.Malformed($"invalid leading byte (0x{zero:x}) for number of results: named results are not allowed", zeroAt);
                return null;
            default:
                throw ComponentException.Malformed($"invalid leading byte (0x{form:x}) for component function results", at);
        }
    }

    private static Node[] Declarations(ref WasmReader r, bool component, int depth)
    {
        var declarations = new Node[r.Count(component ? "component type declaration" : "instance type declaration", Limits.Declarations)];
        for (int i = 0; i < declarations.Length; i++)
        {
            long at = r.Offset;
            byte kind = r.Byte("a declaration");
            switch (kind)
            {
                case 0x00:
                    declarations[i] = CoreType(ref r, inModuleType: false);
                    break;
                case 0x01:
                    declarations[i] = Type(ref r, depth + 1);
                    break;
                case 0x02:
                    declarations[i] = Alias(ref r);
                    break;
                case 0x03 when component:
                    declarations[i] = Import(ref r);
                    break;
                case 0x04:
                    ExternName name = ExternName(ref r);
                    declarations[i] = new ExportDeclNode(at, name, ExternType(ref r));
                    break;
                default:
                    throw ComponentException.Malformed($"invalid leading byte (0x{kind:x}) for component or instance type declaration", at);
            }
        }

        return declarations;
    }

    private static ExternTypeRef ExternType(ref WasmReader r)
    {
        long at = r.Offset;
        byte sort = r.Byte("an extern type");
        switch (sort)
        {
            case 0x00:
                long coreAt = r.Offset;
                byte core = r.Byte("a core sort");
                if (core != 0x11) throw ComponentException.Malformed($"invalid leading byte (0x{core:x}) for component external kind: expected 0x11 (core module)", coreAt);
                return new ExternTypeRef(Sort.CoreModule, r.U32("a core type index"), TypeBound.None);
            case 0x01:
                return new ExternTypeRef(Sort.Func, r.U32("a type index"), TypeBound.None);
            case 0x02:
                throw ComponentException.Unsupported("value imports and exports are not supported yet", at);
            case 0x03:
                long boundAt = r.Offset;
                byte bound = r.Byte("a type bound");
                return bound switch
                {
                    0x00 => new ExternTypeRef(Sort.Type, r.U32("a type index"), TypeBound.Eq),
                    0x01 => new ExternTypeRef(Sort.Type, 0, TypeBound.SubResource),
                    _ => throw ComponentException.Malformed($"invalid leading byte (0x{bound:x}) for type bound", boundAt),
                };
            case 0x04:
                return new ExternTypeRef(Sort.Component, r.U32("a type index"), TypeBound.None);
            case 0x05:
                return new ExternTypeRef(Sort.Instance, r.U32("a type index"), TypeBound.None);
            default:
                throw ComponentException.Malformed($"invalid leading byte (0x{sort:x}) for component external kind", at);
        }
    }

    // ---- imports, exports and names ----

    private static ExternName ExternName(ref WasmReader r)
    {
        long at = r.Offset;
        byte form = r.Byte("an extern name");
        if (form > 2) throw ComponentException.Malformed($"invalid leading byte (0x{form:x}) for component name", at);
        var name = new ExternName(r.Name("an extern name"));
        if (form < 2) return name;
        int count = r.Count("name attribute", 3, 2);
        for (int i = 0; i < count; i++)
        {
            long attributeAt = r.Offset;
            byte kind = r.Byte("a name attribute");
            string value = r.Name("a name attribute");
            name = kind switch
            {
                0 when name.Implements is null => name with { Implements = value },
                1 when name.VersionSuffix is null => name with { VersionSuffix = value },
                2 when name.ExternalId is null => name with { ExternalId = value },
                <= 2 => throw ComponentException.Malformed($"duplicate '{(kind == 0 ? "implements" : kind == 1 ? "versionsuffix" : "external-id")}' option in name", attributeAt),
                _ => throw ComponentException.Malformed($"invalid leading byte (0x{kind:x}) for name option", attributeAt),
            };
        }

        return name;
    }

    private static Node Import(ref WasmReader r)
    {
        long at = r.Offset;
        ExternName name = ExternName(ref r);
        return new ImportNode(at, name, ExternType(ref r));
    }

    private static Node Export(ref WasmReader r)
    {
        long at = r.Offset;
        ExternName name = ExternName(ref r);
        Sort sort = AnySort(ref r);
        uint index = r.U32("an index");
        long typeAt = r.Offset;
        byte hasType = r.Byte("an optional type");
        if (hasType > 1) throw ComponentException.Malformed($"invalid leading byte (0x{hasType:x}) for optional component export type", typeAt);
        return new ExportNode(at, name, sort, index, hasType == 1 ? ExternType(ref r) : null);
    }

    // ---- canonical functions ----

    private static CanonOption[] Options(ref WasmReader r)
    {
        var options = new CanonOption[r.Count("canonical option", Limits.CanonicalOptions)];
        for (int i = 0; i < options.Length; i++)
        {
            long at = r.Offset;
            byte kind = r.Byte("a canonical option");
            if (kind > (byte)CanonOptionKind.Gc) throw ComponentException.Malformed($"invalid leading byte (0x{kind:x}) for canonical option", at);
            var k = (CanonOptionKind)kind;
            bool indexed = k is CanonOptionKind.Memory or CanonOptionKind.Realloc or CanonOptionKind.PostReturn or CanonOptionKind.Callback or CanonOptionKind.CoreType;
            options[i] = new CanonOption(k, indexed ? r.U32("an index") : 0);
        }

        return options;
    }

    private static bool AsyncFlag(ref WasmReader r, string what)
    {
        long at = r.Offset;
        byte b = r.Byte(what);
        return b <= 1 ? b == 1 : throw ComponentException.Malformed($"invalid boolean value (0x{b:x}) for {what}: expected 0 or 1", at);
    }

    private static Node Canon(ref WasmReader r)
    {
        long at = r.Offset;
        var op = (CanonOp)r.Byte("a canonical function");
        switch (op)
        {
            case CanonOp.Lift:
                FuncSort(ref r, "lift");
                return new CanonNode(at, op) { Index = r.U32("a core function index"), Options = Options(ref r), Type = r.U32("a type index") };
            case CanonOp.Lower:
                FuncSort(ref r, "lower");
                return new CanonNode(at, op) { Index = r.U32("a function index"), Options = Options(ref r) };
            case CanonOp.ResourceNew or CanonOp.ResourceDrop or CanonOp.ResourceRep
                or CanonOp.StreamNew or CanonOp.StreamDropReadable or CanonOp.StreamDropWritable
                or CanonOp.FutureNew or CanonOp.FutureDropReadable or CanonOp.FutureDropWritable:
                return new CanonNode(at, op) { Index = r.U32("a type index") };
            case CanonOp.TaskReturn:
                return new CanonNode(at, op) { Result = ResultList(ref r), Options = Options(ref r) };
            case CanonOp.ContextGet or CanonOp.ContextSet:
                return new CanonNode(at, op) { ValType = CoreDecoder.ValType(ref r), Index = r.U32("a context slot") };
            case CanonOp.SubtaskCancel:
                return new CanonNode(at, op) { Flag = AsyncFlag(ref r, "async") };
            case CanonOp.StreamRead or CanonOp.StreamWrite or CanonOp.FutureRead or CanonOp.FutureWrite:
                return new CanonNode(at, op) { Index = r.U32("a type index"), Options = Options(ref r) };
            case CanonOp.StreamCancelRead or CanonOp.StreamCancelWrite or CanonOp.FutureCancelRead or CanonOp.FutureCancelWrite:
                return new CanonNode(at, op) { Index = r.U32("a type index"), Flag = AsyncFlag(ref r, "async") };
            case CanonOp.ErrorContextNew or CanonOp.ErrorContextDebugMessage:
                return new CanonNode(at, op) { Options = Options(ref r) };
            case CanonOp.WaitableSetWait or CanonOp.WaitableSetPoll:
                return new CanonNode(at, op) { Flag = AsyncFlag(ref r, "cancellable"), Index2 = r.U32("a memory index") };
            case CanonOp.ThreadNewIndirect:
                return new CanonNode(at, op) { Index = r.U32("a core type index"), Index2 = r.U32("a table index") };
            case CanonOp.ThreadYield or CanonOp.ThreadSuspend or CanonOp.ThreadSuspendThenResume or CanonOp.ThreadYieldThenResume
                or CanonOp.ThreadSuspendThenPromote or CanonOp.ThreadYieldThenPromote:
                return new CanonNode(at, op) { Flag = AsyncFlag(ref r, "cancellable") };
            case CanonOp.ThreadSpawnRef or CanonOp.ThreadSpawnIndirect or CanonOp.ThreadAvailableParallelism:
                throw ComponentException.Unsupported("shared-everything threads are not supported yet", at);
            case CanonOp.TaskCancel or CanonOp.SubtaskDrop or CanonOp.ErrorContextDrop or CanonOp.WaitableSetNew or CanonOp.WaitableSetDrop
                or CanonOp.WaitableJoin or CanonOp.BackpressureInc or CanonOp.BackpressureDec or CanonOp.ThreadIndex or CanonOp.ThreadResumeLater:
                return new CanonNode(at, op);
            default:
                throw ComponentException.Malformed($"invalid leading byte (0x{(byte)op:x}) for canonical function", at);
        }
    }

    private static void FuncSort(ref WasmReader r, string op)
    {
        long at = r.Offset;
        byte b = r.Byte("the func sort");
        if (b != 0) throw ComponentException.Malformed($"invalid leading byte (0x{b:x}) for canonical function {op}: expected 0x00 (func)", at);
    }
}
