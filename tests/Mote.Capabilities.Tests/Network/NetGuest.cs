// A guest with sockets that does what a test says.
using System.Net;
using System.Net.Sockets;
using Mote.Capabilities.Wasi.Net;
using Mote.Components;
using Mote.Runtime;
using Mote.Runtime.Egress;

namespace Mote.Capabilities.Tests.Network;

internal sealed class NetGuest : IDisposable
{
    private readonly Guest _guest;

    private NetGuest(Guest guest)
    {
        _guest = guest;
        Network = guest.Call(Wasi.InstanceNetwork, "instance-network")!;
    }

    public Guest Guest => _guest;

    public Value Network { get; }

    /// <summary>A guest with these entries of `sockets`.</summary>
    public static NetGuest Start(string[] sockets, INameResolver? names = null, MicroVmLimits? limits = null)
    {
        var grants = new Grants { Sockets = [.. sockets.Select(Grant)] };
        return new NetGuest(Guest.Start(Wasi.Set(names: names), Guest.App(grants, limits), Wasi.InstanceNetwork, Wasi.CreateTcp, Wasi.CreateUdp, Wasi.Tcp, Wasi.Udp, Wasi.Lookup, Wasi.Streams, Wasi.Poll));
    }

    public static SocketGrant Grant(string text) => SocketGrant.TryParse(text, out SocketGrant? grant, out string? fault) ? grant : throw new ArgumentException(fault);

    public void Dispose() => _guest.Dispose();

    public Value Tcp(string family = "ipv4") => _guest.Ok(Wasi.CreateTcp, "create-tcp-socket", new EnumValue(family))!;

    public Value Udp(string family = "ipv4") => _guest.Ok(Wasi.CreateUdp, "create-udp-socket", new EnumValue(family))!;

    /// <summary>Calls a method and shows what it gave.</summary>
    public string Show(string method, Value self, params Value[] arguments) => Guest.Show(Call(method, self, arguments));

    /// <summary>Calls a method of whichever interface has the resource.</summary>
    public Value? Call(string method, Value self, params Value[] arguments) => _guest.Call(InterfaceOf(method), $"[method]{method}", [self, .. arguments]);

    /// <summary>Calls a method that succeeds.</summary>
    public Value? Ok(string method, Value self, params Value[] arguments) => _guest.Ok(InterfaceOf(method), $"[method]{method}", [self, .. arguments]);

    /// <summary>Waits until what a resource gives to wait for is ready.</summary>
    public void Wait(string resource, Value self)
    {
        Value pollable = Call($"{resource}.subscribe", self)!;
        _guest.Call(Wasi.Poll, "[method]pollable.block", pollable);
        Drop(pollable);
    }

    public static void Drop(Value resource) => ((ResourceValue)resource).Handle.Drop();

    public void Bind(Value socket, string resource, string address, int port = 0)
    {
        Ok($"{resource}.start-bind", socket, Network, Address(address, port));
        Ok($"{resource}.finish-bind", socket);
    }

    /// <summary>Connects; gives the streams.</summary>
    public (Value Input, Value Output) Connect(Value socket, IPEndPoint to)
    {
        Ok("tcp-socket.start-connect", socket, Network, Address(to.Address.ToString(), to.Port));
        Wait("tcp-socket", socket);
        return Streams(Ok("tcp-socket.finish-connect", socket));
    }

    /// <summary>A listening socket on a port that the system chose.</summary>
    public (Value Socket, IPEndPoint At) Listen(string address = "127.0.0.1")
    {
        Value socket = Tcp(address.Contains(':') ? "ipv6" : "ipv4");
        Bind(socket, "tcp-socket", address);
        Ok("tcp-socket.start-listen", socket);
        Ok("tcp-socket.finish-listen", socket);
        return (socket, LocalAddress("tcp-socket", socket));
    }

    public IPEndPoint LocalAddress(string resource, Value socket) => EndPoint(Ok($"{resource}.local-address", socket)!);

    public (Value Input, Value Output) Datagrams(Value socket, IPEndPoint? peer = null)
    {
        var pair = (TupleValue)Ok("udp-socket.stream", socket, peer is null ? Guest.None : Guest.Some(Address(peer.Address.ToString(), peer.Port)))!;
        return (pair.Items[0], pair.Items[1]);
    }

