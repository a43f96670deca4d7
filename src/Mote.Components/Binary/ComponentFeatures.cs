// Gated parts of the Component Model (Explainer.md, "Gated Features").
namespace Mote.Components;

/// <summary>
/// Parts of the Component Model that the decoder and the validator accept. Error contexts and threads beyond
/// <c>thread.yield</c>, <c>suspend</c> and <c>index</c> are validated, and refused when a component that needs them is planned.
/// </summary>
[Flags]
public enum ComponentFeatures
{
    /// <summary>Nothing beyond the released Component Model of WASI 0.2.</summary>
    None = 0,

    /// <summary><c>implements</c> and <c>external-id</c> attributes.</summary>
    Implements = 1,

    /// <summary><c>map</c>.</summary>
    Map = 2,

    /// <summary><c>list</c> of a fixed length.</summary>
    FixedLengthLists = 4,

    /// <summary><c>async</c> functions, streams, futures and their built-ins.</summary>
    Async = 8,

    /// <summary><c>error-context</c>.</summary>
    ErrorContext = 16,

    /// <summary>Cooperative threads.</summary>
    Threading = 32,

    /// <summary>Stackful asynchronous lifts.</summary>
    AsyncStackful = 64,

    /// <summary>Asynchronous variants of built-ins beyond the base set.</summary>
    MoreAsyncBuiltins = 128,

    /// <summary>Canonical interface names with a <c>versionsuffix</c>.</summary>
    CanonicalNames = 256,

    /// <summary>What Mote accepts.</summary>
    Default = Implements | Map | FixedLengthLists | Async | ErrorContext | Threading | AsyncStackful | MoreAsyncBuiltins | CanonicalNames,
}
