// Whether one type may stand for another (Explainer.md, "Type Checking"). Value and function types must be equal;
// modules, instances and components may import less and export more.
using Mote.Components.Binary;
using Mote.Wasmtime;

namespace Mote.Components.Types;

/// <summary>Each check gives null where the types fit, else what does not.</summary>
internal static class Subtyping
{
    private static string Expected(string wanted, string found) => $"expected {wanted}, found {found}";

    private static string? Within(string context, string? error) => error is null ? null : $"{context}: {error}";

    /// <summary>Is an item of type <paramref name="a"/> one of type <paramref name="b"/>?</summary>
    public static string? Check(ExternType a, ExternType b)
    {
        if (a.Sort != b.Sort) return Expected(b.Word, a.Word);
        return a.Sort switch
        {
            Sort.CoreModule => Check(a.Module, b.Module),
            Sort.Func => Check(a.Func, b.Func),
            Sort.Instance => Check(a.Instance, b.Instance),
            Sort.Component => Check(a.Component, b.Component),
            _ => CheckTypes(a.Type, b.Type),
        };
    }

    private static string? CheckTypes(TypeDef a, TypeDef b) => (a, b) switch
    {
        (ResourceType x, ResourceType y) => ReferenceEquals(x.Id, y.Id) ? null : $"resource types are not the same ({x.Id} and {y.Id})",
        (ValType x, ValType y) => Check(x, y),
        (FunctionType x, FunctionType y) => Check(x, y),
        (InstanceType x, InstanceType y) => Check(x, y),
        (ComponentType x, ComponentType y) => Check(x, y),
        _ => Expected(Kind(b), Kind(a)),
    };

    private static string Kind(TypeDef t) => t is ValType ? "defined type" : t is ResourceType ? "resource" : $"{t.Word} type";

    public static string? Check(FunctionType a, FunctionType b)
    {
        if (ReferenceEquals(a, b)) return null;
        if (a.IsAsync != b.IsAsync) return $"expected {(b.IsAsync ? "async" : "sync")} function, found {(a.IsAsync ? "async" : "sync")} function";
        if (a.Parameters.Count != b.Parameters.Count) return $"expected {b.Parameters.Count} parameters, found {a.Parameters.Count}";
        for (int i = 0; i < a.Parameters.Count; i++)
        {
            if (a.Parameters[i].Name != b.Parameters[i].Name) return $"expected parameter named `{b.Parameters[i].Name}`, found `{a.Parameters[i].Name}`";
            if (Check(a.Parameters[i].Type, b.Parameters[i].Type) is { } error) return Within($"type mismatch in function parameter `{a.Parameters[i].Name}`", error);
        }

        return (a.Result, b.Result) switch
        {
            (null, null) => null,
            ({ } x, { } y) => Within("type mismatch with result type", Check(x, y)),
            ({ }, null) => "expected a result, found none",
            _ => "expected no result, found one",
        };
    }

    public static bool IsSame(ValType a, ValType b) => Check(a, b) is null;

