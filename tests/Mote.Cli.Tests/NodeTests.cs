// mote up, simulate, collect and demo: the node as a whole, on ports that the system chooses.
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Mote.Cli.Tests;

public sealed partial class NodeTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private const string Manifest = """
        mote = 1

        [app]
        name = "test"

        [[trigger.mqtt]]
        topic = "plant/#"
        component = "sink"

        [component.sink]
        source = "sink.wasm"
        instance = "pooled"
        """;

    /// <summary>An app whose component takes every message and does nothing with it.</summary>
    private string App(string? handler = null)
    {
        _folder.Wasm("sink.wasm", handler ?? Guests.Handler());
        // Each message once: what fails is counted, and not tried again.
        _folder.Write("mote.toml", Manifest.Replace("component = \"sink\"\n", "component = \"sink\"\nretries = 0\n", StringComparison.Ordinal));
        return _folder.Path;
    }

    private static string Address(string line, string scheme) => UrlPattern().Matches(line).Select(m => m.Value).First(u => u.StartsWith(scheme, StringComparison.Ordinal));

    [GeneratedRegex(@"[a-z]+://[0-9.]+:\d+[^\s]*")]
    private static partial Regex UrlPattern();

    [Fact]
    public void Up_WithTimersAlone_ShowsThem_AndFiresThem_WithoutABroker()
    {
        string app = App();
        _folder.Write("mote.toml", Manifest.Replace("[[trigger.mqtt]]\ntopic = \"plant/#\"", """
            [[trigger.timer]]
            name = "nightly"
            cron = "0 3 * * MON-FRI"
            timezone = "Europe/Berlin"
            component = "sink"
            [[trigger.timer]]
            every = "100ms"
            """, StringComparison.Ordinal));
        using MoteRun up = MoteRun.Start("up", app, "--duration", "2s", "--json");
        MoteResult ended = up.End();
        string output = ended.Succeeded();
        Assert.Contains("timer     nightly: 0 3 * * MON-FRI (Europe/Berlin) -> sink", ended.Error);
        Assert.Contains("timer     sink: every 0.1s -> sink", ended.Error);
        Assert.DoesNotContain("broker", ended.Error);
        using JsonDocument report = JsonDocument.Parse(output);
        Assert.InRange(report.RootElement.GetProperty("handled").GetInt64(), 2, 60);
    }

    [Theory]
    [InlineData("TERM")]
    [InlineData("INT")]
    public void Up_Signal_EndsInOrderWithAReport(string signal)
    {
        // A child of a process that ignores SIGINT (what a shell starts in the background) ignores it as well.
        Assert.SkipWhen(signal == "INT" && IgnoresInterrupts(), "this process was started with SIGINT ignored");
        using MoteRun up = MoteRun.Start("up", App(), "--listen", "127.0.0.1:0");
        up.WaitFor("test 0.0.0 is up");
        string broker = Address(up.WaitFor("broker "), "mqtt");
        Assert.DoesNotContain(":0", broker[^2..]);
        up.WaitFor("data ");
        up.Signal(signal);
        string text = up.End().Succeeded();
        Assert.Contains("trigger   plant/# -> sink", text);
        Assert.Contains("upstream  none", text);
        Assert.Matches(@"readings in +0\n", text);
    }

    [Fact]
    public void Up_Duration_EndsByItself_AndJsonIsOneObject()
    {
        MoteResult r = MoteRun.Run("up", App(), "--listen", "127.0.0.1:0", "--duration", "300ms", "--json");
        r.NoInternals();
        Assert.Equal(0, r.Code);
        using JsonDocument json = JsonDocument.Parse(r.Out);
        Assert.Equal(0, json.RootElement.GetProperty("readings_in").GetInt64());
        Assert.Contains("is up", r.Error);
    }

    [Fact]
    public void Doctor_OfARunningNode_SaysWhatIsWrongWithBrokerAndUpstream()
    {
        App();
        _folder.Write("node.toml", """
            [broker]
            url = "mqtt://127.0.0.1:9"
            [upstream]
            url = "http://127.0.0.1:9/"
            [nats]
            url = "nats://127.0.0.1:9"
            """);
        using (MoteRun up = MoteRun.Start("up", _folder.Path))
        {
            up.WaitFor("trying again");
            up.WaitFor("NATS at 127.0.0.1:9");
            MoteResult ill = MoteRun.Run("doctor", _folder.Path);
            Assert.Equal(1, ill.Code);
            Assert.Matches("ok +node +`.+` runs as process [0-9]+", ill.Out);
            Assert.Matches("FAIL +broker +127.0.0.1:9: .*refused.*the node goes on trying", ill.Out);
            Assert.Matches("FAIL +nats +127.0.0.1:9: .*the node goes on trying.*\\[nats\\]", ill.Out);
            Assert.Matches("ok +upstream +http://127.0.0.1:9/: 0 events sent, 0 wait", ill.Out); // nothing was to be sent yet
            Assert.Matches("ok +disk +0 events wait", ill.Out);
            Assert.Matches("ok +flash wear +.+ written today", ill.Out);
            string ledger = MoteRun.Run("ledger", _folder.Path).Succeeded();
            Assert.Matches("APP +TOPIC +MESSAGES IN", ledger);
            Assert.Matches("DAY +ALL +KERNEL'S COUNT +FOR\n[0-9]{4}-[0-9]{2}-[0-9]{2} ", ledger);
            using JsonDocument json = JsonDocument.Parse(MoteRun.Run("ledger", _folder.Path, "--json").Succeeded());
            Assert.Equal(1, json.RootElement.GetProperty("apps").GetArrayLength());
            Assert.True(json.RootElement.GetProperty("disk")[0].GetProperty("written").TryGetProperty("logs", out _));
        }

        Assert.Matches("note +node +it does not run", MoteRun.Run("doctor", _folder.Path).Out);
    }

    [Fact]
    public void Up_SimulatedReadings_AllArrive()
    {
        using MoteRun up = MoteRun.Start("up", App(), "--listen", "127.0.0.1:0", "--json");
        string broker = Address(up.WaitFor("broker "), "mqtt");
        using JsonDocument sent = JsonDocument.Parse(MoteRun.Run("simulate", "--broker", broker, "--rate", "1000", "--duration", "2s", "--seed", "1", "--json").Succeeded());
        up.Signal("TERM");
        using JsonDocument report = JsonDocument.Parse(up.End().Succeeded());
        long messages = sent.RootElement.GetProperty("messages").GetInt64();
        Assert.InRange(messages, 1900, 2100);
        Assert.Equal(messages, report.RootElement.GetProperty("readings_in").GetInt64());
        Assert.Equal(messages, report.RootElement.GetProperty("handled").GetInt64());
        Assert.Equal(sent.RootElement.GetProperty("bytes").GetInt64(), report.RootElement.GetProperty("bytes_in").GetInt64());
        Assert.Equal(messages, report.RootElement.GetProperty("microvms_started").GetInt64() + report.RootElement.GetProperty("microvms_reused").GetInt64());
        foreach (string none in (string[])["not_handled", "messages_dropped", "microvms_trapped", "alerts_out"]) Assert.Equal(0, report.RootElement.GetProperty(none).GetInt64());
    }

    [Fact]
    public void Up_ComponentThatTraps_GoesOnAndCountsThem()
    {
        using MoteRun up = MoteRun.Start("up", App(Guests.Handler("unreachable")), "--listen", "127.0.0.1:0", "--json");
        string broker = Address(up.WaitFor("broker "), "mqtt");
        using JsonDocument sent = JsonDocument.Parse(MoteRun.Run("simulate", "--broker", broker, "--rate", "100", "--duration", "500ms", "--json").Succeeded());
        up.WaitFor("unreachable");
        up.Signal("TERM");
        MoteResult r = up.End();
        r.NoInternals();
        Assert.Equal(0, r.Code);
        using JsonDocument report = JsonDocument.Parse(r.Out);
        Assert.Equal(sent.RootElement.GetProperty("messages").GetInt64(), report.RootElement.GetProperty("microvms_trapped").GetInt64());
        Assert.Equal(0, report.RootElement.GetProperty("handled").GetInt64());
    }

    [Fact]
    public void Up_PortInUse_EndsWith69()
    {
        using MoteRun first = MoteRun.Start("up", App(), "--listen", "127.0.0.1:0", "--data", _folder["a"]);
        string broker = Address(first.WaitFor("broker "), "mqtt");
        string line = MoteRun.Run("up", _folder.Path, "--listen", broker["mqtt://".Length..], "--data", _folder["b"]).FailedWith(69);
        Assert.Contains(broker["mqtt://".Length..], line);
        first.Signal("TERM");
        first.End().Succeeded();
    }

    public static TheoryData<string, string, string> BadManifests => new()
    {
        { "", "mote.toml:1", "`mote` is missing" },
        { "mote = 2\n", "mote.toml:1", "2" },
        { "mote = 1\n[app\n", "mote.toml:2", "" },
        { Manifest + "\ncolour = 1\n", "mote.toml:13", "colour" },
        { Manifest.Replace("component = \"sink\"", "component = \"drain\""), "mote.toml:8", "drain" },
        { Manifest.Replace("\"pooled\"", "\"shared\""), "mote.toml:12", "shared" },
        { Manifest.Replace("plant/#", "plant/#/x"), "mote.toml:7", "plant/#/x" },
        { Manifest + "\n[component.sink.limits]\nmemory = \"lots\"\n", "mote.toml:14", "lots" },
        { Manifest + "\n[component.sink.grants]\nhttp = [\"*\"]\n", "mote.toml:14", "http" },
        { Manifest.Replace("sink.wasm", "other.wasm"), "other.wasm", "" },
        { Manifest.Replace("\"test\"", "\"Test App\""), "mote.toml:4", "Test App" },
        { Manifest + "\nvariables = { a = \"{{ nothing }}\" }\n", "mote.toml:13", "nothing" },
    };

    [Theory]
    [MemberData(nameof(BadManifests))]
    public void Up_BadManifest_NamesTheLine(string manifest, string place, string words)
    {
        App();
        _folder.Write("mote.toml", manifest);
        MoteResult r = MoteRun.Run("up", _folder.Path, "--listen", "127.0.0.1:0", "--duration", "1s");
        Assert.True(r.Code is 65 or 66, $"exit code {r.Code}: {r.Error}");
        string line = r.FailedWith(r.Code);
        Assert.Contains(place, line);
        Assert.Contains(words, line);
    }

    [Fact]
    public void Up_NoManifest_SaysWhereItLooked()
    {
        string line = MoteRun.Run("up", _folder.Path).FailedWith(65);
        Assert.Contains(_folder["mote.toml"], line);
        Assert.Contains("there is no manifest here", line);
    }

    [Fact]
    public void Up_ComponentThatHandlesNoMessages_IsRefused()
    {
        App(Guests.Functions);
        Assert.Contains("incoming-handler", MoteRun.Run("up", _folder.Path, "--listen", "127.0.0.1:0", "--duration", "1s").FailedWith(65));
    }

    [Fact]
    public void Up_NodeConfigWithAMistake_NamesTheLine()
    {
        App();
        string config = _folder.Write("node.toml", "[broker]\nlisten = \"127.0.0.1:0\"\nurl = \"http://x\"\n");
        string line = MoteRun.Run("up", _folder.Path, "--duration", "1s").FailedWith(65);
        Assert.Contains($"{config}:3: ", line);
        Assert.Contains("mqtt://", line);
    }

    [Fact]
    public void Factory_ReadingsThatJump_AlertsReachTheCollector()
    {
        string sample = MoteBinary.Sample;
        using MoteRun collect = MoteRun.Start("collect", "--listen", "127.0.0.1:0", "--file", _folder["events.jsonl"]);
        string upstream = Address(collect.WaitFor("collecting CloudEvents at "), "http");
        using MoteRun up = MoteRun.Start("up", sample, "--listen", "127.0.0.1:0", "--upstream", upstream, "--data", _folder["data"], "--json");
        string broker = Address(up.WaitFor("broker "), "mqtt");
        // The filter learns from 20 windows of 50 readings what is normal; then comes what is not.
        var random = new Random(1);
        string csv = _folder.Write("press.csv", "pressure\n" + string.Concat(Enumerable.Range(0, 3000).Select(i => FormattableString.Invariant($"{(i < 2000 ? 100 : 160) + random.NextDouble():0.000}\n"))));
        MoteRun.Run("simulate", "--broker", broker, "--csv", csv, "--rate", "5000").Succeeded();
        up.Signal("TERM");
        using JsonDocument report = JsonDocument.Parse(up.End().Succeeded());
        collect.Signal("TERM");
        MoteResult collected = collect.End();
        collected.Succeeded();
        long alerts = report.RootElement.GetProperty("alerts_out").GetInt64();
        Assert.Equal(3000, report.RootElement.GetProperty("readings_in").GetInt64());
        Assert.True(alerts > 0, "no alert");
        Assert.Equal(0, report.RootElement.GetProperty("alerts_waiting").GetInt64());
        Assert.Equal(alerts, File.ReadAllLines(_folder["events.jsonl"]).Length);
        Assert.Contains($"{alerts} events with", collected.Error);
        foreach (string line in File.ReadAllLines(_folder["events.jsonl"]))
        {
            using JsonDocument e = JsonDocument.Parse(line);
            Assert.Equal("1.0", e.RootElement.GetProperty("specversion").GetString());
            Assert.Contains("press", line);
        }
    }

    [Fact]
    public void Demo_Short_ItsFiguresAddUp()
    {
        string sample = MoteBinary.Sample;
        MoteResult r = MoteRun.Run("demo", sample, "--duration", "4s", "--rate", "2000", "--seed", "3", "--json");
        r.NoInternals();
        Assert.True(r.Code == 0, r.Error);
        using JsonDocument json = JsonDocument.Parse(r.Out);
        long Figure(string name) => json.RootElement.GetProperty(name).GetInt64();
        Assert.InRange(Figure("readings_in"), 7500, 8500);
        Assert.Equal(Figure("readings_in"), Figure("handled") + Figure("not_handled"));
        Assert.Equal(Figure("readings_in"), Figure("microvms_started") + Figure("microvms_reused"));
        Assert.Equal(Figure("handled"), json.RootElement.GetProperty("cold").GetProperty("count").GetInt64() + json.RootElement.GetProperty("warm").GetProperty("count").GetInt64());
        Assert.InRange(Figure("faults_noticed"), 0, Figure("faults"));
        Assert.True(Figure("bytes_out") < Figure("bytes_in"));
        double saved = 100.0 * (Figure("bytes_in") - Figure("bytes_out")) / Figure("bytes_in");
        Assert.Equal(saved, json.RootElement.GetProperty("saved_percent").GetDouble(), 3);
    }

    [Theory]
    [InlineData("--csv")]
    [InlineData("--wav")]
    public void Simulate_MissingFile_EndsWith66(string option) => Assert.Contains("there is no such file", MoteRun.Run("simulate", option, _folder["none"], "--broker", "mqtt://127.0.0.1:1").FailedWith(66));

    [Fact]
    public void Simulate_NoBroker_EndsWith69() => MoteRun.Run("simulate", "--broker", "mqtt://127.0.0.1:1", "--duration", "1s").FailedWith(69);

    [Fact]
    public void Simulate_Csv_ReplaysEveryNumber()
    {
        using MoteRun up = MoteRun.Start("up", App(), "--listen", "127.0.0.1:0", "--json");
        string broker = Address(up.WaitFor("broker "), "mqtt");
        string csv = _folder.Write("table.csv", "time;temp;note\n2024-01-01T00:00:00Z;1.5;ok\n2024-01-01T00:00:01Z;2;3\n2024-01-01T00:00:02Z;4\n");
        MoteResult r = MoteRun.Run("simulate", "--broker", broker, "--csv", csv, "--rate", "1000", "--json");
        using JsonDocument sent = JsonDocument.Parse(r.Succeeded());
        Assert.Equal(3, sent.RootElement.GetProperty("messages").GetInt64());
        Assert.Equal(2, sent.RootElement.GetProperty("left_out").GetInt64());
        Assert.Contains($"{csv}:2: column note", r.Error);
        up.Signal("TERM");
        using JsonDocument report = JsonDocument.Parse(up.End().Succeeded());
        Assert.Equal(3, report.RootElement.GetProperty("readings_in").GetInt64());
    }

    private static bool IgnoresInterrupts()
    {
        string? line = File.ReadLines("/proc/self/status").FirstOrDefault(l => l.StartsWith("SigIgn:", StringComparison.Ordinal));
        return line is not null && (Convert.ToUInt64(line["SigIgn:".Length..].Trim(), 16) & 0b10) != 0;
    }
}
