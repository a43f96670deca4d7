// What every key-value backend must do. A backend is tested by a class that derives from this.
using System.Globalization;
using System.Text;
using Mote.Capabilities.KeyValue;

namespace Mote.Capabilities.Tests;

public abstract class KeyValueContract : IDisposable
{
    private readonly Lock _opening = new();
    private IKeyValueBackend? _backend;

    /// <summary>Opens the backend; another time: opens what it kept.</summary>
    protected abstract IKeyValueBackend Open();

    /// <summary>False where a backend forgets everything when it is closed.</summary>
    protected virtual bool Persists => true;

    /// <summary>Whether several keys are set in one transaction.</summary>
    protected virtual bool SetsManyWhole => true;

    /// <summary>Opened when it is first asked for, which in some tests many threads do at once.</summary>
    private protected IKeyValueBackend Backend
    {
        get
        {
            lock (_opening) return _backend ??= Open();
        }
    }

    private protected IKeyValueStore Store => Backend.Open("app", "default");

    private void Reopen()
    {
        (_backend as IDisposable)?.Dispose();
        _backend = null;
    }

    public virtual void Dispose()
    {
        (_backend as IDisposable)?.Dispose();
        GC.SuppressFinalize(this);
    }

    private static string? Text(VersionedValue? value) => value is { } v ? Encoding.UTF8.GetString(v.Bytes) : null;

    private static string[] Walk(IKeyValueStore store)
    {
        var keys = new List<string>();
        string? cursor = null;
        do
        {
            KeyPage page = store.List(cursor);
            keys.AddRange(page.Keys);
            cursor = page.Cursor;
        }
        while (cursor is not null);
        return [.. keys.Order(StringComparer.Ordinal)];
    }

    /// <summary>Keys that something might take for something else.</summary>
    public static TheoryData<string> OddKeys => new(
        "", " ", "\0", "a\0b", "a\0", "'; DROP TABLE kv; --", "%", "_", "*", "a/b/../c", "\"", "\\", "\n", "ключ", "🔑", "e\u0301", "\u00e9", "A", "a", "NULL", "0", "\uffff", new string('k', 4096));

    [Theory]
    [MemberData(nameof(OddKeys))]
    public void Key_OfAnyText_IsItself(string key)
    {
        Store.Set("witness", "unharmed"u8);
        Assert.Null(Store.Get(key));
        Assert.False(Store.Exists(key));
        Store.Set(key, Encoding.UTF8.GetBytes($"value of {key}"));
        Assert.Equal($"value of {key}", Text(Store.Get(key)));
        Assert.True(Store.Exists(key));
        Assert.Equal(new[] { key, "witness" }.Order(StringComparer.Ordinal), Walk(Store));
        Store.Delete(key);
        Assert.Null(Store.Get(key));
        Assert.Equal("unharmed", Text(Store.Get("witness")));
    }

    [Fact]
    public void Keys_ThatLookAlike_AreDifferent()
    {
        string[] keys = ["a", "A", "a ", "a\0", "\u00e9", "e\u0301", ""];
        foreach (string key in keys) Store.Set(key, Encoding.UTF8.GetBytes(key));
        Assert.All(keys, k => Assert.Equal(k, Text(Store.Get(k))));
        Assert.Equal(keys.Order(StringComparer.Ordinal), Walk(Store));
    }

    [Fact]
    public void Key_TooLong_IsAnError()
    {
        string key = new('k', 4097);
        Assert.Throws<KeyValueException>(() => Store.Set(key, "x"u8));
        Assert.Throws<KeyValueException>(() => Store.Increment(key, 1));
        Assert.Throws<KeyValueException>(() => Store.CompareAndSwap(key, null, "x"u8));
        Assert.Throws<KeyValueException>(() => Store.SetMany([new("ok", "x"u8.ToArray()), new(key, "x"u8.ToArray())]));
        Assert.Empty(Walk(Store));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(65_536)]
    [InlineData(16 << 20)]
    public void Value_UpToItsLimit_IsKeptWhole(int length)
    {
        byte[] value = new byte[length];
        new System.Random(length).NextBytes(value);
        Store.Set("k", value);
        Assert.Equal(value, Store.Get("k")!.Value.Bytes);
        Reopen();
        if (Persists) Assert.Equal(value, Store.Get("k")!.Value.Bytes);
    }

