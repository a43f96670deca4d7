// Resolves names across files and packages.
using System.Collections.Generic;
using System.Linq;

namespace Mote.Wit;

/// <summary>Turns WIT files into packages whose names are all resolved.</summary>
public sealed class WitResolver
{
    private readonly List<(PackageName Name, List<(FileSyntax File, PackageSyntax Body)> Parts)> _packages = new();
    private readonly Dictionary<PackageName, WitPackage> _resolved = new();
    private readonly Dictionary<(WitPackage Package, string Name), WitInterface> _interfaces = new();
    private readonly Dictionary<WitInterface, (InterfaceSyntax Syntax, FileSyntax File, PackageSyntax Body)> _pending = new();
    private readonly HashSet<WitInterface> _running = new();
    private readonly Dictionary<WitWorld, (WorldSyntax Syntax, FileSyntax File, PackageSyntax Body)> _worlds = new();
    private readonly HashSet<WitWorld> _doneWorlds = new();
    private readonly HashSet<WitWorld> _runningWorlds = new();

    /// <summary>How many interfaces, worlds or types may stand on one another: each costs stack, here and later.</summary>
    private const int MaxDepth = 200;

    /// <summary>Of interfaces and worlds: the longest way along their uses.</summary>
    private readonly Dictionary<WitOwner, int> _depths = new();

    private WitResolver()
    {
    }

    /// <summary>
    /// Parses and resolves files. Files without a <c>package</c> line belong to the package of the other files in the
    /// same folder.
    /// </summary>
    /// <param name="files">Path and text of each file.</param>
    /// <param name="features">Features whose <c>@unstable</c> items are taken.</param>
    /// <param name="library">Files of packages that are taken where <paramref name="files"/> do not have them.</param>
    /// <exception cref="WitException">A file has a fault.</exception>
    public static WitResolve Resolve(IEnumerable<(string Path, string Text)> files, IEnumerable<string>? features = null, IEnumerable<(string Path, string Text)>? library = null)
    {
        var resolver = new WitResolver();
        var on = new HashSet<string>(features ?? Enumerable.Empty<string>());
        List<FileSyntax> parsed = files.Select(f => WitParser.Parse(f.Path, f.Text, on)).ToList();
        var given = new HashSet<string>(parsed.SelectMany(Packages));
        parsed.AddRange((library ?? Enumerable.Empty<(string Path, string Text)>()).Select(f => WitParser.Parse(f.Path, f.Text, on)).Where(f => !Packages(f).Any(given.Contains)));
        resolver.Group(parsed);
        return resolver.All();
    }

    private static IEnumerable<string> Packages(FileSyntax file) =>
        file.Nested.Select(n => n.Name!.ToString()).Concat(file.Package is { } own ? new[] { own.ToString() } : Enumerable.Empty<string>());

    private static string Folder(string path)
    {
        int slash = path.Replace('\\', '/').LastIndexOf('/');
        return slash < 0 ? "" : path.Substring(0, slash);
    }

    private void Group(List<FileSyntax> files)
    {
        foreach (IGrouping<string, FileSyntax> folder in files.GroupBy(f => Folder(f.Path)))
        {
            PackageName? name = folder.Select(f => f.Package).FirstOrDefault(p => p is not null);
            foreach (FileSyntax file in folder)
            {
                bool hasItems = file.Body.Interfaces.Count + file.Body.Worlds.Count + file.Body.Uses.Count > 0;
                if (file.Package is { } own && name is { } other && own.ToString() != other.ToString()) throw new WitException(file.Path, 1, 1, $"this folder has files of two packages: `{other}` and `{own}`");
                if (hasItems && name is null) throw new WitException(file.Path, 1, 1, "no file of this folder has a `package` line");
                if (name is not null) Add(name, file, file.Body);
                foreach (PackageSyntax nested in file.Nested) Add(nested.Name!, file, nested);
            }
        }
    }

