// How exact a component's floating point is: the same bits everywhere, or whatever is fastest here.
namespace Mote.Runtime;

/// <summary>What a NaN that a guest computes looks like.</summary>
public enum FloatMode
{
    /// <summary>One bit pattern, and relaxed SIMD with one meaning: the same input gives the same bytes on every processor.</summary>
    Deterministic,

    /// <summary>What the processor gives. Code that computes in floating point is faster; only NaNs and relaxed SIMD may differ.</summary>
    Fast,
}