    [Fact]
    public void Value_BeyondItsLimit_IsAnErrorAndTheOldOneStays()
    {
        Store.Set("k", "old"u8);
        byte[] value = new byte[(16 << 20) + 1];
        Assert.Throws<KeyValueException>(() => Store.Set("k", value));
        Assert.Throws<KeyValueException>(() => Store.CompareAndSwap("k", Store.Get("k")!.Value.Version, value));
        Assert.Throws<KeyValueException>(() => Store.SetMany([new("k", "new"u8.ToArray()), new("big", value)]));
        Assert.Equal("old", Text(Store.Get("k")));
        Assert.Equal(["k"], Walk(Store));
    }

    [Fact]
    public void Value_GivenAway_CannotBeChangedFromOutside()
    {
        byte[] mine = [1, 2, 3];
        Store.Set("k", mine);
        mine[0] = 9;
        Assert.Equal([1, 2, 3], Store.Get("k")!.Value.Bytes);
    }

    [Fact]
    public void Reopen_EverythingIsThere()
    {
        Assert.SkipUnless(Persists, "in memory only");
        Store.Set("a", "1"u8);
        Store.Increment("n", 41);
        Store.SetMany([new("b", "2"u8.ToArray()), new("c", "3"u8.ToArray())]);
        Store.Delete("b");
        Backend.Open("app", "other").Set("a", "other"u8);
        long version = Store.Get("a")!.Value.Version;
        Reopen();
        Assert.Equal(["a", "c", "n"], Walk(Store));
        Assert.Equal(42, Store.Increment("n", 1));
        Assert.Equal("other", Text(Backend.Open("app", "other").Get("a")));
        Assert.True(Store.CompareAndSwap("a", version, "swapped"u8));
    }

    [Fact]
    public void Stores_AreApart()
    {
        Store.Set("k", "app/default"u8);
        foreach ((string app, string name) in ((string, string)[])[("app", "other"), ("other", "default"), ("app", "Default"), ("app", ""), ("app", "default/"), ("app", "/default"), ("app", "%64efault"), ("app", "default}:values"), ("ap", "p/default"), ("app-default", "x"), ("app", "x\0y"), ("app", "é")])
        {
            Assert.Null(Backend.Open(app, name).Get("k"));
            Backend.Open(app, name).Set("k", Encoding.UTF8.GetBytes($"{app}/{name}"));
        }

        Assert.Equal("app/default", Text(Store.Get("k")));
        Backend.Open("app", "other").Delete("k");
        Assert.Equal("app/default", Text(Store.Get("k")));
    }

    [Fact]
    public void Apps_SeeNoKeysOfOthers_WhateverTheyDo()
    {
        IKeyValueStore other = Backend.Open("other", "default");
        Store.SetMany([new("a", "1"u8.ToArray()), new("n", "5"u8.ToArray())]);
        long version = Store.Get("a")!.Value.Version;
        Assert.Empty(Walk(other));
        Assert.False(other.Exists("a"));
        Assert.Equal(1, other.Increment("n", 1));
        Assert.False(other.CompareAndSwap("a", version, "stolen"u8));
        Assert.True(other.CompareAndSwap("a", null, "own"u8));
        other.DeleteMany(["a", "n"]);
        Assert.Equal(("1", "5"), (Text(Store.Get("a")), Text(Store.Get("n"))));
        Assert.Equal(version, Store.Get("a")!.Value.Version);
    }

