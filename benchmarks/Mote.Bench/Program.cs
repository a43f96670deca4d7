// ./bench NAME [--quick] [--json]: names, keys and targets are those of BENCHMARKS.md.
using System.Globalization;
using Mote.Backends.OnnxRuntime.Isolation;
using Mote.Bench;
using Mote.Bench.Detect;
using Mote.Runtime;

// What is measured from outside runs in processes of its own.
if (args is ["--kestrel", { } kestrelPort]) return await KestrelServer.Run(int.Parse(kestrelPort, CultureInfo.InvariantCulture));
if (args is ["--node", { } nodeFolder, { } nodePort]) return await NodeServer.Run(nodeFolder, int.Parse(nodePort, CultureInfo.InvariantCulture));
if (args is ["--telemetry", { } kind, { } telemetryFolder, { } telemetryPort]) return await TelemetryServers.Run(kind, telemetryFolder, int.Parse(telemetryPort, CultureInfo.InvariantCulture));

// And what is isolated has this program as its worker.
if (args is [CompileWorker.Command, ..]) return CompileWorker.Run(args.AsSpan(1));
if (args is [ModelWorker.Command, ..]) return ModelWorker.Run(args.AsSpan(1));

var benchmarks = new (string Name, string What, Func<bool, Report> Run)[]
{
    ("boundary", "values into a guest, against a bare copy and a bare call", BoundaryBench.Run),
    ("instantiate", "a microVM's start, against a bare core instance, and a million of them", InstantiateBench.Run),
    ("cold-start", "from compiled code on disk to the first answer, against the same with nothing between", ColdStartBench.Run),
    ("http", "a fresh microVM for each request, against raw Kestrel and workerd; bodies of 100 MB", HttpBench.Run),
    ("neighbour", "a healthy app's 99th percentile while another is hostile, against alone", NeighbourBench.Run),
    ("burst", "5,000 apps at zero, each asked once", BurstBench.Run),
    ("density", "what an app at zero and a live microVM hold", DensityBench.Run),
    ("telemetry", "readings through broker, component and outbox, against the same without a component, the bare broker and Node-RED", TelemetryBench.Run),
    ("detect", "the samples' detectors on public data sets, against published methods", DetectBench.Run),
    ("inference", "a model through wasi:nn from a guest, against the same session called from C#", InferenceBench.Run),
    ("camera", "a frame in a guest, against a copy of it; an hour of frames; how many streams two cores carry", CameraBench.Run),
    ("footprint", "what a node holds, idle and after a load", FootprintBench.Run),
};

bool quick = args.Contains("--quick"), json = args.Contains("--json");
string? guests = Environment.GetEnvironmentVariable("MOTE_BENCH_GUESTS");
string[] names = [.. args.Where(a => !a.StartsWith("--", StringComparison.Ordinal))];
if (args.Contains("--list"))
{
    foreach ((string name, string what, _) in benchmarks) Console.WriteLine($"{name,-14} {what}");
    return 0;
}

bool asksHow = args.Contains("--help") || args.Contains("-h");
if (asksHow || names.Length != 1 || benchmarks.All(b => b.Name != names[0]) || args.Any(a => a.StartsWith('-') && a is not ("--quick" or "--json")))
{
    // What is not known is not passed over: a benchmark takes minutes.
    (asksHow ? Console.Out : Console.Error).WriteLine($"usage: ./bench NAME [--quick] [--json]   NAME is one of: {string.Join(", ", benchmarks.Select(b => b.Name))}");
    return asksHow ? 0 : 64;
}

try
{
    Guests.Folder = guests ?? "";
    Report report = benchmarks.First(b => b.Name == names[0]).Run(quick);
    report.Print(json ? Console.Error : Console.Out);
    if (json) Console.WriteLine(report.Json());
    return 0;
}
catch (MissingException e)
{
    Console.Error.WriteLine(e.Message);
    return 3;
}
