// The events of one component: which wait, which thread handles them, and what becomes of those that fail.
using System.Diagnostics;
using System.Threading.Channels;
using Mote.Capabilities.Messaging;
using Mote.DataPlane;
using Mote.Runtime;

namespace Mote.Triggers;

/// <summary>
/// A queue of messages for one component. It has no threads of its own: whoever brings a message may handle it and others
/// that wait, where the component is known to be quick; else a microVM thread does. The order is that of arrival where the
/// component has a concurrency of 1, and else that of arrival for each key (<see cref="MessageKey"/>).
/// </summary>
public sealed partial class MessageQueue : IAsyncDisposable
{
    /// <summary>Most events that one who brought an event handles of others.</summary>
    private const int MostForOthers = 8;

    /// <summary>Most dead letters on their way elsewhere than on the thread of the event that failed.</summary>
    private const int MostLetters = 4;

    [ThreadStatic]
    private static bool t_works;

    private static readonly TimeSpan s_longestForOthers = TimeSpan.FromMilliseconds(1), s_turn = TimeSpan.FromMilliseconds(50);

    private readonly GuestScheduler _scheduler;
    private readonly MessageRunner _runner;
    private readonly PublishedSink _sink;
    private readonly Action<string> _log;
    private readonly WaitingEvents _events;
    private readonly Work _work;
    private volatile bool _stopping;
    private readonly CancellationTokenSource _stop = new();
    private long _received;
    private long _receivedBytes;
    private long _handled;
    private long _failed;
    private long _notDelivered;
    private long _waiting;
    private long _retried;
    private long _buried;
    private int _retrying;
    private int _burying;

    /// <summary>A queue.</summary>
    /// <param name="target">The component's code, which belongs to the queue from now on.</param>
    /// <param name="messaging">Where what it sends is found.</param>
    /// <param name="scheduler">Where guests run.</param>
    /// <param name="concurrency">Most events at once.</param>
    /// <param name="capacity">Most events that wait.</param>
    /// <param name="sink">Takes what it sends.</param>
    /// <param name="log">Told of failures.</param>
    /// <param name="batches">How large batches are, where the component takes several events in one call.</param>
    public MessageQueue(MessageTarget target, MessagingCapability messaging, GuestScheduler scheduler, int concurrency, int capacity, PublishedSink sink, Action<string> log, BatchOptions? batches = null)
    {
        _scheduler = scheduler;
        _sink = sink;
        _log = log;
        _runner = new MessageRunner(target, messaging, sink, log, Left, End) { Passed = Left };
        _events = new WaitingEvents(capacity, concurrency);
        _work = new Work(this);
        _batches = batches ?? BatchOptions.Default;
        Batch(target);
        Capacity = capacity;
        Concurrency = concurrency;
    }

    /// <summary>What its events are: mqtt, messaging, timer, or several of them with + between; or camera.</summary>
    public string Trigger { get; init; } = "mqtt";

    /// <summary>The same in the words of OpenTelemetry (faas.trigger).</summary>
    public string FaasTrigger => Trigger switch { "timer" => "timer", "camera" => "datasource", _ => "pubsub" };

    /// <summary>And where its events come from (messaging.system).</summary>
    public string MessagingSystem => Trigger.Contains("mqtt", StringComparison.Ordinal) ? "mqtt" : Trigger.Contains("messaging", StringComparison.Ordinal) ? "nats" : Trigger.Contains("flow", StringComparison.Ordinal) ? "mote" : Trigger == "camera" ? "camera" : "timer";

    /// <summary>Where what comes and what leaves is counted; null for nowhere.</summary>
    public AppLedger? Ledger { get; init; }

    /// <summary>Told which bytes of a message that was passed on leave the node, on their way to where; with <see cref="Ledger"/>.</summary>
    public Func<Published, long>? Leaving { get; init; }

    /// <summary>Most events at once.</summary>
    public int Concurrency { get; }

    /// <summary>Most events that wait.</summary>
    public int Capacity { get; }

    /// <summary>Whose events these are.</summary>
    public AppComponent Component => _runner.Component;

