// What came for each app and what left, over all runs of a node: a small file that is written once an hour and at the end,
// as WearBook's is.
using System.Text.Json;
using System.Text.Json.Serialization;
using Mote.DataPlane;
using Mote.Runtime;

namespace Mote.Node;

/// <summary>An app's topics as they are kept.</summary>
/// <param name="App">The app's name.</param>
/// <param name="Topics">Its rows; that of all other topics has no topic.</param>
internal sealed record LedgerPage(string App, IReadOnlyList<LedgerRow> Topics);

/// <summary>The file.</summary>
/// <param name="Version">Of the format.</param>
/// <param name="Since">When counting began.</param>
/// <param name="Apps">Apps that run or ran here.</param>
internal sealed record LedgerPages(int Version, DateTimeOffset Since, IReadOnlyList<LedgerPage> Apps);

/// <summary>The ledgers of a node's apps. Safe to use from many threads.</summary>
internal sealed class LedgerBook : IDisposable
{
    /// <summary>Most apps that do not run any more and are kept all the same: they may come again.</summary>
    public const int MostPast = 32;

    private const int Version = 1;
    private const long MaxFile = 32 << 20;
    private static readonly TimeSpan s_save = TimeSpan.FromHours(1);

    private readonly string _path;
    private readonly TimeProvider _time;
    private readonly Action<string> _log;
    private readonly Lock _lock = new();
    private readonly Dictionary<string, LedgerPage> _past = [];
    private readonly List<AppLedger> _ledgers = [];
    private readonly ITimer _timer;
    private byte[] _saved = [];
    private bool _ended;
    private bool _faulty;

    /// <summary>Reads what there is.</summary>
    public LedgerBook(string path, TimeProvider time, Action<string> log)
    {
        (_path, _time, _log) = (path, time, log);
        Since = time.GetUtcNow();
        Load();
        _timer = time.CreateTimer(static s => ((LedgerBook)s!).Look(), this, s_save, Timeout.InfiniteTimeSpan);
    }

    /// <summary>When counting began, by the clock of that time.</summary>
    public DateTimeOffset Since { get; private set; }

    /// <summary>The ledger of an app that runs from now on: it goes on from where it was.</summary>
    /// <param name="app">The app's name.</param>
    /// <param name="inside">Filters of its flows.</param>
    public AppLedger Open(string app, IReadOnlySet<string> inside)
    {
        lock (_lock)
        {
            var ledger = new AppLedger(app, inside, _past.Remove(app, out LedgerPage? before) ? before.Topics : []);
            _ledgers.Add(ledger);
            return ledger;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_lock)
        {
            _ended = true;
            _timer.Dispose();
            Save();
        }
    }

    private void Look()
    {
        lock (_lock)
        {
            if (_ended) return;
            Save();
            _timer.Change(s_save, Timeout.InfiniteTimeSpan);
        }
    }

    private void Save()
    {
        if (_ledgers.Count == 0) return; // the start failed before an app was there
        var pages = new LedgerPages(Version, Since, [.. _ledgers.Select(l => new LedgerPage(l.App, l.Totals)), .. _past.Values.Take(MostPast)]);
        byte[] json = JsonSerializer.SerializeToUtf8Bytes(pages, LedgerJson.Default.LedgerPages);
        if (json.AsSpan().SequenceEqual(_saved) || (_saved.Length == 0 && pages.Apps.All(a => a.Topics.Count == 0))) return;
        try
        {
            DurableFile.Replace(_path, json);
            (_saved, _faulty) = (json, false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (!_faulty) _log($"the ledger cannot be kept ({_path}: {e.Message}); it is tried again");
            _faulty = true;
        }
    }

    /// <summary>What cannot be read is counted anew: these are numbers for people, and no reason not to start.</summary>
    private void Load()
    {
        try
        {
            if (!File.Exists(_path)) return;
            byte[] json = new FileInfo(_path).Length > MaxFile ? throw new InvalidDataException("it is too large") : File.ReadAllBytes(_path);
            LedgerPages? pages = JsonSerializer.Deserialize(json, LedgerJson.Default.LedgerPages);
            if (pages is not { Version: Version, Apps: not null }) throw new InvalidDataException("it is of another version");
            if (pages.Apps.Any(a => a?.App is null || a.Topics is null || a.Topics.Any(t => t is null || t.MessagesIn < 0 || t.BytesIn < 0 || t.MessagesOut < 0 || t.BytesOut < 0 || t.BytesMade < 0))) throw new InvalidDataException("it is damaged");
            foreach (LedgerPage page in pages.Apps) _past.TryAdd(page.App, page);
            Since = pages.Since;
            _saved = json;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException or InvalidDataException)
        {
            _log($"the ledger of earlier runs cannot be read ({_path}: {e.Message}): it is counted anew");
        }
    }
}

/// <summary>Writes and reads the file with no reflection.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, IgnoreReadOnlyProperties = true)]
[JsonSerializable(typeof(LedgerPages))]
internal sealed partial class LedgerJson : JsonSerializerContext;
