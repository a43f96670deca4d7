// The process that runs inputs. Before each it writes the input to a file, so that a crash can be traced to it; a watchdog
// ends the process when one input takes far too long or too much memory.
using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;

namespace Mote.Fuzz;

/// <summary>The counts of a run, and the protocol between the two processes: lines of words on standard output.</summary>
internal sealed record Tally(long Inputs, long Accepted, long Refused, long Faults)
{
    public static Tally operator +(Tally a, Tally b) => new(a.Inputs + b.Inputs, a.Accepted + b.Accepted, a.Refused + b.Refused, a.Faults + b.Faults);

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Inputs} {Accepted} {Refused} {Faults}");

    public static Tally Parse(string text)
    {
        long[] n = [.. text.Split(' ').Select(t => long.Parse(t, CultureInfo.InvariantCulture))];
        return new Tally(n[0], n[1], n[2], n[3]);
    }
}

internal sealed class Worker(Target target, Options options)
{
    /// <summary>An input that takes longer is a fault.</summary>
    public static readonly TimeSpan TimeBound = TimeSpan.FromSeconds(5);

    /// <summary>After this the process is ended: the input may never come to an end.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    /// <summary>Bytes of the whole process above which it is ended.</summary>
    private const long ResidentBound = 3L << 30;

    /// <summary>The stack of a thread of .NET's pool, where guests run in a node.</summary>
    private const int StackBytes = 1536 * 1024;

    /// <summary>What <see cref="Note"/> writes before the input.</summary>
    public const int NoteHeader = 8;

    private long _index;
    private long _began;
    private Tally _tally = new(0, 0, 0, 0);

    /// <summary>Runs inputs until the count or the time is reached.</summary>
    public void Run()
    {
        new Thread(Watch) { IsBackground = true }.Start();
        var runner = new Thread(Inputs, StackBytes);
        runner.Start();
        runner.Join();
        Say($"done {_tally}");
    }

    private void Inputs()
    {
        long clock = Stopwatch.GetTimestamp();
        for (long i = options.Start; i < (options.Count ?? long.MaxValue); i++)
        {
            if (options.Seconds is { } s && Stopwatch.GetElapsedTime(clock).TotalSeconds > s) break;
            byte[] input = target.Make(Seeding.Of(options.Seed, target.Name, i));
            Note(i, input);
            Interlocked.Exchange(ref _index, i);
            Interlocked.Exchange(ref _began, Stopwatch.GetTimestamp());
            (Outcome? outcome, string? fault) = Try(target, input);
            Interlocked.Exchange(ref _began, 0);
            _tally += new Tally(1, outcome == Outcome.Accepted ? 1 : 0, outcome == Outcome.Refused ? 1 : 0, fault is null ? 0 : 1);
            if (fault is not null) Say($"fault {i} {fault}");
        }
    }

    /// <summary>Runs one input; the second is what is wrong, null for nothing.</summary>
    public static (Outcome? Outcome, string? Fault) Try(Target target, byte[] input)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        long start = Stopwatch.GetTimestamp();
        Outcome? outcome;
        try
        {
            outcome = target.Run(input);
        }
        catch (Exception e)
        {
            string at = e is FaultException ? "" : " @ " + string.Join(" < ", (e.StackTrace ?? "").Split('\n').Select(l => l.Trim()).Where(l => l.StartsWith("at Mote", StringComparison.Ordinal)).Take(4).Select(l => l[3..].Split(" in ")[0]));
            return (null, $"{(e is FaultException ? "wrong" : e.GetType().Name)}: {e.Message.ReplaceLineEndings(" ")}{at}");
        }

        TimeSpan took = Stopwatch.GetElapsedTime(start);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        if (took > TimeBound) return (null, string.Create(CultureInfo.InvariantCulture, $"slow: {took.TotalSeconds:0.0} s"));
        if (allocated > target.AllocationBound(input)) return (null, $"allocates: {allocated >> 20} MiB for an input of {input.Length} bytes");
        return (outcome, null);
    }

    private FileStream? _note;

    /// <summary>Written before the input is run; the page cache keeps it when the process dies.</summary>
    private void Note(long index, byte[] input)
    {
        _note ??= new FileStream(options.Child!, FileMode.Create, FileAccess.Write, FileShare.Read, bufferSize: 0);
        var bytes = new byte[NoteHeader + input.Length];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, index);
        input.CopyTo(bytes, NoteHeader);
        _note.Position = 0;
        _note.Write(bytes);
        _note.SetLength(bytes.Length);
    }

    private void Watch()
    {
        while (true)
        {
            Thread.Sleep(50);
            long began = Interlocked.Read(ref _began);
            if (began == 0) continue;
            if (Stopwatch.GetElapsedTime(began) > s_patience) End($"hang: no end after {s_patience.TotalSeconds} s");
            long resident = Environment.WorkingSet;
            if (resident > ResidentBound) End($"memory: the process has {resident >> 20} MiB");
        }
    }

    /// <summary>Ends the process from the watchdog; the parent goes on with the next input.</summary>
    private void End(string why)
    {
        Say($"tally {_tally}");
        Say($"ended {Interlocked.Read(ref _index)} {why}");
        Process.GetCurrentProcess().Kill();
    }

    private static void Say(string line)
    {
        Console.Out.WriteLine(line);
        Console.Out.Flush();
    }
}
