// Code that reads and writes values: expressions for simple types, helper methods for composed ones. A helper is written
// once for each type that a container needs.
using System;
using System.Collections.Generic;
using System.Linq;
using Mote.Wit;

namespace Mote.Components.Generator;

internal sealed class AbiEmitter
{
    private const string Cx = "global::Mote.Components.Abi.GuestContext";
    private const string Raw = "global::Mote.Wasmtime.ValRaw";

    private readonly TypeNames _names;
    private readonly Dictionary<string, string> _helpers = new Dictionary<string, string>();
    private readonly HashSet<string> _started = new HashSet<string>();
    private readonly Dictionary<string, string> _mangled = new Dictionary<string, string>();

    public AbiEmitter(TypeNames names) => _names = names;

    /// <summary>The helpers that were asked for, in a fixed order.</summary>
    public IEnumerable<string> Helpers => _helpers.OrderBy(h => h.Key, StringComparer.Ordinal).Select(h => h.Value.TrimEnd('\n').Substring(4));

    // ---- names of helpers ----

    private string Mangle(WitType? type)
    {
        string key = type is null ? "_" : _names.Owned(type) + "|" + type.Resolved + "|" + (type.Resolved is HandleWitType { IsOwn: false } ? "borrow" : "");
        if (_mangled.TryGetValue(key, out string? known)) return known;
        string name = Plain(type);
        string unique = name;
        for (int i = 2; _mangled.ContainsValue(unique); i++) unique = name + i;
        _mangled.Add(key, unique);
        return unique;
    }

    private string Plain(WitType? type) => type?.Resolved switch
    {
        null => "None",
        PrimitiveWitType p => CSharpNames.Pascal(p.Name),
        ListWitType { Length: { } n } l => $"List{n}Of{Plain(l.Element)}",
        ListWitType l => $"ListOf{Plain(l.Element)}",
        MapWitType m => $"MapOf{Plain(m.Key)}To{Plain(m.Value)}",
        TupleWitType t => $"TupleOf{string.Join("And", t.Elements.Select(Plain))}",
        OptionWitType o => $"OptionOf{Plain(o.Element)}",
        ResultWitType r => $"ResultOf{Plain(r.Ok)}Or{Plain(r.Error)}",
        HandleWitType h => $"{(h.IsOwn ? "Own" : "Borrow")}{CSharpNames.Pascal(h.Resource.Origin.Name)}",
        NamedType n => CSharpNames.Pascal(n.Definition.Name),
        var other => throw new GeneratorException($"{other} is not supported yet"),
    };

    private string Helper(string verb, WitType type, Func<string, string> write)
    {
        string name = verb + Mangle(type);
        if (_started.Add(name)) _helpers[name] = write(name);
        return name;
    }

    private static string Plus(string at, uint offset) => offset == 0 ? at : $"{at} + {offset}";

    private static string Slice(string v, int offset) => offset == 0 ? v : $"{v}[{offset}..]";

    // ---- reading from memory ----

    /// <summary>An expression that reads a value at a byte offset.</summary>
    public string Load(WitType type, string cx, string at)
    {
        switch (type.Resolved)
        {
            case PrimitiveWitType p:
                return p.Name switch
                {
                    "bool" => $"{cx}.LoadU8({at}) != 0",
                    "s8" => $"(sbyte){cx}.LoadU8({at})",
                    "u8" => $"{cx}.LoadU8({at})",
                    "s16" => $"(short){cx}.LoadU16({at})",
                    "u16" => $"{cx}.LoadU16({at})",
                    "s32" => $"(int){cx}.LoadU32({at})",
                    "u32" => $"{cx}.LoadU32({at})",
                    "s64" => $"(long){cx}.LoadU64({at})",
                    "u64" => $"{cx}.LoadU64({at})",
                    "f32" => $"global::System.BitConverter.UInt32BitsToSingle({cx}.LoadU32({at})).Canonical()",
                    "f64" => $"global::System.BitConverter.UInt64BitsToDouble({cx}.LoadU64({at})).Canonical()",
                    "char" => $"new global::System.Text.Rune({Cx}.CheckChar({cx}.LoadU32({at})))",
                    _ => $"{cx}.LiftString({cx}.LoadU32({at}), {cx}.LoadU32({at} + 4))",
                };
            case ListWitType { Length: null } l when TypeNames.Number(l.Element) is { } number:
                return $"{cx}.LoadNumbers<{number}>({at})";
            case NamedType { Definition: { Kind: TypeDefKind.Enum } d }:
                return $"({_names.Named(d)}){cx}.LoadDiscriminant({at}, {WitLayout.DiscriminantSize(d.Members.Count)}, {d.Members.Count})";
            case NamedType { Definition: { Kind: TypeDefKind.Flags } d }:
                return $"({_names.Named(d)})({LoadSized(cx, at, WitLayout.FlagsSize(d.Members.Count))} & {Mask(d)})";
            case HandleWitType h:
                return LiftHandle(h, cx, $"{cx}.LoadU32({at})");
            default:
                return $"{Helper("Load", type, name => WriteLoad(type, name))}({cx}, {at})";
        }
    }

