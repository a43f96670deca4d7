// We walk the path, one name after the other, each opened without following: for kernels that have no openat2.
using System.Text;
using Mote.Files.Native;

namespace Mote.Files.Resolution;

/// <summary>
/// Every folder on the way is held open, and .. goes back to the one we came from: a folder that somebody moves out
/// meanwhile takes only its own content along. Links are read and walked by us, never by the kernel.
/// </summary>
internal sealed class WalkingResolver : PathResolver
{
    /// <summary>Links on one path, as in Linux.</summary>
    private const int MaxLinks = 40;

    /// <summary>Folders below each other on one path: each is an open descriptor meanwhile.</summary>
    private const int MaxDepth = 256;

    internal override FileResult<Descriptor> Open(Descriptor folder, string path, int flags, uint mode)
    {
        if (path.Length == 0) return FileError.NoEntry;
        if (path.StartsWith('/')) return FileError.NotPermitted;
        if (Encoding.UTF8.GetByteCount(path) >= FolderPath.MaxBytes) return FileError.NameTooLong;
        using var walk = new Walk(folder, path);
        return walk.Run(flags | Linux.CloseOnExec, mode);
    }

    private sealed class Walk : IDisposable
    {
        private readonly Descriptor _root;
        private readonly Stack<Descriptor> _inside = new();
        private readonly Stack<string> _rest = new();
        private bool _folderWanted;
        private int _links;

        public Walk(Descriptor root, string path)
        {
            _root = root;
            Push(path);
        }

        private Descriptor Here => _inside.TryPeek(out Descriptor? d) ? d : _root;

        public void Dispose()
        {
            foreach (Descriptor d in _inside) d.Dispose();
        }

        /// <summary>Puts the names of a path before what is left.</summary>
        private void Push(string path)
        {
            string[] names = path.Split('/');
            if (_rest.Count == 0 && names[^1].Length == 0) _folderWanted = true;
            for (int i = names.Length - 1; i >= 0; i--)
            {
                if (names[i].Length > 0) _rest.Push(names[i]);
            }
        }

        public FileResult<Descriptor> Run(int flags, uint mode)
        {
            while (_rest.TryPop(out string? name))
            {
                if (name == ".") continue;
                if (name == "..")
                {
                    if (!_inside.TryPop(out Descriptor? left)) return FileError.NotPermitted;
                    left.Dispose();
                    continue;
                }

                if (_rest.Count == 0)
                {
                    if (Last(name, flags, mode) is { } result) return result;
                    continue;
                }

                if (Step(name) is not FileError.None and var e) return e;
            }

            // The path names the folder that we are in.
            if ((flags & Linux.Exclusive) != 0) return FileError.Exist;
            if ((flags & Linux.Create) != 0) return FileError.IsDirectory;
            return Open(Here, ".", flags, mode);
        }

        /// <summary>Goes into a folder, or puts a link's names before the rest.</summary>
        private FileError Step(string name)
        {
            FileResult<Descriptor> opened = Open(Here, name, Linux.PathOnly | Linux.NoFollow | Linux.CloseOnExec, 0);
            if (!opened.IsOk) return opened.Error;
            FileResult<FileStatus> status = Status.Of(opened.Value);
            if (status is { IsOk: true, Value.Kind: FileKind.Folder })
            {
                if (_inside.Count == MaxDepth)
                {
                    opened.Value.Dispose();
                    return FileError.NameTooLong;
                }

                _inside.Push(opened.Value);
                return FileError.None;
            }

            using Descriptor other = opened.Value;
            if (!status.IsOk) return status.Error;
            return status.Value.Kind == FileKind.Link ? Follow(other) : FileError.NotDirectory;
        }

        /// <summary>Opens the last name; null where it was a link, which is now walked.</summary>
        private FileResult<Descriptor>? Last(string name, int flags, uint mode)
        {
            bool follow = _folderWanted || (flags & Linux.NoFollow) == 0;
            bool exclusive = (flags & (Linux.Create | Linux.Exclusive)) == (Linux.Create | Linux.Exclusive);
            if (_folderWanted && (flags & Linux.Create) != 0) return FileError.IsDirectory;
            int asked = flags | Linux.NoFollow | (_folderWanted ? Linux.Directory : 0);
            FileResult<Descriptor> opened = Open(Here, name, asked, mode);
            if (opened.IsOk && ((flags & Linux.PathOnly) == 0 || !follow)) return opened;
            if (opened.Error is not (FileError.None or FileError.Loop or FileError.NotDirectory) || !follow || exclusive) return opened;

            // A link: an error with O_NOFOLLOW (which one depends on O_DIRECTORY), or itself with O_PATH.
            FileResult<Descriptor> itself = opened.IsOk ? opened : Open(Here, name, Linux.PathOnly | Linux.NoFollow | Linux.CloseOnExec, 0);
            if (!itself.IsOk) return itself.Error;
            FileResult<FileStatus> status = Status.Of(itself.Value);
            if (status is { IsOk: true, Value.Kind: FileKind.Link })
            {
                using Descriptor link = itself.Value;
                FileError e = Follow(link);
                return e == FileError.None ? null : e;
            }

            if (opened.IsOk) return opened;
            itself.Value.Dispose();
            return opened.Error;
        }

        private FileError Follow(Descriptor link)
        {
            if (++_links > MaxLinks) return FileError.Loop;
            FileResult<string> target = FolderPath.ReadLink(link, "");
            if (!target.IsOk) return target.Error;
            if (target.Value.Length == 0) return FileError.NoEntry;
            if (target.Value.StartsWith('/')) return FileError.NotPermitted;
            Push(target.Value);
            return FileError.None;
        }

        private static FileResult<Descriptor> Open(Descriptor folder, string name, int flags, uint mode)
        {
            while (true)
            {
                int fd = Linux.OpenAt(folder, name, flags, mode);
                if (fd >= 0) return new Descriptor(fd);
                if (Errno.Last != Errno.Interrupted) return Errno.LastError;
            }
        }
    }
}
