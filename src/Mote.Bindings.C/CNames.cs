// Names in C: from kebab-case to snake_case, clear of the words that C, C++ and the headers of a libc have taken.
namespace Mote.Bindings.C;

internal sealed class CNames
{
    /// <summary>Keywords of C and C++ (the header is for both), and macros that headers of a libc define in lower case.</summary>
    private static readonly HashSet<string> s_taken =
    [
        "alignas", "alignof", "and", "and_eq", "asm", "assert", "auto", "bitand", "bitor", "bool", "break", "case", "catch",
        "char", "class", "compl", "concept", "const", "const_cast", "consteval", "constexpr", "constinit", "continue",
        "decltype", "default", "delete", "do", "double", "dynamic_cast", "else", "enum", "errno", "explicit", "export",
        "extern", "false", "float", "for", "friend", "goto", "if", "inline", "int", "linux", "long", "mutable", "namespace",
        "new", "noexcept", "not", "not_eq", "nullptr", "offsetof", "operator", "or", "or_eq", "private", "protected",
        "public", "register", "reinterpret_cast", "requires", "restrict", "return", "short", "signed", "sizeof", "static",
        "static_assert", "static_cast", "stderr", "stdin", "stdout", "struct", "switch", "template", "this",
        "thread_local", "throw", "true", "try", "typedef", "typeid", "typename", "typeof", "union", "unix", "unsigned",
        "using", "virtual", "void", "volatile", "while", "xor", "xor_eq",
    ];

    private readonly HashSet<string> _used = [];

    /// <summary>A name that nobody else has: the wanted one, with as many underscores after it as it takes.</summary>
    public string Unique(string wanted)
    {
        // WIT names never end in an underscore, so that the result is no other name's wish.
        while (!_used.Add(wanted)) wanted += "_";
        return wanted;
    }

    /// <summary>snake_case.</summary>
    public static string Snake(string name) => name.Replace('-', '_').ToLowerInvariant();

    /// <summary>A version as part of a name.</summary>
    public static string Version(string version) => Snake(version.Replace('.', '_').Replace('+', '_'));

    /// <summary>SCREAMING_CASE.</summary>
    public static string Upper(string name) => Snake(name).ToUpperInvariant();

    /// <summary>The name of a field or a case.</summary>
    public static string Member(string name)
    {
        string snake = Snake(name);
        return s_taken.Contains(snake) ? snake + "_" : snake;
    }

    /// <summary>The name of a parameter: also clear of the out-parameters' names.</summary>
    public static string Parameter(string name) => Member(name) is var n && n is "ret" or "err" ? n + "_" : Member(name);
}
