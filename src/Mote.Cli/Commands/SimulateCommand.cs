// mote simulate: publishes what a plant's sensors would, or replays what they once did.
using System.CommandLine;
using System.Globalization;
using Mote.Cli.Simulation;

namespace Mote.Cli.Commands;

internal static class SimulateCommand
{
    public static Command Make()
    {
        Option<string?> broker = SharedOptions.Url("--broker", "The broker (mqtt://127.0.0.1:1883).", "mqtt");
        Option<int> machines = SharedOptions.Number("--machines", "Simulated machines with four sensors each.", 4, 1, 10_000);
        Option<double> rate = SharedOptions.Number("--rate", "Messages a second, all sensors together.", 2000.0, 0.001, 10_000_000);
        Option<string?> duration = SharedOptions.Time("--duration", "How long (without end; a replay ends with its file).");
        Option<int?> seed = SharedOptions.Seed();
        Option<string?> faultEvery = SharedOptions.Time("--fault-every", "Mean time between faults in the plant (8s).");
        var noFaults = new Option<bool>("--no-faults") { Description = "Nothing breaks." };
        var prefix = new Option<string>("--prefix") { Description = "First level of the topics.", DefaultValueFactory = _ => "plant" };
        var csv = new Option<string?>("--csv") { Description = "Replay a CSV file with a header: each number is a reading of its column's sensor.", HelpName = "FILE" };
        var skip = new Option<string[]>("--skip") { Description = "A column of the CSV file that is no sensor.", HelpName = "COLUMN", DefaultValueFactory = _ => [] };
        var wav = new Option<string?>("--wav") { Description = "Replay a WAV file of 16-bit PCM as windows of samples (audio/L16).", HelpName = "FILE" };
        Option<int> window = SharedOptions.Number("--window", "Samples of each channel in a window.", 2560, 1, 1_000_000);
        Option<int> qos = SharedOptions.Number("--qos", "MQTT quality of service.", 1, 0, 1);
        Option<bool> json = SharedOptions.Json();
        var command = new Command("simulate", "Publish readings of simulated machines, or replay recorded ones.")
        {
            broker, machines, rate, duration, seed, faultEvery, noFaults, prefix, csv, skip, wav, window, qos, json,
        };
        command.SetAction(async (r, _) =>
        {
            using var shutdown = new Shutdown();
            int chosen = r.GetValue(seed) ?? Random.Shared.Next(1_000_000);
            bool asJson = r.GetValue(json);
            TextWriter words = asJson ? Console.Error : Console.Out;
            MachineSimulator? machine = null;
            CsvReplay? table = null;
            IEnumerable<SimulatedMessage> messages;
            if (r.GetValue(csv) is { } csvFile)
            {
                table = new CsvReplay(Existing(csvFile), r.GetValue(rate), r.GetValue(skip)!, r.GetValue(prefix)!, DateTimeOffset.UtcNow);
                messages = table.Messages();
            }
            else if (r.GetValue(wav) is { } wavFile)
            {
                messages = new WavReplay(Existing(wavFile), r.GetValue(window), r.GetValue(rate), r.GetValue(prefix)!).Messages();
            }
            else
            {
                machine = new MachineSimulator(
                    new MachineOptions
                    {
                        Machines = r.GetValue(machines),
                        Rate = r.GetValue(rate),
                        Duration = SharedOptions.TimeOf(r, duration),
                        FaultEvery = r.GetValue(noFaults) ? null : SharedOptions.TimeOf(r, faultEvery) ?? new MachineOptions().FaultEvery,
                        Seed = chosen,
                        Prefix = r.GetValue(prefix)!,
                    },
                    DateTimeOffset.UtcNow);
                messages = machine.Messages();
                words.WriteLine($"seed {chosen}");
            }

            if (SharedOptions.TimeOf(r, duration) is { } end) messages = messages.TakeWhile(m => m.At < end);
            Uri address = SharedOptions.UrlOf(r, broker) ?? new Uri("mqtt://127.0.0.1:1883");
            PublishSummary sent = await Publisher.RunAsync(address, r.GetValue(qos), messages, shutdown.Token).ConfigureAwait(false);
            words.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{sent.Messages:N0} messages with {sent.Bytes:N0} bytes in {sent.Elapsed.TotalSeconds:0.0} s ({sent.Messages / Math.Max(1e-9, sent.Elapsed.TotalSeconds):N0}/s)"));
            if (sent.Behind > TimeSpan.FromSeconds(1)) words.WriteLine(string.Create(CultureInfo.InvariantCulture, $"the broker made the simulator wait: the last message went {sent.Behind.TotalSeconds:0.0} s late"));
            if (machine is not null)
            {
                foreach (Fault f in machine.Faults) words.WriteLine(Describe(f));
            }

            if (table is { Skipped: > 0 }) words.WriteLine($"{table.Skipped} fields or rows were left out, the first: {table.FirstSkipped}");
            if (asJson)
            {
                ReportText.PrintJson(Console.Out, j =>
                {
                    if (machine is not null) j.WriteNumber("seed", chosen);
                    j.WriteNumber("messages", sent.Messages);
                    j.WriteNumber("bytes", sent.Bytes);
                    j.WriteNumber("seconds", Math.Round(sent.Elapsed.TotalSeconds, 3));
                    if (table is not null) j.WriteNumber("left_out", table.Skipped);
                    j.WriteStartArray("faults");
                    foreach (Fault f in machine?.Faults ?? [])
                    {
                        j.WriteStartObject();
                        j.WriteString("kind", f.Kind.ToString());
                        j.WriteString("machine", f.Machine);
                        j.WriteString("sensor", f.Sensor);
                        j.WriteNumber("start", Math.Round(f.Start.TotalSeconds, 3));
                        j.WriteNumber("end", Math.Round(f.End.TotalSeconds, 3));
                        j.WriteEndObject();
                    }

                    j.WriteEndArray();
                });
            }

            return ExitCode.Ok;
        });
        return command;
    }

    internal static string Describe(Fault f) =>
        string.Create(CultureInfo.InvariantCulture, $"  fault: {f.Kind} on {f.Machine} ({f.Sensor}), from {f.Start.TotalSeconds:0.0} s to {f.End.TotalSeconds:0.0} s");

    private static string Existing(string path) => File.Exists(path) ? path : throw new CliException(ExitCode.NoInput, $"{path}: there is no such file");
}
