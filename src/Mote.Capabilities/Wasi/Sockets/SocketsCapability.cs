// wasi:sockets: every socket is bounded in number, goes with its instance, and reaches only what was granted.
using System.Buffers;
using System.Net;
using System.Net.Sockets;
using Mote.Capabilities.Wasi.Io;
using Mote.Capabilities.Wasi.Net;
using Mote.Components;
using Mote.Components.Linking;
using Mote.Runtime;
using Mote.Runtime.Egress;
using ErrorCode = Mote.Capabilities.Wasi.Sockets.INetworks.ErrorCode;

namespace Mote.Capabilities.Wasi.Sockets;

/// <summary>Hosts wasi:sockets.</summary>
/// <param name="resolver">Finds the addresses of names.</param>
public sealed class SocketsCapability(INameResolver resolver) : Capability<SocketsGuest>
{
    /// <inheritdoc/>
    public override void Link(ComponentLinker linker)
    {
        INetworks.Define(linker, Guest);
        IInstanceNetwork.Define(linker, Guest);
        ITcp.Define(linker, Guest);
        ITcpCreateSocket.Define(linker, Guest);
        IUdp.Define(linker, Guest);
        IUdpCreateSocket.Define(linker, Guest);
        IIpNameLookup.Define(linker, Guest);
    }

    /// <inheritdoc/>
    protected override SocketsGuest Prepare(MicroVm vm) => new(vm, resolver);
}

/// <summary>wasi:sockets for one instance.</summary>
public sealed class SocketsGuest(MicroVm vm, INameResolver resolver) : INetworks, IInstanceNetwork, ITcp, ITcpCreateSocket, IUdp, IUdpCreateSocket, IIpNameLookup, IDisposable
{
    private readonly HashSet<IOpenSocket> _open = [];
    private byte[]? _scratch;

    /// <summary>Whose sockets they are.</summary>
    internal MicroVm Vm => vm;

    /// <summary>What they may reach.</summary>
    internal EgressPolicy Policy { get; } = new(vm.Component);

    /// <summary>What the guest has looked up.</summary>
    internal ResolvedNames Resolved { get; } = new();

    /// <summary>Where bytes are received, to be copied on at once. The guest has one thread.</summary>
    internal byte[] Scratch => _scratch ??= ArrayPool<byte>.Shared.Rent(InputStream.MaxRead);

    /// <summary>True where no further socket may be opened.</summary>
    internal bool IsFull => _open.Count >= vm.Component.Limits.Sockets;

    /// <inheritdoc/>
    public INetworks.INetwork InstanceNetwork() => new Network();

    /// <inheritdoc/>
    public Result<ITcp.ITcpSocket, ErrorCode> CreateTcpSocket(INetworks.IpAddressFamily addressFamily)
    {
        if (!Policy.UsesSockets(SocketUse.Tcp, SocketUse.TcpListen)) return Failed(ErrorCode.AccessDenied);
        Result<Socket, ErrorCode> made = Make(addressFamily, SocketType.Stream, ProtocolType.Tcp);
        return made.IsOk ? new TcpSocket(this, made.Value) : Failed(made.Error);

        static Result<ITcp.ITcpSocket, ErrorCode> Failed(ErrorCode code) => Result<ITcp.ITcpSocket, ErrorCode>.Err(code);
    }

    /// <inheritdoc/>
    public Result<IUdp.IUdpSocket, ErrorCode> CreateUdpSocket(INetworks.IpAddressFamily addressFamily)
    {
        if (!Policy.UsesSockets(SocketUse.Udp, SocketUse.UdpListen)) return Failed(ErrorCode.AccessDenied);
        Result<Socket, ErrorCode> made = Make(addressFamily, SocketType.Dgram, ProtocolType.Udp);
        return made.IsOk ? new UdpSocket(this, made.Value) : Failed(made.Error);

        static Result<IUdp.IUdpSocket, ErrorCode> Failed(ErrorCode code) => Result<IUdp.IUdpSocket, ErrorCode>.Err(code);
    }

    /// <inheritdoc/>
    public Result<IIpNameLookup.IResolveAddressStream, ErrorCode> ResolveAddresses(INetworks.INetwork network, string name)
    {
        if (AddressRange.TryParseAddress(name, out IPAddress? literal)) return new AddressStream(this, name, Task.FromResult(new Lookup(LookupStatus.Found, [literal])));
        if (Authority.NormalizeName(name) is not { } host) return Result<IIpNameLookup.IResolveAddressStream, ErrorCode>.Err(ErrorCode.InvalidArgument);
        if (!Policy.AllowsLookup(host)) return Result<IIpNameLookup.IResolveAddressStream, ErrorCode>.Err(ErrorCode.AccessDenied);
        return new AddressStream(this, host, resolver.LookUp(vm.Component.App, host));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (IOpenSocket socket in _open.ToArray()) socket.End();
        if (_scratch is not null) ArrayPool<byte>.Shared.Return(_scratch);
        _scratch = null;
    }

    /// <summary>A socket counts from here.</summary>
    internal void Opened(IOpenSocket socket) => _open.Add(socket);

    /// <summary>It is closed, or closing by itself.</summary>
    internal void Closed(IOpenSocket socket) => _open.Remove(socket);

    private Result<Socket, ErrorCode> Make(INetworks.IpAddressFamily family, SocketType type, ProtocolType protocol)
    {
        if (IsFull) return Result<Socket, ErrorCode>.Err(ErrorCode.NewSocketLimit);
        try
        {
            // An IPv6 socket carries no IPv4: addresses of both families have one form each.
            return new Socket(family == INetworks.IpAddressFamily.Ipv4 ? AddressFamily.InterNetwork : AddressFamily.InterNetworkV6, type, protocol) { Blocking = false };
        }
        catch (SocketException e)
        {
            return Result<Socket, ErrorCode>.Err(SocketErrors.Of(e.SocketErrorCode));
        }
    }

    private sealed class Network : INetworks.INetwork;
}

/// <summary>Something that counts as a socket of an instance.</summary>
internal interface IOpenSocket
{
    /// <summary>The instance is over.</summary>
    void End();
}
