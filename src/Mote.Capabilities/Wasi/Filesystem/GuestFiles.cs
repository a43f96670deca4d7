// The open files of one instance, bounded and closed with it; and what is refused, told once.
using Mote.Files;
using Mote.Runtime;

namespace Mote.Capabilities.Wasi.Filesystem;

/// <summary>A folder that the guest begins with.</summary>
/// <param name="Folder">It.</param>
/// <param name="Grant">What grants it.</param>
internal readonly record struct Preopen(HostFile Folder, FolderGrant Grant);

/// <summary>The files of one instance.</summary>
public sealed class GuestFiles : IDisposable
{
    /// <summary>Most bytes of one read or write, so that deadlines are looked at in between.</summary>
    internal const int MaxTransfer = 1 << 20;

    private readonly MicroVm _vm;
    private readonly FileBudget _budget;
    private readonly HashSet<IDisposable> _open = [];
    private readonly Lock _lock = new(); // a file is closed by the sync that was the last to use it, on another thread
    private byte[] _buffer = [];
    private Preopen[]? _preopens;
    private int _count;

    internal GuestFiles(MicroVm vm, FileBudget budget)
    {
        _vm = vm;
        _budget = budget;
    }

    /// <summary>Whose files they are.</summary>
    internal MicroVm Vm => _vm;

    /// <summary>
    /// Room for what is read until it is in the guest's memory: one for all files and streams of the instance, of which a
    /// guest may have many thousands.
    /// </summary>
    internal Memory<byte> Buffer(int size)
    {
        if (size > _buffer.Length) _buffer = new byte[size];
        return _buffer.AsMemory(0, size);
    }

    /// <summary>The folders that were granted, opened when they are first asked for. One that cannot be opened is left out and logged.</summary>
    internal IReadOnlyList<Preopen> Preopens => _preopens ??= [.. OpenGrants()];

    private IEnumerable<Preopen> OpenGrants()
    {
        AppComponent component = _vm.Component;
        foreach (FolderGrant grant in component.Grants.Files)
        {
            FileResult<HostFile> opened = HostFile.OpenFolder(grant.Host, grant.Writable);
            if (opened.IsOk)
            {
                lock (_lock) _open.Add(opened.Value);
                yield return new Preopen(opened.Value, grant);
                continue;
            }

            string why = HostFile.IsSupported ? opened.Error.ToString() : "folders of the host are supported on Linux only";
            component.Log(component.Name, GuestLogLevel.Error, "files", $"the folder {grant.Host} is granted as {grant.Guest} and cannot be opened: {why}");
        }
    }

    /// <summary>Opens what is below a folder.</summary>
    internal FileResult<HostFile> Open(HostFile folder, FolderGrant grant, string path, OpenModes modes)
    {
        FileResult<HostFile> opened = Take(closed => folder.Open(path, modes, closed));
        Note(opened.Error, grant, path);
        return opened;
    }

    /// <summary>Reads a folder's entries.</summary>
    internal FileResult<FolderReader> Entries(HostFile folder) => Take(folder.Entries);

    /// <summary>Opens something that counts.</summary>
    private FileResult<T> Take<T>(Func<Action, FileResult<T>> open)
        where T : IDisposable
    {
        if (Interlocked.Increment(ref _count) > FileBudget.PerInstance)
        {
            Interlocked.Decrement(ref _count);
            return FileError.TooManyOpen;
        }

        if (!_budget.TryTake())
        {
            Interlocked.Decrement(ref _count);
            return FileError.TooManyOpen;
        }

        IDisposable? it = null;
        FileResult<T> opened = open(() => Closed(it));
        it = opened.Value;
        if (!opened.IsOk) Closed(null);
        else lock (_lock) _open.Add(opened.Value);
        return opened;
    }

    private void Closed(IDisposable? it)
    {
        if (it is not null)
        {
            lock (_lock) _open.Remove(it);
        }

        Interlocked.Decrement(ref _count);
        _budget.Return();
    }

    /// <summary>Tells the operator of a refusal that a grant would lift, once.</summary>
    internal FileError Note(FileError error, FolderGrant grant, string path = "")
    {
        if (error == FileError.ReadOnly && !grant.Writable)
        {
            _vm.Component.Denied($"a change below `{grant.Guest}` (granted for reading)", $"files = [{{ host = \"{grant.Host}\", guest = \"{grant.Guest}\", write = true }}]");
        }
        else if (error == FileError.NotPermitted && (path.StartsWith('/') || path.Contains("..", StringComparison.Ordinal)))
        {
            _vm.Component.Denied($"a path that leads out of the folder `{grant.Guest}`", "files = [{ host = \"FOLDER\", guest = \"/FOLDER\" }]");
        }

        return error;
    }

    /// <summary>Waits until a file is on disk, within the call's deadline.</summary>
    internal FileError Sync(HostFile file, bool dataOnly)
    {
        if (_vm.Remaining == Timeout.InfiniteTimeSpan) return file.Sync(dataOnly);
        // A sync cannot be cancelled: it runs where it can be left behind, and keeps the file open until it is through.
        if (!_budget.Syncs.Wait(_vm.Remaining))
        {
            _vm.CheckDeadline();
            return FileError.Io;
        }

        file.Share();
        Task<FileError> sync = Task.Run(() =>
        {
            try
            {
                return file.Sync(dataOnly);
            }
            finally
            {
                file.Dispose();
                _budget.Syncs.Release();
            }
        });
        while (!sync.Wait(_vm.Remaining)) _vm.CheckDeadline();
        return sync.Result;
    }

    /// <summary>Closes all.</summary>
    public void Dispose()
    {
        IDisposable[] open;
        lock (_lock)
        {
            open = [.. _open];
            _open.Clear();
        }

        foreach (IDisposable it in open)
        {
            if (it is HostFile file) file.Close();
            else it.Dispose();
        }
    }
}
