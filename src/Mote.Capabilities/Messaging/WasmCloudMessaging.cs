// wasmcloud:messaging@0.2.0, so that components written for wasmCloud run as they are: the same grants, limits and
// transaction as wasi:messaging. A subject is a topic, letter for letter.
using System.Diagnostics;
using System.Globalization;
using Mote.Components;
using Mote.Runtime.Telemetry;
using Mote.Wasmtime;

namespace Mote.Capabilities.Messaging;

/// <summary>wasmcloud:messaging/types.</summary>
[WitHost("wasmcloud:messaging/types@0.2.0")]
public partial interface IWasmCloudTypes;

/// <summary>wasmcloud:messaging/consumer.</summary>
[WitHost("wasmcloud:messaging/consumer@0.2.0")]
public partial interface IWasmCloudConsumer;

/// <summary>wasmcloud:messaging/handler: what a component of wasmCloud exports to be given messages.</summary>
[WitGuest("wasmcloud:messaging/handler@0.2.0")]
public partial class WasmCloudHandler;

public sealed partial class MessagingGuest : IWasmCloudTypes, IWasmCloudConsumer
{
    /// <summary>Most requests whose answers a component may still send.</summary>
    private const int MaxReplies = 256;

    /// <summary>Where answers go, by the text that the guest was given as `reply-to`.</summary>
    private readonly Dictionary<string, ReplyAddress> _replies = [];
    private readonly Queue<string> _oldest = new();
    private long _requests;

    /// <summary>A message as a component of wasmCloud is given it.</summary>
    internal IWasmCloudTypes.BrokerMessage ToBroker(Message message)
    {
        string? replyTo = null;
        if (message.ReplyTo is { } address)
        {
            // An address is more than a topic (MQTT's correlation data), so that the text stands for it, and only here.
            replyTo = string.Create(CultureInfo.InvariantCulture, $"{address.Topic}/{++_requests}");
            _replies[replyTo] = address;
            _oldest.Enqueue(replyTo);
            if (_oldest.Count > MaxReplies) _replies.Remove(_oldest.Dequeue());
        }

        return new IWasmCloudTypes.BrokerMessage(message.Topic ?? "", message.Bytes, replyTo);
    }

    /// <inheritdoc/>
    public Result<Unit, string> Publish(IWasmCloudTypes.BrokerMessage msg)
    {
        if (_replies.TryGetValue(msg.Subject, out ReplyAddress? address)) return Answer(address, new Message(msg.Body.ToArray()));
        if (msg.ReplyTo is { } text && _replies.ContainsKey(text)) return "the answer to a request cannot be passed on to somebody else: answer it yourself";
        Result<Unit, IMessagingTypes.Error> sent = Enqueue("", msg.Subject, new Message(msg.Body.ToArray()) { AnswersTo = msg.ReplyTo });
        return sent.IsOk ? default(Unit) : Words(sent.Error);
    }

    /// <inheritdoc/>
    public Result<IWasmCloudTypes.BrokerMessage, string> Request(string subject, ReadOnlySpan<byte> body, uint timeoutMs)
    {
        if (Refusal(subject) is { } refusal) return Words(refusal);
        var message = new Message(body.ToArray());
        Result<IReadOnlyList<Message>, IMessagingTypes.Error> answers = Ask("", subject, message, 1, TimeSpan.FromMilliseconds(timeoutMs));
        if (!answers.IsOk) return Words(answers.Error);
        return new IWasmCloudTypes.BrokerMessage(answers.Value[0].Topic ?? subject, answers.Value[0].Bytes, null);
    }

    private Result<Unit, string> Answer(ReplyAddress address, Message message)
    {
        if ((address.Via ?? broker(vm.Component, "mqtt")) is not { } asked) return "this component has no broker";
        if (OverBudget(null, message) is { } over) return over.Value;
        try
        {
            using Activity? span = Span(vm, "reply", ActivityKind.Producer, null, message);
            asked.Reply(address, message);
            return default(Unit);
        }
        catch (MessagingException e)
        {
            return e.Message;
        }
    }

    private static string Words(IMessagingTypes.Error error) => error switch
    {
        IMessagingTypes.Error.Timeout => "no answer in time",
        IMessagingTypes.Error.Connection c => c.Value,
        IMessagingTypes.Error.PermissionDenied p => p.Value,
        IMessagingTypes.Error.Other o => o.Value,
        _ => "failed",
    };
}
