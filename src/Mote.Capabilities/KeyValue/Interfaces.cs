// wasi:keyvalue as generated from wit/keyvalue-draft and wit/keyvalue-draft2.
using Mote.Components;

namespace Mote.Capabilities.KeyValue;

/// <summary>wasi:keyvalue/store, first draft.</summary>
[WitHost("wasi:keyvalue/store@0.2.0-draft")]
public partial interface IStoreDraft1;

/// <summary>wasi:keyvalue/atomics, first draft.</summary>
[WitHost("wasi:keyvalue/atomics@0.2.0-draft")]
public partial interface IAtomicsDraft1;

/// <summary>wasi:keyvalue/batch, first draft.</summary>
[WitHost("wasi:keyvalue/batch@0.2.0-draft")]
public partial interface IBatchDraft1;

/// <summary>wasi:keyvalue/store, second draft.</summary>
[WitHost("wasi:keyvalue/store@0.2.0-draft2")]
public partial interface IStoreDraft2;

/// <summary>wasi:keyvalue/atomics, second draft.</summary>
[WitHost("wasi:keyvalue/atomics@0.2.0-draft2")]
public partial interface IAtomicsDraft2;

/// <summary>wasi:keyvalue/batch, second draft.</summary>
[WitHost("wasi:keyvalue/batch@0.2.0-draft2")]
public partial interface IBatchDraft2;
