// The process that starts workers, sees them crash, keeps the inputs with faults and sums up.
using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;

namespace Mote.Fuzz;

internal sealed class Supervisor(Options options, TextWriter output)
{
    /// <summary>After so many faults of one target there is nothing more to learn from it.</summary>
    private const int MaxFaults = 25;

    private readonly List<string> _faults = [];

    /// <summary>Fuzzes one target.</summary>
    public Tally Run(string target)
    {
        _faults.Clear();
        Directory.CreateDirectory(options.Faults);
        string note = Path.Combine(options.Faults, $".current-{target}-{Environment.ProcessId}");
        long clock = Stopwatch.GetTimestamp();
        var sum = new Tally(0, 0, 0, 0);
        long start = 0;
        try
        {
            while (true)
            {
                double? left = options.Seconds is { } s ? s - Stopwatch.GetElapsedTime(clock).TotalSeconds : null;
                if (left <= 0 || start >= (options.Count ?? long.MaxValue) || _faults.Count >= MaxFaults) break;
                (Tally tally, bool done) = Child(target, note, start, left);
                sum += tally;
                if (done) break;
                start = BinaryPrimitives.ReadInt64LittleEndian(File.ReadAllBytes(note)) + 1;
            }
        }
        finally
        {
            File.Delete(note);
        }

        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{target,-10} {sum.Inputs,9} inputs {sum.Accepted,9} accepted {sum.Refused,9} refused {sum.Faults,4} faults  {Stopwatch.GetElapsedTime(clock).TotalSeconds,6:0.0} s  seed {options.Seed}"));
        return sum;
    }

    private (Tally Tally, bool Done) Child(string target, string note, long start, double? seconds)
    {
        var none = new byte[Worker.NoteHeader];
        BinaryPrimitives.WriteInt64LittleEndian(none, start - 1);
        File.WriteAllBytes(note, none);
        // Under a test runner this process is another program.
        var info = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "Mote.Fuzz")) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string a in (string[])["--child", note, "--target", target, "--seed", $"{options.Seed}", "--start", $"{start}"]) info.ArgumentList.Add(a);
        if (options.Count is { } count) Add("--count", $"{count}");
        if (seconds is { } s) Add("--seconds", s.ToString(CultureInfo.InvariantCulture));
        if (options.Corpus is { } corpus) Add("--corpus", corpus);
        void Add(string name, string value)
        {
            info.ArgumentList.Add(name);
            info.ArgumentList.Add(value);
        }

        // What allocates without end gets an exception of its own before the machine suffers.
        info.Environment["DOTNET_GCHeapHardLimit"] = "80000000";
        info.Environment["DOTNET_gcServer"] = "0";
        using Process process = Process.Start(info)!;
        var error = new List<string>();
        process.ErrorDataReceived += (_, e) =>
        {
            if (e.Data is { } line && error.Count < 40) error.Add(line);
        };
        process.BeginErrorReadLine();
        Tally? tally = null;
        bool done = false, ended = false;
        long lastFault = -1;
        while (process.StandardOutput.ReadLine() is { } line)
        {
            string[] words = line.Split(' ', 2);
            switch (words[0])
            {
                case "done":
                    tally = Tally.Parse(words[1]);
                    done = true;
                    break;
                case "tally":
                    tally = Tally.Parse(words[1]);
                    break;
                case "fault":
                    string[] fault = words[1].Split(' ', 2);
                    lastFault = long.Parse(fault[0], CultureInfo.InvariantCulture);
                    Keep(target, lastFault, fault[1], input: null);
                    break;
                case "ended":
                    ended = true;
                    Keep(target, note, words[1].Split(' ', 2)[1]);
                    tally = tally! + new Tally(1, 0, 0, 1);
                    break;
                default:
                    // Something wrote to our standard output; it must not be taken for a result.
                    error.Add(line);
                    break;
            }

            if (_faults.Count >= MaxFaults && !done && !ended)
            {
                process.Kill();
                process.WaitForExit();
                return (new Tally(lastFault + 1 - start, 0, 0, _faults.Count), true);
            }
        }

        process.WaitForExit();
        if (done) return (tally!, true);
        if (!ended)
        {
            long crashed = BinaryPrimitives.ReadInt64LittleEndian(File.ReadAllBytes(note));
            if (crashed < start) throw new InvalidOperationException($"the worker ended before its first input: exit code {process.ExitCode}: {string.Join(" | ", error.Take(12))}");
            Keep(target, note, $"crash: exit code {process.ExitCode}: {string.Join(" | ", error.Take(12))}");
            tally = new Tally(crashed + 1 - start, 0, 0, 1);
        }

        return (tally!, false);
    }

    private void Keep(string target, string note, string what)
    {
        byte[] bytes = File.ReadAllBytes(note);
        Keep(target, BinaryPrimitives.ReadInt64LittleEndian(bytes), what, bytes[Worker.NoteHeader..]);
    }

    private void Keep(string name, long index, string what, byte[]? input)
    {
        using Target target = TargetList.Make(name, options);
        string file = Path.Combine(options.Faults, $"{name}-{options.Seed}-{index}.{target.Extension}");
        File.WriteAllBytes(file, input ?? target.Make(Seeding.Of(options.Seed, name, index)));
        _faults.Add(file);
        output.WriteLine($"FAULT {name} #{index}: {what}\n      {file}");
    }
}
