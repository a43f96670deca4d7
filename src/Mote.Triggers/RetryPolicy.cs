// What becomes of an event that its component fails at.
using Mote.DataPlane;

namespace Mote.Triggers;

/// <summary>Tries again a few times, each after a longer while, and then sends the message to a dead-letter topic.</summary>
/// <param name="Retries">How often it is tried again.</param>
/// <param name="DeadLetterTopic">Where it goes then, with the reason in its metadata.</param>
public sealed record RetryPolicy(int Retries, string DeadLetterTopic)
{
    /// <summary>The client that dead letters are sent by; empty is the default one.</summary>
    public string Client { get; init; } = "";

    /// <summary>Whoever the event came from keeps it between attempts and gives it again (<see cref="Outcome.Again"/>), in place of the queue.</summary>
    public bool BySource { get; init; }

    /// <summary>How often where nothing is said.</summary>
    public const int DefaultRetries = 3;

    /// <summary>The metadata in which a dead letter says what its topic was.</summary>
    public const string TopicName = "mote-topic";

    /// <summary>The metadata in which it says which component failed: APP/COMPONENT.</summary>
    public const string ComponentName = "mote-component";

    /// <summary>Most characters of the reason.</summary>
    public const int MaxReason = 1000;

    private static readonly Backoff s_backoff = new(TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(10), Factor: 4);

    /// <summary>The topic where nothing is said.</summary>
    public static string TopicOf(string app, string component) => $"dead-letter/{app}/{component}";

    /// <summary>The reason as metadata can have it: in one line, without control characters, which some brokers do not carry.</summary>
    internal static string Reason(string why) => string.Create(Math.Min(why.Length, MaxReason), why, static (line, text) =>
    {
        for (int i = 0; i < line.Length; i++) line[i] = char.IsControl(text[i]) || char.IsSurrogate(text[i]) ? ' ' : text[i];
    });

    /// <summary>How long it waits before a repeated attempt: 100 ms, then four times as long each time, up to 10 s, give or take a quarter.</summary>
    /// <param name="attempt">The attempt; the first repeated one is 1.</param>
    public static TimeSpan DelayBefore(int attempt) => s_backoff.Before(attempt);
}
