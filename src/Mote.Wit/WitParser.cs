// Parses WIT text (WIT.md, "Lexical structure" to "Types").
using System.Collections.Generic;
using System.Linq;

namespace Mote.Wit;

internal sealed class WitParser
{
    private readonly string _file;
    private readonly List<Token> _tokens;
    private readonly ISet<string> _features;
    private int _at;

    private WitParser(string file, string text, ISet<string> features)
    {
        _file = file;
        _tokens = WitLexer.Tokens(file, text);
        _features = features;
    }

    /// <summary>Parses a file. Items behind a feature that is not in <paramref name="features"/> are left out.</summary>
    public static FileSyntax Parse(string file, string text, ISet<string> features) => new WitParser(file, text, features).File();

    /// <summary>
    /// Types written inside one another, as in <c>list&lt;list&lt;u8&gt;&gt;</c>. Deeper ones are nobody's; each level
    /// costs stack here and in everything that reads the result.
    /// </summary>
    private const int MaxTypeDepth = 100;

    private Token Current => _tokens[_at];

    /// <summary>A token further on; the last one is the end of the file.</summary>
    private Token Ahead(int count) => _tokens[System.Math.Min(_at + count, _tokens.Count - 1)];

    private WitException Error(Token at, string message) => new WitException(_file, at.Line, at.Column, message);

    private static string Show(Token t) => t.Kind == TokenKind.End ? "the end of the file" : $"`{t.Text}`";

    private bool IsKeyword(string word) => Current.Kind == TokenKind.Identifier && !Current.Escaped && Current.Text == word;

    private bool IsSymbol(string symbol) => Current.Kind == TokenKind.Symbol && Current.Text == symbol;

    private bool Eat(string symbol)
    {
        if (!IsSymbol(symbol)) return false;
        _at++;
        return true;
    }

    private bool EatKeyword(string word)
    {
        if (!IsKeyword(word)) return false;
        _at++;
        return true;
    }

    private void Expect(string symbol)
    {
        if (!Eat(symbol)) throw Error(Current, $"expected `{symbol}`, found {Show(Current)}");
    }

    private Token Identifier(string what)
    {
        if (Current.Kind != TokenKind.Identifier) throw Error(Current, $"expected {what}, found {Show(Current)}");
        if (!IsKebab(Current.Text)) throw Error(Current, $"`{Current.Text}` is not kebab-case: words of letters and digits, each all lower-case or all upper-case, joined by single dashes");
        return _tokens[_at++];
    }

    private static bool IsKebab(string name) =>
        !WitLexer.IsDigit(name[0]) && name.Split('-').All(word => word.Length > 0 && !(word.Any(c => c is >= 'a' and <= 'z') && word.Any(c => c is >= 'A' and <= 'Z')));

    // ---- files and packages ----

    private FileSyntax File()
    {
        var file = new FileSyntax { Path = _file };
        while (Current.Kind != TokenKind.End)
        {
            if (IsKeyword("package"))
            {
                Token at = Current;
                _at++;
                PackageName name = Package();
                if (Eat("{"))
                {
                    var nested = new PackageSyntax { Name = name };
                    while (!Eat("}")) PackageItem(nested);
                    file.Nested.Add(nested);
                }
                else
                {
                    Expect(";");
                    if (file.Package is not null) throw Error(at, "a file has only one `package` line");
                    file.Package = name;
                }
            }
            else
            {
                PackageItem(file.Body);
            }
        }

        return file;
    }

    private PackageName Package()
    {
        string ns = Identifier("a namespace").Text;
        Expect(":");
        string name = Identifier("a package name").Text;
        return new PackageName(ns, name, Eat("@") ? Version() : null);
    }

