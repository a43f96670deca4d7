// wasi:messaging: what a component sends while it handles an event is kept until it has handled it, and then goes out; a
// handler that fails sends nothing.
using System.Diagnostics;
using Mote.Components;
using Mote.Components.Linking;
using Mote.Runtime;
using Mote.Runtime.Telemetry;
using Mote.Wasmtime;
using Error = Mote.Capabilities.Messaging.IMessagingTypes.Error;

namespace Mote.Capabilities.Messaging;

/// <summary>A broker as guests reach it.</summary>
public interface IMessageBroker
{
    /// <summary>The client whose name always means this broker: what a request that waits on disk remembers of it.</summary>
    string Name => "mqtt";

    /// <summary>Sends a request and waits for answers.</summary>
    /// <exception cref="MessagingException">The broker is not there, or no answer came in time.</exception>
    IReadOnlyList<Message> Request(string topic, Message message, int expected, TimeSpan timeout);

    /// <summary>Sends an answer at once.</summary>
    /// <exception cref="MessagingException">The broker is not there.</exception>
    void Reply(ReplyAddress to, Message message);
}

/// <summary>A message that a component sent while it handled an event.</summary>
/// <param name="Topic">Where it goes.</param>
/// <param name="Message">The message.</param>
/// <param name="Client">The client it was sent by, as the component has named it; empty is the default one.</param>
public readonly record struct Published(string Topic, Message Message, string Client = "");

/// <summary>Hosts wasi:messaging types, producer and request-reply, and wasmcloud:messaging types and consumer.</summary>
/// <param name="broker">The broker behind the name of a component's client; null where there is none. The name `default` is asked for as an empty one.</param>
public sealed class MessagingCapability(Func<AppComponent, string, IMessageBroker?> broker) : Capability<MessagingGuest>
{
    /// <inheritdoc/>
    public override void Link(ComponentLinker linker)
    {
        IMessagingTypes.Define(linker, Guest);
        IProducer.Define(linker, Guest);
        IRequestReply.Define(linker, Guest);
        IWasmCloudTypes.Define(linker, Guest);
        IWasmCloudConsumer.Define(linker, Guest);
    }

    /// <inheritdoc/>
    protected override MessagingGuest Prepare(MicroVm vm) => new(vm, broker);
}

/// <summary>wasi:messaging for one instance.</summary>
public sealed partial class MessagingGuest(MicroVm vm, Func<AppComponent, string, IMessageBroker?> broker) : IMessagingTypes, IProducer, IRequestReply
{
    /// <summary>Most messages that one event may send.</summary>
    public const int MaxPerEvent = 10_000;

    /// <summary>Most bytes that one event may send: data, names and values.</summary>
    public const long MaxBytesPerEvent = 16 << 20;

    /// <summary>
    /// Most bytes of the messages that a guest holds: they are in the host's memory, which the guest's own limit does
    /// not count.
    /// </summary>
    public const long MaxBytesHeld = 64 << 20;

    /// <summary>Most messages that one event may send to the view.</summary>
    public const int MaxShownPerEvent = 64;

    /// <summary>Most bytes of them together.</summary>
    public const long MaxShownBytesPerEvent = 256 << 10;

    private static readonly TimeSpan s_defaultTimeout = TimeSpan.FromSeconds(5);

    private readonly List<Published> _published = [];
    private readonly List<Published> _forView = [];
    private int _shown;
    private long _shownBytes;
    private long _bytes;
    private long _spent;
    private long _spentAt;
    private long _held;

    /// <summary>What was sent since the last time this was asked; the guest's event is over.</summary>
    public Published[] TakePublished()
    {
        if (vm.Component.View is { IsLookedAt: true } view)
        {
            foreach (Published p in _forView) view.Show(p.Topic, p.Message.Type, p.Message.Bytes, isForView: true);
            foreach (Published p in _published) view.Show(p.Topic, p.Message.Type, p.Message.Bytes, isForView: false);
        }

        Published[] taken = _published.Count == 0 ? [] : [.. _published];
        Clear();
        return taken;
    }

    /// <summary>Forgets what was sent: the event failed. It has not left, and so it is none of the component's egress.</summary>
    public void Discard()
    {
        if (_spent > 0) vm.Component.NotSent(_spent, Stopwatch.GetElapsedTime(_spentAt));
        Clear();
    }

