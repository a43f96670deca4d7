// The events of a component that takes several in one call.
using System.Diagnostics;
using Mote.Capabilities.Messaging;
using Mote.Runtime;

namespace Mote.Triggers;

public sealed partial class MessageQueue
{
    private readonly BatchOptions _batches;

    /// <summary>How large batches are; null where the component takes one event at a time.</summary>
    public BatchOptions? Batches => _events.AreBatched ? _batches : null;

    /// <summary>Batches where the component takes them.</summary>
    private void Batch(MessageTarget target)
    {
        if (target.Handler.TakesBatches != _events.AreBatched) _events.Batch(target.Handler.TakesBatches ? _batches : null, TimeProvider.System, Post);
    }

    /// <summary>Handles batches of what waits, as <see cref="Run"/> does events.</summary>
    private void RunBatches()
    {
        var batch = new MessageBatch();
        long began = Stopwatch.GetTimestamp();
        while (_events.Next(batch, out bool another))
        {
            if (another) Post();
            t_works = true;
            Run(batch);
            t_works = false;
            bool enough = _runner.Pace.Burns || !_events.AreBatched || (_scheduler.Waiting > 0 && Stopwatch.GetElapsedTime(began) > s_turn);
            if (!enough) continue;
            if (_events.HandOver(batch)) Post();
            return;
        }
    }

    /// <summary>
    /// Where a batch fails as a whole, whatever it is in it that the component fails at must not take the rest with it: each
    /// event is tried by itself, at once and in their order, and what fails then follows its trigger's policy. Nobody else
    /// has events of these keys meanwhile.
    /// </summary>
    private void Run(MessageBatch batch)
    {
        MessageEvent[] events = _runner.Ready([.. batch.Events]); // what is on its way to the disk outlives the batch
        if (events.Length == 0 || _runner.Run(events)) return;
        Interlocked.Add(ref _retried, events.Length);
        foreach (MessageEvent e in events)
        {
            if (_stopping) Finish(e, Outcome.NotDelivered);
            else _runner.Run(e);
        }
    }

    /// <summary>What was made of a batch has been passed on. Which message it was made of nobody knows: their topics share it, by the bytes that came on them.</summary>
    private void Left(MessageEvent[] batch, Published[] published)
    {
        if (Ledger is null || Leaving is null) return;
        long left = 0;
        foreach (Published p in published)
        {
            if (Leaving(p) is not (> 0 and var bytes)) continue;
            Ledger.Out(null, p.Topic, bytes);
            left += bytes;
        }

        long all = batch.Sum(BytesOf), seen = 0, told = 0;
        if (left == 0 || all == 0) return;
        foreach (IGrouping<string, MessageEvent> topic in batch.Where(e => BytesOf(e) > 0).GroupBy(e => e.Message.Topic!))
        {
            // The shares are parts of a line, so that together they are all of it.
            seen += topic.Sum(BytesOf);
            long upTo = (long)((Int128)left * seen / all);
            Ledger.Made(topic.Key, upTo - told);
            told = upTo;
        }

        static long BytesOf(MessageEvent e) => e.IsOfTimer || e.Message.Topic is not { } t ? 0 : Math.Max(1, e.Message.WireBytes(t));
    }
}
