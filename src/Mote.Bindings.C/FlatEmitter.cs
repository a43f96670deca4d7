// Values to core values and back (CanonicalABI.md, "Flat Lifting" and "Flat Lowering"), as C statements.
using Mote.Wit;

namespace Mote.Bindings.C;

/// <summary>Writes into one function; names of temporaries begin with an underscore, which no WIT name does.</summary>
internal sealed class FlatEmitter(CText w)
{
    private int _next;

    // ---- lowering ----

    /// <summary>C expressions for the core values of a value.</summary>
    /// <param name="type">The value's type.</param>
    /// <param name="value">An expression without side effects.</param>
    public List<string> Lower(CType type, string value)
    {
        switch (type)
        {
            case CPrimitive { Kind: "f32" or "f64" }:
                return [value];
            case CPrimitive or CEnum or CFlags:
                return [$"({CNumber.Of(WitLayout.Flat(type.Wit)[0])}){value}"];
            case CString or CList:
                return [$"(int32_t){value}.ptr", $"(int32_t){value}.len"];
            case CHandle { IsPointer: true }:
                return [$"(int32_t){value}"];
            case CHandle:
                return [$"{value}.__handle"];
            case CArray a:
                return [.. Enumerable.Range(0, (int)a.Length).SelectMany(i => Lower(a.Element, $"{value}.items[{i}]"))];
            case CRecord r:
                return [.. r.Fields.SelectMany(f => Lower(f.Type!, $"{value}.{f.Name}"))];
            case CVariant v:
                return LowerCases(v, value);
            default:
                throw new InvalidOperationException(type.Name);
        }
    }

    private List<string> LowerCases(CVariant v, string value)
    {
        List<CoreType> flat = WitLayout.Flat(v.Wit);
        List<string> slots = [.. flat.Skip(1).Select(_ => $"_t{_next++}")];
        // What the case does not use is zero.
        for (int i = 0; i < slots.Count; i++) w.Line($"{CNumber.Of(flat[i + 1])} {slots[i]} = 0;");
        Match(w, v, value + ".", c =>
        {
            List<string> inner = Lower(c.Type!, $"{value}.{v.Payload(c)}");
            List<CoreType> types = WitLayout.Flat(c.Type!.Wit);
            for (int i = 0; i < inner.Count; i++) w.Line($"{slots[i]} = {Widen(types[i], flat[i + 1], inner[i])};");
        });
        return [$"(int32_t){value}.{v.Tag}", .. slots];
    }

    /// <summary>A core value in the slot that several cases share.</summary>
    private static string Widen(CoreType from, CoreType to, string value) => (from, to) switch
    {
        _ when from == to => value,
        (CoreType.F32, CoreType.I32) => $"mote_f32_bits({value})",
        (CoreType.I32, CoreType.I64) => $"(int64_t)(uint32_t)({value})",
        (CoreType.F32, CoreType.I64) => $"(int64_t)(uint32_t)mote_f32_bits({value})",
        (CoreType.F64, CoreType.I64) => $"mote_f64_bits({value})",
        _ => throw new InvalidOperationException($"{from} in {to}"),
    };

    // ---- lifting ----

    /// <summary>Sets a variable from core values.</summary>
    /// <param name="type">The variable's type.</param>
    /// <param name="target">The variable.</param>
    /// <param name="flat">One expression for each core value.</param>
    public void Lift(CType type, string target, ReadOnlySpan<string> flat)
    {
        switch (type)
        {
            case CString:
                w.Line($"{target}.ptr = (uint8_t *){flat[0]};");
                w.Line($"{target}.len = (size_t){flat[1]};");
                break;
            case CList l:
                w.Line($"{target}.ptr = ({l.Element.Name} *){flat[0]};");
                w.Line($"{target}.len = (size_t){flat[1]};");
                break;
            case CHandle { IsPointer: false }:
                w.Line($"{target}.__handle = {flat[0]};");
                break;
            case CArray a:
                int width = WitLayout.Flat(a.Element.Wit).Count;
                for (int i = 0; i < a.Length; i++) Lift(a.Element, $"{target}.items[{i}]", flat.Slice(i * width, width));
                break;
            case CRecord r:
                int at = 0;
                foreach (CMember f in r.Fields)
                {
                    int count = WitLayout.Flat(f.Type!.Wit).Count;
                    Lift(f.Type, $"{target}.{f.Name}", flat.Slice(at, count));
                    at += count;
                }

                break;
            case CVariant v:
                LiftCases(v, target, flat.ToArray());
                break;
            default:
                w.Line($"{target} = {LiftScalar(type, flat[0])};");
                break;
        }
    }

    /// <summary>A value that is one number, or a pointer.</summary>
    public static string LiftScalar(CType type, string flat) => type switch
    {
        CPrimitive { Kind: "bool" } => $"{flat} != 0",
        CPrimitive { Kind: "f32" or "f64" or "s32" or "s64" } => flat,
        _ => $"({type.Name}){flat}",
    };

    private void LiftCases(CVariant v, string target, string[] flat)
    {
        List<CoreType> joined = WitLayout.Flat(v.Wit);
        w.Line($"{target}.{v.Tag} = {(v.TagType == "bool" ? $"{flat[0]} != 0" : $"({v.TagType}){flat[0]}")};");
        Match(w, v, target + ".", c =>
        {
            List<CoreType> types = WitLayout.Flat(c.Type!.Wit);
            Lift(c.Type, $"{target}.{v.Payload(c)}", types.Select((t, i) => Narrow(joined[i + 1], t, flat[i + 1])).ToArray());
        });
    }

    private static string Narrow(CoreType from, CoreType to, string value) => (from, to) switch
    {
        _ when from == to => value,
        (CoreType.I32, CoreType.F32) => $"mote_f32_of({value})",
        (CoreType.I64, CoreType.I32) => $"(int32_t){value}",
        (CoreType.I64, CoreType.F32) => $"mote_f32_of((int32_t){value})",
        (CoreType.I64, CoreType.F64) => $"mote_f64_of({value})",
        _ => throw new InvalidOperationException($"{to} of {from}"),
    };

    // ---- cases ----

    /// <summary>Runs a body for the case that a value is, where that has a payload.</summary>
    /// <param name="w">Where to.</param>
    /// <param name="v">The value's type.</param>
    /// <param name="access">The value, with the dot or arrow after it.</param>
    /// <param name="body">Writes what is done for a case.</param>
    /// <param name="which">Cases for which something is done; null for all.</param>
    public static void Match(CText w, CVariant v, string access, Action<CMember> body, Func<CMember, bool>? which = null)
    {
        List<(CMember Case, int Index)> cases = [.. v.Cases.Select((c, i) => (c, i)).Where(c => c.c.Type is not null && which?.Invoke(c.c) != false)];
        if (cases.Count == 0) return;
        if (v.Style == VariantStyle.Variant)
        {
            w.Block($"switch ({access}tag)", () =>
            {
                foreach ((CMember c, int index) in cases)
                {
                    w.Block($"case {index}:", () =>
                    {
                        body(c);
                        w.Line("break;");
                    });
                }
            });
            return;
        }

        string test = access + v.Tag;
        if (cases.Count == 2)
        {
            w.Block($"if ({test})", () => body(cases[1].Case), "} else {");
            w.Inside(() => body(cases[0].Case));
        }
        else
        {
            w.Block(cases[0].Index == 1 ? $"if ({test})" : $"if (!{test})", () => body(cases[0].Case));
        }
    }
}
