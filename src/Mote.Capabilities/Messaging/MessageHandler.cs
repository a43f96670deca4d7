// What a component exports to be given messages, whichever of the interfaces it is: wasi:messaging's, wasmCloud's, or ours for
// several at once.
using Mote.Components;
using Mote.Components.Linking;
using Mote.Runtime;
using Mote.Wasmtime;
using Error = Mote.Capabilities.Messaging.IMessagingTypes.Error;

namespace Mote.Capabilities.Messaging;

/// <summary>A component's handler of messages.</summary>
public abstract class MessageHandler
{
    /// <summary>The interfaces, for messages to people.</summary>
    public const string Interfaces = $"{IncomingHandler.InterfaceName}, {BatchHandler.InterfaceName} or {WasmCloudHandler.InterfaceName}";

    /// <summary>True where it takes several messages in one call.</summary>
    public virtual bool TakesBatches => false;

    /// <summary>The interface that it is.</summary>
    public abstract string Interface { get; }

    /// <summary>Finds what a component exports; null where it has none of the interfaces. One that takes batches asks for them.</summary>
    /// <exception cref="ComponentException">A function has another type.</exception>
    public static MessageHandler? Bind(InstanceTemplate template) =>
        BatchHandler.Bind(template) is { } batches ? new MessageBatchHandler(batches)
        : IncomingHandler.Bind(template) is { } wasi ? new OfWasi(wasi) : WasmCloudHandler.Bind(template) is { } cloud ? new OfWasmCloud(cloud) : null;

    /// <summary>Handles one message; an error says that it could not.</summary>
    /// <param name="instance">The instance.</param>
    /// <param name="guest">Its messaging.</param>
    /// <param name="message">The message, which is the guest's from now on.</param>
    /// <exception cref="TrapException">The guest trapped; the instance must not be used any more.</exception>
    public abstract Result<Unit, Error> Handle(ComponentInstance instance, MessagingGuest guest, Message message);

    /// <summary>Handles several messages; an error says that it could not handle any. Only where <see cref="TakesBatches"/>.</summary>
    /// <param name="instance">The instance.</param>
    /// <param name="guest">Its messaging.</param>
    /// <param name="messages">The messages, which are the guest's from now on.</param>
    /// <returns>Those that it could not handle, as it names them: nothing is checked.</returns>
    /// <exception cref="TrapException">The guest trapped; the instance must not be used any more.</exception>
    public virtual Result<BatchHandler.Failure[], Error> HandleBatch(ComponentInstance instance, MessagingGuest guest, ReadOnlySpan<Message> messages) =>
        throw new NotSupportedException($"{Interface} takes one message at a time");

    private sealed class OfWasi(IncomingHandler handler) : MessageHandler
    {
        public override string Interface => IncomingHandler.InterfaceName;

        public override Result<Unit, Error> Handle(ComponentInstance instance, MessagingGuest guest, Message message) => handler.Handle(instance, guest.Received(message));
    }

    private sealed class OfWasmCloud(WasmCloudHandler handler) : MessageHandler
    {
        public override string Interface => WasmCloudHandler.InterfaceName;

        public override Result<Unit, Error> Handle(ComponentInstance instance, MessagingGuest guest, Message message)
        {
            // The guest has a copy in its own memory, and no handle of this one.
            Result<Unit, string> result = handler.HandleMessage(instance, guest.ToBroker(message));
            return result.IsOk ? default(Unit) : new Error.Other(result.Error);
        }
    }
}
