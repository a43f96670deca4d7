// The Redis backend: the contract against a real server, and what is its own: a server that goes, comes, hangs, refuses.
using System.Diagnostics;
using System.Text;
using Mote.Backends.Redis;
using Mote.Capabilities.KeyValue;

namespace Mote.Capabilities.Tests;

public sealed class RedisKeyValueTests : KeyValueContract, IClassFixture<RedisServer>
{
    private readonly RedisServer _server;

    public RedisKeyValueTests(RedisServer server)
    {
        _server = server;
        server.Needed();
        Assert.Equal("+OK", server.Command("FLUSHALL"));
    }

    protected override IKeyValueBackend Open() => new RedisKeyValue(new RedisOptions(_server.Url));

    [Fact]
    public void TwoNodes_CountAndSwapTogether()
    {
        using var other = new RedisKeyValue(new RedisOptions(_server.Url));
        IKeyValueStore[] stores = [Store, other.Open("app", "default")];
        Parallel.For(0, 8, i =>
        {
            IKeyValueStore store = stores[i % 2];
            for (int n = 0; n < 100; n++) store.Increment("count", 1);
            for (int n = 0; n < 25;)
            {
                VersionedValue? current = store.Get("swapped");
                long next = current is { } c ? long.Parse(c.Bytes, System.Globalization.CultureInfo.InvariantCulture) + 1 : 1;
                if (store.CompareAndSwap("swapped", current?.Version, Encoding.UTF8.GetBytes($"{next}"))) n++;
            }
        });
        Assert.Equal(800, stores[1].Increment("count", 0));
        Assert.Equal(200, stores[0].Increment("swapped", 0));
    }

    [Fact]
    public void KeysOfTheServer_AreOfTheStoreOnly_AndValuesAreReadableThere()
    {
        Store.Set("temperature", "21.5"u8);
        Assert.Equal(":4", _server.Command("DBSIZE"));
        Assert.Equal("$4", _server.Command("HGET mote:{app/default}:values temperature"));
        Backend.Open("app", "other").Set("x", default);
        Assert.Equal(":8", _server.Command("DBSIZE"));
    }

    [Fact]
    public void Tls_ServerOfAnAuthorityThatIsNamed_IsTrusted_AndNoOther()
    {
        _server.Needed();
        string folder = Directory.CreateTempSubdirectory("mote-redis-tls-").FullName;
        try
        {
            using var authority = new Node.Tests.Authority(folder);
            using var stranger = new Node.Tests.Authority(folder, "stranger");
            (string certificate, string key) = authority.Issue("localhost", address: System.Net.IPAddress.Loopback);
            int port;
            using (var probe = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0))
            {
                probe.Start();
                port = ((System.Net.IPEndPoint)probe.LocalEndpoint).Port;
            }

            using var server = new RedisServer(["--tls-port", $"{port}", "--tls-cert-file", certificate, "--tls-key-file", key, "--tls-auth-clients", "no"]);
            var url = new Uri($"rediss://127.0.0.1:{port}");
            using (var trusting = new RedisKeyValue(new RedisOptions(url, Authority: authority.Ca)))
            {
                IKeyValueStore store = trusting.Open("app", "default");
                store.Set("k", "v"u8);
                Assert.Equal("v"u8.ToArray(), store.Get("k")!.Value.Bytes);
            }

            foreach (string? ca in (string?[])[null, stranger.Ca])
            {
                using var other = new RedisKeyValue(new RedisOptions(url, Authority: ca));
                Assert.Contains("is not trusted", Assert.Throws<KeyValueException>(() => other.Open("app", "default")).Message, StringComparison.Ordinal);
            }

            Assert.Throws<IOException>(() => new RedisOptions(url, Authority: key).Authorities());
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void Database_OfTheUrl_IsUsed()
    {
        using var third = new RedisKeyValue(new RedisOptions(new Uri($"{_server.Url}3")));
        third.Open("app", "default").Set("k", "v"u8);
        Assert.Null(Store.Get("k"));
        Assert.Equal(":0", _server.Command("DBSIZE"));
    }
}

/// <summary>Each with a server of its own, which it may kill.</summary>
public sealed class RedisFaultTests : IDisposable
{
    private RedisServer? _server;

    public void Dispose() => _server?.Dispose();

    private RedisServer Server(params string[] more)
    {
        _server = new RedisServer(more);
        _server.Needed();
        return _server;
    }

