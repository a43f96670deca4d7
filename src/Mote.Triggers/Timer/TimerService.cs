// A node's timers: one alarm for all of them, and one file.
using System.Threading.Channels;

namespace Mote.Triggers.Timer;

/// <summary>Takes an event, when there is room; <see cref="MessageQueue.EnqueueAsync"/>.</summary>
public delegate ValueTask EventSink(MessageEvent e, CancellationToken token);

/// <summary>Fires timers. At most one firing of each is on its way to its component or in work.</summary>
public sealed class TimerService : IAsyncDisposable
{
    /// <summary>The clock is looked at this often at least: it may have been set.</summary>
    private static readonly TimeSpan s_look = TimeSpan.FromSeconds(10);

    /// <summary>A write of the file wears the flash: none comes sooner than this after another. What fired in between comes again after a power cut.</summary>
    private static readonly TimeSpan s_saveInterval = TimeSpan.FromSeconds(10);

    /// <summary>A disk may hang; the node ends all the same.</summary>
    private static readonly TimeSpan s_lastSave = TimeSpan.FromSeconds(5);

    private readonly TimeProvider _time;
    private readonly Random _random;
    private readonly Action<string> _log;
    private readonly TimerFile _file;
    private readonly Dictionary<string, TimerMark> _marks;
    private readonly List<Entry> _entries = [];
    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly long _begun;
    private ITimer? _alarm;
    private Task _saving = Task.CompletedTask;
    private long? _lastSave;
    private bool _stopped;
    private bool _saveFailed;

    /// <summary>Reads what the timers did last.</summary>
    /// <param name="time">The clock.</param>
    /// <param name="random">For jitter.</param>
    /// <param name="file">Where marks are kept.</param>
    /// <param name="log">Told of clocks that were set, and of faults of the disk.</param>
    /// <param name="wear">Told what is written; null for nobody.</param>
    public TimerService(TimeProvider time, Random random, string file, Action<string> log, Runtime.DiskWear? wear = null)
    {
        _time = time;
        _begun = time.GetTimestamp();
        _random = random;
        _log = log;
        _file = new TimerFile(file, log, wear);
        _marks = _file.Load();
    }

    /// <summary>The timers now.</summary>
    public IReadOnlyList<TimerStatus> Status
    {
        get
        {
            DateTimeOffset now = _time.GetUtcNow();
            lock (_lock) return [.. _entries.Select(e => new TimerStatus(e.Timer.Options, e.Timer.Fired, e.Timer.Missed, e.Timer.Next(now)))];
        }
    }

    /// <summary>Adds a timer, before <see cref="Start"/>.</summary>
    public void Add(TimerOptions options, EventSink sink) =>
        _entries.Add(new Entry(new TimerReckoning(options, _random, _marks.GetValueOrDefault(options.Key), _time.GetUtcNow(), Uptime, line => _log($"timer `{options.Key}`: {line}")), sink));

    /// <summary>From now on they fire.</summary>
    public void Start()
    {
        _marks.Clear();
        lock (_lock) _alarm = _time.CreateTimer(static s => ((TimerService)s!).Ring(), this, TimeSpan.Zero, Timeout.InfiniteTimeSpan);
    }

    /// <summary>No timer fires from now on; what is in work ends as it will.</summary>
    public void Stop()
    {
        lock (_lock)
        {
            if (_stopped) return;
            _stopped = true;
            _alarm?.Dispose();
        }

        _stop.Cancel();
    }

    /// <summary>Stops, and writes what the timers did last. Comes after the queues have ended, so that this has their last firing.</summary>
    public async ValueTask DisposeAsync()
    {
        Stop();
        try
        {
            await _saving.WaitAsync(s_lastSave).ConfigureAwait(false);
            await Task.Run(Save).WaitAsync(s_lastSave).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            _log("what timers did last is not on disk: the disk does not answer");
        }

        _stop.Dispose();
    }

    private void Ring()
    {
        try
        {
            foreach ((Entry entry, Firing firing) in TakeDue()) _ = SendAsync(entry, firing);
        }
        catch (Exception e)
        {
            // A fault of our own must not end the process with everything else in it, nor the other timers.
            _log($"timers met a fault of the node: {e}");
            lock (_lock) Arm(s_look);
        }
    }

    private List<(Entry Entry, Firing Firing)> TakeDue()
    {
        var due = new List<(Entry, Firing)>();
        lock (_lock)
        {
            if (_stopped) return due;
            DateTimeOffset now = _time.GetUtcNow();
            TimeSpan uptime = Uptime, wait = s_look;
            foreach (Entry entry in _entries)
            {
                if (entry.Timer.Step(now, uptime) is { } firing) due.Add((entry, firing));
                if (entry.Timer.Wake is { } wake && wake - now < wait) wait = wake - now;
            }

            // Timers of the system count milliseconds.
            Arm(TimeSpan.FromMilliseconds(Math.Max(1, Math.Ceiling(wait.TotalMilliseconds))));
            if (_saving.IsCompleted && (_lastSave is null || _time.GetElapsedTime(_lastSave.Value) >= s_saveInterval) && Kept.Any(e => e.Timer.HasChanged)) _saving = Task.Run(Save);
        }

        return due;
    }

    private TimeSpan Uptime => _time.GetElapsedTime(_begun);

    private IEnumerable<Entry> Kept => _entries.Where(e => e.Timer.Options.CatchUp != CatchUp.Skip);

    private void Arm(TimeSpan wait)
    {
        if (!_stopped) _alarm?.Change(wait, Timeout.InfiniteTimeSpan);
    }

    private async Task SendAsync(Entry entry, Firing firing)
    {
        try
        {
            TimerOptions timer = entry.Timer.Options;
            await entry.Sink(new MessageEvent(TimerMessage.Of(timer, firing, _time.GetUtcNow()), outcome => Done(entry, outcome), timer.Topic, IsOfTimer: true), _stop.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is OperationCanceledException or ChannelClosedException)
        {
            // The node ends. The firing stays open, and comes again where the timer catches up.
        }
        catch (Exception e)
        {
            _log($"timer `{entry.Timer.Options.Key}` met a fault of the node: {e}");
            Done(entry, Outcome.NotDelivered);
        }
    }

    /// <summary>On the thread that handled the event.</summary>
    private void Done(Entry entry, Outcome outcome)
    {
        lock (_lock)
        {
            entry.Timer.Done(outcome, _time.GetUtcNow(), Uptime);
            Arm(TimeSpan.Zero); // there may be another, and the mark is a new one
        }
    }

    /// <summary>Writes all marks where one has changed; one call at a time.</summary>
    private void Save()
    {
        var marks = new Dictionary<string, TimerMark>();
        Entry[] changed;
        lock (_lock)
        {
            changed = [.. Kept.Where(e => e.Timer.HasChanged)];
            if (changed.Length == 0) return;
            foreach (Entry e in Kept) marks[e.Timer.Options.Key] = e.Timer.Mark;
            foreach (Entry e in changed) e.Timer.HasChanged = false;
            _lastSave = _time.GetTimestamp();
        }

        try
        {
            _file.Save(marks);
            if (_saveFailed) _log("what timers did last is on disk again");
            _saveFailed = false;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            lock (_lock)
            {
                foreach (Entry entry in changed) entry.Timer.HasChanged = true;
            }

            if (!_saveFailed) _log($"what timers did last cannot be written, and is tried again; after a power cut they may fire again what they have fired: {e.Message}");
            _saveFailed = true;
        }
    }

    private sealed record Entry(TimerReckoning Timer, EventSink Sink);
}
