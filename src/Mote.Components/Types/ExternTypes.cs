// Types of what components import and export: functions, instances, components, core modules.
using Mote.Components.Binary;
using Mote.Wasmtime;

namespace Mote.Components.Types;

/// <summary>A named parameter.</summary>
public readonly record struct Parameter(string Name, ValType Type);

/// <summary>A component-level function type.</summary>
public sealed class FunctionType : TypeDef
{
    private readonly Parameter[] _parameters;

    internal FunctionType(Parameter[] parameters, ValType? result, bool isAsync)
    {
        _parameters = parameters;
        Result = result;
        IsAsync = isAsync;
        foreach (Parameter p in parameters) Refers(p.Type);
        Refers(result);
        ParameterTypes = Array.ConvertAll(parameters, p => p.Type);
        FlatParameterCount = ValType.SaturateFlat(ParameterTypes.Sum(t => (long)t.FlatCount));
    }

    /// <summary>Parameters in order.</summary>
    public IReadOnlyList<Parameter> Parameters => _parameters;

    /// <summary>Result type, null for none.</summary>
    public ValType? Result { get; }

    /// <summary>True for an <c>async</c> function.</summary>
    public bool IsAsync { get; }

    internal ValType[] ParameterTypes { get; }

    /// <summary>Core values of all parameters; saturates above 16.</summary>
    internal int FlatParameterCount { get; }

    /// <summary>Parameters go through memory as one tuple.</summary>
    internal bool ParametersSpill => FlatParameterCount > ValType.MaxFlatParameters;

    /// <summary>The result goes through memory.</summary>
    internal bool ResultSpills => Result is { } r && r.FlatCount > ValType.MaxFlatResults;

    internal override string Word => "func";

    /// <inheritdoc/>
    public override string ToString()
    {
        string result = Result is null ? "" : $" -> {Result}";
        return $"{(IsAsync ? "async " : "")}func({string.Join(", ", _parameters.Select(p => $"{p.Name}: {p.Type}"))}){result}";
    }
}

/// <summary>What an extern item is, with its type.</summary>
internal readonly struct ExternType
{
    private ExternType(Sort sort, TypeDef type, TypeDef? created)
    {
        Sort = sort;
        Type = type;
        Created = created;
    }

    /// <summary>CoreModule, Func, Type, Component or Instance.</summary>
    public Sort Sort { get; }

    /// <summary>The type; for a type item, the type that it names.</summary>
    public TypeDef Type { get; }

    /// <summary>For a type item: the type under its new name.</summary>
    public TypeDef? Created { get; }

    public FunctionType Func => (FunctionType)Type;

    public InstanceType Instance => (InstanceType)Type;

    public ComponentType Component => (ComponentType)Type;

    public CoreModuleType Module => (CoreModuleType)Type;

    public static ExternType Of(FunctionType type) => new(Sort.Func, type, null);

    public static ExternType Of(InstanceType type) => new(Sort.Instance, type, null);

    public static ExternType Of(ComponentType type) => new(Sort.Component, type, null);

    public static ExternType Of(CoreModuleType type) => new(Sort.CoreModule, type, null);

    public static ExternType OfType(TypeDef referenced, TypeDef created) => new(Sort.Type, referenced, created);

    /// <summary>The word that messages use.</summary>
    public string Word => Sort.Word();
}

/// <summary>A named import or export of a component or instance type.</summary>
internal readonly record struct ExternItem(ExternType Type, ExternName Name);

/// <summary>The type of a core module: what it imports and exports.</summary>
internal sealed class CoreModuleType : TypeDef
{
    public OrderedDictionary<(string Module, string Name), CoreExternType> Imports { get; } = [];

    public OrderedDictionary<string, CoreExternType> Exports { get; } = [];

    internal override string Word => "module";

    internal void Seal() => AddSize(Imports.Count + Exports.Count);
}

/// <summary>Where in the imports or exports a resource type is introduced: names from the outside in.</summary>
internal readonly record struct ResourcePath(ResourceId Resource, string[] Path);

/// <summary>The type of an instance.</summary>
internal sealed class InstanceType : TypeDef
{
    public OrderedDictionary<string, ExternItem> Exports { get; init; } = [];

    /// <summary>
    /// Resource types that an instance of this type brings with it, fresh each time. Empty for the type of an
    /// instance that exists: its resource types belong to the component around it.
    /// </summary>
    public List<ResourceId> Defined { get; init; } = [];

    /// <summary>Resource types that are exported, and where.</summary>
    public OrderedDictionary<ResourceId, string[]> Explicit { get; init; } = [];

    internal override string Word => "instance";

    internal InstanceType Seal()
    {
        foreach (ExternItem item in Exports.Values) Refers(item.Type.Type);
        return this;
    }
}

/// <summary>The type of a component.</summary>
internal sealed class ComponentType : TypeDef
{
    public OrderedDictionary<string, ExternItem> Imports { get; init; } = [];

    public OrderedDictionary<string, ExternItem> Exports { get; init; } = [];

    /// <summary>Resource types that are imported, and where.</summary>
    public List<ResourcePath> Imported { get; init; } = [];

    /// <summary>Resource types that each instance brings with it, and where they are exported.</summary>
    public List<ResourcePath> Defined { get; init; } = [];

    /// <summary>All exported resource types, imported ones too, and where.</summary>
    public OrderedDictionary<ResourceId, string[]> Explicit { get; init; } = [];

    internal override string Word => "component";

    internal ComponentType Seal()
    {
        foreach (ExternItem item in Imports.Values) Refers(item.Type.Type);
        foreach (ExternItem item in Exports.Values) Refers(item.Type.Type);
        return this;
    }
}