    /// <summary>A semantic version: its characters come as several tokens with nothing between.</summary>
    private string Version()
    {
        string version = "";
        int column = Current.Column, line = Current.Line;
        while (Current.Line == line && Current.Column == column && (Current.Kind is TokenKind.Integer or TokenKind.Identifier || IsSymbol(".") || IsSymbol("-") || IsSymbol("+")))
        {
            // `use a:b/c@1.0.0.{x}`: the dot before a brace is not the version's.
            if (IsSymbol(".") && Ahead(1) is { Kind: TokenKind.Symbol, Text: "{" }) break;
            version += Current.Text;
            column += Current.Text.Length;
            _at++;
        }

        if (version.Length == 0) throw Error(Current, $"expected a version, found {Show(Current)}");
        return version;
    }

    private void PackageItem(PackageSyntax package)
    {
        bool included = Gates(out string docs);
        if (docs.Length == 0) docs = Current.Docs;
        if (EatKeyword("interface"))
        {
            Token name = Identifier("an interface name");
            InterfaceSyntax iface = InterfaceBody(name, docs);
            if (included) package.Interfaces.Add(iface);
        }
        else if (EatKeyword("world"))
        {
            Token name = Identifier("a world name");
            WorldSyntax world = World(name, docs);
            if (included) package.Worlds.Add(world);
        }
        else if (EatKeyword("use"))
        {
            PathSyntax target = Path();
            string local = EatKeyword("as") ? Identifier("a name").Text : target.Name;
            Expect(";");
            package.Uses.Add((local, target));
        }
        else
        {
            throw Error(Current, $"expected `interface`, `world`, `use` or `package`, found {Show(Current)}");
        }
    }

    /// <summary>@since, @unstable and @deprecated before an item; false where the item is to be left out.</summary>
    private bool Gates(out string docs)
    {
        docs = Current.Docs;
        bool included = true;
        while (Eat("@"))
        {
            Token gate = Identifier("a gate");
            Expect("(");
            Token key = Identifier("a gate's argument");
            Expect("=");
            string value = key.Text == "version" ? Version() : Identifier("a feature").Text;
            Expect(")");
            switch (gate.Text)
            {
                case "since" or "deprecated":
                    break;
                case "unstable":
                    included &= _features.Contains(value);
                    break;
                default:
                    throw Error(gate, $"unknown gate @{gate.Text}: expected @since, @unstable or @deprecated");
            }
        }

        return included;
    }

    private PathSyntax Path()
    {
        var path = new PathSyntax { At = Current };
        string first = Identifier("a name").Text;
        if (!Eat(":"))
        {
            path.Name = first;
            return path;
        }

        string package = Identifier("a package name").Text;
        Expect("/");
        path.Name = Identifier("an interface name").Text;
        path.Package = new PackageName(first, package, Eat("@") ? Version() : null);
        return path;
    }

    // ---- interfaces and worlds ----

    private InterfaceSyntax InterfaceBody(Token name, string docs)
    {
        var iface = new InterfaceSyntax { File = _file, Name = name, Docs = docs };
        Expect("{");
        while (!Eat("}"))
        {
            bool included = Gates(out string itemDocs);
            if (itemDocs.Length == 0) itemDocs = Current.Docs;
            if (Use() is { } use)
            {
                if (included) iface.Items.Add(new ItemSyntax { Kind = ItemSyntaxKind.Use, Use = use });
            }
            else if (TypeDef(itemDocs) is { } type)
            {
                if (included) iface.Items.Add(type);
            }
            else
            {
                Token function = Identifier("a function, a type or `use`");
                Expect(":");
                FunctionSyntax f = Function(function, FunctionKind.Freestanding, itemDocs);
                Expect(";");
                if (included) iface.Items.Add(new ItemSyntax { Kind = ItemSyntaxKind.Function, Name = function, Function = f });
            }
        }

        return iface;
    }

    private UseSyntax? Use()
    {
        if (!EatKeyword("use")) return null;
        var use = new UseSyntax { From = Path() };
        Expect(".");
        Expect("{");
        while (!Eat("}"))
        {
            Token name = Identifier("a type name");
            use.Names.Add((name, EatKeyword("as") ? Identifier("a name").Text : name.Text));
            if (!Eat(","))
            {
                Expect("}");
                break;
            }
        }

        Expect(";");
        return use;
    }

