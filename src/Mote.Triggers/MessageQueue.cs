// The events of one component: a bounded queue, and threads that give each event to a microVM.
using System.Diagnostics;
using System.Threading.Channels;
using Mote.Capabilities.Messaging;
using Mote.Components;
using Mote.DataPlane;
using Mote.Runtime;
using Mote.Runtime.Telemetry;
using Mote.Wasmtime;

namespace Mote.Triggers;

/// <summary>What became of an event.</summary>
public enum Outcome
{
    /// <summary>The component handled it and what it sent is on its way.</summary>
    Handled,

    /// <summary>The component answered with an error or trapped, as often as it was tried. Giving it the event again would end the same way.</summary>
    Failed,

    /// <summary>What the component sent could not be passed on: the event should come again.</summary>
    NotDelivered,

    /// <summary>The component failed, and is to be given the event again after a while by whoever it came from (<see cref="RetryPolicy.BySource"/>).</summary>
    Again,

    /// <summary>It is on disk and the component will get it: whoever sent it may forget it.</summary>
    Kept,
}

/// <summary>An event that waits for a component.</summary>
/// <param name="Message">The message.</param>
/// <param name="Done">Told when it is over, on any thread; null where nobody asks.</param>
/// <param name="Filter">What the trigger asks for, as in the manifest: a name for spans.</param>
/// <param name="IsOfTimer">It is a firing of a timer, and came by no broker.</param>
/// <param name="Retry">What to do when the component fails; null is nothing.</param>
/// <param name="Attempt">How often it has been tried before.</param>
public readonly record struct MessageEvent(Message Message, Action<Outcome>? Done, string? Filter = null, bool IsOfTimer = false, RetryPolicy? Retry = null, int Attempt = 0)
{
    /// <summary>What keeps it on disk where it takes long; null where nothing does.</summary>
    internal Delivery? Delivery { get; init; }
}

/// <summary>Passes on what a component sent while it handled an event.</summary>
/// <param name="component">Who sent it.</param>
/// <param name="messages">What.</param>
/// <param name="over">The message of the inbox that they were made of, which is over when they are safe; 0 for none.</param>
/// <param name="done">Told when it is safe (null), on any thread, or why it is not. It must be quick and throw nothing.</param>
/// <exception cref="MessagingException">It could not be passed on; <paramref name="done"/> is not told then.</exception>
public delegate void PublishedSink(AppComponent component, Published[] messages, long over, Action<MessagingException?> done);

/// <summary>Counts of a component's events.</summary>
/// <param name="Received">Events taken into the queue.</param>
/// <param name="ReceivedBytes">Their topics and data.</param>
/// <param name="Handled">Events handled.</param>
/// <param name="Failed">Events that the component could not handle.</param>
/// <param name="NotDelivered">Events whose results could not be passed on.</param>
/// <param name="Published">Messages that the component sent.</param>
/// <param name="Waiting">Events in the queue, in work, or to be tried again.</param>
/// <param name="Retried">Attempts that failed and were made again.</param>
/// <param name="DeadLetters">Events given to the dead-letter topic.</param>
public readonly record struct EventCounts(long Received, long ReceivedBytes, long Handled, long Failed, long NotDelivered, long Published, long Waiting, long Retried = 0, long DeadLetters = 0);

/// <summary>
/// A queue of messages for one component and the microVM threads that handle them. The order is that of arrival where
/// the component has a concurrency of 1.
/// </summary>
public sealed class MessageQueue : IAsyncDisposable
{
    private readonly Replaceable<MessageTarget> _target;
    private readonly MessagingCapability _messaging;
    private readonly PublishedSink _sink;
    private readonly Action<string> _log;
    private readonly Channel<MessageEvent> _queue;
    private readonly Thread[] _threads;
    private readonly TaskCompletionSource _drained = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly PastCounts _past = new();
    private int _running;
    private volatile bool _stopping;
    private readonly CancellationTokenSource _stop = new();
    private long _received;
    private long _receivedBytes;
    private long _handled;
    private long _failed;
    private long _notDelivered;
    private long _published;
    private long _waiting;
    private long _retried;
    private long _buried;
    private int _retrying;

