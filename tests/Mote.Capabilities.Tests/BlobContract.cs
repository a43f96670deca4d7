// What every blob backend must do. A backend is tested by a class that derives from this.
using System.Text;
using Mote.Capabilities.Blobstore;

namespace Mote.Capabilities.Tests;

public abstract class BlobContract : IDisposable
{
    private const long Much = 1L << 40;
    private readonly Lock _opening = new();
    private IBlobBackend? _backend;

    /// <summary>Opens the backend; another time: opens what it kept.</summary>
    protected abstract IBlobBackend Open();

    /// <summary>Opened when it is first asked for, which in some tests many threads do at once.</summary>
    private protected IBlobBackend Backend
    {
        get
        {
            lock (_opening) return _backend ??= Open();
        }
    }

    private protected IBlobStore Store => Backend.Open("app");

    private protected void Reopen()
    {
        (_backend as IDisposable)?.Dispose();
        _backend = null;
    }

    public virtual void Dispose()
    {
        (_backend as IDisposable)?.Dispose();
        GC.SuppressFinalize(this);
    }

    private protected static void Put(IBlobStore store, string container, string name, ReadOnlySpan<byte> bytes, long most = Much)
    {
        using IBlobWriter writer = store.Write(Much);
        writer.Write(bytes);
        writer.Commit([new BlobId(container, name)], most);
    }

    private protected static byte[]? Get(IBlobStore store, string container, string name)
    {
        using IBlobReader? reader = store.Read(new BlobId(container, name));
        if (reader is null) return null;
        var all = new byte[reader.Length];
        int at = 0;
        for (int n; (n = reader.Read(all.AsSpan(at), at)) > 0;) at += n;
        return all[..at];
    }

    private protected static string? Text(IBlobStore store, string container, string name) => Get(store, container, name) is { } bytes ? Encoding.UTF8.GetString(bytes) : null;

    private protected static string[] Names(IBlobStore store, string container, int step = 100)
    {
        using IBlobNames names = store.List(container);
        var all = new List<string>();
        while (true)
        {
            IReadOnlyList<string> some = names.Next(step);
            all.AddRange(some);
            if (some.Count < step) return [.. all.Order(StringComparer.Ordinal)];
        }
    }

    /// <summary>Names that something might take for a path, a file, or something else.</summary>
    public static TheoryData<string> OddNames => new(
        "", ".", "..", "/", "//", "../x", "../../../../etc/passwd", "a/../../b", "/etc/passwd", "a/b/c.txt", ".hidden", "a\0b", "\0", "con", "a\\b", "..\\x", "~", "~name", "x~name", "%2e%2e", "%", "%zz", "a%00", " ", "\n", "*", "?", "\"", "-rf", "ключ/фото.jpg", "🔑", "e\u0301", "\u00e9", new string('a', 200), new string('a', 201), new string('/', 250), new string('n', 4096));

    [Theory]
    [MemberData(nameof(OddNames))]
    public void Object_OfAnyName_IsItself(string name)
    {
        Store.Create("c");
        Put(Store, "c", "witness", "unharmed"u8);
        Assert.Null(Store.Find(new("c", name)));
        Put(Store, "c", name, Encoding.UTF8.GetBytes($"of {name}"));
        Assert.Equal($"of {name}", Text(Store, "c", name));
        Assert.Equal(new[] { name, "witness" }.Order(StringComparer.Ordinal), Names(Store, "c"));
        Store.Move(new("c", name), new("c", "moved"), Much);
        Store.Copy(new("c", "moved"), new("c", name), Much);
        Assert.Equal($"of {name}", Text(Store, "c", name));
        Store.Remove("c", [name, name, "moved"]);
        Assert.Null(Store.Read(new("c", name)));
        Assert.Equal(["witness"], Names(Store, "c"));
        Assert.Equal("unharmed", Text(Store, "c", "witness"));
    }

    [Theory]
    [InlineData("..")]
    [InlineData("../other")]
    [InlineData("/")]
    [InlineData("a/b")]
    [InlineData("")]
    [InlineData(".")]
    [InlineData("é")]
    public void Container_OfAnyName_IsItself(string name)
    {
        Store.Create("witness");
        Store.Create(name);
        Put(Store, name, "o", "1"u8);
        Assert.Null(Store.Find(new("witness", "o")));
        Assert.NotNull(Store.Container(name));
        Store.Delete(name);
        Assert.Null(Store.Container(name));
        Assert.NotNull(Store.Container("witness"));
    }

    [Fact]
    public void Name_ThatIsTooLong_IsAnError()
    {
        Store.Create("c");
        Assert.Throws<BlobException>(() => Put(Store, "c", new string('n', 4097), "x"u8));
        Assert.Throws<BlobException>(() => Store.Find(new("c", new string('n', 4097))));
    }