    private WorldSyntax World(Token name, string docs)
    {
        var world = new WorldSyntax { File = _file, Name = name, Docs = docs };
        Expect("{");
        while (!Eat("}"))
        {
            bool included = Gates(out string itemDocs);
            if (itemDocs.Length == 0) itemDocs = Current.Docs;
            ItemSyntax item;
            if (Use() is { } use) item = new ItemSyntax { Kind = ItemSyntaxKind.Use, Use = use };
            else if (EatKeyword("import")) item = WorldItem(import: true, itemDocs);
            else if (EatKeyword("export")) item = WorldItem(import: false, itemDocs);
            else if (EatKeyword("include")) item = Include();
            else item = TypeDef(itemDocs) ?? throw Error(Current, $"expected `import`, `export`, `include`, `use` or a type, found {Show(Current)}");
            if (included) world.Items.Add(item);
        }

        return world;
    }

    private ItemSyntax WorldItem(bool import, string docs)
    {
        // `import name: …` has a colon and then no package; `import ns:pkg/iface;` has.
        Token name = Current;
        bool plain = Ahead(1) is { Kind: TokenKind.Symbol, Text: ":" } && !(Ahead(3) is { Kind: TokenKind.Symbol, Text: "/" });
        var item = new ItemSyntax { Name = name, Docs = docs };
        if (!plain)
        {
            item.Kind = import ? ItemSyntaxKind.ImportInterface : ItemSyntaxKind.ExportInterface;
            item.Path = Path();
            Expect(";");
            return item;
        }

        Identifier("a name");
        Expect(":");
        if (IsKeyword("interface") && Ahead(1) is { Kind: TokenKind.Symbol, Text: "{" })
        {
            _at++;
            item.Kind = import ? ItemSyntaxKind.ImportInterface : ItemSyntaxKind.ExportInterface;
            item.Inline = InterfaceBody(name, docs);
        }
        else
        {
            item.Kind = import ? ItemSyntaxKind.ImportFunction : ItemSyntaxKind.ExportFunction;
            item.Function = Function(name, FunctionKind.Freestanding, docs);
            Expect(";");
        }

        return item;
    }

    private ItemSyntax Include()
    {
        var item = new ItemSyntax { Kind = ItemSyntaxKind.Include, Name = Current, Path = Path(), Renames = new List<(string, string)>() };
        if (EatKeyword("with"))
        {
            Expect("{");
            while (!Eat("}"))
            {
                string from = Identifier("a name").Text;
                if (!EatKeyword("as")) throw Error(Current, $"expected `as`, found {Show(Current)}");
                item.Renames.Add((from, Identifier("a name").Text));
                if (!Eat(","))
                {
                    Expect("}");
                    break;
                }
            }

            Eat(";");
        }
        else
        {
            Expect(";");
        }

        return item;
    }

    // ---- types ----

    private ItemSyntax? TypeDef(string docs)
    {
        // A keyword followed by a colon is a function of that name, which older files have.
        if (Ahead(1) is { Kind: TokenKind.Symbol, Text: ":" }) return null;
        var def = new TypeDefSyntax();
        Token keyword = Current;
        if (EatKeyword("type")) def.Kind = TypeDefKind.Alias;
        else if (EatKeyword("record")) def.Kind = TypeDefKind.Record;
        else if (EatKeyword("variant")) def.Kind = TypeDefKind.Variant;
        else if (EatKeyword("enum")) def.Kind = TypeDefKind.Enum;
        else if (EatKeyword("flags")) def.Kind = TypeDefKind.Flags;
        else if (EatKeyword("resource")) def.Kind = TypeDefKind.Resource;
        else return null;

        if (docs.Length == 0) docs = keyword.Docs;
        Token name = Identifier("a type name");
        switch (def.Kind)
        {
            case TypeDefKind.Alias:
                Expect("=");
                def.Alias = Type();
                Expect(";");
                break;
            case TypeDefKind.Resource:
                if (!Eat(";")) ResourceBody(def);
                break;
            default:
                Members(def);
                break;
        }

        return new ItemSyntax { Kind = ItemSyntaxKind.Type, Name = name, Docs = docs, TypeDef = def };
    }