    private static string LoadSized(string cx, string at, uint size) => size switch { 1 => $"{cx}.LoadU8({at})", 2 => $"{cx}.LoadU16({at})", _ => $"{cx}.LoadU32({at})" };

    private static string Mask(WitTypeDef flags) => flags.Members.Count == 32 ? "0xffffffffu" : $"0x{(1u << flags.Members.Count) - 1:x}u";

    private string LiftHandle(HandleWitType h, string cx, string index)
    {
        string resource = _names.Resource(h.Resource);
        if (!_names.IsGuestResource(h.Resource)) return $"{cx}.{(h.IsOwn ? "LiftOwn" : "LiftBorrow")}<{resource}>({resource}.ResourceType, {index})";
        if (!h.IsOwn) throw new GeneratorException($"`{h}`: a guest cannot lend its own resource to the host");
        return $"new {resource}({cx}.LiftGuestOwn(\"{h.Resource.Origin.Name}\", {index}))";
    }

    private string WriteLoad(WitType type, string name)
    {
        var w = new CodeWriter(1);
        w.Block($"private static {_names.Owned(type)} {name}(scoped in {Cx} cx, uint at)", () =>
        {
            switch (type.Resolved)
            {
                case ListWitType { Length: { } n } l:
                    w.Line($"var items = new {ArrayOf(l.Element, n.ToString())};");
                    w.Line($"for (uint i = 0; i < {n}; i++) items[i] = {Load(l.Element, "cx", $"at + (i * {WitLayout.Size(l.Element)})")};");
                    w.Line("return items;");
                    break;
                case ListWitType l:
                    w.Line($"return {Helper("LoadList", l, helper => WriteLoadList(l, helper))}(cx, cx.LoadU32(at), cx.LoadU32(at + 4));");
                    break;
                case MapWitType m:
                    w.Line($"return {Helper("LoadList", m, helper => WriteLoadList(m, helper))}(cx, cx.LoadU32(at), cx.LoadU32(at + 4));");
                    break;
                case TupleWitType t:
                    w.Line($"return {TupleOf(t.Elements, (e, offset) => Load(e, "cx", Plus("at", offset)))};");
                    break;
                case NamedType { Definition: { Kind: TypeDefKind.Record } d }:
                    List<uint> offsets = WitLayout.Offsets(d.Members.Select(m => m.Type!), out _);
                    w.Line($"return new {_names.Named(d)}({string.Join(", ", d.Members.Select((m, i) => Load(m.Type!, "cx", Plus("at", offsets[i]))))});");
                    break;
                default:
                    List<WitType?> payloads = WitLayout.Payloads(type)!;
                    string offset = Plus("at", WitLayout.PayloadOffset(payloads));
                    WriteCases(w, type, $"cx.LoadDiscriminant(at, {WitLayout.DiscriminantSize(payloads.Count)}, {payloads.Count})", p => Load(p, "cx", offset));
                    break;
            }
        });
        return w.ToString();
    }

    private string ArrayOf(WitType element, string count)
    {
        // new T[n] where T is itself an array: the size goes into the first brackets.
        string type = _names.Owned(element);
        string suffix = "";
        while (type.EndsWith("[]", StringComparison.Ordinal))
        {
            type = type.Substring(0, type.Length - 2);
            suffix += "[]";
        }

        return $"{type}[{count}]{suffix}";
    }

