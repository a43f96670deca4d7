// mote model add, list, remove: the models of a node's data folder.
using System.CommandLine;
using Mote.Capabilities.Nn;
using Mote.Node;
using Mote.Packaging;
using Mote.Packaging.Oci;

namespace Mote.Cli.Commands;

internal static class ModelCommand
{
    public static Command Make() => new("model", "The models (wasi:nn) that a node's components may run.") { MakeAdd(), MakeList(), MakeRemove() };

    private static Command MakeAdd()
    {
        var file = new Argument<string>("MODEL") { Description = "An ONNX file that has its weights in it; or an OCI artifact that is one, HOST/PATH@sha256:DIGEST or HOST/PATH:TAG, which is pulled from its registry and pinned by its digest." };
        var name = new Option<string?>("--name") { Description = "What components call it; by default the file's name without .onnx, or the last part of the artifact's path.", HelpName = "NAME" };
        var trusted = new Option<bool>("--trusted") { Description = "Run it in the node's own process: faster, and a fault of the model is one of the node's. Without it, it runs in a worker process." };
        NodePlace place = NodePlace.Make();
        Option<bool> json = SharedOptions.Json();
        var command = new Command("add", "Copy or pull a model into a node's data folder, check that it can be loaded, and give it a name. A running node has it at once. Credentials of a registry are those of `docker login`, or of [registries] in node.toml.") { file, name, trusted, place.App, place.Config, place.Data, json };
        command.SetAction(async (r, _) =>
        {
            string what = r.GetValue(file)!;
            OciReference? artifact = null;
            if (!File.Exists(what))
            {
                if (!OciReference.Resembles(what)) throw new CliException(ExitCode.NoInput, $"{what}: there is no such file; an artifact of a registry is HOST/PATH@sha256:DIGEST or HOST/PATH:TAG");
                artifact = OciReference.Parse(what, out string? fault) ?? throw new CliException(ExitCode.Usage, $"{(what.IndexOf('@') < what.IndexOf('/') ? UrlUserInfo.MaskAddress(what) : what)}: {fault}"); // an @ before the path is no digest's
            }

            string called = r.GetValue(name) ?? (artifact is null ? Path.GetFileNameWithoutExtension(what) : artifact.Repository.Split('/')[^1]);
            if (!ModelStore.IsName(called)) throw new CliException(ExitCode.Usage, $"a model's name has 1 to 64 letters, digits, dots, dashes and underscores, found `{called}`: choose one with --name NAME");
            NodeConfig config = place.Of(r);
            var store = new ModelStore(config.DataFolder);
            string program = ToolHost.Compiler()?.Program ?? throw new CliException(ExitCode.Unavailable, "a model is checked in a worker process, which this program can start only where it runs as `mote`");
            var adding = new Adding(called, r.GetValue(trusted), config, program, r.GetValue(json));
            if (artifact is null)
            {
                using IDisposable hold = store.Hold();
                await Add(adding, store, store.Import(what), what, Path.GetFileName(what), null).ConfigureAwait(false);
            }
            else
            {
                using var shutdown = new Shutdown();
                await AddArtifact(adding, store, artifact, shutdown.Token).ConfigureAwait(false);
            }

            return ExitCode.Ok;
        });
        return command;
    }

    /// <summary>What is asked for.</summary>
    private sealed record Adding(string Name, bool Trusted, NodeConfig Config, string Program, bool Json)
    {
        /// <summary>Where words for people go.</summary>
        public TextWriter Words => Json ? Console.Error : Console.Out;
    }

    private static async Task AddArtifact(Adding adding, ModelStore store, OciReference artifact, CancellationToken token)
    {
        var pull = new ModelPull(store, new RegistryOptions { Registries = adding.Config.Registries, MaxBytes = adding.Config.Models.MaxBytes });
        try
        {
            OciReference pinned = await pull.PinAsync(artifact, token).ConfigureAwait(false);
            if (artifact.Digest is null) adding.Words.WriteLine($"{artifact} is now {pinned}");
            PulledModel model;
            if (store.FindArtifact(pinned.Digest!) is { } there) model = new PulledModel(there.Digest, null);
            else
            {
                var progress = new PullLine();
                try
                {
                    model = await pull.RunAsync(pinned, keepPart: false, progress.Show, token).ConfigureAwait(false);
                }
                finally
                {
                    progress.End();
                }
            }

            try
            {
                using IDisposable hold = store.Hold();
                await Add(adding, store, (model.Digest, store.Take(model)), pinned.ToString(), pinned.ToString(), pinned.Digest).ConfigureAwait(false);
            }
            finally
            {
                ModelPull.Discard(model);
            }
        }
        catch (OciException e)
        {
            throw new CliException(e.Fault switch { OciFault.Invalid => ExitCode.BadInput, OciFault.NotFound => ExitCode.NoInput, _ => ExitCode.Unavailable }, e.Message);
        }
    }

