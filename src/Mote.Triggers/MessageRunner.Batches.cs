// Gives several events to a microVM in one call.
using System.Diagnostics;
using Mote.Capabilities.Messaging;
using Mote.Components;
using Mote.DataPlane;
using Mote.Runtime;
using Mote.Runtime.Telemetry;
using Mote.Wasmtime;

namespace Mote.Triggers;

internal sealed partial class MessageRunner
{
    /// <summary>Most lines about single messages of one batch.</summary>
    private const int MostLines = 10;

    private long _batches;

    /// <summary>Told what of a batch's has been passed on, on any thread; before its end.</summary>
    public required Action<MessageEvent[], Published[]> Passed { get; init; }

    /// <summary>Calls with a batch, also of one event.</summary>
    public long Batches => Volatile.Read(ref _batches);

    /// <summary>Those of a batch whose turn has come; the others wait for an earlier one, and come again.</summary>
    public MessageEvent[] Ready(MessageEvent[] events)
    {
        List<MessageEvent>? ready = null;
        for (int i = 0; i < events.Length; i++)
        {
            if (events[i].Delivery?.MayRun() == false)
            {
                ready ??= [.. events.AsSpan(0, i)];
                _end(events[i], Outcome.NotDelivered, null);
            }
            else
            {
                ready?.Add(events[i]);
            }
        }

        return ready is null ? events : [.. ready];
    }

    /// <summary>Handles a batch. Where its results are on their way to the disk its events end when they are there, and the next batch may begin.</summary>
    /// <returns>False where it failed as a whole: none of its events is over, and each is to be tried by itself.</returns>
    public bool Run(MessageEvent[] events)
    {
        Interlocked.Increment(ref _batches);
        if (events.Length == 1)
        {
            Run(events[0]);
            return true;
        }

        var endings = new Ending[events.Length];
        if (!(Tracing.IsOn ? HandleTraced(events, endings) : HandleSafely(events, endings))) return false;
        for (int i = 0; i < events.Length; i++)
        {
            if (endings[i].Outcome is { } outcome) _end(events[i], outcome, endings[i].Why);
        }

        return true;
    }

    private bool HandleTraced(MessageEvent[] events, Ending[] endings)
    {
        MessageEvent first = events[0];
        using Activity? span = Tracing.Events($"process {first.Filter ?? Component.Name}", Component, "pubsub", events.Select(static e => (e.Message.MetadataOf("traceparent"), e.Message.MetadataOf("tracestate"))));
        span?.SetTag("messaging.system", first.Message.System).SetTag("messaging.operation.type", "process").SetTag("messaging.operation.name", "process")
            .SetTag("messaging.batch.message_count", events.Length).SetTag("messaging.destination.template", first.Filter);
        return HandleSafely(events, endings);
    }

    private bool HandleSafely(MessageEvent[] events, Ending[] endings)
    {
        try
        {
            return Handle(events, endings);
        }
        catch (Exception fault)
        {
            return Failed(events, $"met a fault of the node: {fault}");
        }
    }

    /// <param name="events">The events.</param>
    /// <param name="endings">What became of each; null where that is told later.</param>
    /// <returns>False where each is to be tried by itself.</returns>
    private bool Handle(MessageEvent[] events, Ending[] endings)
    {
        long start = Stopwatch.GetTimestamp();
        using Replaceable<MessageTarget>.Lease target = _target.Take();
        if (!target.Value.Handler.TakesBatches) return false; // the code has just been replaced
        MicroVmPool pool = target.Value.Pool;
        if (Rent(pool, out bool warm, out string? why) is not { } vm)
        {
            // Not the messages' fault: one by one it would go no better.
            Say(Name(events), why!);
            Array.Fill(endings, new Ending(Outcome.Failed, why));
            return true;
        }

        long busy = vm.Busy.Ticks;
        try
        {
            MessagingGuest guest = _messaging.Guest(vm);
            var messages = new Message[events.Length];
            for (int i = 0; i < events.Length; i++) messages[i] = events[i].Message.Copy();
            Result<BatchHandler.Failure[], IMessagingTypes.Error> result;
            try
            {
                result = vm.Call((handler: target.Value.Handler, guest, messages), static (instance, s) => s.handler.HandleBatch(instance, s.guest, s.messages));
            }
            catch (TrapException trap)
            {
                guest.Discard();
                Pace.Failed();
                return Failed(events, $"trapped: {trap.Describe()}");
            }

            string? fault = !result.IsOk ? $"answered with an error: {Describe(result.Error)}" : Note(result.Value, endings);
            if (fault is not null)
            {
                guest.Discard();
                Pace.Failed();
                return Failed(events, fault);
            }

            Pace.Worked();
            int failed = result.Value.Length == 0 ? 0 : SayFailures(events, endings);
            (warm ? Warm : Cold).Add(Stopwatch.GetElapsedTime(start), events.Length - failed);
            return Pass(pool.Component, guest.TakePublished(), events, endings, failed);
        }
        finally
        {
            Pace.Note(vm, busy);
            pool.Return(vm);
        }
    }

