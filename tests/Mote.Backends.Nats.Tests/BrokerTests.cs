// What components send, ask and answer over a real nats-server.
using System.Diagnostics;
using System.Text;
using Mote.Capabilities.Messaging;
using Mote.Tests.Servers;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Mote.Backends.Nats.Tests;

public sealed class BrokerTests : IAsyncDisposable
{
    private static readonly TimeSpan s_second = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    private readonly NatsServer _server = NatsServer.StartNew();
    private readonly NatsLink _link;
    private readonly NatsBroker _broker;
    private readonly NatsConnection _client;

    public BrokerTests()
    {
        _link = new NatsLink(new NatsSettings([_server.Url], "mote-test"), _ => { });
        _broker = new NatsBroker(_link, TimeProvider.System);
        _client = new NatsConnection(new NatsOpts { Url = _server.Url.ToString(), HeaderEncoding = Encoding.UTF8 });
        _link.WaitForConnectionAsync(TestContext.Current.CancellationToken).WaitAsync(s_patience).GetAwaiter().GetResult();
    }

    public async ValueTask DisposeAsync()
    {
        await _client.DisposeAsync();
        await _link.DisposeAsync();
        _server.Dispose();
    }

    private static Message Text(string text) => new(Encoding.UTF8.GetBytes(text));

    private static string Of(Message m) => Encoding.UTF8.GetString(m.Bytes.Span);

    private async Task<INatsSub<byte[]>> Listen(string subject)
    {
        INatsSub<byte[]> subscription = await _client.SubscribeCoreAsync<byte[]>(subject, cancellationToken: TestContext.Current.CancellationToken);
        await _client.PingAsync(TestContext.Current.CancellationToken);
        return subscription;
    }

    /// <summary>Answers every request on a subject so many times.</summary>
    private async Task<Task> Answer(string subject, int times, CancellationToken token)
    {
        INatsSub<byte[]> requests = await Listen(subject);
        return Task.Run(
            async () =>
            {
                await using INatsSub<byte[]> owned = requests;
                try
                {
                    await foreach (NatsMsg<byte[]> m in requests.Msgs.ReadAllAsync(token))
                    {
                        for (int i = 0; i < times; i++) await m.ReplyAsync(Encoding.UTF8.GetBytes($"{Encoding.UTF8.GetString(m.Data!)} {i}"), headers: new NatsHeaders { ["n"] = $"{i}" }, cancellationToken: token);
                    }
                }
                catch (OperationCanceledException)
                {
                    // The test is over.
                }
            },
            CancellationToken.None);
    }

    [Fact]
    public async Task Request_GetsAsManyAnswersAsWereAskedFor_OrThoseThatCameInTime()
    {
        using var stop = new CancellationTokenSource();
        Task answers = await Answer("ask", 3, stop.Token);
        Message one = Assert.Single(_broker.Request("ask", Text("q"), 1, s_second));
        Assert.Equal(("q 0", "0"), (Of(one), one.MetadataOf("n")));
        Assert.Equal(["q 0", "q 1", "q 2"], _broker.Request("ask", Text("q"), 3, s_second).Select(Of));
        long start = Stopwatch.GetTimestamp();
        Assert.Equal(["q 0", "q 1", "q 2"], _broker.Request("ask", Text("q"), 5, s_second).Select(Of));
        Assert.InRange(Stopwatch.GetElapsedTime(start).TotalSeconds, 0.9, 10);
        await stop.CancelAsync();
        await answers;
    }

    [Fact]
    public async Task Request_WithoutAnAnswer_EndsInTime_AndWithoutAListener_AtOnce()
    {
        await using INatsSub<byte[]> silent = await Listen("silent");
        Assert.Equal(MessagingFault.Timeout, Assert.Throws<MessagingException>(() => _broker.Request("silent", Text("q"), 1, TimeSpan.FromMilliseconds(200))).Fault);
        long start = Stopwatch.GetTimestamp();
        MessagingException nobody = Assert.Throws<MessagingException>(() => _broker.Request("nobody", Text("q"), 1, s_patience));
        Assert.Contains("nobody answers", nobody.Message, StringComparison.Ordinal);
        Assert.True(Stopwatch.GetElapsedTime(start) < s_patience);
        Assert.Equal(MessagingFault.Timeout, Assert.Throws<MessagingException>(() => _broker.Request("silent", Text("q"), 1, TimeSpan.Zero)).Fault);
    }

