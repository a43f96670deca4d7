// Validates decoded definitions one after the other, filling the index spaces of their scope. The rules are those of
// Explainer.md and Binary.md; messages use the words that other tools of the field use for the same fault.
using Mote.Components.Types;
using Mote.Wasmtime;

namespace Mote.Components.Binary;

/// <summary>Checks a core module on its own: null where it is valid.</summary>
internal delegate string? CoreModuleCheck(ReadOnlySpan<byte> wasm);

internal sealed partial class Validator
{
    private readonly ReadOnlyMemory<byte> _file;
    private readonly ComponentFeatures _features;
    private readonly CoreModuleCheck _checkModule;
    private readonly CoreTypeInterner _coreTypes = new();

    /// <summary>Scopes from the outermost to the one being validated.</summary>
    private readonly List<Scope> _scopes = [];

    private Validator(ReadOnlyMemory<byte> file, ComponentFeatures features, CoreModuleCheck checkModule)
    {
        _file = file;
        _features = features;
        _checkModule = checkModule;
    }

    private Scope Current => _scopes[^1];

    /// <summary>Validates a decoded component.</summary>
    /// <exception cref="ComponentException">It breaks a rule.</exception>
    public static ValidatedComponent Validate(ReadOnlyMemory<byte> file, ComponentNode root, ComponentFeatures features, CoreModuleCheck checkModule) =>
        new Validator(file, features, checkModule).Component(root);

    private bool Has(ComponentFeatures feature) => (_features & feature) != 0;

    private void Require(ComponentFeatures feature, string what, long at)
    {
        if (!Has(feature)) throw ComponentException.Invalid(what, at);
    }

    private ValidatedComponent Component(ComponentNode node)
    {
        var scope = new Scope(ScopeKind.Component);
        var validated = new ValidatedComponent(node, scope);
        _scopes.Add(scope);
        foreach (Node definition in node.Definitions) Definition(definition, validated);
        validated.Type = FinishComponent(scope, node.EndOffset);
        _scopes.RemoveAt(_scopes.Count - 1);
        return validated;
    }

    private void Definition(Node node, ValidatedComponent component)
    {
        Scope scope = component.Scope;
        switch (node)
        {
            case CoreModuleNode m:
                Limit(scope.CoreModules.Count, Limits.Modules, "modules", m.Offset);
                CoreModule module = ReadModule(m);
                component.Modules.Add(m, module);
                scope.CoreModules.Add(module.Type);
                break;
            case ComponentNode nested:
                Limit(scope.Components.Count, Limits.Components, "components", nested.Offset);
                ValidatedComponent child = Component(nested);
                component.Nested.Add(nested, child);
                scope.Components.Add(child.Type);
                break;
            case InstantiateModuleNode i:
                Limit(scope.CoreInstances.Count, Limits.Instances, "instances", i.Offset);
                scope.CoreInstances.Add(InstantiateModule(i));
                break;
            case CoreExportsNode e:
                Limit(scope.CoreInstances.Count, Limits.Instances, "instances", e.Offset);
                scope.CoreInstances.Add(CoreExports(e));
                break;
            case InstantiateNode i:
                Limit(scope.Instances.Count, Limits.Instances, "instances", i.Offset);
                scope.Instances.Add(Instantiate(i, component));
                break;
            case InlineExportsNode e:
                Limit(scope.Instances.Count, Limits.Instances, "instances", e.Offset);
                scope.Instances.Add(InlineExports(e));
                break;
            case AliasNode a:
                Alias(a);
                break;
            case CoreTypeNode t:
                CoreType(t);
                break;
            case TypeNode t:
                DefineType(t, component);
                break;
            case CanonNode c:
                Limit(scope.CoreFuncs.Count + scope.Funcs.Count, Limits.Functions, "functions", c.Offset);
                Canon(c, component);
                break;
            case ImportNode i:
                Limit(scope.Imports.Count, Limits.Imports, "imports", i.Offset);
                AddImport(i.Name, ExternTypeOf(i.Type, i.Name.Name, i.Offset), i.Offset);
                break;
            case ExportNode e:
                Limit(scope.Exports.Count, Limits.Exports, "exports", e.Offset);
                AddExport(e.Name, ExportType(e), e.Offset);
                break;
            default:
                throw new InvalidOperationException($"no rule for {node.GetType().Name}");
        }
    }

