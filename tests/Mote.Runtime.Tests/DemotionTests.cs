// What the system does with a thread whose guest burns the processor: read from /proc, not from what the runtime says.
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Mote.Components.Linking;
using Mote.Wasmtime;

namespace Mote.Runtime.Tests;

public sealed partial class DemotionTests
{
    private const int Other = 0, IdleClass = 5, ByProcess = 0;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    /// <summary>Where a guest burns that has not before: on a thread of ours, and on one that belongs to somebody else.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Burning_IsDemoted_AndItsThreadIsGivenBack(bool ours)
    {
        bool privileged = MayRaise();
        using var guest = new Burner(TimeSpan.FromSeconds(60), burns: false, ours);
        (int policy, int nice) before = Scheduling(guest.Thread);
        Assert.Equal(Other, before.policy);
        if (!ours && !privileged)
        {
            // Nobody could undo it.
            guest.Cancel();
            guest.Ended.Wait(s_patience, TestContext.Current.CancellationToken);
            Assert.Equal(before, guest.After);
            return;
        }

        (int, int) demoted = (privileged ? IdleClass : Other, before.nice + GuestThreads.Niceness);
        Assert.True(SpinWait.SpinUntil(() => Scheduling(guest.Thread) == demoted, s_patience), $"{Scheduling(guest.Thread)}, and not {demoted}");
        guest.Cancel();
        Assert.True(guest.Ended.Wait(s_patience, TestContext.Current.CancellationToken));
        if (!ours) Assert.Equal(before, guest.After);
        else if (privileged) Assert.Equal(before, guest.Next());
        else Assert.NotEqual(guest.Thread, guest.NextThread());
    }

    [Fact]
    public void WhatBurnedBefore_IsDemotedFromItsBeginning()
    {
        using var guest = new Burner(TimeSpan.FromMilliseconds(100), burns: true, ours: true);
        Assert.Equal((MayRaise() ? IdleClass : Other, GuestThreads.Niceness + guest.NiceOfProcess), guest.Before);
    }

    /// <summary>
    /// The idle class gets a three-hundredth of a processor that another thread wants: the guest is raised to what niceness
    /// gives it, and put back when the processor has time again.
    /// </summary>
    [Fact]
    public void Demoted_ThatStarves_IsRaised_UntilThereIsTime()
    {
        Assert.SkipUnless(MayRaise(), "this process may not raise priorities, so that it puts nothing into the idle class");
        using var guest = new Burner(TimeSpan.FromSeconds(60), burns: true, ours: true, pinned: true);
        Assert.True(SpinWait.SpinUntil(() => Scheduling(guest.Thread).Policy == IdleClass, s_patience));
        bool stop = false;
        var rival = new Thread(() =>
        {
            PinToFirst();
            while (!Volatile.Read(ref stop)) { }
        });
        rival.Start();
        try
        {
            Assert.True(SpinWait.SpinUntil(() => Scheduling(guest.Thread) == (Other, GuestThreads.Niceness + guest.NiceOfProcess), s_patience), $"{Scheduling(guest.Thread)}");
        }
        finally
        {
            Volatile.Write(ref stop, true);
            rival.Join();
        }

        Assert.True(SpinWait.SpinUntil(() => Scheduling(guest.Thread).Policy == IdleClass, s_patience), $"{Scheduling(guest.Thread)}");
        guest.Cancel();
        Assert.True(guest.Ended.Wait(s_patience, TestContext.Current.CancellationToken));
    }

    /// <summary>
    /// A model runs on the guest's thread: that is what it was granted, so the thread keeps its priority and the next call is
    /// not taken for one that burns; unless it is a second of models in one call, which is a loop.
    /// </summary>
    [Theory]
    [InlineData(60, false)]
    [InlineData(1_100, true)]
    public void AModelsRun_IsNotTheGuestsLoop(int milliseconds, bool demoted)
    {
        using var threads = new GuestThreads();
        GuestThread thread = null!;
        bool low = false;
        var runner = new Thread(() =>
        {
            thread = threads.Current;
            thread.IsDisposable = true;
            thread.Begin(Stopwatch.GetTimestamp());
            threads.Look(); // meets it
            thread.BeginWork();
            for (long begin = ThreadClock.Now(); ThreadClock.Now() - begin < milliseconds * 1_000_000L;) threads.Look();
            thread.EndWork();
            threads.Look();
            low = thread.IsDemoted;
            thread.End(Stopwatch.GetTimestamp());
        });
        runner.Start();
        runner.Join();
        Assert.Equal(demoted, low);
        Assert.Equal(demoted, thread.Burned > GuestThreads.DemoteAfter.TotalNanoseconds);
    }

