// Types of core functions, as far as the host makes or calls them.
using Mote.Wasmtime.Native;

namespace Mote.Wasmtime;

/// <summary>A core value type that host functions use (wasm_valkind_t).</summary>
public enum ValKind : byte
{
    /// <summary>i32.</summary>
    I32 = 0,

    /// <summary>i64.</summary>
    I64 = 1,

    /// <summary>f32.</summary>
    F32 = 2,

    /// <summary>f64.</summary>
    F64 = 3,
}

/// <summary>Parameters and results of a core function.</summary>
public sealed class FuncType(ValKind[] parameters, ValKind[] results) : IEquatable<FuncType>
{
    /// <summary>Parameter types, in order.</summary>
    public IReadOnlyList<ValKind> Parameters => parameters;

    /// <summary>Result types, in order.</summary>
    public IReadOnlyList<ValKind> Results => results;

    /// <inheritdoc/>
    public bool Equals(FuncType? other) => other is not null && parameters.AsSpan().SequenceEqual(other.ParametersArray) && results.AsSpan().SequenceEqual(other.ResultsArray);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as FuncType);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        foreach (ValKind k in parameters) hash.Add((byte)k);
        hash.Add(255);
        foreach (ValKind k in results) hash.Add((byte)k);
        return hash.ToHashCode();
    }

    /// <inheritdoc/>
    public override string ToString() => $"({string.Join(' ', parameters)}) -> ({string.Join(' ', results)})".ToLowerInvariant();

    private ValKind[] ParametersArray => parameters;

    private ValKind[] ResultsArray => results;

    /// <summary>A new <c>wasm_functype_t</c>; the caller deletes it.</summary>
    internal unsafe nint ToNative()
    {
        Vec p = ToVec(parameters), r = ToVec(results);
        return FuncNative.wasm_functype_new(&p, &r); // takes both vectors
    }

    private static unsafe Vec ToVec(ValKind[] kinds)
    {
        Span<nint> types = stackalloc nint[Math.Min(kinds.Length, 64)];
        if (kinds.Length > 64) types = new nint[kinds.Length];
        for (int i = 0; i < kinds.Length; i++) types[i] = FuncNative.wasm_valtype_new((byte)kinds[i]);
        Vec vec;
        fixed (nint* t = types) FuncNative.wasm_valtype_vec_new(&vec, (nuint)kinds.Length, t);
        return vec;
    }
}
