// A component file that cannot be used: which file, where in it, why, and what would help.
using Mote.Components;
using Mote.Packaging;
using Mote.Runtime;
using Mote.Wasmtime;

namespace Mote.Node;

/// <summary>A component file cannot be used.</summary>
public sealed class ComponentFileException(string file, string reason, ComponentErrorKind? kind = null, Exception? inner = null) : Exception($"{file}: {reason}", inner)
{
    /// <summary>Largest file that is read, in bytes.</summary>
    public const long MaxBytes = 512L << 20;

    /// <summary>What the file broke; null where it could not be read at all.</summary>
    public ComponentErrorKind? Kind { get; } = kind;

    /// <summary>Reads a file; one in WebAssembly's text format (.wat) is translated.</summary>
    /// <exception cref="ComponentFileException">It cannot be read.</exception>
    public static byte[] Read(string path)
    {
        try
        {
            if (Directory.Exists(path)) throw new ComponentFileException(path, "this is a folder: a .wasm file is needed");
            var info = new FileInfo(path);
            if (!info.Exists) throw new ComponentFileException(path, "there is no such file");
            if (info.Length > MaxBytes) throw new ComponentFileException(path, $"it has {info.Length} bytes: a component may have {MaxBytes}");
            byte[] file = BoundedFile.Read(path, MaxBytes);
            return path.EndsWith(".wat", StringComparison.Ordinal) ? Wat.ToWasm(file) : file;
        }
        catch (WasmtimeException e)
        {
            throw new ComponentFileException(path, e.Message, ComponentErrorKind.Malformed, e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ComponentFileException(path, e.Message, null, e);
        }
    }

    /// <summary>Runs something that loads a file, and puts the file's name before what goes wrong.</summary>
    /// <exception cref="ComponentFileException">It cannot be used.</exception>
    public static T Explain<T>(string path, Func<T> load)
    {
        try
        {
            return load();
        }
        catch (ComponentException e)
        {
            throw new ComponentFileException(path, e.Kind == ComponentErrorKind.Invalid ? $"not a valid component: {e.Message}" : e.Message, e.Kind, e);
        }
        catch (CompileException e)
        {
            throw new ComponentFileException(path, e.Message, ComponentErrorKind.Unsupported, e);
        }
        catch (WasmtimeException e) when (e is not TrapException)
        {
            throw new ComponentFileException(path, e.Message, ComponentErrorKind.Invalid, e);
        }
    }
}
