// Types of core WebAssembly as a component needs them: to compare what modules import with what instances export.
using System.Text;
using Mote.Wasmtime;

namespace Mote.Components.Types;

/// <summary>
/// A core value type. <c>Heap</c> is for references only: an abstract heap type's opcode (negative) or, once
/// resolved, the canonical id of a defined type.
/// </summary>
internal readonly record struct CoreValType(CoreValKind Kind, bool Nullable = false, int Heap = 0)
{
    public static readonly CoreValType I32 = new(CoreValKind.I32);
    public static readonly CoreValType I64 = new(CoreValKind.I64);
    public static readonly CoreValType F32 = new(CoreValKind.F32);
    public static readonly CoreValType F64 = new(CoreValKind.F64);

    public const int HeapFunc = -0x10, HeapExtern = -0x11;

    public bool IsConcrete => Kind == CoreValKind.Ref && Heap >= 0;

    public override string ToString() => Kind switch
    {
        CoreValKind.I32 => "i32",
        CoreValKind.I64 => "i64",
        CoreValKind.F32 => "f32",
        CoreValKind.F64 => "f64",
        CoreValKind.V128 => "v128",
        CoreValKind.I8 => "i8",
        CoreValKind.I16 => "i16",
        _ when Nullable && Heap == HeapFunc => "funcref",
        _ when Nullable && Heap == HeapExtern => "externref",
        _ => $"(ref {(Nullable ? "null " : "")}{HeapName(Heap)})",
    };

    private static string HeapName(int heap) => heap switch
    {
        HeapFunc => "func",
        HeapExtern => "extern",
        -0x12 => "any",
        -0x13 => "eq",
        -0x14 => "i31",
        -0x15 => "struct",
        -0x16 => "array",
        -0x17 => "exn",
        -0x0f => "none",
        -0x0e => "noextern",
        -0x0d => "nofunc",
        -0x0c => "noexn",
        >= 0 => $"${heap}",
        _ => $"heap{heap}",
    };
}

internal enum CoreValKind : byte
{
    I32,
    I64,
    F32,
    F64,
    V128,
    Ref,

    /// <summary>Packed storage types, of struct and array fields only.</summary>
    I8,
    I16,
}

internal enum CompositeKind : byte
{
    Func,
    Struct,
    Array,
}

internal readonly record struct CoreField(CoreValType Type, bool Mutable);

/// <summary>A type of a rec group as decoded: references are indices of the enclosing index space.</summary>
internal sealed record CoreSubTypeNode(bool Final, uint[] Supertypes, CompositeKind Kind, CoreValType[] Parameters, CoreValType[] Results, CoreField[] Fields);

/// <summary>What a core import or export is, as decoded: type indices are not yet resolved.</summary>
internal readonly record struct CoreExternNode(ExternKind Kind, uint TypeIndex, CoreTableType Table, CoreMemoryType Memory, CoreGlobalType Global);

internal readonly record struct CoreLimits(ulong Min, ulong? Max);

internal readonly record struct CoreTableType(CoreValType Element, CoreLimits Limits, bool Table64, bool Shared);

internal readonly record struct CoreMemoryType(CoreLimits Limits, bool Memory64, bool Shared, uint? PageSizeLog2);

internal readonly record struct CoreGlobalType(CoreValType Type, bool Mutable, bool Shared);

/// <summary>A function type of core wasm, canonical: two that are equal are the same object (see <see cref="CoreTypeInterner"/>).</summary>
internal sealed class CoreSubType(int id, bool final, CoreSubType? super, CompositeKind kind, CoreValType[] parameters, CoreValType[] results, CoreField[] fields)
{
    /// <summary>Canonical id: equal types have equal ids, also across modules of one validation.</summary>
    public int Id { get; } = id;

    public bool Final { get; } = final;

    public CoreSubType? Super { get; } = super;

    public CompositeKind Kind { get; } = kind;

    public CoreValType[] Parameters { get; } = parameters;

    public CoreValType[] Results { get; } = results;

    public CoreField[] Fields { get; } = fields;

