// Keeps a camera's decoder running: opened again when it ends, whatever it ended of, and told apart from a recording that
// is over. One thread a camera, which waits for pixels.
using Mote.DataPlane;
using Mote.Runtime.Cameras;
using Mote.Triggers.Camera.Clips;

namespace Mote.Triggers.Camera;

/// <summary>The pictures of a camera, for all components that want them the same.</summary>
public sealed class CameraStream : IDisposable
{
    private static readonly Backoff s_again = new(TimeSpan.FromMilliseconds(500), TimeSpan.FromSeconds(30));

    /// <summary>Most pictures in memory: five minutes at 60 a second.</summary>
    private const int MostRemembered = 18_000;

    private static readonly TimeSpan s_moment = TimeSpan.FromSeconds(2);

    private readonly CameraOptions _options;
    private readonly string _program;
    private readonly Action<string> _log;
    private readonly List<CameraFeed> _feeds = [];
    private readonly List<ClipRecorder> _recorders = [];
    private readonly FrameBuffers _buffers;
    private readonly TimeSpan _silence;
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _lock = new();
    private Thread? _thread;
    private FrameRing? _ring;
    private Decoder? _decoder;
    private System.Threading.Timer? _watch;
    private volatile string? _fault;
    private volatile CameraState _state;
    private string? _said;
    private long _frames;
    private long _opened;

    /// <summary>A camera that is not opened yet.</summary>
    /// <param name="options">What is wanted of it.</param>
    /// <param name="log">Told when pictures stop coming, and when they come again.</param>
    /// <param name="program">What decodes.</param>
    public CameraStream(CameraOptions options, Action<string> log, string program = "ffmpeg")
    {
        _options = options;
        _log = log;
        _program = program;
        _silence = SilenceOf(options);
        // One is read, and each component has one in work and one that waits.
        _buffers = new FrameBuffers(options.FrameBytes, spares: 4);
    }

    /// <summary>What is wanted of it.</summary>
    public CameraOptions Options => _options;

    /// <summary>Where its pictures can be looked at, beside the components that are given them.</summary>
    public FrameWatch Watch { get; } = new();

    /// <summary>How it does.</summary>
    public CameraCounts Counts => new(_state, _fault, Volatile.Read(ref _frames), Volatile.Read(ref _opened));

    /// <summary>Clips of it that are whole, since the start.</summary>
    public long Clips => _recorders.Sum(r => r.Kept);

    /// <summary>Why the last clip of it is not whole; null where it is.</summary>
    public string? ClipFault => _recorders.Select(r => r.Fault).FirstOrDefault(f => f is not null);

    /// <summary>Pictures that came while a component was at work on an earlier one, and were not the newest when it was ready, of all components.</summary>
    public long Dropped => _feeds.Sum(f => f.Dropped);

    /// <summary>A camera from which nothing comes for so long is opened again: 15 s, or where fewer pictures are wanted three of them.</summary>
    internal static TimeSpan SilenceOf(CameraOptions options)
    {
        double slowest = Math.Min(options.Rate ?? double.MaxValue, options.Source.Kind == CameraKind.Folder ? options.Source.FolderRate : double.MaxValue);
        return TimeSpan.FromSeconds(Math.Max(15, 3 / slowest));
    }

    /// <summary>Its pictures go to a component as well. Before <see cref="Start"/>.</summary>
    /// <param name="queue">The component's queue, which no other trigger uses.</param>
    public void Add(MessageQueue queue) => _feeds.Add(new CameraFeed(queue, _options));

    /// <summary>From now on its last pictures are in memory, so that clips of them can be kept. Once, before <see cref="Start"/>.</summary>
    /// <param name="time">How long.</param>
    /// <param name="memory">Most bytes of them; two pictures there are always.</param>
    public void Remember(TimeSpan time, long memory)
    {
        // A recorder is behind by a moment, also where nothing of before the event is wanted.
        _ring = new FrameRing(time > s_moment ? time : s_moment, (int)Math.Clamp(memory / _options.FrameBytes, 2, MostRemembered));
    }

    /// <summary>Keeps clips of it. After <see cref="Remember"/>.</summary>
    public ClipRecorder Keep(ClipOptions clips)
    {
        var recorder = new ClipRecorder(_options, clips, _ring!, _log, _program);
        _recorders.Add(recorder);
        return recorder;
    }

