// What one component sends another in the same node.
using System.Threading.Channels;
using Mote.Capabilities.Messaging;

namespace Mote.Triggers.Mqtt;

/// <summary>Gives messages of components to components.</summary>
public static class MessageFeed
{
    /// <summary>How long a message of a component waits for room at the next component: it may be what must make the room.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <summary>Gives a message to a component, waiting a while where it has no room.</summary>
    /// <param name="route">To which.</param>
    /// <param name="message">The message.</param>
    /// <param name="done">Told what became of it.</param>
    /// <returns>False where there was no room.</returns>
    public static bool Feed(this MqttRoute route, Message message, Action<Outcome> done)
    {
        using var patience = new CancellationTokenSource();
        try
        {
            ValueTask accepted = route.AcceptAsync(message, done, patience.Token);
            if (accepted.IsCompletedSuccessfully) return true;
            patience.CancelAfter(Patience);
            accepted.AsTask().GetAwaiter().GetResult();
            return true;
        }
        catch (ChannelClosedException)
        {
            done(Outcome.NotDelivered); // the node is stopping
            return true;
        }
        catch (OperationCanceledException)
        {
            done(Outcome.NotDelivered);
            return false;
        }
    }
}