    /// <summary>Starts the threads.</summary>
    /// <param name="target">The component's code, which belongs to the queue from now on.</param>
    /// <param name="messaging">Where what it sends is found.</param>
    /// <param name="concurrency">Most events at once.</param>
    /// <param name="capacity">Most events that wait.</param>
    /// <param name="sink">Takes what it sends.</param>
    /// <param name="log">Told of failures.</param>
    public MessageQueue(MessageTarget target, MessagingCapability messaging, int concurrency, int capacity, PublishedSink sink, Action<string> log)
    {
        _target = new Replaceable<MessageTarget>(target);
        _messaging = messaging;
        _sink = sink;
        _log = log;
        _queue = Channel.CreateBounded<MessageEvent>(new BoundedChannelOptions(capacity) { SingleReader = concurrency == 1 });
        Capacity = capacity;
        _running = concurrency;
        _threads = new Thread[concurrency];
        for (int i = 0; i < concurrency; i++)
        {
            _threads[i] = new Thread(Run, GuestScheduler.StackBytes) { IsBackground = true, Name = $"{target.Pool.Component.Name}-{i}" };
            _threads[i].Start();
        }
    }

    /// <summary>What its events are: mqtt, messaging, timer, or several of them with + between.</summary>
    public string Trigger { get; init; } = "mqtt";

    /// <summary>The same in the words of OpenTelemetry (faas.trigger).</summary>
    public string FaasTrigger => Trigger == "timer" ? "timer" : "pubsub";

    /// <summary>And where its events come from (messaging.system).</summary>
    public string MessagingSystem => Trigger.Contains("mqtt", StringComparison.Ordinal) ? "mqtt" : Trigger.Contains("messaging", StringComparison.Ordinal) ? "nats" : Trigger.Contains("flow", StringComparison.Ordinal) ? "mote" : "timer";

    /// <summary>Most events at once.</summary>
    public int Concurrency => _threads.Length;

    /// <summary>Most events that wait.</summary>
    public int Capacity { get; }

    /// <summary>Whose events these are.</summary>
    public AppComponent Component => _target.Now.Pool.Component;

    /// <summary>Time from a fresh microVM's start to the end of its first event.</summary>
    public LatencyHistogram Cold { get; } = new();

    /// <summary>Time an event takes in a warm microVM.</summary>
    public LatencyHistogram Warm { get; } = new();

    /// <summary>The component's microVMs.</summary>
    public PoolCounts MicroVms
    {
        get
        {
            PoolCounts now = _target.Now.Pool.Counts;
            lock (_past) return new PoolCounts(_past.Started + now.Started, _past.Reused + now.Reused, _past.Trapped + now.Trapped, now.Idle);
        }
    }

    /// <summary>Counts so far.</summary>
    public EventCounts Counts => new(
        Volatile.Read(ref _received), Volatile.Read(ref _receivedBytes), Volatile.Read(ref _handled), Volatile.Read(ref _failed),
        Volatile.Read(ref _notDelivered), Volatile.Read(ref _published), Volatile.Read(ref _waiting), Volatile.Read(ref _retried), Volatile.Read(ref _buried));