    /// <summary>Time from a fresh microVM's start to the end of its first event.</summary>
    public LatencyHistogram Cold => _runner.Cold;

    /// <summary>Time an event takes in a warm microVM.</summary>
    public LatencyHistogram Warm => _runner.Warm;

    /// <summary>The component's microVMs.</summary>
    public PoolCounts MicroVms => _runner.MicroVms;

    /// <summary>Counts so far.</summary>
    public EventCounts Counts => new(
        Volatile.Read(ref _received), Volatile.Read(ref _receivedBytes), Volatile.Read(ref _handled), Volatile.Read(ref _failed),
        Volatile.Read(ref _notDelivered), _runner.Published, Volatile.Read(ref _waiting), Volatile.Read(ref _retried), Volatile.Read(ref _buried), _runner.Batches);

    /// <summary>Takes an event, when there is room: whoever sends waits as long as the queue is full.</summary>
    /// <param name="e">The event.</param>
    /// <param name="token">The sender waits no longer.</param>
    /// <param name="here">The caller's thread may be used to handle events.</param>
    /// <exception cref="ChannelClosedException">The queue has been stopped.</exception>
    public ValueTask EnqueueAsync(MessageEvent e, CancellationToken token, bool here = false)
    {
        if (Skips(e)) return ValueTask.CompletedTask;
        Interlocked.Increment(ref _waiting);
        ValueTask<bool> added = _events.AddAsync(e, token);
        if (!added.IsCompletedSuccessfully) return Wait(e, added);
        Count(e);
        if (added.Result) Begin(here);
        return ValueTask.CompletedTask;
    }

    private async ValueTask Wait(MessageEvent e, ValueTask<bool> added)
    {
        try
        {
            if (await added.ConfigureAwait(false)) Begin(here: false);
        }
        catch
        {
            Interlocked.Decrement(ref _waiting);
            throw;
        }

        Count(e);
    }

    /// <summary>Takes an event where there is room; false where there is none.</summary>
    public bool TryEnqueue(MessageEvent e)
    {
        if (!TryEnqueue(e, out bool work)) return false;
        if (work) Begin(here: false);
        return true;
    }

    /// <summary>Takes an event where there is room; false where there is none. Runs nothing: it may be called under a lock.</summary>
    /// <param name="e">The event.</param>
    /// <param name="work">True where <see cref="Begin"/> is to be called.</param>
    internal bool TryEnqueue(MessageEvent e, out bool work)
    {
        work = false;
        if (Skips(e)) return true;
        Interlocked.Increment(ref _waiting);
        if (!_events.TryAdd(e, out work))
        {
            Interlocked.Decrement(ref _waiting);
            return false;
        }

        Count(e);
        return true;
    }

    /// <summary>Sees to it that what waits is handled.</summary>
    /// <param name="here">This thread may be used for it.</param>
    internal void Begin(bool here)
    {
        if (!here || _events.AreBatched || !_runner.Pace.IsShort || !_scheduler.TryEnter())
        {
            Post();
            return;
        }

        try
        {
            Run(here: true);
        }
        finally
        {
            _scheduler.Leave();
        }
    }

    /// <exception cref="ChannelClosedException">The queue has been stopped.</exception>
    internal void ThrowIfStopped()
    {
        if (_stopping) throw new ChannelClosedException();
    }

    /// <summary>A component whose filter has its own dead-letter topic (#, mostly) does not get back what it failed at.</summary>
    private bool Skips(MessageEvent e)
    {
        if (e.Message.Metadata.Count == 0 || e.Message.MetadataOf(RetryPolicy.TopicName) is null || e.Message.MetadataOf(RetryPolicy.ComponentName) != $"{Component.App}/{Component.Name}") return false;
        e.Done?.Invoke(Outcome.Handled);
        return true;
    }

    private void Count(MessageEvent e)
    {
        Interlocked.Increment(ref _received);
        Interlocked.Add(ref _receivedBytes, e.Message.Bytes.Length + (e.Message.Topic?.Length ?? 0));
        if (Ledger is { } ledger && !e.IsOfTimer && e.Message.Topic is { } topic) ledger.In(e.Filter, topic, e.Message.WireBytes(topic));
    }