    private void Members(TypeDefSyntax def)
    {
        Expect("{");
        while (!Eat("}"))
        {
            string docs = Current.Docs;
            Token name = Identifier("a name");
            TypeSyntax? type = null;
            if (def.Kind == TypeDefKind.Record)
            {
                Expect(":");
                type = Type();
            }
            else if (def.Kind == TypeDefKind.Variant && Eat("("))
            {
                type = Type();
                Expect(")");
            }

            def.Members.Add((name, type, docs));
            if (!Eat(","))
            {
                Expect("}");
                break;
            }
        }

        if (def.Members.Count == 0) throw Error(Current, "a record, variant, enum or flags has at least one member");
    }

    private void ResourceBody(TypeDefSyntax def)
    {
        Expect("{");
        while (!Eat("}"))
        {
            bool included = Gates(out string docs);
            if (docs.Length == 0) docs = Current.Docs;
            FunctionSyntax f;
            if (IsKeyword("constructor") && Ahead(1) is { Kind: TokenKind.Symbol, Text: "(" })
            {
                Token at = Current;
                _at++;
                f = new FunctionSyntax { Name = at, Kind = FunctionKind.Constructor, Docs = docs };
                Parameters(f);
                if (Eat("->")) f.Result = Type();
            }
            else
            {
                Token name = Identifier("a method");
                Expect(":");
                bool isStatic = EatKeyword("static");
                f = Function(name, isStatic ? FunctionKind.Static : FunctionKind.Method, docs);
            }

            Expect(";");
            if (included) def.Functions.Add(f);
        }
    }

    private FunctionSyntax Function(Token name, FunctionKind kind, string docs)
    {
        var f = new FunctionSyntax { Name = name, Kind = kind, Docs = docs, IsAsync = EatKeyword("async") };
        if (!EatKeyword("func")) throw Error(Current, $"expected `func`, found {Show(Current)}");
        Parameters(f);
        if (Eat("->")) f.Result = Type();
        return f;
    }

    private void Parameters(FunctionSyntax f)
    {
        Expect("(");
        while (!Eat(")"))
        {
            Token name = Identifier("a parameter");
            Expect(":");
            f.Parameters.Add((name, Type()));
            if (!Eat(","))
            {
                Expect(")");
                break;
            }
        }
    }

    private TypeSyntax Type(int depth = 0)
    {
        Token at = Current;
        if (depth > MaxTypeDepth) throw Error(at, $"more than {MaxTypeDepth} types inside one another");
        if (Eat("_")) return new TypeSyntax { At = at, Name = "_" };
        Token name = Identifier("a type");
        var type = new TypeSyntax { At = at, Name = name.Text };
        if (name.Escaped || !IsBuiltIn(name.Text))
        {
            type.IsName = true;
            return type;
        }

        if (PrimitiveWitType.Names.Contains(name.Text)) return type;
        if (!IsSymbol("<"))
        {
            if (name.Text is "result" or "stream" or "future") return type;
            throw Error(Current, $"expected `<` after `{name.Text}`, found {Show(Current)}");
        }

        Expect("<");
        while (!Eat(">"))
        {
            if (type.Name == "list" && Current.Kind == TokenKind.Integer)
            {
                if (!uint.TryParse(Current.Text, out uint length) || length == 0) throw Error(Current, "a list length is a number from 1 to 4294967295");
                type.Length = length;
                _at++;
            }
            else
            {
                TypeSyntax argument = Type(depth + 1);
                type.Arguments.Add(argument.Name == "_" ? null : argument);
            }

            if (!Eat(","))
            {
                Expect(">");
                break;
            }
        }

        return type;
    }

    private static bool IsBuiltIn(string name) =>
        PrimitiveWitType.Names.Contains(name) || name is "list" or "map" or "tuple" or "option" or "result" or "own" or "borrow" or "stream" or "future";
}
