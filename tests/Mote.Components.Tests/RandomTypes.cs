// Function types at random, as component text.
using System.Text;

namespace Mote.Components.Tests;

/// <summary>Named types, and a function's parameters and result made of them.</summary>
internal sealed class RandomTypes
{
    private static readonly string[] s_keys = ["bool", "s8", "u8", "s16", "u16", "s32", "u32", "s64", "u64", "char", "string"];
    private static readonly string[] s_primitives = [.. s_keys, "f32", "f64", "string", "string"];

    private readonly Random _random;
    private readonly StringBuilder _preamble = new();

    public RandomTypes(Random random)
    {
        _random = random;
        for (int n = random.Next(4); n > 0; n--) Name();
        Type = Make(random.Next(4));
    }

    /// <summary>Makes the named types known: definitions, and an import of each.</summary>
    public string Preamble => _preamble.ToString();

    /// <summary>How many types are named, t0 and so on.</summary>
    public int Names { get; private set; }

    /// <summary>A type.</summary>
    public string Type { get; }

    private void Name()
    {
        string definition = _random.Next(4) switch
        {
            // More than 256 cases take a larger number.
            0 => $"(enum {Words("e", _random.Next(8) == 0 ? 300 : _random.Next(1, 6))})",
            1 => $"(flags {Words("b", _random.Next(1, 33))})",
            2 => $"(variant {Each(_random.Next(1, 7), i => _random.Next(4) == 0 ? $"(case \"c{i}\")" : $"(case \"c{i}\" {Make(2)})")})",
            _ => $"(record {Each(_random.Next(1, 6), i => $"(field \"f{i}\" {Make(2)})")})",
        };
        _preamble.AppendLine($"(type $d{Names} {definition}) (import \"t{Names}\" (type $t{Names} (eq $d{Names})))");
        Names++;
    }

    private string Make(int depth)
    {
        if (Names > 0 && _random.Next(4) == 0) return $"$t{_random.Next(Names)}";
        if (depth == 0) return s_primitives[_random.Next(s_primitives.Length)];
        return _random.Next(8) switch
        {
            0 => $"(list {Make(depth - 1)})",
            1 => $"(list {Make(depth - 1)} {_random.Next(1, 5)})",
            2 => $"(option {Make(depth - 1)})",
            3 => _random.Next(4) switch
            {
                0 => "(result)",
                1 => $"(result {Make(depth - 1)})",
                2 => $"(result (error {Make(depth - 1)}))",
                _ => $"(result {Make(depth - 1)} (error {Make(depth - 1)}))",
            },
            4 => $"(map {s_keys[_random.Next(s_keys.Length)]} {Make(depth - 1)})",
            5 => $"(tuple {Each(_random.Next(1, 5), _ => Make(depth - 1))})",
            _ => s_primitives[_random.Next(s_primitives.Length)],
        };
    }

    private static string Words(string prefix, int count) => Each(count, i => $"\"{prefix}{i}\"");

    private static string Each(int count, Func<int, string> item) => string.Join(' ', Enumerable.Range(0, count).Select(item));
}