    /// <summary>Waits until something does not fail any more.</summary>
    private static void Until(Action action)
    {
        long start = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                action();
                return;
            }
            catch (KeyValueException e)
            {
                Assert.True(Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(30), e.Message);
                Thread.Sleep(20);
            }
        }
    }

    [Fact]
    public void ServerThatIsKilledAndComesBack_IsConnectedToAgain_AndHasWhatItSaidItHad()
    {
        RedisServer server = Server();
        using var backend = new RedisKeyValue(new RedisOptions(server.Url));
        IKeyValueStore store = backend.Open("app", "default");
        for (int round = 1; round <= 2; round++)
        {
            for (int i = 0; i < 20; i++) store.Increment("n", 1);
            long version = store.Get("n")!.Value.Version;
            server.Kill();
            long start = Stopwatch.GetTimestamp();
            KeyValueException e = Assert.Throws<KeyValueException>(() => Twice(() => store.Set("k", "lost"u8)));
            Assert.Contains($"127.0.0.1:{server.Port}", e.Message, StringComparison.Ordinal);
            Assert.True(Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(3), "a server that is gone is an error at once");
            Assert.Throws<KeyValueException>(() => store.List(null));
            server.Start();
            Until(() => store.Get("n"));
            Assert.Equal(round * 20, store.Increment("n", 0));
            Assert.False(store.CompareAndSwap("n", version, "0"u8)); // the scripts are there again, and versions go on
        }

        // The connection may be found broken only by the first call.
        static void Twice(Action action)
        {
            action();
            action();
        }
    }

    [Fact]
    public void ServerThatStandsStill_IsAnErrorInTime_AndWorksAgain()
    {
        RedisServer server = Server();
        using var backend = new RedisKeyValue(new RedisOptions(server.Url, TimeSpan.FromMilliseconds(500)));
        // A busy machine may need more than half a second to connect.
        IKeyValueStore store = null!;
        Until(() => store = backend.Open("app", "default"));
        Until(() => store.Set("k", "v"u8));
        server.Signal("STOP");
        try
        {
            long start = Stopwatch.GetTimestamp();
            KeyValueException e = Assert.Throws<KeyValueException>(() => store.Get("k"));
            Assert.InRange(Stopwatch.GetElapsedTime(start), TimeSpan.FromMilliseconds(400), TimeSpan.FromSeconds(20));
            Assert.Contains("500 ms", e.Message, StringComparison.Ordinal);
        }
        finally
        {
            server.Signal("CONT");
        }

        Until(() => Assert.Equal("v"u8.ToArray(), store.Get("k")!.Value.Bytes));
    }

    [Fact]
    public void ServerThatIsNotThere_IsAnErrorOfOpen_AndFoundWhenItComes()
    {
        RedisServer server = Server();
        server.Kill();
        using var backend = new RedisKeyValue(new RedisOptions(server.Url));
        Assert.Contains($"127.0.0.1:{server.Port} is not there", Assert.Throws<KeyValueException>(() => backend.Open("app", "default")).Message, StringComparison.Ordinal);
        server.Start();
        Until(() => backend.Open("app", "default").Set("k", "v"u8));
    }

    [Fact]
    public void Password_IsAskedFor_AndAWrongOneIsSaidWithoutIt()
    {
        RedisServer server = Server("--requirepass", "open sesame");
        using (var right = new RedisKeyValue(new RedisOptions(new Uri($"redis://:open%20sesame@127.0.0.1:{server.Port}")))) right.Open("app", "default").Set("k", "v"u8);
        using var wrong = new RedisKeyValue(new RedisOptions(new Uri($"redis://:wrong-one@127.0.0.1:{server.Port}")));
        string message = Assert.Throws<KeyValueException>(() => wrong.Open("app", "default")).Message;
        Assert.Contains("password", message, StringComparison.Ordinal);
        Assert.DoesNotContain("wrong-one", message, StringComparison.Ordinal);
        using var none = new RedisKeyValue(new RedisOptions(server.Url));
        Assert.Throws<KeyValueException>(() => none.Open("app", "default").Get("k"));
    }

    [Fact]
    public void ServerThatIsFull_RefusesInItsOwnWords_AndChangesNothing()
    {
        RedisServer server = Server("--maxmemory", "4mb", "--maxmemory-policy", "noeviction");
        using var backend = new RedisKeyValue(new RedisOptions(server.Url));
        IKeyValueStore store = backend.Open("app", "default");
        store.Set("k", "old"u8);
        int n = 0;
        KeyValueException e = Assert.Throws<KeyValueException>(() =>
        {
            for (; n < 100; n++) store.SetMany([new($"first{n}", "x"u8.ToArray()), new($"big{n}", new byte[1 << 20])]);
        });
        Assert.Contains("maxmemory", e.Message, StringComparison.Ordinal);
        Assert.False(store.Exists($"first{n}"));
        Assert.Equal("old"u8.ToArray(), store.Get("k")!.Value.Bytes);
        store.DeleteMany([.. Enumerable.Range(0, 100).Select(i => $"big{i}")]);
        store.Set("k", "new"u8);
    }

    [Fact]
    public void ServerThatHasForgottenEverything_DoesNotLetAnOldSwapThrough()
    {
        RedisServer server = Server();
        using var backend = new RedisKeyValue(new RedisOptions(server.Url));
        IKeyValueStore store = backend.Open("app", "default");
        store.Set("k", "v"u8);
        long version = store.Get("k")!.Value.Version;
        Assert.Equal("+OK", server.Command("FLUSHALL"));
        store.Set("k", "w"u8);
        Assert.False(store.CompareAndSwap("k", version, "x"u8));
    }
}
