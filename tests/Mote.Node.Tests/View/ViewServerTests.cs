// Who is let in to the view and who is not: other sites that a browser has open, other machines, pages without a session.
using System.Net;
using System.Net.WebSockets;
using System.Text.Json.Nodes;
using Mote.Node.View;
using Mote.Packaging.Toml;

namespace Mote.Node.Tests.View;

public sealed class ViewServerTests : IDisposable
{
    private const string NoCamera = "[cameras]\nline-1 = \"nowhere.avi\"";

    private readonly ViewSite _site = new();

    public void Dispose() => _site.Dispose();

    private async Task<EdgeNode> Start(string view = "[view]\naddress = \"127.0.0.1:0\"", string toml = "")
    {
        _site.Use(toml, view, NoCamera);
        return await _site.Start();
    }

    private static Uri Path(Uri at, string path) => new(at, path);

    [Fact]
    public async Task View_ThatNobodyAskedFor_IsNotThere()
    {
        await using EdgeNode node = await Start(view: "");
        Assert.Null(node.Status().View);
        Assert.Null(node.View);
        Assert.DoesNotContain(node.Status().Privacy!, l => l.Contains("the view", StringComparison.Ordinal));
        Assert.Equal((null, true), await ControlClient.InviteAsync(_site.Site.Config.DataFolder, Client.Patience, ViewSite.Token));
        Assert.False(File.Exists(System.IO.Path.Combine(_site.Site.Config.DataFolder, "view.key")));
    }

    [Fact]
    public async Task View_ThatIsOn_IsSaidWhereverTheNodeSpeaksOfItself()
    {
        await using EdgeNode node = await Start();
        ViewStatus view = (await ControlClient.AskAsync(_site.Site.Config.DataFolder, Client.Patience, ViewSite.Token))!.View!;
        Assert.Equal((node.View!.Url, false, 0), (view.Url, view.Remote, view.Viewers));
        Assert.Contains(node.Status().Privacy!, l => l == "the view shows pictures of `line-1` and what the apps say to those whom its operator lets in, on this device itself: nothing leaves by it");
    }

