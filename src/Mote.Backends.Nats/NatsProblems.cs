// The client's own log, of which the last problem is kept: its exceptions do not say why a server could not be reached.
using Microsoft.Extensions.Logging;

namespace Mote.Backends.Nats;

internal sealed class NatsProblems : ILoggerFactory, ILogger
{
    private string? _last;

    /// <summary>The last problem, which is then forgotten; null where there was none.</summary>
    public string? Take() => Interlocked.Exchange(ref _last, null);

    public ILogger CreateLogger(string categoryName) => this;

    public void AddProvider(ILoggerProvider provider)
    {
        // It is a factory of one logger.
    }

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (logLevel >= LogLevel.Warning) Volatile.Write(ref _last, exception?.GetBaseException().Message ?? formatter(state, exception));
    }

    public void Dispose()
    {
        // Nothing is held.
    }
}
