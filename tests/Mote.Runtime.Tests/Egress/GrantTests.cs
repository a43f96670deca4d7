// Network grants: what is written, what it allows, and what is refused with which words.
using System.Net;
using Mote.Runtime.Egress;

namespace Mote.Runtime.Tests.Egress;

public sealed class GrantTests
{
    private static HttpGrant Http(string text)
    {
        Assert.True(HttpGrant.TryParse(text, out HttpGrant? grant, out string? fault), fault);
        return grant;
    }

    private static SocketGrant Socket(string text)
    {
        Assert.True(SocketGrant.TryParse(text, out SocketGrant? grant, out string? fault), fault);
        return grant;
    }

    private static Authority To(string text, int port = 80)
    {
        Assert.True(Authority.TryParse(text, port, out Authority? authority), text);
        return authority;
    }

    // ---- http ----

    [Theory]
    [InlineData("https://api.example.com", "https", "api.example.com", true)]
    [InlineData("https://api.example.com", "https", "API.Example.COM.", true)]
    [InlineData("https://api.example.com", "https", "api.example.com:443", true)]
    [InlineData("https://api.example.com", "https", "api.example.com:444", false)]
    [InlineData("https://api.example.com", "http", "api.example.com:443", false)]
    [InlineData("https://api.example.com", "https", "example.com", false)]
    [InlineData("https://api.example.com", "https", "x.api.example.com", false)]
    [InlineData("https://api.example.com", "https", "api.example.com.evil.net", false)]
    [InlineData("http://*.plant.local:8080", "http", "a.plant.local:8080", true)]
    [InlineData("http://*.plant.local:8080", "http", "a.b.plant.local:8080", true)]
    [InlineData("http://*.plant.local:8080", "http", "plant.local:8080", false)]
    [InlineData("http://*.plant.local:8080", "http", "xplant.local:8080", false)]
    [InlineData("http://*.plant.local:8080", "http", "a.plant.local", false)]
    [InlineData("http://*", "http", "anything.net", true)]
    [InlineData("http://*", "http", "8.8.8.8", true)]
    [InlineData("http://*", "http", "127.0.0.1", false)]
    [InlineData("http://*", "http", "10.0.0.1", false)]
    [InlineData("http://127.0.0.1:*", "http", "127.0.0.1:9999", true)]
    [InlineData("http://127.0.0.1:*", "http", "127.0.0.2:9999", false)]
    [InlineData("http://127.0.0.1:*", "http", "localhost:9999", false)]
    [InlineData("http://127.0.0.1:*", "http", "[::ffff:127.0.0.1]:9999", true)]
    [InlineData("http://[::1]:*", "http", "[::1]:1", true)]
    [InlineData("http://10.0.0.0/8:8000-8010", "http", "10.2.3.4:8010", true)]
    [InlineData("http://10.0.0.0/8:8000-8010", "http", "10.2.3.4:8011", false)]
    [InlineData("http://0.0.0.0/0:*", "http", "169.254.169.254:80", false)]
    [InlineData("http://0.0.0.0/0:*", "http", "127.0.0.1:80", false)]
    [InlineData("http://0.0.0.0/0:*", "http", "10.0.0.1:80", true)]
    [InlineData("http://[::/0]:*", "http", "[64:ff9b::7f00:1]:80", false)]
    [InlineData("http://[64:ff9b::/96]:*", "http", "[64:ff9b::7f00:1]:80", false)]
    [InlineData("http://[64:ff9b::7f00:1]:*", "http", "[64:ff9b::7f00:1]:80", true)]
    [InlineData("http://169.254.0.0/16", "http", "169.254.1.1", true)]
    [InlineData("http://169.254.0.0/16", "http", "169.254.169.254", false)] // a metadata service is named by itself
    [InlineData("http://169.254.169.254", "http", "169.254.169.254", true)]
    [InlineData("http://0.0.0.0/8", "http", "0.0.0.0", false)]
    [InlineData("http://127.0.0.0/8", "http", "127.1.1.1", true)]
    [InlineData("http://bücher.example", "http", "xn--bcher-kva.example", true)]
    public void Http_Request_IsAllowedWhereItsAuthorityIsGranted(string grant, string scheme, string authority, bool allowed) =>
        Assert.Equal(allowed, Http(grant).AllowsRequest(scheme, To(authority, HttpGrant.DefaultPort(scheme))));

