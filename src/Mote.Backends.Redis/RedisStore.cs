// One store on a Redis server. Its keys are fields of hashes and not keys of Redis: a walk over one store then does not
// pass over all others, and nothing that an app can name is outside of its own.
using System.Globalization;
using System.Text;
using Mote.Capabilities.KeyValue;
using StackExchange.Redis;

namespace Mote.Backends.Redis;

internal sealed class RedisStore : IKeyValueStore
{
    private const int MaxKey = 4096;
    private const int MaxValue = 16 << 20;
    private const int PageSize = 1000;

    private readonly RedisKeyValue _backend;

    /// <summary>Values by key; versions by key; keys by the number they came in under; the last number. One slot of a cluster.</summary>
    private readonly RedisKey[] _keys;

    public RedisStore(RedisKeyValue backend, string app, string name)
    {
        _backend = backend;
        string prefix = $"mote:{{{Escape(app)}/{Escape(name)}}}:";
        _keys = [prefix + "values", prefix + "versions", prefix + "order", prefix + "last"];
    }

    public VersionedValue? Get(string key) => Run<VersionedValue?>(Scripts.Get, [key], r =>
    {
        RedisResult[] pair = (RedisResult[])r!;
        return pair[0].IsNull ? null : new VersionedValue((byte[])pair[0]!, (long)pair[1]);
    });

    public bool Exists(string key) => Try(db => db.HashExists(_keys[0], key));

    public KeyPage List(string? cursor)
    {
        long after = 0;
        if (cursor is not null && (!long.TryParse(cursor, NumberStyles.None, CultureInfo.InvariantCulture, out after) || after < 0)) throw new KeyValueException($"`{cursor}` is not a cursor of this store");
        // Numbers do not change when a value is replaced, so a walk sees every key that stays once.
        SortedSetEntry[] found = Try(db => db.SortedSetRangeByScoreWithScores(_keys[2], after, double.PositiveInfinity, Exclude.Start, Order.Ascending, 0, PageSize + 1));
        bool more = found.Length > PageSize;
        string[] keys = [.. found.Take(PageSize).Select(e => (string)e.Element!)];
        return new KeyPage(keys, more ? ((long)found[PageSize - 1].Score).ToString(CultureInfo.InvariantCulture) : null);
    }

    public void Set(string key, ReadOnlySpan<byte> value)
    {
        Check(key, value.Length);
        Run(Scripts.Put, [key, value.ToArray()], static _ => true);
    }

    public void Delete(string key) => DeleteMany([key]);

    public long Increment(string key, long delta, long min)
    {
        Check(key, 0);
        return Run(Scripts.Increment, [key, delta, min], r => (string)r! is { } text && text[0] == '='
            ? long.Parse(text.AsSpan(1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture)
            : throw new KeyValueException((string)r! switch
            {
                "overflow" => $"the value of `{key}` would be more than 64 bits hold",
                "number" => $"the value of `{key}` is not a number",
                { } sum => $"the value of `{key}` would be {sum}, and may not be less than {min}",
            }));
    }

    public bool CompareAndSwap(string key, long? version, ReadOnlySpan<byte> value)
    {
        Check(key, value.Length);
        return Run(Scripts.Swap, [key, value.ToArray(), version?.ToString(CultureInfo.InvariantCulture) ?? ""], static r => (int)r == 1);
    }

    public void SetMany(IReadOnlyList<KeyValuePair<string, ReadOnlyMemory<byte>>> pairs)
    {
        if (pairs.Count == 0) return;
        var arguments = new RedisValue[pairs.Count * 2];
        for (int i = 0; i < pairs.Count; i++)
        {
            Check(pairs[i].Key, pairs[i].Value.Length);
            (arguments[i * 2], arguments[(i * 2) + 1]) = (pairs[i].Key, pairs[i].Value);
        }

        Run(Scripts.Put, arguments, static _ => true);
    }

    public void DeleteMany(IReadOnlyList<string> keys)
    {
        if (keys.Count > 0) Run(Scripts.Delete, [.. keys.Select(k => (RedisValue)k)], static _ => true);
    }

    /// <summary>A name of an app or a store as a part of a key of Redis: nothing in it ends that part, or is the braces of a cluster.</summary>
    private static string Escape(string name)
    {
        var text = new StringBuilder(name.Length);
        foreach (byte b in Encoding.UTF8.GetBytes(name))
        {
            if (char.IsAsciiLetterOrDigit((char)b) || b is (byte)'-' or (byte)'_' or (byte)'.') text.Append((char)b);
            else text.Append(CultureInfo.InvariantCulture, $"%{b:X2}");
        }

        return text.ToString();
    }

    private static void Check(string key, int valueLength)
    {
        if (key.Length > MaxKey) throw new KeyValueException($"a key has at most {MaxKey} characters, this one has {key.Length}");
        if (valueLength > MaxValue) throw new KeyValueException($"a value has at most {MaxValue} bytes, this one has {valueLength}");
    }

    private T Run<T>(string script, RedisValue[] arguments, Func<RedisResult, T> read) => Try(db => read(db.ScriptEvaluate(script, _keys, arguments)));

    private T Try<T>(Func<IDatabase, T> action)
    {
        IDatabase database = _backend.Database();
        try
        {
            return action(database);
        }
        catch (Exception e) when (e is RedisException or TimeoutException or ObjectDisposedException or System.Net.Sockets.SocketException or IOException)
        {
            throw _backend.Fault(e);
        }
    }
}