    /// <summary>What the component has sent goes on, and with it those events that it has handled come to their end.</summary>
    private bool Pass(AppComponent component, Published[] published, MessageEvent[] events, Ending[] endings, int failed)
    {
        MessageEvent[] handled = failed == 0 ? events : [.. events.Where((_, i) => endings[i].Outcome is null)];
        if (published.Length == 0)
        {
            return Rest(endings, new Ending(Outcome.Handled, null));
        }

        if (handled.Any(static e => e.Delivery?.MayRun() == false))
        {
            // An earlier one came back while they were handled; what was sent is of all of them together.
            return Rest(endings, new Ending(Outcome.NotDelivered, null));
        }

        try
        {
            _sink(component, published, new InboxIds(handled.Select(static e => e.Delivery?.End() ?? 0)), fault =>
            {
                if (fault is null) Passed(handled.Length > 0 ? handled : events, published);
                Outcome outcome = fault is null ? Outcome.Handled : NotPassedOn(Name(handled), fault);
                foreach (MessageEvent e in handled) _end(e, outcome, fault?.Message);
            });
        }
        catch (MessagingException fault)
        {
            foreach (MessageEvent e in handled) e.Delivery?.Resume();
            // The broker is away, or the disk is full: they come again. Or one of the messages that were sent is such that nobody takes it.
            return NotPassedOn(Name(handled), fault) == Outcome.NotDelivered && Rest(endings, new Ending(Outcome.NotDelivered, fault.Message));
        }

        Interlocked.Add(ref _published, published.Length);
        return true;
    }

    /// <summary>Enters what the component could not handle.</summary>
    /// <returns>What is wrong with its answer; null where nothing is.</returns>
    private static string? Note(BatchHandler.Failure[] failures, Ending[] endings)
    {
        foreach (BatchHandler.Failure f in failures)
        {
            if (f.Index >= endings.Length) return $"answered that message {f.Index} of a batch of {endings.Length} failed (the first is 0)";
        }

        foreach (BatchHandler.Failure f in failures) endings[f.Index] = new Ending(Outcome.Failed, $"answered with an error: {Describe(f.Error)}");
        return null;
    }

    /// <returns>How many messages failed.</returns>
    private int SayFailures(MessageEvent[] events, Ending[] endings)
    {
        int failed = 0;
        for (int i = 0; i < events.Length; i++)
        {
            if (endings[i].Outcome is null) continue;
            if (++failed <= MostLines) Log($"message on `{events[i].Message.Topic}`: {endings[i].Why}");
        }

        if (failed > MostLines) Log($"and {failed - MostLines} more of the same batch");
        if (Tracing.IsOn) Tracing.Fail(Activity.Current, "failed", $"{failed} of {events.Length} messages failed");
        return failed;
    }

    /// <summary>What becomes of those of which nothing is known yet.</summary>
    /// <returns>True.</returns>
    private static bool Rest(Ending[] endings, Ending ending)
    {
        for (int i = 0; i < endings.Length; i++)
        {
            if (endings[i].Outcome is null) endings[i] = ending;
        }

        return true;
    }

    /// <returns>False.</returns>
    private bool Failed(MessageEvent[] events, string what)
    {
        if (Tracing.IsOn) Tracing.Fail(Activity.Current, "failed", what);
        Log($"{Name(events)}: {what}; each is tried by itself");
        return false;
    }

    private static string Name(MessageEvent[] events) => $"a batch of {events.Length} messages";

    /// <summary>What became of an event; null where that is told later, or not known yet.</summary>
    private readonly record struct Ending(Outcome? Outcome, string? Why);
}