    /// <summary>Opens it.</summary>
    public void Start()
    {
        _watch = new System.Threading.Timer(_ => EndIfSilent(), null, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));
        _thread = new Thread(Run, 256 << 10) { IsBackground = true, Name = $"camera {_options.Name}" };
        _thread.Start();
    }

    /// <summary>Closes it: no picture comes any more.</summary>
    public void Stop()
    {
        _stop.Cancel();
        lock (_lock) _decoder?.Kill();
        _thread?.Join();
        _thread = null;
        foreach (ClipRecorder recorder in _recorders) recorder.Stop();
        _watch?.Dispose();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Stop();
        _stop.Dispose();
    }

    private void Run()
    {
        for (int failures = 0; !_stop.IsCancellationRequested;)
        {
            long before = _frames;
            string? fault = Play();
            if (_stop.IsCancellationRequested) return;
            if (fault is null && !_options.Source.Loop)
            {
                _state = CameraState.Ended;
                _log($"camera `{_options.Name}`: {_options.Source.Shown} is over after {_frames:n0} frames");
                return;
            }

            _state = CameraState.Opening;
            if (fault is null) continue; // from its beginning
            failures = _frames > before ? 1 : failures + 1;
            TimeSpan wait = s_again.Before(failures);
            // What goes on failing in the same way has been said.
            _fault = fault;
            if (_said != fault) _log($"camera `{_options.Name}`: {fault}; it is opened again, after {wait.TotalSeconds:0.#} s at first");
            _said = fault;
            _stop.Token.WaitHandle.WaitOne(wait);
        }
    }

    /// <summary>From the first picture to the last.</summary>
    /// <returns>Why it ended; null where a recording is over.</returns>
    private string? Play()
    {
        long before = _frames;
        try
        {
            if (Missing() is { } missing) return missing;
            Interlocked.Increment(ref _opened);
            using Decoder decoder = Decoder.Start(_program, FfmpegCommand.Arguments(_options));
            lock (_lock)
            {
                _decoder = decoder;
                if (_stop.IsCancellationRequested) return null;
            }

            byte[] pixels = _buffers.Rent();
            while (decoder.Read(pixels))
            {
                if (_state != CameraState.Streaming) Streams();
                var frame = new Frame(_buffers, pixels, _frames, DateTimeOffset.UtcNow);
                Interlocked.Increment(ref _frames);
                _ring?.Add(frame);
                foreach (CameraFeed feed in _feeds)
                {
                    if (_options.Source.EveryFrame) feed.WaitUntilFree(_stop.Token);
                    feed.Offer(frame);
                }

                Watch.Offer(frame);
                frame.Release();
                pixels = _buffers.Rent();
            }

            _buffers.Return(pixels);
            (int code, string words) = decoder.End();
            bool isOver = code == 0 && _options.Source.IsRecorded && _frames > before;
            return isOver ? null : Why(decoder, code, words);
        }
        catch (OperationCanceledException)
        {
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return e.Message;
        }
        finally
        {
            lock (_lock) _decoder = null;
        }
    }

    private void Streams()
    {
        _state = CameraState.Streaming;
        _fault = null;
        if (_said is not null) _log($"camera `{_options.Name}`: pictures come again");
        _said = null;
    }

    private string? Missing()
    {
        CameraSource source = _options.Source;
        return source.Kind switch
        {
            CameraKind.Device when !File.Exists(source.Address) => $"there is no device {source.Address}: is it plugged in?",
            CameraKind.File when !File.Exists(source.Address) => $"there is no file {source.Address}",
            CameraKind.Folder when !Directory.Exists(source.Address) => $"there is no folder {source.Address}",
            _ => null,
        };
    }

    private string Why(Decoder decoder, int code, string words)
    {
        string shown = _options.Source.Shown;
        // Its words quote the address, credentials and all.
        words = words.Replace(_options.Source.Address, shown, StringComparison.Ordinal);
        return decoder.Silent >= _silence ? $"nothing came from {shown} for {_silence.TotalSeconds:0} s"
            : code == 0 ? $"{shown} ended"
            : $"{shown}: {Ffmpeg.Ended(code, words)}";
    }

    private void EndIfSilent()
    {
        lock (_lock)
        {
            // While a component is given every frame, it is not the camera that is silent.
            if (_decoder is { } decoder && decoder.Silent >= _silence && !_options.Source.EveryFrame) decoder.Kill();
        }
    }
}
