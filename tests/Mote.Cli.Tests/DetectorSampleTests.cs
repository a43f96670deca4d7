// The samples' detectors, built from their sources and scored by `mote score` on machines that are made up here.
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Mote.Cli.Tests;

public sealed class DetectorSampleTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static readonly HashSet<string> s_built = [];

    /// <summary>A sample with its component, built from what is there now.</summary>
    private static string Built(string sample)
    {
        TemplateProject.Need(["node", "clang-19", "wasm-ld-19"]);
        string folder = Path.Combine(MoteBinary.Root, "samples", sample);
        lock (s_built)
        {
            if (!s_built.Contains(sample)) MoteRun.RunOther(["/usr/bin/env", $"MOTE={MoteBinary.Path}", "sh"], Path.Combine(folder, "build.sh")).Succeeded();
            s_built.Add(sample);
        }

        return folder;
    }

    private static JsonElement Score(params string[] args) => JsonDocument.Parse(MoteRun.Run(["score", .. args, "--json"]).Succeeded()).RootElement;

    private static double Noise(Random random) => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());

    /// <summary>A pump: a temperature that drifts, a flow and a pressure with noise; from row 600 to 800 the flow is lower by so many deviations.</summary>
    private string Pump(string name, int seed, double fault)
    {
        var random = new Random(seed);
        var text = new StringBuilder("datetime;Flow;Pressure;Temperature;anomaly\n");
        double temperature = 70;
        var time = new DateTime(2020, 3, 9, 10, 0, 0, DateTimeKind.Utc);
        for (int i = 0; i < 1000; i++)
        {
            bool bad = fault > 0 && i is >= 600 and < 800;
            temperature += 0.02 * Noise(random);
            double flow = 32 + (0.5 * Noise(random)) - (bad ? 0.5 * fault : 0);
            text.Append(CultureInfo.InvariantCulture, $"{time.AddSeconds(i):yyyy-MM-dd HH:mm:ss};{flow:0.####};{0.05 + (0.2 * Noise(random)):0.####};{temperature:0.####};{(bad ? 1 : 0)}\n");
        }

        File.WriteAllText(_folder[name], text.ToString());
        return _folder[name];
    }

    [Fact]
    public void WaterPump_FlowFalls_IsFoundWhileItLastsAndHealthyPumpsAreLeftAlone()
    {
        string app = Built("05-water-pump");
        JsonElement score = Score(app, "--csv", Pump("large.csv", 1, 6), Pump("small.csv", 2, 2.5), Pump("healthy.csv", 3, 0), "--start", "400");
        JsonElement[] files = [.. score.GetProperty("files").EnumerateArray()];
        Assert.Equal(3000, score.GetProperty("messages").GetInt32());
        Assert.True(files[0].GetProperty("f1").GetDouble() > 0.85, score.ToString());
        Assert.True(files[1].GetProperty("f1").GetDouble() > 0.8, score.ToString());
        Assert.Equal(600, files[2].GetProperty("true_negatives").GetInt32());
        // Alerts left, and not the data.
        Assert.True(score.GetProperty("bytes_out").GetInt64() is > 0 and < 4000, score.ToString());
    }

    [Fact]
    public void WaterPump_SingleSeries_DayThatIsNotLikeTheOthersIsAnEvent()
    {
        string app = Built("05-water-pump");
        var random = new Random(5);
        var text = new StringBuilder("timestamp,value,anomaly\n");
        var time = new DateTime(2014, 4, 1, 0, 0, 0, DateTimeKind.Utc);
        for (int i = 0; i < 4032; i++)
        {
            // A wave of a day; on day 11 it is not there from morning to evening: no value is out of its range.
            bool bad = i is >= (10 * 288) + 90 and < (10 * 288) + 200;
            double wave = bad ? 0.3 : Math.Sin(2 * Math.PI * i / 288);
            text.Append(CultureInfo.InvariantCulture, $"{time.AddMinutes(5 * i):yyyy-MM-dd HH:mm:ss},{100 + (20 * wave) + Noise(random):0.###},{(bad ? 1 : 0)}\n");
        }

        File.WriteAllText(_folder["days.csv"], text.ToString());
        JsonElement score = Score(app, "--csv", _folder["days.csv"], "--start", "600");
        Assert.True(score.GetProperty("true_positives").GetInt32() >= 1, score.ToString());
        Assert.True(score.GetProperty("false_positives").GetInt32() <= 4, score.ToString());
    }

    [Fact]
    public void WaterPump_BadMessages_AreRefusedWithTheReason()
    {
        string app = Built("05-water-pump");
        string names = string.Join(',', Enumerable.Range(0, 17).Select(i => $"s{i}")), values = string.Join(',', Enumerable.Repeat("1", 17));
        File.WriteAllText(_folder["wide.csv"], $"{names},anomaly\n{values},0\n");
        Assert.Contains("a row may have 16 sensors", MoteRun.Run("score", app, "--csv", _folder["wide.csv"]).FailedWith(ExitCode.Failed));
        Assert.Contains("there is no such file", MoteRun.Run("score", app, "--csv", _folder["none.csv"]).FailedWith(ExitCode.NoInput));
    }
}