    private static void Limit(int count, int max, string what, long at)
    {
        if (count >= max) throw ComponentException.Invalid($"{what} count exceeds the limit of {max}", at);
    }

    private CoreModule ReadModule(CoreModuleNode node)
    {
        ReadOnlySpan<byte> wasm = _file.Span.Slice((int)node.Offset, node.Length);
        if (ComponentDecoder.LooksLikeComponent(wasm)) throw ComponentException.Malformed("expected a version header for a module, found a component", node.Offset);
        if (_checkModule(wasm) is { } error) throw ComponentException.Invalid($"core module is not valid: {error}", node.Offset);
        return CoreModule.Read(wasm, node.Offset, _coreTypes);
    }

    // ---- index spaces ----

    private static T At<T>(List<T> space, uint index, string what, long at) =>
        index < (uint)space.Count ? space[(int)index] : throw ComponentException.Invalid($"unknown {what} {index}: {what} index out of bounds", at);

    private static TypeDef TypeAt(Scope scope, uint index, long at) => At(scope.Types, index, "type", at);

    private static CoreModuleType ModuleTypeAt(Scope scope, uint index, long at) =>
        At(scope.CoreTypes, index, "type", at) as CoreModuleType ?? throw ComponentException.Invalid($"core type index {index} is not a module type", at);

    private FunctionType FunctionTypeAt(uint index, long at) =>
        TypeAt(Current, index, at) as FunctionType ?? throw ComponentException.Invalid($"type index {index} is not a function type", at);

    private ValType DefinedTypeAt(uint index, long at) =>
        TypeAt(Current, index, at) as ValType ?? throw ComponentException.Invalid($"type index {index} is not a defined type", at);

    private ResourceType ResourceAt(uint index, long at) =>
        TypeAt(Current, index, at) as ResourceType ?? throw ComponentException.Invalid($"type index {index} is not a resource type", at);

    private ExternType ItemAt(Sort sort, uint index, long at)
    {
        Scope s = Current;
        switch (sort)
        {
            case Sort.CoreModule:
                return ExternType.Of(At(s.CoreModules, index, "module", at));
            case Sort.Func:
                return ExternType.Of(At(s.Funcs, index, "function", at));
            case Sort.Type:
                TypeDef type = TypeAt(s, index, at);
                return ExternType.OfType(type, type);
            case Sort.Component:
                return ExternType.Of(At(s.Components, index, "component", at));
            case Sort.Instance:
                return ExternType.Of(At(s.Instances, index, "instance", at));
            case Sort.Value:
                throw ComponentException.Unsupported("value imports and exports are not supported yet", at);
            default:
                throw ComponentException.Malformed($"a {sort.Word()} cannot be imported, exported or passed to a component", at);
        }
    }

    private ExternType ExternTypeOf(ExternTypeRef reference, string name, long at)
    {
        switch (reference.Sort)
        {
            case Sort.CoreModule:
                return ExternType.Of(ModuleTypeAt(Current, reference.Index, at));
            case Sort.Func:
                return ExternType.Of(FunctionTypeAt(reference.Index, at));
            case Sort.Type when reference.Bound == TypeBound.SubResource:
                var fresh = new ResourceType(new ResourceId(name));
                return ExternType.OfType(fresh, fresh);
            case Sort.Type:
                TypeDef referenced = TypeAt(Current, reference.Index, at);
                return ExternType.OfType(referenced, referenced.Renamed());
            case Sort.Instance:
                return ExternType.Of(TypeAt(Current, reference.Index, at) as InstanceType ?? throw ComponentException.Invalid($"type index {reference.Index} is not an instance type", at));
            default:
                return ExternType.Of(TypeAt(Current, reference.Index, at) as ComponentType ?? throw ComponentException.Invalid($"type index {reference.Index} is not a component type", at));
        }
    }

    // ---- core instances ----

