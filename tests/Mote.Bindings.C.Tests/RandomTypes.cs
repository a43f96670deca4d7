// Interfaces of random types, and the guest in C that answers each value with what its import makes of it.
using System.Text;

namespace Mote.Bindings.C.Tests;

internal sealed class RandomTypes
{
    private static readonly string[] s_keys = ["bool", "s8", "u8", "s16", "u16", "s32", "u32", "s64", "u64", "char", "string"];
    private static readonly string[] s_primitives = [.. s_keys, "f32", "f64", "f32", "f64", "string"];

    private readonly Random _random;
    private readonly StringBuilder _types = new();
    private readonly List<(string Name, bool Owns)> _named = [];

    public RandomTypes(int seed, int functions)
    {
        _random = new Random(seed);
        var wit = new StringBuilder();
        var guest = new StringBuilder("#include \"random.h\"\n");
        for (int i = 0; i < functions; i++)
        {
            if (_random.Next(3) == 0) Define($"t{i}");
            bool owns = false;
            string fields = string.Join(", ", Enumerable.Range(0, _random.Next(1, 6)).Select(n => $"f{n}: {Type(_random.Next(4), ref owns)}"));
            _types.AppendLine($"  record r{i} {{ {fields} }}");
            wit.AppendLine($"  echo{i}: func(v: r{i}) -> r{i};");
            string name = $"test_random_types_r{i}", function = $"test_random_types_echo{i}";
            guest.AppendLine($"{name}_t exports_{function}({name}_t v) {{ {name}_t ret = {function}(v); {(owns ? $"{name}_free(&v); " : "")}return ret; }}");
        }

        Wit = $"package test:random;\ninterface types {{\n{_types}{wit}}}\nworld random {{ import types; export types; }}\n";
        Guest = guest.ToString();
    }

    public string Wit { get; }

    public string Guest { get; }

    /// <summary>A named type, for those after it.</summary>
    private void Define(string name)
    {
        bool owns = false;
        string text = _random.Next(4) switch
        {
            0 => $"variant {name} {{ {string.Join(", ", Enumerable.Range(0, _random.Next(1, 8)).Select(i => _random.Next(4) == 0 ? $"c{i}" : $"c{i}({Type(2, ref owns)})"))} }}",
            // More than 256 cases take a larger number.
            1 => $"enum {name} {{ {string.Join(", ", Enumerable.Range(0, _random.Next(2) == 0 ? 300 : _random.Next(1, 6)).Select(i => $"e{i}"))} }}",
            2 => $"flags {name} {{ {string.Join(", ", Enumerable.Range(0, _random.Next(1, 33)).Select(i => $"b{i}"))} }}",
            _ => $"type {name} = {Type(2, ref owns)};",
        };
        _types.AppendLine("  " + text);
        _named.Add((name, owns));
    }

    /// <summary>A type; says so if values of it own memory.</summary>
    private string Type(int depth, ref bool owns)
    {
        if (_named.Count > 0 && _random.Next(5) == 0)
        {
            (string name, bool does) = _named[_random.Next(_named.Count)];
            owns |= does;
            return name;
        }

        switch (depth == 0 ? 0 : _random.Next(9))
        {
            case 1:
                owns = true;
                return $"list<{Type(depth - 1, ref owns)}>";
            case 2:
                return $"list<{Type(depth - 1, ref owns)}, {_random.Next(1, 5)}>";
            case 3:
                owns = true;
                return $"map<{s_keys[_random.Next(s_keys.Length)]}, {Type(depth - 1, ref owns)}>";
            case 4:
                var elements = new List<string>();
                for (int n = _random.Next(1, 5); n > 0; n--) elements.Add(Type(depth - 1, ref owns));
                return $"tuple<{string.Join(", ", elements)}>";
            case 5 or 6:
                return $"option<{Type(depth - 1, ref owns)}>";
            case 7:
                string ok = _random.Next(3) == 0 ? "_" : Type(depth - 1, ref owns), error = _random.Next(3) == 0 ? "" : $", {Type(depth - 1, ref owns)}";
                return ok == "_" && error.Length == 0 ? "result" : $"result<{ok}{error}>";
            default:
                string primitive = s_primitives[_random.Next(s_primitives.Length)];
                owns |= primitive == "string";
                return primitive;
        }
    }
}
