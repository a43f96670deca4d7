// wasi:cli as generated from wit/cli.
using Mote.Components;

namespace Mote.Capabilities.Wasi.Cli;

/// <summary>wasi:cli/environment.</summary>
[WitHost("wasi:cli/environment@0.2.12")]
public partial interface IEnvironment;

/// <summary>wasi:cli/exit.</summary>
[WitHost("wasi:cli/exit@0.2.12")]
public partial interface IExit;

/// <summary>wasi:cli/stdin.</summary>
[WitHost("wasi:cli/stdin@0.2.12")]
public partial interface IStdin;

/// <summary>wasi:cli/stdout.</summary>
[WitHost("wasi:cli/stdout@0.2.12")]
public partial interface IStdout;

/// <summary>wasi:cli/stderr.</summary>
[WitHost("wasi:cli/stderr@0.2.12")]
public partial interface IStderr;

/// <summary>wasi:cli/terminal-input.</summary>
[WitHost("wasi:cli/terminal-input@0.2.12")]
public partial interface ITerminalInputs;

/// <summary>wasi:cli/terminal-output.</summary>
[WitHost("wasi:cli/terminal-output@0.2.12")]
public partial interface ITerminalOutputs;

/// <summary>wasi:cli/terminal-stdin.</summary>
[WitHost("wasi:cli/terminal-stdin@0.2.12")]
public partial interface ITerminalStdin;

/// <summary>wasi:cli/terminal-stdout.</summary>
[WitHost("wasi:cli/terminal-stdout@0.2.12")]
public partial interface ITerminalStdout;

/// <summary>wasi:cli/terminal-stderr.</summary>
[WitHost("wasi:cli/terminal-stderr@0.2.12")]
public partial interface ITerminalStderr;

/// <summary>wasi:cli/run: what a command exports.</summary>
[WitGuest("wasi:cli/run@0.2.12")]
public partial class CommandRun;