    private void Add(PackageName name, FileSyntax file, PackageSyntax body)
    {
        int at = _packages.FindIndex(p => p.Name.ToString() == name.ToString());
        if (at < 0)
        {
            _packages.Add((name, new List<(FileSyntax, PackageSyntax)>()));
            at = _packages.Count - 1;
        }

        _packages[at].Parts.Add((file, body));
    }

    private WitResolve All()
    {
        var packages = new List<WitPackage>();
        foreach ((PackageName name, List<(FileSyntax File, PackageSyntax Body)> parts) in _packages)
        {
            var package = new WitPackage(name);
            _resolved[name] = package;
            packages.Add(package);
            foreach ((FileSyntax file, PackageSyntax body) in parts)
            {
                foreach (InterfaceSyntax i in body.Interfaces)
                {
                    var iface = new WitInterface(package, i.Name.Text) { Docs = i.Docs };
                    if (_interfaces.ContainsKey((package, iface.Name))) throw new WitException(file.Path, i.Name.Line, i.Name.Column, $"interface `{iface.Name}` is defined twice in `{name}`");
                    if (package.Worlds.Any(w => w.Name == iface.Name)) throw Error(file, i.Name, $"`{iface.Name}` is the name of an interface and of a world in `{name}`");
                    _interfaces.Add((package, iface.Name), iface);
                    _pending.Add(iface, (i, file, body));
                    package.Interfaces.Add(iface);
                }

                foreach (WorldSyntax w in body.Worlds)
                {
                    var world = new WitWorld(package, w.Name.Text) { Docs = w.Docs };
                    if (package.Worlds.Any(other => other.Name == world.Name)) throw Error(file, w.Name, $"world `{world.Name}` is defined twice in `{name}`");
                    if (package.Interfaces.Any(i => i.Name == world.Name)) throw Error(file, w.Name, $"`{world.Name}` is the name of an interface and of a world in `{name}`");
                    _worlds.Add(world, (w, file, body));
                    package.Worlds.Add(world);
                }
            }
        }

        foreach (WitInterface i in packages.SelectMany(p => p.Interfaces).ToList()) Ensure(i);
        foreach (WitWorld w in packages.SelectMany(p => p.Worlds).ToList()) Ensure(w);
        return new WitResolve(packages);
    }

    private WitException Error(FileSyntax file, Token at, string message) => new WitException(file.Path, at.Line, at.Column, message);

    // ---- finding ----

    private WitPackage? FindPackage(PackageName wanted)
    {
        foreach (KeyValuePair<PackageName, WitPackage> p in _resolved)
        {
            if (p.Key.ToString() == wanted.ToString()) return p.Value;
        }

        // Another version of the package stands in where exactly one is there: the patch level does not change names.
        List<WitPackage> others = _resolved.Where(p => p.Key.Namespace == wanted.Namespace && p.Key.Name == wanted.Name && Track(p.Key.Version) == Track(wanted.Version)).Select(p => p.Value).ToList();
        return others.Count == 1 ? others[0] : null;
    }

    private static string Track(string? version)
    {
        if (version is null) return "";
        if (version.IndexOf('-') >= 0) return version;
        string[] parts = version.Split('.');
        return parts[0] != "0" ? parts[0] : parts.Length > 1 && parts[1] != "0" ? "0." + parts[1] : version;
    }

    /// <summary>What a name stands for by the uses at the top level.</summary>
    private PathSyntax Follow(PathSyntax path, FileSyntax file, PackageSyntax body)
    {
        var seen = new HashSet<string>();
        PathSyntax found = path;
        PathSyntax? first = null;
        while (found.Package is null && body.Uses.FirstOrDefault(u => u.Local == found.Name).Target is { } target)
        {
            if (target.Package is null && target.Name == found.Name) break;
            first ??= target;
            if (!seen.Add(found.Name)) throw Error(file, first.At, $"`{path.Name}` stands for itself");
            found = target;
        }

        return found;
    }

