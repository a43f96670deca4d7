// The state of validating one component, component type or instance type: its index spaces.
using Mote.Components.Types;

namespace Mote.Components.Binary;

internal enum ScopeKind
{
    Component,
    ComponentType,
    InstanceType,
}

/// <summary>Index spaces and names of one scope. What the validator leaves in a component's scope, the planner reads.</summary>
internal sealed class Scope(ScopeKind kind)
{
    public ScopeKind Kind { get; } = kind;

    /// <summary><see cref="CoreSubType"/> or <see cref="CoreModuleType"/>.</summary>
    public List<object> CoreTypes { get; } = [];

    public List<CoreSubType> CoreFuncs { get; } = [];

    public List<CoreTableType> CoreTables { get; } = [];

    public List<CoreMemoryType> CoreMemories { get; } = [];

    public List<CoreGlobalType> CoreGlobals { get; } = [];

    public List<CoreSubType> CoreTags { get; } = [];

    public List<CoreModuleType> CoreModules { get; } = [];

    public List<OrderedDictionary<string, CoreExternType>> CoreInstances { get; } = [];

    public List<TypeDef> Types { get; } = [];

    public List<FunctionType> Funcs { get; } = [];

    public List<ComponentType> Components { get; } = [];

    public List<InstanceType> Instances { get; } = [];

    public OrderedDictionary<string, ExternItem> Imports { get; } = [];

    public OrderedDictionary<string, ExternItem> Exports { get; } = [];

    public Dictionary<string, string> ImportKeys { get; } = [];

    public Dictionary<string, string> ExportKeys { get; } = [];

    /// <summary>Resource types imported into this scope, and where.</summary>
    public OrderedDictionary<ResourceId, string[]> ImportedResources { get; } = [];

    /// <summary>
    /// Resource types that come into being in this scope; the value is how the resource is represented where this
    /// component defines it itself, null where it came with an instantiation or a declaration.
    /// </summary>
    public OrderedDictionary<ResourceId, CoreValType?> DefinedResources { get; } = [];

    /// <summary>Resource types that are exported, and where.</summary>
    public OrderedDictionary<ResourceId, string[]> ExplicitResources { get; } = [];

    /// <summary>Types that have an externally visible name by an import.</summary>
    public HashSet<TypeDef> ImportedTypes { get; } = new(ReferenceEqualityComparer.Instance);

    /// <summary>Types that have an externally visible name by an import or an export.</summary>
    public HashSet<TypeDef> ExportedTypes { get; } = new(ReferenceEqualityComparer.Instance);

    /// <summary>Names of resources that methods may refer to, of imports.</summary>
    public ResourceNames ImportedNames { get; } = new();

    /// <summary>Names of resources that methods may refer to, of exports.</summary>
    public ResourceNames ExportedNames { get; } = new();
}

/// <summary>Top-level names of resource types: <c>[method]R.f</c> must refer to one.</summary>
internal sealed class ResourceNames
{
    private readonly Dictionary<TypeDef, string> _byType = new(ReferenceEqualityComparer.Instance);
    private readonly HashSet<string> _names = [];

    public void Register(string name, ResourceType type)
    {
        _byType[type] = name;
        _names.Add(name);
    }

    public bool Contains(string name) => _names.Contains(name);

    public string? NameOf(ResourceType type) => _byType.GetValueOrDefault(type);
}

/// <summary>A component that was found valid, with what the planner needs of it.</summary>
internal sealed class ValidatedComponent(ComponentNode node, Scope scope)
{
    public ComponentNode Node { get; } = node;

    public Scope Scope { get; } = scope;

    public ComponentType Type { get; set; } = null!;

    /// <summary>Components defined directly inside, by their node.</summary>
    public Dictionary<ComponentNode, ValidatedComponent> Nested { get; } = new(ReferenceEqualityComparer.Instance);

    /// <summary>Core modules defined directly inside, by their node.</summary>
    public Dictionary<CoreModuleNode, CoreModule> Modules { get; } = new(ReferenceEqualityComparer.Instance);

    /// <summary>For each instantiation: the component's type and the resource types that this instance brought.</summary>
    public Dictionary<InstantiateNode, List<ResourcePath>> Fresh { get; } = new(ReferenceEqualityComparer.Instance);

    /// <summary>The resource type of each definition.</summary>
    public Dictionary<ResourceTypeNode, ResourceId> Resources { get; } = new(ReferenceEqualityComparer.Instance);

    /// <summary>For each lift and lower: its core function type.</summary>
    public Dictionary<CanonNode, CoreSubType> CoreTypes { get; } = new(ReferenceEqualityComparer.Instance);

    /// <summary>What each <c>task.return</c> returns.</summary>
    public Dictionary<CanonNode, ValType> ResultTypes { get; } = new(ReferenceEqualityComparer.Instance);
}
