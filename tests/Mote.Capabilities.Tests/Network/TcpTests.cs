// wasi:sockets/tcp: real connections over loopback, called as a guest calls.
using System.Net;
using System.Net.Sockets;
using System.Text;
using Mote.Components;
using Mote.Runtime;
using Mote.Wasmtime;
using static Mote.Capabilities.Tests.Guest;

namespace Mote.Capabilities.Tests.Network;

public sealed class TcpTests
{
    private static readonly string[] s_local = ["tcp://127.0.0.0/8:*", "tcp://[::1]:*", "tcp-listen://127.0.0.1:*", "tcp-listen://[::1]:*"];

    public static TheoryData<string> Families => Socket.OSSupportsIPv6 && HasV6() ? new("ipv4", "ipv6") : new("ipv4");

    private static bool HasV6()
    {
        try
        {
            using Socket s = NetGuest.Listener("::1");
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static string Loopback(string family) => family == "ipv4" ? "127.0.0.1" : "::1";

    [Theory]
    [MemberData(nameof(Families))]
    public void Connect_ToAServer_SendsAndReceives_AndHalfCloses(string family)
    {
        using Socket listener = NetGuest.Listener(Loopback(family));
        using NetGuest g = NetGuest.Start(s_local);
        Value socket = g.Tcp(family);
        (Value input, Value output) = g.Connect(socket, NetGuest.At(listener));
        using Socket server = listener.Accept();
        Assert.Equal(NetGuest.At(listener), NetGuest.EndPoint(g.Ok("tcp-socket.remote-address", socket)!));
        Assert.Equal(server.RemoteEndPoint, g.LocalAddress("tcp-socket", socket));

        g.Ok("output-stream.blocking-write-and-flush", output, Text("hello"));
        Assert.Equal("hello", Receive(server, 5));
        Assert.Equal("ok([])", g.Show("input-stream.read", input, U(100)));
        server.Send("wor"u8);
        server.Send("ld"u8);
        Assert.Equal("world", Encoding.UTF8.GetString([.. Read(g, input, 5)]));

        // Each direction ends for itself.
        g.Ok("tcp-socket.shutdown", socket, new EnumValue("send"));
        Assert.Equal("err(closed)", g.Show("output-stream.check-write", output));
        Assert.Equal("err(closed)", g.Show("output-stream.write", output, Text("x")));
        Assert.Equal(0, server.Receive(new byte[1]));
        server.Send("still here"u8);
        server.Shutdown(SocketShutdown.Send);
        Assert.Equal("still here", Encoding.UTF8.GetString(g.ReadAll(input)));
        Assert.Equal("err(closed)", g.Show("input-stream.read", input, U(1)));
        Assert.Equal("ok", g.Show("tcp-socket.shutdown", socket, new EnumValue("both")));
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void Listen_AcceptsAClient_WhichIsServed(string family)
    {
        using NetGuest g = NetGuest.Start(s_local);
        (Value listener, IPEndPoint at) = g.Listen(Loopback(family));
        Assert.Equal("true", g.Show("tcp-socket.is-listening", listener));
        Assert.Equal("err(would-block)", g.Show("tcp-socket.accept", listener));
        using var client = new TcpClient(at.AddressFamily);
        client.Connect(at);
        g.Wait("tcp-socket", listener);
        var accepted = (TupleValue)g.Ok("tcp-socket.accept", listener)!;
        (Value input, Value output) = NetGuest.Streams(accepted);
        Assert.Equal(client.Client.LocalEndPoint, NetGuest.EndPoint(g.Ok("tcp-socket.remote-address", accepted.Items[0])!));
        client.Client.Send("ping"u8);
        Assert.Equal("ok('ping')", g.Show("input-stream.blocking-read", input, U(100)));
        g.Ok("output-stream.blocking-write-and-flush", output, Text("pong"));
        Assert.Equal("pong", Receive(client.Client, 4));
        foreach (Value v in (Value[])[input, output, accepted.Items[0]]) NetGuest.Drop(v);
        Assert.Equal(0, client.Client.Receive(new byte[1])); // dropped is closed
        Assert.Equal("true", g.Show("tcp-socket.is-listening", listener));
    }

    [Fact]
    public async Task Accept_AfterWaiting_TakesEachClientOnce()
    {
        using NetGuest g = NetGuest.Start(s_local);
        (Value listener, IPEndPoint at) = g.Listen();
        Value pollable = g.Call("tcp-socket.subscribe", listener)!; // one is enough for the socket's whole life
        for (int i = 0; i < 5; i++)
        {
            Task<Socket> client = Task.Run(() =>
            {
                var s = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                s.Connect(at);
                return s;
            }, TestContext.Current.CancellationToken);
            g.Call("pollable.block", pollable);
            (Value input, Value _) = NetGuest.Streams(g.Ok("tcp-socket.accept", listener));
            using Socket connected = await client;
            connected.Send([(byte)('a' + i)]);
            Assert.Equal($"ok('{(char)('a' + i)}')", g.Show("input-stream.blocking-read", input, U(1)));
            Assert.Equal("err(would-block)", g.Show("tcp-socket.accept", listener));
            Assert.Equal("false", g.Show("pollable.ready", pollable));
        }
    }

    [Fact]
    public async Task Write_FasterThanTheOtherSideReads_IsHeldBack_AndArrivesWhole()
    {
        using Socket listener = NetGuest.Listener();
        using NetGuest g = NetGuest.Start(s_local);
        (Value _, Value output) = g.Connect(g.Tcp(), NetGuest.At(listener));
        using Socket server = listener.Accept();
        byte[] chunk = [.. Enumerable.Range(0, 60_000).Select(i => (byte)(i * 31))];
        Value bytes = Bytes(chunk);
        int written = 0;
        while (((UnsignedValue)g.Ok("output-stream.check-write", output)!).Value > 0)
        {
            g.Ok("output-stream.write", output, bytes);
            written++;
            Assert.True(written < 2000, "more than 100 MB are on their way to somebody who does not read");
        }

        Assert.True(written > 0);
        TrapException trap = Assert.Throws<TrapException>(() =>
        {
            using NetGuest other = NetGuest.Start(s_local);
            (Value _, Value o) = other.Connect(other.Tcp(), NetGuest.At(listener));
            for (int i = 0; i < 2000; i++) other.Ok("output-stream.write", o, bytes); // without asking
        });
        Assert.Contains("check-write allowed 0", trap.Message, StringComparison.Ordinal);

        Task<int> reader = Task.Run(() =>
        {
            var buffer = new byte[60_000];
            int at = 0;
            while (at < (written + 3) * 60_000)
            {
                int n = server.Receive(buffer);
                if (n == 0) break;
                for (int i = 0; i < n; i++) Assert.Equal(chunk[(at + i) % 60_000], buffer[i]);
                at += n;
            }

            return at;
        }, TestContext.Current.CancellationToken);
        for (int i = 0; i < 3; i++)
        {
            g.Wait("output-stream", output);
            Assert.NotEqual("ok(0)", g.Show("output-stream.check-write", output));
            g.Ok("output-stream.write", output, bytes);
        }

        g.Ok("output-stream.blocking-flush", output);
        Assert.Equal((written + 3) * 60_000, await reader);
    }

    [Fact]
    public void Write_ThenDropAll_StillArrives()
    {
        using Socket listener = NetGuest.Listener();
        Socket server;
        int written = 0;
        using (NetGuest g = NetGuest.Start(s_local))
        {
            Value socket = g.Tcp();
            (Value input, Value output) = g.Connect(socket, NetGuest.At(listener));
            server = listener.Accept();
            Value bytes = Bytes(new byte[64_000]);
            while (((UnsignedValue)g.Ok("output-stream.check-write", output)!).Value > 0)
            {
                g.Ok("output-stream.write", output, bytes);
                written += 64_000;
            }

            foreach (Value v in (Value[])[input, output, socket]) NetGuest.Drop(v);
        } // and the instance is gone

        using (server)
        {
            var buffer = new byte[1 << 16];
            int got = 0;
            for (int n; (n = server.Receive(buffer)) > 0;) got += n;
            Assert.Equal(written, got);
        }
    }

    [Fact]
    public void Instance_ThatEnds_ClosesItsSockets()
    {
        using Socket listener = NetGuest.Listener();
        IPEndPoint guestsListener;
        Socket server;
        using (NetGuest g = NetGuest.Start(s_local))
        {
            g.Connect(g.Tcp(), NetGuest.At(listener));
            server = listener.Accept();
            (Value _, guestsListener) = g.Listen();
        }

        using (server) Assert.Equal(0, server.Receive(new byte[1]));
        using var late = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        Assert.Equal(SocketError.ConnectionRefused, Assert.Throws<SocketException>(() => late.Connect(guestsListener)).SocketErrorCode);
    }

    [Fact]
    public void Read_OfNobodysBytes_EndsWithTheDeadline()
    {
        using Socket listener = NetGuest.Listener();
        using NetGuest g = NetGuest.Start(s_local, limits: new MicroVmLimits { MemoryBytes = 1 << 26, Time = TimeSpan.FromMilliseconds(300) });
        (Value input, Value _) = g.Connect(g.Tcp(), NetGuest.At(listener));
        TrapException e = Assert.Throws<TrapException>(() => g.Call("input-stream.blocking-read", input, U(1)));
        Assert.IsType<DeadlineException>(e.InnerException);
    }

    [Fact]
    public void Connect_ToNobody_IsRefused_AndTheSocketIsOver()
    {
        IPEndPoint nobody;
        using (Socket s = NetGuest.Listener()) nobody = NetGuest.At(s);
        using NetGuest g = NetGuest.Start(s_local);
        Value socket = g.Tcp();
        g.Ok("tcp-socket.start-connect", socket, g.Network, NetGuest.Address("127.0.0.1", nobody.Port));
        Assert.Equal("err(concurrency-conflict)", g.Show("tcp-socket.start-bind", socket, g.Network, NetGuest.Address("127.0.0.1", 0)));
        g.Wait("tcp-socket", socket);
        Assert.Equal("err(connection-refused)", g.Show("tcp-socket.finish-connect", socket));
        Assert.Equal("err(not-in-progress)", g.Show("tcp-socket.finish-connect", socket));
        Assert.Equal("err(invalid-state)", g.Show("tcp-socket.start-connect", socket, g.Network, NetGuest.Address("127.0.0.1", nobody.Port)));
        Assert.Equal("err(invalid-state)", g.Show("tcp-socket.hop-limit", socket));
    }

    [Fact]
    public void Reset_ByTheOtherSide_IsAnErrorOnce_ThenClosed()
    {
        using Socket listener = NetGuest.Listener();
        using NetGuest g = NetGuest.Start(s_local);
        (Value input, Value output) = g.Connect(g.Tcp(), NetGuest.At(listener));
        Socket server = listener.Accept();
        server.LingerState = new LingerOption(true, 0);
        server.Dispose(); // a reset
        g.Wait("input-stream", input);
        Assert.StartsWith("err(last-operation-failed(", g.Show("input-stream.read", input, U(1)), StringComparison.Ordinal);
        Assert.Equal("err(closed)", g.Show("input-stream.read", input, U(1)));
        string first = g.Show("output-stream.blocking-write-and-flush", output, Text("x"));
        Assert.StartsWith("err(", first, StringComparison.Ordinal);
        Assert.Equal("err(closed)", g.Show("output-stream.blocking-write-and-flush", output, Text("x")));
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void States_AnswerAsTheInterfaceSays(string family)
    {
        using NetGuest g = NetGuest.Start(s_local);
        Value any = NetGuest.Address(Loopback(family), 0);
        Value s = g.Tcp(family);
        Check(g, s, "unbound", "finish-bind not-in-progress", "finish-connect not-in-progress", "start-listen invalid-state", "finish-listen not-in-progress", "accept invalid-state", "local-address invalid-state", "remote-address invalid-state");
        Assert.Equal("err(invalid-state)", g.Show("tcp-socket.shutdown", s, new EnumValue("both")));
        Assert.Equal(family, g.Show("tcp-socket.address-family", s));
        Options(g, s);

        g.Ok("tcp-socket.start-bind", s, g.Network, any);
        Check(g, s, "binding", "finish-connect not-in-progress", "finish-listen not-in-progress", "start-listen concurrency-conflict");
        g.Ok("tcp-socket.finish-bind", s);
        Assert.Equal("err(invalid-state)", g.Show("tcp-socket.start-bind", s, g.Network, any));
        Check(g, s, "bound", "finish-bind not-in-progress", "finish-connect not-in-progress", "finish-listen not-in-progress", "accept invalid-state", "remote-address invalid-state");
        Assert.NotEqual(0, g.LocalAddress("tcp-socket", s).Port);
        Options(g, s);

        g.Ok("tcp-socket.start-listen", s);
        Check(g, s, "opening", "start-listen concurrency-conflict", "accept invalid-state");
        Assert.Equal("false", g.Show("tcp-socket.is-listening", s));
        g.Ok("tcp-socket.finish-listen", s);
        Assert.Equal("err(invalid-state)", g.Show("tcp-socket.start-connect", s, g.Network, NetGuest.Address(Loopback(family), 9)));
        Check(g, s, "listening", "start-listen invalid-state", "finish-bind not-in-progress", "remote-address invalid-state", "accept would-block");
        Options(g, s);

        Value c = g.Tcp(family);
        g.Connect(c, g.LocalAddress("tcp-socket", s));
        Assert.Equal("err(invalid-state)", g.Show("tcp-socket.start-bind", c, g.Network, any));
        Assert.Equal("err(invalid-state)", g.Show("tcp-socket.start-connect", c, g.Network, NetGuest.Address(Loopback(family), 9)));
        Assert.Equal("err(invalid-state)", g.Show("tcp-socket.set-listen-backlog-size", c, U(5)));
        Check(g, c, "connected", "start-listen invalid-state", "finish-bind not-in-progress", "finish-connect not-in-progress", "accept invalid-state");
        Options(g, c, backlog: false);
    }

    private static void Check(NetGuest g, Value socket, string state, params string[] expected)
    {
        foreach (string e in expected)
        {
            string[] parts = e.Split(' ');
            Assert.True(g.Show($"tcp-socket.{parts[0]}", socket) == $"err({parts[1]})", $"{state}: {e}");
        }
    }

    private static void Options(NetGuest g, Value s, bool backlog = true)
    {
        if (backlog) Assert.Equal("ok", g.Show("tcp-socket.set-listen-backlog-size", s, U(32)));
        foreach ((string option, Value value, string expected) in ((string, Value, string)[])[
            ("keep-alive-enabled", new BoolValue(true), "ok(true)"), ("keep-alive-idle-time", U(42_000_000_001), "ok(43000000000)"), ("keep-alive-interval", U(1), "ok(1000000000)"),
            ("keep-alive-interval", U(ulong.MaxValue), "ok(32767000000000)"), ("keep-alive-count", U(uint.MaxValue), "ok(127)"), ("keep-alive-count", U(3), "ok(3)"), ("hop-limit", U(42), "ok(42)"),
            ("receive-buffer-size", U(65536), "ok(65536)"), ("send-buffer-size", U(65536), "ok(65536)")])
        {
            Assert.Equal("ok", g.Show($"tcp-socket.set-{option}", s, value));
            Assert.Equal(expected, g.Show($"tcp-socket.{option}", s));
            if (value is UnsignedValue) Assert.Equal("err(invalid-argument)", g.Show($"tcp-socket.set-{option}", s, U(0)));
        }

        if (backlog) Assert.Equal("err(invalid-argument)", g.Show("tcp-socket.set-listen-backlog-size", s, U(0)));
        Assert.Equal("ok", g.Show("tcp-socket.set-receive-buffer-size", s, U(ulong.MaxValue)));
    }

    [Theory]
    [InlineData("ipv4", "::1", 80)]
    [InlineData("ipv6", "127.0.0.1", 80)]
    [InlineData("ipv6", "::ffff:127.0.0.1", 80)]
    [InlineData("ipv4", "0.0.0.0", 80)]
    [InlineData("ipv6", "::", 80)]
    [InlineData("ipv4", "127.0.0.1", 0)]
    [InlineData("ipv4", "224.0.0.1", 80)]
    [InlineData("ipv4", "255.255.255.255", 80)]
    [InlineData("ipv6", "ff02::1", 80)]
    public void Connect_ToWhatIsNoAddress_IsInvalid(string family, string address, int port)
    {
        using NetGuest g = NetGuest.Start(["tcp://0.0.0.0/0:*", "tcp://[::/0]:*"]);
        Assert.Equal("err(invalid-argument)", g.Show("tcp-socket.start-connect", g.Tcp(family), g.Network, NetGuest.Address(address, port)));
    }

    [Fact]
    public void Bind_ToWhatCannotBeHad_SaysWhy()
    {
        using Socket taken = NetGuest.Listener();
        using NetGuest g = NetGuest.Start(["tcp-listen://*:*"]);
        Assert.Equal("err(address-in-use)", g.Show("tcp-socket.start-bind", g.Tcp(), g.Network, NetGuest.Address("127.0.0.1", NetGuest.At(taken).Port)));
        Assert.Equal("err(address-not-bindable)", g.Show("tcp-socket.start-bind", g.Tcp(), g.Network, NetGuest.Address("192.0.2.1", 0)));
        Assert.Equal("err(invalid-argument)", g.Show("tcp-socket.start-bind", g.Tcp(), g.Network, NetGuest.Address("224.0.0.1", 0)));
        Assert.Equal("err(invalid-argument)", g.Show("tcp-socket.start-bind", g.Tcp("ipv6"), g.Network, NetGuest.Address("::ffff:127.0.0.1", 0)));
    }

    [Fact]
    public void Sockets_AreBounded_AndDroppingOneMakesRoom()
    {
        using NetGuest g = NetGuest.Start(s_local, limits: new MicroVmLimits { MemoryBytes = 1 << 26, Sockets = 3 });
        (Value listener, IPEndPoint at) = g.Listen();
        Value a = g.Tcp(), b = g.Tcp();
        Assert.Equal("err(new-socket-limit)", Guest.Show(g.Guest.Call(Wasi.CreateTcp, "create-tcp-socket", new EnumValue("ipv4"))));
        using var client = new TcpClient();
        client.Connect(at);
        g.Wait("tcp-socket", listener);
        Assert.Equal("err(new-socket-limit)", g.Show("tcp-socket.accept", listener));
        NetGuest.Drop(a);
        var accepted = (TupleValue)g.Ok("tcp-socket.accept", listener)!; // it was not lost
        Assert.Equal("err(new-socket-limit)", Guest.Show(g.Guest.Call(Wasi.CreateTcp, "create-tcp-socket", new EnumValue("ipv4"))));
        foreach (Value v in accepted.Items) NetGuest.Drop(v);
        NetGuest.Drop(g.Tcp());
        NetGuest.Drop(b);
    }

    [Fact]
    public async Task Everything_WorksWithoutAThreadForEachSocket()
    {
        using Socket listener = NetGuest.Listener();
        using NetGuest g = NetGuest.Start(s_local);
        var pollables = new List<Value>();
        var servers = new List<Socket>();
        for (int i = 0; i < 50; i++)
        {
            (Value input, Value _) = g.Connect(g.Tcp(), NetGuest.At(listener));
            servers.Add(listener.Accept());
            pollables.Add(g.Call("input-stream.subscribe", input)!);
        }

        servers[17].Send("x"u8);
        Assert.Equal("[17]", Guest.Show(g.Guest.Call(Wasi.Poll, "poll", List([.. pollables]))));
        Task later = Task.Run(() => servers[20].Send("y"u8), TestContext.Current.CancellationToken);
        pollables.RemoveAt(17);
        Assert.Equal("[19]", Guest.Show(g.Guest.Call(Wasi.Poll, "poll", List([.. pollables]))));
        await later;
        foreach (Socket s in servers) s.Dispose();
    }

    private static string Receive(Socket socket, int count)
    {
        var buffer = new byte[count];
        for (int at = 0, n; at < count; at += n)
        {
            n = socket.Receive(buffer.AsSpan(at));
            if (n == 0) return Encoding.UTF8.GetString(buffer, 0, at);
        }

        return Encoding.UTF8.GetString(buffer);
    }

    private static List<byte> Read(NetGuest g, Value input, int count)
    {
        var all = new List<byte>();
        while (all.Count < count) all.AddRange(BytesOf(g.Ok("input-stream.blocking-read", input, U((ulong)(count - all.Count)))));
        return all;
    }
}
