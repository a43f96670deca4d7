// Keeps a camera's pictures around an event: those before it, which are in memory, and those after it as they come.
using Mote.Age;
using Mote.Runtime.Cameras;

namespace Mote.Triggers.Camera.Clips;

/// <summary>Whose event it is, and how much it keeps.</summary>
/// <param name="App">The app.</param>
/// <param name="Component">The component.</param>
/// <param name="Rule">When, and how much.</param>
/// <param name="Store">Where clips go.</param>
public sealed record ClipOptions(string App, string Component, ClipRule Rule, ClipStore Store);

/// <summary>
/// Records while there is reason to: one clip at a time, on a thread of its own, with pictures that it takes from the ring.
/// Where encoding is slower than the camera for longer than the ring lasts, pictures are missing in the clip, and that is said.
/// </summary>
public sealed class ClipRecorder
{
    /// <summary>Longest clip; where there is reason to go on, the next one begins with the next picture.</summary>
    private static readonly TimeSpan s_longest = TimeSpan.FromMinutes(10);

    private readonly CameraOptions _camera;
    private readonly ClipOptions _options;
    private readonly FrameRing _ring;
    private readonly Action<string> _log;
    private readonly string _program;
    private readonly Lock _lock = new();
    private Thread? _thread;
    private Thread? _recording;
    private DateTimeOffset _until;
    private bool _isStopped;
    private long _kept;
    private long _keptTo;
    private volatile string? _fault;

    internal ClipRecorder(CameraOptions camera, ClipOptions options, FrameRing ring, Action<string> log, string program)
    {
        _camera = camera;
        _options = options;
        _ring = ring;
        _log = log;
        _program = program;
    }

    /// <summary>Clips that are whole.</summary>
    public long Kept => Volatile.Read(ref _kept);

    /// <summary>Why the last clip is not whole; null where it is, or there was none.</summary>
    public string? Fault => _fault;

    /// <summary>Whether a message on this topic is a reason to keep pictures.</summary>
    public bool IsReason(string topic) => _options.Rule.On.Contains(topic);

    /// <summary>Something happened now. Returns at once.</summary>
    public void Keep()
    {
        lock (_lock)
        {
            if (_isStopped) return;
            DateTimeOffset now = DateTimeOffset.UtcNow;
            _until = now + _options.Rule.PostRoll;
            if (_recording is not null) return;
            long from = _ring.FirstSince(now - _options.Rule.PreRoll, out bool isShort);
            if (isShort) _log($"camera `{_camera.Name}`: memory has no room for the pictures of {_options.Rule.PreRoll.TotalSeconds:0.#} s, so a clip begins later: raise `memory` under [clips], or ask for a lower `rate` or a smaller `size`");
            Thread? before = _thread;
            _recording = _thread = new Thread(() => Run(from, before), 256 << 10) { IsBackground = true, Name = $"clips of {_camera.Name}" };
            _thread.Start();
        }
    }

    /// <summary>The camera was closed: what it gave still comes into the clip that is written, and this waits for that.</summary>
    internal void Stop()
    {
        lock (_lock) _isStopped = true;
        _ring.Close();
        _thread?.Join();
    }

    private void Run(long from, Thread? before)
    {
        before?.Join(); // that clip is being finished
        long next = Math.Max(from, _keptTo); // what is in that one is not kept twice
        try
        {
            while (RecordOne(ref next))
            {
                // On in another one.
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or AgeException)
        {
            _fault = e.Message;
            _log($"camera `{_camera.Name}`: a clip of {_options.App}/{_options.Component} could not be kept whole: {e.Message}");
            lock (_lock) EndRecording();
        }
    }

    /// <returns>True where it was ended for its length only.</returns>
    private bool RecordOne(ref long next)
    {
        if (Take(ref next, out _) is not { } first) return false;
        long missing = 0;
        bool goesOn = false, isAsked = false;
        DateTimeOffset start = first.Time;
        using ClipFile file = CreateOr(first);
        var pace = new ClipPace(_ring.Rate() ?? _camera.Rate ?? 15, start);
        using (ClipEncoder encoder = StartOr(first, pace.Rate, file))
        {
            for (Frame? frame = first; frame is not null;)
            {
                try
                {
                    for (int times = pace.TimesOf(frame.Time); times > 0 && !isAsked; times--) isAsked = !encoder.Write(frame.Pixels.Span);
                }
                finally
                {
                    frame.Release();
                }

                goesOn = frame.Time - start >= s_longest;
                if (goesOn || isAsked) break;
                frame = Take(ref next, out long gap);
                missing += gap;
            }

            encoder.End();
        }

        if (isAsked)
        {
            // The next event begins another one, where the node is not about to end as well.
            lock (_lock) EndRecording();
        }

        file.Finish();
        _keptTo = next;
        Interlocked.Increment(ref _kept);
        _fault = null;
        if (missing > 0) _log($"camera `{_camera.Name}`: {missing:n0} pictures are missing in a clip of {_options.App}/{_options.Component}: encoding was slower than the camera");
        return goesOn && !isAsked;
    }

    /// <summary>The next picture of the clip; null where it is over, and with it the recording.</summary>
    private Frame? Take(ref long next, out long gap)
    {
        gap = 0;
        while (true)
        {
            // Where the camera gives none any more, its clip ends a little after its time.
            Frame? frame = _ring.Take(next, TimeSpan.FromSeconds(1));
            lock (_lock)
            {
                if (frame is not null && frame.Time <= _until)
                {
                    gap = frame.Sequence - next;
                    next = frame.Sequence + 1;
                    return frame;
                }

                if (frame is not null || _isStopped || DateTimeOffset.UtcNow > _until)
                {
                    frame?.Release();
                    EndRecording();
                    return null;
                }
            }
        }
    }

    /// <summary>The next event begins another recording, also while this one's clip is still being finished.</summary>
    private void EndRecording()
    {
        if (_recording == Thread.CurrentThread) _recording = null;
    }

    private ClipFile CreateOr(Frame first)
    {
        try
        {
            return _options.Store.Create(_options.App, _camera.Name, _options.Component, first.Time);
        }
        catch
        {
            first.Release();
            throw;
        }
    }

    private ClipEncoder StartOr(Frame first, double rate, ClipFile file)
    {
        try
        {
            return ClipEncoder.Start(_program, _camera, rate, file);
        }
        catch
        {
            first.Release();
            throw;
        }
    }
}
