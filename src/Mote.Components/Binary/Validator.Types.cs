// Type definitions: core types, value types, function, instance and component types.
using Mote.Components.Types;
using Mote.Wasmtime;

namespace Mote.Components.Binary;

internal sealed partial class Validator
{
    private void CoreType(CoreTypeNode node)
    {
        switch (node)
        {
            case RecGroupNode group:
                Current.CoreTypes.AddRange(InternGroup(group, Current.CoreTypes.Count, i => SubTypeAt(Current.CoreTypes, i, group.Offset)));
                break;
            case ModuleTypeNode module:
                Current.CoreTypes.Add(ModuleType(module));
                break;
        }

        Limit(Current.CoreTypes.Count - 1, Limits.Types, "types", node.Offset);
    }

    private static CoreSubType SubTypeAt(List<object> types, uint index, long at) => At(types, index, "type", at) switch
    {
        CoreSubType t => t,
        _ => throw ComponentException.Invalid($"type index {index} is a module type, not a sub type", at),
    };

    private CoreSubType[] InternGroup(RecGroupNode node, int baseIndex, Func<uint, CoreSubType> resolve)
    {
        for (int i = 0; i < node.Types.Length; i++)
        {
            CoreSubTypeNode t = node.Types[i];
            foreach (uint super in t.Supertypes)
            {
                if (super >= (uint)(baseIndex + i)) throw ComponentException.Invalid($"unknown type {super}: supertypes must be defined before their subtypes", node.Offset);
            }

            foreach (CoreValType v in t.Parameters.Concat(t.Results).Concat(t.Fields.Select(f => f.Type)))
            {
                if (v.IsConcrete && v.Heap >= baseIndex + node.Types.Length) throw ComponentException.Invalid($"unknown type {v.Heap}: type index out of bounds", node.Offset);
            }
        }

        return _coreTypes.Intern(node.Types, baseIndex, resolve);
    }

    private CoreModuleType ModuleType(ModuleTypeNode node)
    {
        var module = new CoreModuleType();
        // A module type has a type index space of its own.
        var types = new List<object>();
        foreach (Node declaration in node.Declarations)
        {
            long at = declaration.Offset;
            switch (declaration)
            {
                case RecGroupNode group:
                    types.AddRange(InternGroup(group, types.Count, i => SubTypeAt(types, i, at)));
                    break;
                case OuterAliasNode alias:
                    List<object> from = alias.Count == 0 ? types : OuterScope(alias.Count - 1, at).CoreTypes;
                    object aliased = At(from, alias.Index, "type", at);
                    if (aliased is not CoreSubType) throw ComponentException.Invalid("not implemented: aliasing core module types into a core module's types index space", at);
                    types.Add(aliased);
                    break;
                case CoreImportNode import:
                    if (!module.Imports.TryAdd((import.Module, import.Name), Resolve(import.Type, types, at)))
                    {
                        throw ComponentException.Invalid($"duplicate import name `{import.Module}:{import.Name}` already defined", at);
                    }

                    break;
                case CoreExportDeclNode export:
                    if (!module.Exports.TryAdd(export.Name, Resolve(export.Type, types, at)))
                    {
                        throw ComponentException.Invalid($"duplicate export name `{export.Name}` already defined", at);
                    }

                    break;
            }
        }

        module.Seal();
        return module;
    }

    private static CoreExternType Resolve(CoreExternNode node, List<object> types, long at)
    {
        switch (node.Kind)
        {
            case ExternKind.Func or ExternKind.Tag:
                CoreSubType type = SubTypeAt(types, node.TypeIndex, at);
                if (type.Kind != CompositeKind.Func) throw ComponentException.Invalid($"type index {node.TypeIndex} is not a function type", at);
                if (node.Kind == ExternKind.Tag && type.Results.Length > 0) throw ComponentException.Invalid("invalid exception type: non-empty tag result type", at);
                return new CoreExternType(node.Kind) { Func = type };
            case ExternKind.Table:
                CheckLimits(node.Table.Limits, node.Table.Table64 ? ulong.MaxValue : uint.MaxValue, "table", at);
                return new CoreExternType(node.Kind) { Table = node.Table with { Element = ResolveRef(node.Table.Element) } };
            case ExternKind.Memory:
                CoreMemoryType m = node.Memory;
                if (m.PageSizeLog2 is { } log && log is not (0 or 16)) throw ComponentException.Invalid("invalid custom page size", at);
                int pageLog = (int)(m.PageSizeLog2 ?? 16);
                CheckLimits(m.Limits, m.Memory64 ? (pageLog == 0 ? ulong.MaxValue : 1UL << 48) : 1UL << (32 - pageLog), "memory", at);
                if (m.Shared && m.Limits.Max is null) throw ComponentException.Invalid("shared memory must have maximum size", at);
                return new CoreExternType(node.Kind) { Memory = m };
            default:
                return new CoreExternType(node.Kind) { Global = node.Global with { Type = ResolveRef(node.Global.Type) } };
        }

        CoreValType ResolveRef(CoreValType t) => t.IsConcrete ? t with { Heap = SubTypeAt(types, (uint)t.Heap, at).Id } : t;
    }

