// What a page of the view gets: pictures whole and the newest ones, messages, the state; and what that costs the components.
using System.Net.WebSockets;
using System.Text;
using System.Text.Json.Nodes;
using Mote.Node.View;
using Mote.Triggers.Camera;

namespace Mote.Node.Tests.View;

public sealed class ViewStreamTests : IDisposable
{
    private readonly ViewSite _site = new();

    public void Dispose() => _site.Dispose();

    [Fact]
    public async Task Pictures_ComeWholeAndAsTheyAre_AndTheNextOneWhenThePageHasDrawnTheLast()
    {
        ViewSite.NeedFfmpeg();
        const int Count = 50;
        _site.MakePictures(Count);
        _site.Use();
        await using EdgeNode node = await _site.Start();
        using Page page = await _site.Look(0);
        long last = -1;
        for (int i = 0; i < 5; i++)
        {
            SeenPicture p = await page.NextPicture();
            Assert.Equal((0, ViewSite.Width, ViewSite.Height, ViewSite.Width, "gray"), (p.Camera, p.Width, p.Height, p.Stride, p.Format));
            Assert.Equal(Enumerable.Repeat(ViewSite.Value((int)(p.Sequence % Count)), ViewSite.Bytes), p.Pixels);
            Assert.InRange(DateTimeOffset.UtcNow - DateTimeOffset.FromUnixTimeMilliseconds(p.Time), TimeSpan.Zero, Client.Patience);
            Assert.True(p.Sequence > last);
            last = p.Sequence;
            await page.Ask("{\"drawn\":0}");
        }

        // One that has not drawn gets none, and then the newest.
        SeenPicture before = await page.NextPicture();
        await Wait.Until(() => ViewSite.Camera(node).Frames > before.Sequence + 100, () => $"{ViewSite.Camera(node)}");
        Task<SeenPicture> next = page.NextPicture();
        await page.Ask("{\"drawn\":0}");
        Assert.True((await next).Sequence >= before.Sequence + 99);
        // A camera that it does not look at, nor one that is not there, gives nothing.
        await page.Ask("{\"watch\":[7,-1]}");
        await page.Ask("{\"drawn\":7}");
        await page.NextLine("status");
    }

    [Fact]
    public async Task Status_SaysWhatCameAndWhatLeft()
    {
        ViewSite.NeedFfmpeg();
        _site.MakePictures(20);
        _site.Use();
        string app = ViewSite.App.Replace("camera = [\"line-1\"]", "camera = [\"line-1\", \"line-2\"]", StringComparison.Ordinal) + "\n[[trigger.camera]]\ncamera = \"line-2\"\ncomponent = \"handler\"\nsize = \"16x8\"\n";
        await using EdgeNode node = await _site.Start(app);
        using Page page = await _site.Look(0);
        JsonNode status = await page.NextLine("status", s => (long)s["cameras"]![0]!["frames"]! > 20 && (long)s["cameras"]![0]!["bytesIn"]! > 20 * ViewSite.Bytes
            && (string?)s["cameras"]![0]!["state"] == "streaming"); // between two rounds of the folder it is opening
        JsonNode camera = status["cameras"]!.AsArray().Single()!;
        Assert.Equal(("line-1", "streaming", null, "test/handler"), ((string?)camera["name"], (string?)camera["state"], (string?)camera["fault"], (string?)camera["components"]![0]));
        // The embedded broker's clients are this device's own: nothing has left.
        Assert.Equal(0, (long)camera["bytesOut"]!);
        Assert.Equal("line-2", (string?)status["missing"]![0]!["name"]);
        Assert.Equal(1, (int)status["viewers"]!);
    }

    [Fact]
    public async Task Messages_AreShownAsTheyAre_AndWhatIsNoTextOnlyByItsLength()
    {
        ViewSite.NeedFfmpeg();
        // What the component publishes is the picture: here it is text.
        _site.Picture(0, Encoding.UTF8.GetBytes("{\"event\":\"<b>crossed</b>\",\"track\":3}".PadRight(ViewSite.Bytes)));
        _site.Use();
        await using EdgeNode node = await _site.Start();
        using Page page = await _site.Look(0);
        JsonNode line = await page.NextLine("message");
        Assert.Equal(("test", "handler", "line-1", "out", false), ((string?)line["app"], (string?)line["component"], (string?)line["camera"], (string?)line["topic"], (bool)line["forView"]!));
        Assert.Equal("<b>crossed</b>", (string?)line["data"]!["event"]);
    }

