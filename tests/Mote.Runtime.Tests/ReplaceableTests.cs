// A value that is replaced while it is in use.
namespace Mote.Runtime.Tests;

public sealed class ReplaceableTests
{
    private sealed class Thing(int number) : IDisposable
    {
        private int _disposed;

        public int Number => number;

        public bool IsDisposed => Volatile.Read(ref _disposed) > 0;

        public void Dispose() => Assert.Equal(1, Interlocked.Increment(ref _disposed));
    }

    [Fact]
    public void Replace_WhileInUse_TheOldOneEndsWithItsLastUser()
    {
        Thing one = new(1), two = new(2);
        using var held = new Replaceable<Thing>(one);
        Replaceable<Thing>.Lease first = held.Take(), second = held.Take();
        held.Replace(two);
        Assert.Same(two, held.Now);
        Assert.False(one.IsDisposed);
        first.Dispose();
        Assert.False(one.IsDisposed);
        Assert.Equal(1, second.Value.Number);
        second.Dispose();
        Assert.True(one.IsDisposed);
        using (Replaceable<Thing>.Lease third = held.Take()) Assert.Same(two, third.Value);
        Assert.False(two.IsDisposed);
    }

    [Fact]
    public void Replace_NotInUse_TheOldOneEndsAtOnce()
    {
        var one = new Thing(1);
        using var held = new Replaceable<Thing>(one);
        held.Replace(new Thing(2));
        Assert.True(one.IsDisposed);
    }

    [Fact]
    public void Dispose_WhileInUse_EndsWithTheLastUser_AndNothingIsToBeTakenAfterwards()
    {
        var one = new Thing(1);
        var held = new Replaceable<Thing>(one);
        Replaceable<Thing>.Lease lease = held.Take();
        held.Dispose();
        held.Dispose();
        Assert.False(one.IsDisposed);
        lease.Dispose();
        Assert.True(one.IsDisposed);
        Assert.Throws<ObjectDisposedException>(() => held.Take());
    }

    [Fact]
    public void Take_FromManyThreadsWhileReplaced_NeverGivesWhatIsDisposedOf()
    {
        const int Versions = 20_000;
        var all = Enumerable.Range(0, Versions + 1).Select(n => new Thing(n)).ToArray();
        var held = new Replaceable<Thing>(all[0]);
        bool done = false;
        long taken = 0;
        Thread[] users = [.. Enumerable.Range(0, 4).Select(_ => new Thread(() =>
        {
            int last = 0;
            while (!Volatile.Read(ref done))
            {
                using Replaceable<Thing>.Lease lease = held.Take();
                Assert.False(lease.Value.IsDisposed);
                Assert.True(lease.Value.Number >= last);
                last = lease.Value.Number;
                Interlocked.Increment(ref taken);
            }
        }))];
        foreach (Thread user in users) user.Start();
        while (Interlocked.Read(ref taken) == 0) Thread.Yield();
        foreach (Thing next in all.Skip(1)) held.Replace(next);
        Volatile.Write(ref done, true);
        foreach (Thread user in users) user.Join();
        held.Dispose();
        Assert.All(all, t => Assert.True(t.IsDisposed));
    }
}
