// mote inspect: what a file wants and gives, before it is trusted with anything.
using System.CommandLine;
using System.Text.Json;
using Mote.Components;
using Mote.Components.Inspection;
using Mote.Components.Linking;
using Mote.Node;
using Mote.Packaging;
using Mote.Wasmtime;

namespace Mote.Cli.Commands;

internal static class InspectCommand
{
    private const int LongestType = 160;

    public static Command Make()
    {
        var file = new Argument<string>("FILE.wasm") { Description = "A component, or a core module with WASI preview-1 imports; or an app (a folder with a mote.toml): what its components see, can send and can keep." };
        var types = new System.CommandLine.Option<bool>("--types") { Description = "Show the functions and types of interfaces too." };
        var json = SharedOptions.Json();
        var command = new Command("inspect", "Show a component's imports and exports, the grants it would need, its sizes, and what is not hosted. Ends with 1 where it could not run here.") { file, types, json };
        command.SetAction(r => Run(r.GetValue(file)!, r.GetValue(types), r.GetValue(json)));
        return command;
    }

    private static int Run(string path, bool types, bool json)
    {
        if (File.Exists(Path.Combine(path, AppManifest.FileName)) || Path.GetFileName(path) == AppManifest.FileName) return App(path, json);
        byte[] file = ComponentFileException.Read(path);
        using ComponentHost host = ToolHost.Make(_ => throw new InvalidOperationException("nothing runs here"));
        return CoreModuleDescription.IsCoreModule(file) ? Module(path, file, host, json) : Component(path, file, host, types, json);
    }

    private static int App(string path, bool json)
    {
        AppManifest app = AppManifest.Load(path, new VariableValues([], [], Environment.GetEnvironmentVariable).Find);
        if (json) ReportText.PrintJson(Console.Out, j => Write(j, "privacy", app.Components.Select(c => Privacy.Of(app, c))));
        else foreach (ComponentManifest c in app.Components) Console.WriteLine(Privacy.Of(app, c));
        return ExitCode.Ok;
    }

    private static int Component(string path, byte[] file, ComponentHost host, bool types, bool json)
    {
        ComponentDescription d = ComponentFileException.Explain(path, () => ComponentDescription.Of(file, host.Runtime.Engine));
        string? problem = Problem(host, file);
        string[] missing = [.. d.Imports.Where(i => !host.Capabilities.Linker.Hosts(i.Name, i.Implements)).Select(i => i.Name)];
        (string Grant, string For)[] grants = [.. Grants(d.Imports)];
        if (json)
        {
            ReportText.PrintJson(Console.Out, j =>
            {
                j.WriteString("kind", "component");
                j.WriteNumber("bytes", d.Bytes);
                Write(j, "imports", d.Imports);
                Write(j, "exports", d.Exports);
                j.WriteStartArray("modules");
                foreach (ModuleDescription m in d.Modules)
                {
                    j.WriteStartObject();
                    j.WriteNumber("offset", m.Offset);
                    j.WriteNumber("bytes", m.Bytes);
                    j.WriteNumber("functions", m.Functions);
                    if (m.MemoryPages is { } pages) j.WriteNumber("memory_bytes", pages * 65536);
                    if (m.MaxMemoryPages is { } max) j.WriteNumber("max_memory_bytes", max * 65536);
                    j.WriteEndObject();
                }

                j.WriteEndArray();
                Write(j, "grants", grants.Select(g => g.Grant));
                Write(j, "not_hosted", missing);
                if (problem is null) j.WriteNull("problem");
                else j.WriteString("problem", problem);
            });
            return problem is null ? ExitCode.Ok : ExitCode.Failed;
        }

        Console.WriteLine($"{path}: a component of {ReportText.Count(d.Bytes)} bytes, with {Many(d.Modules.Count, "core module")}{(d.Components > 0 ? $" and {Many(d.Components, "component")}" : "")} inside");
        Print("imports", d.Imports, types, i => missing.Contains(i.Name) ? "  (not hosted)" : "");
        Print("exports", d.Exports, types, _ => "");
        Console.WriteLine("core modules");
        foreach (ModuleDescription m in d.Modules) Console.WriteLine($"  at 0x{m.Offset:x}: {Units.ShowBytes(m.Bytes)}, {Many(m.Functions, "function")}{Memory(m)}");
        Console.WriteLine("grants it would need");
        foreach ((string grant, string why) in grants) Console.WriteLine($"  {grant,-34}  {why}");
        if (grants.Length == 0) Console.WriteLine("  none");
        Console.WriteLine(problem is null ? "it can run here" : $"it cannot run here: {problem}");
        return problem is null ? ExitCode.Ok : ExitCode.Failed;
    }