    private OrderedDictionary<string, CoreExternType> InstantiateModule(InstantiateModuleNode node)
    {
        CoreModuleType module = At(Current.CoreModules, node.Module, "module", node.Offset);
        var arguments = new Dictionary<string, OrderedDictionary<string, CoreExternType>>();
        foreach (CoreArgument a in node.Arguments)
        {
            if (!arguments.TryAdd(a.Name, At(Current.CoreInstances, a.Instance, "core instance", node.Offset)))
            {
                throw ComponentException.Invalid($"duplicate module instantiation argument named `{a.Name}`", node.Offset);
            }
        }

        foreach (((string moduleName, string name) key, CoreExternType wanted) in module.Imports)
        {
            if (!arguments.TryGetValue(key.moduleName, out OrderedDictionary<string, CoreExternType>? instance)) throw ComponentException.Invalid($"missing module instantiation argument named `{key.moduleName}`", node.Offset);
            if (!instance.TryGetValue(key.name, out CoreExternType? found)) throw ComponentException.Invalid($"module instantiation argument `{key.moduleName}` does not export an item named `{key.name}`", node.Offset);
            if (Subtyping.Check(found, wanted) is { } error) throw ComponentException.Invalid($"type mismatch for export `{key.name}` of module instantiation argument `{key.moduleName}`: {error}", node.Offset);
        }

        return module.Exports;
    }

    private OrderedDictionary<string, CoreExternType> CoreExports(CoreExportsNode node)
    {
        var exports = new OrderedDictionary<string, CoreExternType>();
        foreach (CoreExportItem e in node.Exports)
        {
            CoreExternType type = e.Sort switch
            {
                Sort.CoreFunc => new CoreExternType(ExternKind.Func) { Func = At(Current.CoreFuncs, e.Index, "core function", node.Offset) },
                Sort.CoreTable => new CoreExternType(ExternKind.Table) { Table = At(Current.CoreTables, e.Index, "table", node.Offset) },
                Sort.CoreMemory => new CoreExternType(ExternKind.Memory) { Memory = At(Current.CoreMemories, e.Index, "memory", node.Offset) },
                Sort.CoreGlobal => new CoreExternType(ExternKind.Global) { Global = At(Current.CoreGlobals, e.Index, "global", node.Offset) },
                Sort.CoreTag => new CoreExternType(ExternKind.Tag) { Func = At(Current.CoreTags, e.Index, "tag", node.Offset) },
                _ => throw ComponentException.Malformed($"a {e.Sort.Word()} cannot be exported by a core instance", node.Offset),
            };
            if (!exports.TryAdd(e.Name, type)) throw ComponentException.Invalid($"duplicate instantiation export name `{e.Name}` already defined", node.Offset);
        }

        return exports;
    }

    // ---- instances ----

    private InstanceType Instantiate(InstantiateNode node, ValidatedComponent component)
    {
        ComponentType type = At(Current.Components, node.Component, "component", node.Offset);
        var given = new Dictionary<string, ExternType>();
        foreach (Argument a in node.Arguments)
        {
            if (!given.TryAdd(a.Name, ItemAt(a.Sort, a.Index, node.Offset)))
            {
                throw ComponentException.Invalid($"instantiation argument `{a.Name}` conflicts with previous argument `{a.Name}`", node.Offset);
            }
        }

        if (Subtyping.Open(given, type, imports: true, out Remapping mapping) is { } error) throw ComponentException.Invalid(error, node.Offset);

        // Each instance brings its own resource types.
        var fresh = new List<ResourcePath>(type.Defined.Count);
        foreach ((ResourceId resource, string[] path) in type.Defined)
        {
            var id = new ResourceId(resource.Hint);
            mapping.Resources[resource] = id;
            Current.DefinedResources.Add(id, null);
            fresh.Add(new ResourcePath(id, path));
        }

        component.Fresh.Add(node, fresh);
        var exports = new OrderedDictionary<string, ExternItem>(type.Exports.Count);
        foreach ((string name, ExternItem item) in type.Exports) exports.Add(name, item with { Type = mapping.Apply(item.Type) });
        var known = new OrderedDictionary<ResourceId, string[]>(type.Explicit.Count);
        foreach ((ResourceId id, string[] path) in type.Explicit) known[mapping.Resources.GetValueOrDefault(id, id)] = path;
        var instance = new InstanceType { Exports = exports, Explicit = known }.Seal();
        CheckSize(instance, node.Offset);
        return instance;
    }