    [Fact]
    public void ManyKeysAtOnce_AreSetAndTakenOut_AndNoneIsNoError()
    {
        Store.SetMany([]);
        Store.DeleteMany([]);
        Store.SetMany([new("twice", "first"u8.ToArray()), new("twice", "last"u8.ToArray()), new("once", default)]);
        Assert.Equal(("last", ""), (Text(Store.Get("twice")), Text(Store.Get("once"))));
        Store.DeleteMany(["twice", "never there", "twice"]);
        Assert.Equal(["once"], Walk(Store));
    }

    [Fact]
    public void ManyKeysAtOnce_WhileAnotherReads_AreNeverSeenHalf_WhereTheyAreATransaction()
    {
        KeyValuePair<string, ReadOnlyMemory<byte>>[] Pair(int i) => [new("left", Encoding.UTF8.GetBytes($"{i}")), new("right", Encoding.UTF8.GetBytes($"{i}"))];
        Store.SetMany(Pair(0));
        using var end = new CancellationTokenSource();
        string? torn = null;
        // Versions of one write are told apart from those of another by their order: what is read twice the same was not written between.
        var reader = new Thread(() =>
        {
            while (!end.IsCancellationRequested && torn is null)
            {
                VersionedValue before = Store.Get("left")!.Value, right = Store.Get("right")!.Value, after = Store.Get("left")!.Value;
                if (before.Version == after.Version && Text(before) != Text(right)) torn = $"{Text(before)} and {Text(right)}";
            }
        });
        reader.Start();
        for (int i = 1; i < 200; i++) Store.SetMany(Pair(i));
        end.Cancel();
        reader.Join();
        if (SetsManyWhole) Assert.Null(torn);
        Assert.Equal(("199", "199"), (Text(Store.Get("left")), Text(Store.Get("right"))));
    }

    [Fact]
    public void Increment_AndSetAndDelete_ChangeTheVersion()
    {
        Store.Increment("n", 1);
        long first = Store.Get("n")!.Value.Version;
        Store.Increment("n", 0);
        long second = Store.Get("n")!.Value.Version;
        Assert.NotEqual(first, second);
        Assert.False(Store.CompareAndSwap("n", first, "9"u8));
        Assert.Throws<KeyValueException>(() => Store.Increment("n", -5, min: 0));
        Assert.Equal((second, "1"), (Store.Get("n")!.Value.Version, Text(Store.Get("n")))); // what was refused changed nothing
        Assert.Throws<KeyValueException>(() => Store.Increment("new", -1, min: 0));
        Assert.False(Store.Exists("new"));
        Assert.True(Store.CompareAndSwap("n", second, "9"u8));
        Assert.Equal(10, Store.Increment("n", 1));
    }

    [Fact]
    public void List_ManyKeys_GivesEachOnceAndPagesThatEnd()
    {
        string[] keys = [.. Enumerable.Range(0, 2500).Select(i => $"k{i:0000}")];
        Store.SetMany([.. keys.Select(k => new KeyValuePair<string, ReadOnlyMemory<byte>>(k, "v"u8.ToArray()))]);
        Assert.Equal(keys, Walk(Store));
        KeyPage first = Store.List(null);
        Assert.NotNull(first.Cursor);
        Assert.InRange(first.Keys.Length, 1, 2499);
        // A walk is of its own store, also where another has keys between.
        Assert.Empty(Walk(Backend.Open("app", "other")));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(999)]
    [InlineData(1000)]
    [InlineData(1001)]
    [InlineData(2000)]
    public void List_AtTheEdgesOfPages_IsExact(int count)
    {
        Store.SetMany([.. Enumerable.Range(0, count).Select(i => new KeyValuePair<string, ReadOnlyMemory<byte>>($"{i}", default))]);
        Assert.Equal(count, Walk(Store).Distinct().Count());
        Assert.Equal(count, Walk(Store).Length);
    }

