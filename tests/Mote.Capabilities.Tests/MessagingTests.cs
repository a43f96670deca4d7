// wasi:messaging as a guest meets it: what it may send, to whom it may ask, and what stays when its event fails.
using System.Text;
using Mote.Capabilities.Messaging;
using Mote.Components;
using Mote.Runtime;
using Mote.Wasmtime;
using static Mote.Capabilities.Tests.Guest;

namespace Mote.Capabilities.Tests;

public sealed class MessagingTests : IDisposable
{
    private const string Types = "wasi:messaging/types@0.2.0-draft", Producer = "wasi:messaging/producer@0.2.0-draft", RequestReply = "wasi:messaging/request-reply@0.2.0-draft";

    private readonly FakeBroker _broker = new();
    private readonly MessagingCapability _messaging;
    private readonly Guest _guest;

    public MessagingTests()
    {
        _messaging = new MessagingCapability((_, name) => name is "" or "mqtt" ? _broker : null);
        _guest = Start(_messaging);
    }

    public void Dispose() => _guest.Dispose();

    private static Guest Start(MessagingCapability messaging, MicroVmLimits? limits = null) =>
        Guest.Start(new CapabilitySet(messaging), App(new Grants { Publish = ["alerts", "ask"] }, limits), Types, Producer, RequestReply);

    private Published[] TakePublished() => _messaging.Guest(_guest.Vm).TakePublished();

    private string Call(string iface, string function, params Value[] arguments) => Show(_guest.Call(iface, function, arguments));

    private Value Client() => _guest.Ok(Types, "[static]client.connect", S("default"))!;

    private Value NewMessage(string data) => _guest.Call(Types, "[constructor]message", Text(data))!;

    [Fact]
    public void Connect_ToTheNodesBroker_AndNoOther()
    {
        Assert.Equal("ok(<client>)", Call(Types, "[static]client.connect", S("default")));
        Assert.Equal("ok(<client>)", Call(Types, "[static]client.connect", S("")));
        Assert.StartsWith("err(connection(", Call(Types, "[static]client.connect", S("mqtt://elsewhere")), StringComparison.Ordinal);
        Assert.Equal("ok", Call(Types, "[method]client.disconnect", Client()));
    }

    [Fact]
    public void Message_KeepsWhatIsSet()
    {
        Value m = NewMessage("one");
        Assert.Equal("'one'", Call(Types, "[method]message.data", m));
        Assert.Equal("none", Call(Types, "[method]message.topic", m));
        Assert.Equal("none", Call(Types, "[method]message.content-type", m));
        Assert.Equal("none", Call(Types, "[method]message.metadata", m));
        _guest.Call(Types, "[method]message.set-data", m, Text("two"));
        _guest.Call(Types, "[method]message.set-content-type", m, S("text/plain"));
        _guest.Call(Types, "[method]message.add-metadata", m, S("a"), S("1"));
        _guest.Call(Types, "[method]message.add-metadata", m, S("b"), S("2"));
        _guest.Call(Types, "[method]message.add-metadata", m, S("a"), S("3"));
        Assert.Equal("'two'", Call(Types, "[method]message.data", m));
        Assert.Equal("some(\"text/plain\")", Call(Types, "[method]message.content-type", m));
        Assert.Equal("some([(\"a\", \"1\"), (\"b\", \"2\"), (\"a\", \"3\")])", Call(Types, "[method]message.metadata", m));
        _guest.Call(Types, "[method]message.remove-metadata", m, S("a"));
        Assert.Equal("some([(\"b\", \"2\")])", Call(Types, "[method]message.metadata", m));
        _guest.Call(Types, "[method]message.set-metadata", m, List(Pair(S("c"), S("4"))));
        Assert.Equal("some([(\"c\", \"4\")])", Call(Types, "[method]message.metadata", m));
    }

    [Fact]
    public void Send_Granted_WaitsForTheEndOfTheEvent()
    {
        Value client = Client();
        Assert.Equal("ok", Call(Producer, "send", client, S("alerts"), NewMessage("one")));
        Assert.Equal("ok", Call(Producer, "send", client, S("alerts"), NewMessage("two")));
        Published[] sent = TakePublished();
        Assert.Equal(["alerts one", "alerts two"], sent.Select(p => $"{p.Topic} {Encoding.UTF8.GetString(p.Message.Bytes.Span)}"));
        Assert.Empty(TakePublished());
        _guest.Ok(Producer, "send", client, S("alerts"), NewMessage("three"));
        _messaging.Guest(_guest.Vm).Discard();
        Assert.Empty(TakePublished());
        Assert.Empty(_broker.Requests);
    }

