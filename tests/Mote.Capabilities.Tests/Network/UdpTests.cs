// wasi:sockets/udp: real datagrams over loopback, called as a guest calls.
using System.Net;
using System.Net.Sockets;
using System.Text;
using Mote.Components;
using Mote.Runtime;
using Mote.Wasmtime;
using static Mote.Capabilities.Tests.Guest;

namespace Mote.Capabilities.Tests.Network;

public sealed class UdpTests
{
    private static Socket Server()
    {
        var s = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = 20_000 };
        s.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return s;
    }

    private static (string Text, IPEndPoint From) Receive(Socket s)
    {
        var buffer = new byte[2000];
        EndPoint from = new IPEndPoint(IPAddress.Any, 0);
        int n = s.ReceiveFrom(buffer, ref from);
        return (Encoding.UTF8.GetString(buffer, 0, n), (IPEndPoint)from);
    }

    /// <summary>Waits for datagrams and shows their text.</summary>
    private static string[] Receive(NetGuest g, Value input, int most = 16)
    {
        while (true)
        {
            g.Wait("incoming-datagram-stream", input);
            var list = (ListValue)g.Ok("incoming-datagram-stream.receive", input, U((ulong)most))!;
            if (list.Items.Count > 0) return [.. list.Items.Select(d => TextOf(((RecordValue)d).Fields[0].Value))];
        }
    }

    [Fact]
    public void Datagrams_GoToAPeerAndBack()
    {
        using Socket server = Server();
        using NetGuest g = NetGuest.Start(["udp://127.0.0.1:*"]);
        Value socket = g.Udp();
        g.Bind(socket, "udp-socket", "0.0.0.0");
        (Value input, Value output) = g.Datagrams(socket);
        Assert.Equal("ok(0)", g.Show("outgoing-datagram-stream.send", output, List()));
        Assert.Equal("ok(1)", g.Send(output, "one", NetGuest.At(server)));
        (string text, IPEndPoint from) = Receive(server);
        Assert.Equal(("one", g.LocalAddress("udp-socket", socket).Port), (text, from.Port));
        Assert.Equal("ok([])", g.Show("incoming-datagram-stream.receive", input, U(16)));
        for (int i = 0; i < 3; i++) server.SendTo(Encoding.UTF8.GetBytes($"re{i}"), from);
        Assert.Equal(["re0"], Receive(g, input, 1));
        Assert.Equal("ok([])", g.Show("incoming-datagram-stream.receive", input, U(0)));
        Assert.Equal(["re1", "re2"], (string[])[.. Receive(g, input, 1), .. Receive(g, input, 1)]);
        Assert.Equal("err(invalid-argument)", g.Send(output, "nobody"));
        Assert.Equal("err(datagram-too-large)", g.Send(output, new string('x', 65536), NetGuest.At(server)));
        Assert.Equal("ok(1)", g.Send(output, "", NetGuest.At(server)));
        Assert.Equal("", Receive(server).Text);
    }

    [Fact]
    public void Stream_WithAPeer_HearsOnlyIt_AndChangesToAnother()
    {
        using Socket one = Server();
        using Socket two = Server();
        using NetGuest g = NetGuest.Start(["udp://127.0.0.1:*"]);
        Value socket = g.Udp();
        g.Bind(socket, "udp-socket", "127.0.0.1");
        IPEndPoint me = g.LocalAddress("udp-socket", socket);
        (Value input, Value output) = g.Datagrams(socket, NetGuest.At(one));
        Assert.Equal(NetGuest.At(one), NetGuest.EndPoint(g.Ok("udp-socket.remote-address", socket)!));
        Assert.Equal("ok(1)", g.Send(output, "a"));
        Assert.Equal("ok(1)", g.Send(output, "b", NetGuest.At(one)));
        Assert.Equal("err(invalid-argument)", g.Send(output, "c", NetGuest.At(two)));
        Assert.Equal(("a", "b"), (Receive(one).Text, Receive(one).Text));
        two.SendTo("not for you"u8, me);
        one.SendTo("for you"u8, me);
        Assert.Equal(["for you"], Receive(g, input));

        // To another peer, and then to many: the streams from before are over.
        (Value input2, Value output2) = g.Datagrams(socket, NetGuest.At(two));
        Assert.Equal("err(invalid-state)", g.Show("outgoing-datagram-stream.check-send", output));
        Assert.Equal("err(invalid-state)", g.Show("incoming-datagram-stream.receive", input, U(1)));
        Assert.Equal("ok(1)", g.Send(output2, "d"));
        Assert.Equal("d", Receive(two).Text);
        (Value input3, Value output3) = g.Datagrams(socket);
        Assert.Equal("err(invalid-state)", g.Show("udp-socket.remote-address", socket));
        Assert.Equal("ok(1)", g.Send(output3, "e", NetGuest.At(one)));
        Assert.Equal("e", Receive(one).Text);
        one.SendTo("f"u8, me);
        Assert.Equal(["f"], Receive(g, input3));
        Assert.Equal(me.Port, g.LocalAddress("udp-socket", socket).Port);
    }

    [Fact]
    public void Send_ToAClosedPort_IsToldAsRefused()
    {
        IPEndPoint nobody;
        using (Socket s = Server()) nobody = NetGuest.At(s);
        using NetGuest g = NetGuest.Start(["udp://127.0.0.1:*"]);
        Value socket = g.Udp();
        g.Bind(socket, "udp-socket", "127.0.0.1");
        (Value input, Value output) = g.Datagrams(socket, nobody);
        Assert.Equal("ok(1)", g.Send(output, "a"));
        g.Wait("incoming-datagram-stream", input);
        Assert.Equal("err(connection-refused)", g.Show("incoming-datagram-stream.receive", input, U(1)));
    }

    [Fact]
    public void Listening_HearsAnybody_AndMayAnswerWhoAsked()
    {
        using Socket client = Server();
        using Socket other = Server();
        using NetGuest g = NetGuest.Start(["udp-listen://127.0.0.1:0"]);
        Value socket = g.Udp();
        g.Bind(socket, "udp-socket", "127.0.0.1");
        IPEndPoint me = g.LocalAddress("udp-socket", socket);
        (Value input, Value output) = g.Datagrams(socket);
        client.SendTo("ask"u8, me);
        Assert.Equal(["ask"], Receive(g, input));
        Assert.Equal("ok(1)", g.Send(output, "answer", NetGuest.At(client)));
        Assert.Equal(("answer", me), Receive(client));
        Assert.Equal("err(access-denied)", g.Send(output, "unasked", NetGuest.At(other)));
    }

    [Fact]
    public void NotListening_HearsOnlyGrantedPeers()
    {
        using Socket granted = Server();
        using Socket stranger = Server();
        using NetGuest g = NetGuest.Start([$"udp://127.0.0.1:{NetGuest.At(granted).Port}"]);
        Value socket = g.Udp();
        g.Bind(socket, "udp-socket", "127.0.0.1");
        IPEndPoint me = g.LocalAddress("udp-socket", socket);
        (Value input, Value output) = g.Datagrams(socket);
        stranger.SendTo("x"u8, me);
        granted.SendTo("y"u8, me);
        Assert.Equal(["y"], Receive(g, input));
        Assert.Equal("err(access-denied)", g.Send(output, "z", NetGuest.At(stranger)));
        Assert.Equal(0, stranger.Available);
        Assert.Single(g.Guest.Denials); // what others send is not the guest's refusal; what it sends is
    }

    [Fact]
    public void States_AnswerAsTheInterfaceSays()
    {
        using NetGuest g = NetGuest.Start(["udp://127.0.0.1:*"]);
        Value s = g.Udp();
        foreach ((string call, string error) in ((string, string)[])[("finish-bind", "not-in-progress"), ("local-address", "invalid-state"), ("remote-address", "invalid-state")])
        {
            Assert.Equal($"err({error})", g.Show($"udp-socket.{call}", s));
        }

        Assert.Equal("err(invalid-state)", g.Show("udp-socket.stream", s, None));
        foreach ((string option, Value value, string expected) in ((string, Value, string)[])[("unicast-hop-limit", U(42), "ok(42)"), ("receive-buffer-size", U(65536), "ok(65536)"), ("send-buffer-size", U(65536), "ok(65536)")])
        {
            Assert.Equal("ok", g.Show($"udp-socket.set-{option}", s, value));
            Assert.Equal(expected, g.Show($"udp-socket.{option}", s));
            Assert.Equal("err(invalid-argument)", g.Show($"udp-socket.set-{option}", s, U(0)));
        }

        Assert.Equal("err(invalid-argument)", g.Show("udp-socket.start-bind", s, g.Network, NetGuest.Address("::1", 0)));
        g.Ok("udp-socket.start-bind", s, g.Network, NetGuest.Address("127.0.0.1", 0));
        Assert.Equal("err(concurrency-conflict)", g.Show("udp-socket.start-bind", s, g.Network, NetGuest.Address("127.0.0.1", 0)));
        g.Ok("udp-socket.finish-bind", s);
        Assert.Equal("err(invalid-state)", g.Show("udp-socket.start-bind", s, g.Network, NetGuest.Address("127.0.0.1", 0)));
        Assert.Equal("ipv4", g.Show("udp-socket.address-family", s));
        Assert.Equal("true", g.Show("pollable.ready", g.Call("udp-socket.subscribe", s)!));
        foreach ((string address, int port) in ((string, int)[])[("0.0.0.0", 80), ("127.0.0.1", 0), ("::1", 80)])
        {
            Assert.Equal("err(invalid-argument)", g.Show("udp-socket.stream", s, Some(NetGuest.Address(address, port))));
        }
    }

    [Fact]
    public void Send_WithoutPermission_Traps()
    {
        using Socket server = Server();
        Value datagram = new RecordValue([new("data", Text("x")), new("remote-address", Some(NetGuest.Address("127.0.0.1", NetGuest.At(server).Port)))]);
        foreach (int count in (int[])[1, 17])
        {
            using NetGuest g = NetGuest.Start(["udp://127.0.0.1:*"]);
            Value socket = g.Udp();
            g.Bind(socket, "udp-socket", "127.0.0.1");
            (Value _, Value output) = g.Datagrams(socket);
            if (count > 1) Assert.Equal("ok(16)", g.Show("outgoing-datagram-stream.check-send", output));
            TrapException e = Assert.Throws<TrapException>(() => g.Call("outgoing-datagram-stream.send", output, List([.. Enumerable.Repeat(datagram, count)])));
            Assert.Contains("check-send allowed", e.Message, StringComparison.Ordinal);
        }

        Assert.Equal(0, server.Available);
    }

    [Fact]
    public void Waiting_ForADatagram_EndsWithTheDeadline()
    {
        using NetGuest g = NetGuest.Start(["udp://127.0.0.1:*"], limits: new MicroVmLimits { MemoryBytes = 1 << 26, Time = TimeSpan.FromMilliseconds(200) });
        Value socket = g.Udp();
        g.Bind(socket, "udp-socket", "127.0.0.1");
        (Value input, Value _) = g.Datagrams(socket);
        Assert.IsType<DeadlineException>(Assert.Throws<TrapException>(() => g.Wait("incoming-datagram-stream", input)).InnerException);
    }
}
