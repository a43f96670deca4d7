// What came in for an app, what of it left the node, and so what did not have to: by topic.
using System.Collections.Concurrent;

namespace Mote.DataPlane;

/// <summary>A topic of an app's ledger. Bytes are those of topics, data and metadata.</summary>
/// <param name="Topic">The topic; null for all those beyond <see cref="AppLedger.MostTopics"/> together.</param>
/// <param name="MessagesIn">Messages that came on it, from outside the node or from another app.</param>
/// <param name="BytesIn">Their bytes.</param>
/// <param name="MessagesOut">Messages that left the node on it: upstream, to an external broker, to NATS.</param>
/// <param name="BytesOut">Their bytes.</param>
/// <param name="BytesMade">Bytes that left, on any topic, of what the app made of messages that came on this one.</param>
public sealed record LedgerRow(string? Topic, long MessagesIn, long BytesIn, long MessagesOut, long BytesOut, long BytesMade)
{
    /// <summary>Bytes that came and did not have to leave; below zero where more left than came.</summary>
    public long BytesSaved => BytesIn - BytesMade;

    internal bool IsEmpty => this is { MessagesIn: 0, BytesIn: 0, MessagesOut: 0, BytesOut: 0, BytesMade: 0 };

    internal LedgerRow Plus(LedgerRow? other) => other is null ? this
        : new(Topic, MessagesIn + other.MessagesIn, BytesIn + other.BytesIn, MessagesOut + other.MessagesOut, BytesOut + other.BytesOut, BytesMade + other.BytesMade);
}

/// <summary>The ledger of one app. Safe to use from many threads.</summary>
/// <param name="app">The app's name.</param>
/// <param name="inside">Filters of the app's flows: what comes by them has come before.</param>
public sealed class AppLedger(string app, IReadOnlySet<string> inside)
{
    /// <summary>One that goes on from where an earlier run was.</summary>
    /// <param name="app">The app's name.</param>
    /// <param name="inside">Filters of the app's flows.</param>
    /// <param name="before">Rows of the earlier run.</param>
    public AppLedger(string app, IReadOnlySet<string> inside, IReadOnlyList<LedgerRow> before)
        : this(app, inside)
    {
        ArgumentNullException.ThrowIfNull(before);
        foreach (LedgerRow row in before)
        {
            // Beyond the most, where the bound was a higher one then.
            Cells cells = row.Topic is null ? _others : Of(row.Topic);
            cells.Before = (row with { Topic = null }).Plus(cells.Before);
        }
    }

    /// <summary>Most topics that are counted by name: those that came first. The others are one row.</summary>
    public const int MostTopics = 64;

    private readonly ConcurrentDictionary<string, Cells> _topics = new();
    private readonly Cells _others = new();
    private int _count;

    /// <summary>The app's name.</summary>
    public string App { get; } = app;

    /// <summary>What this run has counted: topics in the order of their names, and the row of all others where there is one.</summary>
    public IReadOnlyList<LedgerRow> Rows => [.. All(static (cells, topic) => cells.Row(topic))];

    /// <summary>The same of all runs.</summary>
    public IReadOnlyList<LedgerRow> Totals => [.. All(static (cells, topic) => cells.Row(topic).Plus(cells.Before))];

    private IEnumerable<LedgerRow> All(Func<Cells, string?, LedgerRow> row) =>
        _topics.OrderBy(t => t.Key, StringComparer.Ordinal).Select(t => row(t.Value, t.Key)).Append(row(_others, null)).Where(r => !r.IsEmpty);

    /// <summary>A message came for one of the app's components.</summary>
    /// <param name="filter">What its trigger asks for.</param>
    /// <param name="topic">Where it came from.</param>
    /// <param name="bytes">Its bytes.</param>
    public void In(string? filter, string topic, long bytes)
    {
        if (filter is not null && inside.Contains(filter)) return;
        Cells cells = Of(topic);
        Interlocked.Increment(ref cells.MessagesIn);
        Interlocked.Add(ref cells.BytesIn, bytes);
    }

    /// <summary>A message of one of the app's components left the node.</summary>
    /// <param name="from">The topic of the message that it was made of; null where there was none (a request, a timer), or <see cref="Made"/> says it.</param>
    /// <param name="topic">Where it went.</param>
    /// <param name="bytes">Its bytes, of all copies.</param>
    public void Out(string? from, string topic, long bytes)
    {
        Cells cells = Of(topic);
        Interlocked.Increment(ref cells.MessagesOut);
        Interlocked.Add(ref cells.BytesOut, bytes);
        if (from is not null) Made(from, bytes);
    }

    /// <summary>So much of what left was made of messages of a topic.</summary>
    /// <param name="from">The topic.</param>
    /// <param name="bytes">Bytes.</param>
    public void Made(string from, long bytes) => Interlocked.Add(ref Of(from).BytesMade, bytes);

    private Cells Of(string topic)
    {
        if (_topics.TryGetValue(topic, out Cells? cells)) return cells;
        // About as many: who comes at the same moment may be one more.
        if (Volatile.Read(ref _count) >= MostTopics) return _others;
        cells = new Cells();
        if (!_topics.TryAdd(topic, cells)) return _topics[topic];
        Interlocked.Increment(ref _count);
        return cells;
    }

    private sealed class Cells
    {
        public long MessagesIn;
        public long BytesIn;
        public long MessagesOut;
        public long BytesOut;
        public long BytesMade;

        /// <summary>What earlier runs have counted.</summary>
        public LedgerRow? Before;

        public LedgerRow Row(string? topic) => new(topic, Volatile.Read(ref MessagesIn), Volatile.Read(ref BytesIn), Volatile.Read(ref MessagesOut), Volatile.Read(ref BytesOut), Volatile.Read(ref BytesMade));
    }
}
