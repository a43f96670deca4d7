// An egress budget: what is over it does not leave, by whatever way.
using System.Net;
using System.Net.Sockets;
using Mote.Components;
using Mote.Runtime;
using static Mote.Capabilities.Tests.Guest;

namespace Mote.Capabilities.Tests.Network;

public sealed class EgressBudgetTests
{
    private static MicroVmLimits Limit(long bytes) => new() { Egress = new EgressBudget(bytes, TimeSpan.FromDays(1)) };

    [Fact]
    public void Http_PathAndHeaders_Count()
    {
        using var server = new RawServer(RawServer.Ok("hello"));
        using HttpNetGuest g = HttpNetGuest.Start(["http://127.0.0.1:*"], limits: Limit(100));
        Assert.Equal("200 hello", g.Get(server.Authority, "/short"));
        Assert.Equal("HTTP-request-denied", g.Get(server.Authority, "/" + new string('x', 100)));
        Assert.Equal("HTTP-request-denied", g.Send(g.Request(server.Authority, headers: [("x-data", new string('x', 100))])));
        Assert.Equal("200 hello", g.Get(server.Authority, "/again"));
        Assert.Equal(2, server.Requests.Count());
    }

    [Fact]
    public void Http_Body_IsCutOff()
    {
        using var server = new RawServer(RawServer.Ok("hello"));
        using HttpNetGuest g = HttpNetGuest.Start(["http://127.0.0.1:*"], limits: Limit(1000));
        Value request = g.Request(server.Authority, method: "post");
        (Value body, Value stream) = g.Body(request);
        Value future = g.Handle(request).Future!;
        g.Ok("[method]output-stream.write", stream, Text(new string('a', 900)));
        Assert.Contains("last-operation-failed", g.Show("[method]output-stream.write", stream, Text(new string('b', 200))), StringComparison.Ordinal);
        NetGuest.Drop(stream);
        Assert.Contains("err", g.Show("[static]outgoing-body.finish", body, None), StringComparison.Ordinal);
        Assert.NotNull(g.Answer(future).Error);
        Assert.Empty(server.Requests); // no whole request came
    }

    [Fact]
    public void Udp_AndTcp_Count()
    {
        using var udp = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        udp.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        using Socket listener = NetGuest.Listener();
        using NetGuest g = NetGuest.Start([$"udp://127.0.0.1:{NetGuest.At(udp).Port}", $"tcp://127.0.0.1:{NetGuest.At(listener).Port}"], limits: Limit(10));
        Value socket = g.Udp();
        g.Bind(socket, "udp-socket", "0.0.0.0");
        (Value _, Value output) = g.Datagrams(socket);
        Assert.Equal("ok(1)", g.Send(output, "12345", NetGuest.At(udp)));
        Assert.Equal("err(access-denied)", g.Send(output, "123456", NetGuest.At(udp)));
        Assert.Equal(5, udp.Available);
        (Value _, Value stream) = g.Connect(g.Tcp(), NetGuest.At(listener));
        using Socket server = listener.Accept();
        g.Ok("output-stream.blocking-write-and-flush", stream, Text("123"));
        Assert.Contains("last-operation-failed", g.Show("output-stream.blocking-write-and-flush", stream, Text("456")), StringComparison.Ordinal);
        // What is missing is missing at the end: nothing follows it.
        Assert.DoesNotContain("ok", g.Show("output-stream.blocking-write-and-flush", stream, Text("7")), StringComparison.Ordinal);
        Assert.Equal(3, server.Receive(new byte[10]));
    }
}