    [Fact]
    public void List_WhileKeysComeAndGo_GivesEveryKeyThatStays()
    {
        Store.SetMany([.. Enumerable.Range(0, 1500).Select(i => new KeyValuePair<string, ReadOnlyMemory<byte>>($"stays{i}", default))]);
        Store.SetMany([.. Enumerable.Range(0, 500).Select(i => new KeyValuePair<string, ReadOnlyMemory<byte>>($"goes{i}", default))]);
        KeyPage first = Store.List(null);
        Store.DeleteMany([.. Enumerable.Range(0, 500).Select(i => $"goes{i}")]);
        for (int i = 0; i < 1500; i += 10) Store.Set($"stays{i}", "changed"u8);
        for (int i = 0; i < 100; i++) Store.Set($"new{i}", default);
        var seen = new List<string>(first.Keys);
        for (string? cursor = first.Cursor; cursor is not null;)
        {
            KeyPage page = Store.List(cursor);
            seen.AddRange(page.Keys);
            cursor = page.Cursor;
        }

        Assert.Equal(1500, seen.Count(k => k.StartsWith("stays", StringComparison.Ordinal)));
        Assert.Equal(seen.Count, seen.Distinct().Count());
    }

    [Theory]
    [InlineData("")]
    [InlineData("-1")]
    [InlineData("x")]
    [InlineData("99999999999999999999999")]
    [InlineData("1; DROP TABLE kv")]
    public void List_WithWhatIsNoCursor_IsAnError(string cursor) => Assert.Throws<KeyValueException>(() => Store.List(cursor));

    [Fact]
    public void Increment_CountsAndRefusesWhatDoesNotFit()
    {
        Assert.Equal(5, Store.Increment("n", 5));
        Assert.Equal(-2, Store.Increment("n", -7));
        Assert.Equal("-2", Text(Store.Get("n")));
        Assert.Equal(long.MaxValue - 2, Store.Increment("n", long.MaxValue));
        Assert.Throws<KeyValueException>(() => Store.Increment("n", 3));
        Assert.Equal(long.MaxValue, Store.Increment("n", 2));
        Store.Set("n", "-9223372036854775808"u8);
        Assert.Throws<KeyValueException>(() => Store.Increment("n", -1));
        Assert.Throws<KeyValueException>(() => Store.Increment("n", 1, min: 0));
        Assert.Equal(long.MinValue, Store.Increment("n", 0));
        foreach (string odd in (string[])["", " 1", "1 ", "1.0", "0x1", "many", "9223372036854775808"])
        {
            Store.Set("n", Encoding.UTF8.GetBytes(odd));
            Assert.Throws<KeyValueException>(() => Store.Increment("n", 1));
            Assert.Equal(odd, Text(Store.Get("n")));
        }
    }

    [Fact]
    public void Increment_FromManyThreads_LosesNone()
    {
        const int Threads = 8, Each = 100;
        Parallel.For(0, Threads, new ParallelOptions { MaxDegreeOfParallelism = Threads }, _ =>
        {
            for (int i = 0; i < Each; i++) Store.Increment("n", 1);
        });
        Assert.Equal(Threads * Each, Store.Increment("n", 0));
    }

    [Fact]
    public void CompareAndSwap_FromManyThreads_LosesNone()
    {
        const int Threads = 4, Each = 50;
        Parallel.For(0, Threads, new ParallelOptions { MaxDegreeOfParallelism = Threads }, _ =>
        {
            for (int i = 0; i < Each;)
            {
                VersionedValue? current = Store.Get("n");
                int n = int.Parse(Text(current) ?? "0", CultureInfo.InvariantCulture);
                if (Store.CompareAndSwap("n", current?.Version, Encoding.UTF8.GetBytes($"{n + 1}"))) i++;
            }
        });
        Assert.Equal($"{Threads * Each}", Text(Store.Get("n")));
    }

