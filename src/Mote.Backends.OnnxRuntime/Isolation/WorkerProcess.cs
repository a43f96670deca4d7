// The node's side of a worker: one process with one model, from its start to its end. Whatever it says is checked; what
// cannot be ends it.
using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using Microsoft.Win32.SafeHandles;
using Mote.Capabilities.Nn;
using Mote.Runtime;

namespace Mote.Backends.OnnxRuntime.Isolation;

/// <summary>The worker is gone, or was ended because of what it said or did not say.</summary>
internal sealed class WorkerEndedException(string message) : Exception(message)
{
    /// <summary>Whether that was before it was told of the run, which then has nothing to do with it.</summary>
    public bool WasBefore { get; init; }
}

internal sealed class WorkerProcess : IDisposable
{
    private static readonly TimeSpan s_poll = TimeSpan.FromMilliseconds(100), s_end = TimeSpan.FromSeconds(5);

    private readonly ModelWorkerOptions _options;
    private readonly Process _process;
    private readonly BoundedText _words = new();
    private readonly List<NodeLane> _lanes = [];
    private readonly Stack<NodeLane> _free = [];
    private readonly SemaphoreSlim _freeLanes = new(0);
    private readonly Lock _control = new();
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile string? _killedFor, _why;
    private int _inUse;

    private WorkerProcess(ModelWorkerOptions options, Process process)
    {
        _options = options;
        _process = process;
    }

    /// <summary>What its model takes and gives.</summary>
    public ModelSignature Signature { get; private set; } = null!;

    /// <summary>For tests, which kill it.</summary>
    public int Id => _process.Id;

    /// <summary>Done when the process has ended.</summary>
    public Task Ended => _ended.Task;

