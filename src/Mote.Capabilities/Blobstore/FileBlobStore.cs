// The containers of one app, on files.
using System.Collections.Concurrent;

namespace Mote.Capabilities.Blobstore;

internal sealed class FileBlobStore(string folder, Runtime.DiskWear? wear = null) : IBlobStore
{
    private readonly string _new = Path.Combine(folder, "new");
    private readonly string _containers = Path.Combine(folder, "c");
    private readonly ConcurrentDictionary<string, FileContainer> _open = new();
    private readonly Lock _lock = new();
    private bool _ready;
    private long _unfinished;

    private void Wrote(long bytes) => wear?.Add(Runtime.WearSource.Blobs, bytes);

    public DateTimeOffset? Container(string name) => Try(() => Find(name)?.Created);

    public void Create(string name) => Try(() =>
    {
        string path = FolderOf(name);
        lock (_lock)
        {
            Ready();
            if (Directory.Exists(path)) throw new BlobException($"there is a container `{name}` already");
            Directory.CreateDirectory(path);
            Sync(_containers);
        }

        return 0;
    });

    public void Delete(string name) => Try(() =>
    {
        if (Find(name) is not { } container) return 0;
        string grave;
        lock (_lock)
        {
            Ready();
            // Out of sight in one step: half a container is none.
            grave = NewPath();
            container.Close(() => Directory.Move(container.Folder, grave));
            _open.TryRemove(name, out _);
            Sync(_containers);
        }

        Directory.Delete(grave, recursive: true);
        return 0;
    });

    public BlobInfo? Find(BlobId id) => Try(() => Needed(id.Container).Find(id.Name));

    public IBlobReader? Read(BlobId id) => Try(() => Needed(id.Container).Read(id.Name));

    public IBlobWriter Write(long most) => Try(() =>
    {
        lock (_lock) Ready();
        return new Writer(this, NewPath(), most);
    });

    public void Copy(BlobId from, BlobId to, long mostBytes) => Try(() =>
    {
        FileContainer source = Needed(from.Container), target = Needed(to.Container);
        using IBlobReader reader = source.Read(from.Name) ?? throw Missing(from);
        target.CheckRoom(to.Name, reader.Length, mostBytes);
        using IBlobWriter writer = Write(mostBytes);
        var buffer = new byte[64 * 1024];
        long at = 0;
        for (int n; (n = reader.Read(buffer, at)) > 0; at += n) writer.Write(buffer.AsSpan(0, n));
        writer.Commit([to], mostBytes);
        return 0;
    });

    public void Move(BlobId from, BlobId to, long mostBytes) => Try(() =>
    {
        FileContainer source = Needed(from.Container), target = Needed(to.Container);
        if (from == to)
        {
            if (source.Find(from.Name) is null) throw Missing(from);
            return 0;
        }

        // One of two that move to each other waits for the other: they are taken in one order.
        bool first = string.CompareOrdinal(from.Container, to.Container) <= 0;
        lock ((first ? source : target).Lock)
        {
            lock ((first ? target : source).Lock)
            {
                if (source.Find(from.Name) is not { } info) throw Missing(from);
                if (source == target) source.Rename(from.Name, to.Name);
                else source.GiveTo(target, from.Name, to.Name, info.Size, mostBytes);
            }
        }

        return 0;
    });

    public void Remove(string container, IReadOnlyList<string> names) => Try(() =>
    {
        Needed(container).Remove(names);
        return 0;
    });

    public void Clear(string container) => Try(() =>
    {
        Needed(container).Clear();
        return 0;
    });

    public IBlobNames List(string container) => Try(() => Needed(container).List());

    /// <summary>Runs something, with faults of the disk in words.</summary>
    internal static T Try<T>(Func<T> action)
    {
        try
        {
            return action();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new BlobException($"the disk does not do it: {e.Message}", e);
        }
    }

    internal static void Sync(string folder)
    {
        if (!Runtime.Files.SyncFolder(folder)) throw new IOException($"{folder} could not be written to disk");
    }

    private static BlobException Missing(BlobId id) => new($"there is no object `{id.Name}` in the container `{id.Container}`");

    private string FolderOf(string name)
    {
        string file = BlobNames.FileOf(name, out bool isLong);
        // Which containers there can be is in the manifest; a name that no folder can have is a mistake there.
        return isLong ? throw new BlobException($"the container's name `{name}` is too long") : Path.Combine(_containers, file);
    }

    private FileContainer Needed(string name) => Find(name) ?? throw new BlobException($"there is no container `{name}`: create it first");

    private FileContainer? Find(string name)
    {
        if (_open.TryGetValue(name, out FileContainer? known)) return known;
        string path = FolderOf(name);
        lock (_lock)
        {
            return Directory.Exists(path) ? _open.GetOrAdd(name, static (name, path) => new FileContainer(name, path), path) : null;
        }
    }

    /// <summary>Makes the folders, and takes away what an earlier process left unfinished.</summary>
    private void Ready()
    {
        if (_ready) return;
        Directory.CreateDirectory(_containers);
        if (Directory.Exists(_new)) Directory.Delete(_new, recursive: true);
        Directory.CreateDirectory(_new);
        Sync(folder);
        _ready = true;
    }

    private string NewPath() => Path.Combine(_new, Guid.NewGuid().ToString("N"));

    private sealed class Writer(FileBlobStore store, string path, long most) : IBlobWriter
    {
        private readonly FileStream _file = new(path, FileMode.CreateNew, FileAccess.Write, FileShare.Read, bufferSize: 0);
        private long _length;
        private int _disposed;

        public void Write(ReadOnlySpan<byte> bytes)
        {
            // Those that have begun share one bound: a guest that begins many and finishes none fills no disk.
            if (Interlocked.Add(ref store._unfinished, bytes.Length) > most)
            {
                Interlocked.Add(ref store._unfinished, -bytes.Length);
                throw new BlobException($"values that are not finished have more than {most} bytes together, which is the limit of a container (`blobstore` under [component.NAME.limits])");
            }

            _length += bytes.Length;
            try
            {
                _file.Write(bytes);
                store.Wrote(bytes.Length);
            }
            catch (IOException e)
            {
                throw new BlobException($"the disk does not take it: {e.Message}", e);
            }
        }

        public void Commit(IReadOnlyList<BlobId> objects, long mostBytes) => Try(() =>
        {
            _file.Flush(flushToDisk: true);
            _file.Dispose();
            for (int i = 0; i < objects.Count; i++)
            {
                FileContainer container = store.Needed(objects[i].Container);
                if (i == objects.Count - 1)
                {
                    container.Put(objects[i].Name, path, _length, mostBytes);
                    continue;
                }

                string copy = store.NewPath();
                try
                {
                    File.Copy(path, copy);
                    store.Wrote(_length);
                    using (var stream = new FileStream(copy, FileMode.Open, FileAccess.Write)) stream.Flush(flushToDisk: true);
                    container.Put(objects[i].Name, copy, _length, mostBytes);
                }
                finally
                {
                    File.Delete(copy); // gone already where it became an object
                }
            }

            return 0;
        });

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _disposed, 1) == 1) return;
            _file.Dispose();
            Interlocked.Add(ref store._unfinished, -_length);
            try
            {
                File.Delete(path);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // The next process takes it away.
            }
        }
    }
}