    private static string TupleOf(List<WitType> elements, Func<WitType, uint, string> read)
    {
        List<uint> offsets = WitLayout.Offsets(elements, out _);
        string items = string.Join(", ", elements.Select((e, i) => read(e, offsets[i])));
        return elements.Count == 1 ? $"global::System.ValueTuple.Create({items})" : $"({items})";
    }

    private string WriteLoadList(WitType list, string name)
    {
        (WitType element, uint size, uint align) = Element(list);
        var w = new CodeWriter(1);
        w.Block($"private static {_names.Owned(list)} {name}(scoped in {Cx} cx, uint start, uint count)", () =>
        {
            w.Line($"cx.LoadList(start, count, {size}, {align});");
            w.Line(list.Resolved is MapWitType m
                ? $"var items = new global::System.Collections.Generic.KeyValuePair<{_names.Owned(m.Key)}, {_names.Owned(m.Value)}>[count];"
                : $"var items = new {ArrayOf(element, "count")};");
            w.Line($"for (uint i = 0; i < count; i++) items[i] = {LoadElement(list, element, $"start + (i * {size})")};");
            w.Line("return items;");
        });
        return w.ToString();
    }

    private string LoadElement(WitType list, WitType element, string at)
    {
        if (list.Resolved is not MapWitType m) return Load(element, "cx", at);
        uint valueOffset = WitLayout.Offsets(new[] { m.Key, m.Value }, out _)[1];
        return $"new({Load(m.Key, "cx", at)}, {Load(m.Value, "cx", $"{at} + {valueOffset}")})";
    }

    /// <summary>What a list or a map consists of in memory.</summary>
    private static (WitType Element, uint Size, uint Align) Element(WitType list)
    {
        WitType element = list.Resolved is MapWitType m ? new TupleWitType(new List<WitType> { m.Key, m.Value }) : ((ListWitType)list.Resolved).Element;
        return (element, WitLayout.Size(element), WitLayout.Align(element));
    }

    /// <summary>A return statement with a case for each discriminant.</summary>
    private void WriteCases(CodeWriter w, WitType type, string discriminant, Func<WitType, string> payload)
    {
        switch (type.Resolved)
        {
            case OptionWitType o when o.Element.Resolved is OptionWitType:
                w.Line($"return {discriminant} == 0 ? default : {_names.Owned(type)}.Some({payload(o.Element)});");
                break;
            case OptionWitType o:
                // Not `null`: a result whose error is a reference type converts from it, and none would become an error.
                w.Line($"return {discriminant} == 0 ? default({_names.Owned(type)}) : {payload(o.Element)};");
                break;
            case ResultWitType r:
                string result = _names.Owned(type);
                w.Line($"return {discriminant} == 0");
                w.Indented(() =>
                {
                    w.Line($"? {result}.Ok({(r.Ok is null ? "default" : payload(r.Ok))})");
                    w.Line($": {result}.Err({(r.Error is null ? "default" : payload(r.Error))});");
                });
                break;
            case NamedType { Definition: { Kind: TypeDefKind.Variant } d }:
                w.Line($"return {discriminant} switch");
                w.Line("{");
                w.Indented(() =>
                {
                    for (int i = 0; i < d.Members.Count; i++)
                    {
                        WitMember m = d.Members[i];
                        string pattern = i == d.Members.Count - 1 ? "_" : i.ToString();
                        string @case = $"{_names.Named(d)}.{CSharpNames.Case(d, m.Name)}";
                        w.Line(m.Type is null ? $"{pattern} => {@case}.Instance," : $"{pattern} => new {@case}({payload(m.Type)}),");
                    }
                });
                w.Line("};");
                break;
            default:
                throw new GeneratorException($"{type} is not supported yet");
        }
    }

    // ---- reading core values ----

