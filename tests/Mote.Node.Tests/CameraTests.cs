// Cameras: pictures that the test makes are played by the real ffmpeg, which is killed, given garbage, and taken away.
using System.Globalization;
using System.Text;
using Mote.Node.Tests.Upstreams;
using Mote.Packaging.Cameras;
using Mote.Packaging.Toml;
using Mote.Runtime.Cameras;

namespace Mote.Node.Tests;

public sealed class CameraTests : CameraSite
{
    /// <summary>The component sends each picture on as it is, or does what its first pixel says (<see cref="Handler"/>).</summary>
    private const string App = """
        mote = 1
        [app]
        name = "test"
        [[trigger.camera]]
        camera = "line-1"
        component = "handler"
        size = "16x8"
        [component.handler]
        source = "handler.wasm"
        instance = "pooled"
        [component.handler.grants]
        camera = ["line-1"]
        publish = ["out", "alerts"]
        [component.handler.limits]
        memory = "64MiB"
        time = "500ms"
        egress = "100MiB/h"
        """;

    private readonly List<DataPlane.CloudEvent> _events = [];

    private byte[][] Sent
    {
        get
        {
            lock (_events) return [.. _events.Select(e => e.Data.ToArray())];
        }
    }

    private async Task<Collector> Collect()
    {
        Collector collector = await Collector.StartAsync(new System.Net.IPEndPoint(System.Net.IPAddress.Loopback, 0), null, e =>
        {
            lock (_events) _events.Add(e);
        });
        Site.Config = Site.Config with { UpstreamUrl = collector.Url, UpstreamTopics = ["out"] };
        return collector;
    }

    /// <summary>The decoders of this test's node: children of this process that were given its folder.</summary>
    private int[] Decoders() =>
    [
        .. Directory.GetDirectories("/proc").Select(d => int.TryParse(Path.GetFileName(d), out int id) ? id : 0).Where(id => id > 0).Where(id =>
        {
            try
            {
                return File.ReadAllText($"/proc/{id}/cmdline").StartsWith("ffmpeg", StringComparison.Ordinal) && File.ReadAllText($"/proc/{id}/cmdline").Contains(Site.Folder, StringComparison.Ordinal);
            }
            catch (IOException)
            {
                return false;
            }
        }),
    ];

    private void Use(string cameras) => Configure($"[cameras]\n{cameras}\n");

    [Fact]
    public async Task EveryPictureOfARecording_ReachesTheComponent_InOrderAndAsItIs()
    {
        NeedFfmpeg();
        const int Count = 120;
        for (int i = 0; i < Count; i++) Picture(i, Value(i));
        Use("line-1 = { source = \"pictures {1} [a]*\", pace = \"every-frame\" }");
        await using Collector collector = await Collect();
        await using EdgeNode node = await Site.Start(App);
        await Wait.Until(() => Sent.Length == Count, () => $"{Sent.Length} came: {Camera(node)} {string.Join(" | ", Site.Log)}");
        Assert.Equal(Enumerable.Range(0, Count).Select(Value), Sent.Select(p => p[0]));
        Assert.All(Sent, p => Assert.Equal(Enumerable.Repeat(p[0], Bytes), p));
        await Wait.Until(() => Camera(node).State == "ended", () => $"{Camera(node)}");
        Assert.Equal((Count, 0, 1, null), (Camera(node).Frames, Camera(node).Dropped, Camera(node).Opened, Camera(node).Fault));
        Assert.Contains(Site.Log, l => l.Contains($"is over after {Count} frames", StringComparison.Ordinal));
        // One microVM saw all of them.
        Assert.Equal(1, node.Report().MicroVmsStarted);
    }

    [Fact]
    public async Task SlowComponent_GetsTheNewest_AndWhatItMissedIsCountedExactly()
    {
        NeedFfmpeg();
        const int Count = 400;
        // The first picture keeps the component busy until its deadline; then it is to go on with what is newest.
        for (int i = 0; i < Count; i++) Picture(i, i == 0 ? (byte)'s' : Value(i));
        Use("line-1 = { source = \"pictures {1} [a]*\", rate = 200 }");
        await using Collector collector = await Collect();
        await using EdgeNode node = await Site.Start(App);
        await Wait.Until(() => Camera(node).State == "ended" && node.Queues[0].Counts.Waiting == 0, () => $"{Camera(node)} {node.Queues[0].Counts}");
        Triggers.EventCounts counts = node.Queues[0].Counts;
        Assert.Equal(Count, Camera(node).Frames);
        Assert.Equal(1, counts.Failed);
        Assert.Equal(Count, counts.Handled + counts.Failed + Camera(node).Dropped);
        Assert.InRange(Camera(node).Dropped, 1, Count - 2); // half a second of 200 a second are 100, on a machine that has the time
        // The ledger has what came, seen or not.
        await Wait.Until(() => Seen() == Count, () => $"{Seen()} of {Count}");

        long Seen() => node.Ledger().Apps.Single().Topics.Single(t => t.Topic == "line-1").MessagesIn;
    }