    private WitInterface FindInterface(PathSyntax path, FileSyntax file, PackageSyntax body, WitPackage own)
    {
        path = Follow(path, file, body);
        if (path.Package is { } package)
        {
            WitPackage found = FindPackage(package) ?? throw Error(file, path.At, $"package `{package}` is not here: put its files beside yours (in deps/)");
            return Lookup(found, path.Name) ?? throw Error(file, path.At, $"package `{found.Name}` has no interface `{path.Name}`");
        }

        return Lookup(own, path.Name) ?? throw Error(file, path.At, $"there is no interface `{path.Name}` in `{own.Name}`");
    }

    private WitInterface? Lookup(WitPackage package, string name) => _interfaces.TryGetValue((package, name), out WitInterface? i) ? i : null;

    // ---- interfaces ----

    private void Ensure(WitInterface iface)
    {
        if (!_pending.TryGetValue(iface, out (InterfaceSyntax Syntax, FileSyntax File, PackageSyntax Body) source)) return;
        if (!_running.Add(iface)) throw Error(source.File, source.Syntax.Name, $"interface `{iface.Name}` uses itself, by way of others");
        if (_running.Count > MaxDepth) throw Error(source.File, source.Syntax.Name, $"interfaces use one another more than {MaxDepth} deep");
        Fill(iface, source.Syntax.Items, source.File, source.Body, iface.Package!);
        _running.Remove(iface);
        _pending.Remove(iface);
    }

    /// <summary>Types first, because functions and types may name types that come after them.</summary>
    private void Fill(WitInterface iface, List<ItemSyntax> items, FileSyntax file, PackageSyntax body, WitPackage package)
    {
        var scope = new Scope(this, file);
        DeclareTypes(iface, scope, items, file, body, package);
        foreach (ItemSyntax item in items)
        {
            if (item.Kind == ItemSyntaxKind.Type)
            {
                foreach (FunctionSyntax f in item.TypeDef!.Functions) AddFunction(iface, file, f, scope.Function(f, scope.Find(item.Name)));
            }
            else if (item.Kind == ItemSyntaxKind.Function)
            {
                AddFunction(iface, file, item.Function!, scope.Function(item.Function!, null));
            }
        }
    }

    private void AddFunction(WitInterface iface, FileSyntax file, FunctionSyntax syntax, WitFunction function)
    {
        if (iface.Functions.Any(f => f.ExternName == function.ExternName)) throw Error(file, syntax.Name, $"function `{function.ExternName}` is defined twice in `{iface.Name}`");
        if (function.Resource is null && iface.Types.Any(t => t.Name == function.Name)) throw Error(file, syntax.Name, $"`{function.Name}` is the name of a type and of a function in `{iface.Name}`");
        iface.Functions.Add(function);
    }

    private void DeclareTypes(WitOwner owner, Scope scope, List<ItemSyntax> items, FileSyntax file, PackageSyntax body, WitPackage package)
    {
        foreach (ItemSyntax item in items)
        {
            if (item.Kind == ItemSyntaxKind.Use)
            {
                WitInterface from = FindInterface(item.Use!.From, file, body, package);
                Ensure(from);
                _depths[owner] = System.Math.Max(_depths.TryGetValue(owner, out int depth) ? depth : 0, 1 + (_depths.TryGetValue(from, out int below) ? below : 0));
                if (_depths[owner] > MaxDepth) throw Error(file, item.Use.From.At, $"interfaces use one another more than {MaxDepth} deep");
                foreach ((Token name, string local) in item.Use.Names)
                {
                    WitTypeDef target = from.Types.FirstOrDefault(t => t.Name == name.Text) ?? throw Error(file, name, $"interface `{from.QualifiedName}` has no type `{name.Text}`");
                    var alias = new WitTypeDef(owner, local, TypeDefKind.Alias) { Alias = new NamedType(target), IsUse = true, Docs = target.Docs };
                    scope.Declare(alias, name);
                    owner.Types.Add(alias);
                }
            }
            else if (item.Kind == ItemSyntaxKind.Type)
            {
                var def = new WitTypeDef(owner, item.Name.Text, item.TypeDef!.Kind) { Docs = item.Docs };
                scope.Declare(def, item.Name);
                owner.Types.Add(def);
            }
        }

        scope.CheckAliases(items);
        foreach (ItemSyntax item in items.Where(i => i.Kind == ItemSyntaxKind.Type)) scope.Define(item);
        scope.CheckCycles(items);
    }

