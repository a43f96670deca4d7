// PETS 2009 S2.L1: people on a campus. What moves is compared with the boxes of a neural network (Faster R-CNN), which is no
// truth: it sees people who stand, and splits those who walk side by side. Nothing was chosen on this recording.
using System.Globalization;
using System.Text.Json;
using Mote.Cli.Scoring;
using Mote.Packaging;

namespace Mote.Bench.Detect;

internal static class PetsBench
{
    private const int Width = 768;
    private const int Height = 576;

    /// <summary>Frames until the background is known, and the last one with boxes in the set.</summary>
    private const int First = 73, Last = 530;

    private readonly record struct Box(double Left, double Top, double Width, double Height)
    {
        /// <summary>The common area as a part of both together.</summary>
        public double Overlap(Box b)
        {
            double across = Math.Min(Left + Width, b.Left + b.Width) - Math.Max(Left, b.Left), down = Math.Min(Top + Height, b.Top + b.Height) - Math.Max(Top, b.Top);
            double common = Math.Max(0, across) * Math.Max(0, down);
            return common / ((Width * Height) + (b.Width * b.Height) - common);
        }
    }

    public static void Run(Report report, string folder)
    {
        ILookup<int, Box> people = File.ReadLines(Datasets.Need(Path.Combine(folder, "faster_rcnn_detections.csv"))).Skip(1).Select(l => l.Split(','))
            .ToLookup(f => int.Parse(f[0], CultureInfo.InvariantCulture), f => new Box(Number(f[1]), Number(f[2]), Number(f[3]), Number(f[4])));
        AppManifest app = DetectBench.Camera(("boxes", "true"), ("line", ""), ("zone", ""), ("summary", "0"));
        using var run = new DetectorRun(app);
        using DetectorRun.Session session = run.Open(app);
        long found = 0, right = 0, there = 0;
        var tracks = new HashSet<int>();
        int number = 0;
        foreach (byte[] pixels in VideoReplay.Gray(Datasets.Need(Path.Combine(folder, "vtest.avi")), Width, Height).Take(Last))
        {
            Alert said = session.Give(VideoReplay.Frame("campus", pixels, Width, Height, number++, 10)).Single(a => a.State == "boxes");
            if (number < First) continue;
            List<Box> left = [.. people[number]];
            there += left.Count;
            using JsonDocument json = JsonDocument.Parse(said.Json);
            foreach (JsonElement b in json.RootElement.GetProperty("boxes").EnumerateArray())
            {
                tracks.Add(b.GetProperty("track").GetInt32());
                double[] v = [.. b.GetProperty("box").EnumerateArray().Select(e => e.GetDouble())];
                var box = new Box(v[0] * Width, v[1] * Height, v[2] * Width, v[3] * Height);
                found++;
                int best = left.Count == 0 ? -1 : Enumerable.Range(0, left.Count).MaxBy(i => left[i].Overlap(box));
                if (best < 0 || left[best].Overlap(box) < 0.5) continue;
                left.RemoveAt(best);
                right++;
            }
        }

        report.Key("pets_f1_of_boxes", 2.0 * right / (found + there));
        report.Key("pets_precision_of_boxes", (double)right / found);
        report.Key("pets_recall_of_boxes", (double)right / there);
        report.Key("pets_tracks", tracks.Count);
        report.Note("pets: boxes against Faster R-CNN's, overlap 0.5 or more; the neural network YOLOX-nano has 0.876 on the same reference");
    }

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);
}