    /// <summary>What was made of an event has been passed on.</summary>
    private void Left(MessageEvent e, Published[] published)
    {
        if (Ledger is null || Leaving is null) return;
        foreach (Published p in published)
        {
            if (Leaving(p) is > 0 and var bytes) Ledger.Out(e.IsOfTimer ? null : e.Message.Topic, p.Topic, bytes);
        }
    }

    /// <summary>Waits until nothing waits, at most this long; true where that came.</summary>
    public async Task<bool> IdleAsync(TimeSpan timeout)
    {
        long start = Stopwatch.GetTimestamp();
        if (_events.Hurry(true)) Post();
        try
        {
            while (Counts.Waiting > 0)
            {
                if (Stopwatch.GetElapsedTime(start) > timeout) return false;
                await Task.Delay(10).ConfigureAwait(false);
            }

            return true;
        }
        finally
        {
            if (_events.Hurry(false)) Post();
        }
    }

    /// <summary>Ends the events in work, leaves those that wait (they are not acknowledged), and ends the microVMs.</summary>
    public async ValueTask DisposeAsync()
    {
        _stopping = true;
        await _stop.CancelAsync().ConfigureAwait(false);
        _events.Close();
        await _events.Ended.ConfigureAwait(false);
        _runner.Dispose();
        _stop.Dispose();
    }

    /// <summary>
    /// Replaces the component's code: events that begin from now on go to the new, those in work are finished by the old,
    /// which ends with the last of them. No event is lost or waits for the change.
    /// </summary>
    public void Replace(MessageTarget target)
    {
        _runner.Replace(target);
        Batch(target);
    }

    private void Post()
    {
        if (!_scheduler.Post(_work)) _events.Resign(); // the node has ended
    }

    /// <summary>Handles what waits. A thread that was lent is given back soon; one of the scheduler's takes turns where others wait for it.</summary>
    private void Run(bool here)
    {
        WaitingEvents.Lane? lane = null;
        long began = Stopwatch.GetTimestamp();
        for (int n = 1; _events.Next(ref lane, out MessageEvent e, out bool another); n++)
        {
            if (another) Post();
            t_works = true;
            _runner.Run(e);
            t_works = false;
            bool enough = here
                ? n > MostForOthers || _events.AreBatched || !_runner.Pace.IsShort || Stopwatch.GetElapsedTime(began) > s_longestForOthers
                : _runner.Pace.Burns || _events.AreBatched || (_scheduler.Waiting > 0 && Stopwatch.GetElapsedTime(began) > s_turn);
            if (!enough) continue;
            if (_events.HandOver(ref lane)) Post();
            return;
        }
    }

    private sealed class Work(MessageQueue queue) : IGuestWork
    {
        public bool Burns => queue._runner.Pace.Burns;

        public void Run()
        {
            if (queue._events.AreBatched) queue.RunBatches();
            else queue.Run(here: false);
        }
    }

    private void End(MessageEvent e, Outcome outcome, string? why = null)
    {
        // A dead letter that fails is no other dead letter.
        if (outcome == Outcome.Failed && e.Retry is { } retry && e.Message.MetadataOf(RetryPolicy.TopicName) is null)
        {
            // Where the node stops, it is neither tried again nor buried: it is not acknowledged, and comes again.
            if (_stopping) Finish(e, Outcome.NotDelivered);
            else if (e.Attempt >= retry.Retries) _ = Bury(e, retry, why ?? "it failed");
            else if (retry.BySource) Finish(e, Outcome.Again);
            else _ = Interlocked.Increment(ref _retrying) > Capacity ? BuryNow(e, retry, why) : TryAgain(e);
            return;
        }

        Finish(e, outcome);
    }

