// A world as C sees it: interfaces in order, each with its resources, types and functions, all names given.
using Mote.Wit;

namespace Mote.Bindings.C;

internal sealed class WorldModel
{
    private readonly Dictionary<(string, string), HashSet<string>> _versions = [];

    public WorldModel(WitWorld world, string name)
    {
        World = world;
        Name = name;
        Types = new TypeTable(this);
        CountVersions();
        var imported = new CInterface(world, exported: false, "$root", name);
        var exported = new CInterface(world, exported: true, "$root", "exports_" + name);
        Interfaces.AddRange(world.Imports.Where(i => i.Interface is not null).Select(i => Interface(i, exported: false)));
        Interfaces.Add(imported);
        Interfaces.AddRange(world.Exports.Where(i => i.Interface is not null).Select(i => Interface(i, exported: true)));
        Interfaces.Add(exported);
        imported.Types.AddRange(IncludedTypes());
        // Types and what belongs to resources have the first choice of names, then functions.
        foreach (CInterface i in Interfaces.Where(i => i != exported)) Types.Declare(i);
        foreach (CInterface i in Interfaces.Where(i => !i.IsWorld))
        {
            foreach (WitFunction f in ((WitInterface)i.Owner).Functions) i.Functions.Add(Function(i, f, f.ExternName));
        }

        foreach (WitWorldItem item in world.Imports.Where(i => i.Function is not null)) imported.Functions.Add(Function(imported, item.Function!, item.Name));
        foreach (WitWorldItem item in world.Exports.Where(i => i.Function is not null)) exported.Functions.Add(Function(exported, item.Function!, item.Name));
    }

    public WitWorld World { get; }

    /// <summary>The prefix of what belongs to no interface.</summary>
    public string Name { get; }

    public CNames Names { get; } = new();

    public TypeTable Types { get; }

    /// <summary>Imported interfaces, the world's own imports, exported interfaces, the world's own exports.</summary>
    public List<CInterface> Interfaces { get; } = [];

    public IEnumerable<CResource> Resources => Interfaces.SelectMany(i => i.Resources);

    public IEnumerable<CFunction> Functions(bool exported) => Interfaces.Where(i => i.Exported == exported).SelectMany(i => i.Functions);

    /// <summary>Types of included worlds, which functions mention; each after those it mentions itself.</summary>
    private List<WitTypeDef> IncludedTypes()
    {
        var found = new List<WitTypeDef>();
        foreach (WitFunction f in World.Imports.Concat(World.Exports).Select(i => i.Function).OfType<WitFunction>())
        {
            if (f.Resource is not null) Add(f.Resource);
            foreach (WitMember p in f.Parameters) Visit(p.Type);
            Visit(f.Result);
        }

        return found;

        void Add(WitTypeDef d)
        {
            Visit(d.Alias);
            foreach (WitMember m in d.Members) Visit(m.Type);
            if (d.Owner is WitWorld && d.Owner != World && !found.Contains(d)) found.Add(d);
        }

        void Visit(WitType? type)
        {
            foreach (WitTypeDef d in Mentions.In(type)) Add(d);
        }
    }

    private void CountVersions()
    {
        foreach (WitWorldItem item in World.Imports.Concat(World.Exports))
        {
            if (item.Interface?.Package?.Name is not { } p) continue;
            if (!_versions.TryGetValue((p.Namespace, p.Name), out HashSet<string>? known)) _versions[(p.Namespace, p.Name)] = known = [];
            known.Add(p.Version ?? "");
        }
    }

    private CInterface Interface(WitWorldItem item, bool exported)
    {
        string prefix = exported ? "exports_" : "";
        if (item.Interface!.Package?.Name is { } p)
        {
            // The version says nothing where there is only one.
            string version = p.Version is { } v && _versions[(p.Namespace, p.Name)].Count > 1 ? "_" + CNames.Version(v) : "";
            prefix += $"{CNames.Snake(p.Namespace)}_{CNames.Snake(p.Name)}{version}_{CNames.Snake(item.Interface.Name)}";
        }
        else
        {
            prefix += $"{Name}_{CNames.Snake(item.Name)}";
        }

        return new CInterface(item.Interface, exported, item.Name, prefix);
    }

    private CFunction Function(CInterface owner, WitFunction f, string externName)
    {
        string where = owner.IsWorld ? $"function `{externName}`" : $"function `{externName}` of `{owner.Module}`";
        if (f.IsAsync) throw new CBindingsException($"{where} is async: C bindings have synchronous functions only");
        // A world's exports see the types that it imports; so does everything else that does not belong to an export.
        bool export = owner is { Exported: true, IsWorld: false };
        List<CMember> parameters = [.. f.Parameters.Select(p => Types.Member(CNames.Parameter(p.Name), p.Type!, export, "", where))];
        CMember? result = f.Result is null ? null : Types.Member("ret", f.Result, export, "", where);
        string stem = f.Resource is null ? owner.Prefix : Types.Resource(f.Resource.Origin, export).Stem;
        string name = f.Kind == FunctionKind.Constructor ? "new" : CNames.Snake(f.Resource is null ? externName : f.Name);
        return new CFunction(owner, Names.Unique($"{stem}_{name}"), externName, f.Docs, parameters, result);
    }
}
