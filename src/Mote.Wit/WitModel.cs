// WIT packages, resolved: every name points at what it means. WIT.md of the Component Model is the source.
using System.Collections.Generic;
using System.Linq;

namespace Mote.Wit;

/// <summary>A file has a fault: where, and what.</summary>
public sealed class WitException : System.Exception
{
    /// <summary>A fault at a line and column, both from 1.</summary>
    public WitException(string file, int line, int column, string message)
        : base($"{file}:{line}:{column}: {message}")
    {
        File = file;
        Line = line;
        Column = column;
        Reason = message;
    }

    /// <summary>The file.</summary>
    public string File { get; }

    /// <summary>The line, from 1.</summary>
    public int Line { get; }

    /// <summary>The column, from 1.</summary>
    public int Column { get; }

    /// <summary>What is wrong.</summary>
    public string Reason { get; }
}

/// <summary>A package's name: <c>namespace:name@version</c>.</summary>
public sealed class PackageName
{
    /// <summary>A name; the version is null for none.</summary>
    public PackageName(string ns, string name, string? version)
    {
        Namespace = ns;
        Name = name;
        Version = version;
    }

    /// <summary>Before the colon.</summary>
    public string Namespace { get; }

    /// <summary>After the colon.</summary>
    public string Name { get; }

    /// <summary>After the @, null for none.</summary>
    public string? Version { get; }

    /// <summary>An interface of this package as components name it.</summary>
    public string Qualify(string item) => Version is null ? $"{Namespace}:{Name}/{item}" : $"{Namespace}:{Name}/{item}@{Version}";

    /// <inheritdoc/>
    public override string ToString() => Version is null ? $"{Namespace}:{Name}" : $"{Namespace}:{Name}@{Version}";
}

/// <summary>A package.</summary>
public sealed class WitPackage
{
    internal WitPackage(PackageName name) => Name = name;

    /// <summary>Its name.</summary>
    public PackageName Name { get; }

    /// <summary>Interfaces by name, in the order of the files.</summary>
    public List<WitInterface> Interfaces { get; } = new List<WitInterface>();

    /// <summary>Worlds by name, in the order of the files.</summary>
    public List<WitWorld> Worlds { get; } = new List<WitWorld>();
}

/// <summary>What can own type definitions: an interface or a world.</summary>
public abstract class WitOwner
{
    private protected WitOwner(WitPackage? package, string name)
    {
        Package = package;
        Name = name;
    }

    /// <summary>The package, null for an interface written inside a world.</summary>
    public WitPackage? Package { get; }

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>Its documentation, without comment signs.</summary>
    public string Docs { get; internal set; } = "";

    /// <summary>Types in the order they are written, those taken over by <c>use</c> included.</summary>
    public List<WitTypeDef> Types { get; } = new List<WitTypeDef>();

    /// <summary>As components name it; the bare name where there is no package.</summary>
    public string QualifiedName => Package is null ? Name : Package.Name.Qualify(Name);
}

/// <summary>An interface.</summary>
public sealed class WitInterface : WitOwner
{
    internal WitInterface(WitPackage? package, string name)
        : base(package, name)
    {
    }

    /// <summary>Functions in the order they are written, those of resources included.</summary>
    public List<WitFunction> Functions { get; } = new List<WitFunction>();
}

/// <summary>A world.</summary>
public sealed class WitWorld : WitOwner
{
    internal WitWorld(WitPackage package, string name)
        : base(package, name)
    {
    }

    /// <summary>Imports in order.</summary>
    public List<WitWorldItem> Imports { get; } = new List<WitWorldItem>();

    /// <summary>Exports in order.</summary>
    public List<WitWorldItem> Exports { get; } = new List<WitWorldItem>();
}

/// <summary>An import or export of a world: an interface or a function, under a name.</summary>
public sealed class WitWorldItem
{
    internal WitWorldItem(string name, WitInterface? iface, WitFunction? function)
    {
        Name = name;
        Interface = iface;
        Function = function;
    }

    /// <summary>The extern name: a plain name, or the qualified name of an interface.</summary>
    public string Name { get; }

    /// <summary>The interface, or null.</summary>
    public WitInterface? Interface { get; }

    /// <summary>The function, or null.</summary>
    public WitFunction? Function { get; }
}

/// <summary>What a type definition is.</summary>
public enum TypeDefKind
{
    /// <summary>Another name for a type, or a type taken over by <c>use</c>.</summary>
    Alias,

    /// <summary>record.</summary>
    Record,

    /// <summary>variant.</summary>
    Variant,

    /// <summary>enum.</summary>
    Enum,

    /// <summary>flags.</summary>
    Flags,