    [Theory]
    [InlineData("secrets")]
    [InlineData("alerts/sub")]
    [InlineData("Alerts")]
    [InlineData("#")]
    [InlineData("")]
    public void Send_NotGranted_IsDeniedWithTheLineThatAllowsIt(string topic)
    {
        Assert.Equal($"err(permission-denied(\"sending to `{topic}` is not granted: publish = [\"{topic}\"]\"))", Call(Producer, "send", Client(), S(topic), NewMessage("x")));
        Assert.StartsWith("err(permission-denied(", Call(RequestReply, "request", Client(), S(topic), NewMessage("x"), None), StringComparison.Ordinal);
        Assert.Empty(TakePublished());
        Assert.Empty(_broker.Requests);
        Assert.Contains(_guest.Denials, d => d.Contains($"publish = [\"{topic}\"]", StringComparison.Ordinal));
    }

    [Fact]
    public void Send_MoreThanOneEventMay_IsAnError()
    {
        Value client = Client();
        for (int i = 0; i < MessagingGuest.MaxPerEvent; i++) Assert.True(_messaging.Guest(_guest.Vm).Send(null!, "alerts", new Message(default)).IsOk);
        Assert.StartsWith("err(other(", Call(Producer, "send", client, S("alerts"), NewMessage("x")), StringComparison.Ordinal);
        Assert.Equal(MessagingGuest.MaxPerEvent, TakePublished().Length);
        Assert.Equal("ok", Call(Producer, "send", client, S("alerts"), NewMessage("x"))); // the next event begins at zero
    }

    [Fact]
    public void Send_MoreBytesThanOneEventMay_IsAnError_AlsoInNamesAndValues()
    {
        MessagingGuest guest = _messaging.Guest(_guest.Vm);
        byte[] mebibyte = new byte[1 << 20];
        for (int i = 0; i < 16; i++) Assert.True(guest.Send(null!, "alerts", new Message(mebibyte)).IsOk);
        Assert.False(guest.Send(null!, "alerts", new Message(mebibyte)).IsOk);
        guest.Discard();
        var wordy = new Message(default);
        wordy.AddMetadata("k", new string('v', 1 << 20));
        int sent = 0;
        while (sent < 100 && guest.Send(null!, "alerts", wordy).IsOk) sent++;
        Assert.InRange(sent, 1, 16);
    }

    [Fact]
    public void Messages_WithoutEnd_TrapBeforeTheyFillTheHost()
    {
        // 100,000 handles of 16 MiB each would be within the guest's own limits.
        using Guest g = Start(_messaging, new MicroVmLimits { MemoryBytes = 64 << 20, Time = null });
        MessagingGuest guest = _messaging.Guest(g.Vm);
        byte[] large = new byte[8 << 20];
        var kept = new List<IMessagingTypes.IMessage>();
        TrapException e = Assert.Throws<TrapException>(() =>
        {
            for (int i = 0; i < 200; i++) kept.Add(guest.NewMessage(large));
        });
        Assert.Contains("messages", e.Message, StringComparison.Ordinal);
        Assert.InRange(kept.Count, 4, 64);
        // What was given back is free again, and what was sent is no longer the guest's.
        foreach (IMessagingTypes.IMessage m in kept) ((IDisposable)m).Dispose();
        for (int i = 0; i < 100; i++)
        {
            IMessagingTypes.IMessage m = guest.NewMessage(large);
            m.SetData(large);
            m.AddMetadata("a", "b");
            if (i % 2 == 0) Assert.True(guest.Send(null!, "alerts", m).IsOk);
            else ((IDisposable)m).Dispose();
            guest.Discard();
        }
    }

    [Fact]
    public void Message_ThatGrowsWithoutEnd_TrapsToo()
    {
        MessagingGuest guest = _messaging.Guest(_guest.Vm);
        IMessagingTypes.IMessage received = guest.Received(new Message(default));
        string value = new('v', 1 << 20);
        Assert.Throws<TrapException>(() =>
        {
            for (int i = 0; i < 100; i++) received.AddMetadata("k", value);
        });
        Assert.Throws<TrapException>(() => received.SetData(new byte[65 << 20]));
    }

