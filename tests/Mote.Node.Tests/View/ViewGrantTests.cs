// The grant `view`: what a component shows to people at the device goes nowhere else, costs no budget, and is in no account.
using System.Text.Json.Nodes;
using Mote.Packaging;
using Mote.Packaging.Toml;

namespace Mote.Node.Tests.View;

public sealed class ViewGrantTests : IDisposable
{
    private readonly ViewSite _site = new();

    public void Dispose() => _site.Dispose();

    /// <summary>Every picture is sent to `secret`.</summary>
    private void SecretPictures()
    {
        for (int i = 0; i < 10; i++) _site.Picture(i, [(byte)'d', .. Enumerable.Repeat(ViewSite.Value(i), ViewSite.Bytes - 1)]);
    }

    private static string App(string grants, string limits = "") => ViewSite.App
        .Replace("publish = [\"out\"]", "", StringComparison.Ordinal).Replace("view = [\"secret\"]", grants, StringComparison.Ordinal).Replace("egress = \"100MiB/h\"", limits, StringComparison.Ordinal);

    private static async Task Handled(EdgeNode node, int count) =>
        await Wait.Until(() => node.Queues[0].Counts.Handled >= node.Queues[0].Counts.Failed + count, () => $"{node.Queues[0].Counts}");

    /// <summary>A budget of a kilobyte an hour, of which none is used by pictures that are shown twenty times over; nobody else hears of them.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task WhatIsShown_GoesToTheViewAlone_WhetherSomebodyLooksOrNot(bool isLookedAt)
    {
        ViewSite.NeedFfmpeg();
        SecretPictures();
        _site.Use("[broker]\nlisten = \"127.0.0.1:0\"");
        await using Collector collector = await Collector.StartAsync(new System.Net.IPEndPoint(System.Net.IPAddress.Loopback, 0), null, e => Assert.Fail($"{e.Subject} left"));
        _site.Site.Config = _site.Site.Config with { UpstreamUrl = collector.Url, UpstreamTopics = ["#"] };
        // Another component of the app that wants what is sent on that topic gets none of it either.
        string app = App("view = [\"secret\"]\npublish = [\"other\"]", "egress = \"1KiB/h\"") + """

            [[trigger.flow]]
            topic = "secret"
            component = "next"
            [component.next]
            source = "handler.wasm"
            """;
        await using EdgeNode node = await _site.Start(app);
        await using Client client = await Client.Connect(node.Broker!.Address);
        await client.Subscribe("#");
        using Page? page = isLookedAt ? await _site.Look(0) : null;
        if (page is not null)
        {
            JsonNode line = await page.NextLine("message");
            Assert.Equal(("secret", true, ViewSite.Bytes), ((string?)line["topic"], (bool)line["forView"]!, (int)line["bytes"]!));
        }

        Triggers.MessageQueue camera = node.Queues.Single(q => q.Component.Camera is not null), next = node.Queues.Single(q => q.Component.Name == "next");
        await Wait.Until(() => camera.Counts.Handled >= 20, () => $"{camera.Counts}");
        Assert.Equal((0, 0), (camera.Counts.Failed, camera.Counts.Published));
        Assert.Equal(0, next.Counts.Received);
        Assert.Empty(client.Received);
        DataPlane.LedgerRow all = node.Ledger().Apps.Single().All;
        Assert.True(all.BytesIn > 0);
        Assert.Equal((0, 0, 0), (all.MessagesOut, all.BytesOut, all.BytesMade));
        Assert.DoesNotContain(_site.Site.Log, l => l.Contains("denied", StringComparison.Ordinal));
    }

    [Fact]
    public async Task WhatIsNotGranted_IsDeniedWithTheLineThatWouldGrantIt()
    {
        ViewSite.NeedFfmpeg();
        SecretPictures();
        _site.Use();
        await using EdgeNode node = await _site.Start(App("view = [\"boxes\"]"));
        using Page page = await _site.Look(0);
        await Handled(node, 5);
        Assert.Contains(_site.Site.Log, l => l.Contains("was denied sending to topic `secret`; to allow it, put under [component.handler.grants]: publish = [\"secret\"]", StringComparison.Ordinal));
        await page.NextPicture();
        Assert.Null((await page.NextLine("status"))["message"]);
    }

    /// <summary>Larger than what an event may show: an answer of the interface's own, and the component goes on.</summary>
    [Fact]
    public async Task WhatIsTooLargeToShow_IsNotShown()
    {
        ViewSite.NeedFfmpeg();
        SecretPictures();
        _site.Use();
        await using EdgeNode node = await _site.Start(App("view = [\"secret\"]").Replace("size = \"16x8\"", "size = \"640x480\"", StringComparison.Ordinal));
        using Page page = await _site.Look(0);
        await page.NextPicture();
        await Handled(node, 3);
        await page.Ask("{\"drawn\":0}");
        // The pictures between two came, and no message with them.
        while (true)
        {
            (JsonNode? line, SeenPicture? picture) = (await page.Next())!.Value;
            Assert.NotEqual("message", (string?)line?["type"]);
            if (picture is not null) break;
        }
    }

    [Theory]
    [InlineData("view = [\"a\"]\npublish = [\"a\"]", "`a` is under `publish` too")]
    [InlineData("view = [\"a/+\"]", "`view` names topics, and `a/+` has a wildcard")]
    [InlineData("view = [\"\"]", "a topic has at least one character")]
    [InlineData("view = \"a\"", "`view` must be a list of strings")]
    public async Task Manifest_WithAFault_SaysWhat(string grants, string error)
    {
        ConfigException fault = await Assert.ThrowsAsync<ConfigException>(() => _site.Start(App(grants, "egress = \"1KiB/h\"")));
        Assert.Contains(error, fault.Message, StringComparison.Ordinal);
    }

    /// <summary>What is shown is none of what may leave: a component that only shows needs no budget.</summary>
    [Fact]
    public void PrivacyLine_SaysWhatIsShown()
    {
        File.WriteAllText(Path.Combine(_site.Site.Folder, "mote.toml"), App("view = [\"boxes\", \"mask\"]"));
        var app = AppManifest.Load(_site.Site.Folder, _ => null);
        Assert.Equal("`handler` sees `line-1`; what it can send: nothing; what it shows to people at this device: `boxes`, `mask`; what it can keep: nothing", Privacy.OfCameras(app, _site.Site.Config).Single());
    }
}
