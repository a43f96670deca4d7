// Files that others made, run unchanged by the program: MOTE_FOREIGN names a folder of .wasm files, none of which is in this
// repository. Beside NAME.wasm there may be NAME.json, as in WASI's test suite: args, exit_code, stdout.
using System.Net;
using System.Text.Json;

namespace Mote.Cli.Tests;

public sealed class ForeignTests
{
    [Fact]
    public async Task EachFile_IsInspected_AndRunOrServedWhereItIsACommandOrAnApp()
    {
        string? folder = Environment.GetEnvironmentVariable("MOTE_FOREIGN");
        Assert.SkipWhen(folder is null, "MOTE_FOREIGN names no folder with components that others made (docs/conformance.md says which ones have run)");
        string[] files = [.. Directory.EnumerateFiles(folder, "*.wasm", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];
        Assert.NotEmpty(files);
        var faults = new List<string>();
        int ran = 0, served = 0;
        foreach (string file in files)
        {
            try
            {
                switch (Use(file))
                {
                    case "run":
                        Run(file);
                        ran++;
                        break;
                    case "serve":
                        await Serve(file);
                        served++;
                        break;
                }
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                faults.Add($"{Path.GetRelativePath(folder, file)}: {e.Message}");
            }
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"{files.Length} files, {ran} run, {served} served");
        Assert.True(faults.Count == 0, string.Join('\n', faults));
    }

    /// <summary>What a file is for, as `mote inspect` sees it; nothing where it wants imports of its own test's host.</summary>
    private static string Use(string file)
    {
        MoteResult r = MoteRun.Run("inspect", file, "--json");
        r.NoInternals();
        Assert.True(r.Code is 0 or 1, $"inspect ended with {r.Code}: {r.Error}");
        using JsonDocument json = JsonDocument.Parse(r.Out);
        JsonElement root = json.RootElement;
        if (r.Code == 1)
        {
            // Only what is really not hosted may keep it from running. WASI 0.2 is.
            if (root.TryGetProperty("not_hosted", out JsonElement missing))
            {
                string[] names = [.. missing.EnumerateArray().Select(m => m.GetString()!)];
                Assert.True(names.Length > 0, root.GetProperty("problem").GetString());
                Assert.DoesNotContain(names, n => n.StartsWith("wasi:", StringComparison.Ordinal) && n.Contains("@0.2.", StringComparison.Ordinal));
            }

            return "";
        }

        string[] exports = [.. root.GetProperty("exports").EnumerateArray().Select(e => (e.ValueKind == JsonValueKind.String ? e : e.GetProperty("name")).GetString()!)];
        if (exports.Any(e => e.StartsWith("wasi:http/incoming-handler@0.2.", StringComparison.Ordinal))) return "serve";
        return exports.Any(e => e == "_start" || e.StartsWith("wasi:cli/run@0.2.", StringComparison.Ordinal)) ? "run" : "";
    }

    private static void Run(string file)
    {
        string specification = Path.ChangeExtension(file, ".json");
        using JsonDocument? json = File.Exists(specification) ? JsonDocument.Parse(File.ReadAllText(specification)) : null;
        string[] arguments = json is not null && json.RootElement.TryGetProperty("args", out JsonElement args) ? [.. args.EnumerateArray().Select(a => a.GetString()!)] : [];
        MoteResult r = MoteRun.Run(["run", file, .. arguments]);
        r.NoInternals();
        // Without a specification its own code is its own business, but not that it trapped or could not be run.
        if (json is null) Assert.False(r.Code is 64 or 65 or 66 or 69 or 70 or 124 or 134, $"run ended with {r.Code}: {r.Error}");
        else Assert.Equal(json.RootElement.TryGetProperty("exit_code", out JsonElement code) ? code.GetInt32() : 0, r.Code);
        if (json is not null && json.RootElement.TryGetProperty("stdout", out JsonElement text)) Assert.Equal(text.GetString(), r.Out);
    }

    private static async Task Serve(string file)
    {
        const int Requests = 5;
        using MoteRun serve = MoteRun.Start("serve", file, "--listen", "127.0.0.1:0");
        string line = serve.WaitFor("serving ");
        using var client = new HttpClient { BaseAddress = new Uri(line[line.IndexOf("http://", StringComparison.Ordinal)..]), Timeout = TimeSpan.FromSeconds(30) };
        for (int i = 0; i < Requests; i++)
        {
            using HttpResponseMessage response = await client.GetAsync("/", TestContext.Current.CancellationToken);
            // What it makes of the path is its own business; an answer it must be.
            Assert.InRange(response.StatusCode, HttpStatusCode.OK, HttpStatusCode.InternalServerError - 1);
        }

        serve.Signal("TERM");
        MoteResult end = serve.End();
        Assert.Contains($"{Requests} requests, {Requests} answered, 0 failed", end.Succeeded());
    }
}
