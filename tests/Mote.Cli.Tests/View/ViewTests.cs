// mote view, as somebody at the device has it: the smart camera on a recording, and its page in a real browser.
using System.Text.Json;
using Mote.Runtime.Cameras;
using Mote.Tests.Servers;

namespace Mote.Cli.Tests.View;

public sealed class ViewTests : IDisposable
{
    private const string Long = "the-camera-above-the-second-door-of-the-hall-behind-the-old-mill";

    private readonly TempFolder _folder = new();
    private readonly int _port = Loopback.FreePort();

    public void Dispose() => _folder.Dispose();

    /// <summary>Noise, and from the second second on a light thing that goes to and fro over it.</summary>
    private void Record(string name)
    {
        const string Scene = "color=c=0x707070:s=320x240:r=60:d=12,noise=alls=6:allf=t,format=gray[back];color=c=0xe8e8e8:s=24x48:r=60:d=12,format=gray[thing];[back][thing]overlay=x='150+110*sin(t)':y='if(lt(t,2),-100,110+60*cos(t*0.7))':eval=frame,format=gray";
        MoteRun.RunOther(["/usr/bin/ffmpeg", "-loglevel", "error", "-nostdin", "-filter_complex", Scene], "-c:v", "mjpeg", "-q:v", "3", _folder[name]).Succeeded();
    }