    private InstanceType InlineExports(InlineExportsNode node)
    {
        var exports = new OrderedDictionary<string, ExternItem>();
        var known = new OrderedDictionary<ResourceId, string[]>();
        var keys = new Dictionary<string, string>();
        // A bag of exports has no index space of its own, so no method can refer to a resource in it.
        var names = new ResourceNames();
        foreach (InlineExport e in node.Exports)
        {
            ExternType type = ItemAt(e.Sort, e.Index, node.Offset);
            if (type.Sort == Sort.Instance) Prefix(type.Instance.Explicit, e.Name.Name, known);
            else if (type is { Sort: Sort.Type, Type: ResourceType r }) known[r.Id] = [e.Name.Name];
            CheckExtern(e.Name, "export", type, names, keys, exports, node.Offset);
        }

        var instance = new InstanceType { Exports = exports, Explicit = known }.Seal();
        CheckSize(instance, node.Offset);
        return instance;
    }

    private static void Prefix(OrderedDictionary<ResourceId, string[]> from, string name, OrderedDictionary<ResourceId, string[]> into)
    {
        foreach ((ResourceId id, string[] path) in from) into[id] = [name, .. path];
    }

    // ---- aliases ----

    private void Alias(AliasNode node)
    {
        if (Current.Kind != ScopeKind.Component && node is not (ExportAliasNode { Sort: Sort.Type or Sort.Instance } or OuterAliasNode { Sort: Sort.Type or Sort.CoreType }))
        {
            throw ComponentException.Invalid("aliases in a component or instance type may only refer to types or instances", node.Offset);
        }

        switch (node)
        {
            case ExportAliasNode e:
                AliasExport(e);
                break;
            case CoreExportAliasNode c:
                AliasCoreExport(c);
                break;
            case OuterAliasNode o:
                AliasOuter(o);
                break;
        }
    }

    private void AliasExport(ExportAliasNode node)
    {
        InstanceType instance = At(Current.Instances, node.Instance, "instance", node.Offset);
        if (!instance.Exports.TryGetValue(node.Name, out ExternItem item)) throw ComponentException.Invalid($"instance {node.Instance} has no export named `{node.Name}`", node.Offset);
        if (item.Type.Sort != node.Sort) throw ComponentException.Invalid($"export `{node.Name}` for instance {node.Instance} is not a {node.Sort.Word()}", node.Offset);
        Push(item.Type, node.Offset);
    }

    private void AliasCoreExport(CoreExportAliasNode node)
    {
        OrderedDictionary<string, CoreExternType> instance = At(Current.CoreInstances, node.Instance, "core instance", node.Offset);
        if (!instance.TryGetValue(node.Name, out CoreExternType? item)) throw ComponentException.Invalid($"core instance {node.Instance} has no export named `{node.Name}`", node.Offset);
        (ExternKind kind, string word) = node.Sort switch
        {
            Sort.CoreFunc => (ExternKind.Func, "function"),
            Sort.CoreTable => (ExternKind.Table, "table"),
            Sort.CoreMemory => (ExternKind.Memory, "memory"),
            Sort.CoreGlobal => (ExternKind.Global, "global"),
            Sort.CoreTag => (ExternKind.Tag, "tag"),
            _ => throw ComponentException.Malformed($"a {node.Sort.Word()} cannot be aliased from a core instance", node.Offset),
        };
        if (item.Kind != kind) throw ComponentException.Invalid($"export `{node.Name}` for core instance {node.Instance} is not a {word}", node.Offset);
        switch (kind)
        {
            case ExternKind.Func:
                Limit(Current.CoreFuncs.Count, Limits.Functions, "functions", node.Offset);
                Current.CoreFuncs.Add(item.Func!);
                break;
            case ExternKind.Table:
                Current.CoreTables.Add(item.Table);
                break;
            case ExternKind.Memory:
                Current.CoreMemories.Add(item.Memory);
                break;
            case ExternKind.Global:
                Current.CoreGlobals.Add(item.Global);
                break;
            default:
                Current.CoreTags.Add(item.Func!);
                break;
        }
    }

    private Scope OuterScope(uint count, long at) =>
        count < (uint)_scopes.Count ? _scopes[_scopes.Count - 1 - (int)count] : throw ComponentException.Invalid($"invalid outer alias count of {count}", at);

