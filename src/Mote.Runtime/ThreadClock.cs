// Processor time and priority of single threads. Where the system has no such thing, time on the wall stands in for
// processor time, and priorities stay as they are.
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Mote.Runtime;

/// <summary>Clocks of threads.</summary>
internal static unsafe partial class ThreadClock
{
    private const int LinuxThreadCpu = 3;
    private const int MacThreadCpu = 16;
    private const int ByProcess = 0;

    /// <summary>Processor time of this thread, nanoseconds.</summary>
    public static long Now() => Read(OperatingSystem.IsLinux() ? LinuxThreadCpu : OperatingSystem.IsMacOS() ? MacThreadCpu : -1);

    /// <summary>Processor time of a thread of this process by its number; -1 where it is gone or the system cannot say.</summary>
    public static long Of(int thread)
    {
        if (!OperatingSystem.IsLinux()) return -1;
        // How Linux numbers the clocks of threads (include/linux/posix-timers_types.h): the number's complement, then
        // per-thread (4) and scheduler time (2).
        Timespec t;
        return clock_gettime((~thread << 3) | 6, &t) == 0 ? t.Nanoseconds : -1;
    }

    /// <summary>This thread's number in the system; 0 where it has none that priorities can be set by.</summary>
    public static int Number() => OperatingSystem.IsLinux() ? gettid() : 0;

    /// <summary>Gives a thread this niceness; false where the system does not.</summary>
    public static bool SetNice(int thread, int nice) => OperatingSystem.IsLinux() && thread != 0 && setpriority(ByProcess, (uint)thread, nice) == 0;

    /// <summary>How nice a thread is; 0 where the system has no such thing.</summary>
    public static int Nice(int thread) => OperatingSystem.IsLinux() && thread != 0 ? getpriority(ByProcess, (uint)thread) : 0;

    /// <summary>The class whose threads run only where no others want to.</summary>
    public const int IdlePolicy = 5;

    /// <summary>The class that a thread is scheduled in; -1 where the system has no such thing.</summary>
    public static int Policy(int thread) => OperatingSystem.IsLinux() && thread != 0 ? sched_getscheduler(thread) : -1;

    /// <summary>Whether threads of this class share the processor by their niceness.</summary>
    public static bool IsShared(int policy) => (policy & ~ResetOnFork) is Other or Batch;

    /// <summary>Puts a thread into a class that has no priorities of its own; false where the system does not.</summary>
    public static bool SetPolicy(int thread, int policy)
    {
        int priority = 0;
        // SAFETY: the call reads one number, which is all that sched_param has.
        return OperatingSystem.IsLinux() && thread != 0 && sched_setscheduler(thread, policy, &priority) == 0;
    }

    private const int Other = 0;
    private const int Batch = 3;
    private const int ResetOnFork = 0x40000000;

    private static long Read(int clock)
    {
        Timespec t;
        // SAFETY (here and in Of): the call writes two 64-bit numbers, which is what timespec is on every 64-bit system.
        return clock >= 0 && clock_gettime(clock, &t) == 0 ? t.Nanoseconds : (long)(Stopwatch.GetTimestamp() * (1e9 / Stopwatch.Frequency));
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Timespec
    {
        public long Seconds;
        public long Fraction;

        public readonly long Nanoseconds => (Seconds * 1_000_000_000) + Fraction;
    }

    // A read of a clock neither blocks nor calls back.
    [LibraryImport("libc"), SuppressGCTransition]
    private static partial int clock_gettime(int clock, Timespec* time);

    [LibraryImport("libc")]
    private static partial int gettid();

    [LibraryImport("libc")]
    private static partial int getpriority(int which, uint who);

    [LibraryImport("libc")]
    private static partial int setpriority(int which, uint who, int nice);

    [LibraryImport("libc")]
    private static partial int sched_getscheduler(int thread);

    [LibraryImport("libc")]
    private static partial int sched_setscheduler(int thread, int policy, int* parameters);
}
