// mote up: runs an app from its manifest on this machine; mote watch: the same, built and replaced whenever a file is saved.
using System.CommandLine;
using Mote.Cli.Building;
using Mote.Node;
using Mote.Packaging;
using Mote.Packaging.Cameras;
using Mote.Packaging.Timers;
using Mote.Runtime.Cameras;
using Mote.Triggers;

namespace Mote.Cli.Commands;

internal static class UpCommand
{
    /// <summary>How long what is in work may take at the end.</summary>
    private static readonly TimeSpan s_drain = TimeSpan.FromSeconds(5);

    public static Command Make() => Make("up", "Run an app until Ctrl-C, and then say what it did.", watch: false);

    public static Command MakeWatch() => Make("watch", "Run an app, and build and replace its components whenever their files change. No event is lost by that.", watch: true);

    private static Command Make(string name, string description, bool watch)
    {
        var dir = new Argument<string>("DIR") { Description = "A folder with a mote.toml, or the file.", DefaultValueFactory = _ => "." };
        Option<string?> config = SharedOptions.Config();
        Option<string[]> variables = SharedOptions.Variables();
        Option<string[]> variableFiles = SharedOptions.VariableFiles();
        var listen = new Option<string?>("--listen") { Description = "Where the embedded MQTT broker listens (127.0.0.1:1883); port 0 chooses one.", HelpName = "ADDRESS:PORT" };
        var http = new Option<string?>("--http") { Description = "Where HTTP is taken (127.0.0.1:3000); port 0 chooses one.", HelpName = "ADDRESS:PORT" };
        Option<string?> broker = SharedOptions.Url("--broker", "An external MQTT broker in place of the embedded one.", "mqtt", "mqtts");
        Option<string?> upstream = SharedOptions.Url("--upstream", "Where alerts go as CloudEvents: a collector (http, https) or a broker (mqtt, mqtts).", "http", "https", "mqtt", "mqtts");
        var data = new Option<string?>("--data") { Description = "The data folder (.mote beside the manifest).", HelpName = "DIR" };
        Option<string?> duration = SharedOptions.Time("--duration", "End by itself after this time.");
        var profile = SharedOptions.Profile();
        var view = new Option<bool>("--view") { Description = "Show events, microVMs, threads and memory as they rise and fall." };
        Option<bool> json = SharedOptions.Json();
        var command = new Command(name, description) { dir, config, variables, variableFiles, http, listen, broker, upstream, data, profile, duration, json };
        if (!watch) command.Add(view); // builds write to the terminal as well
        command.SetAction(async (r, _) =>
        {
            string manifest = AppManifest.FileOf(r.GetValue(dir)!);
            AppManifest Load() => AppManifest.Load(manifest, SharedOptions.VariablesOf(r, variables, variableFiles).Find);
            NodeConfig node = Config(manifest, r.GetValue(config));
            if (r.GetValue(listen) is { } l) node = node with { BrokerListen = l, BrokerUrl = null };
            if (r.GetValue(http) is { } h) node = node with { HttpListen = h };
            if (SharedOptions.UrlOf(r, broker) is { } b) node = node with { BrokerUrl = b };
            if (SharedOptions.UrlOf(r, upstream) is { } u) node = node with { UpstreamUrl = u, UpstreamLogin = u.Scheme is "http" or "https" ? UpstreamLogin.OfUrl(u) : null };
            if (r.GetValue(data) is { } d) node = node with { DataFolder = Path.GetFullPath(d) };
            if (SharedOptions.ProfileOf(r, profile) is { } p) node = node with { Profile = p };
            TimeSpan? atMost = SharedOptions.TimeOf(r, duration);
            if (watch) await Watch(manifest, Load, r.GetValue(variableFiles)!, node, atMost, r.GetValue(json)).ConfigureAwait(false);
            else await Run(Load(), node, atMost, r.GetValue(json), r.GetValue(view)).ConfigureAwait(false);
            return ExitCode.Ok;
        });
        return command;
    }

    private static async Task Run(AppManifest app, NodeConfig config, TimeSpan? duration, bool json, bool isShown)
    {
        TextWriter words = json ? Console.Error : Console.Out;
        NodeView? view = isShown ? new NodeView(words, isTerminal: !json && !Console.IsOutputRedirected) : null;
        using var shutdown = new Shutdown();
        await using EdgeNode node = await EdgeNode.StartAsync(config, [app], view is null ? Console.Error.WriteLine : view.Log, shutdown.Token).ConfigureAwait(false);
        Announce(words, app, config, node);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(shutdown.Token);
        Task shown = view?.RunAsync(node, end.Token) ?? Task.CompletedTask;
        await shutdown.WaitAsync(duration).ConfigureAwait(false);
        await end.CancelAsync().ConfigureAwait(false);
        await shown.ConfigureAwait(false);
        await End(node, words, json).ConfigureAwait(false);
    }