    /// <summary>resource.</summary>
    Resource,
}

/// <summary>A field, a case or a label, with its documentation.</summary>
public sealed class WitMember
{
    internal WitMember(string name, WitType? type, string docs)
    {
        Name = name;
        Type = type;
        Docs = docs;
    }

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>The type of a field or of a case's payload; null for none.</summary>
    public WitType? Type { get; }

    /// <summary>Its documentation.</summary>
    public string Docs { get; }
}

/// <summary>A named type.</summary>
public sealed class WitTypeDef
{
    internal WitTypeDef(WitOwner owner, string name, TypeDefKind kind)
    {
        Owner = owner;
        Name = name;
        Kind = kind;
    }

    /// <summary>Where it is defined.</summary>
    public WitOwner Owner { get; }

    /// <summary>Its name there.</summary>
    public string Name { get; }

    /// <summary>What it is.</summary>
    public TypeDefKind Kind { get; }

    /// <summary>Its documentation.</summary>
    public string Docs { get; internal set; } = "";

    /// <summary>Of an alias: the type it stands for.</summary>
    public WitType? Alias { get; internal set; }

    /// <summary>Fields, cases or labels in order.</summary>
    public List<WitMember> Members { get; } = new List<WitMember>();

    /// <summary>True where it came by <c>use</c> and is defined elsewhere.</summary>
    public bool IsUse { get; internal set; }

    /// <summary>The definition at the end of all aliases; itself where it is none or stands for an unnamed type.</summary>
    public WitTypeDef Origin
    {
        get
        {
            WitTypeDef origin = this;
            while (origin.Kind == TypeDefKind.Alias && origin.Alias is NamedType n) origin = n.Definition;
            return origin;
        }
    }
}

/// <summary>Kinds of functions.</summary>
public enum FunctionKind
{
    /// <summary>A function of an interface or world.</summary>
    Freestanding,

    /// <summary>Takes a borrowed resource first.</summary>
    Method,

    /// <summary>Belongs to a resource, takes none.</summary>
    Static,

    /// <summary>Makes a resource.</summary>
    Constructor,
}

/// <summary>A function.</summary>
public sealed class WitFunction
{
    internal WitFunction(string name, FunctionKind kind, WitTypeDef? resource, List<WitMember> parameters, WitType? result, bool isAsync, string docs)
    {
        Name = name;
        Kind = kind;
        Resource = resource;
        Parameters = parameters;
        Result = result;
        IsAsync = isAsync;
        Docs = docs;
    }

    /// <summary>Its name as written; empty for a constructor.</summary>
    public string Name { get; }

    /// <summary>Its kind.</summary>
    public FunctionKind Kind { get; }

    /// <summary>The resource it belongs to, or null.</summary>
    public WitTypeDef? Resource { get; }

    /// <summary>Parameters in order; of a method, <c>self</c> is the first.</summary>
    public List<WitMember> Parameters { get; }

    /// <summary>Result type, null for none.</summary>
    public WitType? Result { get; }

    /// <summary>True for an async function.</summary>
    public bool IsAsync { get; }

    /// <summary>Its documentation.</summary>
    public string Docs { get; }

    /// <summary>The extern name: <c>[method]R.f</c> and so on.</summary>
    public string ExternName => Kind switch
    {
        FunctionKind.Method => $"[method]{Resource!.Name}.{Name}",
        FunctionKind.Static => $"[static]{Resource!.Name}.{Name}",
        FunctionKind.Constructor => $"[constructor]{Resource!.Name}",
        _ => Name,
    };
}

/// <summary>A type as it is used.</summary>
public abstract class WitType
{
    private protected WitType()
    {
    }

    /// <summary>The type with all aliases followed.</summary>
    public WitType Resolved
    {
        get
        {
            WitType type = this;
            while (type is NamedType { Definition: { Kind: TypeDefKind.Alias, Alias: { } target } }) type = target;
            return type;
        }
    }
}

/// <summary>Primitive types, by their WIT names.</summary>
public sealed class PrimitiveWitType : WitType
{
    internal static readonly string[] Names = { "bool", "s8", "u8", "s16", "u16", "s32", "u32", "s64", "u64", "f32", "f64", "char", "string", "error-context" };

    internal PrimitiveWitType(string name) => Name = name;

    /// <summary>The type of texts.</summary>
    public static PrimitiveWitType String { get; } = new PrimitiveWitType("string");

    /// <summary>bool, s8 … string.</summary>
    public string Name { get; }

    /// <inheritdoc/>
    public override string ToString() => Name;
}