    /// <summary>Checks a model that is in the store under no name, and gives it its name.</summary>
    /// <param name="adding">What is asked for.</param>
    /// <param name="store">The store, which is held.</param>
    /// <param name="stored">The model.</param>
    /// <param name="shown">What errors call it.</param>
    /// <param name="source">Where it is from.</param>
    /// <param name="artifact">The digest of the artifact that it is of; null where it is of a file.</param>
    private static async Task Add(Adding adding, ModelStore store, (string Digest, string File) stored, string shown, string source, string? artifact)
    {
        (string name, bool trusted, NodeConfig config, string program, bool json) = adding;
        (string digest, string file) = stored;
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
            throw new CliException(ExitCode.BadInput, $"{e.Message.Replace(file, shown, StringComparison.Ordinal).ReplaceLineEndings(" ")}{hint}");
        }

        store.Give(name, digest, trusted, source, artifact);
        TextWriter words = adding.Words;
        long bytes = new FileInfo(file).Length;
        words.WriteLine($"{name}: sha256:{digest}, {AppsCommand.Bytes(bytes)}, runs in {(trusted ? "the node's own process" : "a worker process")}");
        foreach (ModelTensor t in model.Inputs) words.WriteLine($"  takes  {ControlFree(t.Name)}  {t}{Unnamed(t)}");
        foreach (ModelTensor t in model.Outputs) words.WriteLine($"  gives  {ControlFree(t.Name)}  {t}{Unnamed(t)}");
        if (config.Models.Has(name)) words.WriteLine($"  note: node.toml names another model `{name}` under [models], and that one is used");
        words.WriteLine($"A component may use it with models = [\"{name}\"] under [component.NAME.grants] of mote.toml.");
        if (!json) return;
        ReportText.PrintJson(Console.Out, j =>
        {
            j.WriteString("name", name);
            j.WriteString("digest", $"sha256:{digest}");
            if (artifact is not null) j.WriteString("artifact", source);
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
            var store = new ModelStore(config.DataFolder);
            Row[] rows =
            [
                .. config.Models.Files.Select(m => new Row(m.Key, m.Value.File, m.Value.Digest, m.Value.Trusted, $"node.toml: {m.Value.File}", FromConfig: true, IsUsed: true)),
                .. config.Models.Artifacts.Select(m => new Row(m.Key, store.FindArtifact(m.Value.Reference.Digest!)?.File, store.FindArtifact(m.Value.Reference.Digest!)?.Digest, m.Value.Trusted, $"node.toml: {m.Value.Reference}", FromConfig: true, IsUsed: true, m.Value.Reference.ToString())),
                .. store.All().Select(m => new Row(m.Name, m.File, m.Digest, m.Trusted, m.Source, FromConfig: false, IsUsed: !config.Models.Has(m.Name), m.Artifact is null ? null : m.Source)),
            ];
            if (r.GetValue(json)) PrintJson(rows);
            else Print(Console.Out, rows);
            return ExitCode.Ok;
        });
        return command;
    }

    /// <summary>A model; one of a registry that is not here has no file and no digest of its own yet.</summary>
    private sealed record Row(string Name, string? File, string? Digest, bool Trusted, string Source, bool FromConfig, bool IsUsed, string? Artifact = null);

    private static void Print(TextWriter to, Row[] models)
    {
        if (models.Length == 0)
        {
            to.WriteLine("No models: add one with `mote model add FILE.onnx`.");
            return;
        }

        var rows = new List<string[]> { (string[])["NAME", "SIZE", "RUNS IN", "DIGEST", "FROM"] };
        rows.AddRange(models.Select(m => (string[])
        [
            m.Name, m.File is null ? "not here yet" : Size(m.File), RunsIn(m.Trusted), m.Digest is { } d ? Short(d) : m.Artifact is null ? "not pinned" : "", $"{m.Source}{(m.IsUsed ? "" : " (not used: node.toml has the name)")}",
        ]));
        int[] widths = [.. Enumerable.Range(0, rows[0].Length).Select(i => rows.Max(row => row[i].Length))];
        foreach (string[] row in rows) to.WriteLine(string.Join("  ", row.Select((cell, i) => i == 1 ? cell.PadLeft(widths[i]) : cell.PadRight(widths[i]))).TrimEnd());
    }

    private static void PrintJson(Row[] models) => ReportText.PrintJson(Console.Out, j =>
    {
        j.WriteStartArray("models");
        foreach (Row m in models)
        {
            j.WriteStartObject();
            j.WriteString("name", m.Name);
            if (m.File is not null) j.WriteString("file", m.File);
            if (m.Digest is not null) j.WriteString("digest", $"sha256:{m.Digest}");
            if (m.Artifact is not null) j.WriteString("artifact", m.Artifact);
            j.WriteBoolean("trusted", m.Trusted);
            j.WriteBoolean("from_node_config", m.FromConfig);
            j.WriteBoolean("used", m.IsUsed);
            j.WriteEndObject();
        }

        j.WriteEndArray();
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

            throw new CliException(ExitCode.NoInput, config.Models.Has(called) ? $"the model `{called}` is one of node.toml: take it out of [models] there" : $"there is no model `{ControlFree(called)}`; `mote model list` shows those that there are");
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
