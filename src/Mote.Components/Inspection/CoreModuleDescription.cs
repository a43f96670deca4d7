// What a core module imports and exports: for preview-1 programs, and to say what a file is that is no component.
using Mote.Components.Binary;
using Mote.Components.Types;
using Mote.Wasmtime;

namespace Mote.Components.Inspection;

/// <summary>An import of a core module.</summary>
/// <param name="Module">First part of its name.</param>
/// <param name="Name">Second part.</param>
/// <param name="Kind">func, table, memory, global or tag.</param>
public sealed record CoreImportDescription(string Module, string Name, string Kind);

/// <summary>A core module's imports and exports.</summary>
/// <param name="Imports">In the order of the file.</param>
/// <param name="Exports">Names and kinds in the order of the file.</param>
public sealed record CoreModuleDescription(IReadOnlyList<CoreImportDescription> Imports, IReadOnlyList<(string Name, string Kind)> Exports)
{
    /// <summary>Whether a file's header is that of a core module.</summary>
    public static bool IsCoreModule(ReadOnlySpan<byte> file) => file.StartsWith("\0asm\x01\0\0\0"u8);

    /// <summary>Describes a module.</summary>
    /// <exception cref="ComponentException">It is malformed or invalid.</exception>
    public static CoreModuleDescription Of(ReadOnlySpan<byte> file, Engine engine)
    {
        if (engine.Validate(file) is { } error) throw new ComponentException(ComponentErrorKind.Invalid, error);
        CoreModule m = CoreModule.Read(file, 0, new CoreTypeInterner());
        return new CoreModuleDescription(
            [.. m.Imports.Select(i => new CoreImportDescription(i.Module, i.Name, Word(i.Type.Kind)))],
            [.. m.Exports.Select(e => (e.Name, Word(e.Kind)))]);
    }

    private static string Word(ExternKind kind) => kind.ToString().ToLowerInvariant();
}
