// The root of everything that a type index can stand for, and resource types.
namespace Mote.Components.Types;

/// <summary>
/// Anything in a component's type index space: a value type, a function type, a resource type, an instance type or
/// a component type. Types are immutable. Two objects may be the same type (see <see cref="Subtyping"/>); the
/// object itself says under which name the type was reached, which the rule of external visibility needs.
/// </summary>
public abstract class TypeDef
{
    /// <summary>The word that messages use.</summary>
    internal abstract string Word { get; }

    /// <summary>Nodes of this type, everything it refers to counted each time; saturates.</summary>
    internal int TypeSize { get; private set; } = 1;

    /// <summary>How deep types are nested in this one; 0 for a type that refers to none.</summary>
    internal int TypeDepth { get; private set; }

    /// <summary>Counts <paramref name="child"/>, which this type refers to.</summary>
    private protected void Refers(TypeDef? child)
    {
        if (child is null) return;
        AddSize(child.TypeSize);
        TypeDepth = Math.Max(TypeDepth, child.TypeDepth + 1);
    }

    private protected void AddSize(int nodes) => TypeSize = (int)Math.Min((long)TypeSize + nodes, int.MaxValue);

    /// <summary>The same type under a new name.</summary>
    internal TypeDef Renamed() => (TypeDef)MemberwiseClone();
}

/// <summary>
/// A resource type variable: one import, one definition or one fresh export of an instantiation. Equality is
/// identity.
/// </summary>
internal sealed class ResourceId(string? hint)
{
    /// <summary>A name for messages, where there is one.</summary>
    public string? Hint { get; set; } = hint;

    /// <summary>In types of a plan: the resource's slot. -1 everywhere else.</summary>
    public int Slot { get; init; } = -1;

    public override string ToString() => Hint ?? "<resource>";
}

/// <summary>A reference to a resource type under some name.</summary>
public sealed class ResourceType : TypeDef
{
    internal ResourceType(ResourceId id) => Id = id;

    /// <summary>Which resource type it is.</summary>
    internal ResourceId Id { get; }

    /// <summary>The name it was imported or exported under, if any.</summary>
    public string? Name => Id.Hint;

    internal override string Word => "resource";

    /// <inheritdoc/>
    public override string ToString() => Name ?? "resource";
}
