// What the parser reads: names not yet resolved.
using System.Collections.Generic;

namespace Mote.Wit;

internal sealed class FileSyntax
{
    public string Path = "";
    public PackageName? Package;
    public readonly List<PackageSyntax> Nested = new List<PackageSyntax>();
    public readonly PackageSyntax Body = new PackageSyntax();
}

internal sealed class PackageSyntax
{
    public PackageName? Name;
    public readonly List<InterfaceSyntax> Interfaces = new List<InterfaceSyntax>();
    public readonly List<WorldSyntax> Worlds = new List<WorldSyntax>();

    /// <summary>Top-level uses: a local name for an interface of another package.</summary>
    public readonly List<(string Local, PathSyntax Target)> Uses = new List<(string, PathSyntax)>();
}

/// <summary>A name of an interface or world: <c>id</c> or <c>ns:pkg/id@version</c>.</summary>
internal sealed class PathSyntax
{
    public PackageName? Package;
    public string Name = "";
    public Token At;
}

internal sealed class UseSyntax
{
    public PathSyntax From = new PathSyntax();
    public readonly List<(Token Name, string Local)> Names = new List<(Token, string)>();
}

internal sealed class InterfaceSyntax
{
    public string File = "";
    public Token Name;
    public string Docs = "";
    public readonly List<ItemSyntax> Items = new List<ItemSyntax>();
}

internal sealed class WorldSyntax
{
    public string File = "";
    public Token Name;
    public string Docs = "";
    public readonly List<ItemSyntax> Items = new List<ItemSyntax>();
}

internal enum ItemSyntaxKind
{
    Use,
    Type,
    Function,
    ImportInterface,
    ExportInterface,
    ImportFunction,
    ExportFunction,
    Include,
}

internal sealed class ItemSyntax
{
    public ItemSyntaxKind Kind;
    public Token Name;
    public string Docs = "";
    public UseSyntax? Use;
    public TypeDefSyntax? TypeDef;
    public FunctionSyntax? Function;

    /// <summary>Of an imported or exported interface: its path, or its body.</summary>
    public PathSyntax? Path;
    public InterfaceSyntax? Inline;

    /// <summary>Of an include: names that are changed.</summary>
    public List<(string From, string To)>? Renames;
}

internal sealed class TypeDefSyntax
{
    public TypeDefKind Kind;
    public TypeSyntax? Alias;
    public readonly List<(Token Name, TypeSyntax? Type, string Docs)> Members = new List<(Token, TypeSyntax?, string)>();
    public readonly List<FunctionSyntax> Functions = new List<FunctionSyntax>();
}

internal sealed class FunctionSyntax
{
    public Token Name;
    public FunctionKind Kind;
    public bool IsAsync;
    public string Docs = "";
    public readonly List<(Token Name, TypeSyntax Type)> Parameters = new List<(Token, TypeSyntax)>();
    public TypeSyntax? Result;
}

internal sealed class TypeSyntax
{
    public Token At;

    /// <summary>A primitive, a constructor (list, option …) or a name.</summary>
    public string Name = "";
    public bool IsName;
    public readonly List<TypeSyntax?> Arguments = new List<TypeSyntax?>();
    public uint? Length;
}