/// <summary>A reference to a named type.</summary>
public sealed class NamedType : WitType
{
    /// <summary>A reference.</summary>
    public NamedType(WitTypeDef definition) => Definition = definition;

    /// <summary>The definition, possibly an alias.</summary>
    public WitTypeDef Definition { get; }

    /// <inheritdoc/>
    public override string ToString() => Definition.Name;
}

/// <summary>own or borrow of a resource.</summary>
public sealed class HandleWitType : WitType
{
    internal HandleWitType(WitTypeDef resource, bool own)
    {
        Resource = resource;
        IsOwn = own;
    }

    /// <summary>The resource, possibly by an alias.</summary>
    public WitTypeDef Resource { get; }

    /// <summary>True for own.</summary>
    public bool IsOwn { get; }

    /// <inheritdoc/>
    public override string ToString() => $"{(IsOwn ? "own" : "borrow")}<{Resource.Name}>";
}

/// <summary>list, of a variable or a fixed length.</summary>
public sealed class ListWitType : WitType
{
    internal ListWitType(WitType element, uint? length)
    {
        Element = element;
        Length = length;
    }

    /// <summary>Type of each element.</summary>
    public WitType Element { get; }

    /// <summary>The fixed length, or null.</summary>
    public uint? Length { get; }

    /// <inheritdoc/>
    public override string ToString() => Length is null ? $"list<{Element}>" : $"list<{Element}, {Length}>";
}

/// <summary>map.</summary>
public sealed class MapWitType : WitType
{
    internal MapWitType(WitType key, WitType value)
    {
        Key = key;
        Value = value;
    }

    /// <summary>Key type.</summary>
    public WitType Key { get; }

    /// <summary>Value type.</summary>
    public WitType Value { get; }

    /// <summary>A key with its value; in memory a map is a list of these.</summary>
    public TupleWitType Entry => new TupleWitType(new List<WitType> { Key, Value });

    /// <inheritdoc/>
    public override string ToString() => $"map<{Key}, {Value}>";
}

/// <summary>tuple.</summary>
public sealed class TupleWitType : WitType
{
    internal TupleWitType(List<WitType> elements) => Elements = elements;

    /// <summary>Element types.</summary>
    public List<WitType> Elements { get; }

    /// <inheritdoc/>
    public override string ToString() => $"tuple<{string.Join(", ", Elements)}>";
}

/// <summary>option.</summary>
public sealed class OptionWitType : WitType
{
    internal OptionWitType(WitType element) => Element = element;

    /// <summary>Type of the value.</summary>
    public WitType Element { get; }

    /// <inheritdoc/>
    public override string ToString() => $"option<{Element}>";
}

/// <summary>result.</summary>
public sealed class ResultWitType : WitType
{
    internal ResultWitType(WitType? ok, WitType? error)
    {
        Ok = ok;
        Error = error;
    }

    /// <summary>Type of a success, null for none.</summary>
    public WitType? Ok { get; }

    /// <summary>Type of an error, null for none.</summary>
    public WitType? Error { get; }

    /// <inheritdoc/>
    public override string ToString() => Ok is null && Error is null ? "result" : Error is null ? $"result<{Ok}>" : $"result<{Ok?.ToString() ?? "_"}, {Error}>";
}

/// <summary>stream or future.</summary>
public sealed class AsyncWitType : WitType
{
    internal AsyncWitType(WitType? element, bool stream)
    {
        Element = element;
        IsStream = stream;
    }

    /// <summary>Type of each element, null for none.</summary>
    public WitType? Element { get; }

    /// <summary>True for stream, false for future.</summary>
    public bool IsStream { get; }

    /// <inheritdoc/>
    public override string ToString() => Element is null ? (IsStream ? "stream" : "future") : $"{(IsStream ? "stream" : "future")}<{Element}>";
}

/// <summary>Packages that know one another.</summary>
public sealed class WitResolve
{
    internal WitResolve(List<WitPackage> packages) => Packages = packages;

    /// <summary>All packages.</summary>
    public List<WitPackage> Packages { get; }

    /// <summary>The world of this name: bare where it is the only one, or <c>ns:pkg/world[@version]</c>.</summary>
    public WitWorld? FindWorld(string? name)
    {
        List<WitWorld> worlds = Packages.SelectMany(p => p.Worlds).ToList();
        if (string.IsNullOrEmpty(name)) return worlds.Count == 1 ? worlds[0] : null;
        return worlds.FirstOrDefault(w => w.QualifiedName == name)
            ?? worlds.FirstOrDefault(w => w.Name == name)
            ?? worlds.FirstOrDefault(w => w.Package is { } p && $"{p.Name.Namespace}:{p.Name.Name}/{w.Name}" == name);
    }
}