    /// <summary>An expression that reads a value from core values, from a position on.</summary>
    public string Lift(WitType type, string cx, string v, int offset)
    {
        string at = $"{v}[{offset}]";
        switch (type.Resolved)
        {
            case PrimitiveWitType p:
                return p.Name switch
                {
                    "bool" => $"{at}.U32 != 0",
                    "s8" => $"(sbyte){at}.U32",
                    "u8" => $"(byte){at}.U32",
                    "s16" => $"(short){at}.U32",
                    "u16" => $"(ushort){at}.U32",
                    "s32" => $"{at}.I32",
                    "u32" => $"{at}.U32",
                    "s64" => $"{at}.I64",
                    "u64" => $"{at}.U64",
                    "f32" => $"{at}.F32.Canonical()",
                    "f64" => $"{at}.F64.Canonical()",
                    "char" => $"new global::System.Text.Rune({Cx}.CheckChar({at}.U32))",
                    _ => $"{cx}.LiftString({at}.U32, {v}[{offset + 1}].U32)",
                };
            case ListWitType { Length: null } l when TypeNames.Number(l.Element) is { } number:
                return $"{cx}.LoadSpan<{number}>({at}.U32, {v}[{offset + 1}].U32).ToArray()";
            case ListWitType { Length: null } or MapWitType:
                return $"{Helper("LoadList", type, helper => WriteLoadList(type, helper))}({cx}, {at}.U32, {v}[{offset + 1}].U32)";
            case NamedType { Definition: { Kind: TypeDefKind.Enum } d }:
                return $"({_names.Named(d)}){Cx}.CheckDiscriminant({at}.U32, {d.Members.Count})";
            case NamedType { Definition: { Kind: TypeDefKind.Flags } d }:
                return $"({_names.Named(d)})({at}.U32 & {Mask(d)})";
            case HandleWitType h:
                return LiftHandle(h, cx, $"{at}.U32");
            default:
                return $"{Helper("Lift", type, name => WriteLift(type, name))}({cx}, {Slice(v, offset)})";
        }
    }

    /// <summary>A parameter at the top of a function of the host: lists of numbers are spans over guest memory.</summary>
    public string LiftParameter(WitType type, string cx, string v, int offset) =>
        type.Resolved is ListWitType { Length: null } l && TypeNames.Number(l.Element) is { } number
            ? $"{cx}.LoadSpan<{number}>({v}[{offset}].U32, {v}[{offset + 1}].U32)"
            : Lift(type, cx, v, offset);

    /// <summary>The same, where the parameters lie in memory.</summary>
    public string LoadParameter(WitType type, string cx, string at) =>
        type.Resolved is ListWitType { Length: null } l && TypeNames.Number(l.Element) is { } number
            ? $"{cx}.LoadSpan<{number}>({cx}.LoadU32({at}), {cx}.LoadU32({at} + 4))"
            : Load(type, cx, at);

    private string WriteLift(WitType type, string name)
    {
        var w = new CodeWriter(1);
        w.Block($"private static {_names.Owned(type)} {name}(scoped in {Cx} cx, scoped global::System.ReadOnlySpan<{Raw}> v)", () =>
        {
            switch (type.Resolved)
            {
                case ListWitType { Length: { } n } l:
                    int width = WitLayout.Flat(l.Element).Count;
                    w.Line($"var items = new {ArrayOf(l.Element, n.ToString())};");
                    w.Line($"for (int i = 0; i < {n}; i++, v = v[{width}..]) items[i] = {Lift(l.Element, "cx", "v", 0)};");
                    w.Line("return items;");
                    break;
                case TupleWitType t:
                    string items = Flattened(t.Elements);
                    w.Line($"return {(t.Elements.Count == 1 ? $"global::System.ValueTuple.Create({items})" : $"({items})")};");
                    break;
                case NamedType { Definition: { Kind: TypeDefKind.Record } d }:
                    w.Line($"return new {_names.Named(d)}({Flattened(d.Members.Select(m => m.Type!))});");
                    break;
                default:
                    List<WitType?> payloads = WitLayout.Payloads(type)!;
                    WriteCases(w, type, $"{Cx}.CheckDiscriminant(v[0].U32, {payloads.Count})", p => Lift(p, "cx", "v", 1));
                    break;
            }
        });
        return w.ToString();
    }

    private string Flattened(IEnumerable<WitType> types)
    {
        var parts = new List<string>();
        int at = 0;
        foreach (WitType t in types)
        {
            parts.Add(Lift(t, "cx", "v", at));
            at += WitLayout.Flat(t).Count;
        }

        return string.Join(", ", parts);
    }

    // ---- writing to memory ----