    private static async Task Watch(string manifest, Func<AppManifest> load, string[] variableFiles, NodeConfig config, TimeSpan? duration, bool json)
    {
        TextWriter words = json ? Console.Error : Console.Out;
        using var shutdown = new Shutdown();
        using var end = CancellationTokenSource.CreateLinkedTokenSource(shutdown.Token);
        if (duration is { } atMost) end.CancelAfter(atMost);
        var session = new WatchSession(manifest, load, [.. variableFiles.Select(Path.GetFullPath)], Start, Console.Error.WriteLine, e => Tell(e, json), json);
        await using EdgeNode? node = await session.RunAsync(end.Token).ConfigureAwait(false);
        if (node is not null) await End(node, words, json).ConfigureAwait(false);

        async Task<EdgeNode> Start(AppManifest app)
        {
            EdgeNode started = await EdgeNode.StartAsync(config, [app], Console.Error.WriteLine, end.Token).ConfigureAwait(false);
            // Where the system chose a port, one that is started anew has the same.
            if (config.BrokerUrl is null && started.Broker is not null) config = config with { BrokerListen = started.Broker.Address };
            if (started.Http is not null) config = config with { HttpListen = started.Http.EndPoint.ToString() };
            Announce(words, app, config, started);
            return started;
        }
    }

    /// <summary>For programs, a line of JSON for whatever happens.</summary>
    private static void Tell(WatchEvent e, bool json)
    {
        if (!json) return;
        ReportText.PrintJson(Console.Out, j =>
        {
            j.WriteString("event", e.Event);
            if (e.Component is not null) j.WriteString("component", e.Component);
            j.WriteNumber("ms", Math.Round(e.Milliseconds, 1));
            if (e.Fault is not null) j.WriteString("error", e.Fault);
        });
        Console.Out.Flush();
    }

    private static async Task End(EdgeNode node, TextWriter words, bool json)
    {
        await node.DrainAsync(s_drain).ConfigureAwait(false);
        NodeReport report = node.Report();
        if (node.Http is not null) UsageText.Print(words, node.Http.Handlers);
        words.WriteLine();
        ReportText.Print(words, ReportText.Rows(report));
        if (json) ReportText.PrintJson(Console.Out, j => ReportText.WriteJson(j, report));
    }

    private static void Announce(TextWriter to, AppManifest app, NodeConfig config, EdgeNode node)
    {
        to.WriteLine($"{app.Name} {app.Version} is up");
        if (node.Broker is not null) to.WriteLine($"  broker    {config.BrokerUrl?.Scheme ?? "mqtt"}://{node.Broker.Address}{(config.BrokerUrl is null ? " (embedded)" : "")}");
        foreach (HttpTriggerManifest t in app.HttpTriggers) to.WriteLine($"  route     {node.Http!.Address.AbsoluteUri.TrimEnd('/')}{t.Route} -> {t.Static?.Folder ?? t.Component}");
        foreach (MqttTriggerManifest t in app.MqttTriggers) to.WriteLine($"  trigger   {t.Topic} -> {t.Component}");
        foreach (FlowTriggerManifest t in app.FlowTriggers) to.WriteLine($"  flow      {t.Topic} -> {t.Component}");
        foreach (TimerTriggerManifest t in app.TimerTriggers) to.WriteLine($"  timer     {t.Name}: {t.When} -> {t.Component}");
        foreach (CameraTriggerManifest t in app.CameraTriggers) to.WriteLine($"  camera    {t.Camera}: {t.Size} {t.Format}{(config.Cameras.TryGetValue(t.Camera, out CameraSource? source) ? $", {source.Shown}" : ", not on this node")} -> {t.Component}");
        foreach (string line in Privacy.OfCameras(app, config)) to.WriteLine($"  privacy   {line}");
        if (Privacy.OfView(config.View, [app]) is { } ofView) to.WriteLine($"  privacy   {ofView}");
        if (node.View is { } view) to.WriteLine($"  view      {view.Url}: `mote view` lets in{(view.Remote ? ", also from other machines" : "")}");
        if (node.NatsAddress is { } nats) to.WriteLine($"  nats      {nats}");
        if (node.Broker is not null || node.Upstream is not null) to.WriteLine(node.Upstream is null ? "  upstream  none: messages stay on the broker" : $"  upstream  {string.Join(", ", config.UpstreamTopics)} -> {node.Upstream.Address}");
        if (node.MetricsUrl is { } metrics) to.WriteLine($"  metrics   {metrics}");
        if (config.Telemetry.Otlp is { } otlp) to.WriteLine($"  telemetry {UrlUserInfo.Show(otlp)}");
        to.WriteLine($"  data      {config.DataFolder}");
        to.Flush();
    }

    /// <summary>The node config of an app: the file that is named, or the one beside the manifest, or the defaults.</summary>
    internal static NodeConfig Config(string manifest, string? file)
    {
        string folder = Path.GetDirectoryName(manifest)!;
        string beside = Path.Combine(folder, "node.toml");
        if (file is not null && !File.Exists(file)) throw new CliException(ExitCode.NoInput, $"{file}: there is no such node config");
        var defaults = new NodeConfig { DataFolder = Path.Combine(folder, ".mote"), Compiler = ToolHost.Compiler() };
        return file is not null ? NodeConfig.Load(file, defaults) : File.Exists(beside) ? NodeConfig.Load(beside, defaults) : defaults;
    }
}