    [Theory]
    [InlineData("http://api.test", "api.test", "93.184.216.34", true)]
    [InlineData("http://api.test", "api.test", "192.168.7.7", true)] // a factory's own network
    [InlineData("http://api.test", "api.test", "fd00::7", true)]
    [InlineData("http://api.test", "api.test", "127.0.0.1", false)]
    [InlineData("http://api.test", "api.test", "::1", false)]
    [InlineData("http://api.test", "api.test", "::ffff:127.0.0.1", false)]
    [InlineData("http://api.test", "api.test", "169.254.169.254", false)]
    [InlineData("http://api.test", "api.test", "fe80::1", false)]
    [InlineData("http://api.test", "api.test", "0.0.0.0", false)]
    [InlineData("http://api.test", "api.test", "224.0.0.1", false)]
    [InlineData("http://api.test", "api.test", "64:ff9b::a9fe:a9fe", false)]
    [InlineData("http://api.test", "api.test", "2002:7f00:1::1", false)]
    [InlineData("http://*.test", "api.test", "127.0.0.1", false)]
    [InlineData("http://*.localhost", "x.localhost", "127.0.0.1", false)]
    [InlineData("http://localhost", "localhost", "127.0.0.1", true)]
    [InlineData("http://localhost", "localhost", "::1", true)]
    [InlineData("http://localhost", "localhost", "169.254.169.254", false)]
    [InlineData("http://*", "api.test", "93.184.216.34", true)]
    [InlineData("http://*", "api.test", "10.0.0.1", false)]
    [InlineData("http://*", "localhost", "127.0.0.1", false)]
    [InlineData("http://127.0.0.1", "api.test", "127.0.0.1", true)] // the address itself is granted, whatever led to it
    public void Http_Connection_IsAllowedByItsAddress(string grant, string authority, string address, bool allowed) =>
        Assert.Equal(allowed, Http(grant).AllowsConnection("http", To(authority), IPAddress.Parse(address)));

    [Theory]
    [InlineData("api.example.com", "begins with none of http://, https://")]
    [InlineData("ftp://api.example.com", "begins with none of")]
    [InlineData("HTTP://api.example.com", "begins with none of")]
    [InlineData("https://api.example.com/", "a grant has no path")]
    [InlineData("https://api.example.com:8080/v1", "a grant has no path")]
    [InlineData("https://user@api.example.com", "user name")]
    [InlineData("https://", "is not scheme://host:port")]
    [InlineData("https://:80", "is not scheme://host:port")]
    [InlineData("https://a:", "is not scheme://host:port")]
    [InlineData("https://a:65536", "is no port")]
    [InlineData("https://a:8-7", "is no port")]
    [InlineData("https://a:+1", "is no port")]
    [InlineData("https://a:0", "nothing listens on port 0")]
    [InlineData("https://a.*.com", "* stands alone or as the first label")]
    [InlineData("https://*a.com", "* stands alone or as the first label")]
    [InlineData("https://*.*.com", "* stands alone or as the first label")]
    [InlineData("https://*.", "* stands alone or as the first label")]
    [InlineData("http://fd00::1", "stands in brackets")]
    [InlineData("http://[fe80::1%eth0]", "has a % in it")]
    [InlineData("http://2130706433", "neither a host name nor an address of four decimal numbers")]
    [InlineData("http://0x7f000001", "neither a host name")]
    [InlineData("http://0177.0.0.1", "neither a host name")]
    [InlineData("http://127.1", "neither a host name")]
    [InlineData("http://a..b", "neither a host name")]
    [InlineData("http://-a.b", "neither a host name")]
    [InlineData("http://a b", "neither a host name")]
    [InlineData("http://0.0.0.0:80", "is no address to connect to")]
    [InlineData("http://255.255.255.255", "is no address to connect to")]
    [InlineData("http://10.0.0.1/8", "no block of addresses")]
    public void Http_Fault_IsExplained(string text, string words)
    {
        Assert.False(HttpGrant.TryParse(text, out HttpGrant? grant, out string? fault));
        Assert.Null(grant);
        Assert.Contains(words, fault, StringComparison.Ordinal);
    }

    // ---- sockets ----