    /// <summary>A statement that writes a value at a byte offset.</summary>
    public string Store(WitType type, string cx, string at, string value)
    {
        switch (type.Resolved)
        {
            case PrimitiveWitType p:
                return p.Name switch
                {
                    "bool" => $"{cx}.StoreU8({at}, {value} ? (byte)1 : (byte)0);",
                    "s8" => $"{cx}.StoreU8({at}, (byte){value});",
                    "u8" => $"{cx}.StoreU8({at}, {value});",
                    "s16" => $"{cx}.StoreU16({at}, (ushort){value});",
                    "u16" => $"{cx}.StoreU16({at}, {value});",
                    "s32" => $"{cx}.StoreU32({at}, (uint){value});",
                    "u32" => $"{cx}.StoreU32({at}, {value});",
                    "s64" => $"{cx}.StoreU64({at}, (ulong){value});",
                    "u64" => $"{cx}.StoreU64({at}, {value});",
                    "f32" => $"{cx}.StoreU32({at}, global::System.BitConverter.SingleToUInt32Bits({value}.Canonical()));",
                    "f64" => $"{cx}.StoreU64({at}, global::System.BitConverter.DoubleToUInt64Bits({value}.Canonical()));",
                    "char" => $"{cx}.StoreU32({at}, (uint){value}.Value);",
                    _ => $"{cx}.StoreString({at}, {value});",
                };
            case ListWitType { Length: null } l when TypeNames.Number(l.Element) is { } number:
                return $"{cx}.StoreNumbers<{number}>({at}, {value}.Span);";
            case NamedType { Definition: { Kind: TypeDefKind.Enum } d }:
                return $"{cx}.StoreDiscriminant({at}, {WitLayout.DiscriminantSize(d.Members.Count)}, (uint){value});";
            case NamedType { Definition: { Kind: TypeDefKind.Flags } d }:
                return $"{cx}.StoreDiscriminant({at}, {WitLayout.FlagsSize(d.Members.Count)}, (uint){value});";
            case HandleWitType h:
                return $"{cx}.StoreU32({at}, {LowerHandle(h, cx, value)});";
            default:
                return $"{Helper("Store", type, name => WriteStore(type, name))}(ref {cx}, {at}, {value});";
        }
    }

    private string LowerHandle(HandleWitType h, string cx, string value)
    {
        string resource = _names.Resource(h.Resource);
        return _names.IsGuestResource(h.Resource)
            ? $"{cx}.{(h.IsOwn ? "LowerGuestOwn" : "LowerGuestBorrow")}({value}.Handle)"
            : $"{cx}.{(h.IsOwn ? "LowerOwn" : "LowerBorrow")}({resource}.ResourceType, {value})";
    }

    private string WriteStore(WitType type, string name)
    {
        var w = new CodeWriter(1);
        w.Block($"private static void {name}(scoped ref {Cx} cx, uint at, {_names.Owned(type)} value)", () =>
        {
            switch (type.Resolved)
            {
                case ListWitType { Length: { } n } l:
                    w.Line($"if (value.Length != {n}) throw new global::System.ArgumentException($\"a list of {n} was expected, this one has {{value.Length}}\");");
                    w.Line($"for (int i = 0; i < {n}; i++) {Store(l.Element, "cx", $"at + ((uint)i * {WitLayout.Size(l.Element)})", "value[i]")}");
                    break;
                case ListWitType or MapWitType:
                    w.Line($"uint start = {Helper("StoreList", type, helper => WriteStoreList(type, helper))}(ref cx, value);");
                    w.Line("cx.StoreU32(at, start);");
                    w.Line("cx.StoreU32(at + 4, (uint)value.Length);");
                    break;
                case TupleWitType t:
                    List<uint> offsets = WitLayout.Offsets(t.Elements, out _);
                    for (int i = 0; i < t.Elements.Count; i++) w.Line(Store(t.Elements[i], "cx", Plus("at", offsets[i]), $"value.Item{i + 1}"));
                    break;
                case NamedType { Definition: { Kind: TypeDefKind.Record } d }:
                    List<uint> fields = WitLayout.Offsets(d.Members.Select(m => m.Type!), out _);
                    for (int i = 0; i < d.Members.Count; i++) w.Line(Store(d.Members[i].Type!, "cx", Plus("at", fields[i]), $"value.{CSharpNames.Field(d, d.Members[i].Name)}"));
                    break;
                default:
                    List<WitType?> payloads = WitLayout.Payloads(type)!;
                    uint size = WitLayout.DiscriminantSize(payloads.Count);
                    string offset = Plus("at", WitLayout.PayloadOffset(payloads));
                    WriteMatch(w, type, c => $"cx.StoreDiscriminant(at, {size}, {c});", (p, payload) => Store(p, "cx", offset, payload));
                    break;
            }
        });
        return w.ToString();
    }

