// mote model add, list, remove: the models of a node's data folder.
using System.CommandLine;
using Mote.Capabilities.Nn;
using Mote.Node;
using Mote.Packaging;

namespace Mote.Cli.Commands;

internal static class ModelCommand
{
    public static Command Make() => new("model", "The models (wasi:nn) that a node's components may run.") { MakeAdd(), MakeList(), MakeRemove() };

    private static Command MakeAdd()
    {
        var file = new Argument<string>("FILE.onnx") { Description = "The model: an ONNX file that has its weights in it." };
        var name = new Option<string?>("--name") { Description = "What components call it; by default the file's name without .onnx.", HelpName = "NAME" };
        var trusted = new Option<bool>("--trusted") { Description = "Run it in the node's own process: faster, and a fault of the model is one of the node's. Without it, it runs in a worker process." };
        NodePlace place = NodePlace.Make();
        Option<bool> json = SharedOptions.Json();
        var command = new Command("add", "Copy a model into a node's data folder, check that it can be loaded, and give it a name. A running node has it at once.") { file, name, trusted, place.App, place.Config, place.Data, json };
        command.SetAction(async (r, _) =>
        {
            string path = r.GetValue(file)!;
            if (!File.Exists(path)) throw new CliException(ExitCode.NoInput, $"{path}: there is no such file");
            string called = r.GetValue(name) ?? Path.GetFileNameWithoutExtension(path);
            if (!ModelStore.IsName(called)) throw new CliException(ExitCode.Usage, $"a model's name has 1 to 64 letters, digits, dots, dashes and underscores, found `{called}`: choose one with --name NAME");
            NodeConfig config = place.Of(r);
            await Add(path, called, r.GetValue(trusted), config, r.GetValue(json)).ConfigureAwait(false);
            return ExitCode.Ok;
        });
        return command;
    }