    // ---- worlds ----

    private void Ensure(WitWorld world)
    {
        if (_doneWorlds.Contains(world)) return;
        (WorldSyntax syntax, FileSyntax file, PackageSyntax body) = _worlds[world];
        if (!_runningWorlds.Add(world)) throw Error(file, syntax.Name, $"world `{world.Name}` includes itself");
        if (_runningWorlds.Count > MaxDepth) throw Error(file, syntax.Name, $"worlds include one another more than {MaxDepth} deep");
        var scope = new Scope(this, file);
        DeclareTypes(world, scope, syntax.Items, file, body, world.Package!);
        foreach (ItemSyntax item in syntax.Items)
        {
            switch (item.Kind)
            {
                case ItemSyntaxKind.ImportInterface or ItemSyntaxKind.ExportInterface:
                    AddInterface(world, item, file, body);
                    break;
                case ItemSyntaxKind.ImportFunction:
                    AddOwn(world, item, file, new WitWorldItem(item.Name.Text, null, scope.Function(item.Function!, null)));
                    break;
                case ItemSyntaxKind.ExportFunction:
                    AddOwn(world, item, file, new WitWorldItem(item.Name.Text, null, scope.Function(item.Function!, null)));
                    break;
                case ItemSyntaxKind.Type:
                    // A resource that a world defines is imported, and its functions beside it.
                    foreach (WitFunction f in item.TypeDef!.Functions.Select(f => scope.Function(f, scope.Find(item.Name)))) AddItem(world.Imports, new WitWorldItem(f.ExternName, null, f));
                    break;
                case ItemSyntaxKind.Include:
                    Include(world, item, file, body);
                    break;
            }
        }

        ImportUsed(world);
        _doneWorlds.Add(world);
        _runningWorlds.Remove(world);
    }

    private void AddInterface(WitWorld world, ItemSyntax item, FileSyntax file, PackageSyntax body)
    {
        WitInterface iface;
        if (item.Inline is { } inline)
        {
            iface = new WitInterface(null, item.Name.Text) { Docs = item.Docs };
            Fill(iface, inline.Items, file, body, world.Package!);
            AddOwn(world, item, file, new WitWorldItem(item.Name.Text, iface, null));
            return;
        }

        iface = FindInterface(item.Path!, file, body, world.Package!);
        AddItem(item.Kind == ItemSyntaxKind.ImportInterface ? world.Imports : world.Exports, new WitWorldItem(iface.QualifiedName, iface, null));
    }

    /// <summary>An item under a name of the world's own, which must be new.</summary>
    private void AddOwn(WitWorld world, ItemSyntax syntax, FileSyntax file, WitWorldItem item)
    {
        bool import = syntax.Kind is ItemSyntaxKind.ImportInterface or ItemSyntaxKind.ImportFunction;
        List<WitWorldItem> items = import ? world.Imports : world.Exports;
        if (items.Any(i => i.Name == item.Name)) throw Error(file, syntax.Name, $"`{item.Name}` is {(import ? "imported" : "exported")} twice");
        items.Add(item);
    }

    private static void AddItem(List<WitWorldItem> items, WitWorldItem item)
    {
        if (items.All(i => i.Name != item.Name)) items.Add(item);
    }

