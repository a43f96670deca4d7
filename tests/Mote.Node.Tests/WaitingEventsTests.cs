// The events that wait for a component: each once, those of a key in order and one at a time, never more than there is
// room for, and never more workers than are allowed.
using System.Collections.Concurrent;
using System.Threading.Channels;
using CsCheck;
using Mote.Capabilities.Messaging;
using Mote.Runtime;
using Mote.Triggers;

namespace Mote.Node.Tests;

public sealed class WaitingEventsTests
{
    private static MessageEvent Event(string topic, int number, MessageKey key = default) =>
        new(new Message(BitConverter.GetBytes(number)) { Topic = topic }, null) { Key = key };

    private static MessageKey Key(string text) => MessageKey.TryParse(text, out MessageKey key) ? key : throw new ArgumentException(text);

    [Theory]
    [InlineData("topic", "plant/1/speed", "plant/1/speed")]
    [InlineData("level:1", "plant/1/speed", "plant")]
    [InlineData("level:2", "plant/1/speed", "1")]
    [InlineData("level:3", "plant/1/speed", "speed")]
    [InlineData("level:4", "plant/1/speed", "")]
    [InlineData("level:2", "plant.1.speed", "1")]
    [InlineData("level:2", "plant//speed", "")]
    [InlineData("level:1", "", "")]
    public void Key_IsAPartOfTheTopic(string key, string topic, string expected) => Assert.Equal(expected, Key(key).Of(topic).ToString());

    [Theory]
    [InlineData("topics")]
    [InlineData("level:0")]
    [InlineData("level:-1")]
    [InlineData("level:129")]
    [InlineData("level: 1")]
    [InlineData("level:")]
    [InlineData("level:99999999999")]
    [InlineData("")]
    [InlineData(null)]
    public void Key_ThatIsNone_IsRefused(string? text) => Assert.False(MessageKey.TryParse(text, out _));

    [Fact]
    public void Key_IsReadAsItIsWritten() =>
        Gen.Int[1, 128].Sample(n => Assert.Equal($"level:{n}", Key($"level:{n}").ToString()));

    /// <summary>Workers and senders on threads of their own, which is where the order would break.</summary>
    [Theory]
    [InlineData(1, "topic", 4)]
    [InlineData(4, "topic", 4)]
    [InlineData(4, "level:1", 6)]
    [InlineData(3, "none", 8)]
    public async Task Events_AreGivenOnce_InTheOrderOfTheirKey_ToSoManyWorkers(int concurrency, string key, int capacity)
    {
        const int Senders = 6, Each = 2000;
        var events = new WaitingEvents(capacity, concurrency);
        MessageKey by = Key(key);
        var seen = new ConcurrentDictionary<string, List<int>>();
        var busy = new ConcurrentDictionary<string, int>();
        int workers = 0, most = 0, handled = 0;
        string? fault = null;
        await Task.WhenAll(Enumerable.Range(0, Senders).Select(s => Task.Run(async () =>
        {
            for (int i = 0; i < Each; i++)
            {
                MessageEvent e = Event($"{s % 3}/{s}", (s * Each) + i, by);
                bool work = false;
                if (i % 2 == 0 || !events.TryAdd(e, out work)) work = await events.AddAsync(e, TestContext.Current.CancellationToken);
                if (work) Work();
            }
        }, TestContext.Current.CancellationToken)));
        await Wait.Until(() => Volatile.Read(ref handled) == Senders * Each, () => $"{handled} of {Senders * Each} were handled");
        Assert.Null(fault);
        Assert.InRange(most, 1, concurrency);
        Assert.Equal(Senders * Each, seen.Values.Sum(s => s.Count));
        if (key != "none") Assert.All(seen, s => Assert.Equal(s.Value.Order(), s.Value));
        Assert.Equal(Enumerable.Range(0, Senders * Each), seen.Values.SelectMany(s => s).Order());
        events.Close();
        await events.Ended.WaitAsync(Client.Patience, TestContext.Current.CancellationToken);

        void Work() => Task.Run(() =>
        {
            WaitingEvents.Lane? lane = null;
            int n = 0;
            while (events.Next(ref lane, out MessageEvent e, out bool another))
            {
                // Counted while it has an event: when Next says that there is none, the next worker may have begun already.
                InterlockedMax(ref most, Interlocked.Increment(ref workers));
                if (another) Work();
                string of = by.IsNone ? e.Message.Topic! : concurrency == 1 ? "" : by.Of(e.Message.Topic).ToString();
                if (!by.IsNone && busy.AddOrUpdate(of, 1, (_, c) => c + 1) != 1) fault = $"two events of `{of}` at once";
                List<int> list = seen.GetOrAdd(e.Message.Topic!, _ => []);
                lock (list) list.Add(BitConverter.ToInt32(e.Message.Bytes.Span));
                if (!by.IsNone) busy.AddOrUpdate(of, 0, (_, c) => c - 1);
                Interlocked.Increment(ref handled);
                Interlocked.Decrement(ref workers);
                if (++n % 7 != 0) continue;
                if (events.HandOver(ref lane)) Work();
                return;
            }
        });
    }

    private static void InterlockedMax(ref int most, int value)
    {
        for (int seen = Volatile.Read(ref most); seen < value; seen = Volatile.Read(ref most)) Interlocked.CompareExchange(ref most, value, seen);
    }

    [Fact]
    public async Task Sender_WaitsForRoom_InLine_AndOneThatWaitsNoMoreIsForgotten()
    {
        var events = new WaitingEvents(1, 1);
        using var gone = new CancellationTokenSource();
        Assert.True(events.TryAdd(Event("a", 1), out bool work));
        Assert.True(work);
        Assert.False(events.TryAdd(Event("a", 2), out _));
        Task<bool> second = events.AddAsync(Event("a", 2), gone.Token).AsTask(), third = events.AddAsync(Event("a", 3), TestContext.Current.CancellationToken).AsTask();
        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => second);
        WaitingEvents.Lane? lane = null;
        Assert.True(events.Next(ref lane, out MessageEvent e, out _));
        Assert.Equal(1, BitConverter.ToInt32(e.Message.Bytes.Span));
        Assert.False(await third); // the worker that is there takes it
        Assert.True(events.Next(ref lane, out e, out _));
        Assert.Equal(3, BitConverter.ToInt32(e.Message.Bytes.Span));
        Assert.False(events.Next(ref lane, out _, out _));
    }

    [Fact]
    public async Task Closed_GivesAndTakesNothing_AndEndsWithItsLastWorker()
    {
        var events = new WaitingEvents(1, 1);
        Assert.True(events.TryAdd(Event("a", 1), out _));
        Task<bool> waits = events.AddAsync(Event("a", 2), TestContext.Current.CancellationToken).AsTask();
        events.Close();
        await Assert.ThrowsAsync<ChannelClosedException>(() => waits);
        await Assert.ThrowsAsync<ChannelClosedException>(() => events.AddAsync(Event("a", 3), TestContext.Current.CancellationToken).AsTask());
        Assert.False(events.TryAdd(Event("a", 3), out _));
        Assert.False(events.Ended.IsCompleted);
        WaitingEvents.Lane? lane = null;
        Assert.False(events.Next(ref lane, out _, out _));
        await events.Ended.WaitAsync(Client.Patience, TestContext.Current.CancellationToken);
    }
}