    private string WriteStoreList(WitType list, string name, bool span = false)
    {
        (WitType element, uint size, uint align) = Element(list);
        string type = span ? $"scoped global::System.ReadOnlySpan<{_names.Owned(element)}>" : _names.Owned(list);
        var w = new CodeWriter(1);
        w.Block($"private static uint {name}(scoped ref {Cx} cx, {type} value)", () =>
        {
            w.Line($"uint start = cx.AllocateList(value.Length, {size}, {align});");
            w.Line("uint at = start;");
            w.Block($"for (int i = 0; i < value.Length; i++, at += {size})", () =>
            {
                if (list.Resolved is MapWitType m)
                {
                    uint valueOffset = WitLayout.Offsets(new[] { m.Key, m.Value }, out _)[1];
                    w.Line(Store(m.Key, "cx", "at", "value[i].Key"));
                    w.Line(Store(m.Value, "cx", Plus("at", valueOffset), "value[i].Value"));
                }
                else
                {
                    w.Line(Store(element, "cx", "at", "value[i]"));
                }
            });
            w.Line("return start;");
        });
        return w.ToString();
    }

    /// <summary>Statements that write a discriminant and a payload, led by which case a value is.</summary>
    private void WriteMatch(CodeWriter w, WitType type, Func<string, string> discriminant, Func<WitType, string, string> payload)
    {
        switch (type.Resolved)
        {
            case OptionWitType o:
                bool nested = o.Element.Resolved is OptionWitType;
                string test = nested ? "value.IsSome" : "value is { } some";
                w.Block($"if ({test})", () =>
                {
                    w.Line(discriminant("1"));
                    w.Line(payload(o.Element, nested ? "value.Value" : "some"));
                });
                w.Block("else", () => w.Line(discriminant("0")));
                break;
            case ResultWitType r:
                w.Block("if (value.IsOk)", () =>
                {
                    w.Line(discriminant("0"));
                    if (r.Ok is not null) w.Line(payload(r.Ok, "value.Value"));
                });
                w.Block("else", () =>
                {
                    w.Line(discriminant("1"));
                    if (r.Error is not null) w.Line(payload(r.Error, "value.Error"));
                });
                break;
            case NamedType { Definition: { Kind: TypeDefKind.Variant } d }:
                w.Line("switch (value)");
                w.Line("{");
                w.Indented(() =>
                {
                    for (int i = 0; i < d.Members.Count; i++)
                    {
                        WitMember m = d.Members[i];
                        int index = i;
                        w.Line($"case {_names.Named(d)}.{CSharpNames.Case(d, m.Name)}{(m.Type is null ? "" : $" c{i}")}:");
                        w.Indented(() =>
                        {
                            w.Line(discriminant(index.ToString()));
                            if (m.Type is not null) w.Line(payload(m.Type, $"c{index}.Value"));
                            w.Line("break;");
                        });
                    }

                    w.Line("default:");
                    w.Indented(() => w.Line("throw new global::System.ArgumentNullException(nameof(value));"));
                });
                w.Line("}");
                break;
            default:
                throw new GeneratorException($"{type} is not supported yet");
        }
    }

    // ---- writing core values ----

