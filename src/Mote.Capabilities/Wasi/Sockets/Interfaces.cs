// wasi:sockets as generated from wit/sockets.
using Mote.Components;

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
