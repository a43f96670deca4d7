// Batches of the events that wait for a component: how many, when, and that no two in work have events of one key.
using System.Collections.Concurrent;
using Mote.Capabilities.Messaging;
using Mote.Node.Tests.Timer;
using Mote.Runtime;
using Mote.Triggers;

namespace Mote.Node.Tests.Batches;

public sealed class WaitingBatchesTests
{
    private static readonly TimeSpan s_wait = TimeSpan.FromMilliseconds(20);

    private readonly ManualTime _time = new(DateTimeOffset.UnixEpoch);
    private int _due;

    private static MessageEvent Event(int number, string topic = "a", int size = 4, int attempt = 0, bool timer = false)
    {
        byte[] data = new byte[size];
        BitConverter.TryWriteBytes(data, number);
        return new MessageEvent(new Message(data) { Topic = topic }, null, IsOfTimer: timer, Attempt: attempt);
    }

    private static int[] Numbers(MessageBatch batch) => [.. batch.Events.Select(e => BitConverter.ToInt32(e.Message.Bytes.Span))];

    private WaitingEvents Events(int size, int capacity = 1000, int concurrency = 1, long bytes = BatchOptions.DefaultBytes, TimeSpan? wait = null)
    {
        var events = new WaitingEvents(capacity, concurrency);
        events.Batch(new BatchOptions(size, wait ?? s_wait, bytes), _time, () => _due++);
        return events;
    }

    private static bool Add(WaitingEvents events, MessageEvent e)
    {
        Assert.True(events.TryAdd(e, out bool work));
        return work;
    }

    [Fact]
    public void Batch_ThatIsFull_IsThereAtOnce_AndTheRestWaits()
    {
        WaitingEvents events = Events(3);
        Assert.Equal([false, false, true, false, false], Enumerable.Range(0, 5).Select(i => Add(events, Event(i))));
        var batch = new MessageBatch();
        Assert.True(events.Next(batch, out bool another));
        Assert.Equal([0, 1, 2], Numbers(batch));
        Assert.False(another); // one lane, and it is in work
        Assert.False(events.Next(batch, out _)); // two are not three, and the worker goes
        Assert.Equal(0, _due);
        _time.Pass(s_wait);
        Assert.Equal(1, _due);
        Assert.True(events.Next(batch, out _));
        Assert.Equal([3, 4], Numbers(batch));
    }

    [Fact]
    public void Batch_WaitsForMore_AsLongAsItsOldestMay()
    {
        WaitingEvents events = Events(100, concurrency: 2);
        Assert.False(Add(events, Event(0, "a")));
        _time.Pass(s_wait / 2);
        Assert.False(Add(events, Event(1, "b")));
        _time.Pass((s_wait / 2) - TimeSpan.FromMilliseconds(1));
        Assert.Equal(0, _due);
        _time.Pass(TimeSpan.FromMilliseconds(1));
        Assert.Equal(1, _due);
        var batch = new MessageBatch();
        Assert.True(events.Next(batch, out _));
        Assert.Equal([0, 1], Numbers(batch));
        Assert.False(events.Next(batch, out _));
        _time.Pass(TimeSpan.FromHours(1)); // nothing is left that anybody would be called for
        Assert.Equal(1, _due);
    }

    [Fact]
    public void WithoutAWait_WhatIsThereIsTaken()
    {
        WaitingEvents events = Events(100, wait: TimeSpan.Zero);
        Assert.True(Add(events, Event(0)));
        Assert.False(Add(events, Event(1))); // the worker comes already
        var batch = new MessageBatch();
        Assert.True(events.Next(batch, out _));
        Assert.Equal([0, 1], Numbers(batch));
    }

    [Fact]
    public void Batch_HasNoMoreBytesThanItMay_ButOneMessageInAnyCase()
    {
        WaitingEvents events = Events(100, bytes: 1024);
        Assert.True(Add(events, Event(0, size: 5000)));
        foreach (int i in (int[])[1, 2, 3]) Add(events, Event(i, size: 500));
        var batch = new MessageBatch();
        var sizes = new List<int[]>();
        while (events.Next(batch, out _)) sizes.Add(Numbers(batch));
        Assert.Equal([[0], [1, 2]], sizes); // and the last waits
        _time.Pass(s_wait);
        Assert.True(events.Next(batch, out _));
        Assert.Equal([3], Numbers(batch));
    }

