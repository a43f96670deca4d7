// Key-value stores in one SQLite file. One thread writes, and commits what waits together: a write costs its share of
// one fsync. Readers see what is committed.
using System.Globalization;
using Microsoft.Data.Sqlite;
using Mote.Capabilities.KeyValue;

namespace Mote.Backends.Sqlite;

/// <summary>The embedded key-value backend. What a call has changed is on disk when it returns.</summary>
public sealed class SqliteKeyValue : IKeyValueBackend, IDisposable
{
    private readonly string _connection;
    private readonly SqliteWriter _writer;

    /// <summary>Opens or makes the file.</summary>
    /// <exception cref="KeyValueException">It cannot be opened, or is not a store of Mote.</exception>
    public SqliteKeyValue(string path)
    {
        Path = System.IO.Path.GetFullPath(path);
        _connection = new SqliteConnectionStringBuilder { DataSource = Path, Pooling = true, DefaultTimeout = 30 }.ToString();
        try
        {
            Directory.CreateDirectory(System.IO.Path.GetDirectoryName(Path)!);
            _writer = new SqliteWriter(_connection);
        }
        catch (Exception e) when (e is SqliteException or IOException or UnauthorizedAccessException)
        {
            throw new KeyValueException($"the key-value file '{Path}' cannot be opened: {e.Message}", e);
        }
    }

    /// <summary>Bytes that were given to the disk, journal and all; 0 where the kernel does not count them.</summary>
    public long BytesWritten => _writer.BytesWritten;

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <inheritdoc/>
    public IKeyValueStore Open(string app, string name) => new Store(this, $"{app}/{name}");

    /// <inheritdoc/>
    public void Dispose()
    {
        _writer.Dispose();
        using var connection = new SqliteConnection(_connection);
        SqliteConnection.ClearPool(connection);
    }

    private sealed class Store(SqliteKeyValue backend, string name) : IKeyValueStore
    {
        private const int MaxKey = 4096;
        private const int MaxValue = 16 << 20;
        private const int PageSize = 1000;

        public VersionedValue? Get(string key) => Read(c =>
        {
            c.CommandText = "SELECT value, version FROM kv WHERE store = $store AND key = $key";
            c.Parameters.AddWithValue("$key", key);
            using SqliteDataReader r = c.ExecuteReader();
            return r.Read() ? new VersionedValue(r.GetFieldValue<byte[]>(0), r.GetInt64(1)) : (VersionedValue?)null;
        });

        public bool Exists(string key) => Read(c =>
        {
            c.CommandText = "SELECT 1 FROM kv WHERE store = $store AND key = $key";
            c.Parameters.AddWithValue("$key", key);
            return c.ExecuteScalar() is not null;
        });

        public KeyPage List(string? cursor)
        {
            long after = 0;
            if (cursor is not null && (!long.TryParse(cursor, NumberStyles.None, CultureInfo.InvariantCulture, out after) || after < 0)) throw new KeyValueException($"`{cursor}` is not a cursor of this store");
            return Read(c =>
            {
                // Row ids do not change when a value is replaced, so a walk sees every key that stays once.
                c.CommandText = "SELECT id, key FROM kv WHERE store = $store AND id > $after ORDER BY id LIMIT $limit";
                c.Parameters.AddWithValue("$after", after);
                c.Parameters.AddWithValue("$limit", PageSize + 1);
                var keys = new List<string>();
                long last = 0;
                using SqliteDataReader r = c.ExecuteReader();
                while (r.Read())
                {
                    if (keys.Count == PageSize) return new KeyPage([.. keys], last.ToString(CultureInfo.InvariantCulture));
                    last = r.GetInt64(0);
                    keys.Add(r.GetString(1));
                }

                return new KeyPage([.. keys], null);
            });
        }

        public void Set(string key, ReadOnlySpan<byte> value)
        {
            byte[] copy = value.ToArray();
            Check(key, copy.Length);
            backend._writer.Do(t => Put(t, key, copy));
        }

        public void Delete(string key) => backend._writer.Do(t => Remove(t, key));

