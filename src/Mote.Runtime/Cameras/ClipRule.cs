// When pictures of a camera are kept, and how many.
namespace Mote.Runtime.Cameras;

/// <summary>What makes a node keep pictures that a component saw.</summary>
/// <param name="On">Topics: a message of the component on one of them.</param>
/// <param name="PreRoll">How long before the message.</param>
/// <param name="PostRoll">How long after the last one.</param>
public sealed record ClipRule(IReadOnlyList<string> On, TimeSpan PreRoll, TimeSpan PostRoll);
