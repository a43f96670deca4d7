// Choices of whoever generates C bindings.
namespace Mote.Bindings.C;

/// <summary>What can be chosen about generated bindings.</summary>
public sealed record CBindingsOptions
{
    /// <summary>
    /// The name of the files, and the prefix of what belongs to no interface: <c>NAME.h</c>, <c>NAME.c</c>,
    /// <c>NAME_string_t</c>. Null for the world's own name. Kebab-case or snake_case.
    /// </summary>
    public string? Name { get; init; }
}
