// A command cannot go on, for a reason that its user can do something about.
namespace Mote.Cli;

/// <summary>Ends a command with a message and an exit code.</summary>
internal sealed class CliException(int exitCode, string message) : Exception(message)
{
    public int ExitCode { get; } = exitCode;
}