    private void Include(WitWorld world, ItemSyntax item, FileSyntax file, PackageSyntax body)
    {
        PathSyntax path = Follow(item.Path!, file, body);
        WitPackage package = path.Package is { } other
            ? FindPackage(other) ?? throw Error(file, path.At, $"package `{other}` is not here: put its files beside yours (in deps/)")
            : world.Package!;
        WitWorld included = package.Worlds.FirstOrDefault(w => w.Name == path.Name) ?? throw Error(file, item.Path!.At, $"there is no world `{path.Name}` in `{package.Name}`");
        Ensure(included);
        foreach ((string from, _) in item.Renames!)
        {
            if (included.Imports.Concat(included.Exports).All(i => i.Name != from)) throw Error(file, item.Path!.At, $"world `{included.Name}` has no import or export `{from}`: only those can be renamed");
        }

        foreach (WitWorldItem i in included.Imports) AddItem(world.Imports, Renamed(i));
        foreach (WitWorldItem e in included.Exports) AddItem(world.Exports, Renamed(e));

        WitWorldItem Renamed(WitWorldItem i)
        {
            (string From, string To) rename = item.Renames!.FirstOrDefault(r => r.From == i.Name);
            return rename.To is null ? i : new WitWorldItem(rename.To, i.Interface, i.Function);
        }
    }

    /// <summary>
    /// An interface whose types another one uses is imported as well, before it. Of an exported interface, what it uses
    /// is imported unless it is exported too.
    /// </summary>
    private static void ImportUsed(WitWorld world)
    {
        var ordered = new List<WitWorldItem>();
        var exported = new HashSet<WitInterface>(world.Exports.Where(e => e.Interface is not null).Select(e => e.Interface!));
        foreach (WitTypeDef t in world.Types.Where(t => t.IsUse)) Visit(Owner(t), null);
        foreach (WitWorldItem item in world.Imports)
        {
            if (item.Interface is { } i) Visit(i, item);
            else ordered.Add(item);
        }

        foreach (WitWorldItem item in world.Exports)
        {
            if (item.Interface is not { } i) continue;
            foreach (WitInterface used in Uses(i).Where(u => !exported.Contains(u))) Visit(used, null);
        }

        world.Imports.Clear();
        world.Imports.AddRange(ordered);

        void Visit(WitInterface? i, WitWorldItem? item)
        {
            if (i is null || ordered.Any(o => ReferenceEquals(o.Interface, i))) return;
            foreach (WitInterface used in Uses(i)) Visit(used, null);
            ordered.Add(item ?? new WitWorldItem(i.QualifiedName, i, null));
        }
    }

    private static WitInterface? Owner(WitTypeDef use) => (use.Alias as NamedType)?.Definition.Owner as WitInterface;

    private static IEnumerable<WitInterface> Uses(WitInterface i) => i.Types.Where(t => t.IsUse).Select(Owner).OfType<WitInterface>().Distinct();

    /// <summary>Types of one interface or world while it is resolved.</summary>
    private sealed class Scope
    {
        private readonly WitResolver _resolver;
        private readonly FileSyntax _file;
        private readonly Dictionary<string, WitTypeDef> _types = new();

        public Scope(WitResolver resolver, FileSyntax file)
        {
            _resolver = resolver;
            _file = file;
        }

        public void Declare(WitTypeDef type, Token at)
        {
            if (_types.ContainsKey(type.Name)) throw _resolver.Error(_file, at, $"type `{type.Name}` is defined twice");
            _types.Add(type.Name, type);
        }

        public WitTypeDef Find(Token name) =>
            _types.TryGetValue(name.Text, out WitTypeDef? t) ? t : throw _resolver.Error(_file, name, $"there is no type `{name.Text}` here");

