// The last name of a path and the folder it is in: what makes, removes and renames works on these two.
using System.Text;
using Mote.Files.Native;

namespace Mote.Files.Resolution;

/// <summary>A name in an open folder.</summary>
/// <param name="Folder">The folder, owned.</param>
/// <param name="Name">One name, never . or .., without slashes.</param>
/// <param name="EndsWithSlash">Whether the path said that it is a folder.</param>
internal readonly record struct FolderPath(Descriptor Folder, string Name, bool EndsWithSlash) : IDisposable
{
    /// <summary>Bytes of a path, its end included (PATH_MAX).</summary>
    public const int MaxBytes = 4096;

    private static readonly UTF8Encoding s_strict = new(false, throwOnInvalidBytes: true);

    /// <summary>As the kernel takes it: a slash says that it must be a folder.</summary>
    public string NameForFolder => EndsWithSlash ? Name + "/" : Name;

    public void Dispose() => Folder?.Dispose();

    /// <summary>Resolves all but the last name.</summary>
    /// <param name="resolver">Who walks.</param>
    /// <param name="root">Where the path begins.</param>
    /// <param name="path">The path.</param>
    /// <param name="dot">The fault where the last name is . and thus names the folder itself.</param>
    /// <param name="dotDot">The fault where it is .. and inside.</param>
    public static FileResult<FolderPath> Split(PathResolver resolver, Descriptor root, string path, FileError dot, FileError dotDot)
    {
        if (path.Length == 0) return FileError.NoEntry;
        if (path[0] == '/') return FileError.NotPermitted;
        if (path.Contains('\0')) return FileError.Invalid;
        string trimmed = path.TrimEnd('/');
        int slash = trimmed.LastIndexOf('/');
        string name = trimmed[(slash + 1)..];
        if (name is "." or "..")
        {
            FileResult<Descriptor> itself = resolver.Resolve(root, path, Linux.PathOnly);
            if (!itself.IsOk) return itself.Error;
            itself.Value.Dispose();
            return name == "." ? dot : dotDot;
        }

        FileResult<Descriptor> folder = resolver.Resolve(root, slash < 0 ? "." : trimmed[..(slash + 1)], Linux.PathOnly | Linux.Directory);
        return folder.IsOk ? new FolderPath(folder.Value, name, trimmed.Length < path.Length) : folder.Error;
    }

    /// <summary>What a link holds.</summary>
    public static FileResult<string> ReadLink(Descriptor folder, string name)
    {
        var buffer = new byte[MaxBytes];
        nint count = Linux.ReadLinkAt(folder, name, buffer, MaxBytes);
        if (count < 0) return Errno.LastError;
        if (count == MaxBytes) return FileError.NameTooLong;
        return Text(buffer.AsSpan(0, (int)count));
    }

    /// <summary>A name of the file system as text: it may be any bytes, and a guest's strings are Unicode.</summary>
    public static FileResult<string> Text(ReadOnlySpan<byte> bytes)
    {
        try
        {
            return s_strict.GetString(bytes);
        }
        catch (ArgumentException)
        {
            return FileError.IllegalByteSequence;
        }
    }
}
