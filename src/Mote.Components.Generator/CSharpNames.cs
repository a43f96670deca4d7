// WIT names as C# names.
using System.Linq;
using System.Text;
using Mote.Wit;

namespace Mote.Components.Generator;

internal static class CSharpNames
{
    private static readonly string[] s_keywords =
    {
        "abstract", "as", "base", "bool", "break", "byte", "case", "catch", "char", "checked", "class", "const", "continue", "decimal", "default", "delegate", "do",
        "double", "else", "enum", "event", "explicit", "extern", "false", "finally", "fixed", "float", "for", "foreach", "goto", "if", "implicit", "in", "int",
        "interface", "internal", "is", "lock", "long", "namespace", "new", "null", "object", "operator", "out", "override", "params", "private", "protected", "public",
        "readonly", "ref", "return", "sbyte", "sealed", "short", "sizeof", "stackalloc", "static", "string", "struct", "switch", "this", "throw", "true", "try",
        "typeof", "uint", "ulong", "unchecked", "unsafe", "ushort", "using", "virtual", "void", "volatile", "while",
    };

    /// <summary>What the bodies of generated methods call their own variables.</summary>
    private static readonly string[] s_locals = { "v", "cx", "call", "result", "at", "arguments", "instance" };

    /// <summary>Members that every object or record has.</summary>
    private static readonly string[] s_members = { "Equals", "GetHashCode", "ToString", "GetType", "MemberwiseClone", "Finalize", "Deconstruct", "Clone", "PrintMembers", "EqualityContract" };

    /// <summary>key-response → KeyResponse.</summary>
    public static string Pascal(string name)
    {
        var text = new StringBuilder();
        foreach (string word in name.Split('-').Where(w => w.Length > 0)) text.Append(char.ToUpperInvariant(word[0])).Append(word.Substring(1));
        return text.Length > 0 && char.IsDigit(text[0]) ? "_" + text : text.ToString();
    }

    /// <summary>content-type → contentType, with @ where it is a keyword.</summary>
    public static string Camel(string name)
    {
        string pascal = Pascal(name);
        string camel = char.ToLowerInvariant(pascal[0]) + pascal.Substring(1);
        return s_keywords.Contains(camel) ? "@" + camel : camel;
    }

    /// <summary>A parameter beside the variables of a generated body.</summary>
    public static string Argument(string name) => s_locals.Contains(Camel(name)) ? Camel(name) + "Value" : Camel(name);

    /// <summary>A field of a record: not the record's own name, and none that all records have.</summary>
    public static string Field(WitTypeDef record, string name) => Apart(Pascal(name), "Value", Pascal(record.Name));

    /// <summary>A case of a variant: a record inside the variant's, with a member of its own.</summary>
    public static string Case(WitTypeDef variant, string name) => Apart(Pascal(name), "Case", Pascal(variant.Name), "Value", "Instance");

    /// <summary>A flag: not the name for no flags at all.</summary>
    public static string Flag(string name) => Pascal(name) == "None" ? "NoneFlag" : Pascal(name);

    /// <summary>A function: not the name of what is generated beside it.</summary>
    public static string Method(string name) => Pascal(name) is "InterfaceName" or "ResourceType" or "Finalize" ? "Call" + Pascal(name) : Pascal(name);

    /// <summary>The class of a guest's resource: not the name of a member that it has.</summary>
    public static string GuestResource(WitTypeDef resource) => Apart(Pascal(resource.Name), "Resource", "Handle", "Dispose");

    private static string Apart(string name, string suffix, params string[] taken) => taken.Contains(name) || s_members.Contains(name) ? name + suffix : name;
}
