// The way in: a world, and the two files for it.
using Mote.Wit;

namespace Mote.Bindings.C;

/// <summary>
/// Bindings for guests in C. The header has a type for each WIT type, a function for each import, and the prototype
/// of each function that the guest has to write; the source has the canonical ABI (CanonicalABI.md) behind it, and
/// compiles freestanding and with a libc.
/// </summary>
/// <remarks>
/// The C types have the layout that the canonical ABI asks for on 32-bit memories, so that values in memory are used
/// where they lie; the source checks it with static assertions.
/// </remarks>
public static class CBindings
{
    /// <summary>Writes the header and the source of a world.</summary>
    /// <param name="world">A resolved world: <see cref="WitResolver.Resolve"/>, then <see cref="WitResolve.FindWorld"/>.</param>
    /// <param name="options">What can be chosen.</param>
    /// <returns>Names and texts of the two files, with lines ended by \n.</returns>
    /// <exception cref="CBindingsException">The world has an async function, a stream, a future or an error-context.</exception>
    public static (string HeaderName, string Header, string SourceName, string Source) Generate(WitWorld world, CBindingsOptions options)
    {
        string name = CNames.Snake(options.Name ?? world.Name);
        var model = new WorldModel(world, name);
        var header = new HeaderEmitter(model);
        string headerText = header.Write();
        string sourceText = new SourceEmitter(model, header.Types).Write();
        return (name + ".h", headerText, name + ".c", sourceText);
    }
}
