// Text that is not a value of the wanted type.
namespace Mote.Components.Wave;

/// <summary>A fault in WAVE text.</summary>
/// <param name="message">What is wrong and what was expected.</param>
/// <param name="position">Where, in characters from 0.</param>
public sealed class WaveException(string message, int position) : Exception($"{message} (at character {position + 1})")
{
    /// <summary>Where, in characters from 0.</summary>
    public int Position { get; } = position;
}
