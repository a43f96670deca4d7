// mote:messaging/batch-handler: what a component exports to be given several messages in one call.
using Mote.Components;
using Mote.Components.Linking;
using Error = Mote.Capabilities.Messaging.IMessagingTypes.Error;

namespace Mote.Capabilities.Messaging;

/// <summary>mote:messaging/batch-handler.</summary>
[WitGuest("mote:messaging/batch-handler@0.1.0")]
public partial class BatchHandler;

/// <summary>A component's handler of batches. One message is a batch of one.</summary>
internal sealed class MessageBatchHandler(BatchHandler handler) : MessageHandler
{
    public override bool TakesBatches => true;

    public override string Interface => BatchHandler.InterfaceName;

    public override Result<Unit, Error> Handle(ComponentInstance instance, MessagingGuest guest, Message message)
    {
        Result<BatchHandler.Failure[], Error> result = HandleBatch(instance, guest, [message]);
        return !result.IsOk ? result.Error : result.Value.Length > 0 ? result.Value[0].Error : default(Unit);
    }

    public override Result<BatchHandler.Failure[], Error> HandleBatch(ComponentInstance instance, MessagingGuest guest, ReadOnlySpan<Message> messages)
    {
        var received = new IMessagingTypes.IMessage[messages.Length];
        for (int i = 0; i < messages.Length; i++) received[i] = guest.Received(messages[i]);
        return handler.Handle(instance, received);
    }
}
