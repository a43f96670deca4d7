// CDnet's baseline/highway: which pixels move, against masks that people drew. Parameters were chosen on frames 470 to 879; the
// key is of frames 880 to 1289. Shadows count as background there, and pixels at borders are not counted.
using System.Diagnostics;
using System.Text.Json;
using Mote.Cli.Scoring;
using Mote.Packaging;

namespace Mote.Bench.Detect;

internal static class CdnetBench
{
    private const int Width = 320;
    private const int Height = 240;
    private const int FirstTruth = 470;
    private const int FirstHeld = 880;
    private const byte Shadow = 50;
    private const byte Moving = 255;

    /// <summary>OpenCV's nearest neighbours with a median, on these frames (the set's README).</summary>
    private const double NearestNeighbours = 0.877;

    public static void Run(Report report, string folder)
    {
        string recording = Path.Combine(folder, "highway_0001_1289.mjpeg");
        AppManifest app = DetectBench.Camera(("mask", "true"), ("line", ""), ("zone", ""), ("summary", "0"));
        using var run = new DetectorRun(app);
        Confusion chosen = default, held = default;
        long shadows = 0;
        using (DetectorRun.Session session = run.Open(app))
        {
            using IEnumerator<byte[]> truth = VideoReplay.GrayOfArchive(Path.Combine(folder, "groundtruth_0470_1289.zip"), Width, Height).GetEnumerator();
            int number = 0;
            foreach (byte[] pixels in VideoReplay.Gray(recording, Width, Height))
            {
                Alert? mask = session.Give(VideoReplay.Frame("highway", pixels, Width, Height, number++, 25)).FirstOrDefault(a => a.State == "mask");
                if (number < FirstTruth) continue;
                if (!truth.MoveNext()) throw new MissingException($"{folder}: there are fewer masks than frames");
                Confusion c = Compare(Moves(mask ?? throw new InvalidOperationException($"the component gave no mask of frame {number}")), truth.Current, ref shadows);
                if (number < FirstHeld) chosen += c;
                else held += c;
            }
        }

        Confusion all = chosen + held;
        report.Key("cdnet_f", held.F1, NearestNeighbours, atLeast: true);
        report.Key("cdnet_f_nearest_neighbours", NearestNeighbours);
        report.Key("cdnet_f_where_chosen", chosen.F1);
        report.Key("cdnet_f_all_frames", all.F1);
        report.Key("cdnet_precision", (double)held.TruePositives / (held.TruePositives + held.FalsePositives));
        report.Key("cdnet_recall", 1 - held.MissedAlarmRate);
        report.Key("cdnet_false_that_are_shadows", (double)shadows / all.FalsePositives);
        report.Metric("smart_camera_640x480_frame", Times(run, app, recording));
        report.Note("cdnet: from memory, not verified: the mean F of four videos is 0.95 for SuBSENSE, the best without learning; this is one of the four");
    }

    private static Confusion Compare(bool[] moves, byte[] truth, ref long shadows)
    {
        Confusion c = default;
        for (int i = 0; i < truth.Length; i++)
        {
            // The rest is outside, or nobody can say.
            if (truth[i] is not (0 or Shadow or Moving)) continue;
            c = c.Add(truth[i] == Moving, moves[i]);
            if (moves[i] && truth[i] == Shadow) shadows++;
        }

        return c;
    }

    /// <summary>The mask's pixels: it comes as lengths of what does not move and what does, in turn.</summary>
    private static bool[] Moves(Alert mask)
    {
        using JsonDocument json = JsonDocument.Parse(mask.Json);
        var moves = new bool[json.RootElement.GetProperty("width").GetInt32() * json.RootElement.GetProperty("height").GetInt32()];
        int at = 0;
        bool moving = false;
        foreach (JsonElement length in json.RootElement.GetProperty("runs").EnumerateArray())
        {
            moves.AsSpan(at, length.GetInt32()).Fill(moving);
            at += length.GetInt32();
            moving = !moving;
        }

        return at == moves.Length ? moves : throw new InvalidOperationException($"the mask has {at} pixels, the picture {moves.Length}");
    }

    /// <summary>Nanoseconds that the component takes for a frame of this road at 640x480, its message's way into it and out of it included.</summary>
    private static List<double> Times(DetectorRun run, AppManifest app, string recording)
    {
        const int Warm = 100;
        using DetectorRun.Session session = run.Open(DetectBench.With(app, ("mask", "false")));
        var times = new List<double>();
        int number = 0;
        foreach (byte[] pixels in VideoReplay.Gray(recording, 640, 480).Take(500))
        {
            var message = VideoReplay.Frame("highway", pixels, 640, 480, number++, 25);
            long before = Stopwatch.GetTimestamp();
            session.Give(message);
            if (number > Warm) times.Add(Stopwatch.GetElapsedTime(before).TotalNanoseconds);
        }

        return times;
    }
}
