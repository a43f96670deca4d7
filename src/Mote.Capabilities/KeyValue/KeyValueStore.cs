// What a key-value backend implements. One backend serves any number of stores.
namespace Mote.Capabilities.KeyValue;

/// <summary>A store could not do what it was asked: the text is for people and goes to the guest.</summary>
public sealed class KeyValueException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>A value with what compare-and-swap needs.</summary>
/// <param name="Bytes">The value.</param>
/// <param name="Version">Changes with every write of the key.</param>
public readonly record struct VersionedValue(byte[] Bytes, long Version);

/// <summary>Some keys of a store.</summary>
/// <param name="Keys">The keys.</param>
/// <param name="Cursor">Where to go on from; null where these were the last.</param>
public readonly record struct KeyPage(string[] Keys, string? Cursor);

/// <summary>
/// One store: keys and values of one app. What a call has changed is on disk when it returns. Safe to use from many
/// threads; every method may throw <see cref="KeyValueException"/>.
/// </summary>
public interface IKeyValueStore
{
    /// <summary>The value of a key, or null.</summary>
    VersionedValue? Get(string key);

    /// <summary>Is there a value?</summary>
    bool Exists(string key);

    /// <summary>Keys after a cursor, from the start where it is null; in no order that means anything.</summary>
    KeyPage List(string? cursor);

    /// <summary>Sets a key.</summary>
    void Set(string key, ReadOnlySpan<byte> value);

    /// <summary>Takes a key out; none is no error.</summary>
    void Delete(string key);

    /// <summary>Adds to a number that is kept as decimal text; no value counts as 0. Gives the sum; where it would be less than <paramref name="min"/>, nothing is changed and it is an error.</summary>
    long Increment(string key, long delta, long min = long.MinValue);

    /// <summary>Sets a key if its version is still this one; null: if there is still no value.</summary>
    bool CompareAndSwap(string key, long? version, ReadOnlySpan<byte> value);

    /// <summary>Sets several keys at once.</summary>
    void SetMany(IReadOnlyList<KeyValuePair<string, ReadOnlyMemory<byte>>> pairs);

    /// <summary>Takes several keys out at once.</summary>
    void DeleteMany(IReadOnlyList<string> keys);
}

/// <summary>Finds stores by name.</summary>
public interface IKeyValueBackend
{
    /// <summary>Whether what is written leaves the node, and so counts against a component's egress budget.</summary>
    bool IsElsewhere => false;

    /// <summary>The store of an app with this name.</summary>
    IKeyValueStore Open(string app, string name);
}