    [Fact]
    public async Task KilledDecoder_IsStartedAgain()
    {
        NeedFfmpeg();
        for (int i = 0; i < 20; i++) Picture(i, Value(i));
        Use("line-1 = { source = \"pictures {1} [a]*\", rate = 20, loop = true }");
        await using (EdgeNode node = await Site.Start(App))
        {
            for (int kills = 0; kills < 3; kills++)
            {
                await Wait.Until(() => Camera(node).State == "streaming", () => $"{Camera(node)} {string.Join(" | ", Site.Log)}");
                long before = Camera(node).Opened;
                foreach (int id in Decoders()) Kill(id);
                await Wait.Until(() => Camera(node).Opened > before && Camera(node).State == "streaming", () => $"{Camera(node)} {string.Join(" | ", Site.Log)}");
            }
        }

        Assert.Empty(Decoders());
    }

    private static void Kill(int id)
    {
        try
        {
            System.Diagnostics.Process.GetProcessById(id).Kill();
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException)
        {
            // It ended by itself: the folder was over.
        }
    }

    [Fact]
    public async Task Garbage_IsReported_AndTheCameraIsOpenedAgainWhenItIsWell()
    {
        NeedFfmpeg();
        string video = Path.Combine(Site.Folder, "camera.pgm");
        byte[] noise = new byte[100_000];
        new Random(1).NextBytes(noise);
        File.WriteAllBytes(video, noise);
        Use("line-1 = { source = \"camera.pgm\", loop = true }");
        await using EdgeNode node = await Site.Start(App);
        await Wait.Until(() => Camera(node).Fault is not null, () => $"{Camera(node)}");
        Assert.Contains("ffmpeg ended with", Camera(node).Fault, StringComparison.Ordinal);
        Assert.Equal("opening", Camera(node).State);
        Picture(0, 200);
        File.Copy(Path.Combine(Pictures, "000000.pgm"), video, overwrite: true);
        await Wait.Until(() => Camera(node) is { State: "streaming" or "opening", Fault: null, Frames: > 0 }, () => $"{Camera(node)} {string.Join(" | ", Site.Log)}");
        Assert.Contains(Site.Log, l => l.Contains("pictures come again", StringComparison.Ordinal));
    }

    [Fact]
    public async Task SizeThatChangesMidway_IsScaledToWhatWasAskedFor()
    {
        NeedFfmpeg();
        string video = Path.Combine(Site.Folder, "changing.mjpeg");
        await using (FileStream all = File.Create(video))
        {
            foreach (string size in new[] { "32x16", "64x48", "16x8" })
            {
                string part = Path.Combine(Site.Folder, $"{size}.mjpeg");
                using var made = System.Diagnostics.Process.Start("ffmpeg", ["-loglevel", "error", "-nostdin", "-f", "lavfi", "-i", $"color=c=white:s={size}:r=10:d=1", "-f", "mjpeg", part])!;
                await made.WaitForExitAsync(TestContext.Current.CancellationToken);
                await all.WriteAsync(await File.ReadAllBytesAsync(part, TestContext.Current.CancellationToken), TestContext.Current.CancellationToken);
            }
        }

        Use("line-1 = { source = \"changing.mjpeg\", pace = \"every-frame\" }");
        await using Collector collector = await Collect();
        await using EdgeNode node = await Site.Start(App);
        await Wait.Until(() => Sent.Length == 30, () => $"{Sent.Length} came: {Camera(node)} {string.Join(" | ", Site.Log)}");
        Assert.All(Sent, p => Assert.Equal(Bytes, p.Length));
        Assert.All(Sent, p => Assert.True(p.Min() > 200, "not white"));
    }