    /// <summary>A statement that writes a value as core values, from a position on.</summary>
    public string Lower(WitType type, string cx, string v, int offset, string value)
    {
        string at = $"{v}[{offset}].U64";
        switch (type.Resolved)
        {
            case PrimitiveWitType { Name: "string" }:
                return $"{cx}.LowerString({Slice(v, offset)}, {value});";
            case PrimitiveWitType p:
                return p.Name switch
                {
                    "bool" => $"{at} = {value} ? 1UL : 0UL;",
                    "s8" or "s16" or "s32" => $"{at} = (uint)(int){value};",
                    "s64" => $"{at} = (ulong){value};",
                    "f32" => $"{at} = global::System.BitConverter.SingleToUInt32Bits({value}.Canonical());",
                    "f64" => $"{at} = global::System.BitConverter.DoubleToUInt64Bits({value}.Canonical());",
                    "char" => $"{at} = (uint){value}.Value;",
                    _ => $"{at} = {value};",
                };
            case ListWitType { Length: null } l when TypeNames.Number(l.Element) is { } number:
                return $"{at} = {cx}.StoreSpan<{number}>({value}.Span); {v}[{offset + 1}].U64 = (uint){value}.Length;";
            case ListWitType { Length: null } or MapWitType:
                return $"{at} = {Helper("StoreList", type, helper => WriteStoreList(type, helper))}(ref {cx}, {value}); {v}[{offset + 1}].U64 = (uint){value}.Length;";
            case NamedType { Definition: { Kind: TypeDefKind.Enum or TypeDefKind.Flags } }:
                return $"{at} = (uint){value};";
            case HandleWitType h:
                return $"{at} = {LowerHandle(h, cx, value)};";
            default:
                return $"{Helper("Lower", type, name => WriteLower(type, name))}(ref {cx}, {Slice(v, offset)}, {value});";
        }
    }

    /// <summary>A parameter at the top of a call of a guest: lists are spans.</summary>
    public string LowerParameter(WitType type, string cx, string v, int offset, string value)
    {
        if (type.Resolved is not ListWitType { Length: null } l) return Lower(type, cx, v, offset, value);
        string store = TypeNames.Number(l.Element) is { } number
            ? $"{cx}.StoreSpan<{number}>({value})"
            : $"{Helper("StoreSpan", l, helper => WriteStoreList(l, helper, span: true))}(ref {cx}, {value})";
        return $"{v}[{offset}].U64 = {store}; {v}[{offset + 1}].U64 = (uint){value}.Length;";
    }

    /// <summary>The same, where the parameters go through memory.</summary>
    public string StoreParameter(WitType type, string cx, string at, string value)
    {
        if (type.Resolved is not ListWitType { Length: null } l) return Store(type, cx, at, value);
        string store = TypeNames.Number(l.Element) is { } number
            ? $"{cx}.StoreSpan<{number}>({value})"
            : $"{Helper("StoreSpan", l, helper => WriteStoreList(l, helper, span: true))}(ref {cx}, {value})";
        return $"{{ uint list = {store}; {cx}.StoreU32({at}, list); {cx}.StoreU32({at} + 4, (uint){value}.Length); }}";
    }

    private string WriteLower(WitType type, string name)
    {
        var w = new CodeWriter(1);
        w.Block($"private static void {name}(scoped ref {Cx} cx, scoped global::System.Span<{Raw}> v, {_names.Owned(type)} value)", () =>
        {
            switch (type.Resolved)
            {
                case ListWitType { Length: { } n } l:
                    int width = WitLayout.Flat(l.Element).Count;
                    w.Line($"if (value.Length != {n}) throw new global::System.ArgumentException($\"a list of {n} was expected, this one has {{value.Length}}\");");
                    w.Block($"for (int i = 0; i < {n}; i++, v = v[{width}..])", () => w.Line(Lower(l.Element, "cx", "v", 0, "value[i]")));
                    break;
                case TupleWitType t:
                    LowerFields(w, t.Elements.Select((e, i) => (e, $"value.Item{i + 1}")));
                    break;
                case NamedType { Definition: { Kind: TypeDefKind.Record } d }:
                    LowerFields(w, d.Members.Select(m => (m.Type!, $"value.{CSharpNames.Field(d, m.Name)}")));
                    break;
                default:
                    w.Line($"v[..{WitLayout.Flat(type).Count}].Clear(); // what the case does not use is zero");
                    WriteMatch(w, type, c => $"v[0].U64 = {c};", (p, payload) => Lower(p, "cx", "v", 1, payload));
                    break;
            }
        });
        return w.ToString();
    }

    private void LowerFields(CodeWriter w, IEnumerable<(WitType Type, string Value)> fields)
    {
        int at = 0;
        foreach ((WitType type, string value) in fields)
        {
            w.Line(Lower(type, "cx", "v", at, value));
            at += WitLayout.Flat(type).Count;
        }
    }
}
