// wasi:messaging as generated from wit/messaging.
using Mote.Components;

namespace Mote.Capabilities.Messaging;

/// <summary>wasi:messaging/types.</summary>
[WitHost("wasi:messaging/types@0.2.0-draft")]
public partial interface IMessagingTypes;

/// <summary>wasi:messaging/producer.</summary>
[WitHost("wasi:messaging/producer@0.2.0-draft")]
public partial interface IProducer;

/// <summary>wasi:messaging/request-reply.</summary>
[WitHost("wasi:messaging/request-reply@0.2.0-draft")]
public partial interface IRequestReply;

/// <summary>wasi:messaging/incoming-handler: what a component exports to be given messages.</summary>
[WitGuest("wasi:messaging/incoming-handler@0.2.0-draft")]
public partial class IncomingHandler;
