// The code that a queue's messages go to.
using Mote.Capabilities.Messaging;
using Mote.Components.Linking;
using Mote.Runtime;

namespace Mote.Triggers;

/// <summary>A component's handler of messages and its microVMs. Disposing of it ends the microVMs and gives up the code.</summary>
/// <param name="template">The linked component.</param>
/// <param name="pool">Its microVMs.</param>
/// <param name="handler">Its handler, bound to the template.</param>
public sealed class MessageTarget(InstanceTemplate template, MicroVmPool pool, MessageHandler handler) : IDisposable
{
    /// <summary>Its microVMs.</summary>
    public MicroVmPool Pool => pool;

    /// <summary>Its handler.</summary>
    public MessageHandler Handler => handler;

    /// <summary>Told when it is disposed of.</summary>
    internal Action? Ended { get; set; }

    /// <inheritdoc/>
    public void Dispose()
    {
        pool.Dispose();
        template.Dispose();
        Ended?.Invoke();
    }
}