    [Fact]
    public void Containers_ComeAndGo()
    {
        Assert.Null(Store.Container("c"));
        Assert.Throws<BlobException>(() => Store.List("c"));
        Assert.Throws<BlobException>(() => Put(Store, "c", "o", "x"u8));
        Store.Delete("c"); // none is no error
        DateTimeOffset before = DateTimeOffset.UtcNow.AddSeconds(-5);
        Store.Create("c");
        Assert.InRange(Store.Container("c")!.Value, before, DateTimeOffset.UtcNow.AddSeconds(5));
        Assert.Throws<BlobException>(() => Store.Create("c"));
        Put(Store, "c", "o", "x"u8);
        Store.Delete("c");
        Assert.Null(Store.Container("c"));
        Store.Create("c");
        Assert.Empty(Names(Store, "c"));
    }

    [Fact]
    public void Apps_DoNotSeeEachOthersContainers()
    {
        IBlobStore other = Backend.Open("other");
        Store.Create("c");
        Put(Store, "c", "o", "mine"u8);
        Assert.Null(other.Container("c"));
        other.Create("c");
        Assert.Null(other.Find(new("c", "o")));
        Put(other, "c", "o", "theirs"u8);
        other.Delete("c");
        Assert.Equal("mine", Text(Store, "c", "o"));
    }

    [Fact]
    public void Objects_AreThereAfterReopen_AndWhatWasNotFinishedIsNot()
    {
        Store.Create("c");
        Put(Store, "c", "o", "kept"u8);
        Put(Store, "c", new string('n', 1000), "long"u8);
        IBlobWriter unfinished = Store.Write(Much);
        unfinished.Write("half"u8);
        Reopen();
        Assert.Equal([new string('n', 1000), "o"], Names(Store, "c"));
        Assert.Equal("kept", Text(Store, "c", "o"));
        Put(Store, "c", "o", "again"u8);
        unfinished.Dispose();
        Assert.Equal("again", Text(Store, "c", "o"));
    }

    [Fact]
    public void Object_ThatIsRead_StaysAsItWas()
    {
        Store.Create("c");
        Put(Store, "c", "o", new byte[100_000]);
        using IBlobReader reader = Store.Read(new("c", "o"))!;
        Put(Store, "c", "o", "new"u8);
        Store.Remove("c", ["o"]);
        Store.Delete("c");
        var buffer = new byte[100_000];
        int at = 0;
        for (int n; (n = reader.Read(buffer.AsSpan(at), at)) > 0;) at += n;
        Assert.Equal((100_000, 100_000), (at, reader.Length));
        Assert.All(buffer, b => Assert.Equal(0, b));
    }

    [Fact]
    public void Object_ThatIsReplaced_IsOldOrNewToEveryReader_NeverHalf()
    {
        Store.Create("c");
        byte[] Whole(int i) => [.. Enumerable.Repeat((byte)i, 20_000 + (i * 100))];
        Put(Store, "c", "o", Whole(0));
        using var end = new CancellationTokenSource();
        string? torn = null;
        var reader = new Thread(() =>
        {
            while (!end.IsCancellationRequested && torn is null)
            {
                byte[] all = Get(Store, "c", "o")!;
                if (all.Length != 20_000 + (all[0] * 100) || all.Any(b => b != all[0])) torn = $"{all.Length} bytes, of {all[0]} first";
            }
        });
        reader.Start();
        for (int i = 1; i < 60; i++) Put(Store, "c", "o", Whole(i));
        end.Cancel();
        reader.Join();
        Assert.Null(torn);
    }

    [Fact]
    public void Limit_OfAContainer_IsOfAllInIt_AndWhatIsReplacedCountsOnce()
    {
        const long Limit = 20_000;
        Store.Create("c");
        Store.Create("d");
        Put(Store, "c", "a", new byte[8000], Limit);
        BlobException e = Assert.Throws<BlobException>(() => Put(Store, "c", "b", new byte[12_000], Limit));
        Assert.Contains("20000", e.Message, StringComparison.Ordinal);
        Assert.Null(Store.Find(new("c", "b")));
        Put(Store, "c", "a", new byte[15_000], Limit); // in place of itself
        Put(Store, "d", "a", new byte[15_000], Limit); // another container
        Assert.Throws<BlobException>(() => Store.Copy(new("c", "a"), new("c", "b"), Limit));
        Store.Move(new("c", "a"), new("c", "b"), Limit);
        Assert.Throws<BlobException>(() => Put(Store, "c", "a", new byte[8000], Limit));
        Assert.Throws<BlobException>(() =>
        {
            Put(Store, "d", "x", new byte[8000], Much);
            Store.Move(new("d", "x"), new("c", "x"), Limit);
        });
        Assert.NotNull(Store.Find(new("d", "x"))); // where it was
        Store.Remove("c", ["b"]);
        Put(Store, "c", "a", new byte[15_000], Limit);
        Store.Clear("c");
        Put(Store, "c", "z", new byte[15_000], Limit);
        Reopen();
        Assert.Throws<BlobException>(() => Put(Store, "c", "a", new byte[8000], Limit));
    }

