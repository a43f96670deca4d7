// The blob backend on NATS object stores: the contract, with a real nats-server, and what is its own.
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Mote.Backends.Nats;
using Mote.Backends.Nats.Objects;
using Mote.Capabilities.Blobstore;
using Mote.Tests.Servers;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Mote.Capabilities.Tests;

public sealed class NatsBlobsTests : BlobContract
{
    private readonly NatsServer _server = NatsServer.StartNew();
    private readonly string _folder = Directory.CreateTempSubdirectory("mote-nats-blobs-").FullName;

    protected override IBlobBackend Open() => new Linked(_server.Url, Path.Combine(_folder, "spool"));

    public override void Dispose()
    {
        base.Dispose();
        _server.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private (NatsConnection Client, INatsJSContext JetStream) Beside()
    {
        var client = new NatsConnection(new NatsOpts { Url = _server.Url.ToString() });
        return (client, new NatsJSContext(client));
    }

    private static byte[] Random(int bytes)
    {
        var all = new byte[bytes];
        new Random(bytes).NextBytes(all);
        return all;
    }

    private async Task<ulong> Messages(INatsJSContext js, string filter) =>
        (ulong)((await js.GetStreamAsync("OBJ_mote_app_c", new StreamInfoRequest { SubjectsFilter = filter }, TestContext.Current.CancellationToken)).Info.State.Subjects?.Values.Sum(n => (long)n) ?? 0);

    [Fact]
    public async Task Bucket_IsOneThatOtherClientsKnow()
    {
        Store.Create("c");
        byte[] data = Random(300_000);
        Put(Store, "c", "pictures/line 1.jpg", data);
        (NatsConnection client, INatsJSContext js) = Beside();
        await using NatsConnection owned = client;
        // As ADR-20 has it: the record under the name in base64url, chunks of 128 KiB under an id, a digest over all.
        string subject = $"$O.mote_app_c.M.{Convert.ToBase64String("pictures/line 1.jpg"u8).Replace('+', '-').Replace('/', '_')}";
        INatsJSStream stream = await js.GetStreamAsync("OBJ_mote_app_c", cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(["$O.mote_app_c.C.>", "$O.mote_app_c.M.>"], stream.Info.Config.Subjects!.Order(StringComparer.Ordinal));
        Assert.True(stream.Info.Config is { AllowRollupHdrs: true, AllowDirect: true, Discard: StreamConfigDiscard.New });
        using JsonDocument record = JsonDocument.Parse((await stream.GetAsync(new StreamMsgGetRequest { LastBySubj = subject }, TestContext.Current.CancellationToken)).Message.Data);
        JsonElement r = record.RootElement;
        Assert.Equal(("pictures/line 1.jpg", "mote_app_c", 300_000L, 3L), (r.GetProperty("name").GetString(), r.GetProperty("bucket").GetString(), r.GetProperty("size").GetInt64(), r.GetProperty("chunks").GetInt64()));
        Assert.Equal($"SHA-256={Convert.ToBase64String(SHA256.HashData(data)).Replace('+', '-').Replace('/', '_')}", r.GetProperty("digest").GetString());
        Assert.Equal(131_072, r.GetProperty("options").GetProperty("max_chunk_size").GetInt64());

        // And what they write is read, in chunks of another size; what they removed is not there, what they linked is no object.
        foreach (byte[] chunk in data.Chunk(1000)) (await js.PublishAsync("$O.mote_app_c.C.theirs", chunk, cancellationToken: TestContext.Current.CancellationToken)).EnsureSuccess();
        string Theirs(string name, string more) => $"{{\"name\":\"{name}\",\"bucket\":\"mote_app_c\",\"nuid\":\"theirs\",\"size\":300000,\"mtime\":\"0001-01-01T00:00:00Z\",\"chunks\":300{more}}}";
        foreach ((string name, string more) in new[] { ("good", $",\"digest\":\"{r.GetProperty("digest").GetString()}\""), ("bad", ",\"digest\":\"SHA-256=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\""), ("gone", ",\"deleted\":true"), ("link", ",\"options\":{\"link\":{\"bucket\":\"x\"}}") })
        {
            (await js.PublishAsync($"$O.mote_app_c.M.{Convert.ToBase64String(Encoding.UTF8.GetBytes(name))}", Encoding.UTF8.GetBytes(Theirs(name, more)), cancellationToken: TestContext.Current.CancellationToken)).EnsureSuccess();
        }

        Assert.Equal(data, Get(Store, "c", "good"));
        Assert.Contains("is damaged", Assert.Throws<BlobException>(() => Get(Store, "c", "bad")).Message, StringComparison.Ordinal);
        Assert.Equal((null, null), (Store.Find(new("c", "gone")), Store.Find(new("c", "link"))));
        Assert.Equal(["bad", "good", "pictures/line 1.jpg"], Names(Store, "c"));
        (await js.PublishAsync($"$O.mote_app_c.M.{Convert.ToBase64String("none"u8)}", "no JSON"u8.ToArray(), cancellationToken: TestContext.Current.CancellationToken)).EnsureSuccess();
        Assert.Null(Store.Find(new("c", "none")));
        Assert.Equal(3, Names(Store, "c").Length);
    }

    [Fact]
    public async Task LargeObject_IsStreamed_ReadFromAnywhere_AndLeavesNothingBehind()
    {
        Store.Create("c");
        byte[] data = Random(5_000_000);
        using (IBlobWriter writer = Store.Write(1 << 30))
        {
            foreach (byte[] some in data.Chunk(70_001)) writer.Write(some);
            writer.Commit([new("c", "o")], 1 << 30);
        }

        Assert.Equal(data, Get(Store, "c", "o"));
        using (IBlobReader reader = Store.Read(new("c", "o"))!)
        {
            var some = new byte[1000];
            foreach (int at in (int[])[4_000_000, 131_071, 0, 4_999_999, 262_144])
            {
                int n = reader.Read(some, at);
                Assert.True(n > 0);
                Assert.Equal(data[at..(at + n)], some[..n]);
            }

            Put(Store, "c", "o", "small"u8);
            // Another version: an error, and never a part of the one and of the other.
            Assert.Contains("replaced or removed", Assert.Throws<BlobException>(() => reader.Read(some, 1_000_000)).Message, StringComparison.Ordinal);
        }

        (NatsConnection client, INatsJSContext js) = Beside();
        await using NatsConnection owned = client;
        Assert.Equal((1UL, 1UL), (await Messages(js, "$O.mote_app_c.C.>"), await Messages(js, "$O.mote_app_c.M.>")));
        Store.Remove("c", ["o"]);
        Assert.Equal((0UL, 0UL), (await Messages(js, "$O.mote_app_c.C.>"), await Messages(js, "$O.mote_app_c.M.>")));
        Assert.Empty(Directory.GetFiles(Path.Combine(_folder, "spool")));
    }

    [Fact]
    public async Task ManyWriters_OfOneName_LeaveOneOfThem_AndNoChunksOfTheOthers()
    {
        Store.Create("c");
        Parallel.For(0, 6, new ParallelOptions { MaxDegreeOfParallelism = 6 }, w =>
        {
            for (int i = 0; i < 10; i++) Put(Store, "c", "o", [.. Enumerable.Repeat((byte)w, 200_000 + w)]);
        });
        byte[] last = Get(Store, "c", "o")!;
        Assert.Equal(200_000 + last[0], last.Length);
        Assert.All(last, b => Assert.Equal(last[0], b));
        (NatsConnection client, INatsJSContext js) = Beside();
        await using NatsConnection owned = client;
        Assert.Equal((2UL, 1UL), (await Messages(js, "$O.mote_app_c.C.>"), await Messages(js, "$O.mote_app_c.M.>")));
    }

    [Fact]
    public async Task Bucket_WithoutDirectGets_IsReadFromItsLeader()
    {
        Store.Create("c");
        (NatsConnection client, INatsJSContext js) = Beside();
        await using NatsConnection owned = client;
        StreamConfig config = (await js.GetStreamAsync("OBJ_mote_app_c", cancellationToken: TestContext.Current.CancellationToken)).Info.Config;
        config.AllowDirect = false;
        await js.UpdateStreamAsync(config, TestContext.Current.CancellationToken);
        byte[] data = Random(300_000);
        Put(Store, "c", "o", data);
        Put(Store, "c", "p", default);
        Assert.Equal(data, Get(Store, "c", "o"));
        Assert.InRange(Store.Find(new("c", "o"))!.Value.Created, DateTimeOffset.UtcNow.AddMinutes(-1), DateTimeOffset.UtcNow.AddMinutes(1));
        Assert.Equal(["o", "p"], Names(Store, "c"));
        Store.Clear("c");
        Assert.Empty(Names(Store, "c"));
    }

    [Fact]
    public void Server_ThatGoes_IsAnErrorAtOnce_AndWhatWasKeptIsThereWhenItComes()
    {
        Store.Create("c");
        Put(Store, "c", "o", "kept"u8);
        _server.Kill();
        Assert.Contains("NATS at 127.0.0.1", Assert.Throws<BlobException>(() => Store.Find(new("c", "o"))).Message, StringComparison.Ordinal);
        Assert.Throws<BlobException>(() => Put(Store, "c", "p", "lost"u8));
        _server.Start();
        for (DateTime end = DateTime.UtcNow.AddSeconds(60); ;)
        {
            try
            {
                Assert.Equal("kept", Text(Store, "c", "o"));
                Assert.Null(Store.Find(new("c", "p")));
                return;
            }
            catch (BlobException) when (DateTime.UtcNow < end)
            {
                Thread.Sleep(20);
            }
        }
    }

    /// <summary>A backend with a connection of its own, and waits for it.</summary>
    private sealed class Linked : IBlobBackend, IDisposable
    {
        private readonly NatsLink _link;
        private readonly NatsBlobs _backend;

        public Linked(Uri url, string spool)
        {
            _link = new NatsLink(new NatsSettings([url], "mote-test"), _ => { });
            _link.WaitForConnectionAsync(TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromSeconds(60)).GetAwaiter().GetResult();
            _backend = new NatsBlobs(_link, spool);
        }

        public IBlobStore Open(string app) => _backend.Open(app);

        public void Dispose() => _link.DisposeAsync().AsTask().GetAwaiter().GetResult();
    }
}
