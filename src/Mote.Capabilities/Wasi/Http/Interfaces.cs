// wasi:http as generated from wit/http.
using Mote.Components;

namespace Mote.Capabilities.Wasi.Http;

/// <summary>wasi:http/types.</summary>
[WitHost("wasi:http/types@0.2.12")]
public partial interface IHttpTypes;

/// <summary>wasi:http/outgoing-handler.</summary>
[WitHost("wasi:http/outgoing-handler@0.2.12")]
public partial interface IOutgoingHandler;

/// <summary>wasi:http/incoming-handler: what a component exports to answer requests.</summary>
[WitGuest("wasi:http/incoming-handler@0.2.12")]
public partial class HttpIncomingHandler;