    [Theory]
    [InlineData("{\"a\":1}", "data")]
    [InlineData("[1]", "text")]
    [InlineData("hello", "text")]
    [InlineData("", "text")]
    [InlineData("{\"a\":1} {", "text")]
    [InlineData("{\"a\":", "text")]
    public void Message_IsDataOrText(string said, string kind)
    {
        JsonNode line = JsonNode.Parse(ViewMessage.Of("app", "c", null, "t", Encoding.UTF8.GetBytes(said), true, DateTimeOffset.UnixEpoch))!;
        Assert.True(line.AsObject().ContainsKey(kind), line.ToJsonString());
        if (kind == "text") Assert.Equal(said, (string?)line["text"]);
    }

    /// <summary>A browser ends a connection on which text comes that is not UTF-8, and a deep value may end a parser.</summary>
    [Fact]
    public void Message_ThatWouldHarmAPage_IsNotPassedOn()
    {
        byte[][] hostile = [[0xff, 0xfe], [.. "{\"a\":\""u8, 0xc3, .. "\"}"u8], Encoding.UTF8.GetBytes("{\"a\":" + new string('[', 1000) + new string(']', 1000) + "}"), Encoding.UTF8.GetBytes("{\"a\":\"" + new string('x', ViewMessage.MaxJson) + "\"}"), Encoding.UTF8.GetBytes(new string('x', 5000))];
        foreach (byte[] data in hostile)
        {
            byte[] line = ViewMessage.Of("app", "c", "line-1", new string('t', 5000), data, false, DateTimeOffset.UnixEpoch);
            JsonObject said = JsonNode.Parse(line)!.AsObject();
            Assert.False(said.ContainsKey("data"));
            Assert.Equal(data.Length, (int)said["bytes"]!);
            Assert.True(line.Length < 4000, $"{line.Length}");
            Assert.True(System.Text.Unicode.Utf8.IsValid(line));
        }
    }

    /// <summary>A page that says nothing and reads nothing, while the component goes on.</summary>
    [Fact]
    public async Task Page_ThatTakesNothing_HoldsUpNobody()
    {
        ViewSite.NeedFfmpeg();
        _site.MakePictures(20);
        _site.Use();
        await using EdgeNode node = await _site.Start();
        using Page page = await _site.Look(0);
        await Wait.Until(() => node.View!.Viewers == 1, () => "nobody looks");
        long before = node.Queues[0].Counts.Handled;
        await Wait.Until(() => node.Queues[0].Counts.Handled > before + 200, () => $"{node.Queues[0].Counts} {ViewSite.Camera(node)}");
        Triggers.EventCounts counts = node.Queues[0].Counts;
        Assert.Equal(0, counts.Failed);
    }

    /// <summary>Lines for a page whose connection takes nothing: the oldest go, and nobody waits.</summary>
    [Fact]
    public async Task Lines_ForAPageThatTakesNone_AreBounded()
    {
        using WebSocket socket = WebSocket.CreateFromStream(new StuckStream(), new WebSocketCreationOptions { IsServer = true });
        using var viewer = new Viewer(socket, [], () => "{}"u8.ToArray(), TimeProvider.System);
        using var end = new CancellationTokenSource();
        Task running = viewer.RunAsync(TimeSpan.FromHours(1), end.Token);
        var line = new byte[1000];
        for (int i = 0; i < 10_000; i++) viewer.Say(line);
        // 256 wait, and one or two are on their way.
        Assert.InRange(viewer.Left, 10_000 - 256 - 2, 10_000 - 256);
        await end.CancelAsync();
        await running.WaitAsync(Client.Patience, ViewSite.Token);
    }

    [Fact]
    public async Task PageThatSaysWhatNoPageSays_IsSentAway()
    {
        _site.Use(camera: "[cameras]\nline-1 = \"nowhere.avi\"");
        await using EdgeNode node = await _site.Start();
        foreach (string said in new[] { "no json", $"{{\"watch\":[{string.Join(',', Enumerable.Range(0, 2000))}]}}", "{\"watch\":\"all\"}" })
        {
            using Page page = await _site.Look(0);
            await page.Ask(said);
            try
            {
                while (await page.Next() is not null)
                {
                    // Until it is sent away.
                }
            }
            catch (WebSocketException)
            {
                // While it was still saying it.
            }
        }

        await Wait.Until(() => node.View!.Viewers == 0, () => $"{node.View!.Viewers}");
    }

