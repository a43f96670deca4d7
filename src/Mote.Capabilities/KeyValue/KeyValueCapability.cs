// wasi:keyvalue in both drafts, over whatever backend the node has. The drafts differ in their types; what they do is
// here once (Bucket).
using Mote.Components;
using Mote.Components.Linking;
using Mote.Runtime;
using Mote.Runtime.Telemetry;
using Draft1 = Mote.Capabilities.KeyValue.IStoreDraft1;
using Draft2 = Mote.Capabilities.KeyValue.IStoreDraft2;

namespace Mote.Capabilities.KeyValue;

/// <summary>Hosts wasi:keyvalue store, atomics and batch, 0.2.0-draft and 0.2.0-draft2.</summary>
public sealed class KeyValueCapability(IKeyValueBackend backend) : Capability<KeyValueGuest>
{
    /// <inheritdoc/>
    public override void Link(ComponentLinker linker)
    {
        IStoreDraft1.Define(linker, Guest);
        IAtomicsDraft1.Define(linker, Guest);
        IBatchDraft1.Define(linker, Guest);
        IStoreDraft2.Define(linker, Guest);
        IAtomicsDraft2.Define(linker, Guest);
        IBatchDraft2.Define(linker, Guest);
    }

    /// <inheritdoc/>
    protected override KeyValueGuest Prepare(MicroVm vm) => new(vm, backend);
}