    [Fact]
    public void CompareAndSwap_OfAKeyThatIsNotThere_MakesItOnce()
    {
        Assert.True(Store.CompareAndSwap("k", null, "a"u8));
        Assert.False(Store.CompareAndSwap("k", null, "b"u8));
        Assert.Equal("a", Text(Store.Get("k")));
        long version = Store.Get("k")!.Value.Version;
        Store.Delete("k");
        Assert.False(Store.CompareAndSwap("k", version, "c"u8));
        Assert.Null(Store.Get("k"));
    }

    [Fact]
    public void CompareAndSwap_AfterTheSameValueWasSetAgain_Fails()
    {
        Store.Set("k", "a"u8);
        long version = Store.Get("k")!.Value.Version;
        Store.Set("k", "b"u8);
        Store.Set("k", "a"u8);
        Assert.False(Store.CompareAndSwap("k", version, "c"u8));
    }

    [Fact]
    public void CompareAndSwap_AfterTheKeyWasDeletedAndSetAgain_Fails()
    {
        for (int i = 0; i < 20; i++)
        {
            Store.Set("k", "a"u8);
            long version = Store.Get("k")!.Value.Version;
            Store.Delete("k");
            Store.Set("k", "b"u8);
            Assert.False(Store.CompareAndSwap("k", version, "c"u8));
            Assert.Equal("b", Text(Store.Get("k")));
            Store.Delete("k");
        }
    }

    [Fact]
    public void RandomOperations_LeaveWhatAModelLeaves()
    {
        int seed = Seeds.Of(1);
        var random = new System.Random(seed);
        IKeyValueStore model = new MemoryKeyValue().Open("app", "default");
        string[] keys = ["a", "b", "c", "", "é", "\0"];
        string Key() => keys[random.Next(keys.Length)];
        for (int i = 0; i < Seeds.Times(400, 20_000); i++)
        {
            string key = Key(), value = random.Next(3) == 0 ? "x" : $"{random.Next(100)}";
            byte[] bytes = Encoding.UTF8.GetBytes(value);
            KeyValuePair<string, ReadOnlyMemory<byte>>[] pairs = [.. Enumerable.Range(0, random.Next(4)).Select(_ => new KeyValuePair<string, ReadOnlyMemory<byte>>(Key(), Encoding.UTF8.GetBytes($"{random.Next(9)}")))];
            int delta = random.Next(-5, 6);
            bool stale = random.Next(2) == 0;
            Func<IKeyValueStore, string> step = random.Next(8) switch
            {
                0 or 1 => s => Do(() => s.Set(key, bytes)),
                2 => s => Do(() => s.Delete(key)),
                3 => s => Try(() => $"{s.Increment(key, delta)}"),
                4 => s => $"{s.CompareAndSwap(key, stale ? -1 : s.Get(key)?.Version, bytes)}",
                5 => s => Do(() => s.SetMany(pairs)),
                6 => s => Do(() => s.DeleteMany([.. pairs.Select(p => p.Key)])),
                _ => s => $"{Text(s.Get(key))} {s.Exists(key)}",
            };
            Assert.True(step(model) == step(Store), $"MOTE_SEED={seed}: step {i}");
            string all = Show(model), ours = Show(Store);
            Assert.True(all == ours, $"MOTE_SEED={seed}: step {i} left {ours}, the model {all}");
        }

        static string Do(Action action)
        {
            action();
            return "";
        }

        static string Try(Func<string> action)
        {
            try
            {
                return action();
            }
            catch (KeyValueException)
            {
                return "error";
            }
        }

        static string Show(IKeyValueStore store) => string.Join(" ", Walk(store).Select(k => $"{k}={Text(store.Get(k))}"));
    }
}

/// <summary>The model keeps the contract that it is used to check.</summary>
public sealed class MemoryKeyValueTests : KeyValueContract
{
    protected override bool Persists => false;

    protected override IKeyValueBackend Open() => new MemoryKeyValue();
}