    [Fact]
    public void WhatHasFailedBefore_AndTimers_AreBatchesByThemselves_AtOnce()
    {
        WaitingEvents events = Events(100);
        Assert.False(Add(events, Event(0)));
        Assert.False(Add(events, Event(1, attempt: 1))); // behind the first, in its lane
        Assert.False(Add(events, Event(2)));
        _time.Pass(s_wait);
        Assert.Equal(1, _due);
        var batch = new MessageBatch();
        var sizes = new List<int[]>();
        while (events.Next(batch, out _)) sizes.Add(Numbers(batch));
        Assert.Equal([[0], [1], [2]], sizes); // the last one has waited as long
        Assert.True(Add(events, Event(3, timer: true)));
        Assert.True(events.Next(batch, out _));
        Assert.Equal([3], Numbers(batch));
    }

    [Fact]
    public async Task Queue_ThatIsFull_IsABatch()
    {
        WaitingEvents events = Events(100, capacity: 3);
        Assert.Equal([false, false, true], Enumerable.Range(0, 3).Select(i => Add(events, Event(i))));
        Task<bool> waits = events.AddAsync(Event(3), TestContext.Current.CancellationToken).AsTask();
        Assert.False(waits.IsCompleted);
        var batch = new MessageBatch();
        Assert.True(events.Next(batch, out _));
        Assert.Equal([0, 1, 2], Numbers(batch));
        Assert.False(await waits);
    }

    [Fact]
    public void OtherWorkers_HaveLanesLeft()
    {
        WaitingEvents events = Events(4, concurrency: 2);
        for (int i = 0; i < 12; i++) Add(events, Event(i, i % 2 == 0 ? "a" : "b"));
        MessageBatch first = new(), second = new();
        Assert.True(events.Next(first, out bool another));
        Assert.False(another); // both workers have been called
        Assert.True(events.Next(second, out _));
        Assert.Equal([0, 2, 4, 6], Numbers(first));
        Assert.Equal([1, 3, 5, 7], Numbers(second));
        Assert.False(events.Next(first, out _)); // two of one key are left, and they wait for more
        Assert.True(events.Hurry(true));
        Assert.True(events.Next(first, out _));
        Assert.Equal([8, 10], Numbers(first));
    }

    [Fact]
    public void WhatWaits_GoesOnInBatches_AndOneByOneAgain()
    {
        var events = new WaitingEvents(100, 2);
        Assert.True(Add(events, Event(0, "a")));
        WaitingEvents.Lane? lane = null;
        Assert.True(events.Next(ref lane, out _, out _));
        foreach (int i in (int[])[1, 2]) Add(events, Event(i, "a"));
        Add(events, Event(3, "b"));
        events.Batch(new BatchOptions(10, s_wait, 1 << 20), _time, () => _due++);
        Assert.True(events.AreBatched);
        Assert.True(events.Next(ref lane, out MessageEvent e, out _)); // one that has not noticed yet
        Assert.Equal("b", e.Message.Topic);
        Assert.False(events.HandOver(ref lane));
        _time.Pass(s_wait);
        var batch = new MessageBatch();
        Assert.True(events.Next(batch, out _));
        Assert.Equal([1, 2], Numbers(batch));
        foreach (int i in (int[])[4, 5]) Add(events, Event(i, "a"));
        events.Batch(null, _time, () => _due++);
        Assert.False(events.AreBatched);
        Assert.True(events.HandOver(batch));
        Assert.True(events.Next(ref lane, out e, out _));
        Assert.Equal(4, BitConverter.ToInt32(e.Message.Bytes.Span));
    }

    [Fact]
    public async Task Closed_CallsNobody()
    {
        WaitingEvents events = Events(100);
        Add(events, Event(0));
        events.Close();
        _time.Pass(s_wait);
        Assert.Equal(0, _due);
        await events.Ended.WaitAsync(Client.Patience, TestContext.Current.CancellationToken);
    }