        public void Define(ItemSyntax item)
        {
            WitTypeDef def = _types[item.Name.Text];
            TypeDefSyntax syntax = item.TypeDef!;
            if (syntax.Alias is { } alias) def.Alias = Type(alias);
            foreach ((Token name, TypeSyntax? type, string docs) in syntax.Members)
            {
                if (def.Members.Any(m => m.Name == name.Text)) throw _resolver.Error(_file, name, $"`{name.Text}` is there twice in `{def.Name}`");
                def.Members.Add(new WitMember(name.Text, type is null ? null : Type(type), docs));
            }

            if (def.Kind == TypeDefKind.Flags && def.Members.Count > 32) throw _resolver.Error(_file, item.Name, $"flags have at most 32 names, `{def.Name}` has {def.Members.Count}");
        }

        /// <summary>No name may stand for itself; checked before any is followed.</summary>
        public void CheckAliases(List<ItemSyntax> items)
        {
            Dictionary<string, ItemSyntax> aliases = items.Where(i => i.TypeDef?.Alias is { IsName: true }).ToDictionary(i => i.Name.Text);
            var done = new HashSet<string>();
            foreach (ItemSyntax item in aliases.Values)
            {
                var path = new HashSet<string>();
                for (ItemSyntax? at = item; at is not null && !done.Contains(at.Name.Text); at = aliases.TryGetValue(at.TypeDef!.Alias!.Name, out ItemSyntax? next) ? next : null)
                {
                    if (!path.Add(at.Name.Text)) throw ContainsItself(at.Name);
                }

                done.UnionWith(path);
            }
        }

        private WitException ContainsItself(Token name) => _resolver.Error(_file, name, $"type `{name.Text}` contains itself");

        /// <summary>Definitions inside one another; what reads types does so by recursion.</summary>
        private const int MaxTypeDepth = 100;

        /// <summary>Definitions that a type refers to, counted each time it does; hosts have this limit too.</summary>
        private const long MaxSize = 1_000_000;

        /// <summary>No type may contain itself, or grow out of all bounds.</summary>
        public void CheckCycles(List<ItemSyntax> items)
        {
            var known = new Dictionary<WitTypeDef, (long Size, int Depth)>();
            foreach (ItemSyntax item in items.Where(i => i.Kind == ItemSyntaxKind.Type))
            {
                Visit(_types[item.Name.Text], item.Name, new HashSet<WitTypeDef>(), known);
            }
        }

        private (long Size, int Depth) Visit(WitTypeDef def, Token at, HashSet<WitTypeDef> path, Dictionary<WitTypeDef, (long Size, int Depth)> known)
        {
            if (known.TryGetValue(def, out (long Size, int Depth) before)) return before;
            if (!path.Add(def)) throw ContainsItself(at);
            long size = 1;
            int depth = 1;
            if (path.Count <= MaxTypeDepth)
            {
                foreach (WitTypeDef inner in Mentioned(def.Alias).Concat(def.Members.SelectMany(m => Mentioned(m.Type))).ToList())
                {
                    (long innerSize, int innerDepth) = Visit(inner, at, path, known);
                    size += innerSize;
                    depth = System.Math.Max(depth, innerDepth + 1);
                }
            }

            if (depth > MaxTypeDepth || path.Count > MaxTypeDepth) throw _resolver.Error(_file, at, $"type `{def.Name}` has more than {MaxTypeDepth} types inside one another");
            if (size > MaxSize) throw _resolver.Error(_file, at, $"type `{def.Name}` consists of more than {MaxSize} types");
            path.Remove(def);
            known.Add(def, (size, depth));
            return (size, depth);
        }

        private static IEnumerable<WitTypeDef> Mentioned(WitType? type) => type switch
        {
            NamedType n => new[] { n.Definition },
            ListWitType l => Mentioned(l.Element),
            MapWitType m => Mentioned(m.Key).Concat(Mentioned(m.Value)),
            TupleWitType t => t.Elements.SelectMany(Mentioned),
            OptionWitType o => Mentioned(o.Element),
            ResultWitType r => Mentioned(r.Ok).Concat(Mentioned(r.Error)),
            AsyncWitType a => Mentioned(a.Element),
            _ => Enumerable.Empty<WitTypeDef>(),
        };

