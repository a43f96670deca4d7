// A store whose calls are spans. Made only while somebody listens.
using System.Diagnostics;
using Mote.Runtime;
using Mote.Runtime.Telemetry;

namespace Mote.Capabilities.KeyValue;

/// <summary>Names and keys do not go into spans: only the store's name, which is the manifest's.</summary>
internal sealed class TracedStore(IKeyValueStore inner, MicroVm vm, string name) : IKeyValueStore
{
    public VersionedValue? Get(string key) => Do("get", s => s.Get(key));

    public bool Exists(string key) => Do("exists", s => s.Exists(key));

    public KeyPage List(string? cursor) => Do("list", s => s.List(cursor));

    public void Set(string key, ReadOnlySpan<byte> value)
    {
        // A span cannot go into a lambda.
        using Activity? span = Begin("set");
        try
        {
            inner.Set(key, value);
        }
        catch (KeyValueException e)
        {
            Tracing.Fail(span, "error", e.Message);
            throw;
        }
    }

    public void Delete(string key) => Do("delete", s =>
    {
        s.Delete(key);
        return 0;
    });

    public long Increment(string key, long delta, long min = long.MinValue) => Do("increment", s => s.Increment(key, delta, min));

    public bool CompareAndSwap(string key, long? version, ReadOnlySpan<byte> value)
    {
        using Activity? span = Begin("compare-and-swap");
        try
        {
            return inner.CompareAndSwap(key, version, value);
        }
        catch (KeyValueException e)
        {
            Tracing.Fail(span, "error", e.Message);
            throw;
        }
    }

    public void SetMany(IReadOnlyList<KeyValuePair<string, ReadOnlyMemory<byte>>> pairs) => Do("set-many", s =>
    {
        s.SetMany(pairs);
        return 0;
    });

    public void DeleteMany(IReadOnlyList<string> keys) => Do("delete-many", s =>
    {
        s.DeleteMany(keys);
        return 0;
    });

    private Activity? Begin(string operation) =>
        Tracing.HostCall(vm, operation, name, ActivityKind.Client)?.SetTag("db.system.name", "wasi.keyvalue").SetTag("db.namespace", name).SetTag("db.operation.name", operation);

    private T Do<T>(string operation, Func<IKeyValueStore, T> action)
    {
        using Activity? span = Begin(operation);
        try
        {
            return action(inner);
        }
        catch (KeyValueException e)
        {
            Tracing.Fail(span, "error", e.Message);
            throw;
        }
    }
}