    private void AliasOuter(OuterAliasNode node)
    {
        Scope from = OuterScope(node.Count, node.Offset);
        switch (node.Sort)
        {
            case Sort.CoreModule:
                Current.CoreModules.Add(At(from.CoreModules, node.Index, "module", node.Offset));
                Limit(Current.CoreModules.Count - 1, Limits.Modules, "modules", node.Offset);
                break;
            case Sort.CoreType:
                Current.CoreTypes.Add(At(from.CoreTypes, node.Index, "type", node.Offset));
                break;
            case Sort.Type:
                TypeDef type = TypeAt(from, node.Index, node.Offset);
                // Component types nest inside components only, so the scope one level in tells whether the alias
                // crosses into a component.
                if (node.Count > 0 && _scopes[_scopes.Count - (int)node.Count].Kind == ScopeKind.Component)
                {
                    var free = new HashSet<ResourceId>();
                    FreeResources.Collect(type, free);
                    if (free.Count > 0) throw ComponentException.Invalid("cannot alias outer type which transitively refers to resources not defined in the current component", node.Offset);
                }

                Current.Types.Add(type);
                break;
            case Sort.Component:
                Current.Components.Add(At(from.Components, node.Index, "component", node.Offset));
                Limit(Current.Components.Count - 1, Limits.Components, "components", node.Offset);
                break;
            default:
                throw ComponentException.Malformed($"invalid outer alias: a {node.Sort.Word()} cannot be aliased from an outer scope", node.Offset);
        }
    }

    /// <summary>Adds an item to the index space of its sort, without a name.</summary>
    private void Push(ExternType type, long at)
    {
        switch (type.Sort)
        {
            case Sort.CoreModule:
                Limit(Current.CoreModules.Count, Limits.Modules, "modules", at);
                Current.CoreModules.Add(type.Module);
                break;
            case Sort.Func:
                Limit(Current.Funcs.Count, Limits.Functions, "functions", at);
                Current.Funcs.Add(type.Func);
                break;
            case Sort.Type:
                Limit(Current.Types.Count, Limits.Types, "types", at);
                Current.Types.Add(type.Created!);
                break;
            case Sort.Component:
                Limit(Current.Components.Count, Limits.Components, "components", at);
                Current.Components.Add(type.Component);
                break;
            case Sort.Instance:
                Limit(Current.Instances.Count, Limits.Instances, "instances", at);
                Current.Instances.Add(type.Instance);
                break;
        }
    }

    private ExternType ExportType(ExportNode node)
    {
        ExternType actual = ItemAt(node.Sort, node.Index, node.Offset);
        if (actual.Sort == Sort.Type) actual = ExternType.OfType(actual.Type, actual.Type.Renamed());
        if (node.Type is not { } ascribed) return actual;
        ExternType shown = ExternTypeOf(ascribed, node.Name.Name, node.Offset);
        if (Subtyping.Check(actual, shown.Sort == Sort.Type && ascribed.Bound == TypeBound.SubResource && actual.Type is ResourceType ? actual : shown) is { } error)
        {
            throw ComponentException.Invalid($"ascribed type of export is not compatible with item's type: {error}", node.Offset);
        }

        return shown;
    }

    // ---- finishing ----

    private ComponentType FinishComponent(Scope scope, long at)
    {
        var free = new HashSet<ResourceId>();
        foreach (ExternItem item in scope.Imports.Values) FreeResources.Collect(item.Type, free);
        foreach (ResourceId id in scope.DefinedResources.Keys)
        {
            if (free.Contains(id)) throw ComponentException.Invalid($"local resource type found in imports: {id}", at);
        }

        free.Clear();
        foreach (ExternItem item in scope.Exports.Values) FreeResources.Collect(item.Type, free);
        var defined = new List<ResourcePath>();
        foreach (ResourceId id in scope.DefinedResources.Keys)
        {
            if (!free.Contains(id)) continue;
            if (!scope.ExplicitResources.TryGetValue(id, out string[]? path)) throw ComponentException.Invalid($"local resource type found in export but not exported itself: {id}", at);
            defined.Add(new ResourcePath(id, path));
        }

        var type = new ComponentType
        {
            Imports = scope.Imports,
            Exports = scope.Exports,
            Imported = [.. scope.ImportedResources.Select(p => new ResourcePath(p.Key, p.Value))],
            Defined = defined,
            Explicit = scope.ExplicitResources,
        }.Seal();
        CheckSize(type, at);
        return type;
    }

    private static void CheckSize(TypeDef type, long at)
    {
        if (type.TypeSize > Limits.TypeSize) throw ComponentException.Invalid($"effective type size exceeds the limit of {Limits.TypeSize}", at);
        if (type.TypeDepth > Limits.NestingDepth) throw ComponentException.Invalid($"type nesting is too deep (the limit is {Limits.NestingDepth})", at);
    }
}
