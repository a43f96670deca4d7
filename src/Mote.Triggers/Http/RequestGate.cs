// How many requests may be in work at once, and how many may wait for a place.
namespace Mote.Triggers.Http;

/// <summary>A bound on requests in work, with a bounded queue. First come, first served.</summary>
/// <param name="places">Most in work.</param>
/// <param name="queue">Most that wait.</param>
public sealed class RequestGate(int places, int queue)
{
    private readonly Lock _lock = new();
    private Queue<TaskCompletionSource<bool>>? _waiters; // made when first needed: most apps are idle
    private int _running;

    /// <summary>In work, and waiting.</summary>
    public (int Running, int Waiting) Counts
    {
        get
        {
            lock (_lock) return (_running, _waiters?.Count ?? 0);
        }
    }

    /// <summary>A place, where one is free and nobody waits for it. Give it back with <see cref="Leave"/>.</summary>
    public bool TryEnter()
    {
        lock (_lock)
        {
            if (_running >= places) return false;
            _running++;
            return true;
        }
    }

    /// <summary>Waits for a place; false where the queue is full or patience ends.</summary>
    /// <exception cref="OperationCanceledException">Nobody wants the place any more.</exception>
    public async Task<bool> WaitAsync(TimeSpan patience, CancellationToken token)
    {
        var waiter = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            if (_running < places)
            {
                _running++;
                return true;
            }

            if ((_waiters ??= new()).Count >= queue) return false;
            _waiters.Enqueue(waiter);
        }

        try
        {
            return await waiter.Task.WaitAsync(patience, token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is TimeoutException or OperationCanceledException)
        {
            GiveUp(waiter);
            if (e is TimeoutException) return false;
            throw;
        }
    }

    /// <summary>Gives the place to the first that waits.</summary>
    public void Leave()
    {
        while (true)
        {
            TaskCompletionSource<bool>? next = null;
            lock (_lock)
            {
                if (_waiters is null || !_waiters.TryDequeue(out next)) _running--;
            }

            if (next is null || next.TrySetResult(true)) return;
        }
    }

    /// <summary>One that has just got its place gives it on; one that has not leaves the queue.</summary>
    private void GiveUp(TaskCompletionSource<bool> waiter)
    {
        if (!waiter.TrySetResult(false))
        {
            Leave();
            return;
        }

        lock (_lock)
        {
            for (int i = _waiters!.Count; i > 0; i--)
            {
                TaskCompletionSource<bool> w = _waiters.Dequeue();
                if (w != waiter) _waiters.Enqueue(w);
            }
        }
    }
}

/// <summary>A route with a bound of its own.</summary>
/// <param name="inner">Who answers.</param>
/// <param name="gate">The bound.</param>
/// <param name="patience">How long a request waits for a place.</param>
public sealed class BoundedRoute(IHttpTarget inner, RequestGate gate, TimeSpan patience) : IHttpTarget
{
    /// <inheritdoc/>
    public async Task Answer(HttpExchange exchange)
    {
        try
        {
            if (!gate.TryEnter() && !await gate.WaitAsync(patience, exchange.Aborted).ConfigureAwait(false))
            {
                exchange.Refuse(503, "too many requests wait for this route\n", retryAfterSeconds: 1);
                return;
            }
        }
        catch (OperationCanceledException)
        {
            return; // the client is gone
        }

        try
        {
            await inner.Answer(exchange).ConfigureAwait(false);
        }
        finally
        {
            gate.Leave();
        }
    }
}