    /// <summary>Senders, workers and a clock on threads of their own: each event once, those of a key in order and in one batch at a time.</summary>
    [Theory]
    [InlineData(1, 3, 16, 7)]
    [InlineData(4, 5, 64, 10)]
    [InlineData(4, 40, 64, 100)]
    [InlineData(3, 1000, 1024, 50)]
    public async Task Events_AreGivenOnce_InTheOrderOfTheirKey_OneBatchOfAKeyAtATime(int concurrency, int keys, int capacity, int size)
    {
        const int Senders = 4, Each = 5000;
        int seed = Environment.GetEnvironmentVariable("MOTE_SEED") is { Length: > 0 } given ? int.Parse(given, System.Globalization.CultureInfo.InvariantCulture) : Random.Shared.Next();
        TestContext.Current.TestOutputHelper!.WriteLine($"seed {seed}");
        var events = new WaitingEvents(capacity, concurrency);
        var seen = new ConcurrentDictionary<string, List<int>>();
        var busy = new ConcurrentDictionary<string, int>();
        int workers = 0, most = 0, handled = 0, largest = 0;
        string? fault = null;
        events.Batch(new BatchOptions(size, TimeSpan.FromMilliseconds(1), 100 * 20), TimeProvider.System, Work);
        await Task.WhenAll(Enumerable.Range(0, Senders).Select(s => Task.Run(async () =>
        {
            var random = new Random(seed + s);
            for (int i = 0; i < Each; i++)
            {
                // A key has one sender, whose order it is.
                MessageEvent e = Event((s * Each) + i, $"{s}/{random.Next(keys)}", random.Next(4, 200), random.Next(50) == 0 ? 1 : 0);
                bool work = false;
                if (random.Next(2) == 0 || !events.TryAdd(e, out work)) work = await events.AddAsync(e, TestContext.Current.CancellationToken);
                if (work) Work();
            }
        }, TestContext.Current.CancellationToken)));
        await Wait.Until(() => Volatile.Read(ref handled) == Senders * Each, () => $"{handled} of {Senders * Each} were handled");
        Assert.Null(fault);
        Assert.InRange(most, 1, concurrency);
        Assert.InRange(largest, 2, Math.Min(size, capacity));
        Assert.All(seen, s => Assert.Equal(s.Value.Order(), s.Value));
        Assert.Equal(Enumerable.Range(0, Senders * Each), seen.Values.SelectMany(s => s).Order());
        events.Close();
        await events.Ended.WaitAsync(Client.Patience, TestContext.Current.CancellationToken);

        void Work() => Task.Run(() =>
        {
            var batch = new MessageBatch();
            for (int n = 1; events.Next(batch, out bool another); n++)
            {
                // Counted while it has a batch: when Next says that there is none, the next worker may have begun already.
                Larger(ref most, Interlocked.Increment(ref workers));
                if (another) Work();
                Larger(ref largest, batch.Events.Count);
                if (batch.Events.Count > 1 && batch.Events.Any(e => e.Attempt > 0)) fault = "one that has failed before takes others with it";
                string[] of = [.. batch.Events.Select(e => concurrency == 1 ? "" : e.Message.Topic!).Distinct()];
                foreach (string key in of)
                {
                    if (busy.AddOrUpdate(key, 1, (_, c) => c + 1) != 1) fault = $"two batches with events of `{key}` at once";
                }

                foreach (MessageEvent e in batch.Events)
                {
                    List<int> list = seen.GetOrAdd(e.Message.Topic!, _ => []);
                    lock (list) list.Add(BitConverter.ToInt32(e.Message.Bytes.Span));
                }

                foreach (string key in of) busy.AddOrUpdate(key, 0, (_, c) => c - 1);
                Interlocked.Add(ref handled, batch.Events.Count);
                Interlocked.Decrement(ref workers);
                if (n % 7 != 0) continue;
                if (events.HandOver(batch)) Work();
                return;
            }
        });
    }

    private static void Larger(ref int most, int value)
    {
        for (int seen = Volatile.Read(ref most); seen < value; seen = Volatile.Read(ref most)) Interlocked.CompareExchange(ref most, value, seen);
    }
}
