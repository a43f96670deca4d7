// Ctrl-C and SIGTERM end a command in order; a second one ends it at once.
using System.Runtime.InteropServices;

namespace Mote.Cli;

/// <summary>Turns signals into a token.</summary>
internal sealed class Shutdown : IDisposable
{
    private readonly CancellationTokenSource _source = new();
    private readonly PosixSignalRegistration[] _registrations;

    public Shutdown()
    {
        _registrations = [PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal), PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal)];
    }

    public CancellationToken Token => _source.Token;

    /// <summary>Waits for a signal, or for this time where there is one.</summary>
    public async Task WaitAsync(TimeSpan? atMost = null)
    {
        try
        {
            await Task.Delay(atMost ?? Timeout.InfiniteTimeSpan, Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // What was waited for.
        }
    }

    public void Dispose()
    {
        foreach (PosixSignalRegistration r in _registrations) r.Dispose();
        _source.Dispose();
    }

    private void OnSignal(PosixSignalContext context)
    {
        if (_source.IsCancellationRequested) return; // the second time: the default action ends the process
        context.Cancel = true;
        _source.Cancel();
    }
}