    public static string? Check(ValType a, ValType b)
    {
        if (ReferenceEquals(a, b)) return null;
        switch (a, b)
        {
            case (PrimitiveType x, PrimitiveType y):
                return x.Kind == y.Kind ? null : $"expected primitive `{y.Word}` found primitive `{x.Word}`";
            case (RecordType x, RecordType y):
                if (x.Fields.Count != y.Fields.Count) return $"expected {y.Fields.Count} fields, found {x.Fields.Count}";
                for (int i = 0; i < x.Fields.Count; i++)
                {
                    if (x.Fields[i].Name != y.Fields[i].Name) return $"expected field name `{y.Fields[i].Name}`, found `{x.Fields[i].Name}`";
                    if (Check(x.Fields[i].Type, y.Fields[i].Type) is { } error) return Within($"type mismatch in record field `{x.Fields[i].Name}`", error);
                }

                return null;
            case (VariantType x, VariantType y):
                if (x.Cases.Count != y.Cases.Count) return $"expected {y.Cases.Count} cases, found {x.Cases.Count}";
                for (int i = 0; i < x.Cases.Count; i++)
                {
                    (string name, ValType? payload) = x.Cases[i];
                    if (name != y.Cases[i].Name) return $"expected case named `{y.Cases[i].Name}`, found `{name}`";
                    if (payload is null != y.Cases[i].Type is null) return payload is null ? $"expected case `{name}` to have a type, found none" : $"expected case `{name}` to have no type";
                    if (payload is not null && Check(payload, y.Cases[i].Type!) is { } error) return Within($"type mismatch in variant case `{name}`", error);
                }

                return null;
            case (ListType x, ListType y):
                if (x.Length != y.Length)
                {
                    return x.Length is null || y.Length is null ? Expected(ListWord(y), ListWord(x)) : $"expected fixed-length list of {y.Length} elements, found {x.Length}";
                }

                return Check(x.Element, y.Element);
            case (MapType x, MapType y):
                return Within("type mismatch in map key", Check(x.Key, y.Key)) ?? Within("type mismatch in map value", Check(x.Value, y.Value));
            case (TupleType x, TupleType y):
                if (x.Elements.Count != y.Elements.Count) return $"expected {y.Elements.Count} types, found {x.Elements.Count}";
                for (int i = 0; i < x.Elements.Count; i++)
                {
                    if (Check(x.Elements[i], y.Elements[i]) is { } error) return Within($"type mismatch in tuple field {i}", error);
                }

                return null;
            case (FlagsType x, FlagsType y):
                return x.Names.SequenceEqual(y.Names) ? null : "mismatch in flags elements";
            case (EnumType x, EnumType y):
                return x.Names.SequenceEqual(y.Names) ? null : "mismatch in enum elements";
            case (OptionType x, OptionType y):
                return Check(x.Element, y.Element);
            case (ResultType x, ResultType y):
                return Optional("ok", x.Ok, y.Ok) ?? Optional("err", x.Error, y.Error);
            case (HandleType x, HandleType y) when x.IsOwn == y.IsOwn:
                return ReferenceEquals(x.Resource.Id, y.Resource.Id) ? null : $"resource types are not the same ({x.Resource.Id} and {y.Resource.Id}): mismatched resource types";
            case (StreamOrFutureType x, StreamOrFutureType y) when x.IsStream == y.IsStream:
                return (x.Element, y.Element) switch
                {
                    (null, null) => null,
                    ({ } s, { } t) => Within($"type mismatch in {x.Word}", Check(s, t)),
                    (null, { }) => $"expected {x.Word} type, but found none",
                    _ => $"expected {x.Word} type to not be present",
                };
            default:
                return a is not PrimitiveType && b is PrimitiveType ? $"expected {b.Word}, found {a.Word}"
                    : a is PrimitiveType && b is not PrimitiveType ? $"expected {b.Word}, found {a.Word}"
                    : Expected(b.Word, a.Word);
        }

        static string? Optional(string what, ValType? x, ValType? y) => (x, y) switch
        {
            (null, null) => null,
            ({ } s, { } t) => Within($"type mismatch in {what} variant", Check(s, t)),
            (null, { }) => $"expected {what} type, but found none",
            _ => $"expected {what} type to not be present",
        };
    }

    private static string ListWord(ListType t) => t.Length is null ? "list" : "fixed-length list";

    public static string? Check(InstanceType a, InstanceType b)
    {
        if (ReferenceEquals(a, b)) return null;
        foreach ((string name, ExternItem wanted) in b.Exports)
        {
            if (!a.Exports.TryGetValue(name, out ExternItem found)) return $"missing expected export `{name}`";
            if (Check(found.Type, wanted.Type) is { } error) return Within($"type mismatch in instance export `{name}`", error);
        }

        return null;
    }

    /// <summary>
    /// Component subtyping: what B imports must satisfy A's imports; then, with B's resource types put in, what A
    /// exports must satisfy B's exports.
    /// </summary>
    public static string? Check(ComponentType a, ComponentType b)
    {
        if (ReferenceEquals(a, b)) return null;
        if (Open(Types(b.Imports), a, imports: true, out Remapping mapping) is { } importError) return importError;
        Dictionary<string, ExternType> exports = [];
        foreach ((string name, ExternItem item) in a.Exports) exports[name] = mapping.Apply(item.Type);
        return Open(exports, b, imports: false, out _);
    }

    private static Dictionary<string, ExternType> Types(OrderedDictionary<string, ExternItem> items)
    {
        var types = new Dictionary<string, ExternType>(items.Count);
        foreach ((string name, ExternItem item) in items) types[name] = item.Type;
        return types;
    }

