// From a path of a guest to a descriptor, never leaving the folder that it begins at.
using Mote.Files.Native;

namespace Mote.Files.Resolution;

/// <summary>Opens paths below a folder. Whatever other processes rename meanwhile, nothing outside is opened.</summary>
internal abstract class PathResolver
{
    /// <summary>Opens what a path names.</summary>
    /// <param name="folder">Where it begins.</param>
    /// <param name="path">A relative path; with .. and symbolic links in it, as long as they stay inside.</param>
    /// <param name="flags">Of open(2), in which O_NOFOLLOW keeps a link at the end from being followed.</param>
    /// <param name="mode">Permissions of what is made.</param>
    public FileResult<Descriptor> Resolve(Descriptor folder, string path, int flags, uint mode = 0) =>
        path.Contains('\0') ? FileError.Invalid : Open(folder, path, flags, mode); // C would read up to there

    internal abstract FileResult<Descriptor> Open(Descriptor folder, string path, int flags, uint mode);

    /// <summary>The kernel's own where it has one.</summary>
    public static PathResolver Best { get; } = BeneathResolver.IsThere ? new BeneathResolver() : new WalkingResolver();
}
