// A node whose camera is a folder of pictures that the test makes.
using System.Globalization;
using System.Text;
using Mote.Packaging.Toml;

namespace Mote.Node.Tests;

public class CameraSite : IDisposable
{
    protected internal const int Width = 16, Height = 8, Bytes = Width * Height;

    internal TestSite Site { get; } = new();

    protected internal string Pictures => Directory.CreateDirectory(Path.Combine(Site.Folder, "pictures {1} [a]*")).FullName;

    public void Dispose()
    {
        Site.Dispose();
        GC.SuppressFinalize(this);
    }

    protected internal static void NeedFfmpeg() => Assert.SkipUnless(File.Exists("/usr/bin/ffmpeg"), "ffmpeg is not installed (apt-get install ffmpeg)");

    /// <summary>Bright ones, of which none is a command of the component's.</summary>
    protected internal static byte Value(int number) => (byte)(130 + (number % 100));

    protected internal static CameraStatus Camera(EdgeNode node) => node.Status().Cameras!.Single();

    protected internal void Configure(string toml)
    {
        string file = Path.Combine(Site.Folder, "node.toml");
        File.WriteAllText(file, toml);
        Site.Config = Packaging.NodeConfig.Load(file, Site.Config);
    }

    /// <summary>An app's manifest, changed in one place, is refused with words that have these in them.</summary>
    protected internal async Task ManifestIsRefused(string app, string what, string by, string error)
    {
        ConfigException fault = await Assert.ThrowsAsync<ConfigException>(() => Site.Start(app.Replace("\r", "", StringComparison.Ordinal).Replace(what, by, StringComparison.Ordinal)));
        Assert.Contains(error, fault.Message, StringComparison.Ordinal);
    }

    /// <summary>The same of a node's configuration; no secret of it is shown.</summary>
    protected internal void ConfigurationIsRefused(string toml, string error)
    {
        ConfigException fault = Assert.Throws<ConfigException>(() => Configure(toml));
        Assert.Contains(error, fault.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", fault.Message, StringComparison.Ordinal);
    }

    protected internal void Picture(int number, byte value) => Picture(number, Enumerable.Repeat(value, Bytes).ToArray());

    protected internal void Picture(int number, byte[] pixels) =>
        File.WriteAllBytes(Path.Combine(Pictures, string.Create(CultureInfo.InvariantCulture, $"{number:000000}.pgm")), [.. Encoding.ASCII.GetBytes($"P5\n{Width} {Height}\n255\n"), .. pixels]);
}
