// mote ledger: what came in for each app, what left the node, and what did not have to, by topic; and what was written to
// the disk on each day.
using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Mote.DataPlane;
using Mote.Node;

namespace Mote.Cli.Commands;

internal static class LedgerCommand
{
    public static Command Make()
    {
        var node = new RunningNode();
        Option<bool> json = SharedOptions.Json();
        var command = new Command("ledger", "Show what came in for each app of a running node, what left it, and what was saved, by topic; and what was written to the disk.");
        node.AddTo(command);
        command.Add(json);
        command.SetAction(async (r, token) =>
        {
            NodeStatus status = await node.AskAsync(r, token).ConfigureAwait(false);
            if (status.Ledger is not { } ledger) throw new CliException(ExitCode.Unavailable, "the node is of a version that keeps no ledger: start it anew with this one");
            if (r.GetValue(json)) Console.Out.WriteLine(JsonSerializer.Serialize(ledger, StatusJson.Default.NodeLedger));
            else Print(Console.Out, ledger);
            return ExitCode.Ok;
        });
        return command;
    }

    private static void Print(TextWriter to, NodeLedger ledger)
    {
        var rows = new List<string[]> { (string[])["APP", "TOPIC", "MESSAGES IN", "BYTES IN", "MESSAGES OUT", "BYTES OUT", "SAVED", ""] };
        foreach (LedgerOfApp app in ledger.Apps)
        {
            foreach (LedgerRow r in app.Topics) rows.Add(Row(app.App, r.Topic ?? "(others)", r));
            rows.Add(Row(app.App, "(all)", app.All));
        }

        if (rows.Count == 1) to.WriteLine("No message has come or left.");
        else Table(to, rows, words: 2);
        if (rows.Count > 1 && ledger.Since is { } since) to.WriteLine($"Since {since.UtcDateTime.ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture)} UTC.");
        to.WriteLine();
        to.WriteLine("Written to the disk:");
        rows = [["DAY", "ALL", "KERNEL'S COUNT", "FOR"]];
        rows.AddRange(ledger.Disk.Select(d => (string[])[d.Day, AppsCommand.Bytes(d.Total), d.Kernel is { } k ? AppsCommand.Bytes(k) : "-", By(d)]));
        Table(to, rows, words: 1, last: true);
    }

    /// <summary>Purposes, the largest first.</summary>
    internal static string By(WearDay day) => string.Join(", ", day.Written.OrderByDescending(w => w.Value).Select(w => $"{w.Key} {AppsCommand.Bytes(w.Value)}"));

    private static string[] Row(string app, string topic, LedgerRow r) =>
    [
        app, ControlFree(topic), ReportText.Count(r.MessagesIn), AppsCommand.Bytes(r.BytesIn), ReportText.Count(r.MessagesOut), AppsCommand.Bytes(r.BytesOut),
        r.BytesIn == 0 ? "-" : $"{(r.BytesSaved < 0 ? "-" : "")}{AppsCommand.Bytes(Math.Abs(r.BytesSaved))}",
        r.BytesIn == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"{100.0 * r.BytesSaved / r.BytesIn:0.00} %"),
    ];

    /// <summary>A topic is text of somebody else's: it must not move the cursor.</summary>
    private static string ControlFree(string topic) => string.Concat((topic.Length > 60 ? $"{topic[..59]}…" : topic).Select(c => char.IsControl(c) ? '?' : c));

    private static void Table(TextWriter to, List<string[]> rows, int words, bool last = false)
    {
        int columns = rows[0].Length;
        int[] widths = [.. Enumerable.Range(0, columns).Select(i => rows.Max(r => r[i].Length))];
        foreach (string[] row in rows) to.WriteLine(string.Join("  ", row.Select((cell, i) => last && i == columns - 1 ? cell : i < words ? cell.PadRight(widths[i]) : cell.PadLeft(widths[i]))).TrimEnd());
    }
}
