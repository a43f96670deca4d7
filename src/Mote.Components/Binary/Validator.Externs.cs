// Imports and exports: names, resource types that come with them, and external visibility (Explainer.md, "External
// Visibility of Types").
using Mote.Components.Types;

namespace Mote.Components.Binary;

internal sealed partial class Validator
{
    private void AddImport(ExternName name, ExternType type, long at)
    {
        Scope scope = Current;
        if (type.Sort == Sort.Instance && type.Instance.Defined.Count > 0)
        {
            // Importing an instance makes its resource types variables of this component, fresh for each import.
            type = ExternType.Of(Freshen(type.Instance, (id, path) => scope.ImportedResources.Add(id, [name.Name, .. path])));
        }
        else if (type is { Sort: Sort.Type, Created: ResourceType r } && ReferenceEquals(type.Type, type.Created))
        {
            scope.ImportedResources.Add(r.Id, [name.Name]);
        }

        Push(type, at);
        if (!Visible(type, name.Name, import: true)) throw ComponentException.Invalid($"{type.Word} not valid to be used as import", at);
        CheckExtern(name, "import", type, scope.ImportedNames, scope.ImportKeys, scope.Imports, at);
    }

    private void AddExport(ExternName name, ExternType type, long at)
    {
        Scope scope = Current;
        if (type.Sort == Sort.Instance)
        {
            if (type.Instance.Defined.Count > 0)
            {
                // A declared export of an instance type: what the instance brings is defined by this scope.
                type = ExternType.Of(Freshen(type.Instance, (id, _) => scope.DefinedResources.Add(id, null)));
            }

            Prefix(type.Instance.Explicit, name.Name, scope.ExplicitResources);
        }
        else if (type is { Sort: Sort.Type, Created: ResourceType r })
        {
            if (ReferenceEquals(type.Type, type.Created)) scope.DefinedResources.Add(r.Id, null);
            r.Id.Hint ??= name.Name;
            scope.ExplicitResources[r.Id] = [name.Name];
        }

        Push(type, at);
        if (!Visible(type, name.Name, import: false)) throw ComponentException.Invalid($"{type.Word} not valid to be used as export", at);
        CheckExtern(name, "export", type, scope.ExportedNames, scope.ExportKeys, scope.Exports, at);
    }

    /// <summary>The instance type with new resource types in place of those it defines.</summary>
    private static InstanceType Freshen(InstanceType type, Action<ResourceId, string[]> add)
    {
        var mapping = new Remapping();
        foreach (ResourceId old in type.Defined)
        {
            var id = new ResourceId(old.Hint);
            mapping.Resources.Add(old, id);
            add(id, type.Explicit[old]);
        }

        // The definitions are taken away first: they are bound no longer, and the substitution reaches them.
        var mapped = (InstanceType)mapping.Apply(new InstanceType { Exports = type.Exports, Explicit = type.Explicit }.Seal());
        return mapped;
    }

    /// <summary>
    /// May this item be imported or exported: does everything that its type mentions and that needs a name have one?
    /// Registers the names that the item gives.
    /// </summary>
    private bool Visible(ExternType type, string? topLevelName, bool import)
    {
        Scope scope = Current;
        if (topLevelName is not null && type is { Sort: Sort.Type, Created: ResourceType resource })
        {
            (import ? scope.ImportedNames : scope.ExportedNames).Register(topLevelName, resource);
        }

        if (scope.Kind == ScopeKind.InstanceType) return true; // checked where the type is attached to something
        HashSet<TypeDef> named = import ? scope.ImportedTypes : scope.ExportedTypes;
        switch (type.Sort)
        {
            case Sort.Type:
                if (!AllNamed(type.Type, named)) return false;
                // An imported name is visible to exports as well.
                if (import) scope.ImportedTypes.Add(type.Created!);
                scope.ExportedTypes.Add(type.Created!);
                return true;
            case Sort.Instance:
                foreach (ExternItem item in type.Instance.Exports.Values)
                {
                    if (!Visible(item.Type, null, import)) return false;
                }

                return true;
            case Sort.Func:
                return AllNamed(type.Func, named);
            default:
                return true; // components and modules are closed
        }
    }

    /// <summary>Is everything that <paramref name="type"/> refers to named? The type itself is about to get a name.</summary>
    private static bool AllNamed(TypeDef type, HashSet<TypeDef> named) => type switch
    {
        FunctionType f => f.ParameterTypes.All(t => Named(t, named)) && (f.Result is null || Named(f.Result, named)),
        InstanceType i => i.Exports.Values.All(e => e.Type.Sort switch
        {
            Sort.Type => AllNamed(e.Type.Created!, named),
            Sort.Func or Sort.Instance => AllNamed(e.Type.Type, named),
            _ => true,
        }),
        RecordType r => r.Types.All(t => Named(t, named)),
        VariantType v => v.Payloads.All(t => t is null || Named(t, named)),
        FlagsType or EnumType or ResourceType or Types.ComponentType => true,
        ValType v => Named(v, named),
        _ => true,
    };

