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
    private int _waiting;

    /// <summary>In work, and waiting.</summary>
    public (int Running, int Waiting) Counts => (Math.Min(places, Volatile.Read(ref _running)), Volatile.Read(ref _waiting));

    /// <summary>Most in work and waiting together.</summary>
    public int Capacity => places + queue;

    /// <summary>A place, where one is free. Give it back with <see cref="Leave"/>.</summary>
    public bool TryEnter()
    {
        // No lock where nobody waits: a thread that is preempted while it holds one would stop all others.
        if (Interlocked.Increment(ref _running) <= places) return true;
        Leave();
        return false;
    }

    /// <summary>Waits for a place; false where the queue is full or patience ends.</summary>
    /// <exception cref="OperationCanceledException">Nobody wants the place any more.</exception>
    public async Task<bool> WaitAsync(TimeSpan patience, CancellationToken token)
    {
        var waiter = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            if ((_waiters ??= new()).Count >= queue) return TryEnter();
            _waiters.Enqueue(waiter);
            Interlocked.Increment(ref _waiting);
        }

        // Whoever left meanwhile may not have seen this one: the count goes up before the look, as it goes down before theirs.
        Admit();
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
        Interlocked.Decrement(ref _running);
        if (Volatile.Read(ref _waiting) > 0) Admit();
    }

    private void Admit()
    {
        lock (_lock)
        {
            while (_waiters!.Count > 0)
            {
                if (Interlocked.Increment(ref _running) > places)
                {
                    // Not by way of Leave, which would come here again. One that leaves now does.
                    if (Interlocked.Decrement(ref _running) < places) continue;
                    return;
                }

                TaskCompletionSource<bool> next = _waiters.Dequeue();
                Interlocked.Decrement(ref _waiting);
                if (!next.TrySetResult(true)) Interlocked.Decrement(ref _running); // it has given up
            }
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
                else Interlocked.Decrement(ref _waiting);
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
