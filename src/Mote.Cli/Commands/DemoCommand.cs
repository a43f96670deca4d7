// mote demo: the factory gateway from nothing: simulated machines, a broker, the filter, a collector, and what came of it.
using System.Collections.Concurrent;
using System.CommandLine;
using System.Globalization;
using System.Net;
using System.Text.Json;
using Mote.Cli.Simulation;
using Mote.DataPlane;
using Mote.Node;
using Mote.Packaging;

namespace Mote.Cli.Commands;

internal static class DemoCommand
{
    /// <summary>How long alerts may still come after the last reading.</summary>
    private static readonly TimeSpan s_drain = TimeSpan.FromSeconds(10);

    public static Command Make()
    {
        var dir = new Argument<string>("DIR") { Description = "The app.", DefaultValueFactory = _ => Path.Combine(Environment.GetEnvironmentVariable("MOTE_HOME") ?? ".", "samples", "01-factory") };
        Option<string?> duration = SharedOptions.Time("--duration", "How long the machines run (30s).");
        Option<double> rate = SharedOptions.Number("--rate", "Readings a second.", 4000.0, 1, 1_000_000);
        Option<int> machines = SharedOptions.Number("--machines", "Machines with four sensors each.", 4, 1, 1000);
        Option<int?> seed = SharedOptions.Seed();
        Option<bool> json = SharedOptions.Json();
        var command = new Command("demo", "The factory gateway on simulated machines, for half a minute.") { dir, duration, rate, machines, seed, json };
        command.SetAction(async (r, _) =>
        {
            var options = new MachineOptions
            {
                Machines = r.GetValue(machines),
                Rate = r.GetValue(rate),
                Duration = SharedOptions.TimeOf(r, duration) ?? TimeSpan.FromSeconds(30),
                Seed = r.GetValue(seed) ?? Random.Shared.Next(1_000_000),
            };
            string data = Directory.CreateTempSubdirectory("mote-demo-").FullName;
            try
            {
                return await Run(AppManifest.Load(r.GetValue(dir)!, _ => null), options, data, r.GetValue(json)).ConfigureAwait(false);
            }
            finally
            {
                Directory.Delete(data, recursive: true);
            }
        });
        return command;
    }

    private static async Task<int> Run(AppManifest app, MachineOptions options, string data, bool json)
    {
        TextWriter words = json ? Console.Error : Console.Out;
        using var shutdown = new Shutdown();
        var alerts = new ConcurrentQueue<CloudEvent>();
        var lines = new Lock();
        await using Collector collector = await Collector.StartAsync(new IPEndPoint(IPAddress.Loopback, 0), Path.Combine(data, "events.jsonl"), e =>
        {
            alerts.Enqueue(e);
            lock (lines) words.WriteLine(CollectCommand.Line(e));
        }).ConfigureAwait(false);
        var config = new NodeConfig { Name = "demo", DataFolder = Path.Combine(data, "node"), BrokerListen = "127.0.0.1:0", UpstreamUrl = collector.Url, Compiler = ToolHost.Compiler() };
        await using EdgeNode node = await EdgeNode.StartAsync(config, [app], line =>
        {
            lock (lines) Console.Error.WriteLine(line);
        }, shutdown.Token).ConfigureAwait(false);
        words.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{options.Machines} machines with 4 sensors, {options.Rate:N0} readings a second for {options.Duration!.Value.TotalSeconds:0.#} s, seed {options.Seed}"));
        words.WriteLine($"sensors -> mqtt://{node.Broker!.Address} -> {string.Join(", ", app.Components.Select(c => c.Name))} (a microVM) -> alerts -> {collector.Url}");
        words.WriteLine();

        DateTimeOffset start = DateTimeOffset.UtcNow;
        var machine = new MachineSimulator(options, start);
        Task<PublishSummary> run = Publisher.RunAsync(new Uri($"mqtt://{node.Broker!.Address}"), 1, machine.Messages(), shutdown.Token);
        await ShowProgress(run, node, json, lines).ConfigureAwait(false);
        await run.ConfigureAwait(false);
        await node.DrainAsync(s_drain).ConfigureAwait(false);

        NodeReport report = node.Report();
        Detection found = Detection.Of(machine.Faults, alerts, start);
        words.WriteLine();
        foreach (Fault f in machine.Faults) words.WriteLine(SimulateCommand.Describe(f) + (found.Missed.Contains(f) ? ", not noticed" : ", noticed"));
        words.WriteLine();
        ReportText.Print(words, ReportText.Rows(report).Append(("faults", $"{machine.Faults.Count}, noticed {machine.Faults.Count - found.Missed.Count}, false alarms {found.FalseAlarms}")));
        if (json)
        {
            ReportText.PrintJson(Console.Out, j =>
            {
                j.WriteNumber("seed", options.Seed);
                ReportText.WriteJson(j, report);
                j.WriteNumber("faults", machine.Faults.Count);
                j.WriteNumber("faults_noticed", machine.Faults.Count - found.Missed.Count);
                j.WriteNumber("false_alarms", found.FalseAlarms);
            });
        }

        // The demo is also a check: readings that went in and did not come through would be a fault of ours.
        bool whole = report.MessagesIn > 0 && report.Failed == 0 && report.EventsWaiting == 0 && report.EventsLost == 0 && report.MessagesDropped == 0;
        return whole ? ExitCode.Ok : ExitCode.Failed;
    }

    /// <summary>A line that renews itself, on a terminal only.</summary>
    private static async Task ShowProgress(Task run, EdgeNode node, bool json, Lock lines)
    {
        if (json || Console.IsOutputRedirected) return;
        while (await Task.WhenAny(run, Task.Delay(500)).ConfigureAwait(false) != run)
        {
            NodeReport now = node.Report();
            lock (lines) Console.Write($"  {ReportText.Count(now.MessagesIn)} readings in, {now.EventsOut} alerts out\r");
        }
    }

    /// <summary>Which faults raised an alarm, and how many alarms had no fault.</summary>
    private sealed record Detection(IReadOnlyList<Fault> Missed, int FalseAlarms)
    {
        /// <summary>An alarm may come after a fault's end: what was seen then is judged at the end of its window, and a machine settles for a while.</summary>
        private static readonly TimeSpan s_grace = TimeSpan.FromSeconds(1);

        public static Detection Of(IReadOnlyList<Fault> faults, IEnumerable<CloudEvent> alerts, DateTimeOffset start)
        {
            var missed = new List<Fault>(faults);
            int wrong = 0;
            foreach (CloudEvent e in alerts)
            {
                if (Alarm(e) is not var (series, time)) continue;
                Fault? fault = faults.FirstOrDefault(f => series.Contains($"/{f.Machine}/", StringComparison.Ordinal) && time >= start + f.Start && time <= start + f.End + s_grace);
                if (fault is null) wrong++;
                else missed.Remove(fault);
            }

            return new Detection(missed, wrong);
        }

        private static (string Series, DateTimeOffset Time)? Alarm(CloudEvent e)
        {
            try
            {
                using JsonDocument json = JsonDocument.Parse(e.Data);
                JsonElement root = json.RootElement;
                if (root.GetProperty("state").GetString() != "raised") return null;
                return (root.GetProperty("series").GetString()!, root.GetProperty("ts").GetDateTimeOffset());
            }
            catch (Exception x) when (x is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
            {
                return null; // an app of the user's own, with alerts of another form
            }
        }
    }
}