    /// <summary>A component that fails at every picture, on a node that says all it can about that.</summary>
    [Fact]
    public async Task Pictures_AreInNothingThatIsWritten()
    {
        NeedFfmpeg();
        byte[] pattern = new byte[Bytes];
        new Random(7).NextBytes(pattern);
        foreach (char command in "!ed")
        {
            pattern[0] = (byte)command;
            Picture(command, pattern);
        }

        Use("line-1 = { source = \"pictures {1} [a]*\", pace = \"every-frame\" }");
        await using (EdgeNode node = await Site.Start(App))
        {
            await Wait.Until(() => Camera(node).State == "ended" && node.Queues[0].Counts.Waiting == 0, () => $"{Camera(node)} {node.Queues[0].Counts}");
            Assert.Equal(2, node.Queues[0].Counts.Failed);
            // No dump of this process would be written either.
            Assert.Matches(@"Max core file size\s+1\s+1\s", await File.ReadAllTextAsync("/proc/self/limits", TestContext.Current.CancellationToken));
        }

        byte[] secret = pattern[1..13];
        string[] files = [.. Directory.GetFiles(Site.Config.DataFolder, "*", SearchOption.AllDirectories)];
        Assert.NotEmpty(files);
        Assert.All(files, f => Assert.Equal(-1, File.ReadAllBytes(f).AsSpan().IndexOf(secret)));
        string all = string.Join('\n', Site.Log), base64 = Convert.ToBase64String(pattern), hex = Convert.ToHexString(secret);
        Assert.NotEqual("", all);
        Assert.DoesNotContain(base64[4..16], all, StringComparison.Ordinal);
        Assert.DoesNotContain(hex, all, StringComparison.OrdinalIgnoreCase);
        Assert.Equal(-1, Encoding.Latin1.GetBytes(all).AsSpan().IndexOf(secret));
    }

