// What a node writes to its disk, by what it writes it for: flash wears out by that.
using System.Globalization;

namespace Mote.Runtime;

/// <summary>What is written.</summary>
public enum WearSource
{
    /// <summary>Events on their way upstream.</summary>
    Outbox,

    /// <summary>Messages that wait for components.</summary>
    Inbox,

    /// <summary>Keys and values.</summary>
    KeyValue,

    /// <summary>Blobs.</summary>
    Blobs,

    /// <summary>Files that an upstream `file:` appends to.</summary>
    UpstreamFiles,

    /// <summary>What timers did last.</summary>
    Timers,

    /// <summary>Compiled code.</summary>
    Code,

    /// <summary>Pictures of cameras that an event keeps.</summary>
    Clips,

    /// <summary>Lines of the log: this program gives them away, and whoever takes them writes them.</summary>
    Logs,
}

/// <summary>Bytes given to the disk since the process started. Safe to use from many threads.</summary>
public sealed class DiskWear
{
    private readonly long[] _added = new long[Enum.GetValues<WearSource>().Length];
    private readonly Func<long>?[] _observed = new Func<long>?[Enum.GetValues<WearSource>().Length];

    /// <summary>Counts bytes that were written.</summary>
    public void Add(WearSource source, long bytes) => Interlocked.Add(ref _added[(int)source], bytes);

    /// <summary>Asks for bytes that something else counts; the last one of a source is asked.</summary>
    public void Observe(WearSource source, Func<long> written) => _observed[(int)source] = written;

    /// <summary>Bytes of a source so far.</summary>
    public long Of(WearSource source) => Volatile.Read(ref _added[(int)source]) + (_observed[(int)source]?.Invoke() ?? 0);

    /// <summary>Bytes that the whole process has made the kernel write to storage, by the kernel's own count; null where it keeps none.</summary>
    public static long? Process() => KernelCount("/proc/self/io", "write_bytes:");

    internal static long? KernelCount(string file, string name)
    {
        if (!OperatingSystem.IsLinux()) return null;
        try
        {
            foreach (string line in File.ReadLines(file))
            {
                if (line.StartsWith(name, StringComparison.Ordinal)) return long.Parse(line.AsSpan(name.Length), NumberStyles.AllowLeadingWhite, CultureInfo.InvariantCulture);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException)
        {
            // A kernel without the accounting of tasks, or a process that may not look.
        }

        return null;
    }
}

/// <summary>
/// Bytes that one thread has handed to write calls, by the kernel's count. A thread that writes one database and nothing
/// else is known exactly by that: pages, journal, checkpoints. Made on the thread itself.
/// </summary>
public sealed class ThreadWrites
{
    private readonly string? _file;
    private readonly long _before;
    private long _last;

    /// <summary>Begins to count for the thread that calls this.</summary>
    public ThreadWrites()
    {
        try
        {
            // self/task/ID, as long as the thread lives.
            _file = OperatingSystem.IsLinux() && File.ResolveLinkTarget("/proc/thread-self", returnFinalTarget: false) is { } thread ? $"/proc/{Environment.ProcessId}/task/{thread.Name}/io" : null;
        }
        catch (IOException)
        {
            _file = null;
        }

        _before = _file is null ? 0 : DiskWear.KernelCount(_file, "wchar:") ?? 0;
    }

    /// <summary>So far, from any thread; 0 where the kernel does not count.</summary>
    public long Bytes
    {
        get
        {
            if (_file is null) return 0;
            // A thread that has ended is not there any more: then it is what it was.
            long now = (DiskWear.KernelCount(_file, "wchar:") ?? 0) - _before;
            if (now > Volatile.Read(ref _last)) Volatile.Write(ref _last, now);
            return Volatile.Read(ref _last);
        }
    }
}
