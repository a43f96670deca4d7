// Names to addresses. The system's getaddrinfo cannot be cancelled, so it runs on a bounded number of threads, and who
// waits for one of them may go away.
using System.Net;
using System.Net.Sockets;

namespace Mote.Capabilities.Wasi.Net;

/// <summary>How a lookup ended.</summary>
public enum LookupStatus
{
    /// <summary>There are addresses.</summary>
    Found,

    /// <summary>There is no such name, or it has no address.</summary>
    NotFound,

    /// <summary>Try again later.</summary>
    Temporary,

    /// <summary>The resolver cannot answer.</summary>
    Permanent,
}

/// <summary>The end of a lookup.</summary>
/// <param name="Status">How it ended.</param>
/// <param name="Addresses">The addresses in the order of preference.</param>
public sealed record Lookup(LookupStatus Status, IPAddress[] Addresses)
{
    /// <summary>The end of one that found nothing.</summary>
    public static Lookup Failed(LookupStatus status) => new(status, []);
}

/// <summary>Finds the addresses of names.</summary>
public interface INameResolver
{
    /// <summary>Looks a name up. The task never fails, and may take as long as the system's resolver does: wait for it with a limit.</summary>
    /// <param name="app">For whom; one app cannot take all there is.</param>
    /// <param name="name">The name, lowercase ASCII.</param>
    Task<Lookup> LookUp(string app, string name);
}

/// <summary>
/// The system's resolver on a few threads that come when needed and go when idle. Lookups of the same name share one
/// answer; what waits is bounded, and an app has half of the threads at most.
/// </summary>
public sealed class SystemNameResolver(Func<string, IPAddress[]>? lookUp = null) : INameResolver
{
    /// <summary>Most threads.</summary>
    public const int Threads = 8;

    /// <summary>Most threads of one app.</summary>
    public const int ThreadsOfOneApp = Threads / 2;

    /// <summary>Most lookups that one app has waiting; what is more fails as temporary.</summary>
    public const int WaitingOfOneApp = 64;

    /// <summary>Most lookups that wait.</summary>
    public const int Waiting = 1024;

    private static readonly TimeSpan s_idle = TimeSpan.FromSeconds(10);
    private readonly Func<string, IPAddress[]> _lookUp = lookUp ?? Dns.GetHostAddresses;
    private readonly object _lock = new();
    private readonly LinkedList<Request> _queue = [];
    private readonly Dictionary<string, Request> _requests = [];
    private readonly Dictionary<string, int> _busy = [];
    private int _threads;
    private int _idle;

    /// <inheritdoc/>
    public Task<Lookup> LookUp(string app, string name)
    {
        lock (_lock)
        {
            if (_requests.TryGetValue(name, out Request? same)) return same.Result.Task;
            if (_queue.Count >= Waiting || _queue.Count(r => r.App == app) >= WaitingOfOneApp) return Task.FromResult(Lookup.Failed(LookupStatus.Temporary));
            var request = new Request(app, name);
            _queue.AddLast(request);
            _requests[name] = request;
            Monitor.Pulse(_lock);
            if (_queue.Count > _idle && _threads < Threads) Start();
            return request.Result.Task;
        }
    }

    private void Start()
    {
        _threads++;
        new Thread(Work, maxStackSize: 256 * 1024) { IsBackground = true, Name = "mote-names" }.Start();
    }

    private void Work()
    {
        while (Take() is { } request)
        {
            Lookup result = Ask(request.Name);
            lock (_lock)
            {
                _requests.Remove(request.Name);
                if (--_busy[request.App] == 0) _busy.Remove(request.App);
                Monitor.Pulse(_lock); // one that waited for this app's share may go on
            }

            request.Result.SetResult(result);
        }
    }

    private Request? Take()
    {
        lock (_lock)
        {
            for (bool last = false; ;)
            {
                for (LinkedListNode<Request>? n = _queue.First; n is not null; n = n.Next)
                {
                    int busy = _busy.GetValueOrDefault(n.Value.App);
                    if (busy >= ThreadsOfOneApp) continue;
                    _busy[n.Value.App] = busy + 1;
                    _queue.Remove(n);
                    return n.Value;
                }

                if (last)
                {
                    _threads--;
                    return null;
                }

                // What came just as the time was up has woken nobody: one more look before the thread ends.
                _idle++;
                last = !Monitor.Wait(_lock, s_idle);
                _idle--;
            }
        }
    }

    private Lookup Ask(string name)
    {
        try
        {
            IPAddress[] found = _lookUp(name);
            return found.Length > 0 ? new Lookup(LookupStatus.Found, found) : Lookup.Failed(LookupStatus.NotFound);
        }
        catch (SocketException e)
        {
            return Lookup.Failed(e.SocketErrorCode switch
            {
                SocketError.HostNotFound or SocketError.NoData => LookupStatus.NotFound,
                SocketError.TryAgain => LookupStatus.Temporary,
                _ => LookupStatus.Permanent,
            });
        }
        catch (Exception)
        {
            return Lookup.Failed(LookupStatus.Permanent); // a thread of this process must not end by a name
        }
    }

    private sealed class Request(string app, string name)
    {
        public string App { get; } = app;

        public string Name { get; } = name;

        /// <summary>Who waits goes on elsewhere: a worker's thread is for lookups.</summary>
        public TaskCompletionSource<Lookup> Result { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