    /// <summary>
    /// Do the items <paramref name="given"/> satisfy the imports (or exports) of <paramref name="component"/>? If so,
    /// <paramref name="mapping"/> maps the component's imported (or defined) resource types to those given, and the
    /// types that it names to the given ones.
    /// </summary>
    public static string? Open(IReadOnlyDictionary<string, ExternType> given, ComponentType component, bool imports, out Remapping mapping)
    {
        mapping = new Remapping();
        OrderedDictionary<string, ExternItem> entities = imports ? component.Imports : component.Exports;
        foreach ((ResourceId resource, string[] path) in imports ? component.Imported : component.Defined)
        {
            // Anything missing or of another sort here is found by the checks below.
            if (Follow(given, path) is { Sort: Sort.Type, Created: ResourceType r }) mapping.Resources[resource] = r.Id;
        }

        string what = imports ? "import" : "export";
        var renames = new List<(TypeDef, TypeDef)>();
        foreach ((string name, ExternItem wanted) in entities)
        {
            if (!given.TryGetValue(name, out ExternType found)) return $"missing {what} named `{name}`";
            ExternType substituted = mapping.Apply(wanted.Type);
            if (Check(found, substituted) is { } error) return Within($"type mismatch for {what} `{name}`", error);
            CollectRenames(wanted.Type, found, renames);
        }

        mapping.ForgetTypes();
        foreach ((TypeDef from, TypeDef to) in renames) mapping.Rename(from, to);
        return null;
    }

    private static ExternType? Follow(IReadOnlyDictionary<string, ExternType> given, string[] path)
    {
        if (!given.TryGetValue(path[0], out ExternType at)) return null;
        for (int i = 1; i < path.Length; i++)
        {
            if (at.Sort != Sort.Instance || !at.Instance.Exports.TryGetValue(path[i], out ExternItem item)) return null;
            at = item.Type;
        }

        return at;
    }

    private static void CollectRenames(ExternType wanted, ExternType found, List<(TypeDef, TypeDef)> into)
    {
        if (wanted.Sort == Sort.Type) into.Add((wanted.Created!, found.Created!));
        if (wanted.Sort != Sort.Instance) return;
        foreach ((string name, ExternItem item) in wanted.Instance.Exports) CollectRenames(item.Type, found.Instance.Exports[name].Type, into);
    }

    // ---- core ----

    public static string? Check(CoreModuleType a, CoreModuleType b)
    {
        if (ReferenceEquals(a, b)) return null;
        foreach (((string module, string name) key, CoreExternType needed) in a.Imports)
        {
            if (!b.Imports.TryGetValue(key, out CoreExternType? offered)) return $"missing expected import `{key.module}::{key.name}`";
            if (Check(offered, needed) is { } error) return Within($"type mismatch in import `{key.module}::{key.name}`", error);
        }

        foreach ((string name, CoreExternType wanted) in b.Exports)
        {
            if (!a.Exports.TryGetValue(name, out CoreExternType? found)) return $"missing expected export `{name}`";
            if (Check(found, wanted) is { } error) return Within($"type mismatch in export `{name}`", error);
        }

        return null;
    }

    public static string? Check(CoreExternType a, CoreExternType b)
    {
        if (a.Kind != b.Kind) return Expected(b.Word, a.Word);
        switch (a.Kind)
        {
            case ExternKind.Func:
                return a.Func!.IsSubtypeOf(b.Func!) ? null : $"expected type `{b.Func}`, found type `{a.Func}`";
            case ExternKind.Tag:
                return ReferenceEquals(a.Func, b.Func) ? null : $"expected type `{b.Func}`, found type `{a.Func}`";
            case ExternKind.Table:
                if (a.Table.Element != b.Table.Element) return $"expected table element type {b.Table.Element}, found {a.Table.Element}";
                if (a.Table.Shared != b.Table.Shared) return "mismatch in the shared flag for tables";
                if (a.Table.Table64 != b.Table.Table64) return "mismatch in index type used for tables";
                return Fits(a.Table.Limits, b.Table.Limits) ? null : "mismatch in table limits";
            case ExternKind.Memory:
                return CheckMemory(a.Memory, b.Memory);
            default:
                if (a.Global.Mutable != b.Global.Mutable) return "global types differ in mutability";
                if (a.Global.Shared != b.Global.Shared) return "mismatch in the shared flag for globals";
                return a.Global.Type == b.Global.Type ? null : $"expected global type {b.Global.Type}, found {a.Global.Type}";
        }
    }

    public static string? CheckMemory(CoreMemoryType a, CoreMemoryType b)
    {
        if (a.Shared != b.Shared) return "mismatch in the shared flag for memories";
        if (a.Memory64 != b.Memory64) return "mismatch in index type used for memories";
        if ((a.PageSizeLog2 ?? 16) != (b.PageSizeLog2 ?? 16)) return "mismatch in page size for memories";
        return Fits(a.Limits, b.Limits) ? null : "mismatch in memory limits";
    }

    private static bool Fits(CoreLimits a, CoreLimits b) => a.Min >= b.Min && (b.Max is not { } max || (a.Max is { } own && own <= max));
}
