// The inbox: messages that a component does not handle soon are on disk, acknowledged, and handled in order, also by the
// next run of the node.
using System.Text;
using CsCheck;
using Microsoft.Data.Sqlite;
using Mote.Capabilities.Messaging;
using Mote.Node.Tests.Upstreams;
using Mote.Tests.Servers;
using Mote.Triggers;

namespace Mote.Node.Tests;

public sealed class InboxTests : IDisposable
{
    private readonly TestSite _site = new();
    private readonly List<DataPlane.CloudEvent> _events = [];

    public void Dispose() => _site.Dispose();

    private string[] Sent
    {
        get
        {
            lock (_events) return [.. _events.Select(e => Encoding.UTF8.GetString(e.Data.Span))];
        }
    }

    private async Task<Collector> Collect()
    {
        Collector collector = await Collector.StartAsync(new System.Net.IPEndPoint(System.Net.IPAddress.Loopback, 0), null, e =>
        {
            lock (_events) _events.Add(e);
        });
        _site.Config = _site.Config with { UpstreamUrl = collector.Url, UpstreamTopics = ["out"] };
        return collector;
    }

    /// <summary>Keeps the component busy for 3 s: what is published meanwhile waits.</summary>
    private static IEnumerable<Task<MQTTnet.MqttClientPublishResult>> Stuck(Client client) => Enumerable.Range(0, 6).Select(_ => client.Publish("in/x", "s"));

    [Fact]
    public void Record_ComesBackAsItWas_AndWhatIsNoneIsAClearNo()
    {
        Gen<string> text = Gen.String[Gen.Char.AlphaNumeric, 0, 300];
        Gen.Select(text, text.Null(), Gen.Byte.Array[0, 500], Gen.Select(text, text).Array[0, 5], Gen.Byte.Array[0, 20].Null(), Gen.Int[0, 10_000]).Sample((topic, type, data, pairs, correlation, cut) =>
        {
            var message = new Message(data) { Topic = topic, Type = type, ReplyTo = correlation is null ? null : new ReplyAddress("answers", correlation) };
            foreach ((string key, string value) in pairs) message.AddMetadata(key, value);
            byte[] record = MessageRecord.Write(message);
            Message back = MessageRecord.Read(record);
            Assert.Equal((topic, type, message.ReplyTo?.Topic), (back.Topic, back.Type, back.ReplyTo?.Topic));
            Assert.Equal(correlation, back.ReplyTo?.Correlation.ToArray());
            Assert.Equal(data, back.Bytes.ToArray());
            Assert.Equal(message.Metadata, back.Metadata);
            // Damaged in any way, it is a message or a clear no.
            record[cut % record.Length] ^= (byte)(cut >> 3);
            try
            {
                MessageRecord.Read(record.AsMemory(0, cut % (record.Length + 1)));
            }
            catch (InvalidDataException)
            {
            }
        });
    }

    [Fact]
    public void Record_OfARequest_KnowsTheBrokerItCameBy_AndOldOnesAreRead()
    {
        var nats = new Named("nats");
        var message = new Message("x"u8.ToArray()) { Topic = "t", ReplyTo = new ReplyAddress("_INBOX.1", default) { Via = nats } };
        message.AddMetadata("a", "b");
        byte[] record = MessageRecord.Write(message);
        Message back = MessageRecord.Read(record, name => name == "nats" ? nats : null);
        Assert.Same(nats, back.ReplyTo!.Via);
        Assert.Equal(("_INBOX.1", "x", ("a", "b")), (back.ReplyTo.Topic, Encoding.UTF8.GetString(back.Bytes.Span), back.Metadata.Single()));
        // A node that has no such broker any more does not answer by another one.
        MessagingException e = Assert.Throws<MessagingException>(() => MessageRecord.Read(record, _ => null).ReplyTo!.Via!.Reply(back.ReplyTo, message));
        Assert.Equal(MessagingFault.Refused, e.Fault);
        Assert.Contains("`nats`", e.Message, StringComparison.Ordinal);

        // As version 1 has written it: topic, no content type, reply topic, correlation, one pair, data.
        byte[] old = [1, 2, (byte)'t', 0, 9, .. "_INBOX.1"u8, 5, .. "/w=="u8, 1, 2, (byte)'a', 2, (byte)'b', (byte)'x'];
        Message first = MessageRecord.Read(old, _ => nats);
        Assert.Equal(("t", null, "_INBOX.1", null, "x"), (first.Topic, first.Type, first.ReplyTo!.Topic, first.ReplyTo.Via, Encoding.UTF8.GetString(first.Bytes.Span)));
        Assert.Equal(old, MessageRecord.Write(first)); // and what came by MQTT is written so still
    }

    private sealed class Named(string name) : IMessageBroker
    {
        public string Name => name;

