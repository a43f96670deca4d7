// How much a node has written to its disk on each of the last days, and what for. Kept over restarts in a small file that
// is written once an hour: what it is to save is the flash.
using System.Globalization;
using System.Text;
using System.Text.Json.Serialization;
using Mote.Runtime;

namespace Mote.Node;

/// <summary>What was written on a day.</summary>
/// <param name="Day">The day, UTC: 2026-11-23.</param>
/// <param name="Written">Bytes by what they were written for.</param>
/// <param name="Kernel">Bytes that the whole process made the kernel write to storage, by the kernel's own count; null where it keeps none.</param>
public sealed record WearDay(string Day, IReadOnlyDictionary<string, long> Written, long? Kernel)
{
    /// <summary>Bytes of all purposes.</summary>
    [JsonIgnore]
    public long Total => Written.Values.Sum();
}

/// <summary>Days of writing. Safe to use from many threads.</summary>
internal sealed class WearBook : IDisposable
{
    /// <summary>Days that are kept.</summary>
    public const int MostDays = 30;

    private const string Head = "mote-wear 1";
    private static readonly TimeSpan s_look = TimeSpan.FromMinutes(10), s_save = TimeSpan.FromHours(1);
    private static readonly WearSource[] s_sources = Enum.GetValues<WearSource>();

    private readonly string _path;
    private readonly DiskWear _wear;
    private readonly TimeProvider _time;
    private readonly Action<string> _log;
    private readonly Lock _lock = new();
    private readonly long[] _seen = new long[s_sources.Length];
    private readonly SortedDictionary<DateOnly, Row> _days = [];
    private readonly ITimer _timer;
    private long? _seenByKernel;
    private long _saved;
    private bool _changed;
    private bool _ended;
    private bool _faulty;

    /// <summary>Reads what there is and begins to count.</summary>
    public WearBook(string path, DiskWear wear, TimeProvider time, Action<string> log)
    {
        (_path, _wear, _time, _log) = (path, wear, time, log);
        _seenByKernel = DiskWear.Process(); // what the program has written before was not for the node
        _saved = time.GetTimestamp();
        Load();
        _timer = time.CreateTimer(static s => ((WearBook)s!).Look(), this, s_look, Timeout.InfiniteTimeSpan);
    }

    /// <summary>What a purpose is called in files, answers and metrics.</summary>
    public static string NameOf(WearSource source) => source switch
    {
        WearSource.KeyValue => "keyvalue",
        WearSource.UpstreamFiles => "upstream-files",
        _ => source.ToString().ToLowerInvariant(),
    };

    /// <summary>The last days, today first.</summary>
    public IReadOnlyList<WearDay> Days()
    {
        lock (_lock)
        {
            Count();
            return [.. _days.Reverse().Select(d => new WearDay(Text(d.Key), s_sources.Where(s => d.Value.Bytes[(int)s] > 0).ToDictionary(NameOf, s => d.Value.Bytes[(int)s]), d.Value.Kernel))];
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_lock)
        {
            _ended = true;
            _timer.Dispose();
            Count();
            Save();
        }
    }

    private sealed class Row
    {
        public long[] Bytes { get; } = new long[s_sources.Length];

        public long? Kernel { get; set; }
    }

    private static string Text(DateOnly day) => day.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);

    private void Look()
    {
        lock (_lock)
        {
            Count();
            if (_time.GetElapsedTime(_saved) >= s_save) Save();
            if (!_ended) _timer.Change(s_look, Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>What was written since the last time is of today.</summary>
    private void Count()
    {
        var today = DateOnly.FromDateTime(_time.GetUtcNow().UtcDateTime);
        if (!_days.TryGetValue(today, out Row? row)) _days[today] = row = new Row();
        foreach (WearSource s in s_sources)
        {
            long now = _wear.Of(s), more = now - _seen[(int)s];
            if (more <= 0) continue;
            row.Bytes[(int)s] += more;
            _seen[(int)s] = now;
            _changed = true;
        }

        if (DiskWear.Process() is { } kernel && _seenByKernel is { } before)
        {
            row.Kernel = (row.Kernel ?? 0) + Math.Max(0, kernel - before);
            _seenByKernel = kernel;
        }

        // A clock that was wrong leaves days of its own; they go like all others.
        while (_days.Count > MostDays) _days.Remove(_days.Keys.First(d => d != today));
    }

    private void Save()
    {
        if (!_changed) return;
        var text = new StringBuilder(Head).Append('\n');
        foreach ((DateOnly day, Row row) in _days)
        {
            text.Append(Text(day));
            foreach (WearSource s in s_sources) text.Append(CultureInfo.InvariantCulture, $" {NameOf(s)}={row.Bytes[(int)s]}");
            if (row.Kernel is { } kernel) text.Append(CultureInfo.InvariantCulture, $" kernel={kernel}");
            text.Append('\n');
        }

        try
        {
            DurableFile.Replace(_path, Encoding.ASCII.GetBytes(text.ToString()));
            (_changed, _faulty) = (false, false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (!_faulty) _log($"what was written on each day cannot be kept ({_path}: {e.Message}); it is tried again");
            _faulty = true;
        }

        _saved = _time.GetTimestamp();
    }

    /// <summary>Lines that cannot be read are left out: these are numbers for people, and no reason not to start.</summary>
    private void Load()
    {
        string[] lines;
        try
        {
            if (!File.Exists(_path)) return;
            lines = new FileInfo(_path).Length > 64 << 10 ? [] : File.ReadAllLines(_path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _log($"what was written on earlier days cannot be read ({_path}: {e.Message}): it is counted anew");
            return;
        }

        bool good = lines is [Head, ..];
        foreach (string line in good ? lines[1..] : []) good &= Read(line);
        if (!good) _log($"a part of what was written on earlier days cannot be read ({_path} is damaged, or of another version): that part is left out");
    }

    private bool Read(string line)
    {
        string[] parts = line.Split(' ');
        if (_days.Count >= MostDays || !DateOnly.TryParseExact(parts[0], "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out DateOnly day)) return false;
        var row = new Row();
        foreach (string part in parts[1..])
        {
            int at = part.IndexOf('=', StringComparison.Ordinal);
            if (at < 0 || !long.TryParse(part.AsSpan(at + 1), NumberStyles.None, CultureInfo.InvariantCulture, out long bytes)) return false;
            if (part.AsSpan(0, at).SequenceEqual("kernel")) row.Kernel = bytes;
            foreach (WearSource s in s_sources)
            {
                if (part.AsSpan(0, at).SequenceEqual(NameOf(s))) row.Bytes[(int)s] = bytes;
            }
        }

        return _days.TryAdd(day, row);
    }
}
