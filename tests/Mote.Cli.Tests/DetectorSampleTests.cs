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
    internal static string Built(string sample)
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

    /// <summary>A machine at 30 turns a second, sampled at 12 kHz; with a fault it is struck 107 times a second, and rings at 3 kHz.</summary>
    private string Vibration(string name, int seed, int seconds, double fault)
    {
        const int Rate = 12000;
        var random = new Random(seed);
        var samples = new short[Rate * seconds];
        for (int i = 0; i < samples.Length; i++)
        {
            double t = (double)i / Rate, since = t % (1 / 107.4);
            double g = (300 * Math.Sin(2 * Math.PI * 30 * t)) + (200 * Noise(random)) + (fault * Math.Exp(-since * 900) * Math.Sin(2 * Math.PI * 3000 * since));
            samples[i] = (short)g;
        }

        using var file = new BinaryWriter(File.Create(_folder[name]));
        file.Write("RIFF"u8);
        file.Write(36 + (samples.Length * 2));
        file.Write("WAVEfmt "u8);
        file.Write(16);
        file.Write((short)1);
        file.Write((short)1);
        file.Write(Rate);
        file.Write(Rate * 2);
        file.Write((short)2);
        file.Write((short)16);
        file.Write("data"u8);
        file.Write(samples.Length * 2);
        foreach (short v in samples) file.Write(v);
        return _folder[name];
    }

    [Fact]
    public void PredictiveMaintenance_StruckBearing_IsFoundAtOnceAndTheHealthyOneIsLeftAlone()
    {
        string app = Built("04-predictive-maintenance");
        // 58 windows, of which ten are learned from; then 29 with a fault.
        JsonElement score = Score(app, "--healthy", Vibration("healthy.wav", 1, 10, 0), "--faulty", Vibration("faulty.wav", 2, 5, 3000), "--start", "10");
        Assert.Equal((48, 0, 29, 0, 1), (Count("true_negatives"), Count("false_positives"), Count("true_positives"), Count("false_negatives"), Count("alarms")));
        // What left is a thousandth of what came.
        Assert.True(score.GetProperty("bytes_out").GetInt64() is > 0 and < 1000, score.ToString());

        int Count(string name) => score.GetProperty(name).GetInt32();
    }

    /// <summary>The instance that judges may be another one each time: what it knows is in the store.</summary>
    [Fact]
    public void PredictiveMaintenance_FreshInstanceForEachWindow_SaysTheSame()
    {
        string app = Built("04-predictive-maintenance");
        string[] files = ["--healthy", Vibration("healthy.wav", 1, 4, 0), "--faulty", Vibration("faulty.wav", 2, 2, 3000), "--start", "10"];
        string pooled = Score([app, .. files]).ToString();
        Directory.CreateDirectory(_folder["fresh"]);
        File.Copy(Path.Combine(app, "bearing.wasm"), Path.Combine(_folder["fresh"], "bearing.wasm"));
        string manifest = File.ReadAllText(Path.Combine(app, "mote.toml"));
        Assert.Contains("instance = \"pooled\"", manifest, StringComparison.Ordinal);
        File.WriteAllText(Path.Combine(_folder["fresh"], "mote.toml"), manifest.Replace("instance = \"pooled\"", "instance = \"per-event\"", StringComparison.Ordinal));
        Assert.Equal(pooled, Score([_folder["fresh"], .. files]).ToString());
    }
}
