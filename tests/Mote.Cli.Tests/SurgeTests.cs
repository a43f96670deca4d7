// mote apps beside a running node, and the surge sample: from zero to many microVMs and back, with no request lost.
using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Mote.Cli.Tests;

public sealed partial class SurgeTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [GeneratedRegex(@"^ *[\d.]+ s +[\d,]+ events/s +(?<live>[\d,]+) microVMs .* (?<loaded>\d) of 1 loaded", RegexOptions.Multiline)]
    private static partial Regex ViewLine { get; }

    [GeneratedRegex(@"^(?<answered>\d+) requests answered in 2 s, 0 refused or failed, 0 lost$", RegexOptions.Multiline)]
    private static partial Regex Summary { get; }

    [Fact]
    public void SurgeSample_Burst_GoesUpAndBackToZeroAndLosesNothing()
    {
        TemplateProject.Need(["node", "clang-19", "wasm-ld-19"]);
        string run = Path.Combine(MoteBinary.Root, "samples", "03-surge", "run.sh");
        string output = MoteRun.RunOther(["/usr/bin/env", $"MOTE={MoteBinary.Path}", $"MOTE_DATA={_folder["data"]}", "SURGE_SECONDS=2", "SURGE_CLIENTS=40", "sh"], run).Succeeded();

        (int Live, int Loaded)[] seen = [.. ViewLine.Matches(output).Select(m => (int.Parse(m.Groups["live"].Value, NumberStyles.AllowThousands, CultureInfo.InvariantCulture), m.Groups["loaded"].Value[0] - '0'))];
        Assert.True(seen.Length >= 3, output);
        Assert.Equal((0, 0), seen[0]);
        Assert.True(seen.Max(s => s.Live) > 20, output);
        Assert.Equal((0, 0), seen[^1]);
        // The clients' count and the node's own agree.
        string answered = Summary.Match(output).Groups["answered"].Value;
        Assert.True(answered.Length > 0, output);
        Assert.Contains($"worker: {int.Parse(answered, CultureInfo.InvariantCulture).ToString("n0", CultureInfo.InvariantCulture)} requests,", output);
    }

    [Fact]
    public void Apps_RunningNode_ShowsItsComponents()
    {
        _folder.Wasm("handler.wasm", Guests.Handler());
        File.WriteAllText(_folder["mote.toml"], """
            mote = 1
            [app]
            name = "plant"
            [[trigger.mqtt]]
            topic = "in/#"
            component = "handler"
            [component.handler]
            source = "handler.wasm"
            """);
        using MoteRun up = MoteRun.Start("up", _folder.Path, "--listen", "127.0.0.1:0");
        up.WaitFor("data ");
        // Right where the app is announced, by the manifest's folder and by the data folder.
        string json = MoteRun.Run("apps", _folder.Path, "--json").Succeeded();
        using (JsonDocument status = JsonDocument.Parse(json))
        {
            JsonElement c = Assert.Single(status.RootElement.GetProperty("components").EnumerateArray());
            Assert.Equal(("plant", "handler", "mqtt", "loaded", 0), (c.GetProperty("app").GetString(), c.GetProperty("component").GetString(), c.GetProperty("trigger").GetString(), c.GetProperty("state").GetString(), c.GetProperty("received").GetInt32()));
            Assert.True(status.RootElement.GetProperty("resident_bytes").GetInt64() > 0);
        }

        string table = MoteRun.Run("apps", "--data", _folder[".mote"]).Succeeded();
        Assert.Matches(@"(?m)^APP +COMPONENT +TRIGGER +STATE +EVENTS +FAILED +REFUSED +STARTED +LIVE +CPU +PEAK +IN +OUT$", table);
        Assert.Matches(@"(?m)^plant +handler +mqtt +loaded +0 +0 +0 +0 +0 +0\.00 s +0\.0 MiB +0 B +0 B$", table);
        up.Signal("TERM");
        up.End().Succeeded();
        Assert.Contains($"no node runs on the data folder {_folder[".mote"]}", MoteRun.Run("apps", _folder.Path).FailedWith(69));
    }
}
