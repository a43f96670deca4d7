// What a node keeps is no app's business, whichever way an app's manifest leads to it.
using Mote.Packaging.Toml;

namespace Mote.Node.Tests;

public sealed class OwnFolderTests : IDisposable
{
    private readonly TestSite _site = new();

    public OwnFolderTests()
    {
        _site.Config = _site.Config with { DataFolder = Path.Combine(_site.Folder, "data", "node") };
        Directory.CreateDirectory(Path.Combine(_site.Config.DataFolder, "clips"));
        Directory.CreateDirectory(Path.Combine(_site.Folder, "assets"));
        Directory.CreateDirectory(Path.Combine(_site.Folder, "data", "node-2"));
        Directory.CreateSymbolicLink(Path.Combine(_site.Folder, "assets", "link"), "../data");
        Directory.CreateSymbolicLink(Path.Combine(_site.Folder, "another"), Path.Combine(_site.Folder, "assets", "link"));
    }

    public void Dispose() => _site.Dispose();

    private static string Granted(string host) => TestSite.App.Replace("[component.handler.grants]", $"[component.handler.grants]\nfiles = [{{ host = \"{host}\" }}]", StringComparison.Ordinal);

    [Theory]
    [InlineData(".")]
    [InlineData("data")]
    [InlineData("data/node")]
    [InlineData("data/node/clips")]
    [InlineData("assets/link")]
    [InlineData("assets/link/node/clips")]
    [InlineData("another")]
    [InlineData("/")]
    public async Task FolderWithTheNodesOwn_IsRefused(string host)
    {
        ConfigException e = await Assert.ThrowsAsync<ConfigException>(() => _site.Start(Granted(host)));
        Assert.Contains("component `handler` would have the folder", e.Message, StringComparison.Ordinal);
        Assert.Contains("`data` under [node]", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("assets")] // a link in it leads out, and is not followed
    [InlineData("data/node-2")]
    public async Task FolderBesideIt_IsGranted(string host) => await (await _site.Start(Granted(host))).DisposeAsync();

    [Fact]
    public async Task RouteToIt_IsRefused()
    {
        string app = $"{TestSite.App}\n[[trigger.http]]\nroute = \"/all/...\"\nstatic = \"data\"\n";
        ConfigException e = await Assert.ThrowsAsync<ConfigException>(() => _site.Start(app));
        Assert.Contains("route `/all/...` would have the folder", e.Message, StringComparison.Ordinal);
    }
}
