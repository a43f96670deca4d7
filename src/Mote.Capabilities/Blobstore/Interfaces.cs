// wasi:blobstore as generated from wit/blobstore.
using Mote.Components;

namespace Mote.Capabilities.Blobstore;

/// <summary>wasi:blobstore/types.</summary>
[WitHost("wasi:blobstore/types@0.2.0-draft")]
public partial interface IBlobTypes;

/// <summary>wasi:blobstore/container.</summary>
[WitHost("wasi:blobstore/container@0.2.0-draft")]
public partial interface IBlobContainers;

/// <summary>wasi:blobstore/blobstore.</summary>
[WitHost("wasi:blobstore/blobstore@0.2.0-draft")]
public partial interface IBlobstore;