    /// <summary>The sample's own manifest, with a second camera of a long name and one that the node does not have.</summary>
    private string App(params string[] cameras)
    {
        string sample = DetectorSampleTests.Built("06-smart-camera");
        string text = File.ReadAllText(Path.Combine(sample, "mote.toml"))
            .Replace("rate = 15", "", StringComparison.Ordinal)
            .Replace("camera = [\"line-1\"]", $"camera = [\"line-1\"{string.Concat(cameras.Select(c => $", \"{c}\""))}]", StringComparison.Ordinal)
            .Replace("learn = { default = \"1500\" }", "learn = { default = \"60\" }", StringComparison.Ordinal)
            .Replace("source = \"watch.wasm\"", $"source = \"{Path.Combine(sample, "watch.wasm")}\"", StringComparison.Ordinal);
        foreach (string c in cameras) text += $"\n[[trigger.camera]]\ncamera = \"{c}\"\ncomponent = \"watch\"\nsize = \"320x240\"\n";
        File.WriteAllText(_folder["mote.toml"], text);
        File.WriteAllText(_folder["node.toml"], $"""
            [node]
            name = "gateway-7-in-the-hall-behind-the-old-mill-by-the-river-and-lock"
            [view]
            address = "127.0.0.1:{_port}"
            [cameras]
            line-1 = {"{"} source = "scene.avi", loop = true {"}"}
            {Long} = "nowhere.avi"
            """);
        return _folder.Path;
    }

    /// <summary>A picture of colours as ffmpeg gives it in a format, and the same in the format that a canvas has.</summary>
    private async Task<byte[]> TestPicture(string format, int width, int height)
    {
        MoteRun.RunOther(["/usr/bin/ffmpeg", "-y", "-loglevel", "error", "-nostdin", "-f", "lavfi", "-i", $"smptebars=s={width}x{height}"], "-frames:v", "1", "-pix_fmt", format, "-f", "rawvideo", _folder["picture.raw"]).Succeeded();
        return await File.ReadAllBytesAsync(_folder["picture.raw"]);
    }

    /// <summary>How far a picture that the page has drawn is from what ffmpeg makes of it, on the average, of 255.</summary>
    private async Task<double> Distance(Chromium page, string format)
    {
        const int Width = 66, Height = 33; // odd, for planes of half the size
        Assert.True(PictureFormat.TryParse(format, out PictureFormat? known));
        byte[] header = new byte[48];
        header[0] = 1;
        BitConverter.TryWriteBytes(header.AsSpan(4), Width);
        BitConverter.TryWriteBytes(header.AsSpan(8), Height);
        BitConverter.TryWriteBytes(header.AsSpan(12), known.Stride(Width));
        System.Text.Encoding.ASCII.GetBytes(format, header.AsSpan(32));
        byte[] pixels = await TestPicture(format, Width, Height), wanted = await TestPicture(format.StartsWith("gray", StringComparison.Ordinal) ? "gray" : "rgba", Width, Height);
        Assert.Equal(known.Bytes(new PictureSize(Width, Height)), pixels.Length);
        string drawn = (string)(await page.Value($$"""
            import('/picture.js').then(({ read, draw }) => {
              const canvas = document.createElement('canvas');
              draw(read(Uint8Array.from(atob('{{Convert.ToBase64String([.. header, .. pixels])}}'), c => c.charCodeAt(0)).buffer), canvas);
              return btoa(String.fromCharCode(...canvas.getContext('2d').getImageData(0, 0, {{Width}}, {{Height}}).data));
            })
            """))!;
        byte[] got = Convert.FromBase64String(drawn);
        Assert.Equal(Width * Height * 4, got.Length);
        return Enumerable.Range(0, got.Length).Where(i => i % 4 != 3).Average(i => Math.Abs(got[i] - wanted[wanted.Length == got.Length ? i : i / 4]));
    }

    private MoteRun Up() => MoteRun.Start("up", _folder.Path, "--listen", "127.0.0.1:0");

    private string Invite()
    {
        using var invitation = JsonDocument.Parse(MoteRun.Run("view", _folder.Path, "--json").Succeeded());
        return invitation.RootElement.GetProperty("url").GetString()!;
    }

    private static async Task Keep(Chromium page, string name)
    {
        byte[] png = await page.Picture();
        Assert.Equal("\u0089PNG", System.Text.Encoding.Latin1.GetString(png, 0, 4));
        // For people who change the page: MOTE_PICTURES names a folder to look at them in.
        if (Environment.GetEnvironmentVariable("MOTE_PICTURES") is { Length: > 0 } folder) await File.WriteAllBytesAsync(Path.Combine(folder, $"{name}.png"), png);
    }

    private static async Task FitsIn(Chromium page, int width) => Assert.True((int)(await page.Value("document.documentElement.scrollWidth"))! <= width, "the page is wider than the window");

    [Fact]
    public async Task Page_InABrowser_ShowsThePictureAndWhatTheAppSays_AndComesBackByItself()
    {
        TemplateProject.Need(["ffmpeg"]);
        await using Chromium page = await Chromium.StartAsync();
        Record("scene.avi");
        App(Long, "not-here");
        MoteRun node = Up();
        try
        {
            node.WaitFor("  view      http://");
            await page.Look(1280, 900, dark: false);
            await page.Open(Invite());
            // The invitation is taken out of the address.
            await page.Until("location.hash === '' && document.querySelector('#link').textContent.startsWith('live')");
            // Pixels that are not all the same: the noise of the recording.
            await page.Until("(() => { const c = document.querySelector('.pixels'); if (c.width !== 640) return false; const d = c.getContext('2d').getImageData(0, 0, 640, 480).data; return new Set(d.filter((v, i) => i % 4 === 0)).size > 10; })()");
            await page.Until("Number(document.querySelector('.drawing').dataset.boxes) > 0");
            await page.Until("(() => { const c = document.querySelector('.drawing'), d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data; let n = 0; for (let i = 0; i < d.length; i += 4) if ((d[i] === 0x62 && d[i + 1] === 0xf0) || (d[i] === 0xff && d[i + 1] === 0x6b)) n++; return n > 100; })()");
            await page.Until("document.querySelector('#messages').children.length > 0");
            await page.Until("/^9\\d\\.\\d+ %|^100 %/.test(document.querySelector('.saved strong').textContent)");
            // The second camera says why it has no pictures, and the third that it is not there.
            await page.Until("document.querySelectorAll('.fault')[1].textContent.includes('there is no file')");
            Assert.Contains("not-here", (string)(await page.Value("document.querySelector('#notice').textContent"))!, StringComparison.Ordinal);
            Assert.Contains("watch sees line-1", (string)(await page.Value("document.querySelector('#privacy').textContent"))!, StringComparison.Ordinal);
            await FitsIn(page, 1280);
            await Keep(page, "wide-light");
            await page.Look(1280, 900, dark: true);
            await Keep(page, "wide-dark");
            await page.Look(360, 740, dark: false);
            await FitsIn(page, 360);
            await Keep(page, "narrow-light");
            await page.Look(360, 740, dark: true);
            await Keep(page, "narrow-dark");

            // With the keyboard alone: the first button is all cameras, the second the first one.
            await page.Press("Tab", 9);
            await page.Press("Tab", 9);
            await page.Press("Enter", 13);
            await page.Until("document.activeElement.getAttribute('aria-pressed') === 'true' && [...document.querySelectorAll('.camera')].map(c => c.hidden).join() === 'false,true'");
            await Keep(page, "one-camera");
            // A page that is open already is let in by the same address no second time, and needs no second time.
            await page.Open((string)(await page.Value("location.href"))!);
            await page.Until("Number(document.querySelector('.drawing')?.dataset.boxes) > 0");
            // In every format that a component may ask for, the page shows the colours that are there.
            foreach (string format in (string[])["gray", "gray16le", "rgb24", "bgr24", "rgba", "yuv420p", "nv12"])
            {
                double distance = await Distance(page, format);
                Assert.True(distance < (format is "yuv420p" or "nv12" ? 6 : 1), $"{format}: {distance}");
            }

            Assert.Empty(page.Errors);

            // The node goes, which the page says; and comes again, and the page with it.
            node.Signal("TERM");
            node.End().Succeeded();
            node.Dispose();
            await page.Until("document.querySelector('#link').textContent === 'node gone' && document.querySelector('#notice').textContent.includes('does not answer') && document.querySelector('.camera .state').textContent === 'no connection'");
            await Keep(page, "node-gone");
            node = Up();
            node.WaitFor("  view      http://");
            await page.Until("document.querySelector('#link').textContent.startsWith('live') && document.querySelector('.camera .state').textContent === 'pictures come'");
        }
        finally
        {
            node.Dispose();
        }
    }

    [Fact]
    public async Task Page_WithoutACameraOrAnInvitation_SaysWhatToDo()
    {
        await using Chromium page = await Chromium.StartAsync();
        App();
        string text = File.ReadAllText(_folder["mote.toml"]);
        int at = text.IndexOf("[[trigger.camera]]", StringComparison.Ordinal), end = text.IndexOf("[component.watch]", StringComparison.Ordinal);
        File.WriteAllText(_folder["mote.toml"], $"{text[..at]}[[trigger.mqtt]]\ntopic = \"frames\"\ncomponent = \"watch\"\n{text[end..]}");
        using MoteRun node = Up();
        node.WaitFor("  view      http://");
        await page.Look(360, 740, dark: false);
        await page.Open($"http://127.0.0.1:{_port}/");
        await page.Until("document.querySelector('#notice').textContent.includes('Nobody has invited this page') && document.querySelector('#notice').textContent.includes('mote view')");
        await Keep(page, "not-invited");
        await page.Open($"http://127.0.0.1:{_port}/#nonsense");
        await page.Until("document.querySelector('#notice').textContent.includes('This invitation is over')");
        // In the same page, as somebody does who puts the address into it.
        await page.Open(Invite());
        await page.Until("document.querySelector('#link').textContent.startsWith('live') && document.querySelector('#notice').textContent.includes('No app of this node has a camera')");
        await page.Until("document.querySelector('#silent').textContent === 'Nothing yet.' && !document.querySelector('#silent').hidden");
        await FitsIn(page, 360);
        await Keep(page, "no-camera");
    }

    [Fact]
    public void View_OfANodeThatHasNone_IsSaidWithWhatToDo()
    {
        App();
        Assert.Contains("no node runs", MoteRun.Run("view", _folder.Path, "--no-open").FailedWith(ExitCode.Unavailable), StringComparison.Ordinal);
        File.WriteAllText(_folder["node.toml"], "");
        using MoteRun node = Up();
        node.WaitFor("is up");
        node.WaitFor("  data ");
        Assert.Contains("put [view] with address = \"127.0.0.1:8088\" into its node.toml", MoteRun.Run("view", _folder.Path, "--no-open").FailedWith(ExitCode.Unavailable), StringComparison.Ordinal);
    }
}