    private void Clear()
    {
        _published.Clear();
        _bytes = 0;
        _spent = 0;
        _forView.Clear();
        _shown = 0;
        _shownBytes = 0;
    }

    /// <inheritdoc/>
    public Result<IMessagingTypes.IClient, Error> ClientConnect(string name) =>
        name is "" or "default" ? Result<IMessagingTypes.IClient, Error>.Ok(new Client(""))
        : broker(vm.Component, name) is not null ? Result<IMessagingTypes.IClient, Error>.Ok(new Client(name))
        : new Error.Connection($"there is no broker named `{name}` here: the node's own is `default`, and [messaging.clients] in node.toml names others");

    /// <inheritdoc/>
    public IMessagingTypes.IMessage NewMessage(ReadOnlySpan<byte> data)
    {
        CheckRoom(data.Length);
        return Received(new Message(data.ToArray()));
    }

    /// <summary>A message goes into the guest's hands.</summary>
    public Message Received(Message message)
    {
        _held += message.Size;
        message.Resizing = bytes =>
        {
            CheckRoom(bytes);
            _held += bytes;
        };
        return message;
    }

    private void CheckRoom(long bytes)
    {
        if (bytes > 0 && _held + bytes > MaxBytesHeld) throw new TrapException($"the messages that a component holds may have {MaxBytesHeld} bytes together");
    }

    /// <inheritdoc/>
    public Result<Unit, Error> Send(IMessagingTypes.IClient c, string topic, IMessagingTypes.IMessage message)
    {
        Result<Unit, Error> sent = Enqueue(NameOf(c), topic, (Message)message);
        if (!sent.IsOk) ((Message)message).Dispose(); // the guest has it no more, and nobody else has it
        return sent;
    }

    /// <summary>Keeps a message until the event is over.</summary>
    private Result<Unit, Error> Enqueue(string client, string topic, Message m)
    {
        if (IsForView(topic)) return Show(topic, m);
        if (Refusal(topic) is { } error) return error;
        if (_published.Count >= MaxPerEvent) return new Error.Other($"one event may send {MaxPerEvent} messages");
        long size = m.Size;
        if (_bytes + size > MaxBytesPerEvent) return new Error.Other($"one event may send {MaxBytesPerEvent} bytes");
        if (!vm.Component.StaysInside(client, topic))
        {
            if (OverBudget(topic, m) is { } over) return over;
            if (vm.Component.Limits.Egress is not null)
            {
                if (_spent == 0) _spentAt = Stopwatch.GetTimestamp();
                _spent += m.WireBytes(topic);
            }
        }

        _bytes += size;
        m.PassOn(); // out of the guest's hands
        using Activity? span = Span(vm, "send", ActivityKind.Producer, topic, m);
        _published.Add(new Published(topic, m, client));
        return default(Unit);
    }

    private bool IsForView(string topic) => vm.Component.Grants.View.Contains(topic) && !vm.Component.Grants.Publish.Contains(topic);

    /// <summary>
    /// Keeps a message for the view until the event is over. It is none of what the component sends: it has no broker, no
    /// budget and no account. What the component is answered is the same whether somebody looks or not: it cannot tell.
    /// </summary>
    private Result<Unit, Error> Show(string topic, Message m)
    {
        long size = m.WireBytes(topic);
        if (_shown >= MaxShownPerEvent) return new Error.Other($"one event may send {MaxShownPerEvent} messages to the view");
        if (_shownBytes + size > MaxShownBytesPerEvent) return new Error.Other($"one event may send {MaxShownBytesPerEvent} bytes to the view");
        _shown++;
        _shownBytes += size;
        if (vm.Component.View is not { IsLookedAt: true })
        {
            m.Dispose();
            return default(Unit);
        }

        m.PassOn();
        _forView.Add(new Published(topic, m));
        return default(Unit);
    }

    private Error.PermissionDenied? OverBudget(string? topic, Message m) => vm.Component.MaySend(m.WireBytes(topic)) ? null
        : new Error.PermissionDenied($"this would be more than the component may send: egress = \"{vm.Component.Limits.Egress}\" under its limits");

