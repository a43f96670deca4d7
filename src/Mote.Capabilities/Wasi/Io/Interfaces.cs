// wasi:io as generated from wit/io.
using Mote.Components;

namespace Mote.Capabilities.Wasi.Io;

/// <summary>wasi:io/error.</summary>
[WitHost("wasi:io/error@0.2.12")]
public partial interface IIoErrors;

/// <summary>wasi:io/poll.</summary>
[WitHost("wasi:io/poll@0.2.12")]
public partial interface IPoll;

/// <summary>wasi:io/streams.</summary>
[WitHost("wasi:io/streams@0.2.12")]
public partial interface IStreams;