        public long Increment(string key, long delta, long min)
        {
            Check(key, 0);
            long sum = 0;
            backend._writer.Do(t =>
            {
                long before = 0;
                if (Current(t, key) is { } current && !long.TryParse(current.Bytes, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out before))
                {
                    throw new KeyValueException($"the value of `{key}` is not a number");
                }

                try
                {
                    sum = checked(before + delta);
                }
                catch (OverflowException)
                {
                    throw new KeyValueException($"the value of `{key}` would be more than 64 bits hold");
                }

                if (sum < min) throw new KeyValueException($"the value of `{key}` would be {sum}, and may not be less than {min}");

                Put(t, key, System.Text.Encoding.ASCII.GetBytes(sum.ToString(CultureInfo.InvariantCulture)));
            });
            return sum;
        }

        public bool CompareAndSwap(string key, long? version, ReadOnlySpan<byte> value)
        {
            byte[] copy = value.ToArray();
            Check(key, copy.Length);
            bool swapped = false;
            backend._writer.Do(t =>
            {
                swapped = Current(t, key)?.Version == version;
                if (swapped) Put(t, key, copy);
            });
            return swapped;
        }

        public void SetMany(IReadOnlyList<KeyValuePair<string, ReadOnlyMemory<byte>>> pairs)
        {
            foreach ((string key, ReadOnlyMemory<byte> value) in pairs) Check(key, value.Length);
            backend._writer.Do(t =>
            {
                foreach ((string key, ReadOnlyMemory<byte> value) in pairs) Put(t, key, value.ToArray());
            });
        }

        public void DeleteMany(IReadOnlyList<string> keys) => backend._writer.Do(t =>
        {
            foreach (string key in keys) Remove(t, key);
        });

        private static void Check(string key, int valueLength)
        {
            if (key.Length > MaxKey) throw new KeyValueException($"a key has at most {MaxKey} characters, this one has {key.Length}");
            if (valueLength > MaxValue) throw new KeyValueException($"a value has at most {MaxValue} bytes, this one has {valueLength}");
        }

        private void Put(SqliteTransaction t, string key, byte[] value)
        {
            // The first version is random: a key that was deleted and set again must not look as if nothing had happened.
            using SqliteCommand c = Command(t, "INSERT INTO kv (store, key, value, version) VALUES ($store, $key, $value, abs(random() / 2)) ON CONFLICT (store, key) DO UPDATE SET value = excluded.value, version = version + 1");
            c.Parameters.AddWithValue("$key", key);
            c.Parameters.AddWithValue("$value", value);
            c.ExecuteNonQuery();
        }

        private void Remove(SqliteTransaction t, string key)
        {
            using SqliteCommand c = Command(t, "DELETE FROM kv WHERE store = $store AND key = $key");
            c.Parameters.AddWithValue("$key", key);
            c.ExecuteNonQuery();
        }

        private VersionedValue? Current(SqliteTransaction t, string key)
        {
            using SqliteCommand c = Command(t, "SELECT value, version FROM kv WHERE store = $store AND key = $key");
            c.Parameters.AddWithValue("$key", key);
            using SqliteDataReader r = c.ExecuteReader();
            return r.Read() ? new VersionedValue(r.GetFieldValue<byte[]>(0), r.GetInt64(1)) : null;
        }

        private SqliteCommand Command(SqliteTransaction t, string text)
        {
            SqliteCommand c = t.Connection!.CreateCommand();
            c.Transaction = t;
            c.CommandText = text;
            c.Parameters.AddWithValue("$store", name);
            return c;
        }

        private T Read<T>(Func<SqliteCommand, T> read)
        {
            try
            {
                using var connection = new SqliteConnection(backend._connection);
                connection.Open();
                using SqliteCommand c = connection.CreateCommand();
                c.Parameters.AddWithValue("$store", name);
                return read(c);
            }
            catch (SqliteException e)
            {
                throw new KeyValueException($"reading '{backend.Path}' failed: {e.Message}", e);
            }
        }
    }
}
