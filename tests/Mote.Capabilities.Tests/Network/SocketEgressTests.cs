// No socket reaches what was not granted: a listening server counts who comes, and nobody may.
using System.Net;
using System.Net.Sockets;
using Mote.Components;
using static Mote.Capabilities.Tests.Guest;

namespace Mote.Capabilities.Tests.Network;

public sealed class SocketEgressTests : IDisposable
{
    private readonly Socket _server = NetGuest.Listener();
    private readonly Socket _udp = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);

    public SocketEgressTests() => _udp.Bind(new IPEndPoint(IPAddress.Loopback, 0));

    private int Port => NetGuest.At(_server).Port;

    public void Dispose()
    {
        // Whatever a test did, nobody came: a connection would be in the queue by now, as loopback connects at once.
        Assert.False(_server.Poll(0, SelectMode.SelectRead), "somebody connected");
        Assert.Equal(0, _udp.Available);
        _server.Dispose();
        _udp.Dispose();
    }

    private static string Connect(NetGuest g, string address, int port, string family = "ipv4") =>
        g.Show("tcp-socket.start-connect", g.Tcp(family), g.Network, NetGuest.Address(address, port));

    private static void LookUp(NetGuest g, string name)
    {
        Value stream = g.Guest.Ok(Wasi.Lookup, "resolve-addresses", g.Network, S(name))!;
        while (Show(g.Ok("resolve-address-stream.resolve-next-address", stream)) != "none")
        {
        }
    }

    [Fact]
    public void Tcp_WithoutAnyGrant_HasNoSocket()
    {
        using NetGuest g = NetGuest.Start([]);
        Assert.Equal("err(access-denied)", Show(g.Guest.Call(Wasi.CreateTcp, "create-tcp-socket", new EnumValue("ipv4"))));
        Assert.Equal("err(access-denied)", Show(g.Guest.Call(Wasi.CreateUdp, "create-udp-socket", new EnumValue("ipv4"))));
        Assert.Contains(g.Guest.Denials, d => d.Contains("sockets = [\"tcp://HOST:PORT\"]", StringComparison.Ordinal));
    }

    [Fact]
    public void Tcp_ToWhatIsNotGranted_IsDenied_AndTheLineIsTold()
    {
        using NetGuest g = NetGuest.Start(["tcp://127.0.0.1:1", "tcp://8.8.8.8:*", "udp://127.0.0.1:*"]);
        Assert.Equal("err(access-denied)", Connect(g, "127.0.0.1", Port));
        Assert.Contains($"component `guest` was denied tcp://127.0.0.1:{Port} (this machine); to allow it, put under [component.guest.grants]: sockets = [\"tcp://127.0.0.1:{Port}\"]", g.Guest.Denials);
    }

    [Theory]
    [InlineData("tcp://*:*")]
    [InlineData("tcp://0.0.0.0/0:*")]
    [InlineData("tcp://0.0.0.0/1:*")]
    [InlineData("tcp://*.test:*")]
    [InlineData("tcp://127.0.0.2:*")]
    [InlineData("tcp-listen://*:*")]
    public void Tcp_ToThisMachine_IsDeniedThroughAnyWideGrant(string grant)
    {
        using NetGuest g = NetGuest.Start([grant]);
        Assert.Equal("err(access-denied)", Connect(g, "127.0.0.1", Port));
        Assert.Equal("err(invalid-argument)", Connect(g, "0.0.0.0", Port));
        Assert.Equal("err(invalid-argument)", Connect(g, "::ffff:127.0.0.1", Port, "ipv6"));
        foreach (string dressed in (string[])["::127.0.0.1", "::ffff:0:127.0.0.1", "64:ff9b::127.0.0.1", "2002:7f00:1::1", "::1", "fe80::1", "fd00:ec2::254"])
        {
            Assert.Equal("err(access-denied)", Connect(g, dressed, Port, "ipv6"));
        }

        Assert.Equal("err(access-denied)", Connect(g, "169.254.169.254", 80));
        Assert.Equal("err(access-denied)", Connect(g, "100.100.100.200", 80));
    }

    [Theory]
    [InlineData("tcp://*:*")]
    [InlineData("tcp://*.test:*")]
    [InlineData("tcp://evil.test:*")]
    public void Tcp_ToANameThatLeadsToThisMachine_IsDenied(string grant)
    {
        FakeNames names = new FakeNames().With("evil.test", ["127.0.0.1", "::1", "169.254.169.254", "0.0.0.0"]);
        using NetGuest g = NetGuest.Start([grant], names);
        LookUp(g, "evil.test");
        Assert.Equal("err(access-denied)", Connect(g, "127.0.0.1", Port));
        Assert.Equal("err(access-denied)", Connect(g, "169.254.169.254", 80));
        Assert.Equal("err(access-denied)", Connect(g, "::1", Port, "ipv6"));
    }

    [Fact]
    public void Tcp_ToAnAddressThatNoGrantedNameLedTo_IsDenied()
    {
        // The answer changes: only what the guest was told, and what is no special address, may be used.
        FakeNames names = new FakeNames().With("api.test", ["198.18.0.1"], ["127.0.0.1"]).With("other.test", ["198.18.0.9"]);
        using NetGuest g = NetGuest.Start([$"tcp://api.test:{Port}", "tcp://other.test:1"], names);
        Assert.Equal("err(access-denied)", Connect(g, "198.18.0.1", Port)); // not asked for yet
        LookUp(g, "api.test");
        LookUp(g, "other.test");
        LookUp(g, "api.test");
        Assert.Equal("err(access-denied)", Connect(g, "127.0.0.1", Port));
        Assert.Equal("err(access-denied)", Connect(g, "198.18.0.1", Port + 1));
        Assert.Equal("err(access-denied)", Connect(g, "198.18.0.9", Port)); // the other name's address on this name's port
        Assert.Equal("err(access-denied)", Connect(g, "198.18.0.2", Port));
    }

    [Fact]
    public void Tcp_ThroughAGrantedName_ReachesWhatItLedTo()
    {
        using Socket server = NetGuest.Listener();
        using NetGuest g = NetGuest.Start([$"tcp://localhost:{NetGuest.At(server).Port}"], new FakeNames().With("localhost", ["127.0.0.1"]));
        Assert.Equal("err(access-denied)", Connect(g, "127.0.0.1", NetGuest.At(server).Port));
        LookUp(g, "localhost");
        g.Connect(g.Tcp(), NetGuest.At(server));
        server.Accept().Dispose();
    }

    [Fact]
    public void Udp_ToWhatIsNotGranted_SendsNothing()
    {
        IPEndPoint target = NetGuest.At(_udp);
        using NetGuest g = NetGuest.Start(["udp://*:*", "udp://0.0.0.0/0:*", "udp-listen://*:*", "tcp://127.0.0.1:*"], new FakeNames().With("evil.test", ["127.0.0.1"]));
        LookUp(g, "evil.test");
        Value socket = g.Udp();
        g.Bind(socket, "udp-socket", "127.0.0.1");
        (Value _, Value output) = g.Datagrams(socket);
        Assert.Equal("err(access-denied)", g.Send(output, "x", target));
        Assert.Equal("err(invalid-argument)", g.Send(output, "x", new IPEndPoint(IPAddress.Any, target.Port)));
        Assert.Equal("err(access-denied)", g.Send(output, "x", new IPEndPoint(IPAddress.Broadcast, target.Port)));
        Assert.Equal("err(access-denied)", g.Send(output, "x", new IPEndPoint(IPAddress.Parse("224.0.0.1"), target.Port)));
        Assert.Equal("err(access-denied)", g.Send(output, "x", new IPEndPoint(IPAddress.Parse("169.254.169.254"), 80)));
        Assert.Equal("err(access-denied)", g.Show("udp-socket.stream", socket, Some(NetGuest.Address("127.0.0.1", target.Port))));
        Assert.Equal("err(access-denied)", g.Send(output, "x", target));
    }

    [Fact]
    public void Udp_Batch_StopsAtTheFirstThatIsNotGranted()
    {
        using var granted = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        granted.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        using NetGuest g = NetGuest.Start([$"udp://127.0.0.1:{NetGuest.At(granted).Port}"]);
        Value socket = g.Udp();
        g.Bind(socket, "udp-socket", "0.0.0.0");
        (Value _, Value output) = g.Datagrams(socket);
        g.Ok("outgoing-datagram-stream.check-send", output);
        Value To(IPEndPoint at) => new RecordValue([new("data", Text("x")), new("remote-address", Some(NetGuest.Address(at.Address.ToString(), at.Port)))]);
        Assert.Equal("ok(1)", g.Show("outgoing-datagram-stream.send", output, List(To(NetGuest.At(granted)), To(NetGuest.At(_udp)), To(NetGuest.At(granted)))));
        Assert.Equal(1, granted.Available);
    }

    [Fact]
    public void Listening_WithoutAGrant_IsDenied()
    {
        using NetGuest g = NetGuest.Start(["tcp://127.0.0.1:*", "udp://127.0.0.1:*", "tcp-listen://127.0.0.1:1-1023"]);
        Value tcp = g.Tcp();
        g.Bind(tcp, "tcp-socket", "127.0.0.1"); // a port of the system's choice, to connect from
        Assert.Equal("err(access-denied)", g.Show("tcp-socket.start-listen", tcp));
        using (var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp))
        {
            Assert.Equal(SocketError.ConnectionRefused, Assert.Throws<SocketException>(() => client.Connect(g.LocalAddress("tcp-socket", tcp))).SocketErrorCode);
        }

        Assert.Equal("err(access-denied)", g.Show("tcp-socket.start-bind", g.Tcp(), g.Network, NetGuest.Address("127.0.0.1", 2000)));
        Assert.Equal("err(access-denied)", g.Show("tcp-socket.start-bind", g.Tcp(), g.Network, NetGuest.Address("0.0.0.0", 80)));
        Assert.Equal("err(access-denied)", g.Show("udp-socket.start-bind", g.Udp(), g.Network, NetGuest.Address("127.0.0.1", 2000)));
        Assert.Contains(g.Guest.Denials, d => d.EndsWith("sockets = [\"tcp-listen://127.0.0.1:0\"]", StringComparison.Ordinal));
        Assert.Contains(g.Guest.Denials, d => d.EndsWith("sockets = [\"udp-listen://127.0.0.1:2000\"]", StringComparison.Ordinal));
    }

    [Fact]
    public void TwoInstances_ShareNoLookups()
    {
        FakeNames names = new FakeNames().With("localhost", ["127.0.0.1"]);
        using NetGuest first = NetGuest.Start(["tcp://localhost:*"], names);
        LookUp(first, "localhost");
        using NetGuest second = NetGuest.Start(["tcp://localhost:*"], names);
        Assert.Equal("err(access-denied)", Connect(second, "127.0.0.1", Port));
    }
}