    private static int Module(string path, byte[] file, ComponentHost host, bool json)
    {
        CoreModuleDescription d = ComponentFileException.Explain(path, () => CoreModuleDescription.Of(file, host.Runtime.Engine));
        string? problem = null;
        try
        {
            problem = Problem(host, CoreProgram.ToComponent(file, host.Runtime.Engine));
        }
        catch (ComponentException e)
        {
            problem = e.Message;
        }

        if (json)
        {
            ReportText.PrintJson(Console.Out, j =>
            {
                j.WriteString("kind", "module");
                j.WriteNumber("bytes", file.Length);
                Write(j, "imports", d.Imports.Select(i => $"{i.Module}.{i.Name}"));
                Write(j, "exports", d.Exports.Select(e => e.Name));
                if (problem is null) j.WriteNull("problem");
                else j.WriteString("problem", problem);
            });
            return problem is null ? ExitCode.Ok : ExitCode.Failed;
        }

        Console.WriteLine($"{path}: a core module of {ReportText.Count(file.Length)} bytes");
        Console.WriteLine("imports");
        foreach (CoreImportDescription i in d.Imports) Console.WriteLine($"  {i.Module}.{i.Name}  ({i.Kind})");
        Console.WriteLine("exports");
        foreach ((string name, string kind) in d.Exports) Console.WriteLine($"  {name}  ({kind})");
        Console.WriteLine(problem is null ? "it can run here, with `mote run`" : $"it cannot run here: {problem}");
        return problem is null ? ExitCode.Ok : ExitCode.Failed;
    }

    /// <summary>Why the component cannot run on this host; null where it can.</summary>
    private static string? Problem(ComponentHost host, byte[] component)
    {
        try
        {
            using InstanceTemplate template = host.Capabilities.Linker.Link(host.Runtime.Compile(component));
            return null;
        }
        catch (Exception e) when (e is ComponentException or WasmtimeException)
        {
            return e.Message;
        }
    }

    /// <summary>What a manifest would have to say for the imports to be of use.</summary>
    private static IEnumerable<(string Grant, string For)> Grants(IReadOnlyList<ItemDescription> imports)
    {
        bool Uses(params string[] interfaces) => imports.Any(i => i.Items.Any(f => f.Kind == ItemKind.Function) && interfaces.Contains(i.Name.Split('@')[0]));

        if (Uses("wasi:keyvalue/store")) yield return ("keyvalue = [\"default\"]", "stores that it opens (wasi:keyvalue)");
        if (Uses("wasi:blobstore/blobstore")) yield return ("blobstore = [\"files\"]", "containers that it opens (wasi:blobstore)");
        if (Uses("wasi:nn/graph")) yield return ("models = [\"NAME\"]", "models that it runs (wasi:nn)");
        if (Uses("wasi:messaging/producer", "wasi:messaging/request-reply")) yield return ("publish = [\"TOPIC\"]", "topics that it sends to (wasi:messaging)");
        if (Uses("wasmcloud:messaging/consumer")) yield return ("publish = [\"SUBJECT\"]", "subjects that it sends to (wasmcloud:messaging)");
        if (Uses("wasi:config/store", "wasi:config/runtime")) yield return ("[component.NAME.variables]", "values that it reads (wasi:config)");
        if (Uses("wasi:cli/environment")) yield return ("[component.NAME.environment]", "variables of its environment (wasi:cli)");
        if (Uses("wasi:filesystem/preopens")) yield return ("files = [{ host = \"…\" }]", "folders (wasi:filesystem); without, it sees none");
        if (Uses("wasi:sockets/tcp-create-socket", "wasi:sockets/udp-create-socket", "wasi:sockets/ip-name-lookup")) yield return ("sockets = [\"tcp://HOST:PORT\"]", "where it connects, tcp-listen:// where it listens (wasi:sockets)");
        if (Uses("wasi:http/outgoing-handler")) yield return ("http = [\"https://HOST\"]", "where it sends requests (wasi:http)");
    }

    private static void Print(string title, IReadOnlyList<ItemDescription> items, bool types, Func<ItemDescription, string> note)
    {
        Console.WriteLine(title);
        if (items.Count == 0) Console.WriteLine("  none");
        foreach (ItemDescription i in items) Print(i, types, 1, note(i));
    }

    private static void Print(ItemDescription i, bool types, int depth, string note)
    {
        string kind = i.Kind switch { ItemKind.Function or ItemKind.Type => $": {Cut(i.Type!)}", ItemKind.Resource => ": resource", ItemKind.Instance => "", _ => $": {i.Kind.ToString().ToLowerInvariant()}" };
        Console.WriteLine($"{new string(' ', depth * 2)}{i.Name}{kind}{note}");
        if (!types) return;
        foreach (ItemDescription inner in i.Items) Print(inner, types, depth + 1, "");
    }

    private static string Cut(string type) => type.Length <= LongestType ? type : type[..LongestType] + "…";

    private static string Many(int n, string what) => $"{n} {what}{(n == 1 ? "" : "s")}";

    private static string Memory(ModuleDescription m) => m.MemoryPages is not { } pages ? ""
        : $", memory {Units.ShowBytes(pages * 65536.0)}{(m.MaxMemoryPages is { } max ? $" up to {Units.ShowBytes(max * 65536.0)}" : "")}";

    private static void Write(Utf8JsonWriter j, string name, IEnumerable<string> values)
    {
        j.WriteStartArray(name);
        foreach (string v in values) j.WriteStringValue(v);
        j.WriteEndArray();
    }

    private static void Write(Utf8JsonWriter j, string name, IReadOnlyList<ItemDescription> items)
    {
        j.WriteStartArray(name);
        foreach (ItemDescription i in items)
        {
            j.WriteStartObject();
            j.WriteString("name", i.Name);
            j.WriteString("kind", i.Kind.ToString().ToLowerInvariant());
            if (i.Type is not null) j.WriteString("type", i.Type);
            if (i.Items.Count > 0) Write(j, "items", i.Items);
            j.WriteEndObject();
        }

        j.WriteEndArray();
    }
}
