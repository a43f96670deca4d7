// mote apps: what the components of a running node do, and what they have used.
using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Mote.Node;

namespace Mote.Cli.Commands;

internal static class AppsCommand
{
    public static Command Make()
    {
        var node = new RunningNode();
        Option<bool> json = SharedOptions.Json();
        var command = new Command("apps", "Show the components of a running node, and what they have used.");
        node.AddTo(command);
        command.Add(json);
        command.SetAction(async (r, token) =>
        {
            NodeStatus status = await node.AskAsync(r, token).ConfigureAwait(false);
            if (r.GetValue(json)) Console.Out.WriteLine(JsonSerializer.Serialize(status, StatusJson.Default.NodeStatus));
            else Print(Console.Out, status);
            return ExitCode.Ok;
        });
        return command;
    }

    private static void Print(TextWriter to, NodeStatus node)
    {
        to.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{node.Name}: process {node.ProcessId}, up {Age(node.UptimeSeconds)}, {Mebibytes(node.ResidentBytes)} in RAM, {node.MicroVmThreads} microVM threads, {node.Mappings.Used:n0} of {node.Mappings.Limit:n0} memory mappings{(node.Mappings.Refused == 0 ? "" : $" ({node.Mappings.Refused:n0} guests refused for want of one)")}{(node.Http is null ? "" : $", {node.Http}")}"));
        to.WriteLine();
        string[][] rows =
        [
            ["APP", "COMPONENT", "TRIGGER", "STATE", "EVENTS", "FAILED", "REFUSED", "STARTED", "LIVE", "CPU", "PEAK", "IN", "OUT"],
            .. node.Components.Select(c => (string[])
            [
                c.App, c.Component, c.Camera is null ? c.Trigger : $"{c.Trigger} {c.Camera}", c.State switch { ComponentState.Zero => "at zero", ComponentState.Loaded => "loaded", _ => "running" },
                ReportText.Count(c.Received), ReportText.Count(c.Failed), ReportText.Count(c.Refused), ReportText.Count(c.MicroVmsStarted), ReportText.Count(c.MicroVmsLive),
                string.Create(CultureInfo.InvariantCulture, $"{c.CpuSeconds:0.00} s"), Mebibytes(c.PeakMemoryBytes), Bytes(c.BytesIn), Bytes(c.BytesOut),
            ]),
        ];
        int[] widths = [.. Enumerable.Range(0, rows[0].Length).Select(i => rows.Max(r => r[i].Length))];
        // Words to the left, numbers to the right.
        foreach (string[] row in rows) to.WriteLine(string.Join("  ", row.Select((cell, i) => i < 4 ? cell.PadRight(widths[i]) : cell.PadLeft(widths[i]))));
    }

    internal static string Mebibytes(long bytes) => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1048576.0:0.0} MiB");

    internal static string Bytes(long n) => n < 1024 ? $"{n} B" : n < 1048576 ? string.Create(CultureInfo.InvariantCulture, $"{n / 1024.0:0.0} KiB") : Mebibytes(n);

    private static string Age(double seconds) => TimeSpan.FromSeconds(seconds) is var t && t.TotalHours >= 1
        ? string.Create(CultureInfo.InvariantCulture, $"{(long)t.TotalHours} h {t.Minutes} min")
        : t.TotalMinutes >= 1 ? $"{t.Minutes} min {t.Seconds} s" : string.Create(CultureInfo.InvariantCulture, $"{seconds:0.0} s");
}
