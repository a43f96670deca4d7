// What a world imports or exports: an interface, or the functions of the world itself.
using Mote.Wit;

namespace Mote.Bindings.C;

/// <param name="owner">The interface, or the world for what stands in it directly.</param>
/// <param name="exported">Does the component define it?</param>
/// <param name="module">The name that components have for it; $root for the world itself.</param>
/// <param name="prefix">What C names begin with.</param>
internal sealed class CInterface(WitOwner owner, bool exported, string module, string prefix)
{
    public WitOwner Owner { get; } = owner;

    public bool Exported { get; } = exported;

    public string Module { get; } = module;

    public string Prefix { get; } = prefix;

    /// <summary>Its types; of a world, also those of worlds that it includes.</summary>
    public List<WitTypeDef> Types { get; } = [.. owner.Types];

    public bool IsWorld => Owner is WitWorld;

    public List<CResource> Resources { get; } = [];

    public List<CFunction> Functions { get; } = [];

    /// <summary>The name of a core export that belongs to an item of it.</summary>
    public string CoreExport(string item) => IsWorld ? item : $"{Module}#{item}";
}