    [Fact]
    public async Task Message_CarriesTypeAndMetadata_AndTheServersOwnAreLeftOut()
    {
        await using INatsSub<byte[]> heard = await Listen("a.b");
        Message m = Text("hello");
        m.Type = "text/plain";
        m.AddMetadata("name", "wért");
        m.AddMetadata("twice", "1");
        m.AddMetadata("twice", "2");
        m.AddMetadata("Nats-Rollup", "all");
        _broker.Publish([("a.b", m)]);
        NatsMsg<byte[]> got = await heard.Msgs.ReadAsync(TestContext.Current.CancellationToken);
        Assert.Equal(("a.b", "hello"), (got.Subject, Encoding.UTF8.GetString(got.Data!)));
        Assert.Equal(["Content-Type: text/plain", "name: wért", "twice: 1,2"], got.Headers!.Select(h => $"{h.Key}: {h.Value}").Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("", null, null)]
    [InlineData("a b", null, null)]
    [InlineData("a..b", null, null)]
    [InlineData("a.*", null, null)]
    [InlineData("a.>", null, null)]
    [InlineData("a\r\nPUB b 0\r\n\r\n", null, null)]
    [InlineData("a", "na me", "v")]
    [InlineData("a", "na:me", "v")]
    [InlineData("a", "", "v")]
    [InlineData("a", "name", "v\r\nother: w")]
    public void Message_ThatNatsCannotCarry_IsRefused_AndNothingOfItIsSent(string subject, string? name, string? value)
    {
        Message m = Text("x");
        if (name is not null) m.AddMetadata(name, value!);
        Assert.Equal(MessagingFault.Refused, Assert.Throws<MessagingException>(() => _broker.Publish([("fine", Text("x")), (subject, m)])).Fault);
        Assert.Equal(MessagingFault.Refused, Assert.Throws<MessagingException>(() => _broker.Request(subject, m, 1, s_second)).Fault);
        _broker.Publish([("fine", Text("x"))]); // and the connection is as it was
    }

    [Fact]
    public void Message_LargerThanTheServerTakes_IsRefused()
    {
        var large = new Message(new byte[(32 << 20) + 1]);
        MessagingException e = Assert.Throws<MessagingException>(() => _broker.Publish([("a", large)]));
        Assert.Equal(MessagingFault.Refused, e.Fault);
        Assert.Contains("max_payload", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Publish_ToWhatAStreamKeeps_IsKeptWhenItReturns()
    {
        var js = new NatsJSContext(_client);
        INatsJSStream stream = await js.CreateStreamAsync(new StreamConfig("KEPT", ["kept.>"]), TestContext.Current.CancellationToken);
        for (int i = 0; i < 20; i++) _broker.Publish([("kept.a", Text($"{i}")), ("other", Text("x")), ("kept.b", Text($"{i}"))]);
        await stream.RefreshAsync(TestContext.Current.CancellationToken);
        Assert.Equal(40L, stream.Info.State.Messages);
        // A stream that takes nothing of a kind says so; one that is gone is noticed.
        await js.UpdateStreamAsync(stream.Info.Config with { MaxMsgSize = 10 }, TestContext.Current.CancellationToken);
        Assert.Equal(MessagingFault.Refused, Assert.Throws<MessagingException>(() => _broker.Publish([("kept.a", Text("more than ten bytes"))])).Fault);
        await js.DeleteStreamAsync("KEPT", TestContext.Current.CancellationToken);
        Assert.Equal(MessagingFault.Connection, Assert.Throws<MessagingException>(() => _broker.Publish([("kept.a", Text("x"))])).Fault);
        _broker.Publish([("kept.a", Text("x"))]);
    }

    [Fact]
    public async Task Publish_WhereThereIsNoJetStream_GoesOut()
    {
        using NatsServer plain = NatsServer.StartNew(jetStream: false);
        await using var link = new NatsLink(new NatsSettings([plain.Url], "mote-test"), _ => { });
        await link.WaitForConnectionAsync(TestContext.Current.CancellationToken).WaitAsync(s_patience, TestContext.Current.CancellationToken);
        var broker = new NatsBroker(link, TimeProvider.System);
        await using var client = new NatsConnection(new NatsOpts { Url = plain.Url.ToString() });
        await using INatsSub<byte[]> heard = await client.SubscribeCoreAsync<byte[]>("a", cancellationToken: TestContext.Current.CancellationToken);
        await client.PingAsync(TestContext.Current.CancellationToken);
        broker.Publish([("a", Text("1")), ("a", Text("2"))]);
        Assert.Equal("1"u8.ToArray(), (await heard.Msgs.ReadAsync(TestContext.Current.CancellationToken)).Data);
        Assert.Equal("2"u8.ToArray(), (await heard.Msgs.ReadAsync(TestContext.Current.CancellationToken)).Data);
    }
}