    /// <summary>Starts one and waits until its model is loaded.</summary>
    /// <exception cref="ModelException">It cannot be started, or it cannot load the model.</exception>
    public static WorkerProcess Start(ModelWorkerOptions options, string name, ModelFile file, int threads)
    {
        // Memory where there is a file system of it: what is shared need not be on a disk. Nobody else may enter.
        string shared = Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath();
        string folder = Path.Combine(shared, $"mote-{Guid.NewGuid():N}");
        WorkerProcess? worker = null;
        try
        {
            if (OperatingSystem.IsWindows()) Directory.CreateDirectory(folder);
            else Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            listener.Bind(new UnixDomainSocketEndPoint(Path.Combine(folder, ModelWorker.SocketName)));
            listener.Listen(options.Lanes);
            SafeFileHandle[] files = [.. Enumerable.Range(0, options.Lanes).Select(i => File.OpenHandle(Path.Combine(folder, i.ToString(CultureInfo.InvariantCulture)), FileMode.CreateNew, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete))];
            worker = Begin(options, ModelWorker.Arguments(options, folder, name, file, threads));
            worker.Connect(listener, files);
            Directory.Delete(folder, recursive: true); // both have what they need
            worker.AwaitModel(name);
            return worker;
        }
        catch (Exception e) when (e is WorkerEndedException or WorkerProtocolException or SocketException)
        {
            worker?.Kill(e is WorkerProtocolException ? $"said what cannot be: {e.Message}" : e.Message);
            string how = worker is null ? e.Message : worker.WhyItEnded();
            worker?.Dispose();
            throw new ModelException(INnErrors.ErrorCode.InvalidEncoding, $"the model `{name}` cannot be loaded: {file.Path}: its worker process {how}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or System.ComponentModel.Win32Exception)
        {
            worker?.Dispose();
            throw new ModelException(INnErrors.ErrorCode.Unknown, $"the model `{name}` cannot be loaded: its worker process cannot be started: {e.Message}");
        }
        catch
        {
            worker?.Dispose();
            throw;
        }
        finally
        {
            if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Runs the model on one of the lanes; waits for one where all are in use.</summary>
    /// <exception cref="ModelException">The model failed.</exception>
    /// <exception cref="WorkerEndedException">The worker ended meanwhile, or had to be.</exception>
    /// <exception cref="OperationCanceledException">It was ended early.</exception>
    public IReadOnlyList<(string Name, TensorValue Tensor)> Run(IReadOnlyList<int> indices, IReadOnlyList<TensorValue> inputs, CancellationToken end)
    {
        _freeLanes.Wait(end);
        NodeLane lane;
        lock (_free) lane = _free.Pop();
        try
        {
            return lane.Run(this, indices, inputs, end);
        }
        catch (WorkerProtocolException e)
        {
            Kill($"said what cannot be: {e.Message}");
            throw new WorkerEndedException(WhyItEnded());
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            throw new WorkerEndedException(WhyItEnded()) { WasBefore = !lane.WasTold };
        }
        finally
        {
            lock (_free) _free.Push(lane);
            _freeLanes.Release();
        }
    }

    /// <summary>Tells the worker that a run is to end, and ends the worker where that does not happen soon.</summary>
    /// <returns>The clock, to be stopped when the run has ended.</returns>
    public Timer EndRun(int lane, ulong run)
    {
        Span<byte> word = stackalloc byte[ModelWorker.EndBytes];
        BinaryPrimitives.WriteInt32LittleEndian(word, lane);
        BinaryPrimitives.WriteUInt64LittleEndian(word[4..], run);
        var clock = new Timer(_ => Kill($"did not end a run within {_options.Grace.TotalMilliseconds:0} ms after its time was over"), null, _options.Grace, Timeout.InfiniteTimeSpan);
        try
        {
            lock (_control)
            {
                _process.StandardInput.BaseStream.Write(word);
                _process.StandardInput.BaseStream.Flush();
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // It has ended, and the run with it.
        }

        return clock;
    }

    public void Dispose()
    {
        Kill("is not needed any more");
        _process.WaitForExit(s_end); // without a time it would wait for all who have its standard output, too
        _why = WhyItEnded();
        // Runs that have just found out are let go of what they use; those that come now find it disposed of.
        for (int i = 0; i < _inUse; i++) _freeLanes.Wait();
        foreach (NodeLane lane in _lanes) lane.Dispose();
        _process.Dispose();
        if (_inUse > 0) _freeLanes.Release(_inUse);
    }

    /// <summary>The reason, when it has ended.</summary>
    public string WhyItEnded()
    {
        if (_why is not null) return _why;
        _process.WaitForExit(s_end); // its last words come with its end
        string words = string.Concat(_words.ToString().Trim().Select(c => char.IsControl(c) ? ' ' : c));
        string how = _killedFor is { } reason ? $"{reason} and was ended"
            : !_process.HasExited ? "closed its connection"
            : _process.ExitCode is > 128 and < 192 ? $"was ended by signal {_process.ExitCode - 128}" : $"ended with {_process.ExitCode}";
        return words.Length > 0 ? $"{how}: {words}" : how;
    }

    private static WorkerProcess Begin(ModelWorkerOptions options, string[] arguments)
    {
        var start = new ProcessStartInfo(options.Program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        // Of the node's surroundings, secrets perhaps among them, it gets what a program needs to be loaded.
        foreach (string name in start.Environment.Keys.ToArray())
        {
            if (name is not ("PATH" or "LD_LIBRARY_PATH" or "TMPDIR") && !name.StartsWith("DOTNET_", StringComparison.Ordinal)) start.Environment.Remove(name);
        }

        // A thread less, and collections every few MiB: nearly all of its memory is the model's, which is not the collector's.
        start.Environment["DOTNET_gcConcurrent"] = "0";
        start.Environment["DOTNET_GCgen0size"] = "400000"; // hexadecimal
        var worker = new WorkerProcess(options, Process.Start(start)!);
        worker._process.ErrorDataReceived += (_, e) => worker._words.Add(e.Data);
        worker._process.OutputDataReceived += static (_, _) => { };
        worker._process.BeginErrorReadLine();
        worker._process.BeginOutputReadLine();
        worker._process.Exited += (_, _) => worker.End();
        worker._process.EnableRaisingEvents = true;
        return worker;
    }

    private void Connect(Socket listener, SafeFileHandle[] files)
    {
        long began = Stopwatch.GetTimestamp();
        foreach (SafeFileHandle file in files)
        {
            while (!listener.Poll(s_poll, SelectMode.SelectRead))
            {
                if (_process.HasExited) throw new WorkerEndedException(WhyItEnded());
                if (Stopwatch.GetElapsedTime(began) > _options.LoadTime) throw new WorkerEndedException("did not connect");
            }

            lock (_lanes) _lanes.Add(new NodeLane(_lanes.Count, listener.Accept(), file, _options));
        }
    }

    /// <summary>The process has ended. What it may have started has its sockets still: nobody waits for that.</summary>
    private void End()
    {
        lock (_lanes)
        {
            foreach (NodeLane lane in _lanes) lane.Abort();
        }

        _ended.TrySetResult();
    }

    private void AwaitModel(string name)
    {
        using var clock = new Timer(_ => Kill($"did not load the model within {_options.LoadTime.TotalSeconds:0} s"), null, _options.LoadTime, Timeout.InfiniteTimeSpan);
        Signature = _lanes[0].ReceiveSignature(name) ?? throw new WorkerEndedException(WhyItEnded());
        foreach (NodeLane lane in _lanes) _free.Push(lane);
        _freeLanes.Release(_inUse = _lanes.Count);
    }

    private void Kill(string reason)
    {
        try
        {
            if (_process.HasExited) return;
            _killedFor ??= reason;
            _process.Kill();
        }
        catch (Exception e) when (e is InvalidOperationException or System.ComponentModel.Win32Exception)
        {
            // It has ended just now.
        }
    }
}
