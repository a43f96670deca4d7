// Gives one event to a microVM of its component, and what the component sent to whoever passes it on.
using System.Diagnostics;
using Mote.Capabilities.Messaging;
using Mote.Components;
using Mote.DataPlane;
using Mote.Runtime;
using Mote.Runtime.Telemetry;
using Mote.Wasmtime;

namespace Mote.Triggers;

/// <summary>Handles events of one component, on the caller's thread.</summary>
internal sealed partial class MessageRunner : IDisposable
{
    /// <summary>So many short calls in a row, and the next event may be handled by the thread that brought it.</summary>
    private const int Calm = 16;

    private readonly Replaceable<MessageTarget> _target;
    private readonly MessagingCapability _messaging;
    private readonly PublishedSink _sink;
    private readonly Action<string> _log;
    private readonly Action<MessageEvent, Published[]> _passed;
    private readonly Action<MessageEvent, Outcome, string?> _end;
    private readonly PastCounts _past = new();
    private long _published;

    /// <summary>A runner.</summary>
    /// <param name="target">The component's code, which belongs to the runner from now on.</param>
    /// <param name="messaging">Where what it sends is found.</param>
    /// <param name="sink">Takes what it sends.</param>
    /// <param name="log">Told of failures.</param>
    /// <param name="passed">Told what of an event's has been passed on, on any thread; before its end.</param>
    /// <param name="end">Told what became of an event and why, on any thread.</param>
    public MessageRunner(MessageTarget target, MessagingCapability messaging, PublishedSink sink, Action<string> log, Action<MessageEvent, Published[]> passed, Action<MessageEvent, Outcome, string?> end)
    {
        _target = new Replaceable<MessageTarget>(target);
        _messaging = messaging;
        _sink = sink;
        _log = log;
        _passed = passed;
        _end = end;
    }

    /// <summary>Whose events these are.</summary>
    public AppComponent Component => _target.Now.Pool.Component;

    /// <summary>How long its calls take, mostly.</summary>
    public GuestPace Pace { get; } = new(Calm);

    /// <summary>Time from a fresh microVM's start to the end of its first event.</summary>
    public LatencyHistogram Cold { get; } = new();

    /// <summary>Time an event takes in a warm microVM.</summary>
    public LatencyHistogram Warm { get; } = new();

    /// <summary>Messages that the component sent.</summary>
    public long Published => Volatile.Read(ref _published);

    /// <summary>The component's microVMs.</summary>
    public PoolCounts MicroVms
    {
        get
        {
            PoolCounts now = _target.Now.Pool.Counts;
            lock (_past) return new PoolCounts(_past.Started + now.Started, _past.Reused + now.Reused, _past.Trapped + now.Trapped, now.Idle);
        }
    }

    /// <summary>Events that begin from now on go to the new code, those in work are finished by the old.</summary>
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

    /// <inheritdoc/>
    public void Dispose() => _target.Dispose();

    /// <summary>Handles an event. One whose results are on their way to the disk ends when they are there, and the next one may begin.</summary>
    public void Run(in MessageEvent e)
    {
        if (e.Delivery?.MayRun() == false)
        {
            _end(e, Outcome.NotDelivered, null);
            return;
        }

        if ((Tracing.IsOn ? HandleTraced(e, out string? why) : HandleSafely(e, out why)) is { } outcome) _end(e, outcome, why);
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
        Message message = e.Message;
        long start = Stopwatch.GetTimestamp();
        using Replaceable<MessageTarget>.Lease target = _target.Take();
        MicroVmPool pool = target.Value.Pool;
        if (Rent(pool, out bool warm, out why) is not { } vm)
        {
            Say(message, why!);
            return Outcome.Failed;
        }

        long busy = vm.Busy.Ticks;
        try
        {
            MessagingGuest guest = _messaging.Guest(vm);
            try
            {
                Result<Unit, IMessagingTypes.Error> result = vm.Call((handler: target.Value.Handler, guest, message: message.Copy()), static (instance, s) => s.handler.Handle(instance, s.guest, s.message));
                if (!result.IsOk)
                {
                    guest.Discard();
                    Pace.Failed();
                    Say(message, why = $"answered with an error: {Describe(result.Error)}");
                    return Outcome.Failed;
                }
            }
            catch (TrapException trap)
            {
                guest.Discard();
                Pace.Failed();
                Say(message, why = $"trapped: {trap.Describe()}");
                return Outcome.Failed;
            }

            Pace.Worked();
            (warm ? Warm : Cold).Add(Stopwatch.GetElapsedTime(start));
            Published[] published = guest.TakePublished();
            if (published.Length == 0) return Outcome.Handled;
            if (e.Delivery?.MayRun() == false) return Outcome.NotDelivered; // an earlier one came back while this one was handled
            Interlocked.Add(ref _published, published.Length);
            _sink(pool.Component, published, e.Delivery?.End() ?? 0, fault =>
            {
                if (fault is null) _passed(e, published);
                _end(e, fault is null ? Outcome.Handled : NotPassedOn(Name(message), fault), fault?.Message);
            });
            return null;
        }
        catch (MessagingException fault)
        {
            why = fault.Message;
            return NotPassedOn(Name(message), fault);
        }
        finally
        {
            Pace.Note(vm, busy);
            pool.Return(vm);
        }
    }

    /// <returns>A microVM; null where none starts, and why.</returns>
    private MicroVm? Rent(MicroVmPool pool, out bool warm, out string? why)
    {
        try
        {
            why = null;
            return pool.Rent(out warm);
        }
        catch (WasmtimeException fault)
        {
            // Also a trap in a start function.
            Pace.Failed();
            Pace.NoteNoStart(late: fault.InnerException is DeadlineException);
            why = fault is TrapException trap ? $"could not start: {trap.Describe()}" : $"could not start: {fault.Message}";
            warm = false;
            return null;
        }
    }

    private Outcome NotPassedOn(string whose, MessagingException fault)
    {
        Say(whose, $"sent messages that could not be passed on: {fault.Message}");
        return fault.Fault == MessagingFault.Refused ? Outcome.Failed : Outcome.NotDelivered;
    }

    private void Say(Message message, string what) => Say(Name(message), what);

    private void Say(string whose, string what)
    {
        if (Tracing.IsOn) Tracing.Fail(Activity.Current, "failed", what);
        Log($"{whose}: {what}");
    }

    private static string Name(Message message) => $"message on `{message.Topic}`";

    private void Log(string what) => _log($"component `{Component.Name}`, {what}");

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