    [Fact]
    public void EmptyObjects_CountToo()
    {
        Store.Create("c");
        int n = 0;
        Assert.Throws<BlobException>(() =>
        {
            for (; n < 1000; n++) Put(Store, "c", $"{n}", default, 50_000);
        });
        Assert.InRange(n, 10, 200);
    }

    [Fact]
    public void Values_ThatAreNotFinished_ShareOneBound_AndGiveItBack()
    {
        using IBlobWriter one = Store.Write(10_000), two = Store.Write(10_000);
        one.Write(new byte[6000]);
        Assert.Throws<BlobException>(() => two.Write(new byte[6000]));
        two.Write(new byte[4000]);
        one.Dispose();
        two.Write(new byte[6000]);
        Assert.Throws<BlobException>(() => two.Write(new byte[1]));
    }

    [Fact]
    public void OneValue_BecomesSeveralObjects()
    {
        Store.Create("c");
        Store.Create("d");
        using (IBlobWriter writer = Store.Write(Much))
        {
            writer.Write("some"u8);
            writer.Write("thing"u8);
            writer.Commit([new("c", "1"), new("d", "2"), new("c", "3")], Much);
        }

        Assert.Equal(("something", "something", "something"), (Text(Store, "c", "1"), Text(Store, "d", "2"), Text(Store, "c", "3")));
    }

    [Fact]
    public void CopyAndMove_ReplaceTheirTarget_AndSayWhatIsMissing()
    {
        Store.Create("c");
        Store.Create("d");
        Put(Store, "c", "o", "one"u8);
        Put(Store, "d", "o", "old"u8);
        Store.Copy(new("c", "o"), new("d", "o"), Much);
        Assert.Equal(("one", "one"), (Text(Store, "c", "o"), Text(Store, "d", "o")));
        Store.Copy(new("c", "o"), new("c", "o"), Much);
        Store.Move(new("c", "o"), new("c", "o"), Much);
        Assert.Equal("one", Text(Store, "c", "o"));
        Put(Store, "c", "o", "two"u8);
        Store.Move(new("c", "o"), new("d", "o"), Much);
        Assert.Equal((null, "two"), (Text(Store, "c", "o"), Text(Store, "d", "o")));
        foreach (Action<BlobId, BlobId, long> action in (Action<BlobId, BlobId, long>[])[Store.Copy, Store.Move])
        {
            Assert.Contains("`none`", Assert.Throws<BlobException>(() => action(new("c", "none"), new("d", "x"), Much)).Message, StringComparison.Ordinal);
            Assert.Contains("`none`", Assert.Throws<BlobException>(() => action(new("c", "none"), new("c", "none"), Much)).Message, StringComparison.Ordinal);
            Assert.Throws<BlobException>(() => action(new("d", "o"), new("nowhere", "x"), Much));
            Assert.Throws<BlobException>(() => action(new("nowhere", "o"), new("d", "x"), Much));
        }

        Assert.Equal(["o"], Names(Store, "d"));
    }

    [Fact]
    public void Moves_AgainstEachOther_FromManyThreads_LoseNothing()
    {
        Store.Create("c");
        Store.Create("d");
        for (int i = 0; i < 8; i++) Put(Store, i % 2 == 0 ? "c" : "d", $"{i}", [(byte)i]);
        Parallel.For(0, 8, i =>
        {
            for (int n = 0; n < 40; n++)
            {
                (string from, string to) = (i + n) % 2 == 0 ? ("c", "d") : ("d", "c");
                Store.Move(new(from, $"{i}"), new(to, $"{i}"), Much);
            }
        });
        for (int i = 0; i < 8; i++) Assert.Equal([(byte)i], Get(Store, i % 2 == 0 ? "c" : "d", $"{i}")!);
    }

    [Fact]
    public void ManyObjects_AreAllListed_SomeAtATime()
    {
        Store.Create("c");
        string[] names = [.. Enumerable.Range(0, 300).Select(i => $"folder/{i:000}")];
        foreach (string name in names) Put(Store, "c", name, "x"u8);
        Assert.Equal(names, Names(Store, "c", 7));
        Assert.Equal(names, Names(Store, "c", 300));
        Assert.Equal(names, Names(Store, "c", 301));
        Store.Clear("c");
        Assert.Empty(Names(Store, "c"));
    }
}