        public IReadOnlyList<Message> Request(string topic, Message message, int expected, TimeSpan timeout) => throw new NotSupportedException();

        public void Reply(ReplyAddress to, Message message) => throw new NotSupportedException();
    }

    [Fact]
    public async Task SlowComponent_DoesNotHoldUpItsPublishers()
    {
        await using EdgeNode node = await _site.Start(TestSite.AppOnce);
        await using Client client = await Client.Connect(node.Broker!.Address);
        Assert.True((await client.Publish("in/x", "s")).IsSuccess); // runs until its limit of 500 ms
        Assert.Equal((0L, 0L), (node.Queues[0].Counts.Handled, node.Queues[0].Counts.Failed)); // acknowledged, and in work
        await Wait.Until(() => node.Queues[0].Counts is { Failed: 1, Waiting: 0 }, () => node.Queues[0].Counts.ToString());
    }

    [Fact]
    public async Task MoreThanTheQueueTakes_IsHandledInOrder()
    {
        await using Collector collector = await Collect();
        await using EdgeNode node = await _site.Start(TestSite.AppOnce + "\nqueue = 2\n");
        await using Client client = await Client.Connect(node.Broker!.Address);
        var sent = new List<string>();
        for (int round = 0; round < 3; round++)
        {
            Task stuck = client.Publish("in/x", "s");
            Task[] all = [.. Enumerable.Range(0, 100).Select(i => client.Publish("in/x", $"m {round} {i}"))];
            await Task.WhenAll([stuck, .. all]);
            sent.AddRange(Enumerable.Range(0, 100).Select(i => $"m {round} {i}"));
        }

        await Wait.Until(() => Sent.Length >= sent.Count, () => $"{Sent.Length} came: {node.Queues[0].Counts}");
        Assert.Equal(sent, Sent);
        await Wait.Until(() => node.Inbox!.Value.Waiting == 0, () => $"{node.Inbox}"); // and all of it is off the disk
    }

    [Fact]
    public async Task WhatWaitsWhenTheNodeEnds_IsHandledByTheNextRun_InOrder()
    {
        await using Collector collector = await Collect();
        const int Messages = 50;
        await using (EdgeNode node = await _site.Start(TestSite.AppOnce + "\nqueue = 2\n"))
        {
            await using Client client = await Client.Connect(node.Broker!.Address);
            Task<MQTTnet.MqttClientPublishResult>[] all = [.. Stuck(client), .. Enumerable.Range(0, Messages).Select(i => client.Publish("in/x", $"m {i}"))];
            Assert.All(await Task.WhenAll(all), r => Assert.True(r.IsSuccess));
        }

        int before = Sent.Length;
        Assert.InRange(before, 0, Messages - 1); // else nothing is shown here
        await using EdgeNode again = await _site.Start(TestSite.AppOnce + "\nqueue = 2\n");
        await Wait.Until(() => Sent.Distinct().Count() == Messages, () => $"{Sent.Length} came: {again.Queues[0].Counts}");
        Assert.Equal(Enumerable.Range(0, Messages).Select(i => $"m {i}"), Sent.Distinct());
    }

    [Fact]
    public async Task FullInbox_HoldsPublishersBack_AndLosesNothing()
    {
        await using Collector collector = await Collect();
        _site.Config = _site.Config with { InboxMaxBytes = 64 << 10 };
        await using EdgeNode node = await _site.Start(TestSite.AppOnce + "\nqueue = 2\n");
        await using Client client = await Client.Connect(node.Broker!.Address), other = await Client.Connect(node.Broker.Address);
        string filler = new('x', 4000);
        Task[] all = [client.Publish("in/x", "s"), .. Enumerable.Range(0, 200).Select(i => (i % 2 == 0 ? client : other).Publish("in/x", $"{i} {filler}"))];
        long most = 0;
        Task done = Task.WhenAll(all);
        while (!done.IsCompleted)
        {
            most = Math.Max(most, node.Inbox!.Value.Bytes);
            await Task.Delay(1, TestContext.Current.CancellationToken);
        }

        await done;
        // What is on its way when the bound is met goes over it: at most a message for each connection.
        Assert.InRange(most, 1, (64 << 10) + (4 * 4200));
        await Wait.Until(() => Sent.Length == 200, () => $"{Sent.Length} came: {node.Queues[0].Counts}");
        Assert.Equal(Enumerable.Range(0, 200), Sent.Select(s => int.Parse(s.Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture)).Order());
    }

