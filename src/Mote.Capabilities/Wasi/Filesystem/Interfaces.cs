// wasi:filesystem as generated from wit/filesystem.
using Mote.Components;

namespace Mote.Capabilities.Wasi.Filesystem;

/// <summary>wasi:filesystem/types.</summary>
[WitHost("wasi:filesystem/types@0.2.12")]
public partial interface IFilesystemTypes;

/// <summary>wasi:filesystem/preopens.</summary>
[WitHost("wasi:filesystem/preopens@0.2.12")]
public partial interface IPreopens;
