// What came in, what left and what was written: the part of a node's status that `mote ledger` shows.
using Mote.DataPlane;

namespace Mote.Node;

/// <summary>An app's ledger, of all runs of the node.</summary>
/// <param name="App">The app's name.</param>
/// <param name="All">All its topics together.</param>
/// <param name="Topics">Each topic that is counted by name, and the others as one whose topic is null.</param>
public sealed record LedgerOfApp(string App, LedgerRow All, IReadOnlyList<LedgerRow> Topics)
{
    internal static LedgerOfApp Of(AppLedger ledger)
    {
        IReadOnlyList<LedgerRow> rows = ledger.Totals;
        // Of a flow's topic nothing came from outside: what was made of it was made of what came on another.
        return new LedgerOfApp(ledger.App, new LedgerRow(null, rows.Sum(r => r.MessagesIn), rows.Sum(r => r.BytesIn), rows.Sum(r => r.MessagesOut), rows.Sum(r => r.BytesOut), rows.Sum(r => r.BytesMade)), rows);
    }
}

/// <summary>The ledger of a node.</summary>
/// <param name="Apps">Its apps.</param>
/// <param name="Disk">What was written to the disk on each of the last days, today first.</param>
public sealed record NodeLedger(IReadOnlyList<LedgerOfApp> Apps, IReadOnlyList<WearDay> Disk)
{
    /// <summary>When the apps' counts began; null from a node of a version that counts from its start.</summary>
    public DateTimeOffset? Since { get; init; }
}
