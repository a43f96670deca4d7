// How many messages a component is given in one call, where it takes several.
namespace Mote.Runtime;

/// <summary>How large a batch of messages may be, and how long it waits to become so.</summary>
/// <param name="Size">Most messages in it.</param>
/// <param name="Wait">How long its first message waits for others; zero takes what is there.</param>
/// <param name="MaxBytes">About as many bytes of topics, data and metadata; one message comes in any case.</param>
public sealed record BatchOptions(int Size, TimeSpan Wait, long MaxBytes)
{
    /// <summary>Most messages where nothing is said.</summary>
    public const int DefaultSize = 100;

    /// <summary>Most messages that may be asked for.</summary>
    public const int MostSize = 1000;

    /// <summary>Bytes where nothing is said.</summary>
    public const long DefaultBytes = 1 << 20;

    /// <summary>Fewest bytes that may be asked for.</summary>
    public const long LeastBytes = 1 << 10;

    /// <summary>Most bytes that may be asked for: as many as one call may send.</summary>
    public const long MostBytes = 16 << 20;

    /// <summary>The wait where nothing is said.</summary>
    public static readonly TimeSpan DefaultWait = TimeSpan.FromMilliseconds(5);

    /// <summary>The longest wait that may be asked for.</summary>
    public static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(1);

    /// <summary>What holds where nothing is said.</summary>
    public static BatchOptions Default { get; } = new(DefaultSize, DefaultWait, DefaultBytes);
}