    /// <summary>Takes an event, when there is room: whoever sends waits as long as the queue is full.</summary>
    /// <exception cref="ChannelClosedException">The queue has been stopped.</exception>
    public async ValueTask EnqueueAsync(MessageEvent e, CancellationToken token)
    {
        if (Skips(e)) return;
        Interlocked.Increment(ref _waiting);
        try
        {
            if (!_queue.Writer.TryWrite(e)) await _queue.Writer.WriteAsync(e, token).ConfigureAwait(false);
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
        if (Skips(e)) return true;
        Interlocked.Increment(ref _waiting);
        if (!_queue.Writer.TryWrite(e))
        {
            Interlocked.Decrement(ref _waiting);
            return false;
        }

        Count(e);
        return true;
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
    }

    /// <summary>Waits until nothing waits, at most this long; true where that came.</summary>
    public async Task<bool> IdleAsync(TimeSpan timeout)
    {
        long start = Stopwatch.GetTimestamp();
        while (Counts.Waiting > 0)
        {
            if (Stopwatch.GetElapsedTime(start) > timeout) return false;
            await Task.Delay(10).ConfigureAwait(false);
        }

        return true;
    }

    /// <summary>Ends the events in work, leaves those that wait (they are not acknowledged), and ends the microVMs.</summary>
    public async ValueTask DisposeAsync()
    {
        _stopping = true;
        await _stop.CancelAsync().ConfigureAwait(false);
        _queue.Writer.TryComplete();
        await _drained.Task.ConfigureAwait(false);
        _target.Dispose();
        _stop.Dispose();
    }

    /// <summary>
    /// Replaces the component's code: events that begin from now on go to the new, those in work are finished by the old,
    /// which ends with the last of them. No event is lost or waits for the change.
    /// </summary>
    public void Replace(MessageTarget target)
    {
        MessageTarget old = _target.Now;
        old.Ended = () =>
        {
            PoolCounts counts = old.Pool.Counts;
            lock (_past)
            {
                _past.Started += counts.Started;
                _past.Reused += counts.Reused;
                _past.Trapped += counts.Trapped;
            }
        };
        _target.Replace(target);
    }

    private void Run()
    {
        try
        {
            ChannelReader<MessageEvent> reader = _queue.Reader;
            while (!_stopping)
            {
                if (reader.TryRead(out MessageEvent e))
                {
                    // An event whose results are on their way to the disk ends when they are there; the next one begins.
                    if ((Tracing.IsOn ? HandleTraced(e, out string? why) : HandleSafely(e, out why)) is { } outcome) End(e, outcome, why);
                }
                else if (!reader.WaitToReadAsync().AsTask().GetAwaiter().GetResult())
                {
                    break;
                }
            }
        }
        finally
        {
            if (Interlocked.Decrement(ref _running) == 0) _drained.TrySetResult();
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
            await _queue.Writer.WriteAsync(e with { Attempt = e.Attempt + 1 }, _stop.Token).ConfigureAwait(false);
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
        // Not on this thread, which may be the outbox's: the topic may lead to a queue that has no room now.
        return Task.Run(() =>
        {
            try
            {
                _sink(Component, [new Published(retry.DeadLetterTopic, letter, retry.Client)], e.Delivery?.End() ?? 0, fault => Finish(e, fault is null or { Fault: MessagingFault.Refused } ? Outcome.Failed : Outcome.NotDelivered));
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
        });
    }

    private void Finish(MessageEvent e, Outcome outcome)
    {
        Interlocked.Increment(ref outcome == Outcome.Handled ? ref _handled : ref outcome == Outcome.Failed ? ref _failed : ref outcome == Outcome.Again ? ref _retried : ref _notDelivered);
        e.Done?.Invoke(outcome);
        Interlocked.Decrement(ref _waiting);
    }

    private Outcome? HandleTraced(MessageEvent e, out string? why)
    {
        using Activity? span = Tracing.Event($"process {e.Filter ?? Component.Name}", ActivityKind.Consumer, Component, e.IsOfTimer ? "timer" : "pubsub", e.Message.MetadataOf("traceparent"), e.Message.MetadataOf("tracestate"));
        span?.SetTag("messaging.system", e.IsOfTimer ? "timer" : e.Message.System).SetTag("messaging.operation.type", "process").SetTag("messaging.operation.name", "process").SetTag("messaging.destination.name", e.Message.Topic)
            .SetTag("messaging.destination.template", e.Filter).SetTag("messaging.message.body.size", e.Message.Bytes.Length);
        Outcome? outcome = HandleSafely(e, out why);
        // What failed has been said, with the reason, in the span.
        if (outcome is not (null or Outcome.Handled) && span is { Status: ActivityStatusCode.Unset }) Tracing.Fail(span, "failed", $"{outcome}");
        return outcome;
    }

    /// <summary>A fault of the host's own ends the event, not the process with everything else in it.</summary>
    private Outcome? HandleSafely(MessageEvent e, out string? why)
    {
        try
        {
            return Handle(e, out why);
        }
        catch (Exception fault)
        {
            Say(e.Message, $"met a fault of the node: {fault}");
            why = "the node failed";
            return Outcome.Failed;
        }
    }

    /// <returns>What became of it; null where that is told later.</returns>
    private Outcome? Handle(MessageEvent e, out string? why)
    {
        why = null;
        Message message = e.Message;
        long start = Stopwatch.GetTimestamp();
        using Replaceable<MessageTarget>.Lease target = _target.Take();
        MicroVmPool pool = target.Value.Pool;
        MicroVm vm;
        bool warm;
        try
        {
            vm = pool.Rent(out warm);
        }
        catch (WasmtimeException fault)
        {
            // Also a trap in a start function.
            Say(message, why = fault is TrapException trap ? $"could not start: {trap.Describe()}" : $"could not start: {fault.Message}");
            return Outcome.Failed;
        }

        try
        {
            MessagingGuest guest = _messaging.Guest(vm);
            try
            {
                Result<Unit, IMessagingTypes.Error> result = vm.Call((handler: target.Value.Handler, guest, message: e.Retry is null ? message : message.Copy()), static (instance, s) => s.handler.Handle(instance, s.guest, s.message));
                if (!result.IsOk)
                {
                    guest.Discard();
                    Say(message, why = $"answered with an error: {Describe(result.Error)}");
                    return Outcome.Failed;
                }
            }
            catch (TrapException trap)
            {
                guest.Discard();
                Say(message, why = $"trapped: {trap.Describe()}");
                return Outcome.Failed;
            }

            (warm ? Warm : Cold).Add(Stopwatch.GetElapsedTime(start));
            Published[] published = guest.TakePublished();
            if (published.Length == 0) return Outcome.Handled;
            Interlocked.Add(ref _published, published.Length);
            _sink(pool.Component, published, e.Delivery?.End() ?? 0, fault => End(e, fault is null ? Outcome.Handled : NotPassedOn(message, fault), fault?.Message));
            return null;
        }
        catch (MessagingException fault)
        {
            why = fault.Message;
            return NotPassedOn(message, fault);
        }
        finally
        {
            pool.Return(vm);
        }
    }

    private Outcome NotPassedOn(Message message, MessagingException fault)
    {
        Say(message, $"sent messages that could not be passed on: {fault.Message}");
        return fault.Fault == MessagingFault.Refused ? Outcome.Failed : Outcome.NotDelivered;
    }

    private void Say(Message message, string what)
    {
        if (Tracing.IsOn) Tracing.Fail(Activity.Current, "failed", what);
        _log($"component `{Component.Name}`, message on `{message.Topic}`: {what}");
    }

    private static string Describe(IMessagingTypes.Error error) => error switch
    {
        IMessagingTypes.Error.Connection e => $"connection: {e.Value}",
        IMessagingTypes.Error.PermissionDenied e => $"permission denied: {e.Value}",
        IMessagingTypes.Error.Other e => e.Value,
        _ => error.GetType().Name.ToLowerInvariant(),
    };

    /// <summary>What microVMs of replaced code did.</summary>
    private sealed class PastCounts
    {
        public long Started;
        public long Reused;
        public long Trapped;
    }
}
