// wasi:cli: arguments, environment, standard streams, exit. The environment is what was granted; the host's own is never
// passed on.
using Mote.Capabilities.Wasi.Io;
using Mote.Components;
using Mote.Components.Linking;
using Mote.Runtime;

namespace Mote.Capabilities.Wasi.Cli;

/// <summary>Standard streams of one instance.</summary>
/// <param name="Input">What it reads.</param>
/// <param name="Output">What it writes.</param>
/// <param name="Error">Where it writes what went wrong.</param>
public sealed record StandardStreams(InputStream Input, OutputStream Output, OutputStream Error)
{
    /// <summary>True where the stream is a terminal of the person who started the command.</summary>
    public bool InputIsTerminal { get; init; }

    /// <summary>See <see cref="InputIsTerminal"/>.</summary>
    public bool OutputIsTerminal { get; init; }

    /// <summary>See <see cref="InputIsTerminal"/>.</summary>
    public bool ErrorIsTerminal { get; init; }

    /// <summary>No input; each line of output goes to the component's log.</summary>
    public static StandardStreams ToLog(MicroVm vm) => new(
        new BytesInput(vm, default),
        new LineOutput(vm, line => vm.Component.Log(vm.Component.Name, GuestLogLevel.Info, "stdout", line)),
        new LineOutput(vm, line => vm.Component.Log(vm.Component.Name, GuestLogLevel.Warn, "stderr", line)));
}

/// <summary>A guest has ended itself.</summary>
public sealed class GuestExitException(int code) : Exception($"the guest exited with code {code}")
{
    /// <summary>Its exit code.</summary>
    public int Code { get; } = code;
}

/// <summary>Hosts wasi:cli.</summary>
/// <param name="streams">The standard streams of an instance.</param>
public sealed class CliCapability(Func<MicroVm, StandardStreams> streams) : Capability<CliGuest>
{
    /// <inheritdoc/>
    public override void Link(ComponentLinker linker)
    {
        IEnvironment.Define(linker, Guest);
        IExit.Define(linker, Guest);
        IStdin.Define(linker, Guest);
        IStdout.Define(linker, Guest);
        IStderr.Define(linker, Guest);
        ITerminalInputs.Define(linker, Guest);
        ITerminalOutputs.Define(linker, Guest);
        ITerminalStdin.Define(linker, Guest);
        ITerminalStdout.Define(linker, Guest);
        ITerminalStderr.Define(linker, Guest);
    }

    /// <inheritdoc/>
    protected override CliGuest Prepare(MicroVm vm) => new(vm, streams(vm));
}

/// <summary>wasi:cli for one instance.</summary>
public sealed class CliGuest(MicroVm vm, StandardStreams streams)
    : IEnvironment, IExit, IStdin, IStdout, IStderr, ITerminalInputs, ITerminalOutputs, ITerminalStdin, ITerminalStdout, ITerminalStderr, IDisposable
{
    /// <summary>The standard streams.</summary>
    public StandardStreams Streams => streams;

    /// <inheritdoc/>
    public void Dispose()
    {
        streams.Output.End();
        streams.Error.End();
    }

    /// <inheritdoc/>
    public (string, string)[] GetEnvironment() => [.. vm.Component.Grants.Environment.Select(e => (e.Key, e.Value))];

    /// <inheritdoc/>
    public string[] GetArguments() => [.. vm.Component.Grants.Arguments];

    /// <inheritdoc/>
    public string? InitialCwd() => null;

    /// <inheritdoc/>
    public void Exit(Result<Unit, Unit> status) => throw new GuestExitException(status.IsOk ? 0 : 1);

    /// <inheritdoc/>
    public void ExitWithCode(byte statusCode) => throw new GuestExitException(statusCode);

    /// <inheritdoc/>
    public IStreams.IInputStream GetStdin() => streams.Input;

    /// <inheritdoc/>
    public IStreams.IOutputStream GetStdout() => streams.Output;

    /// <inheritdoc/>
    public IStreams.IOutputStream GetStderr() => streams.Error;

    /// <inheritdoc/>
    public ITerminalInputs.ITerminalInput? GetTerminalStdin() => streams.InputIsTerminal ? new Terminal() : null;

    /// <inheritdoc/>
    public ITerminalOutputs.ITerminalOutput? GetTerminalStdout() => streams.OutputIsTerminal ? new Terminal() : null;

    /// <inheritdoc/>
    public ITerminalOutputs.ITerminalOutput? GetTerminalStderr() => streams.ErrorIsTerminal ? new Terminal() : null;

    private sealed class Terminal : ITerminalInputs.ITerminalInput, ITerminalOutputs.ITerminalOutput;
}
