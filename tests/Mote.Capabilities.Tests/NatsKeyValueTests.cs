// The key-value backend on NATS KV: the contract, with a real nats-server, and what is its own.
using System.Text;
using Mote.Backends.Nats;
using Mote.Backends.Nats.KeyValue;
using Mote.Capabilities.KeyValue;
using Mote.Tests.Servers;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Mote.Capabilities.Tests;

public sealed class NatsKeyValueTests : KeyValueContract
{
    private readonly NatsServer _server = NatsServer.StartNew();

    /// <summary>Several writes, as docs/nats.md says: the server (2.9) has no transactions.</summary>
    protected override bool SetsManyWhole => false;

    protected override IKeyValueBackend Open() => new Linked(_server.Url);

    public override void Dispose()
    {
        base.Dispose();
        _server.Dispose();
    }

    private (NatsConnection Client, INatsJSContext JetStream) Beside()
    {
        var client = new NatsConnection(new NatsOpts { Url = _server.Url.ToString() });
        return (client, new NatsJSContext(client));
    }

    [Fact]
    public async Task Bucket_IsOneThatOtherClientsKnow()
    {
        Store.Set("plant.line-1/temperature", "21"u8);
        Store.Set("a b", "x"u8);
        Store.Set("", "x"u8);
        Store.Set(".", "x"u8);
        Store.Set("a..b", "x"u8);
        (NatsConnection client, INatsJSContext js) = Beside();
        await using NatsConnection owned = client;
        INatsJSStream stream = await js.GetStreamAsync("KV_mote_app_default", new StreamInfoRequest { SubjectsFilter = ">" }, TestContext.Current.CancellationToken);
        StreamConfig config = stream.Info.Config;
        Assert.Equal((1L, true, true, true), (config.MaxMsgsPerSubject, config.AllowDirect, config.AllowRollupHdrs, config.DenyDelete));
        Assert.Equal(["$KV.mote_app_default.=2E", "$KV.mote_app_default.=_", "$KV.mote_app_default.a.=2Eb", "$KV.mote_app_default.a=20b", "$KV.mote_app_default.plant.line-1/temperature"], stream.Info.State.Subjects!.Keys.Order(StringComparer.Ordinal));
        // And what they write is there.
        (await js.PublishAsync("$KV.mote_app_default.plant.line-1/temperature", "22"u8.ToArray(), cancellationToken: TestContext.Current.CancellationToken)).EnsureSuccess();
        Assert.Equal("22"u8.ToArray(), Store.Get("plant.line-1/temperature")!.Value.Bytes);
        await js.PublishAsync("$KV.mote_app_default.plant.line-1/temperature", Array.Empty<byte>(), headers: new NatsHeaders { ["KV-Operation"] = "DEL" }, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Null(Store.Get("plant.line-1/temperature"));
        Assert.DoesNotContain("plant.line-1/temperature", Store.List(null).Keys);
        Assert.True(Store.CompareAndSwap("plant.line-1/temperature", null, "23"u8));
    }

    [Fact]
    public async Task Delete_LeavesNothingBehind_AndWatchersAreTold()
    {
        Store.Set("k", "v"u8);
        (NatsConnection client, INatsJSContext js) = Beside();
        await using NatsConnection owned = client;
        await using INatsSub<byte[]> watcher = await client.SubscribeCoreAsync<byte[]>("$KV.mote_app_default.k", cancellationToken: TestContext.Current.CancellationToken);
        await client.PingAsync(TestContext.Current.CancellationToken);
        for (int i = 0; i < 50; i++) Store.Delete($"never there {i}");
        Store.Delete("k");
        NatsMsg<byte[]> told = await watcher.Msgs.ReadAsync(TestContext.Current.CancellationToken);
        Assert.Equal("DEL", told.Headers!["KV-Operation"]);
        Assert.Equal(0L, (await js.GetStreamAsync("KV_mote_app_default", cancellationToken: TestContext.Current.CancellationToken)).Info.State.Messages);
    }

    [Fact]
    public async Task Bucket_WithReplicasOrWithoutDirectGets_IsReadFromItsLeader()
    {
        (NatsConnection client, INatsJSContext js) = Beside();
        await using NatsConnection owned = client;
        await js.CreateStreamAsync(new StreamConfig("KV_mote_app_default", ["$KV.mote_app_default.>"]) { MaxMsgsPerSubject = 5, AllowDirect = false, DenyPurge = true }, TestContext.Current.CancellationToken);
        Assert.Null(Store.Get("k"));
        Store.Set("k", "a"u8);
        Store.Set("k", "b"u8);
        Assert.Equal("b"u8.ToArray(), Store.Get("k")!.Value.Bytes);
        Assert.Equal(["k"], Store.List(null).Keys);
        Store.Delete("k");
        Assert.Null(Store.Get("k"));
        Assert.Empty(Store.List(null).Keys);
        Assert.True(Store.CompareAndSwap("k", null, "c"u8));
        Assert.Equal(5, Store.Increment("n", 5));
    }

    [Fact]
    public void Server_ThatIsAway_IsAnError_AndItsStoresAreThereAgain()
    {
        Store.Set("k", "v"u8);
        _server.Kill();
        Assert.Contains("NATS at 127.0.0.1", Assert.Throws<KeyValueException>(() => Store.Get("k")).Message, StringComparison.Ordinal);
        _server.Start();
        for (DateTime end = DateTime.UtcNow.AddSeconds(60); ;)
        {
            try
            {
                Assert.Equal("v"u8.ToArray(), Store.Get("k")!.Value.Bytes);
                return;
            }
            catch (KeyValueException) when (DateTime.UtcNow < end)
            {
                Thread.Sleep(20);
            }
        }
    }

    [Fact]
    public void List_OfMoreKeysThanAreKeptOfOneReading_GivesEachOnce()
    {
        string[] keys = [.. Enumerable.Range(0, 22_000).Select(i => $"k{i:00000}")];
        Store.SetMany([.. keys.Select(k => new KeyValuePair<string, ReadOnlyMemory<byte>>(k, default))]);
        var seen = new List<string>();
        string? cursor = null;
        do
        {
            KeyPage page = Store.List(cursor);
            Assert.InRange(page.Keys.Length, 0, 1000);
            seen.AddRange(page.Keys);
            cursor = page.Cursor;
        }
        while (cursor is not null);
        Assert.Equal(keys, seen.Order(StringComparer.Ordinal));
    }

    /// <summary>A backend with a connection of its own, and waits for it.</summary>
    private sealed class Linked : IKeyValueBackend, IDisposable
    {
        private readonly NatsLink _link;
        private readonly NatsKeyValue _backend;

        public Linked(Uri url)
        {
            _link = new NatsLink(new NatsSettings([url], "mote-test"), _ => { });
            _link.WaitForConnectionAsync(TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromSeconds(60)).GetAwaiter().GetResult();
            _backend = new NatsKeyValue(_link, TimeProvider.System);
        }

        public IKeyValueStore Open(string app, string name) => _backend.Open(app, name);

        public void Dispose() => _link.DisposeAsync().AsTask().GetAwaiter().GetResult();
    }
}