    /// <summary>Records, variants, enums, flags and resources need a name of their own; other types only parts that have.</summary>
    private static bool Named(ValType type, HashSet<TypeDef> named) => type switch
    {
        PrimitiveType => true,
        RecordType or VariantType or EnumType or FlagsType => named.Contains(type),
        HandleType h => named.Contains(h.Resource),
        TupleType t => t.Types.All(e => Named(e, named)),
        ListType l => Named(l.Element, named),
        MapType m => Named(m.Key, named) && Named(m.Value, named),
        OptionType o => Named(o.Element, named),
        ResultType r => (r.Ok is null || Named(r.Ok, named)) && (r.Error is null || Named(r.Error, named)),
        StreamOrFutureType s => s.Element is null || Named(s.Element, named),
        _ => false,
    };

    /// <summary>Checks a name and adds the item under it.</summary>
    private void CheckExtern(
        ExternName name, string what, ExternType type, ResourceNames resources, Dictionary<string, string> keys, OrderedDictionary<string, ExternItem> items, long at)
    {
        if (!Names.TryParse(name.Name, Has(ComponentFeatures.CanonicalNames), out ParsedName parsed, out string error))
        {
            throw ComponentException.Invalid($"{what} name `{name.Name}` is not a valid extern name: {error}", at);
        }

        CheckAttributes(name, parsed, type, at);
        if (CheckMember(parsed, type, resources) is { } fault) throw ComponentException.Invalid($"{what} name `{name.Name}` is not valid: {fault}", at);
        if (!keys.TryAdd(parsed.UniqueKey, name.Name)) throw ComponentException.Invalid($"{what} name `{name.Name}` conflicts with previous name `{keys[parsed.UniqueKey]}`", at);
        items.Add(name.Name, new ExternItem(type, name));
    }

    private void CheckAttributes(ExternName name, ParsedName parsed, ExternType type, long at)
    {
        if (name.Implements is { } implements)
        {
            Require(ComponentFeatures.Implements, "the `cm-implements` feature is not active", at);
            if (parsed.Kind != NameKind.Label) throw ComponentException.Invalid($"name `{name.Name}` is not valid with `implements`", at);
            if (type.Sort != Sort.Instance) throw ComponentException.Invalid("only instances can have an `implements`", at);
            if (!Names.TryParse(implements, Has(ComponentFeatures.CanonicalNames), out ParsedName target, out string error)) throw ComponentException.Invalid($"`{implements}` is not a valid name: {error}", at);
            if (target.Kind != NameKind.Interface) throw ComponentException.Invalid($"name `{implements}` must be an interface", at);
        }

        if (name.ExternalId is not null) Require(ComponentFeatures.Implements, "the `cm-implements` feature is not active", at);
        if (name.VersionSuffix is { } suffix)
        {
            Require(ComponentFeatures.CanonicalNames, "the `cm-canon-names` feature is not active", at);
            if (type.Sort != Sort.Instance) throw ComponentException.Invalid("only instances can have a `versionsuffix`", at);
            if (parsed.Version is not { } version || !Names.IsCanonicalVersion(version)) throw ComponentException.Invalid($"name `{name.Name}` is not valid with `versionsuffix`: its version is not a canonical one", at);
            if (!SemVer.TryParse(version + suffix, out _, out string error)) throw ComponentException.Invalid($"invalid interface version: {error}", at);
        }
    }

    private static string? CheckMember(ParsedName name, ExternType type, ResourceNames resources)
    {
        if (name.Kind is NameKind.Label or NameKind.Interface) return null;
        if (type.Sort != Sort.Func) return "item is not a func";
        FunctionType f = type.Func;
        switch (name.Kind)
        {
            case NameKind.Constructor:
                if (f.IsAsync) return "constructor function cannot be async";
                if (f.Result is null) return "function should return one value";
                HandleType? made = f.Result as HandleType ?? (f.Result as ResultType)?.Ok as HandleType;
                return made is { IsOwn: true } ? CheckResourceName(made.Resource, name.Resource, resources) : "function should return `(own $T)` or `(result (own $T))`";
            case NameKind.Method:
                if (f.Parameters.Count == 0) return "function should have at least one argument";
                if (f.Parameters[0].Name != "self") return "function should have a first argument called `self`";
                return f.Parameters[0].Type is HandleType { IsOwn: false } self ? CheckResourceName(self.Resource, name.Resource, resources) : "function should take a first argument of `(borrow $T)`";
            default:
                return resources.Contains(name.Resource) ? null : "static resource name is not known in this context";
        }
    }

    private static string? CheckResourceName(ResourceType type, string name, ResourceNames resources) => resources.NameOf(type) switch
    {
        null => "resource used in function does not have a name in this context",
        { } known when known != name => $"function does not match expected resource name `{known}`",
        _ => null,
    };
}