    /// <summary>After a while, as a new event behind those that wait: it holds up none of them.</summary>
    private async Task TryAgain(MessageEvent e)
    {
        Interlocked.Increment(ref _retried);
        await Task.Yield(); // this may be the outbox's thread, which what follows may wait for
        e.Delivery?.Resume();
        e.Delivery?.Park();
        try
        {
            await Task.Delay(RetryPolicy.DelayBefore(e.Attempt + 1), _stop.Token).ConfigureAwait(false);
            if (await _events.AddAsync(e with { Attempt = e.Attempt + 1 }, _stop.Token).ConfigureAwait(false)) Begin(here: false);
        }
        catch (Exception error) when (error is OperationCanceledException or ChannelClosedException)
        {
            // The node stops. It was not handled, so it is not acknowledged, and comes again.
            Finish(e, Outcome.NotDelivered);
        }
        finally
        {
            Interlocked.Decrement(ref _retrying);
        }
    }

    /// <summary>What waits to be tried again is bounded as the queue is.</summary>
    private Task BuryNow(MessageEvent e, RetryPolicy retry, string? why)
    {
        Interlocked.Decrement(ref _retrying);
        return Bury(e, retry, $"{why ?? "it failed"} ({Capacity} others wait to be tried again)");
    }

    /// <summary>To the dead-letter topic, with the reason. The event is over when that is safe.</summary>
    private Task Bury(MessageEvent e, RetryPolicy retry, string why)
    {
        Message letter = e.Message.Copy();
        letter.AddMetadata(RetryPolicy.TopicName, e.Message.Topic ?? "");
        letter.AddMetadata(RetryPolicy.ComponentName, $"{Component.App}/{Component.Name}");
        letter.AddMetadata("mote-attempts", (e.Attempt + 1).ToString(System.Globalization.CultureInfo.InvariantCulture));
        letter.AddMetadata("mote-error", RetryPolicy.Reason(why));
        // A component that fails on purpose must not get its message out this way.
        if (!Component.StaysInside(retry.Client, retry.DeadLetterTopic) && !Component.MaySend(letter.WireBytes(retry.DeadLetterTopic)))
        {
            // Nothing in it is the component's or the message's own.
            letter = new Message(ReadOnlyMemory<byte>.Empty);
            letter.AddMetadata(RetryPolicy.TopicName, e.Message.Topic ?? "");
            letter.AddMetadata(RetryPolicy.ComponentName, $"{Component.App}/{Component.Name}");
            letter.AddMetadata("mote-withheld", $"the {e.Message.Bytes.Length} bytes of the message, and why it failed, are over the component's egress budget");
        }

        Interlocked.Increment(ref _buried);
        // Where many fail at once they are held up by it. Not so the outbox's thread, which may be this one: the topic may
        // lead to a queue that has no room now.
        if (Interlocked.Increment(ref _burying) <= MostLetters || !t_works) return Task.Run(() => Send(e, retry, letter));
        Send(e, retry, letter);
        return Task.CompletedTask;
    }

    private void Send(MessageEvent e, RetryPolicy retry, Message letter)
    {
        try
        {
            var dead = new Published(retry.DeadLetterTopic, letter, retry.Client);
            _sink(Component, [dead], e.Delivery?.End() ?? 0, fault =>
            {
                if (fault is null) Left(e, [dead]);
                Finish(e, fault is null or { Fault: MessagingFault.Refused } ? Outcome.Failed : Outcome.NotDelivered);
            });
        }
        catch (MessagingException fault)
        {
            _log($"component `{Component.Name}`: a dead letter could not be sent to `{retry.DeadLetterTopic}`: {fault.Message}");
            Finish(e, fault.Fault == MessagingFault.Refused ? Outcome.Failed : Outcome.NotDelivered);
        }
        catch (Exception fault)
        {
            // Whatever it is (a broker that has stopped): nobody would hear of it, and the event would never be over.
            _log($"component `{Component.Name}`: a dead letter could not be sent to `{retry.DeadLetterTopic}`: {fault}");
            Finish(e, Outcome.NotDelivered);
        }
        finally
        {
            Interlocked.Decrement(ref _burying);
        }
    }

    private void Finish(MessageEvent e, Outcome outcome)
    {
        Interlocked.Increment(ref outcome == Outcome.Handled ? ref _handled : ref outcome == Outcome.Failed ? ref _failed : ref outcome == Outcome.Again ? ref _retried : ref _notDelivered);
        e.Done?.Invoke(outcome);
        Interlocked.Decrement(ref _waiting);
    }
}