    private static void CheckLimits(CoreLimits limits, ulong max, string what, long at)
    {
        if (limits.Min > max || limits.Max > max) throw ComponentException.Invalid($"{what} size must be at most {max}", at);
        if (limits.Max is { } m && m < limits.Min) throw ComponentException.Invalid("size minimum must not be greater than maximum", at);
    }

    /// <summary>Adds a type definition to the current scope.</summary>
    private void DefineType(TypeNode node, ValidatedComponent? component)
    {
        TypeDef type = node switch
        {
            FuncTypeNode f => FuncType(f),
            ComponentTypeNode c => ComponentType(c),
            InstanceTypeNode i => InstanceTypeOf(i),
            ResourceTypeNode r => Resource(r, component),
            _ => Defined(node),
        };
        CheckSize(type, node.Offset);
        if (type is ValType { Size64: > Limits.ElementBytes }) throw ComponentException.Invalid($"type size exceeds maximum byte size of {Limits.ElementBytes}", node.Offset);
        Limit(Current.Types.Count, Limits.Types, "types", node.Offset);
        Current.Types.Add(type);
    }

    private ResourceType Resource(ResourceTypeNode node, ValidatedComponent? component)
    {
        if (Current.Kind != ScopeKind.Component || component is null) throw ComponentException.Invalid("resources can only be defined within a concrete component", node.Offset);
        if (node.Rep == CoreValType.I64) throw ComponentException.Unsupported("resources represented by i64 (memory64) are not supported yet", node.Offset);
        if (node.Rep != CoreValType.I32) throw ComponentException.Invalid($"resources can only be represented by `i32`, found {node.Rep}", node.Offset);
        if (node.Destructor is { } dtor)
        {
            CoreSubType type = At(Current.CoreFuncs, dtor, "core function", node.Offset);
            if (type.Parameters is not [{ Kind: CoreValKind.I32 }] || type.Results.Length != 0)
            {
                throw ComponentException.Invalid($"core function {dtor} has wrong signature for a destructor: expected (func (param i32)), found {type}", node.Offset);
            }
        }

        var id = new ResourceId(null);
        Current.DefinedResources.Add(id, node.Rep);
        component.Resources.Add(node, id);
        return new ResourceType(id);
    }

    private ValType ValTypeOf(ValTypeRef reference, long at)
    {
        if (reference.Primitive is not { } primitive) return DefinedTypeAt(reference.Index, at);
        CheckPrimitive(primitive, at);
        return PrimitiveType.Of(primitive);
    }

    private ValType? ValTypeOf(ValTypeRef? reference, long at) => reference is { } r ? ValTypeOf(r, at) : null;

    private void CheckPrimitive(PrimitiveKind kind, long at)
    {
        if (kind == PrimitiveKind.ErrorContext) Require(ComponentFeatures.ErrorContext, "`error-context` requires the component model error-context feature", at);
    }

    private ValType Defined(TypeNode node)
    {
        long at = node.Offset;
        switch (node)
        {
            case PrimitiveNode p:
                CheckPrimitive(p.Kind, at);
                return PrimitiveType.Of(p.Kind);
            case RecordNode r:
                if (r.Fields.Length == 0) throw ComponentException.Invalid("record type must have at least one field", at);
                var fields = new Labels("record field", "field", at);
                return new RecordType(Array.ConvertAll(r.Fields, f => new RecordField(fields.Add(f.Label), ValTypeOf(f.Type, at))));
            case VariantNode v:
                if (v.Cases.Length == 0) throw ComponentException.Invalid("variant type must have at least one case", at);
                var cases = new Labels("variant case", "case", at);
                return new VariantType(Array.ConvertAll(v.Cases, c => new VariantCase(cases.Add(c.Label), ValTypeOf(c.Type, at))));
            case ListNode l:
                if (l.Length is { } length)
                {
                    Require(ComponentFeatures.FixedLengthLists, "Fixed-length lists require the component model fixed-length lists feature", at);
                    if (length == 0) throw ComponentException.Invalid("Fixed-length lists must have more than zero elements", at);
                }

                return new ListType(ValTypeOf(l.Element, at), l.Length);
            case MapNode m:
                Require(ComponentFeatures.Map, "Maps require the component model map feature", at);
                ValType key = ValTypeOf(m.Key, at);
                if (key is not PrimitiveType { Kind: not (PrimitiveKind.F32 or PrimitiveKind.F64 or PrimitiveKind.ErrorContext) })
                {
                    throw ComponentException.Invalid($"invalid map key type: expected bool, an integer, char or string, found {key.Word}", at);
                }

                return new MapType(key, ValTypeOf(m.Value, at));
            case TupleNode t:
                if (t.Types.Length == 0) throw ComponentException.Invalid("tuple type must have at least one type", at);
                return new TupleType(Array.ConvertAll(t.Types, e => ValTypeOf(e, at)));
            case FlagsNode f:
                if (f.Labels.Length == 0) throw ComponentException.Invalid("flags must have at least one entry", at);
                if (f.Labels.Length > Limits.FlagNames) throw ComponentException.Invalid($"cannot have more than {Limits.FlagNames} flags", at);
                var flags = new Labels("flag", "flag", at);
                return new FlagsType(Array.ConvertAll(f.Labels, flags.Add));
            case EnumNode e:
                if (e.Labels.Length == 0) throw ComponentException.Invalid("enum type must have at least one variant", at);
                var names = new Labels("enum tag", "tag", at);
                return new EnumType(Array.ConvertAll(e.Labels, names.Add));
            case OptionNode o:
                return new OptionType(ValTypeOf(o.Element, at));
            case ResultNode r:
                return new ResultType(ValTypeOf(r.Ok, at), ValTypeOf(r.Error, at));
            case HandleNode h:
                return new HandleType(ResourceAt(h.Resource, at), h.Own);
            case StreamNode s:
                Require(ComponentFeatures.Async, "`stream` requires the component model async feature", at);
                ValType? element = ValTypeOf(s.Element, at);
                if (element is PrimitiveType { Kind: PrimitiveKind.Char })
                {
                    throw ComponentException.Invalid("`stream<char>` is not valid at this time, use `stream<u8>` with a defined byte encoding instead for now", at);
                }

                return Async(element, stream: true, at);
            case FutureNode f:
                Require(ComponentFeatures.Async, "`future` requires the component model async feature", at);
                return Async(ValTypeOf(f.Element, at), stream: false, at);
            default:
                throw new InvalidOperationException($"no rule for {node.GetType().Name}");
        }
    }

