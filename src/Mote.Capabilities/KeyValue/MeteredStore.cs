// A store on a server elsewhere, for a component with an egress budget: what is sent there leaves the node.
using Mote.Runtime;

namespace Mote.Capabilities.KeyValue;

/// <summary>Takes keys and values from the component's budget before they are sent; keys of reads too, which could carry anything.</summary>
internal sealed class MeteredStore(IKeyValueStore store, AppComponent component) : IKeyValueStore
{
    public VersionedValue? Get(string key) => Sent(key.Length).Get(key);

    public bool Exists(string key) => Sent(key.Length).Exists(key);

    public KeyPage List(string? cursor) => Sent(cursor?.Length ?? 0).List(cursor);

    public void Set(string key, ReadOnlySpan<byte> value) => Sent(key.Length + value.Length).Set(key, value);

    public void Delete(string key) => Sent(key.Length).Delete(key);

    public long Increment(string key, long delta, long min = long.MinValue) => Sent(key.Length + sizeof(long)).Increment(key, delta, min);

    public bool CompareAndSwap(string key, long? version, ReadOnlySpan<byte> value) => Sent(key.Length + value.Length).CompareAndSwap(key, version, value);

    public void SetMany(IReadOnlyList<KeyValuePair<string, ReadOnlyMemory<byte>>> pairs) => Sent(pairs.Sum(p => (long)p.Key.Length + p.Value.Length)).SetMany(pairs);

    public void DeleteMany(IReadOnlyList<string> keys) => Sent(keys.Sum(k => (long)k.Length)).DeleteMany(keys);

    private IKeyValueStore Sent(long bytes) => component.MaySend(bytes) ? store
        : throw new KeyValueException($"the store is on a server elsewhere, and this would be more than the component may send: egress = \"{component.Limits.Egress}\" under its limits");
}