    private static async Task Add(string path, string name, bool trusted, NodeConfig config, bool json)
    {
        string program = ToolHost.Compiler()?.Program ?? throw new CliException(ExitCode.Unavailable, "a model is checked in a worker process, which this program can start only where it runs as `mote`");
        var store = new ModelStore(config.DataFolder);
        using IDisposable hold = store.Hold();
        (string digest, string file) = store.Import(path);
        CheckedModel model;
        try
        {
            model = await CheckedModel.LoadAsync(name, file, digest, program, config.Models.WorkerBytes).ConfigureAwait(false);
        }
        catch (ModelException e)
        {
            store.Sweep(digest);
            // Loaded from its bytes alone, such a model says that it does not know where the files beside it are.
            string hint = e.Message.Contains("external", StringComparison.OrdinalIgnoreCase) || e.Message.Contains("model_path", StringComparison.Ordinal)
                ? " (its weights are in files beside it: save it as one file first, in Python with onnx.save(onnx.load(FILE), ONE_FILE))" : "";
            throw new CliException(ExitCode.BadInput, $"{e.Message.Replace(file, path, StringComparison.Ordinal).ReplaceLineEndings(" ")}{hint}");
        }

        store.Give(name, digest, trusted, Path.GetFileName(path));
        TextWriter words = json ? Console.Error : Console.Out;
        long bytes = new FileInfo(file).Length;
        words.WriteLine($"{name}: sha256:{digest}, {AppsCommand.Bytes(bytes)}, runs in {(trusted ? "the node's own process" : "a worker process")}");
        foreach (ModelTensor t in model.Inputs) words.WriteLine($"  takes  {ControlFree(t.Name)}  {t}{Unnamed(t)}");
        foreach (ModelTensor t in model.Outputs) words.WriteLine($"  gives  {ControlFree(t.Name)}  {t}{Unnamed(t)}");
        if (config.Models.Files.ContainsKey(name)) words.WriteLine($"  note: node.toml names another model `{name}` under [models], and that one is used");
        words.WriteLine($"A component may use it with models = [\"{name}\"] under [component.NAME.grants] of mote.toml.");
        if (!json) return;
        ReportText.PrintJson(Console.Out, j =>
        {
            j.WriteString("name", name);
            j.WriteString("digest", $"sha256:{digest}");
            j.WriteNumber("bytes", bytes);
            j.WriteBoolean("trusted", trusted);
            foreach ((string key, IReadOnlyList<ModelTensor> tensors) in ((string, IReadOnlyList<ModelTensor>)[])[("inputs", model.Inputs), ("outputs", model.Outputs)])
            {
                j.WriteStartArray(key);
                foreach (ModelTensor t in tensors)
                {
                    j.WriteStartObject();
                    j.WriteString("name", t.Name);
                    j.WriteString("type", t.TypeText);
                    j.WriteStartArray("dimensions");
                    foreach (long d in t.Dimensions) j.WriteNumberValue(d);
                    j.WriteEndArray();
                    j.WriteEndObject();
                }

                j.WriteEndArray();
            }
        });
    }

    private static Command MakeList()
    {
        NodePlace place = NodePlace.Make();
        Option<bool> json = SharedOptions.Json();
        var command = new Command("list", "Show a node's models: those that were added, and those of node.toml.") { place.App, place.Config, place.Data, json };
        command.SetAction(r =>
        {
            NodeConfig config = place.Of(r);
            IReadOnlyList<StoredModel> added = new ModelStore(config.DataFolder).All();
            if (r.GetValue(json)) PrintJson(config, added);
            else Print(Console.Out, config, added);
            return ExitCode.Ok;
        });
        return command;
    }

    private static void Print(TextWriter to, NodeConfig config, IReadOnlyList<StoredModel> added)
    {
        if (added.Count + config.Models.Files.Count == 0)
        {
            to.WriteLine("No models: add one with `mote model add FILE.onnx`.");
            return;
        }

        var rows = new List<string[]> { (string[])["NAME", "SIZE", "RUNS IN", "DIGEST", "FROM"] };
        rows.AddRange(config.Models.Files.Select(m => (string[])[m.Key, Size(m.Value.File), RunsIn(m.Value.Trusted), m.Value.Digest is { } d ? Short(d) : "not pinned", $"node.toml: {m.Value.File}"]));
        rows.AddRange(added.Select(m => (string[])[m.Name, Size(m.File), RunsIn(m.Trusted), Short(m.Digest), $"{m.Source}{(config.Models.Files.ContainsKey(m.Name) ? " (not used: node.toml has the name)" : "")}"]));
        int[] widths = [.. Enumerable.Range(0, rows[0].Length).Select(i => rows.Max(row => row[i].Length))];
        foreach (string[] row in rows) to.WriteLine(string.Join("  ", row.Select((cell, i) => i == 1 ? cell.PadLeft(widths[i]) : cell.PadRight(widths[i]))).TrimEnd());
    }

    private static void PrintJson(NodeConfig config, IReadOnlyList<StoredModel> added) => ReportText.PrintJson(Console.Out, j =>
    {
        j.WriteStartArray("models");
        foreach ((string name, ModelConfig m) in config.Models.Files) Row(name, m.File, m.Digest, m.Trusted, fromConfig: true, used: true);
        foreach (StoredModel m in added) Row(m.Name, m.File, m.Digest, m.Trusted, fromConfig: false, used: !config.Models.Files.ContainsKey(m.Name));
        j.WriteEndArray();

        void Row(string name, string file, string? digest, bool trusted, bool fromConfig, bool used)
        {
            j.WriteStartObject();
            j.WriteString("name", name);
            j.WriteString("file", file);
            if (digest is not null) j.WriteString("digest", $"sha256:{digest}");
            j.WriteBoolean("trusted", trusted);
            j.WriteBoolean("from_node_config", fromConfig);
            j.WriteBoolean("used", used);
            j.WriteEndObject();
        }
    });

    private static Command MakeRemove()
    {
        var name = new Argument<string>("NAME") { Description = "The model." };
        NodePlace place = NodePlace.Make();
        var command = new Command("remove", "Take a model that was added out of a node's data folder. A component that has it open keeps it until it lets go.") { name, place.App, place.Config, place.Data };
        command.SetAction(r =>
        {
            NodeConfig config = place.Of(r);
            string called = r.GetValue(name)!;
            var store = new ModelStore(config.DataFolder);
            using IDisposable hold = store.Hold();
            if (store.Remove(called))
            {
                Console.Out.WriteLine($"{ControlFree(called)}: removed");
                return ExitCode.Ok;
            }

            throw new CliException(ExitCode.NoInput, config.Models.Files.ContainsKey(called) ? $"the model `{called}` is one of node.toml: take it out of [models] there" : $"there is no model `{ControlFree(called)}`; `mote model list` shows those that there are");
        });
        return command;
    }

    private static string RunsIn(bool trusted) => trusted ? "node" : "worker";

    private static string Short(string digest) => $"sha256:{digest[..12]}";

    private static string Size(string file) => new FileInfo(file) is { Exists: true } info ? AppsCommand.Bytes(info.Length) : "gone";

    private static string Unnamed(ModelTensor t) => t.Type is null ? "  (of a type that wasi:nn has no name for)" : "";

    /// <summary>Names are the file's: they must not move the cursor.</summary>
    private static string ControlFree(string text) => string.Concat((text.Length > 100 ? $"{text[..99]}…" : text).Select(c => char.IsControl(c) ? '?' : c));
}