    [Fact]
    public async Task FullDisk_NeitherFillsTheMemory_NorLetsALaterMessagePass()
    {
        const int Messages = 1000, Capacity = 4;
        string data = Directory.CreateDirectory(_site.Config.DataFolder).FullName, ballast = Path.Combine(data, "ballast");
        using Tmpfs small = Tmpfs.Mount(data, 24 << 20);
        int port = Loopback.FreePort();
        _site.Config = _site.Config with { CodeFolder = Path.Combine(_site.Folder, "code"), UpstreamUrl = new Uri($"http://127.0.0.1:{port}/"), UpstreamTopics = ["inner"] };
        string app = TestSite.App.Replace("publish = [\"out\"", "publish = [\"inner\"", StringComparison.Ordinal) + $"\nqueue = {Capacity}\n";
        string filler = new('x', 4000);
        // The first run's component does not end with any of them: all that is acknowledged waits on disk.
        await using (EdgeNode node = await _site.Start(app))
        {
            await using Client client = await Client.Connect(node.Broker!.Address);
            Assert.All(await Task.WhenAll(Enumerable.Range(0, Messages).Select(i => client.Publish("in/x", $"s{i} {filler}"))), r => Assert.True(r.IsSuccess));
        }

        // The second run's passes them on, as long as there is room: the upstream is away.
        await File.WriteAllBytesAsync(Path.Combine(_site.Folder, "handler.wasm"), Nats.PassedOn.Forwarder, TestContext.Current.CancellationToken);
        Fill(ballast, leave: 256 << 10);
        await using EdgeNode again = await _site.Start(app.Replace("500ms", "30s", StringComparison.Ordinal));
        long most = 0;
        await Wait.Until(
            () =>
            {
                most = Math.Max(most, again.Queues[0].Counts.Waiting);
                // On a quick machine all this may be behind them at the first look, and the next try in a second.
                return most > 0 && again.Queues[0].Counts.NotDelivered >= 5 * Capacity;
            },
            () => $"{again.Queues[0].Counts}: {string.Join(" | ", _site.Log)}");
        Assert.Contains(_site.Log, l => l.Contains("the disk is full", StringComparison.Ordinal)); // what is small enough still fits, so the fault comes and goes
        Assert.InRange(again.Queues[0].Counts.Handled, 0, Messages - 50); // else nothing is shown here
        // Those in the queue, and those whose results are on their way to the disk: one commit's worth, which where another
        // test has the disk has been half of them, and not all that wait.
        Assert.InRange(most, 1, Messages * 3 / 4);
        File.Delete(ballast);
        await using Collector collector = await Collector.StartAsync(new System.Net.IPEndPoint(System.Net.IPAddress.Loopback, port), null, e =>
        {
            lock (_events) _events.Add(e);
        });
        await Wait.Until(() => Sent.Distinct().Count() == Messages && again.Inbox!.Value.Waiting == 0, () => $"{Sent.Distinct().Count()} came: {again.Queues[0].Counts}, {again.Inbox}");
        Assert.Equal(Enumerable.Range(0, Messages).Select(i => $"s{i} {filler}"), Sent.Distinct());
    }

    private static void Fill(string file, int leave)
    {
        using FileStream f = File.Create(file);
        byte[] zeros = new byte[64 << 10];
        try
        {
            while (true) f.Write(zeros);
        }
        catch (IOException)
        {
            f.SetLength(f.Length - leave); // a whole number of pages
        }
    }

    [Fact]
    public void ReturnedMessages_HoldLaterOnesOfTheirKey_UntilTheirTurnComes()
    {
        var returned = new ReturnedMessages();
        returned.Add(5, "a", isOfTheDisk: true);
        Assert.Equal((true, false, false, true), (returned.Holds(6, "a"), returned.Holds(6, "b"), returned.Holds(4, "a"), returned.Holds(0, "a")));
        Assert.False(returned.Holds(6, null));
        Assert.True(returned.Stops(100));
        // The disk is well, and 7 comes back for 5's sake: 8 must not pass it either.
        returned.Add(7, "a", isOfTheDisk: false);
        returned.Give(5);
        returned.Remove(5);
        Assert.Equal((true, false), (returned.Holds(8, "a"), returned.Holds(6, "a")));
        returned.Give(7);
        Assert.Equal((true, false, 0, null), (returned.Holds(8, "a"), returned.Stops(1), returned.Waiting, returned.Next(0)));
        returned.Remove(7);
        Assert.True(returned.IsEmpty);
        // What is wrong with one message alone holds nobody, and not without bound.
        for (int i = 1; i <= 3; i++) returned.Add(i, "a", isOfTheDisk: false);
        Assert.Equal((false, false, true), (returned.Holds(9, "a"), returned.Stops(4), returned.Stops(3)));
        Assert.Equal([1L, 2, 3], ((long[])[0, 1, 2]).Select(id => returned.Next(id)!.Value));
        returned.Give(2);
        Assert.Equal((2, 3L), (returned.Waiting, returned.Next(1)));
        returned.Add(2, "a", isOfTheDisk: false);
        Assert.Equal(3, returned.Waiting);
    }

