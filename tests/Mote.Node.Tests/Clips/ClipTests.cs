// Clips: an event keeps the pictures around it, on the disk and encrypted, for a time; through a node, with the real ffmpeg.
using System.Diagnostics;
using System.Globalization;
using System.Text;
using Mote.Age;
using Mote.Packaging.Toml;
using Mote.Triggers.Camera.Clips;

namespace Mote.Node.Tests.Clips;

public sealed class ClipTests : CameraSite
{
    /// <summary>A picture that begins with 'c' makes the component send on `counts`; every other one goes to `out`.</summary>
    private const string App = """
        mote = 1
        [app]
        name = "test"
        [[trigger.camera]]
        camera = "line-1"
        component = "handler"
        size = "16x8"
        keep-on = ["counts"]
        pre-roll = "2s"
        post-roll = "1s"
        [component.handler]
        source = "handler.wasm"
        instance = "pooled"
        [component.handler.grants]
        camera = ["line-1"]
        publish = ["out", "counts"]
        keyvalue = ["default"]
        [component.handler.limits]
        memory = "64MiB"
        time = "5s"
        egress = "100MiB/h"
        """;

    private string Folder => DataFolder.ClipsOf(Site.Config.DataFolder);

    private IReadOnlyList<Clip> Clips => ClipStore.List(Folder);

    private void Use(string clips = "retention = \"1h\"", string camera = "rate = 50") => Configure($"[cameras]\nline-1 = {{ source = \"pictures {{1}} [a]*\", {camera} }}\n{(clips.Length > 0 ? $"[clips]\n{clips}\n" : "")}");

    /// <summary>Ten pictures: on a busy machine one may be dropped before the component sees it.</summary>
    private static bool IsEvent(int picture, int first) => picture >= first && picture < first + 10;

    private async Task Whole(EdgeNode node, int count) =>
        await Wait.Until(() => Camera(node).Clips >= count, () => $"{Camera(node)} {string.Join(" | ", Site.Log)}");

    /// <summary>The brightness of each picture of a clip, by the real ffmpeg.</summary>
    private async Task<int[]> Show(Clip clip, AgeIdentity? identity = null)
    {
        string video = Path.Combine(Site.Folder, "clip.mkv"), pixels = Path.Combine(Site.Folder, "clip.raw");
        await using (FileStream to = File.Create(video))
        {
            using var reader = new AgeReader(File.OpenRead(clip.Path), identity ?? ClipKeys.Open(Folder));
            reader.CopyTo(to);
        }

        using Process made = Process.Start("ffmpeg", ["-loglevel", "error", "-nostdin", "-y", "-i", video, "-fps_mode", "passthrough", "-pix_fmt", "gray", "-f", "rawvideo", pixels])!;
        await made.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(0, made.ExitCode);
        return [.. (await File.ReadAllBytesAsync(pixels, TestContext.Current.CancellationToken)).Chunk(Bytes).Select(p => (int)Math.Round(p.Skip(1).Average(b => b)))];
    }