    /// <summary>A guest without end, and the thread that it runs on.</summary>
    private sealed class Burner : IDisposable, IGuestWork
    {
        private readonly RuntimeEngine _engine = new(new RuntimeOptions { PoolSlots = 4 });
        private readonly InstanceTemplate _template;
        private readonly GuestScheduler _scheduler;
        private readonly MicroVm _vm;
        private readonly ManualResetEventSlim _began = new();
        private readonly bool _pinned;

        public Burner(TimeSpan time, bool burns, bool ours, bool pinned = false)
        {
            Burns = burns;
            _pinned = pinned;
            NiceOfProcess = Scheduling(gettid()).Nice;
            _template = _engine.Link(Guests.Everything);
            _vm = _engine.Start(_template, new MicroVmLimits { Time = time });
            _scheduler = new GuestScheduler(_engine.Ticker.Threads, permits: 0, maxThreads: 2);
            if (ours) Assert.True(_scheduler.Post(this));
            else new Thread(Run) { IsBackground = true }.Start();
            Assert.True(_began.Wait(s_patience, TestContext.Current.CancellationToken));
        }

        public bool Burns { get; }

        public int NiceOfProcess { get; }

        public int Thread { get; private set; }

        public ManualResetEventSlim Ended { get; } = new();

        public (int Policy, int Nice) Before { get; private set; }

        public (int Policy, int Nice) After { get; private set; }

        public void Run()
        {
            if (_pinned) PinToFirst();
            Thread = gettid();
            Before = Scheduling(Thread);
            _began.Set();
            Assert.Throws<TrapException>(() => _vm.Call("spin"));
            After = Scheduling(Thread);
            Ended.Set();
        }

        public void Cancel() => _vm.Cancel(new OperationCanceledException("the test is over"));

        /// <summary>What the next work on the same scheduler finds.</summary>
        public (int Policy, int Nice) Next() => Probe.Of(_scheduler).Found;

        public int NextThread() => Probe.Of(_scheduler).Thread;

        public void Dispose()
        {
            _vm.Cancel(new OperationCanceledException("the test is over"));
            Ended.Wait(s_patience, TestContext.Current.CancellationToken);
            _scheduler.Dispose();
            _vm.Dispose();
            _template.Dispose();
            _engine.Dispose();
        }
    }

    private sealed class Probe : IGuestWork
    {
        private readonly ManualResetEventSlim _done = new();

        public bool Burns => false;

        public int Thread { get; private set; }

        public (int Policy, int Nice) Found { get; private set; }

        public static Probe Of(GuestScheduler scheduler)
        {
            var probe = new Probe();
            Assert.True(scheduler.Post(probe));
            Assert.True(probe._done.Wait(s_patience, TestContext.Current.CancellationToken));
            return probe;
        }

        public void Run()
        {
            Thread = gettid();
            Found = Scheduling(Thread);
            _done.Set();
        }
    }

    /// <summary>A thread's class and niceness, as the system has them.</summary>
    private static (int Policy, int Nice) Scheduling(int thread)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "threads have priorities of their own on Linux only");
        string stat = File.ReadAllText($"/proc/self/task/{thread}/stat");
        string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' '); // the first of these is the third (proc_pid_stat)
        return (int.Parse(fields[41 - 3], CultureInfo.InvariantCulture), int.Parse(fields[19 - 3], CultureInfo.InvariantCulture));
    }

    /// <summary>Whether this process may undo a demotion, tried on a thread that ends then.</summary>
    private static bool MayRaise()
    {
        bool may = false;
        var attempt = new Thread(() =>
        {
            int self = gettid(), nice = Scheduling(self).Nice;
            may = setpriority(ByProcess, (uint)self, nice + 1) == 0 && setpriority(ByProcess, (uint)self, nice) == 0;
        });
        attempt.Start();
        attempt.Join();
        return may;
    }

    private static void PinToFirst()
    {
        ulong first = 1;
        Assert.Equal(0, sched_setaffinity(0, sizeof(ulong), in first));
    }

    [LibraryImport("libc")]
    private static partial int gettid();

    [LibraryImport("libc")]
    private static partial int setpriority(int which, uint who, int nice);

    [LibraryImport("libc")]
    private static partial int sched_setaffinity(int thread, nuint size, in ulong processors);
}