    [Fact]
    public async Task CameraThatTheNodeDoesNotHave_IsSaid_AndAllElseRuns()
    {
        await using EdgeNode node = await Site.Start(App);
        Assert.Contains(Site.Log, l => l.Contains("add line-1 = \"/dev/video0\"", StringComparison.Ordinal));
        Assert.Empty(node.Status().Cameras!);
        Assert.StartsWith("`handler` sees `line-1`; what it can send:", node.Status().Privacy!.Single(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task UnpluggedDevice_IsSaid_WithoutCredentialsAnywhere()
    {
        Use("line-1 = \"/dev/video-that-is-not-there\"");
        await using (EdgeNode node = await Site.Start(App))
        {
            await Wait.Until(() => Camera(node).Fault is not null, () => $"{Camera(node)}");
            Assert.Contains("is it plugged in?", Camera(node).Fault, StringComparison.Ordinal);
        }

        NeedFfmpeg();
        Use($"line-1 = \"rtsp://admin:hunter2@127.0.0.1:{Mote.Tests.Servers.Loopback.FreePort()}/stream\"");
        await using EdgeNode again = await Site.Start(App);
        await Wait.Until(() => Camera(again).Fault is not null, () => $"{Camera(again)}");
        Assert.DoesNotContain("hunter2", Camera(again).ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain(Site.Log, l => l.Contains("hunter2", StringComparison.Ordinal));
    }

    /// <summary>A camera that speaks MJPEG over HTTP, and hangs up after each few pictures.</summary>
    [Fact]
    public async Task MjpegOverHttp_IsOpenedAgainAfterEachEnd()
    {
        NeedFfmpeg();
        string jpeg = Path.Combine(Site.Folder, "white.jpg");
        using (var made = System.Diagnostics.Process.Start("ffmpeg", ["-loglevel", "error", "-nostdin", "-f", "lavfi", "-i", "color=c=white:s=32x16", "-frames:v", "1", jpeg])!) await made.WaitForExitAsync(TestContext.Current.CancellationToken);
        byte[] picture = File.ReadAllBytes(jpeg);
        using var server = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        server.Start();
        using var end = new CancellationTokenSource();
        Task serving = Task.Run(async () =>
        {
            try
            {
                while (true)
                {
                    using System.Net.Sockets.TcpClient client = await server.AcceptTcpClientAsync(end.Token);
                    System.Net.Sockets.NetworkStream s = client.GetStream();
                    await s.WriteAsync("HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\nConnection: close\r\n\r\n"u8.ToArray(), end.Token);
                    for (int i = 0; i < 40; i++)
                    {
                        await s.WriteAsync((byte[])[.. Encoding.ASCII.GetBytes($"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {picture.Length}\r\n\r\n"), .. picture, .. "\r\n"u8], end.Token);
                    }
                }
            }
            catch (Exception e) when (e is OperationCanceledException or IOException or System.Net.Sockets.SocketException)
            {
                // The test is over, or ffmpeg went first.
            }
        }, TestContext.Current.CancellationToken);
        Use($"line-1 = \"http://127.0.0.1:{((System.Net.IPEndPoint)server.LocalEndpoint).Port}/video\"");
        await using (EdgeNode node = await Site.Start(App))
        {
            await Wait.Until(() => Camera(node) is { Opened: >= 2, Frames: >= 40 }, () => $"{Camera(node)} {string.Join(" | ", Site.Log)}");
        }

        await end.CancelAsync();
        await serving;
    }

    [Theory]
    [InlineData("camera = [\"line-1\"]\n", "camera = []\n", "may not see the camera `line-1`: add camera = [\"line-1\"] under [component.handler.grants]")]
    [InlineData("egress = \"100MiB/h\"", "", "needs a budget: add egress = ")]
    [InlineData("size = \"16x8\"", "size = \"16\"", "`size` is width and height in pixels")]
    [InlineData("size = \"16x8\"", "size = \"16x9999\"", "each at most 8192")]
    [InlineData("size = \"16x8\"", "size = \"8192x8192\"", "may have 50331648")]
    [InlineData("size = \"16x8\"", "size = \"16x8\"\nformat = \"jpeg\"", "`format` is one of \"gray\"")]
    [InlineData("size = \"16x8\"", "size = \"16x8\"\nrate = 0", "`rate` must be from 0.001")]
    [InlineData("size = \"16x8\"\n", "", "`size` is missing")]
    [InlineData("camera = \"line-1\"\n", "camera = \"Line 1\"\n", "a camera's name may have lowercase letters")]
    public Task Manifest_WithAFault_SaysWhat(string what, string by, string error) => ManifestIsRefused(App, what, by, error);

    [Theory]
    [InlineData("line-1 = 7", "is a source, such as line-1 = \"/dev/video0\"")]
    [InlineData("line-1 = \"ftp://a/b\"", "may be rtsp://")]
    [InlineData("line-1 = \"ftp://me:secret@a/b\"", "may be rtsp://")]
    [InlineData("line-1 = { source = \"a.mp4\", transport = \"tcp\" }", "unknown key `transport`")]
    [InlineData("line-1 = { source = \"/dev/video0\", loop = true }", "unknown key `loop`")]
    [InlineData("line-1 = { source = \"a.mp4\", pace = \"slow\" }", "`pace` is \"real-time\"")]
    [InlineData("line-1 = { loop = true }", "`source` is missing")]
    [InlineData("\"Line 1\" = \"a.mp4\"", "a camera's name may have lowercase letters")]
    public void NodeConfig_WithAFault_SaysWhat(string toml, string error) => ConfigurationIsRefused($"[cameras]\n{toml}\n", error);

    [Fact]
    public void Sources_AreKnownByTheirForm()
    {
        Directory.CreateDirectory(Path.Combine(Site.Folder, "here"));
        Use("""
            a = "/dev/video0"
            b = { source = "rtsp://u:p@host/x", transport = "udp", threads = 2 }
            c = "http://host/x"
            d = "here"
            e = { source = "later.mp4", loop = true }
            """);
        Assert.Equal([CameraKind.Device, CameraKind.Rtsp, CameraKind.Http, CameraKind.Folder, CameraKind.File], Site.Config.Cameras.Values.Select(c => c.Kind));
        Assert.Equal(("udp", 2), (Site.Config.Cameras["b"].Transport, Site.Config.Cameras["b"].Threads));
        Assert.DoesNotContain("p@", Site.Config.Cameras["b"].Shown, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null, 15)]
    [InlineData(15.0, 15)]
    [InlineData(0.05, 60)]
    public void CameraThatIsWantedSeldom_IsNotTakenForSilent(double? rate, int seconds)
    {
        var options = new Triggers.Camera.CameraOptions("line-1", new CameraSource(CameraKind.Device, "/dev/video0") { Shown = "/dev/video0" }, new PictureSize(16, 8), PictureFormat.Gray, rate);
        Assert.Equal(TimeSpan.FromSeconds(seconds), Triggers.Camera.CameraStream.SilenceOf(options));
    }

    [Fact]
    public void PrivacyLine_SaysWhatCanLeave()
    {
        File.WriteAllText(Path.Combine(Site.Folder, "mote.toml"), App);
        var app = Packaging.AppManifest.Load(Site.Folder, _ => null);
        Assert.Equal("`handler` sees `line-1`; what it can send: messages on `out`, `alerts`, 100MiB/h at most; what it can keep: nothing", Privacy.OfCameras(app, Site.Config).Single());
    }
}