/// <summary>wasi:keyvalue for one instance.</summary>
public sealed class KeyValueGuest(MicroVm vm, IKeyValueBackend backend)
    : IStoreDraft1, IAtomicsDraft1, IBatchDraft1, IStoreDraft2, IAtomicsDraft2, IBatchDraft2
{
    /// <summary>Most bytes that one get-many gives: the keys are the guest's, and may all be the same large one.</summary>
    private const long MaxBatchBytes = 64 << 20;

    /// <summary>Opens a store that was granted; null otherwise.</summary>
    /// <exception cref="KeyValueException">The backend cannot open it.</exception>
    private Bucket? TryOpen(string name)
    {
        AppComponent component = vm.Component;
        if (component.Grants.KeyValue.Contains(name))
        {
            IKeyValueStore store = backend.Open(component.App, name);
            if (backend.IsElsewhere && component.Limits.Egress is not null) store = new MeteredStore(store, component);
            return new Bucket(Tracing.IsOn ? new TracedStore(store, vm, name) : store);
        }

        component.Denied($"the key-value store `{name}`", $"keyvalue = [\"{name}\"]");
        return null;
    }

    Result<Draft1.IBucket, Draft1.Error> IStoreDraft1.Open(string identifier)
    {
        try
        {
            return TryOpen(identifier) is { } bucket ? Result<Draft1.IBucket, Draft1.Error>.Ok(bucket) : Draft1.Error.AccessDenied.Instance;
        }
        catch (KeyValueException e)
        {
            return new Draft1.Error.Other(e.Message);
        }
    }

    Result<Draft2.IBucket, Draft2.Error> IStoreDraft2.Open(string identifier)
    {
        try
        {
            return TryOpen(identifier) is { } bucket ? Result<Draft2.IBucket, Draft2.Error>.Ok(bucket) : Draft2.Error.AccessDenied.Instance;
        }
        catch (KeyValueException e)
        {
            return new Draft2.Error.Other(e.Message);
        }
    }

    Result<ulong, Draft1.Error> IAtomicsDraft1.Increment(Draft1.IBucket bucket, string key, ulong delta) => Bucket.Of(bucket).Try1(s =>
        delta <= long.MaxValue ? (ulong)s.Increment(key, (long)delta, min: 0) : throw new KeyValueException("a step of more than 9223372036854775807 is not supported"));

    Result<long, Draft2.Error> IAtomicsDraft2.Increment(Draft2.IBucket bucket, string key, long delta) => Bucket.Of(bucket).Try2(s => s.Increment(key, delta));

    /// <inheritdoc/>
    public Result<IAtomicsDraft2.ICas, Draft2.Error> CasNew(Draft2.IBucket bucket, string key) =>
        Bucket.Of(bucket).Try2(s => (IAtomicsDraft2.ICas)new Cas(s, key, s.Get(key)));

    /// <inheritdoc/>
    public Result<Unit, IAtomicsDraft2.CasError> Swap(IAtomicsDraft2.ICas cas, ReadOnlySpan<byte> value)
    {
        var c = (Cas)cas;
        try
        {
            return c.Store.CompareAndSwap(c.Key, c.Read?.Version, value)
                ? default(Unit)
                : new IAtomicsDraft2.CasError.CasFailed(new Cas(c.Store, c.Key, c.Store.Get(c.Key)));
        }
        catch (KeyValueException e)
        {
            return new IAtomicsDraft2.CasError.StoreError(new Draft2.Error.Other(e.Message));
        }
    }

    Result<(string, ReadOnlyMemory<byte>)?[], Draft1.Error> IBatchDraft1.GetMany(Draft1.IBucket bucket, string[] keys) => Bucket.Of(bucket).Try1(s => GetMany(s, keys));

    Result<(string, ReadOnlyMemory<byte>)?[], Draft2.Error> IBatchDraft2.GetMany(Draft2.IBucket bucket, string[] keys) => Bucket.Of(bucket).Try2(s => GetMany(s, keys));

    private static (string, ReadOnlyMemory<byte>)?[] GetMany(IKeyValueStore store, string[] keys)
    {
        var pairs = new (string, ReadOnlyMemory<byte>)?[keys.Length];
        long bytes = 0;
        for (int i = 0; i < keys.Length; i++)
        {
            if (store.Get(keys[i]) is not { } value) continue;
            bytes += value.Bytes.Length;
            if (bytes > MaxBatchBytes) throw new KeyValueException($"the values of these keys have more than {MaxBatchBytes} bytes together: get fewer at once");
            pairs[i] = (keys[i], value.Bytes);
        }

        return pairs;
    }

    Result<Unit, Draft1.Error> IBatchDraft1.SetMany(Draft1.IBucket bucket, (string, ReadOnlyMemory<byte>)[] keyValues) => Bucket.Of(bucket).Try1(s => SetMany(s, keyValues));

    Result<Unit, Draft2.Error> IBatchDraft2.SetMany(Draft2.IBucket bucket, (string, ReadOnlyMemory<byte>)[] keyValues) => Bucket.Of(bucket).Try2(s => SetMany(s, keyValues));

    private static Unit SetMany(IKeyValueStore store, (string Key, ReadOnlyMemory<byte> Value)[] pairs)
    {
        store.SetMany([.. pairs.Select(p => new KeyValuePair<string, ReadOnlyMemory<byte>>(p.Key, p.Value))]);
        return default;
    }

    Result<Unit, Draft1.Error> IBatchDraft1.DeleteMany(Draft1.IBucket bucket, string[] keys) => Bucket.Of(bucket).Try1(s => DeleteMany(s, keys));

    Result<Unit, Draft2.Error> IBatchDraft2.DeleteMany(Draft2.IBucket bucket, string[] keys) => Bucket.Of(bucket).Try2(s => DeleteMany(s, keys));

    private static Unit DeleteMany(IKeyValueStore store, string[] keys)
    {
        store.DeleteMany(keys);
        return default;
    }

    private sealed record Cas(IKeyValueStore Store, string Key, VersionedValue? Read) : IAtomicsDraft2.ICas
    {
        public Result<ReadOnlyMemory<byte>?, Draft2.Error> Current() => Result<ReadOnlyMemory<byte>?, Draft2.Error>.Ok(Read is { } v ? v.Bytes : (ReadOnlyMemory<byte>?)null);
    }
}
