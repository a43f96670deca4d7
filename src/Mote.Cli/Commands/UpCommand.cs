// mote up: runs an app from its manifest on this machine.
using System.CommandLine;
using Mote.Node;
using Mote.Packaging;
using Mote.Triggers;

namespace Mote.Cli.Commands;

internal static class UpCommand
{
    /// <summary>How long what is in work may take at the end.</summary>
    private static readonly TimeSpan s_drain = TimeSpan.FromSeconds(5);

    public static Command Make()
    {
        var dir = new Argument<string>("DIR") { Description = "A folder with a mote.toml, or the file.", DefaultValueFactory = _ => "." };
        var config = new Option<string?>("--config") { Description = "Node config; by default node.toml beside the manifest, where there is one.", HelpName = "FILE" };
        Option<string[]> variables = SharedOptions.Variables();
        Option<string[]> variableFiles = SharedOptions.VariableFiles();
        var listen = new Option<string?>("--listen") { Description = "Where the embedded MQTT broker listens (127.0.0.1:1883); port 0 chooses one.", HelpName = "ADDRESS:PORT" };
        Option<string?> broker = SharedOptions.Url("--broker", "An external MQTT broker in place of the embedded one.", "mqtt");
        Option<string?> upstream = SharedOptions.Url("--upstream", "Where alerts are posted as CloudEvents.", "http", "https");
        var data = new Option<string?>("--data") { Description = "The data folder (.mote beside the manifest).", HelpName = "DIR" };
        Option<string?> duration = SharedOptions.Time("--duration", "End by itself after this time.");
        var profile = SharedOptions.Profile();
        Option<bool> json = SharedOptions.Json();
        var command = new Command("up", "Run an app until Ctrl-C, and then say what it did.") { dir, config, variables, variableFiles, listen, broker, upstream, data, profile, duration, json };
        command.SetAction(async (r, _) =>
        {
            AppManifest app = AppManifest.Load(r.GetValue(dir)!, SharedOptions.VariablesOf(r, variables, variableFiles).Find);
            NodeConfig node = Config(app, r.GetValue(config));
            if (r.GetValue(listen) is { } l) node = node with { BrokerListen = l, BrokerUrl = null };
            if (SharedOptions.UrlOf(r, broker) is { } b) node = node with { BrokerUrl = b };
            if (SharedOptions.UrlOf(r, upstream) is { } u) node = node with { UpstreamUrl = u };
            if (r.GetValue(data) is { } d) node = node with { DataFolder = Path.GetFullPath(d) };
            if (SharedOptions.ProfileOf(r, profile) is { } p) node = node with { Profile = p };
            await Run(app, node, SharedOptions.TimeOf(r, duration), r.GetValue(json)).ConfigureAwait(false);
            return ExitCode.Ok;
        });
        return command;
    }

    private static async Task Run(AppManifest app, NodeConfig config, TimeSpan? duration, bool json)
    {
        TextWriter words = json ? Console.Error : Console.Out;
        using var shutdown = new Shutdown();
        await using EdgeNode node = await EdgeNode.StartAsync(config, [app], Console.Error.WriteLine, shutdown.Token).ConfigureAwait(false);
        Announce(words, app, config, node);
        await shutdown.WaitAsync(duration).ConfigureAwait(false);
        await node.DrainAsync(s_drain).ConfigureAwait(false);
        NodeReport report = node.Report();
        words.WriteLine();
        ReportText.Print(words, ReportText.Rows(report));
        if (json) ReportText.PrintJson(Console.Out, j => ReportText.WriteJson(j, report));
    }

    private static void Announce(TextWriter to, AppManifest app, NodeConfig config, EdgeNode node)
    {
        to.WriteLine($"{app.Name} {app.Version} is up");
        to.WriteLine($"  broker    mqtt://{node.Broker.Address}{(config.BrokerUrl is null ? " (embedded)" : "")}");
        foreach (MqttTriggerManifest t in app.MqttTriggers) to.WriteLine($"  trigger   {t.Topic} -> {t.Component}");
        to.WriteLine(config.UpstreamUrl is null ? "  upstream  none: messages stay on the broker" : $"  upstream  {string.Join(", ", config.UpstreamTopics)} -> {config.UpstreamUrl}");
        to.WriteLine($"  data      {config.DataFolder}");
        to.Flush();
    }

    private static NodeConfig Config(AppManifest app, string? file)
    {
        string folder = Path.GetDirectoryName(app.File)!;
        string beside = Path.Combine(folder, "node.toml");
        if (file is not null && !File.Exists(file)) throw new CliException(ExitCode.NoInput, $"{file}: there is no such node config");
        var defaults = new NodeConfig { DataFolder = Path.Combine(folder, ".mote"), Compiler = ToolHost.Compiler() };
        return file is not null ? NodeConfig.Load(file, defaults) : File.Exists(beside) ? NodeConfig.Load(beside, defaults) : defaults;
    }
}