    /// <summary>Sends one datagram, as far as it may.</summary>
    public string Send(Value output, string text, IPEndPoint? to = null)
    {
        Ok("outgoing-datagram-stream.check-send", output);
        return Show("outgoing-datagram-stream.send", output, Guest.List(new RecordValue(
            [new("data", Guest.Text(text)), new("remote-address", to is null ? Guest.None : Guest.Some(Address(to.Address.ToString(), to.Port)))])));
    }

    public static (Value Input, Value Output) Streams(Value? pair) => (((TupleValue)pair!).Items[^2], ((TupleValue)pair).Items[^1]);

    /// <summary>Reads until the other side has closed.</summary>
    public byte[] ReadAll(Value input)
    {
        var all = new List<byte>();
        while (true)
        {
            var read = (ResultValue)Call("input-stream.blocking-read", input, Guest.U(65536))!;
            if (!read.IsOk) return Guest.Show(read) == "err(closed)" ? [.. all] : throw new IOException(Guest.Show(read));
            all.AddRange(Guest.BytesOf(read.Payload));
        }
    }

    public static Value Address(string address, int port)
    {
        byte[] b = IPAddress.Parse(address).GetAddressBytes();
        return b.Length == 4
            ? new VariantValue("ipv4", new RecordValue([new("port", Guest.U((ulong)port)), new("address", new TupleValue([.. b.Select(x => Guest.U(x))]))]))
            : new VariantValue("ipv6", new RecordValue(
            [
                new("port", Guest.U((ulong)port)), new("flow-info", Guest.U(0)),
                new("address", new TupleValue([.. Enumerable.Range(0, 8).Select(i => Guest.U((ulong)((b[2 * i] << 8) | b[(2 * i) + 1])))])), new("scope-id", Guest.U(0)),
            ]));
    }

    public static IPEndPoint EndPoint(Value value)
    {
        var variant = (VariantValue)value;
        Dictionary<string, Value> fields = ((RecordValue)variant.Payload!).Fields.ToDictionary(f => f.Key, f => f.Value);
        ulong[] parts = [.. ((TupleValue)fields["address"]).Items.Select(i => ((UnsignedValue)i).Value)];
        byte[] bytes = variant.Case == "ipv4" ? [.. parts.Select(p => (byte)p)] : [.. parts.SelectMany(p => (byte[])[(byte)(p >> 8), (byte)p])];
        return new IPEndPoint(new IPAddress(bytes), (int)((UnsignedValue)fields["port"]).Value);
    }

    /// <summary>A server that nobody is asked to connect to; it counts who does.</summary>
    public static Socket Listener(string address = "127.0.0.1")
    {
        var ip = IPAddress.Parse(address);
        var socket = new Socket(ip.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(ip, 0));
        socket.Listen(64);
        return socket;
    }

    public static IPEndPoint At(Socket socket) => (IPEndPoint)socket.LocalEndPoint!;

    private static string InterfaceOf(string method) => method.Split('.')[0] switch
    {
        "tcp-socket" => Wasi.Tcp,
        "udp-socket" or "incoming-datagram-stream" or "outgoing-datagram-stream" => Wasi.Udp,
        "resolve-address-stream" => Wasi.Lookup,
        "pollable" => Wasi.Poll,
        _ => Wasi.Streams,
    };
}

/// <summary>Names that a test makes up; an answer may change from one lookup to the next.</summary>
internal sealed class FakeNames : INameResolver
{
    private readonly Dictionary<string, Queue<string[]>> _answers = [];

    /// <summary>Names that were asked for, in order.</summary>
    public List<string> Asked { get; } = [];

    /// <summary>The answers to lookups of a name, one after the other; the last one stays.</summary>
    public FakeNames With(string name, params string[][] answers)
    {
        _answers[name] = new Queue<string[]>(answers);
        return this;
    }

    public Task<Lookup> LookUp(string app, string name)
    {
        lock (_answers)
        {
            Asked.Add(name);
            if (!_answers.TryGetValue(name, out Queue<string[]>? answers)) return Task.FromResult(Lookup.Failed(LookupStatus.NotFound));
            string[] answer = answers.Count > 1 ? answers.Dequeue() : answers.Peek();
            return Task.FromResult(new Lookup(LookupStatus.Found, [.. answer.Select(IPAddress.Parse)]));
        }
    }
}
