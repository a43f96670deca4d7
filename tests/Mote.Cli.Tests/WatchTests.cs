// mote watch: saving a file builds and replaces a component under load, and what is wrong leaves the old one running.
using System.Text.Json;
using Mote.Wasmtime;

namespace Mote.Cli.Tests;

public sealed class WatchTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private const string Manifest = """
        mote = 1
        [app]
        name = "test"
        [[trigger.mqtt]]
        topic = "in"
        component = "announcer"
        [component.announcer]
        source = "announcer.wasm"
        instance = "pooled"
        [component.announcer.build]
        command = "mkdir -p build && cp src/app.bin build/new && mv build/new announcer.wasm"
        watch = ["src/*.bin"]
        [component.announcer.grants]
        publish = ["out"]
        """;

    private void Save(string text) => Save(Wat.ToWasm(Guests.Announcer(text)));

    /// <summary>Some editors rename a new file over the old one; that is also the harder case to see.</summary>
    private void Save(byte[] content)
    {
        File.WriteAllBytes(_folder["src/.app.tmp"], content);
        File.Move(_folder["src/.app.tmp"], _folder["src/app.bin"], overwrite: true);
    }

    private async Task<(MoteRun Watch, MqttTestClient Client)> Start(params string[] more)
    {
        Directory.CreateDirectory(_folder["src"]);
        Save("version 0");
        if (!File.Exists(_folder["mote.toml"])) _folder.Write("mote.toml", Manifest);
        MoteRun watch = MoteRun.Start(["watch", _folder.Path, "--listen", "127.0.0.1:0", .. more]);
        return (watch, await MqttTestClient.Connect(TemplateProject.Address(watch.WaitFor("broker "), "mqtt"), "out"));
    }

    [Fact]
    public async Task Watch_TenSavesUnderLoad_NoMessageIsLostAndEveryVersionAnswers()
    {
        (MoteRun watch, MqttTestClient client) = await Start("--json");
        using MoteRun w = watch;
        await using MqttTestClient c = client;
        bool enough = false;
        int sent = 0;
        Task load = Task.Run(async () =>
        {
            while (!Volatile.Read(ref enough))
            {
                await client.Publish("in", "x");
                sent++;
            }
        }, TestContext.Current.CancellationToken);
        for (int version = 1; version <= 10; version++)
        {
            string text = $"version {version}";
            Save(text);
            await client.Until(r => r.Contains(text));
        }

        Volatile.Write(ref enough, true);
        await load;
        await client.Until(r => r.Count >= sent);
        watch.Signal("TERM");
        string output = watch.End().Succeeded();
        Assert.Equal(sent, client.Received.Count);
        // In order, and none comes back: one instance at a time, old before new.
        int[] versions = [.. client.Received.Select(r => int.Parse(r["version ".Length..], System.Globalization.CultureInfo.InvariantCulture))];
        Assert.Equal(versions.Order(), versions);
        Assert.Equal(Enumerable.Range(0, 11), versions.Distinct());
        string[] lines = output.TrimEnd('\n').Split('\n');
        Assert.Equal(10, lines.Count(l => l.Contains("\"event\":\"swapped\"", StringComparison.Ordinal)));
        using JsonDocument report = JsonDocument.Parse(lines[^1]);
        Assert.Equal((sent, 0), (report.RootElement.GetProperty("handled").GetInt32(), report.RootElement.GetProperty("not_handled").GetInt32()));
        Assert.Equal(sent, report.RootElement.GetProperty("microvms_started").GetInt32() + report.RootElement.GetProperty("microvms_reused").GetInt32());
    }

    [Fact]
    public async Task Watch_WhatIsWrong_IsSaidAndTheOldVersionGoesOn()
    {
        (MoteRun watch, MqttTestClient client) = await Start();
        using MoteRun w = watch;
        await using MqttTestClient c = client;

        // A file that is no component; a component that handles no messages; a build that fails.
        Save("not wasm"u8.ToArray());
        watch.WaitFor("announcer.wasm: ");
        await Answers("version 0");
        Save(Wat.ToWasm(Guests.Functions));
        Assert.Contains("what ran before goes on", watch.WaitFor("has no export"));
        await Answers("version 0");
        File.Delete(_folder["src/app.bin"]);
        Assert.Contains("what ran before goes on", watch.WaitFor("announcer: not built: "));
        await Answers("version 0");

        // A manifest with a fault, and then one that takes a grant away.
        _folder.Write("mote.toml", Manifest + "\ncolour = 1\n");
        Assert.Contains("mote.toml:15: ", watch.WaitFor("unknown key `colour`"));
        await Answers("version 0");
        Save("version 1");
        _folder.Write("mote.toml", Manifest.Replace("\"out\"", "\"elsewhere\""));
        watch.WaitFor("announcer: swapped in ");
        await client.Publish("in", "x");
        Assert.Contains("publish = [\"out\"]", watch.WaitFor("publish = "));

        // And with another trigger: the node starts anew, at the same address.
        _folder.Write("mote.toml", Manifest.Replace("\"in\"", "\"other\""));
        watch.WaitFor("starting anew");
        watch.WaitFor("trigger   other -> announcer");
        watch.Signal("TERM");
        watch.End().Succeeded();

        async Task Answers(string text)
        {
            int before = client.Received.Count;
            await client.Publish("in", "x");
            await client.Until(r => r.Count > before);
            Assert.Equal(text, client.Received.Last());
        }
    }

    [Fact]
    public async Task Watch_FirstBuildThatFails_WaitsForABetterOne()
    {
        Directory.CreateDirectory(_folder["src"]);
        _folder.Write("mote.toml", Manifest);
        using MoteRun watch = MoteRun.Start("watch", _folder.Path, "--listen", "127.0.0.1:0");
        watch.WaitFor("announcer: not built: ");
        Save("version 0");
        await using MqttTestClient client = await MqttTestClient.Connect(TemplateProject.Address(watch.WaitFor("broker "), "mqtt"), "out");
        await client.Publish("in", "x");
        await client.Until(r => r.Contains("version 0"));
        watch.Signal("TERM");
        watch.End().Succeeded();
    }

    [Fact]
    public void Watch_BuildThatChangesItsOwnSources_IsNotBuiltWithoutEnd()
    {
        Directory.CreateDirectory(_folder["src"]);
        Save("version 0");
        _folder.Write("mote.toml", Manifest.Replace("watch = [\"src/*.bin\"]", "watch = [\"src/**\"]").Replace("cp src/app.bin", "date +%N > src/stamp && cp src/app.bin"));
        using MoteRun watch = MoteRun.Start("watch", _folder.Path, "--listen", "127.0.0.1:0", "--json");
        Assert.Contains("src/stamp", watch.WaitFor("its build changes what it is built from"));
        Save("version 1"); // is still seen
        watch.WaitFor("\"event\":\"swapped\"");
        watch.WaitFor("is up");
        watch.Signal("TERM");
        string[] built = [.. watch.End().Succeeded().Split('\n').Where(l => l.Contains("\"event\":\"built\"", StringComparison.Ordinal))];
        Assert.InRange(built.Length, 2, 4);
    }
}