    [Fact]
    public void Request_GivesTheAnswers()
    {
        _broker.Answers = [new Message("yes"u8.ToArray()) { Topic = "somewhere" }, new Message("no"u8.ToArray())];
        Value options = _guest.Call(RequestReply, "[constructor]request-options")!;
        _guest.Call(RequestReply, "[method]request-options.set-timeout-ms", options, U(1234));
        _guest.Call(RequestReply, "[method]request-options.set-expected-replies", options, U(2));
        var answers = (ListValue)_guest.Ok(RequestReply, "request", Client(), S("ask"), NewMessage("ready?"), Some(options))!;
        Assert.Equal(["'yes'", "'no'"], answers.Items.Select(a => Call(Types, "[method]message.data", a)));
        Assert.Equal([("ask", "ready?", 2, TimeSpan.FromMilliseconds(1234))], _broker.Requests);
    }

    [Fact]
    public void Request_WaitsNoLongerThanTheCallMay()
    {
        using Guest g = Start(_messaging, new MicroVmLimits { Time = TimeSpan.FromSeconds(2) });
        _broker.Answers = [new Message("yes"u8.ToArray())];
        Value options = g.Call(RequestReply, "[constructor]request-options")!;
        g.Call(RequestReply, "[method]request-options.set-timeout-ms", options, U(uint.MaxValue));
        g.Ok(RequestReply, "request", g.Ok(Types, "[static]client.connect", S(""))!, S("ask"), g.Call(Types, "[constructor]message", Text("?"))!, Some(options));
        Assert.InRange(_broker.Requests.Single().Timeout, TimeSpan.FromTicks(1), TimeSpan.FromSeconds(2));
    }

    [Theory]
    [InlineData(MessagingFault.Connection, "err(connection(\"the broker said so\"))")]
    [InlineData(MessagingFault.Timeout, "err(timeout)")]
    [InlineData(MessagingFault.Refused, "err(other(\"the broker said so\"))")]
    public void Request_ThatFails_IsAnErrorOfTheInterface(MessagingFault fault, string expected)
    {
        _broker.Fault = fault;
        Assert.Equal(expected, Call(RequestReply, "request", Client(), S("ask"), NewMessage("?"), None));
        var asked = new Message(default) { Topic = "t", ReplyTo = new ReplyAddress("back", default) };
        MessagingGuest guest = _messaging.Guest(_guest.Vm);
        Assert.False(guest.Reply(asked, new Message(default)).IsOk);
    }

    [Fact]
    public void Reply_ToAMessageThatWasNoRequest_IsAnError()
    {
        Assert.StartsWith("err(other(", Call(RequestReply, "reply", NewMessage("a"), NewMessage("b")), StringComparison.Ordinal);
        Assert.Empty(_broker.Replies);
    }

    [Fact]
    public void Reply_NeedsNoGrant_AndGoesToWhoAsked()
    {
        var asked = new Message(default) { Topic = "t", ReplyTo = new ReplyAddress("back", new byte[] { 7 }) };
        Assert.True(_messaging.Guest(_guest.Vm).Reply(asked, new Message("here"u8.ToArray())).IsOk);
        Assert.Equal(["back 7 here"], _broker.Replies);
    }

    [Fact]
    public void WithoutABroker_RequestsAndRepliesSaySo()
    {
        var messaging = new MessagingCapability((_, _) => null);
        using Guest g = Start(messaging);
        Assert.StartsWith("err(connection(", Show(g.Call(RequestReply, "request", g.Ok(Types, "[static]client.connect", S(""))!, S("ask"), g.Call(Types, "[constructor]message", Text("?"))!, None)), StringComparison.Ordinal);
    }

    private sealed class FakeBroker : IMessageBroker
    {
        public List<(string Topic, string Data, int Expected, TimeSpan Timeout)> Requests { get; } = [];

        public List<string> Replies { get; } = [];

        public Message[] Answers { get; set; } = [];

        public MessagingFault? Fault { get; set; }

        public IReadOnlyList<Message> Request(string topic, Message message, int expected, TimeSpan timeout)
        {
            if (Fault is { } fault) throw new MessagingException("the broker said so", fault);
            Requests.Add((topic, Encoding.UTF8.GetString(message.Bytes.Span), expected, timeout));
            return Answers;
        }

        public void Reply(ReplyAddress to, Message message)
        {
            if (Fault is { } fault) throw new MessagingException("the broker said so", fault);
            Replies.Add($"{to.Topic} {to.Correlation.Span[0]} {Encoding.UTF8.GetString(message.Bytes.Span)}");
        }
    }
}
