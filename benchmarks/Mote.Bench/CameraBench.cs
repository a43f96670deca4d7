// Cameras: what it costs to have a frame in a guest against copying it, what an hour of frames does to the memory, and how
// many streams two cores carry with the smart-camera sample behind each.
using System.Diagnostics;
using System.Globalization;
using Mote.Capabilities.Messaging;
using Mote.Components.Linking;
using Mote.Node;
using Mote.Packaging;
using Mote.Runtime;
using Mote.Runtime.Cameras;
using Mote.Triggers.Camera;

namespace Mote.Bench;

internal static class CameraBench
{
    /// <summary>Frames a second of a stream.</summary>
    private const int Rate = 15;

    private static readonly PictureSize s_full = new(1920, 1080);

    public static Report Run(bool quick)
    {
        int rounds = quick ? 9 : 41;
        var report = new Report("camera", rounds);
        string folder = Directory.CreateTempSubdirectory("mote-bench-camera-").FullName;
        try
        {
            Entry(report, folder, rounds, TimeSpan.FromMilliseconds(quick ? 50 : 200));
            Hour(report, folder, quick ? 3_000 : 108_000);
            Surge(report, folder, TimeSpan.FromSeconds(quick ? 8 : 30), quick ? [16, 32, 48, 64] : [4, 8, 12, 16, 20, 24, 28, 32, 40, 48, 64, 80]);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        return report;
    }

    /// <summary>From decoded pixels in hand to a guest that has them in its memory, and its return.</summary>
    private static void Entry(Report report, string folder, int rounds, TimeSpan slice)
    {
        using var host = new ComponentHost(new HostOptions { KeyValueFile = Path.Combine(folder, "keyvalue.db") });
        using InstanceTemplate template = host.Load(Guests.PathOf("frame"));
        MessageHandler handler = MessageHandler.Bind(template)!;
        using MicroVm vm = host.Start(template, new AppComponent("bench", "frame", Grants.None, new MicroVmLimits { Time = TimeSpan.FromMinutes(5) }));
        MessagingGuest guest = host.Messaging.Guest(vm);
        byte[] pixels = new byte[PictureFormat.Gray.Bytes(s_full)], to = new byte[pixels.Length];
        new Random(1).NextBytes(pixels);
        var messages = new FrameMessages("line-1", s_full, PictureFormat.Gray);
        Dictionary<string, double[]> r = Rounds.Measure(
            rounds, slice,
            new Subject("copy", n =>
            {
                for (long i = 0; i < n; i++) pixels.AsSpan().CopyTo(to);
            }),
            new Subject("entry", n =>
            {
                for (long i = 0; i < n; i++)
                {
                    Message message = messages.Of(pixels, 1_700_000_034_133_333_333, i);
                    if (!vm.Call((handler, guest, message), static (instance, s) => s.handler.Handle(instance, s.guest, s.message)).IsOk) throw new InvalidOperationException("the guest failed");
                }
            }));
        report.Metric("frame_1080p_gray_copy", r["copy"]);
        report.Metric("frame_1080p_gray_entry", r["entry"]);
        report.Key("ratio_frame_entry_vs_copy", Rounds.Ratio("", r["entry"], r["copy"]).Median, 1.5);
    }

    /// <summary>As many frames as a camera has in an hour, as fast as they go, and then some in the camera's own time.</summary>
    private static void Hour(Report report, string folder, int frames)
    {
        string video = Path.Combine(folder, "full.y4m"), manifest = App(folder, Guests.PathOf("frame"), s_full, "line-1");
        Make(video, $"testsrc2=s={s_full}:r=30:d=5", "-pix_fmt", "gray", "-strict", "-1"); // hardly anything to decode
        using (var node = new Running(folder, manifest, $"line-1 = {{ source = \"{video}\", pace = \"every-frame\", loop = true }}"))
        {
            node.Until(s => s.Cameras![0].Frames >= frames / 10);
            long before = Memory();
            long start = Stopwatch.GetTimestamp(), at = node.Status().Cameras![0].Frames;
            node.Until(s => s.Cameras![0].Frames >= frames);
            report.Key("frames_a_second_1080p", (node.Status().Cameras![0].Frames - at) / Stopwatch.GetElapsedTime(start).TotalSeconds);
            report.Key("grown_mib", (Memory() - before) / 1048576.0, 8);
            report.Key("frames", node.Status().Cameras![0].Frames);
        }

        using (var node = new Running(folder, manifest, $"line-1 = {{ source = \"{video}\", loop = true }}"))
        {
            node.Until(s => s.Cameras![0].Frames >= 290);
            NodeReport r = node.Report();
            // The frame is in the node when its last byte is: what comes then is the guest's call.
            report.Key("added_ms_p99", r.Warm.P99.TotalMilliseconds, 1000.0 / 30);
            report.Key("added_ms_median", r.Warm.Median.TotalMilliseconds);
        }
    }

    /// <summary>More and more cameras of 640x480 at 15 frames a second, until more than one frame of a hundred is dropped or does not come.</summary>
    private static void Surge(Report report, string folder, TimeSpan time, int[] counts)
    {
        var size = new PictureSize(640, 480);
        string watch = Path.Combine(Datasets.Root, "samples", "06-smart-camera", "watch.wasm"), people = Path.Combine(Datasets.Root, "..", "shared", "datasets", "pets-vtest", "vtest.avi"), video = Path.Combine(folder, "camera.avi");
        bool isReal = File.Exists(people);
        // As a camera would send it: MJPEG of its own size.
        if (isReal) Run("-i", people, "-vf", $"fps={Rate},scale=640:480", "-t", "60", "-q:v", "5", "-c:v", "mjpeg", video);
        else Make(video, $"testsrc2=s=640x480:r={Rate}:d=60", "-q:v", "5", "-c:v", "mjpeg");
        int carried = 0;
        foreach (int n in counts)
        {
            string[] names = [.. Enumerable.Range(0, n).Select(i => $"c{i}")];
            string manifest = App(folder, File.Exists(watch) ? watch : throw new MissingException($"{watch} is missing: run ./bench, which builds it"), size, names);
            using var node = new Running(folder, manifest, string.Join('\n', names.Select(c => $"{c} = {{ source = \"{video}\", loop = true }}")));
            node.Until(s => s.Cameras!.All(c => c.Frames > 15));
            (long frames, long dropped) = Sum(node);
            long start = Stopwatch.GetTimestamp();
            Thread.Sleep(time);
            (long framesThen, long droppedThen) = Sum(node);
            double came = (framesThen - frames) / Stopwatch.GetElapsedTime(start).TotalSeconds / n, lost = (double)(droppedThen - dropped) / (framesThen - frames);
            report.Key(string.Create(CultureInfo.InvariantCulture, $"streams_{n}_frames_a_second_each"), came);
            report.Key(string.Create(CultureInfo.InvariantCulture, $"streams_{n}_dropped_percent"), 100 * lost);
            if (lost > 0.01 || came < 0.98 * Rate) break;
            carried = n;
        }

        report.Key("streams_640x480_15fps", carried);
        report.Note($"streams: {(isReal ? "people on a street (pets-vtest)" : "a test picture")} as MJPEG, decoded by an ffmpeg for each on the same cores, the smart-camera sample behind each");

        static (long, long) Sum(Running node) => (node.Status().Cameras!.Sum(c => c.Frames), node.Status().Cameras!.Sum(c => c.Dropped));
    }

    private static string App(string folder, string component, PictureSize size, params string[] cameras)
    {
        string path = Path.Combine(folder, AppManifest.FileName);
        File.WriteAllText(path, $"""
            mote = 1
            [app]
            name = "bench"
            {string.Join('\n', cameras.Select(c => $"[[trigger.camera]]\ncamera = \"{c}\"\ncomponent = \"watch\"\nsize = \"{size}\""))}
            [component.watch]
            source = "{component}"
            instance = "pooled"
            [component.watch.grants]
            camera = [{string.Join(", ", cameras.Select(c => $"\"{c}\""))}]
            publish = ["alerts"]
            [component.watch.variables]
            line = "0,0.5 1,0.5"
            zone = ""
            learn = "300"
            threshold = "1.2"
            area = "0.0004"
            absorb = "600"
            summary = "900"
            boxes = "false"
            mask = "false"
            [component.watch.limits]
            memory = "64MiB"
            egress = "1MiB/s"
            """);
        return path;
    }

    private static void Make(string file, string source, params string[] options) => Run(["-f", "lavfi", "-i", source, .. options, file]);

    private static void Run(params string[] arguments)
    {
        using Process ffmpeg = Process.Start("ffmpeg", ["-loglevel", "error", "-nostdin", "-y", .. arguments]);
        ffmpeg.WaitForExit();
        if (ffmpeg.ExitCode != 0) throw new MissingException($"ffmpeg ended with {ffmpeg.ExitCode}: {string.Join(' ', arguments)}");
    }

    private static long Memory()
    {
        GC.Collect();
        return Environment.WorkingSet;
    }

    /// <summary>A node in this process.</summary>
    private sealed class Running : IDisposable
    {
        private readonly EdgeNode _node;

        public Running(string folder, string manifest, string cameras)
        {
            string file = Path.Combine(folder, "node.toml");
            File.WriteAllText(file, $"[node]\ndata = \"data\"\n[broker]\nlisten = \"127.0.0.1:0\"\n[cameras]\n{cameras}\n");
            _node = EdgeNode.StartAsync(NodeConfig.Load(file, new NodeConfig()), [AppManifest.Load(manifest, _ => null)], static _ => { }).GetAwaiter().GetResult();
        }

        public NodeStatus Status() => _node.Status();

        public NodeReport Report() => _node.Report();

        public void Until(Func<NodeStatus, bool> condition)
        {
            while (!condition(Status())) Thread.Sleep(20);
        }

        public void Dispose() => _node.DisposeAsync().AsTask().GetAwaiter().GetResult();
    }
}
