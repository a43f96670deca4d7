// Types for generated components: text, flat form and layout, worked out here a second time and on their own, so that a
// component that is generated with them also checks those of the runtime.
namespace Mote.Fuzz.Generation;

/// <summary>A component-level value type.</summary>
internal abstract class Shape
{
    /// <summary>How a type refers to it: inline, or by the name of a definition.</summary>
    public abstract string Reference { get; }

    /// <summary>Core values when passed flat.</summary>
    public abstract IReadOnlyList<string> Flat { get; }

    public abstract int Size { get; }

    public abstract int Alignment { get; }

    public static int Align(int at, int alignment) => (at + alignment - 1) / alignment * alignment;

    /// <summary>Size and alignment of values one after the other.</summary>
    public static (int Size, int Alignment) Sequence(IEnumerable<Shape> shapes)
    {
        int at = 0, alignment = 1;
        foreach (Shape s in shapes)
        {
            at = Align(at, s.Alignment) + s.Size;
            alignment = Math.Max(alignment, s.Alignment);
        }

        return (Align(at, alignment), alignment);
    }
}

internal sealed class PrimitiveShape(string word) : Shape
{
    public static readonly string[] Words = ["bool", "s8", "u8", "s16", "u16", "s32", "u32", "s64", "u64", "f32", "f64", "char", "string"];

    public override string Reference => word;

    public override IReadOnlyList<string> Flat => word switch { "s64" or "u64" => ["i64"], "f32" => ["f32"], "f64" => ["f64"], "string" => ["i32", "i32"], _ => ["i32"] };

    public override int Size => word switch { "bool" or "s8" or "u8" => 1, "s16" or "u16" => 2, "s64" or "u64" or "f64" or "string" => 8, _ => 4 };

    public override int Alignment => word == "string" ? 4 : Size;
}

internal sealed class ListShape(Shape element, int? length) : Shape
{
    public override string Reference => length is { } n ? $"(list {element.Reference} {n})" : $"(list {element.Reference})";

    public override IReadOnlyList<string> Flat => length is { } n ? [.. Enumerable.Range(0, n).SelectMany(_ => element.Flat)] : ["i32", "i32"];

    public override int Size => length is { } n ? n * element.Size : 8;

    public override int Alignment => length is null ? 4 : element.Alignment;
}

internal sealed class MapShape(Shape key, Shape value) : Shape
{
    public override string Reference => $"(map {key.Reference} {value.Reference})";

    public override IReadOnlyList<string> Flat => ["i32", "i32"];

    public override int Size => 8;

    public override int Alignment => 4;
}

/// <summary>A tuple or, with a name, a record.</summary>
internal sealed class SequenceShape(string? name, IReadOnlyList<Shape> items) : Shape
{
    public override string Reference => name ?? $"(tuple {string.Join(' ', items.Select(i => i.Reference))})";

    /// <summary>Of a record.</summary>
    public string Definition => $"(record {string.Join(' ', items.Select((s, i) => $"(field \"f{i}\" {s.Reference})"))})";

    public override IReadOnlyList<string> Flat => [.. items.SelectMany(i => i.Flat)];

    public override int Size => Sequence(items).Size;

    public override int Alignment => Sequence(items).Alignment;
}

internal sealed class FlagsShape(string name, int count) : Shape
{
    public override string Reference => name;

    public string Definition => $"(flags {string.Join(' ', Enumerable.Range(0, count).Select(i => $"\"b{i}\""))})";

    public override IReadOnlyList<string> Flat => ["i32"];

    public override int Size => count <= 8 ? 1 : count <= 16 ? 2 : 4;

    public override int Alignment => Size;
}

/// <summary>A variant, enum, option or result: the payload of each case, null for none.</summary>
internal sealed class VariantShape(string reference, string definition, IReadOnlyList<Shape?> payloads) : Shape
{
    public override string Reference => reference;

    public string Definition => definition;

    private int Discriminant => payloads.Count <= 256 ? 1 : payloads.Count <= 65536 ? 2 : 4;

