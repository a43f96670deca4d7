// No request reaches what was not granted: a server on this machine counts who connects, and nobody may.
using System.Net;
using Mote.Capabilities.Wasi.Http;
using Mote.Components;
using Mote.Runtime;
using static Mote.Capabilities.Tests.Guest;

namespace Mote.Capabilities.Tests.Network;

public sealed class HttpEgressTests : IDisposable
{
    /// <summary>What must not be reached.</summary>
    private readonly RawServer _inner = new(RawServer.Ok("inner"));

    public void Dispose()
    {
        Assert.Equal(0, _inner.Connections);
        _inner.Dispose();
    }

    [Fact]
    public void WithoutAGrant_NothingIsSent_AndTheLineIsTold()
    {
        using HttpNetGuest g = HttpNetGuest.Start([]);
        Assert.Equal("HTTP-request-denied", g.Get(_inner.Authority));
        Assert.Equal([$"component `guest` was denied a request to http://{_inner.Authority}; to allow it, put under [component.guest.grants]: http = [\"http://{_inner.Authority}\"]"], g.Guest.Denials);
    }

    [Theory]
    [InlineData("http://*:*")]
    [InlineData("http://0.0.0.0/0:*")]
    [InlineData("http://[::/0]:*")]
    [InlineData("http://*.test:*")]
    [InlineData("http://localhost:1")]
    [InlineData("https://127.0.0.1:*")]
    [InlineData("http://127.0.0.2:*")]
    public void ThisMachine_IsReachedThroughNoWiderGrant_InAnyForm(string grant)
    {
        FakeNames names = new FakeNames().With("localhost", ["127.0.0.1"]);
        using HttpNetGuest g = HttpNetGuest.Start([grant], names);
        int port = _inner.Port;
        foreach (string host in (string[])[
            "127.0.0.1", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::127.0.0.1]", "[2002:7f00:1::]", "[::1]", "0.0.0.0", "[::]",
            "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "017700000001", "127.1", "127.0.1", "127.0.0.1.", "127.000.000.001",
            "169.254.169.254", "[fe80::1%25lo]", "[fe80::1%lo]", "[::1%1]", "255.255.255.255", "224.0.0.1", "localhost", "LOCALHOST.", "127.0.0.1%00", "１27.0.0.1"])
        {
            string got = g.Get($"{host}:{port}");
            Assert.True(got is "HTTP-request-denied" or "HTTP-request-URI-invalid" or "refused: authority" or "destination-IP-prohibited", $"{grant}: {host}: {got}");
        }
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("::ffff:127.0.0.1")]
    [InlineData("::1")]
    [InlineData("169.254.169.254")]
    [InlineData("fd00:ec2::254")]
    [InlineData("0.0.0.0")]
    [InlineData("fe80::1")]
    [InlineData("224.0.0.1")]
    [InlineData("64:ff9b::7f00:1")]
    public void ANameThatLeadsToASpecialAddress_IsProhibited(string address)
    {
        using HttpNetGuest g = HttpNetGuest.Start([$"http://api.test:{_inner.Port}", "http://*.test:*", "http://*:*"], new FakeNames().With("api.test", [address]));
        Assert.Equal("destination-IP-prohibited", g.Get($"api.test:{_inner.Port}"));
        string plain = address == "::ffff:127.0.0.1" ? "127.0.0.1" : address;
        Assert.Contains(g.Guest.Denials, d => d.Contains($"a connection for http://api.test:{_inner.Port} to {plain}, which is ", StringComparison.Ordinal));
    }

    [Fact]
    public void AnAnswerThatChanges_ChangesNothing()
    {
        // The name is looked up once for a connection, and what was checked is what is connected to.
        using var outer = new RawServer((_, s) => s.WriteAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"u8.ToArray()).AsTask(), "127.0.0.2");
        FakeNames names = new FakeNames().With("api.test", ["127.0.0.2"], ["127.0.0.1"]);
        using HttpNetGuest g = HttpNetGuest.Start([$"http://api.test:{outer.Port}", $"http://127.0.0.2:{outer.Port}"], names);
        Assert.Equal("200 ok", g.Get($"api.test:{outer.Port}"));
        Assert.Equal(["api.test"], names.Asked);
        Assert.Equal("destination-IP-prohibited", g.Get($"api.test:{outer.Port}")); // rebound: asked again, checked again
        Assert.Equal(["api.test", "api.test"], names.Asked);
    }

    [Fact]
    public void OfSeveralAddresses_OnlyThoseThatMayBeAreTried()
    {
        using var outer = new RawServer((_, s) => s.WriteAsync(System.Text.Encoding.UTF8.GetBytes(RawServer.Ok("outer"))).AsTask(), "127.0.0.2");
        FakeNames names = new FakeNames().With("api.test", ["127.0.0.1", "169.254.169.254", "127.0.0.2"]);
        using HttpNetGuest g = HttpNetGuest.Start(["http://api.test:*", "http://127.0.0.2:*"], names);
        Assert.Equal("200 outer", g.Get($"api.test:{outer.Port}"));
    }

    [Theory]
    [InlineData(301)]
    [InlineData(302)]
    [InlineData(303)]
    [InlineData(307)]
    [InlineData(308)]
    public void Redirects_AreTheGuestsBusiness(int status)
    {
        using var outer = new RawServer($"HTTP/1.1 {status} Moved\r\nLocation: http://{_inner.Authority}/\r\nContent-Length: 0\r\n\r\n");
        using HttpNetGuest g = HttpNetGuest.Start([$"http://{outer.Authority}"]);
        Assert.Equal($"{status} ", g.Get(outer.Authority));
        Assert.Equal("HTTP-request-denied", g.Get(_inner.Authority));
    }

    [Fact]
    public void Targets_ThatNameAnotherHost_AreRefusedOrSentToTheGrantedOne()
    {
        using var outer = new RawServer(RawServer.Ok("outer"));
        using HttpNetGuest g = HttpNetGuest.Start([$"http://{outer.Authority}"]);
        foreach (string path in (string[])[$"http://{_inner.Authority}/", $"{_inner.Authority}", "a", "*", "/a b", "/a\r\nHost: x", "/a\tb", "/a\0", "/#a", "/ HTTP/1.1\r\n\r\nGET /"])
        {
            Assert.Contains(g.Get(outer.Authority, path), (string[])["refused: path", "HTTP-request-URI-invalid"]);
        }

        Assert.Empty(outer.Requests);
        foreach (string path in (string[])[$"//{_inner.Authority}/", $"/@{_inner.Authority}/", $"/http://{_inner.Authority}/", "/..//../x", "/\\x", "?a=b", "/%0d%0aHost:x"])
        {
            Assert.Equal("200 outer", g.Get(outer.Authority, path));
            outer.Requests.TryDequeue(out RawRequest? r);
            Assert.Equal($"GET {(path[0] == '?' ? "/" : "")}{path} HTTP/1.1", r!.Line);
            Assert.Equal(outer.Authority, r.Header("Host"));
        }
    }

    [Fact]
    public void Authorities_ThatHideAnother_AreRefused()
    {
        using var outer = new RawServer(RawServer.Ok("outer"));
        using HttpNetGuest g = HttpNetGuest.Start([$"http://{outer.Authority}", "http://*.test:*"]);
        foreach (string authority in (string[])[$"{outer.Authority}@{_inner.Authority}", $"user:pw@{_inner.Authority}", $"{_inner.Authority}#{outer.Authority}", $"{_inner.Authority}/{outer.Authority}",
            $"{_inner.Authority}?{outer.Authority}", $"{_inner.Authority}\\{outer.Authority}", $"{_inner.Authority} {outer.Authority}", $"{_inner.Authority}\r\n", $"{outer.Authority}:80", "127.0.0.1:99999", "127.0.0.1:", ":80", "a..test", "-a.test"])
        {
            Assert.Contains(g.Get(authority), (string[])["refused: authority", "HTTP-request-URI-invalid", "HTTP-request-denied"]);
        }

        Assert.Empty(outer.Requests);
    }

    [Fact]
    public void Headers_OfTheConnection_AreNotTheGuests()
    {
        using HttpNetGuest g = HttpNetGuest.Start(["http://127.0.0.1:*"]);
        foreach (string name in (string[])["Host", "HOST", "Connection", "Keep-Alive", "Transfer-Encoding", "Upgrade", "Proxy-Connection", "Proxy-Authorization", "Proxy-Authenticate", "HTTP2-Settings"])
        {
            Assert.Equal("err(forbidden)", g.Show("[static]fields.from-list", List(Pair(S(name), Guest.Text("x")))));
        }

        foreach ((string name, string value) in ((string, string)[])[("a b", "x"), ("a:", "x"), ("", "x"), (":authority", "x"), ("a\r\nb", "x"), ("a", "x\r\nHost: y"), ("a", "x\ny"), ("a", "x\0")])
        {
            Assert.Equal("err(invalid-syntax)", g.Show("[static]fields.from-list", List(Pair(S(name), Guest.Text(value)))));
        }
    }

    [Fact]
    public void Schemes_AndMethods_ThatLeadElsewhere_AreRefused()
    {
        using HttpNetGuest g = HttpNetGuest.Start([$"http://{_inner.Authority}"]);
        Assert.Equal("HTTP-protocol-error", g.Get(_inner.Authority, scheme: "ftp"));
        Assert.Equal("HTTP-protocol-error", g.Get(_inner.Authority, scheme: "ws"));
        Assert.Equal("HTTP-request-denied", g.Get(_inner.Authority, scheme: "HTTPS"));
        Assert.Equal("HTTP-request-method-invalid", g.Send(g.Request(_inner.Authority, method: "connect")));
    }

    [Fact]
    public void Proxies_OfTheHostsEnvironment_AreNotUsed()
    {
        // The process has read its environment long ago, so the client's own setting is what is looked at.
        using var outer = new RawServer(RawServer.Ok("outer"));
        IWebProxy before = HttpClient.DefaultProxy;
        HttpClient.DefaultProxy = new WebProxy($"http://{_inner.Authority}");
        try
        {
            using HttpNetGuest g = HttpNetGuest.Start([$"http://{outer.Authority}"]);
            Assert.Equal("200 outer", g.Get(outer.Authority));
        }
        finally
        {
            HttpClient.DefaultProxy = before;
        }
    }

    [Fact]
    public void Connections_OfOneComponent_AreNotAnothers()
    {
        using var outer = new RawServer(RawServer.Ok("outer"));
        FakeNames names = new FakeNames().With("api.test", ["127.0.0.1"]);
        CapabilitySet set = HttpNetGuest.Set(names);
        AppComponent granted = HttpNetGuest.Component(["http://api.test:*", "http://127.0.0.1:*"]), byName = HttpNetGuest.Component(["http://api.test:*"]);
        using HttpNetGuest a = HttpNetGuest.Start(set, granted);
        Assert.Equal("200 outer", a.Get($"api.test:{outer.Port}")); // now a connection is there for this host and port
        using HttpNetGuest b = HttpNetGuest.Start(set, byName);
        Assert.Equal("destination-IP-prohibited", b.Get($"api.test:{outer.Port}"));
        using HttpNetGuest again = HttpNetGuest.Start(set, granted);
        Assert.Equal("200 outer", again.Get($"api.test:{outer.Port}"));
        Assert.Equal(1, outer.Connections);
    }
}
