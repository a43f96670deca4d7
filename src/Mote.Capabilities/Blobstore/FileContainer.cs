// One container on files: its objects, and how many bytes they have together.
using System.Text;
using Mote.Runtime;

namespace Mote.Capabilities.Blobstore;

/// <summary>A folder of objects. Changes of what is in it are made under <see cref="Lock"/>.</summary>
internal sealed class FileContainer(string container, string folder)
{
    /// <summary>What an object counts beside its bytes, for the room that any file takes.</summary>
    public const long PerObject = 1024;

    private long? _used;
    private bool _closed;

    public Lock Lock { get; } = new();

    public string Folder => folder;

    public DateTimeOffset Created => new(Directory.GetCreationTimeUtc(folder), TimeSpan.Zero);

    public BlobInfo? Find(string name)
    {
        var file = new FileInfo(PathOf(name, out _));
        return file.Exists ? new BlobInfo(file.Length, new DateTimeOffset(file.LastWriteTimeUtc, TimeSpan.Zero)) : null;
    }

    public IBlobReader? Read(string name)
    {
        try
        {
            return new Reader(File.OpenHandle(PathOf(name, out _), FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete));
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }

    /// <summary>A whole file, on disk already, becomes an object.</summary>
    public void Put(string name, string file, long size, long mostBytes)
    {
        lock (Lock)
        {
            CheckRoom(name, size, mostBytes);
            string path = PathOf(name, out bool isLong);
            long before = SizeAt(path);
            // The text first: a file without it would be an object that no list shows.
            if (isLong) DurableFile.Replace(path + BlobNames.TextEnd, Encoding.UTF8.GetBytes(name));
            File.Move(file, path, overwrite: true);
            _used += Counted(size) - before;
            FileBlobStore.Sync(folder);
        }
    }

    /// <summary>Room for an object of this name and size?</summary>
    /// <exception cref="BlobException">There is not.</exception>
    public void CheckRoom(string name, long size, long mostBytes)
    {
        lock (Lock)
        {
            if (_closed) throw new BlobException($"the container `{container}` was deleted meanwhile");
            long after = Used() - SizeAt(PathOf(name, out _)) + Counted(size);
            if (after > mostBytes) throw new BlobException($"the container `{container}` is full: it would have {after} bytes ({PerObject} for each object among them), and its limit is {mostBytes} (`blobstore` under [component.NAME.limits])");
        }
    }

    /// <summary>Gives an object another name. The lock is held.</summary>
    public void Rename(string from, string to)
    {
        string source = PathOf(from, out bool wasLong), target = PathOf(to, out bool isLong);
        long after = Used() - SizeAt(target);
        if (isLong) DurableFile.Replace(target + BlobNames.TextEnd, Encoding.UTF8.GetBytes(to));
        File.Move(source, target, overwrite: true);
        _used = after;
        if (wasLong) File.Delete(source + BlobNames.TextEnd);
        FileBlobStore.Sync(folder);
    }

    /// <summary>Moves an object to another container. Both locks are held.</summary>
    public void GiveTo(FileContainer other, string from, string to, long size, long mostBytes)
    {
        long used = Used();
        string source = PathOf(from, out bool wasLong);
        other.Put(to, source, size, mostBytes);
        _used = used - Counted(size);
        if (wasLong) File.Delete(source + BlobNames.TextEnd);
        FileBlobStore.Sync(folder);
    }

    public void Remove(IReadOnlyList<string> names)
    {
        lock (Lock)
        {
            foreach (string name in names) RemoveFile(PathOf(name, out bool isLong), isLong);
            FileBlobStore.Sync(folder);
        }
    }

    public void Clear()
    {
        lock (Lock)
        {
            foreach (FileInfo file in new DirectoryInfo(folder).EnumerateFiles()) file.Delete();
            _used = 0;
            FileBlobStore.Sync(folder);
        }
    }

    /// <summary>Takes it away; nothing is put in after that.</summary>
    public void Close(Action remove)
    {
        lock (Lock)
        {
            remove();
            _closed = true;
        }
    }

    public IBlobNames List() => new Names(folder);

    private static long Counted(long size) => size + PerObject;

    private static long SizeAt(string path)
    {
        var file = new FileInfo(path);
        return file.Exists ? Counted(file.Length) : 0;
    }

    private string PathOf(string name, out bool isLong) => Path.Combine(folder, BlobNames.FileOf(name, out isLong));

    private void RemoveFile(string path, bool isLong)
    {
        long before = SizeAt(path);
        File.Delete(path);
        if (isLong) File.Delete(path + BlobNames.TextEnd);
        if (before > 0) _used = _used is { } used ? used - before : null;
    }

    /// <summary>Bytes that count, of all objects: added up once, and kept from then on.</summary>
    private long Used() => _used ??= new DirectoryInfo(folder).EnumerateFiles().Where(f => !f.Name.EndsWith(BlobNames.TextEnd, StringComparison.Ordinal)).Sum(f => Counted(f.Length));

    private sealed class Reader(Microsoft.Win32.SafeHandles.SafeFileHandle file) : IBlobReader
    {
        public long Length { get; } = RandomAccess.GetLength(file);

        public int Read(Span<byte> buffer, long offset)
        {
            try
            {
                return RandomAccess.Read(file, buffer, offset);
            }
            catch (IOException e)
            {
                throw new BlobException($"the disk does not give it: {e.Message}", e);
            }
        }

        public void Dispose() => file.Dispose();
    }

    private sealed class Names(string folder) : IBlobNames
    {
        private readonly IEnumerator<string> _files = Directory.EnumerateFiles(folder).GetEnumerator();

        public IReadOnlyList<string> Next(int most)
        {
            var names = new List<string>();
            while (names.Count < most && FileBlobStore.Try(_files.MoveNext))
            {
                string file = Path.GetFileName(_files.Current);
                if (BlobNames.TryRead(file, out string? name)) names.Add(name);
                else if (file.StartsWith('~') && !file.EndsWith(BlobNames.TextEnd, StringComparison.Ordinal) && LongName(_files.Current) is { } text) names.Add(text);
            }

            return names;
        }

        public void Dispose() => _files.Dispose();

        /// <summary>The text of a long name; null where the object has gone meanwhile.</summary>
        private static string? LongName(string path)
        {
            try
            {
                return File.ReadAllText(path + BlobNames.TextEnd);
            }
            catch (IOException)
            {
                return null;
            }
        }
    }
}
