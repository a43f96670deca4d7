// How much of a model has come, on a terminal: one line that is written over. Nothing in a pipe.
using System.Diagnostics;
using Mote.Cli.Commands;
using Mote.Packaging.Oci;

namespace Mote.Cli;

internal sealed class PullLine
{
    private static readonly TimeSpan s_every = TimeSpan.FromMilliseconds(200);

    private long _last;

    /// <summary>Shows it, a few times a second.</summary>
    public void Show(PullProgress progress)
    {
        if (Console.IsErrorRedirected || (_last != 0 && Stopwatch.GetElapsedTime(_last) < s_every)) return;
        _last = Stopwatch.GetTimestamp();
        Console.Error.Write($"\r{AppsCommand.Bytes(progress.Done)} of {AppsCommand.Bytes(progress.Size)}   ");
    }

    /// <summary>Takes the line away.</summary>
    public void End()
    {
        if (_last != 0) Console.Error.Write($"\r{new string(' ', 40)}\r");
    }
}
