// What a blob backend implements. One backend serves the containers of any number of apps.
namespace Mote.Capabilities.Blobstore;

/// <summary>A backend could not do what it was asked: the text is for people and goes to the guest.</summary>
public class BlobException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>Where an object is.</summary>
/// <param name="Container">The name of its container.</param>
/// <param name="Name">Its own.</param>
public readonly record struct BlobId(string Container, string Name);

/// <summary>What is known of an object.</summary>
/// <param name="Size">Its bytes.</param>
/// <param name="Created">When it was written.</param>
public readonly record struct BlobInfo(long Size, DateTimeOffset Created);

/// <summary>An object that is being read: as it was when it was opened, whatever becomes of it.</summary>
public interface IBlobReader : IDisposable
{
    /// <summary>Its bytes.</summary>
    long Length { get; }

    /// <summary>Reads at an offset; 0 bytes at the end.</summary>
    /// <exception cref="BlobException">It cannot be read.</exception>
    int Read(Span<byte> buffer, long offset);
}

/// <summary>Bytes that become objects when they are whole. Disposed of without that, they are forgotten.</summary>
public interface IBlobWriter : IDisposable
{
    /// <summary>Appends.</summary>
    /// <exception cref="BlobException">There is no room, or the disk does not take it.</exception>
    void Write(ReadOnlySpan<byte> bytes);

    /// <summary>
    /// Makes or replaces these objects, each whole or not at all; when it returns they are on disk. May be called from
    /// another thread than the writes, once, after the last one.
    /// </summary>
    /// <param name="objects">Where: at least one.</param>
    /// <param name="mostBytes">Most bytes of each container.</param>
    /// <exception cref="BlobException">A container is full or gone, or the disk does not take it.</exception>
    void Commit(IReadOnlyList<BlobId> objects, long mostBytes);
}

/// <summary>Names of objects, some at a time. Objects that come and go meanwhile may be among them or not.</summary>
public interface IBlobNames : IDisposable
{
    /// <summary>Up to so many more; fewer only at the end.</summary>
    /// <exception cref="BlobException">They cannot be read.</exception>
    IReadOnlyList<string> Next(int most);
}

/// <summary>
/// The containers of one app. Safe to use from many threads; every method may throw <see cref="BlobException"/>. Which
/// containers a component may name is decided before this.
/// </summary>
public interface IBlobStore
{
    /// <summary>When a container was made; null where there is none.</summary>
    DateTimeOffset? Container(string name);

    /// <summary>Makes a container; it is an error where there is one.</summary>
    void Create(string name);

    /// <summary>Takes a container out with all in it; none is no error.</summary>
    void Delete(string name);

    /// <summary>An object; null where there is none.</summary>
    BlobInfo? Find(BlobId id);

    /// <summary>Opens an object; null where there is none.</summary>
    IBlobReader? Read(BlobId id);

    /// <summary>Begins to write bytes that belong to no object yet.</summary>
    /// <param name="most">Most bytes of them, and of all that the app has begun and not finished together.</param>
    IBlobWriter Write(long most);

    /// <summary>Copies an object over another, or where there was none.</summary>
    void Copy(BlobId from, BlobId to, long mostBytes);

    /// <summary>Moves an object over another, or where there was none.</summary>
    void Move(BlobId from, BlobId to, long mostBytes);

    /// <summary>Takes objects out; what is not there is no error.</summary>
    void Remove(string container, IReadOnlyList<string> names);

    /// <summary>Takes all objects out of a container.</summary>
    void Clear(string container);

    /// <summary>The names in a container.</summary>
    IBlobNames List(string container);
}

/// <summary>Finds the containers of an app.</summary>
public interface IBlobBackend
{
    /// <summary>Whether what is written leaves the node, and so counts against a component's egress budget.</summary>
    bool IsElsewhere => false;

    /// <summary>The containers of an app.</summary>
    IBlobStore Open(string app);
}