    [Theory]
    [InlineData("tcp://db.local:5432", SocketUse.Tcp, "db.local", "10.0.0.5", 5432, true)]
    [InlineData("tcp://db.local:5432", SocketUse.Tcp, "db.local", "10.0.0.5", 5433, false)]
    [InlineData("tcp://db.local:5432", SocketUse.Tcp, null, "10.0.0.5", 5432, false)]
    [InlineData("tcp://db.local:5432", SocketUse.Tcp, "other.local", "10.0.0.5", 5432, false)]
    [InlineData("tcp://db.local:5432", SocketUse.Udp, "db.local", "10.0.0.5", 5432, false)]
    [InlineData("tcp://db.local:5432", SocketUse.Tcp, "db.local", "127.0.0.1", 5432, false)]
    [InlineData("udp://10.0.0.0/8:514", SocketUse.Udp, null, "10.9.9.9", 514, true)]
    [InlineData("udp://10.0.0.0/8:514", SocketUse.Udp, null, "11.9.9.9", 514, false)]
    [InlineData("udp://224.0.0.251:5353", SocketUse.Udp, null, "224.0.0.251", 5353, true)]
    [InlineData("tcp://*:*", SocketUse.Tcp, null, "8.8.8.8", 53, true)]
    [InlineData("tcp://*:*", SocketUse.Tcp, null, "192.168.0.1", 53, false)]
    public void Socket_Peer_IsAllowedByItsAddress(string grant, SocketUse use, string? name, string address, int port, bool allowed) =>
        Assert.Equal(allowed, Socket(grant).AllowsPeer(use, name, new IPEndPoint(IPAddress.Parse(address), port)));

    [Theory]
    [InlineData("tcp-listen://127.0.0.1:8080", SocketUse.TcpListen, "127.0.0.1", 8080, true)]
    [InlineData("tcp-listen://127.0.0.1:8080", SocketUse.TcpListen, "127.0.0.1", 0, false)]
    [InlineData("tcp-listen://127.0.0.1:8080", SocketUse.TcpListen, "0.0.0.0", 8080, false)]
    [InlineData("tcp-listen://127.0.0.1:0", SocketUse.TcpListen, "127.0.0.1", 0, true)]
    [InlineData("tcp-listen://0.0.0.0:8080", SocketUse.TcpListen, "127.0.0.1", 8080, true)]
    [InlineData("tcp-listen://0.0.0.0:8080", SocketUse.TcpListen, "::", 8080, false)]
    [InlineData("tcp-listen://[::]:8080", SocketUse.TcpListen, "::1", 8080, true)]
    [InlineData("tcp-listen://localhost:*", SocketUse.TcpListen, "::1", 0, true)]
    [InlineData("tcp-listen://localhost:*", SocketUse.TcpListen, "0.0.0.0", 80, false)]
    [InlineData("udp-listen://*:514", SocketUse.UdpListen, "::", 514, true)]
    [InlineData("udp-listen://*:514", SocketUse.TcpListen, "::", 514, false)]
    public void Socket_Binding_IsAllowedByItsAddress(string grant, SocketUse use, string address, int port, bool allowed) =>
        Assert.Equal(allowed, Socket(grant).AllowsBinding(use, new IPEndPoint(IPAddress.Parse(address), port)));