    private int PayloadAlignment => payloads.Max(p => p?.Alignment ?? 1);

    public override IReadOnlyList<string> Flat
    {
        get
        {
            var joined = new List<string>();
            foreach (Shape? p in payloads)
            {
                IReadOnlyList<string> flat = p?.Flat ?? [];
                for (int i = 0; i < flat.Count; i++)
                {
                    if (i == joined.Count) joined.Add(flat[i]);
                    else if (joined[i] != flat[i]) joined[i] = (joined[i], flat[i]) is ("i32", "f32") or ("f32", "i32") ? "i32" : "i64";
                }
            }

            return ["i32", .. joined];
        }
    }

    public override int Size => Align(Align(Discriminant, PayloadAlignment) + payloads.Max(p => p?.Size ?? 0), Alignment);

    public override int Alignment => Math.Max(Discriminant, PayloadAlignment);
}

/// <summary>Random types of one component: those that need a name are defined and imported.</summary>
internal sealed class Shapes(Random random)
{
    private readonly List<(string Definition, Shape Shape)> _named = [];

    /// <summary>Definitions and imports of the named types, to stand at the beginning of every component that uses them.</summary>
    public string Preamble => string.Concat(_named.Select((n, i) => $"  (type $d{i} {n.Definition}) (import \"t{i}\" (type $n{i} (eq $d{i})))\n"));

    /// <summary>Arguments that hand the named types to an inner component.</summary>
    public string Arguments => string.Concat(_named.Select((_, i) => $" (with \"t{i}\" (type $n{i}))"));

    public Shape Next(int depth)
    {
        if (_named.Count > 0 && random.Once(6)) return random.From(_named).Shape;
        switch (depth == 0 ? 0 : random.Next(12))
        {
            case 1 or 2:
                return new ListShape(Next(depth - 1), null);
            case 3:
                return new ListShape(Next(depth - 1), random.Next(1, 5));
            case 4:
                return new MapShape(new PrimitiveShape(random.Pick("u8", "s32", "u64", "char", "string", "bool")), Next(depth - 1));
            case 5:
                return new SequenceShape(null, Items(depth));
            case 6:
                Shape some = Next(depth - 1);
                return new VariantShape($"(option {some.Reference})", "", [null, some]);
            case 7:
                Shape? ok = random.Once(3) ? null : Next(depth - 1), error = random.Once(3) ? null : Next(depth - 1);
                return new VariantShape($"(result{(ok is null ? "" : $" {ok.Reference}")}{(error is null ? "" : $" (error {error.Reference})")})", "", [ok, error]);
            case 8:
                IReadOnlyList<Shape> fields = Items(depth);
                var record = new SequenceShape($"$n{_named.Count}", fields);
                return Named(record.Definition, record);
            case 9:
                Shape?[] payloads = [.. Enumerable.Range(0, random.Next(1, 6)).Select(_ => random.Once(4) ? null : Next(depth - 1))];
                string cases = string.Join(' ', payloads.Select((p, i) => p is null ? $"(case \"c{i}\")" : $"(case \"c{i}\" {p.Reference})"));
                return Named($"(variant {cases})", new VariantShape($"$n{_named.Count}", "", payloads));
            case 10:
                int names = random.Pick(1, 2, 5, 255, 256, 257, 300);
                return Named($"(enum {string.Join(' ', Enumerable.Range(0, names).Select(i => $"\"e{i}\""))})", new VariantShape($"$n{_named.Count}", "", new Shape?[names]));
            case 11:
                var flags = new FlagsShape($"$n{_named.Count}", random.Pick(1, 7, 8, 9, 16, 17, 31, 32));
                return Named(flags.Definition, flags);
            default:
                return new PrimitiveShape(random.From(PrimitiveShape.Words));
        }
    }

    private Shape[] Items(int depth) => [.. Enumerable.Range(0, random.Next(1, 5)).Select(_ => Next(depth - 1))];

    private Shape Named(string definition, Shape shape)
    {
        _named.Add((definition, shape));
        return shape;
    }
}
