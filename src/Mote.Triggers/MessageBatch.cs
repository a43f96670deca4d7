// Events that are given to a component in one call.
namespace Mote.Triggers;

/// <summary>A batch in the hands of one worker, who has the lanes of its events until it gives them back: no other batch has events of their keys.</summary>
internal sealed class MessageBatch
{
    /// <summary>Its events, those of each key in their order.</summary>
    public List<MessageEvent> Events { get; } = [];

    /// <summary>Where they come from.</summary>
    public List<WaitingEvents.Lane> Lanes { get; } = [];
}