    [Theory]
    [InlineData("tcp://db.local", "names no port")]
    [InlineData("tcp-listen://127.0.0.1", "names no port")]
    [InlineData("tcp-listen://db.local:80", "is a name")]
    [InlineData("tcp-listen://*.localhost:80", "is a name")]
    [InlineData("tcp://db.local:0", "nothing listens on port 0")]
    [InlineData("http://db.local:1", "begins with none of tcp://, udp://, tcp-listen://, udp-listen://")]
    public void Socket_Fault_IsExplained(string text, string words)
    {
        Assert.False(SocketGrant.TryParse(text, out _, out string? fault));
        Assert.Contains(words, fault, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("tcp://db.local:1", "db.local", true)]
    [InlineData("tcp://db.local:1", "x.local", false)]
    [InlineData("udp://*.local:1", "x.local", true)]
    [InlineData("tcp://*:1", "x.net", true)]
    [InlineData("tcp-listen://*:1", "x.net", false)]
    [InlineData("tcp://10.0.0.0/8:1", "x.net", false)] // a block of addresses lets nobody ask for names
    public void Socket_Lookup_NeedsTheName(string grant, string name, bool allowed) => Assert.Equal(allowed, Socket(grant).AllowsName(name));

    // ---- authorities ----

    [Theory]
    [InlineData("2130706433")]
    [InlineData("0x7f.1")]
    [InlineData("127.0.0.1.")]
    [InlineData("a@b")]
    [InlineData("a:b@c")]
    [InlineData("a/b")]
    [InlineData("a?b")]
    [InlineData("a#b")]
    [InlineData("a\\b")]
    [InlineData("a b")]
    [InlineData("a\r\nb")]
    [InlineData("a\tb")]
    [InlineData("a%2eb")]
    [InlineData("::1")]
    [InlineData("[::1")]
    [InlineData("[::1]x")]
    [InlineData("[::1%lo]")]
    [InlineData("[127.0.0.1]")]
    [InlineData("a:")]
    [InlineData("a:0")]
    [InlineData("a:65536")]
    [InlineData("a:080000")]
    [InlineData("a:80:90")]
    [InlineData(":80")]
    [InlineData("")]
    [InlineData(".")]
    public void Authority_ThatIsNone_IsRefused(string text) => Assert.False(Authority.TryParse(text, 80, out _));

    [Fact]
    public void Names_LookLikeNumbersInAnyScript_AreNone()
    {
        foreach (string text in (string[])["１２７.0.0.1", "127。0。0。1", "①②⑦.0.0.1", "٠x7f000001"])
        {
            if (Authority.TryParse(text, 80, out Authority? a)) Assert.True(a.Name is not null && !IPAddress.TryParse(a.Name, out _), $"{text} became {a}");
        }
    }

    // ---- properties ----

    /// <summary>Text that is nearly a grant: whatever is read says the same when written and read again, and decides alike.</summary>
    [Fact]
    public void Grants_OfRandomText_AreReadOrRefused_AndAreWhatTheySay()
    {
        var random = new Random(Seeds.Of(11));
        string[] pieces = ["http", "https", "tcp", "udp", "tcp-listen", "udp-listen", "://", ":", "*", ".", "*.", "a", "b-c", "example", "local", "localhost", "127.0.0.1", "10.0.0.0", "/8", "/0", "[", "]", "::1", "fd00::", "/", "8080", "0", "80-90", "%", "@", "ü", "\n", "\0", " ", "0x1", "999"];
        IPAddress[] addresses = [.. ((string[])["127.0.0.1", "10.0.0.5", "8.8.8.8", "169.254.169.254", "::1", "fd00::1", "0.0.0.0"]).Select(IPAddress.Parse)];
        int http = 0, sockets = 0;
        for (int i = 0; i < Seeds.Times(100_000, 5_000_000); i++)
        {
            string text = random.Next(2) == 0
                ? string.Concat(Enumerable.Range(0, random.Next(1, 9)).Select(_ => pieces[random.Next(pieces.Length)]))
                : $"{pieces[random.Next(6)]}://{string.Concat(Enumerable.Range(0, random.Next(1, 4)).Select(_ => pieces[random.Next(8, pieces.Length)]))}:{pieces[random.Next(25, 28)]}";
            if (HttpGrant.TryParse(text, out HttpGrant? h, out string? hf))
            {
                http++;
                HttpGrant again = Http(h.ToString());
                Assert.Equal(h, again);
                foreach (IPAddress a in addresses) Assert.Equal(h.AllowsConnection("http", To("example"), a), again.AllowsConnection("http", To("example"), a));
            }
            else
            {
                Assert.NotEmpty(hf);
            }

            if (SocketGrant.TryParse(text, out SocketGrant? s, out string? sf))
            {
                sockets++;
                Assert.Equal(s, Socket(s.ToString()));
            }
            else
            {
                Assert.NotEmpty(sf);
            }
        }

        Assert.True(http > 1000 && sockets > 1000, $"{http} {sockets}");
    }

    /// <summary>The rule that everything else rests on: a name never leads to a special address, save localhost to this machine.</summary>
    [Fact]
    public void Names_NeverLeadToSpecialAddresses()
    {
        var random = new Random(Seeds.Of(13));
        HttpGrant[] grants = [Http("http://api.test:*"), Http("http://*.test:*"), Http("http://*:*"), Http("http://localhost:*"), Http("http://0.0.0.0/0:*"), Http("http://[::/0]:*"), Http("http://10.0.0.0/8:*")];
        Authority[] names = [To("api.test"), To("localhost"), To("x.test")];
        var v4 = new byte[4];
        var v6 = new byte[16];
        for (int i = 0; i < Seeds.Times(100_000, 5_000_000); i++)
        {
            random.NextBytes(v4);
            random.NextBytes(v6);
            if (i % 4 == 0) v4[0] = (byte)(i % 8 == 0 ? 127 : 169);
            if (i % 5 == 0) v6.AsSpan(0, 12).Clear();
            if (i % 10 == 0) (v6[10], v6[11]) = (0xff, 0xff);
            IPAddress a = i % 2 == 0 ? new IPAddress(v4) : new IPAddress(v6);
            AddressKind kind = AddressKinds.Of(a);
            if (!kind.IsSpecial()) continue;
            foreach (HttpGrant g in grants)
            {
                foreach (Authority name in names)
                {
                    bool local = kind == AddressKind.Loopback && g.Host.Name == "localhost" && name.Name == "localhost";
                    Assert.True(g.AllowsConnection("http", name, a) == local, $"{g} for {name} allows {a} ({kind})");
                }
            }
        }
    }
}
