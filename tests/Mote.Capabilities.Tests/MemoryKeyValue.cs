// Key-value stores in memory, as simple as can be: the model that backends are compared with, and one that can fail.
using System.Globalization;
using System.Text;
using Mote.Capabilities.KeyValue;

namespace Mote.Capabilities.Tests;

internal sealed class MemoryKeyValue : IKeyValueBackend
{
    private readonly Dictionary<string, SortedDictionary<long, Entry>> _stores = [];
    private readonly Lock _lock = new();
    private long _next;

    private sealed record Entry(string Key, byte[] Bytes, long Version);

    /// <summary>Every call fails with these words.</summary>
    public string? Fault { get; set; }

    public bool IsElsewhere { get; init; }

    public int PageSize { get; set; } = 1000;

    public IKeyValueStore Open(string app, string name)
    {
        Check();
        lock (_lock) return new Store(this, _stores.TryGetValue($"{app}/{name}", out var known) ? known : _stores[$"{app}/{name}"] = []);
    }

    private void Check()
    {
        if (Fault is not null) throw new KeyValueException(Fault);
    }

    private sealed class Store(MemoryKeyValue backend, SortedDictionary<long, Entry> rows) : IKeyValueStore
    {
        private T Do<T>(Func<T> action)
        {
            backend.Check();
            lock (backend._lock) return action();
        }

        private void Do(Action action) => Do(() =>
        {
            action();
            return 0;
        });

        private KeyValuePair<long, Entry>? Find(string key)
        {
            foreach (KeyValuePair<long, Entry> row in rows)
            {
                if (row.Value.Key == key) return row;
            }

            return null;
        }

        private void Put(string key, byte[] value)
        {
            if (key.Length > 4096) throw new KeyValueException("the key is too long");
            if (value.Length > 16 << 20) throw new KeyValueException("the value is too long");
            rows[Find(key)?.Key ?? ++backend._next] = new Entry(key, value, ++backend._next);
        }

        private void Remove(string key)
        {
            if (Find(key) is { } row) rows.Remove(row.Key);
        }

        public VersionedValue? Get(string key) => Do(() => Find(key) is { } row ? new VersionedValue(row.Value.Bytes, row.Value.Version) : (VersionedValue?)null);

        public bool Exists(string key) => Do(() => Find(key) is not null);

        public KeyPage List(string? cursor) => Do(() =>
        {
            long after = 0;
            if (cursor is not null && !long.TryParse(cursor, NumberStyles.None, CultureInfo.InvariantCulture, out after)) throw new KeyValueException("no cursor");
            KeyValuePair<long, Entry>[] rest = [.. rows.Where(r => r.Key > after)];
            KeyValuePair<long, Entry>[] page = [.. rest.Take(backend.PageSize)];
            return new KeyPage([.. page.Select(r => r.Value.Key)], rest.Length > page.Length ? page[^1].Key.ToString(CultureInfo.InvariantCulture) : null);
        });

        public void Set(string key, ReadOnlySpan<byte> value)
        {
            byte[] copy = value.ToArray();
            Do(() => Put(key, copy));
        }

        public void Delete(string key) => Do(() => Remove(key));

        public long Increment(string key, long delta, long min) => Do(() =>
        {
            long before = 0;
            if (Find(key) is { } row && !long.TryParse(row.Value.Bytes, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out before)) throw new KeyValueException($"the value of `{key}` is not a number");
            Int128 sum = (Int128)before + delta;
            if (sum > long.MaxValue || sum < min) throw new KeyValueException("too large");
            Put(key, Encoding.ASCII.GetBytes(((long)sum).ToString(CultureInfo.InvariantCulture)));
            return (long)sum;
        });

        public bool CompareAndSwap(string key, long? version, ReadOnlySpan<byte> value)
        {
            byte[] copy = value.ToArray();
            return Do(() =>
            {
                if (Find(key)?.Value.Version != version) return false;
                Put(key, copy);
                return true;
            });
        }

        public void SetMany(IReadOnlyList<KeyValuePair<string, ReadOnlyMemory<byte>>> pairs) => Do(() =>
        {
            if (pairs.Any(p => p.Key.Length > 4096 || p.Value.Length > 16 << 20)) throw new KeyValueException("a key or a value is too long");
            foreach ((string key, ReadOnlyMemory<byte> value) in pairs) Put(key, value.ToArray());
        });

        public void DeleteMany(IReadOnlyList<string> keys) => Do(() =>
        {
            foreach (string key in keys) Remove(key);
        });
    }
}