    [Fact]
    public async Task DamagedMessage_IsKeptApart_AndTheOthersAreHandled()
    {
        await using Collector collector = await Collect();
        await using (EdgeNode node = await _site.Start(TestSite.AppOnce + "\nqueue = 1\n"))
        {
            await using Client client = await Client.Connect(node.Broker!.Address);
            await Task.WhenAll([.. Stuck(client), .. Enumerable.Range(0, 50).Select(i => client.Publish("in/x", $"m {i}"))]);
        }

        long damaged;
        using (var db = new SqliteConnection($"Data Source={Path.Combine(_site.Folder, "data", "outbox.db")};Pooling=False"))
        {
            db.Open();
            using SqliteCommand c = db.CreateCommand();
            c.CommandText = "SELECT max(id) FROM inbox";
            damaged = (long)c.ExecuteScalar()!;
            c.CommandText = $"UPDATE inbox SET record = CAST(replace(CAST(record AS TEXT), 'm ', 'x ') AS BLOB) WHERE id = {damaged}";
            Assert.Equal(1, c.ExecuteNonQuery());
        }

        await using EdgeNode again = await _site.Start(TestSite.AppOnce + "\nqueue = 1\n");
        await Wait.Until(() => Sent.Distinct().Count() == 49, () => $"{Sent.Length} came");
        Assert.Equal(Enumerable.Range(0, 49).Select(i => $"m {i}"), Sent.Distinct());
        Assert.Contains(_site.Log, l => l.Contains($"message {damaged} of `test/handler/mqtt/in/#` is damaged", StringComparison.Ordinal));
        Assert.Equal(1, again.Inbox!.Value.Damaged);
    }

    [Fact]
    public async Task Flow_GoesFromComponentToComponent_AndToNoBroker()
    {
        await using EdgeNode node = await _site.Start("""
            mote = 1
            [app]
            name = "test"
            [[trigger.mqtt]]
            topic = "in/#"
            component = "first"
            [[trigger.flow]]
            topic = "counts"
            component = "second"
            [component.first]
            source = "handler.wasm"
            [component.first.grants]
            keyvalue = ["default"]
            publish = ["counts"]
            [component.second]
            source = "handler.wasm"
            [component.second.grants]
            publish = ["out"]
            """);
        await using Client client = await Client.Connect(node.Broker!.Address);
        await client.Subscribe("#");
        for (int i = 0; i < 10; i++) Assert.True((await client.Publish("in/x", "c")).IsSuccess);
        await client.Until(20);
        Assert.Equal(10, client.Received.Count(m => m.Topic == "in/x"));
        Assert.Equal(Enumerable.Range(1, 10).Select(i => (long)i), client.Received.Where(m => m.Topic == "out").Select(m => BitConverter.ToInt64(m.Data)));
        Assert.DoesNotContain(client.Received, m => m.Topic == "counts");
        // The acknowledgement of the first is that of the chain.
        Assert.Equal(10, node.Queues.Single(q => q.Component.Name == "second").Counts.Handled);
    }

    [Fact]
    public async Task EgressBudget_HoldsForMessages_AndForDeadLetters()
    {
        await using EdgeNode node = await _site.Start(TestSite.AppOnce.Replace("time = \"500ms\"", "time = \"500ms\"\negress = \"100B/d\"", StringComparison.Ordinal));
        await using Client client = await Client.Connect(node.Broker!.Address);
        var letters = new List<MQTTnet.MqttApplicationMessage>();
        client.Mqtt.ApplicationMessageReceivedAsync += e =>
        {
            if (e.ApplicationMessage.Topic.StartsWith("dead-letter/", StringComparison.Ordinal)) letters.Add(e.ApplicationMessage);
            return Task.CompletedTask;
        };
        await client.Subscribe("out");
        await client.Subscribe("dead-letter/#");
        for (int i = 0; i < 4; i++) await client.Publish("in/x", $"{i} of twenty-five bytes, about"); // with its topic: 32 bytes
        await client.Publish("in/x", "!and one that fails");
        await client.Until(4);
        Assert.Equal(["0 of twenty-five bytes, about", "1 of twenty-five bytes, about", "2 of twenty-five bytes, about"], client.Received.Where(m => m.Topic == "out").Select(m => Encoding.UTF8.GetString(m.Data)));
        MQTTnet.MqttApplicationMessage letter = Assert.Single(letters);
        Assert.True(letter.Payload.IsEmpty); // the message itself would have gone out that way
        Assert.Contains(letter.UserProperties, p => p.Name == "mote-withheld");
        Assert.Contains(_site.Log, l => l.Contains("egress = ", StringComparison.Ordinal) || l.Contains("raise `egress`", StringComparison.Ordinal));
    }
}
