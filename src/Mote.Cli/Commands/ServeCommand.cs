// mote serve: one component answers HTTP, with no manifest.
using System.CommandLine;
using Mote.Node;
using Mote.Packaging;
using Mote.Runtime;

namespace Mote.Cli.Commands;

internal static class ServeCommand
{
    private static readonly TimeSpan s_drain = TimeSpan.FromSeconds(5);

    public static Command Make()
    {
        var file = new Argument<string>("FILE.wasm") { Description = "A component that exports wasi:http/incoming-handler." };
        var listen = new Option<string>("--listen") { Description = "Where to listen; port 0 chooses one.", HelpName = "ADDRESS:PORT", DefaultValueFactory = _ => "127.0.0.1:8080" };
        Option<string[]> environment = SharedOptions.Pairs("--env", "A variable of the component's environment; it sees no others.");
        var folders = DirOption.Make();
        var http = NetOptions.Http();
        var sockets = NetOptions.Socket();
        var models = ModelOption.Make();
        Option<string> memory = ToolHost.MemoryOption("128MiB");
        Option<string?> time = SharedOptions.Time("--time", "Most wall-clock time of a request (10s).");
        Option<int> concurrency = SharedOptions.Number("--concurrency", "Most requests at once.", ComponentManifest.DefaultHttpConcurrency, 1, 1024);
        var pooled = new Option<bool>("--pooled") { Description = "Keep instances warm and use them again; without it, each request gets a fresh one." };
        var profile = SharedOptions.Profile();
        Option<string?> duration = SharedOptions.Time("--duration", "End by itself after this time.");
        Option<bool> json = SharedOptions.Json();
        var command = new Command("serve", "Serve a component over HTTP until Ctrl-C.") { file, listen, environment, folders, http, sockets, models, memory, time, concurrency, pooled, profile, duration, json };
        command.SetAction(async (r, _) =>
        {
            string path = r.GetValue(file)!;
            if (!File.Exists(path)) throw new CliException(ExitCode.NoInput, $"{path}: there is no such file");
            ModelsConfig bound = ModelOption.Config(r.GetValue(models)!);
            var grants = new Grants
            {
                Environment = [.. r.GetValue(environment)!.Select(SharedOptions.Pair)],
                Files = DirOption.Grants(r.GetValue(folders)!),
                Http = NetOptions.Http(r.GetValue(http)!),
                Sockets = NetOptions.Sockets(r.GetValue(sockets)!),
                Models = [.. bound.Files.Keys],
            };
            AppManifest app = App(path, grants, ToolHost.Limits(r.GetValue(memory)!, SharedOptions.TimeOf(r, time) ?? TimeSpan.FromSeconds(10)), r.GetValue(concurrency), r.GetValue(pooled));
            string cache = ToolHost.CacheFolder();
            var config = new NodeConfig
            {
                DataFolder = Path.Combine(cache.Length > 0 ? cache : Path.GetTempPath(), "serve", $"{Environment.ProcessId}"),
                CodeFolder = cache.Length > 0 ? Path.Combine(cache, "code") : null,
                HttpListen = r.GetValue(listen)!,
                Compiler = ToolHost.Compiler(),
                Models = bound,
                Profile = SharedOptions.ProfileOf(r, profile) ?? ProfileKind.Auto,
            };
            try
            {
                Directory.CreateDirectory(config.DataFolder);
                await Run(app, config, SharedOptions.TimeOf(r, duration), r.GetValue(json)).ConfigureAwait(false);
            }
            finally
            {
                Directory.Delete(config.DataFolder, recursive: true);
            }

            return ExitCode.Ok;
        });
        return command;
    }

    private static AppManifest App(string path, Grants grants, MicroVmLimits limits, int concurrency, bool pooled)
    {
        const string Name = "app";
        var policy = new InstancePolicy { Pooled = pooled, MaxIdle = concurrency, Idle = pooled ? TimeSpan.FromMinutes(1) : TimeSpan.FromSeconds(5) };
        var component = new ComponentManifest(Name, Path.GetFullPath(path), policy, grants, limits, 1, 1024, null, 0) { HttpConcurrency = concurrency };
        return new AppManifest(path, Name, "0.0.0", [component], []) { HttpTriggers = [new HttpTriggerManifest("/...", Name, null, 0)] };
    }

    private static async Task Run(AppManifest app, NodeConfig config, TimeSpan? duration, bool json)
    {
        TextWriter words = json ? Console.Error : Console.Out;
        using var shutdown = new Shutdown();
        await using EdgeNode node = await EdgeNode.StartAsync(config, [app], Console.Error.WriteLine, shutdown.Token).ConfigureAwait(false);
        words.WriteLine($"serving {app.File} on {node.Http!.Address}");
        words.Flush();
        await shutdown.WaitAsync(duration).ConfigureAwait(false);
        await node.DrainAsync(s_drain).ConfigureAwait(false);
        UsageText.Print(words, node.Http.Handlers);
        if (json) ReportText.PrintJson(Console.Out, j => UsageText.WriteJson(j, node.Http.Handlers));
    }
}