    private Error.PermissionDenied? Refusal(string topic)
    {
        if (vm.Component.Grants.Publish.Contains(topic)) return null;
        if (IsForView(topic)) return new Error.PermissionDenied($"`{topic}` goes to the device's view (`view` under the component's grants), where nobody answers");
        vm.Component.Denied($"sending to topic `{topic}`", $"publish = [\"{topic}\"]");
        return new Error.PermissionDenied($"sending to `{topic}` is not granted: publish = [\"{topic}\"]");
    }

    /// <inheritdoc/>
    public IRequestReply.IRequestOptions NewRequestOptions() => new RequestOptions();

    /// <inheritdoc/>
    public Result<IMessagingTypes.IMessage[], Error> Request(IMessagingTypes.IClient c, string topic, IMessagingTypes.IMessage message, IRequestReply.IRequestOptions? options)
    {
        ((Message)message).PassOn(); // whatever becomes of it
        if (Refusal(topic) is { } error) return error;
        var o = (RequestOptions?)options ?? new RequestOptions();
        Result<IReadOnlyList<Message>, Error> answers = Ask(NameOf(c), topic, (Message)message, o.Expected, o.Timeout ?? s_defaultTimeout);
        return answers.IsOk ? answers.Value.Select(IMessagingTypes.IMessage (m) => Received(m)).ToArray() : answers.Error;
    }

    /// <summary>Sends a request at once and waits, no longer than the call may last.</summary>
    private Result<IReadOnlyList<Message>, Error> Ask(string client, string topic, Message message, int expected, TimeSpan timeout)
    {
        if (broker(vm.Component, client) is not { } asked) return new Error.Connection("this component has no broker");
        if (OverBudget(topic, message) is { } over) return over;
        TimeSpan remaining = vm.Remaining;
        if (remaining != Timeout.InfiniteTimeSpan && remaining < timeout) timeout = remaining;
        using Activity? span = Span(vm, "request", ActivityKind.Client, topic, message);
        try
        {
            return Result<IReadOnlyList<Message>, Error>.Ok(asked.Request(topic, message, expected, timeout));
        }
        catch (MessagingException e)
        {
            Tracing.Fail(span, e.Fault.ToString().ToLowerInvariant(), e.Message);
            return e.ToError();
        }
    }

    /// <summary>A span of sending, and its trace in the message.</summary>
    private static Activity? Span(MicroVm vm, string operation, ActivityKind kind, string? topic, Message message)
    {
        Activity? span = Tracing.HostCall(vm, operation, topic, kind);
        span?.SetTag("messaging.system", "mqtt").SetTag("messaging.operation.type", "send").SetTag("messaging.operation.name", operation).SetTag("messaging.destination.name", topic)
            .SetTag("messaging.message.body.size", message.Bytes.Length);
        if (Tracing.Current is { } current) message.SetTrace(current.Id!, current.TraceStateString);
        return span;
    }

    /// <inheritdoc/>
    public Result<Unit, Error> Reply(IMessagingTypes.IMessage replyTo, IMessagingTypes.IMessage message)
    {
        ((Message)message).PassOn(); // whatever becomes of it
        if (((Message)replyTo).ReplyTo is not { } address) return new Error.Other("this message was not sent as a request: nobody waits for an answer");
        if ((address.Via ?? broker(vm.Component, "mqtt")) is not { } asked) return new Error.Connection("this component has no broker");
        if (OverBudget(null, (Message)message) is { } over) return over;
        try
        {
            var m = (Message)message;
            using Activity? span = Span(vm, "reply", ActivityKind.Producer, null, m);
            asked.Reply(address, m);
            return default(Unit);
        }
        catch (MessagingException e)
        {
            return e.ToError();
        }
    }

    private static string NameOf(IMessagingTypes.IClient client) => (client as Client)?.Name ?? "";

    private sealed class Client(string name) : IMessagingTypes.IClient
    {
        public string Name { get; } = name;

        public Result<Unit, Error> Disconnect() => default(Unit);
    }

    private sealed class RequestOptions : IRequestReply.IRequestOptions
    {
        public TimeSpan? Timeout { get; private set; }

        public int Expected { get; private set; } = 1;

        public void SetTimeoutMs(uint timeoutMs) => Timeout = TimeSpan.FromMilliseconds(timeoutMs);

        public void SetExpectedReplies(uint expectedReplies) => Expected = (int)Math.Clamp(expectedReplies, 1, 1000);
    }
}