    public bool IsSubtypeOf(CoreSubType other)
    {
        for (CoreSubType? t = this; t is not null; t = t.Super)
        {
            if (ReferenceEquals(t, other)) return true;
        }

        return false;
    }

    public override string ToString()
    {
        if (Kind != CompositeKind.Func) return $"({Kind.ToString().ToLowerInvariant()} …)";
        var text = new StringBuilder("(func");
        if (Parameters.Length > 0) text.Append(" (param ").AppendJoin(' ', Parameters).Append(')');
        if (Results.Length > 0) text.Append(" (result ").AppendJoin(' ', Results).Append(')');
        return text.Append(')').ToString();
    }
}

/// <summary>A resolved core item type.</summary>
internal sealed record CoreExternType(ExternKind Kind)
{
    /// <summary>Of functions and tags.</summary>
    public CoreSubType? Func { get; init; }

    public CoreTableType Table { get; init; }

    public CoreMemoryType Memory { get; init; }

    public CoreGlobalType Global { get; init; }

    public string Word => Kind switch
    {
        ExternKind.Func => "func",
        ExternKind.Global => "global",
        ExternKind.Table => "table",
        ExternKind.Memory => "memory",
        _ => "tag",
    };
}

/// <summary>
/// Gives equal core types the same object: a rec group is written down with its inner references relative and
/// its outer ones by canonical id, and looked up by that text.
/// </summary>
internal sealed class CoreTypeInterner
{
    private readonly Dictionary<string, CoreSubType[]> _groups = [];
    private int _next;

    public CoreSubType InternFunc(CoreValType[] parameters, CoreValType[] results) =>
        Intern([new CoreSubTypeNode(true, [], CompositeKind.Func, parameters, results, [])], 0, static _ => null!)[0];

    /// <summary>
    /// Interns a rec group whose first type will have index <paramref name="baseIndex"/>; <paramref name="resolve"/>
    /// gives the types before it.
    /// </summary>
    public CoreSubType[] Intern(CoreSubTypeNode[] group, int baseIndex, Func<uint, CoreSubType> resolve)
    {
        var key = new StringBuilder();
        foreach (CoreSubTypeNode t in group)
        {
            key.Append(t.Final ? 'f' : 'o').Append((int)t.Kind);
            foreach (uint s in t.Supertypes) key.Append('<').Append(Index(s));
            foreach (CoreValType p in t.Parameters) key.Append('p').Append(Type(p));
            foreach (CoreValType r in t.Results) key.Append('r').Append(Type(r));
            foreach (CoreField f in t.Fields) key.Append(f.Mutable ? 'm' : 'c').Append(Type(f.Type));
            key.Append(';');
        }

        string k = key.ToString();
        if (_groups.TryGetValue(k, out CoreSubType[]? known)) return known;

        int first = _next;
        _next += group.Length;
        var made = new CoreSubType[group.Length];
        for (int i = 0; i < group.Length; i++)
        {
            CoreSubTypeNode t = group[i];
            CoreSubType? super = t.Supertypes.Length == 0 ? null
                : t.Supertypes[0] >= baseIndex ? made[t.Supertypes[0] - baseIndex]
                : resolve(t.Supertypes[0]);
            made[i] = new CoreSubType(
                first + i, t.Final, super, t.Kind,
                Array.ConvertAll(t.Parameters, Resolve),
                Array.ConvertAll(t.Results, Resolve),
                Array.ConvertAll(t.Fields, f => f with { Type = Resolve(f.Type) }));
        }

        _groups.Add(k, made);
        return made;

        string Index(uint index) => index >= baseIndex ? $"+{index - baseIndex}" : $"={resolve(index).Id}";
        string Type(CoreValType t) => t.IsConcrete ? $"{(t.Nullable ? '?' : '!')}{Index((uint)t.Heap)}" : $"{(int)t.Kind}.{t.Heap}{(t.Nullable ? '?' : '!')}";
        CoreValType Resolve(CoreValType t) => !t.IsConcrete ? t : t with { Heap = t.Heap >= baseIndex ? first + (t.Heap - baseIndex) : resolve((uint)t.Heap).Id };
    }
}
