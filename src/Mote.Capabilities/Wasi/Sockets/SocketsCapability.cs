// wasi:sockets without any grant: every way to a socket or an address answers access-denied.
using Mote.Capabilities.Wasi.Io;
using Mote.Components;
using Mote.Components.Linking;
using Mote.Runtime;
using ErrorCode = Mote.Capabilities.Wasi.Sockets.INetworks.ErrorCode;

namespace Mote.Capabilities.Wasi.Sockets;

/// <summary>wasi:sockets/network.</summary>
[WitHost("wasi:sockets/network@0.2.12")]
public partial interface INetworks;

/// <summary>wasi:sockets/instance-network.</summary>
[WitHost("wasi:sockets/instance-network@0.2.12")]
public partial interface IInstanceNetwork;

/// <summary>wasi:sockets/tcp.</summary>
[WitHost("wasi:sockets/tcp@0.2.12")]
public partial interface ITcp;

/// <summary>wasi:sockets/tcp-create-socket.</summary>
[WitHost("wasi:sockets/tcp-create-socket@0.2.12")]
public partial interface ITcpCreateSocket;

/// <summary>wasi:sockets/udp.</summary>
[WitHost("wasi:sockets/udp@0.2.12")]
public partial interface IUdp;

/// <summary>wasi:sockets/udp-create-socket.</summary>
[WitHost("wasi:sockets/udp-create-socket@0.2.12")]
public partial interface IUdpCreateSocket;

/// <summary>wasi:sockets/ip-name-lookup.</summary>
[WitHost("wasi:sockets/ip-name-lookup@0.2.12")]
public partial interface IIpNameLookup;

/// <summary>Hosts wasi:sockets.</summary>
public sealed class SocketsCapability : Capability<SocketsGuest>
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
    protected override SocketsGuest Prepare(MicroVm vm) => new();
}

/// <summary>wasi:sockets for one instance.</summary>
public sealed class SocketsGuest : INetworks, IInstanceNetwork, ITcp, ITcpCreateSocket, IUdp, IUdpCreateSocket, IIpNameLookup
{
    /// <inheritdoc/>
    public INetworks.INetwork InstanceNetwork() => new Network();

    /// <inheritdoc/>
    public Result<ITcp.ITcpSocket, ErrorCode> CreateTcpSocket(INetworks.IpAddressFamily addressFamily) => Result<ITcp.ITcpSocket, ErrorCode>.Err(ErrorCode.AccessDenied);

    /// <inheritdoc/>
    public Result<IUdp.IUdpSocket, ErrorCode> CreateUdpSocket(INetworks.IpAddressFamily addressFamily) => Result<IUdp.IUdpSocket, ErrorCode>.Err(ErrorCode.AccessDenied);

    /// <inheritdoc/>
    public Result<IIpNameLookup.IResolveAddressStream, ErrorCode> ResolveAddresses(INetworks.INetwork network, string name) =>
        Result<IIpNameLookup.IResolveAddressStream, ErrorCode>.Err(ErrorCode.AccessDenied);

    private sealed class Network : INetworks.INetwork;
}