    [Fact]
    public async Task Event_KeepsThePicturesBeforeAndAfterIt_EncryptedAndHereOnly()
    {
        NeedFfmpeg();
        const int Event = 150, Count = 400;
        // Brighter by one with every second picture, so that each tells when it was.
        for (int i = 0; i < Count; i++) Picture(i, [IsEvent(i, Event) ? (byte)'c' : (byte)200, .. Enumerable.Repeat((byte)(20 + (i / 2)), Bytes - 1)]);
        Use();
        await using (EdgeNode node = await Site.Start(App))
        {
            await using Client client = await Client.Connect(node.Broker!.Address);
            await Whole(node, 1);
            Assert.Null(Camera(node).ClipFault);
            Assert.Contains("pictures of `line-1` from 2 s before to 1 s after a message on `counts`, by the node, encrypted on its own disk, for 1 h", node.Status().Privacy!.Single(), StringComparison.Ordinal);
        }

        Clip clip = Assert.Single(Clips);
        Assert.True(clip.IsWhole);
        Assert.Matches(@"^test/line-1/\d{8}T\d{6}\.\d{3}Z-handler$", clip.Name);
        int[] shown = await Show(clip);
        int happened = 20 + (Event / 2);
        Assert.InRange(shown[0], 0, happened - 5);
        Assert.InRange(shown[^1], happened + 5, 255);
        // All of them, in their order: a video's brightness is exact to a few steps only.
        for (int i = 1; i < shown.Length; i++) Assert.InRange(shown[i], shown[i - 1] - 4, shown[i - 1] + 10);
        Assert.InRange(shown.Length, (2 * (shown[^1] - shown[0])) - 20, (2 * (shown[^1] - shown[0])) + 20);

        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(clip.Path));
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(ClipKeys.FileOf(Folder)));
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(Folder));
        }

        byte[] file = await File.ReadAllBytesAsync(clip.Path, TestContext.Current.CancellationToken);
        Assert.True(file.AsSpan().StartsWith("age-encryption.org/v1\n"u8));
        Assert.Equal(-1, file.AsSpan().IndexOf("matroska"u8));
    }

    [Fact]
    public async Task Recipient_CanReadIt_AndTheNodeCannot()
    {
        NeedFfmpeg();
        AgeIdentity officer = AgeIdentity.Create();
        for (int i = 0; i < 100; i++) Picture(i, IsEvent(i, 50) ? (byte)'c' : Value(i));
        Use($"retention = \"1h\"\nrecipient = \"{officer.Recipient}\"");
        await using (EdgeNode node = await Site.Start(App)) await Whole(node, 1);
        Assert.False(File.Exists(ClipKeys.FileOf(Folder)));
        Assert.NotEmpty(await Show(Clips.Single(), officer));
        AgeException e = Assert.Throws<AgeException>(() => new AgeReader(File.OpenRead(Clips.Single().Path), AgeIdentity.Create()));
        Assert.Equal(AgeFault.NotForThisKey, e.Fault);
    }

    [Fact]
    public async Task NodeWithoutClips_KeepsNothing_AndSaysHowItWould()
    {
        NeedFfmpeg();
        for (int i = 0; i < 60; i++) Picture(i, i % 10 == 5 ? (byte)'c' : Value(i));
        Use("");
        await using EdgeNode node = await Site.Start(App);
        await Wait.Until(() => Camera(node).State == "ended" && node.Queues[0].Counts.Waiting == 0, () => $"{Camera(node)}");
        Assert.False(Directory.Exists(Folder));
        Assert.Contains(Site.Log, l => l.Contains("this node keeps none: add [clips]", StringComparison.Ordinal));
        Assert.EndsWith("what it can keep: key-value stores `default`", node.Status().Privacy!.Single(), StringComparison.Ordinal);
    }

    /// <summary>Events that go on make one clip, and one that comes later another.</summary>
    [Fact]
    public async Task EventsNearEachOther_AreOneClip_AndALaterOneAnother()
    {
        NeedFfmpeg();
        for (int i = 0; i < 700; i++) Picture(i, i is 20 or 30 || IsEvent(i, 40) || IsEvent(i, 500) ? (byte)'c' : Value(i));
        Use();
        await using (EdgeNode node = await Site.Start(App.Replace("post-roll = \"1s\"", "post-roll = \"2s\"", StringComparison.Ordinal).Replace("pre-roll = \"2s\"", "pre-roll = \"100ms\"", StringComparison.Ordinal)))
        {
            await Wait.Until(() => Camera(node) is { State: "ended", Clips: 2 }, () => $"{Camera(node)} {string.Join(" | ", Site.Log)}");
        }

        Assert.Equal(2, Clips.Count);
        Assert.True((Clips[1].Start - Clips[0].Start).TotalSeconds > 1);
    }

    [Fact]
    public async Task KilledEncoder_IsSaid_AndTheNextEventIsKept()
    {
        NeedFfmpeg();
        for (int i = 0; i < 50; i++) Picture(i, IsEvent(i, 25) ? (byte)'c' : Value(i));
        Use(camera: "rate = 50, loop = true");
        // A size of its own, so that these are the processes of this test.
        await using (EdgeNode node = await Site.Start(App.Replace("16x8", "18x10", StringComparison.Ordinal)))
        {
            await Wait.Until(() => Encoders("18x10").Length > 0, () => $"{Camera(node)} {string.Join(" | ", Site.Log)}");
            foreach (Process p in Encoders("18x10")) p.Kill();
            await Wait.Until(() => Site.Log.Any(l => l.Contains("could not be kept whole: ffmpeg ended with 137 (it was killed)", StringComparison.Ordinal)), () => string.Join(" | ", Site.Log));
            // Events come every second and make one clip that does not end: only the end of the node ends it.
            await Wait.Until(() => Encoders("18x10").Length > 0, () => $"{Camera(node)} {string.Join(" | ", Site.Log)}");
        }

        // Of the first there is a part, where anything of it had been encoded.
        Assert.All(Clips.SkipLast(1), c => Assert.False(c.IsWhole));
        Assert.True(Clips[^1].IsWhole);
        Assert.NotEmpty(await Show(Clips[^1]));
        Assert.Empty(Encoders("18x10"));
    }

    /// <summary>As a Ctrl-C does, and systemd: all processes are asked at once. (SIGINT is ignored where the tests were started with it ignored.)</summary>
    [Fact]
    public async Task EncoderThatIsAskedToEnd_LeavesAWholeClip()
    {
        NeedFfmpeg();
        for (int i = 0; i < 50; i++) Picture(i, IsEvent(i, 25) ? (byte)'c' : Value(i));
        Use(camera: "rate = 50, loop = true");
        await using (EdgeNode node = await Site.Start(App.Replace("16x8", "18x12", StringComparison.Ordinal)))
        {
            await Wait.Until(() => Encoders("18x12").Any(CatchesTerm), () => $"{Camera(node)} {string.Join(" | ", Site.Log)}");
            foreach (Process p in Encoders("18x12"))
            {
                using Process kill = Process.Start("kill", ["-TERM", p.Id.ToString(CultureInfo.InvariantCulture)]);
                await kill.WaitForExitAsync(TestContext.Current.CancellationToken);
            }

            await Whole(node, 1);
            Assert.Null(Camera(node).ClipFault);
            // And the next event begins another.
            await Wait.Until(() => Encoders("18x12").Length > 0, () => $"{Camera(node)} {string.Join(" | ", Site.Log)}");
        }

        Assert.All(Clips, c => Assert.True(c.IsWhole));
        Assert.True(Clips.Count >= 2);
    }

    /// <summary>Before it has begun, a process ends of a signal as of a kill.</summary>
    private static bool CatchesTerm(Process process)
    {
        const string Name = "SigCgt:";
        string mask = File.ReadLines($"/proc/{process.Id}/status").First(l => l.StartsWith(Name, StringComparison.Ordinal))[Name.Length..].Trim();
        return (ulong.Parse(mask, NumberStyles.HexNumber, CultureInfo.InvariantCulture) & (1UL << 14)) != 0;
    }

    private static Process[] Encoders(string size) =>
    [
        .. Process.GetProcessesByName("ffmpeg").Where(p =>
        {
            try
            {
                string command = File.ReadAllText($"/proc/{p.Id}/cmdline");
                return command.Contains("-video_size", StringComparison.Ordinal) && command.Contains(size, StringComparison.Ordinal);
            }
            catch (IOException)
            {
                return false;
            }
        }),
    ];

    [Fact]
    public async Task FolderThatCannotBeWritten_IsSaid_AndTheAppRunsOn()
    {
        NeedFfmpeg();
        for (int i = 0; i < 100; i++) Picture(i, IsEvent(i, 20) ? (byte)'c' : Value(i));
        Use();
        Directory.CreateDirectory(Folder);
        await File.WriteAllTextAsync(Path.Combine(Folder, "test"), "in the way", TestContext.Current.CancellationToken);
        await using EdgeNode node = await Site.Start(App);
        await Wait.Until(() => Camera(node) is { State: "ended", ClipFault: not null } && node.Queues[0].Counts.Waiting == 0, () => $"{Camera(node)}");
        Assert.Contains(Site.Log, l => l.Contains("a clip of test/handler could not be kept whole", StringComparison.Ordinal));
        Assert.Equal(100, node.Queues[0].Counts.Handled + Camera(node).Dropped);
    }

    [Fact]
    public async Task KeyFileThatIsNone_IsAFaultOfTheConfiguration()
    {
        Picture(0, 200);
        Use();
        Directory.CreateDirectory(Folder);
        await File.WriteAllTextAsync(ClipKeys.FileOf(Folder), "AGE-SECRET-KEY-1HUNTER2\n", TestContext.Current.CancellationToken);
        ConfigException e = await Assert.ThrowsAsync<ConfigException>(() => Site.Start(App));
        Assert.Contains("[clips]", e.Message, StringComparison.Ordinal);
        Assert.Contains("key.txt", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("HUNTER2", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("keep-on = [\"counts\"]", "keep-on = [\"elsewhere\"]", "may not publish on `elsewhere`")]
    [InlineData("keep-on = [\"counts\"]", "keep-on = []", "`keep-on` names the topics")]
    [InlineData("keep-on = [\"counts\"]\n", "", "unknown key `pre-roll`")]
    [InlineData("pre-roll = \"2s\"", "pre-roll = \"1h\"", "`pre-roll` must be at most")]
    [InlineData("pre-roll = \"2s\"", "pre-roll = 2", "`pre-roll`")]
    public Task Manifest_WithAFault_SaysWhat(string what, string by, string error) => ManifestIsRefused(App, what, by, error);

    [Theory]
    [InlineData("", "`retention` is missing")]
    [InlineData("retention = \"soon\"", "`retention` must be a time")]
    [InlineData("retention = \"1h\"\nmax-size = \"1B\"", "`max-size` must be from")]
    [InlineData("retention = \"1h\"\nrecipient = \"age1x\"", "a recipient has 62 characters")]
    [InlineData("retention = \"1h\"\nfolder = \"x\"", "unknown key `folder`")]
    public void NodeConfig_WithAFault_SaysWhat(string clips, string error) => ConfigurationIsRefused($"[clips]\n{clips}\n", error);
}
