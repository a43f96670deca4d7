// Why a world has no C bindings.
namespace Mote.Bindings.C;

/// <summary>A world uses what C bindings do not have; the message names the function or type.</summary>
public sealed class CBindingsException(string message) : Exception(message);