    private static StreamOrFutureType Async(ValType? element, bool stream, long at) =>
        element is { ContainsBorrow: true }
            ? throw ComponentException.Invalid($"`{(stream ? "stream" : "future")}` element type cannot contain a `borrow` type", at)
            : new StreamOrFutureType(element, stream);

    private FunctionType FuncType(FuncTypeNode node)
    {
        if (node.Async) Require(ComponentFeatures.Async, "async component functions require the component model async feature", node.Offset);
        var names = new Labels("function parameter", "parameter", node.Offset);
        Parameter[] parameters = Array.ConvertAll(node.Parameters, p => new Parameter(names.Add(p.Label), ValTypeOf(p.Type, node.Offset)));
        ValType? result = ValTypeOf(node.Result, node.Offset);
        if (result is { ContainsBorrow: true }) throw ComponentException.Invalid("function result cannot contain a `borrow` type", node.Offset);
        return new FunctionType(parameters, result, node.Async);
    }

    private ComponentType ComponentType(ComponentTypeNode node)
    {
        var scope = new Scope(ScopeKind.ComponentType);
        _scopes.Add(scope);
        Declarations(node.Declarations);
        ComponentType type = FinishComponent(scope, node.Offset);
        _scopes.RemoveAt(_scopes.Count - 1);
        return type;
    }

    private InstanceType InstanceTypeOf(InstanceTypeNode node)
    {
        var scope = new Scope(ScopeKind.InstanceType);
        _scopes.Add(scope);
        Declarations(node.Declarations);
        _scopes.RemoveAt(_scopes.Count - 1);
        return new InstanceType { Exports = scope.Exports, Defined = [.. scope.DefinedResources.Keys], Explicit = scope.ExplicitResources }.Seal();
    }

    private void Declarations(Node[] declarations)
    {
        foreach (Node declaration in declarations)
        {
            switch (declaration)
            {
                case CoreTypeNode t:
                    CoreType(t);
                    break;
                case TypeNode t:
                    DefineType(t, null);
                    break;
                case AliasNode a:
                    Alias(a);
                    break;
                case ImportNode i:
                    AddImport(i.Name, ExternTypeOf(i.Type, i.Name.Name, i.Offset), i.Offset);
                    break;
                case ExportDeclNode e:
                    AddExport(e.Name, ExternTypeOf(e.Type, e.Name.Name, e.Offset), e.Offset);
                    break;
            }
        }
    }

    /// <summary>Labels of one scope: in kebab case and strongly unique.</summary>
    private sealed class Labels(string what, string brief, long at)
    {
        private readonly Dictionary<string, string> _seen = new(StringComparer.OrdinalIgnoreCase);

        public string Add(string label)
        {
            if (label.Length == 0) throw ComponentException.Invalid($"{what} name cannot be empty", at);
            if (!Names.IsKebab(label)) throw ComponentException.Invalid($"{what} name `{label}` is not in kebab case", at);
            if (!_seen.TryAdd(label, label)) throw ComponentException.Invalid($"{what} name `{label}` conflicts with previous {brief} name `{_seen[label]}`", at);
            return label;
        }
    }
}