    [Fact]
    public void Frames_AreHeldForWatchersAlone_AndTheNewestOnly()
    {
        var buffers = new FrameBuffers(4, spares: 4);
        var camera = new CameraStream(new CameraOptions("line-1", new Mote.Runtime.Cameras.CameraSource(Mote.Runtime.Cameras.CameraKind.File, "x") { Shown = "x" }, new(2, 2), Mote.Runtime.Cameras.PictureFormat.Gray, null), _ => { });
        // Nobody looks: the buffer is free at once.
        byte[] first = Offer(0);
        Assert.Same(first, buffers.Rent());
        int told = 0;
        FrameWatcher watcher = camera.Watch.Begin(() => told++);
        byte[] second = Offer(1), third = Offer(2);
        Assert.Equal(2, told);
        Assert.Same(second, buffers.Rent()); // a newer one took its place
        using (WatchedFrame taken = watcher.TryTake()!.Value)
        {
            Assert.Equal(2, taken.Sequence);
            Assert.Null(watcher.TryTake());
            Assert.NotSame(third, buffers.Rent());
        }

        Assert.Same(third, buffers.Rent());
        byte[] fourth = Offer(3);
        watcher.Dispose();
        Assert.Same(fourth, buffers.Rent());
        Assert.Same(Offer(4), buffers.Rent());
        Assert.Equal(3, told);
        camera.Dispose();

        byte[] Offer(long number)
        {
            var pixels = new byte[4];
            var frame = new Frame(buffers, pixels, number, DateTimeOffset.UnixEpoch);
            camera.Watch.Offer(frame);
            frame.Release();
            return pixels;
        }
    }

    /// <summary>Somebody looks, and a component fails at every other picture: pixels are on the page's stream, and in nothing that is written.</summary>
    [Fact]
    public async Task Pictures_AreOnThePageAlone()
    {
        ViewSite.NeedFfmpeg();
        byte[] pattern = new byte[ViewSite.Bytes];
        new Random(11).NextBytes(pattern);
        foreach (char command in "!ed")
        {
            pattern[0] = (byte)command;
            _site.Picture(command, pattern);
        }

        _site.Use();
        byte[] secret = pattern[1..13];
        string status;
        await using (EdgeNode node = await _site.Start())
        {
            using Page page = await _site.Look(0);
            SeenPicture p = await page.NextPicture();
            Assert.Equal(secret, p.Pixels[1..13]);
            // What the component sent to the view was bytes: of those a page is told how many.
            JsonNode line = await page.NextLine("message", m => (string?)m["topic"] == "secret");
            Assert.Equal(ViewSite.Bytes, (int)line["bytes"]!);
            Assert.False(line.AsObject().ContainsKey("text") || line.AsObject().ContainsKey("data"));
            status = System.Text.Json.JsonSerializer.Serialize(node.Status(), StatusJson.Default.NodeStatus);
        }

        Assert.All(Directory.GetFiles(_site.Site.Config.DataFolder, "*", SearchOption.AllDirectories), f => Assert.Equal(-1, File.ReadAllBytes(f).AsSpan().IndexOf(secret)));
        string all = status + string.Join('\n', _site.Site.Log);
        Assert.DoesNotContain(Convert.ToBase64String(pattern)[4..16], all, StringComparison.Ordinal);
        Assert.DoesNotContain(Convert.ToHexString(secret), all, StringComparison.OrdinalIgnoreCase);
        Assert.Equal(-1, Encoding.Latin1.GetBytes(all).AsSpan().IndexOf(secret));
    }

    /// <summary>A connection whose other side takes nothing and says nothing.</summary>
    private sealed class StuckStream : Stream
    {
        private readonly TaskCompletionSource _never = new();

        public override bool CanRead => true;

        public override bool CanWrite => true;

        public override bool CanSeek => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            await _never.Task.WaitAsync(cancellationToken);
            return 0;
        }

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) => new(_never.Task.WaitAsync(cancellationToken));

        public override void Flush()
        {
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            _never.TrySetException(new IOException("it was cut"));
            base.Dispose(disposing);
        }
    }
}
