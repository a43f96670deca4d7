// What a program of the suite is given and what must come of it: the JSON file beside it, in either of the suite's two forms.
using System.Text.Json;

namespace Mote.Conformance.Wasi;

/// <summary>A specification.</summary>
/// <param name="Arguments">Arguments after the program's name.</param>
/// <param name="Environment">Its environment.</param>
/// <param name="Root">The folder that it sees as /, beside the program; null for none.</param>
/// <param name="ExitCode">How it must end.</param>
/// <param name="Output">What it must print; null where that is not said.</param>
/// <param name="Error">The same of standard error.</param>
internal sealed record WasiSpecification(IReadOnlyList<string> Arguments, IReadOnlyList<KeyValuePair<string, string>> Environment, string? Root, int ExitCode, string? Output, string? Error)
{
    private static readonly string[] s_known = ["args", "env", "root", "exit_code", "stdout", "stderr", "operations", "proposals"];

    /// <summary>Reads the file; without one everything is as usual.</summary>
    /// <exception cref="InvalidDataException">It says something that this runner does not do.</exception>
    public static WasiSpecification Read(string file)
    {
        var usual = new WasiSpecification([], [], null, 0, null, null);
        if (!File.Exists(file)) return usual;
        using JsonDocument document = JsonDocument.Parse(File.ReadAllText(file));
        JsonElement root = document.RootElement;
        foreach (JsonProperty p in root.EnumerateObject())
        {
            if (!s_known.Contains(p.Name)) throw new InvalidDataException($"{file}: `{p.Name}` is not known to this runner");
        }

        if (root.TryGetProperty("proposals", out JsonElement proposals) && proposals.GetArrayLength() > 0) throw new InvalidDataException($"{file}: it needs the proposals {proposals}");
        if (!root.TryGetProperty("operations", out JsonElement operations))
        {
            return Started(usual, root) with { ExitCode = Integer(root, "exit_code"), Output = Text(root, "stdout"), Error = Text(root, "stderr") };
        }

        WasiSpecification result = usual;
        foreach (JsonElement operation in operations.EnumerateArray())
        {
            switch (Text(operation, "type"))
            {
                case "run":
                    result = Started(result, operation);
                    break;
                case "wait":
                    result = result with { ExitCode = Integer(operation, "exit_code") };
                    break;
                case "read" when (Text(operation, "id") ?? "stdout") == "stdout":
                    result = result with { Output = result.Output + Text(operation, "payload") };
                    break;
                case "read" when Text(operation, "id") == "stderr":
                    result = result with { Error = result.Error + Text(operation, "payload") };
                    break;
                default:
                    throw new InvalidDataException($"{file}: the operation {operation} is not known to this runner");
            }
        }

        return result;
    }

    private static WasiSpecification Started(WasiSpecification s, JsonElement e) => s with
    {
        Arguments = e.TryGetProperty("args", out JsonElement args) ? [.. args.EnumerateArray().Select(a => a.GetString()!)] : [],
        Environment = e.TryGetProperty("env", out JsonElement env) ? [.. env.EnumerateObject().Select(p => new KeyValuePair<string, string>(p.Name, p.Value.GetString()!))] : [],
        Root = Text(e, "root"),
    };

    private static string? Text(JsonElement e, string name) => e.TryGetProperty(name, out JsonElement value) ? value.GetString() : null;

    private static int Integer(JsonElement e, string name) => e.TryGetProperty(name, out JsonElement value) ? value.GetInt32() : 0;
}