    [Fact]
    public async Task Page_AndItsParts_NeedNothingAndAllowNothing()
    {
        await using EdgeNode node = await Start();
        var at = new Uri(node.View!.Url);
        foreach ((string path, string type) in new[] { ("/", "text/html"), ("/view.js", "text/javascript"), ("/picture.js", "text/javascript"), ("/drawing.js", "text/javascript"), ("/view.css", "text/css"), ("/icon.svg", "image/svg+xml") })
        {
            (HttpResponseMessage answer, string text) = await Page.Send(HttpMethod.Get, Path(at, path));
            Assert.Equal((HttpStatusCode.OK, type), (answer.StatusCode, answer.Content.Headers.ContentType!.MediaType));
            Assert.NotEqual("", text);
            Assert.Equal("no-store", answer.Headers.CacheControl!.ToString());
            Assert.Equal("nosniff", answer.Headers.GetValues("X-Content-Type-Options").Single());
            Assert.Equal("no-referrer", answer.Headers.GetValues("Referrer-Policy").Single());
            string policy = answer.Headers.GetValues("Content-Security-Policy").Single();
            Assert.StartsWith("default-src 'none'; script-src 'self';", policy, StringComparison.Ordinal);
            Assert.Contains("frame-ancestors 'none'", policy, StringComparison.Ordinal);
            Assert.DoesNotContain("unsafe", policy, StringComparison.Ordinal);
            // Nothing is asked of anybody else: the one address in it is a name of SVG's.
            Assert.DoesNotContain("://", text.Replace("http://www.w3.org/2000/svg", "", StringComparison.Ordinal).Replace("}://${location.host}", "", StringComparison.Ordinal), StringComparison.Ordinal);
            Assert.Equal(HttpStatusCode.MethodNotAllowed, (await Page.Send(HttpMethod.Put, Path(at, path), "x")).Answer.StatusCode);
        }

        Assert.Equal(HttpStatusCode.NotFound, (await Page.Send(HttpMethod.Get, Path(at, "/view.html"))).Answer.StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await Page.Send(HttpMethod.Get, Path(at, "/..%2fview.key"))).Answer.StatusCode);
        Assert.Equal(HttpStatusCode.MethodNotAllowed, (await Page.Send(HttpMethod.Delete, Path(at, "/session"))).Answer.StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest, (await Page.Send(HttpMethod.Get, Path(at, "/stream"))).Answer.StatusCode);
    }

    /// <summary>A name that an attacker's server answers with 127.0.0.1 is not a name of this page.</summary>
    [Theory]
    [InlineData("evil.example")]
    [InlineData("evil.example:PORT")]
    [InlineData("127.0.0.1.evil.example:PORT")]
    [InlineData("localhost.evil.example:PORT")]
    [InlineData("192.168.1.5:PORT")]
    [InlineData("127.0.0.1:1")]
    [InlineData("127.0.0.1")]
    public async Task Host_OfAnotherName_IsRefused(string host)
    {
        await using EdgeNode node = await Start();
        Uri invitation = await _site.Invite();
        host = host.Replace("PORT", $"{invitation.Port}", StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.MisdirectedRequest, (await Page.Send(HttpMethod.Get, Path(invitation, "/"), null, ("Host", host))).Answer.StatusCode);
        Assert.Equal(HttpStatusCode.MisdirectedRequest, (await Page.Send(HttpMethod.Post, Path(invitation, "/session"), invitation.Fragment[1..], ("Host", host), ("Origin", $"http://{host}"))).Answer.StatusCode);
        // The invitation was not used up by that.
        using Page page = await Page.Enter(invitation);
    }

    [Fact]
    public async Task Host_OfThisMachine_IsServed()
    {
        await using EdgeNode node = await Start();
        Uri invitation = await _site.Invite();
        foreach (string host in new[] { "localhost", "LOCALHOST", "127.0.0.1", "[::1]" }) Assert.Equal(HttpStatusCode.OK, (await Page.Send(HttpMethod.Get, Path(invitation, "/"), null, ("Host", $"{host}:{invitation.Port}"))).Answer.StatusCode);
    }

    /// <summary>An app of the same node, on another port of this machine, is another site too: its pages have the cookie, but not this origin.</summary>
    [Theory]
    [InlineData("http://evil.example")]
    [InlineData("http://127.0.0.1:3000")]
    [InlineData("http://localhost:PORT")]
    [InlineData("https://127.0.0.1:PORT")]
    [InlineData("null")]
    [InlineData("")]
    public async Task Origin_OfAnotherPage_IsRefused(string origin)
    {
        await using EdgeNode node = await Start();
        Uri invitation = await _site.Invite();
        origin = origin.Replace("PORT", $"{invitation.Port}", StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.Forbidden, (await Page.Send(HttpMethod.Post, Path(invitation, "/session"), invitation.Fragment[1..], ("Origin", origin))).Answer.StatusCode);
        using Page page = await Page.Enter(invitation);
        using Page stolen = await Page.Enter(await _site.Invite());
        Assert.Equal(HttpStatusCode.Forbidden, await stolen.Refused(origin: origin));
        await page.Connect();
    }

    [Fact]
    public async Task Session_IsGivenOnce_InACookieThatNoScriptReads()
    {
        await using EdgeNode node = await Start();
        Uri invitation = await _site.Invite();
        (string, string) origin = ("Origin", Page.Origin(invitation));
        (HttpResponseMessage answer, string text) = await Page.Send(HttpMethod.Post, Path(invitation, "/session"), invitation.Fragment[1..], origin);
        string cookie = answer.Headers.GetValues("Set-Cookie").Single();
        Assert.StartsWith($"mote-view-{invitation.Port}=", cookie, StringComparison.Ordinal);
        Assert.Contains("; samesite=strict; httponly", cookie, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("domain", cookie, StringComparison.OrdinalIgnoreCase);
        string key = (string)JsonNode.Parse(text)!["key"]!;
        (string, string) kept = ("Cookie", cookie.Split(';')[0]);
        Assert.Equal(HttpStatusCode.NoContent, (await Page.Send(HttpMethod.Get, Path(invitation, "/session"), null, kept, ("Mote-View-Key", key))).Answer.StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await Page.Send(HttpMethod.Get, Path(invitation, "/session"), null, kept)).Answer.StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await Page.Send(HttpMethod.Get, Path(invitation, "/session"), null, ("Mote-View-Key", key))).Answer.StatusCode);
        (answer, text) = await Page.Send(HttpMethod.Post, Path(invitation, "/session"), invitation.Fragment[1..], origin);
        Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
        Assert.Contains("mote view", text, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, (await Page.Send(HttpMethod.Post, Path(invitation, "/session"), new string('x', 10_000), origin)).Answer.StatusCode);
    }

    [Fact]
    public async Task Stream_WithoutACookieOrAKey_IsRefused()
    {
        await using EdgeNode node = await Start();
        using Page a = await Page.Enter(await _site.Invite()), b = await Page.Enter(await _site.Invite()), c = await Page.Enter(await _site.Invite()), d = await Page.Enter(await _site.Invite());
        Assert.Equal(HttpStatusCode.Unauthorized, await a.Refused(cookie: "x=y"));
        Assert.Equal(HttpStatusCode.Unauthorized, await b.Refused(key: "x"));
        Assert.Equal(HttpStatusCode.Unauthorized, await c.Refused(key: d.Key));
        await d.Connect();
        Assert.Equal("test-node", (string?)(await d.NextLine("status"))["node"]);
    }

    [Fact]
    public async Task Session_ThatIsOver_EndsTheStream()
    {
        await using EdgeNode node = await Start("[view]\naddress = \"127.0.0.1:0\"\nsession = \"300ms\"");
        using Page page = await Page.Enter(await _site.Invite());
        try
        {
            await page.Connect();
        }
        catch (WebSocketException)
        {
            return; // on a machine that was busy for so long, it was over before
        }

        while (await page.Next() is not null)
        {
            // Until it is over.
        }

        Assert.Equal((WebSocketCloseStatus)4001, page.CloseStatus);
    }

    [Fact]
    public async Task Pages_AreBounded_AndOneThatGoesMakesRoom()
    {
        await using EdgeNode node = await Start();
        var pages = new List<Page>();
        for (int i = 0; i < DeviceView.MostViewers; i++)
        {
            pages.Add(await _site.Look(0));
            await pages[i].NextLine("status");
        }

        Assert.Equal(DeviceView.MostViewers, node.View!.Viewers);
        using (Page one = await Page.Enter(await _site.Invite()))
        {
            Assert.Equal(HttpStatusCode.ServiceUnavailable, await one.Refused());
            Assert.Equal(HttpStatusCode.ServiceUnavailable, (await Page.Send(HttpMethod.Get, Path(new Uri(node.View.Url), "/session"), null, ("Cookie", one.Cookie), ("Mote-View-Key", one.Key))).Answer.StatusCode);
        }

        pages[0].Dispose();
        await Wait.Until(() => node.View!.Viewers == DeviceView.MostViewers - 1, () => $"{node.View!.Viewers}");
        using Page next = await _site.Look(0);
        await next.NextLine("status");
        foreach (Page page in pages) page.Dispose();
    }

    [Fact]
    public async Task Node_ThatEnds_TellsItsPages()
    {
        EdgeNode node = await Start();
        using Page page = await _site.Look(0);
        await page.NextLine("status");
        await node.DisposeAsync();
        while (await page.Next() is not null)
        {
            // What was on its way.
        }

        Assert.Equal(WebSocketCloseStatus.EndpointUnavailable, page.CloseStatus);
        Assert.Contains(_site.Site.Log, l => l.Contains("somebody at 127.0.0.1 looks (1 now)", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("address = \"0.0.0.0:0\"", "is this device's own, 127.0.0.1 or [::1]")]
    [InlineData("address = \"192.168.1.5:8088\"", "pictures would leave the device; where that is wanted, add remote = true")]
    [InlineData("address = \"[::]:8088\"", "is this device's own")]
    [InlineData("address = \"127.0.0.1:0\"\nremote = true", "add certificate = \"cert.pem\" and key = \"key.pem\" under [http.tls]")]
    [InlineData("address = \"127.0.0.1\"", "an address and a port")]
    [InlineData("remote = false", "`address` is missing: add address = \"127.0.0.1:8088\"")]
    [InlineData("address = \"127.0.0.1:0\"\nhost = \"a.example\"", "add remote = true, or take `host` away")]
    [InlineData("address = \"127.0.0.1:0\"\nsession = \"soon\"", "`session` must be a time")]
    [InlineData("address = \"127.0.0.1:0\"\ntoken = \"x\"", "unknown key `token` in [view]")]
    public void Config_WithAFault_SaysWhat(string toml, string error)
    {
        ConfigException fault = Assert.Throws<ConfigException>(() => _site.Use(view: $"[view]\n{toml}", camera: NoCamera));
        Assert.Contains(error, fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Remote_IsByTlsAlone_UnderItsOwnName_AndIsSaid()
    {
        using var authority = new Authority(_site.Site.Folder);
        authority.Issue("gateway-7.example", address: IPAddress.Loopback);
        const string Tls = "[http.tls]\ncertificate = \"gateway-7.example.pem\"\nkey = \"gateway-7.example.key\"";
        ConfigException fault = Assert.Throws<ConfigException>(() => _site.Use(Tls, "[view]\naddress = \"0.0.0.0:0\"\nremote = true", NoCamera));
        Assert.Contains("add host = ", fault.Message, StringComparison.Ordinal);
        fault = Assert.Throws<ConfigException>(() => _site.Use(Tls, "[view]\naddress = \"0.0.0.0:0\"\nremote = true\nhost = \"a b\"", NoCamera));
        Assert.Contains("`host` is a name", fault.Message, StringComparison.Ordinal);

        // On loopback, so that the test is reached by nobody else.
        await using EdgeNode node = await Start("[view]\naddress = \"127.0.0.1:0\"\nremote = true\nhost = \"Gateway-7.example\"", Tls);
        Uri invitation = await _site.Invite();
        Assert.StartsWith($"https://gateway-7.example:{invitation.Port}/#", invitation.OriginalString, StringComparison.Ordinal);
        var here = new Uri($"https://127.0.0.1:{invitation.Port}/");
        (HttpResponseMessage answer, _) = await Page.Send(HttpMethod.Get, here, null, ("Host", invitation.Authority));
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        (answer, _) = await Page.Send(HttpMethod.Post, Path(here, "/session"), invitation.Fragment[1..], ("Host", invitation.Authority), ("Origin", Page.Origin(invitation)));
        Assert.Contains("; secure", answer.Headers.GetValues("Set-Cookie").Single(), StringComparison.OrdinalIgnoreCase);
        Assert.Equal(HttpStatusCode.MisdirectedRequest, (await Page.Send(HttpMethod.Get, here, null, ("Host", $"evil.example:{invitation.Port}"))).Answer.StatusCode);
        // Without TLS there is nothing.
        await Assert.ThrowsAsync<HttpRequestException>(() => Page.Send(HttpMethod.Get, new Uri($"http://127.0.0.1:{invitation.Port}/")));
        Assert.True(node.Status().View!.Remote);
        Assert.Contains(node.Status().Privacy!, l => l.Contains("also on other machines: pictures leave this device by it", StringComparison.Ordinal));
        Assert.Contains(_site.Site.Log, l => l.Contains("pictures of this device's cameras can leave it", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Address_ThatSomebodyHas_IsAFaultOfTheConfig()
    {
        await using EdgeNode node = await Start();
        using var other = new ViewSite();
        other.Use(view: $"[view]\naddress = \"127.0.0.1:{new Uri(node.View!.Url).Port}\"", camera: NoCamera);
        ConfigException fault = await Assert.ThrowsAsync<ConfigException>(() => other.Start());
        Assert.Contains("the view cannot listen on 127.0.0.1:", fault.Message, StringComparison.Ordinal);
    }
}