        public WitFunction Function(FunctionSyntax f, WitTypeDef? resource)
        {
            var parameters = new List<WitMember>();
            if (f.Kind == FunctionKind.Method) parameters.Add(new WitMember("self", new HandleWitType(resource!, own: false), ""));
            foreach ((Token name, TypeSyntax type) in f.Parameters)
            {
                if (parameters.Any(p => p.Name == name.Text)) throw _resolver.Error(_file, name, $"parameter `{name.Text}` is there twice");
                parameters.Add(new WitMember(name.Text, Type(type), ""));
            }

            WitType? result = f.Result is null ? null : Type(f.Result);
            if (f.Kind == FunctionKind.Constructor) result ??= new HandleWitType(resource!, own: true);
            return new WitFunction(f.Kind == FunctionKind.Constructor ? "" : f.Name.Text, f.Kind, resource, parameters, result, f.IsAsync, f.Docs);
        }

        private WitType Type(TypeSyntax t)
        {
            if (t.IsName)
            {
                WitTypeDef def = Find(t.At);
                // The name of a resource by itself means a handle that is given over.
                return def.Origin.Kind == TypeDefKind.Resource ? new HandleWitType(def, own: true) : new NamedType(def);
            }

            if (PrimitiveWitType.Names.Contains(t.Name)) return new PrimitiveWitType(t.Name);
            switch (t.Name)
            {
                case "list":
                    return new ListWitType(Argument(t, 0, 1), t.Length);
                case "map":
                    WitType key = Argument(t, 0, 2);
                    if (key.Resolved is not PrimitiveWitType { Name: not ("f32" or "f64" or "error-context") }) throw _resolver.Error(_file, t.At, "a map key is a bool, an integer, a char or a string");
                    return new MapWitType(key, Argument(t, 1, 2));
                case "option":
                    return new OptionWitType(Argument(t, 0, 1));
                case "tuple":
                    if (t.Arguments.Count == 0 || t.Arguments.Contains(null)) throw _resolver.Error(_file, t.At, "a tuple has at least one type");
                    return new TupleWitType(t.Arguments.Select(a => Type(a!)).ToList());
                case "result":
                    if (t.Arguments.Count > 2) throw _resolver.Error(_file, t.At, "`result` takes at most two types");
                    return new ResultWitType(Optional(t, 0), Optional(t, 1));
                case "stream" or "future":
                    if (t.Arguments.Count > 1) throw _resolver.Error(_file, t.At, $"`{t.Name}` takes at most one type");
                    return new AsyncWitType(Optional(t, 0), t.Name == "stream");
                case "own" or "borrow":
                    if (t.Arguments.Count != 1 || t.Arguments[0] is not { IsName: true } name) throw _resolver.Error(_file, t.At, $"`{t.Name}` takes the name of a resource");
                    WitTypeDef resource = Find(name.At);
                    if (resource.Origin.Kind != TypeDefKind.Resource) throw _resolver.Error(_file, name.At, $"`{resource.Name}` is not a resource");
                    return new HandleWitType(resource, t.Name == "own");
                default:
                    throw _resolver.Error(_file, t.At, $"`{t.Name}` cannot stand here");
            }
        }

        private WitType Argument(TypeSyntax t, int index, int count) =>
            t.Arguments.Count == count && t.Arguments[index] is { } a ? Type(a) : throw _resolver.Error(_file, t.At, $"`{t.Name}` takes {count} type{(count == 1 ? "" : "s")}");

        private WitType? Optional(TypeSyntax t, int index) => index < t.Arguments.Count && t.Arguments[index] is { } a ? Type(a) : null;
    }
}
