// What the process ends with. The numbers are those of sysexits.h where it has one; `mote run` passes on the code of a
// guest that ends itself.
namespace Mote.Cli;

/// <summary>Exit codes. docs/cli.md lists them.</summary>
internal static class ExitCode
{
    /// <summary>Done.</summary>
    public const int Ok = 0;

    /// <summary>The guest, or what was checked, said that it failed.</summary>
    public const int Failed = 1;

    /// <summary>EX_USAGE: the command line is wrong.</summary>
    public const int Usage = 64;

    /// <summary>EX_DATAERR: a file or a value is not what it should be.</summary>
    public const int BadInput = 65;

    /// <summary>EX_NOINPUT: a file is not there or cannot be read.</summary>
    public const int NoInput = 66;

    /// <summary>EX_UNAVAILABLE: something that is needed is not there: a port, a broker, a tool.</summary>
    public const int Unavailable = 69;

    /// <summary>EX_SOFTWARE: a fault in Mote itself.</summary>
    public const int Internal = 70;

    /// <summary>A call took longer than its limit (as of timeout(1)).</summary>
    public const int Deadline = 124;

    /// <summary>The guest trapped (128 + SIGABRT, as other runtimes answer).</summary>
    public const int Trap = 134;
}
