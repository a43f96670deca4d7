// A model in a worker process, and who watches over it: a worker that ends is started again, at once the first time and
// after longer and longer waits where it ends again and again.
using System.Globalization;
using Mote.Capabilities.Nn;

namespace Mote.Backends.OnnxRuntime.Isolation;

internal sealed class IsolatedModel : ILoadedModel
{
    /// <summary>A worker that has lived this long has not ended again and again.</summary>
    private static readonly TimeSpan s_settled = TimeSpan.FromMinutes(1);

    private static readonly TimeSpan s_firstWait = TimeSpan.FromMilliseconds(200), s_longestWait = TimeSpan.FromSeconds(30);

    /// <summary>A call waits for a worker that comes back sooner than this; else it is told.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(1);

    private readonly string _name;
    private readonly ModelFile _file;
    private readonly int _threads;
    private readonly ModelWorkerOptions _options;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _disposed = new();
    private readonly Lock _lock = new();
    private Task<WorkerProcess> _worker;
    private int _ends;
    private long _started;
    private DateTimeOffset _next;

    /// <summary>Starts a worker and waits until it has loaded the model.</summary>
    /// <exception cref="ModelException">It cannot.</exception>
    public IsolatedModel(string name, ModelFile file, int threads, ModelWorkerOptions options, TimeProvider time)
    {
        (_name, _file, _threads, _options, _time) = (name, file, threads, options, time);
        WorkerProcess first = WorkerProcess.Start(options, name, file, threads);
        Signature = first.Signature;
        _started = time.GetTimestamp();
        _worker = Task.FromResult(first);
        Watch(first);
    }

    public ModelSignature Signature { get; }

    /// <summary>For tests: the worker that runs now, when there is one.</summary>
    internal Task<WorkerProcess> Worker
    {
        get
        {
            lock (_lock) return _worker;
        }
    }

    public IReadOnlyList<(string Name, TensorValue Tensor)> Run(IReadOnlyList<string> names, IReadOnlyList<TensorValue> inputs, CancellationToken end)
    {
        Signature.Check(names, inputs);
        int[] indices = [.. names.Select(Signature.IndexOf)];
        while (true)
        {
            WorkerProcess worker = Current(end);
            try
            {
                return worker.Run(indices, inputs, end);
            }
            catch (WorkerEndedException e)
            {
                Replace(worker);
                end.ThrowIfCancellationRequested();
                if (e.WasBefore) continue; // the next one is on its way, or Current says why not
                throw new ModelException(INnErrors.ErrorCode.RuntimeError, $"the model `{_name}` did not finish: its worker process {e.Message}");
            }
        }
    }

    public void Dispose()
    {
        _disposed.Cancel();
        Task<WorkerProcess> worker;
        lock (_lock) worker = _worker;
        _ = worker.ContinueWith(static t => t.Result.Dispose(), CancellationToken.None, TaskContinuationOptions.OnlyOnRanToCompletion | TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
    }

    /// <summary>The worker, once it is there.</summary>
    private WorkerProcess Current(CancellationToken end)
    {
        Task<WorkerProcess> task;
        TimeSpan wait;
        lock (_lock)
        {
            wait = _next - _time.GetUtcNow();
            // It could not be started the last time; whoever comes after the wait tries again.
            if (_worker.IsFaulted && wait <= TimeSpan.Zero) _worker = Again();
            task = _worker;
        }

        if (!task.IsCompleted && wait > s_patience)
        {
            throw new ModelException(INnErrors.ErrorCode.RuntimeError, string.Create(CultureInfo.InvariantCulture, $"the worker process of the model `{_name}` has ended {_ends} times in a row: it is started again in {wait.TotalSeconds:0.0} s"));
        }

        try
        {
            task.Wait(end);
        }
        catch (AggregateException e) when (e.InnerException is ModelException fault)
        {
            throw new ModelException(fault.Code, fault.Message);
        }

        return task.Result;
    }

    private void Watch(WorkerProcess worker) => worker.Ended.ContinueWith(_ => Replace(worker), CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);

    /// <summary>Starts another in place of one that has ended. Of all who notice the end, the first does it.</summary>
    private void Replace(WorkerProcess ended)
    {
        lock (_lock)
        {
            if (_disposed.IsCancellationRequested || !_worker.IsCompletedSuccessfully || _worker.Result != ended) return;
            if (_time.GetElapsedTime(_started) > s_settled) _ends = 0;
            _worker = Again();
        }

        _options.Log($"the worker process of the model `{_name}` {ended.WhyItEnded()}; it is started again{(_ends > 1 ? string.Create(CultureInfo.InvariantCulture, $", for the {_ends}. time in a row") : "")}");
        ended.Dispose();
    }

    /// <summary>Under the lock.</summary>
    private Task<WorkerProcess> Again()
    {
        TimeSpan wait = ++_ends == 1 ? TimeSpan.Zero : s_firstWait * Math.Pow(2, Math.Min(_ends - 2, 20));
        if (wait > s_longestWait) wait = s_longestWait;
        _next = _time.GetUtcNow() + wait;
        return Task.Run(() => Start(wait));
    }

    private async Task<WorkerProcess> Start(TimeSpan wait)
    {
        if (wait > TimeSpan.Zero) await Task.Delay(wait, _time, _disposed.Token).ConfigureAwait(false);
        WorkerProcess worker = WorkerProcess.Start(_options, _name, _file, _threads);
        if (!worker.Signature.IsSameAs(Signature))
        {
            worker.Dispose();
            throw new ModelException(INnErrors.ErrorCode.InvalidEncoding, $"the model `{_name}` takes or gives something else since its worker process was started again: {_file.Path} was replaced; start the node again");
        }

        lock (_lock) _started = _time.GetTimestamp();
        Watch(worker);
        return worker;
    }
}
