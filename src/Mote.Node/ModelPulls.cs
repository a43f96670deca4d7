// The models of node.toml that are artifacts of a registry: pulled in the background until all of them are here. What is here
// is used whether or not there is a registry.
using System.Diagnostics;
using Mote.Packaging;
using Mote.Packaging.Oci;
using Mote.Packaging.Toml;

namespace Mote.Node;

/// <summary>A model that is an artifact, at a moment.</summary>
/// <param name="Name">What components call it.</param>
/// <param name="Artifact">The artifact.</param>
/// <param name="State">`here`, `pulling`, or `waiting` for the next attempt.</param>
/// <param name="Bytes">Bytes of it that came, where it is pulled.</param>
/// <param name="Size">Bytes that there are, where that is known.</param>
/// <param name="Fault">Why the last attempt failed; null where none did.</param>
public sealed record ModelStatus(string Name, string Artifact, string State, long Bytes, long Size, string? Fault);

/// <summary>Pulls what is not here.</summary>
internal sealed class ModelPulls : IAsyncDisposable
{
    private const int AtOnce = 2;
    private static readonly TimeSpan s_firstPause = TimeSpan.FromSeconds(2), s_longestPause = TimeSpan.FromMinutes(10), s_holdPause = TimeSpan.FromMilliseconds(200);

    private readonly ModelStore _store;
    private readonly ModelPull _pull;
    private readonly RegistryOptions _options;
    private readonly Action<string> _log;
    private readonly Entry[] _entries;
    private readonly CancellationTokenSource _end = new();
    private readonly SemaphoreSlim _places = new(AtOnce);
    private Task _all = Task.CompletedTask;

    /// <param name="models">The models.</param>
    /// <param name="store">Where they are kept.</param>
    /// <param name="options">What registries are given.</param>
    /// <param name="log">Told of pulls, how they go and how they fail.</param>
    public ModelPulls(IReadOnlyDictionary<string, ArtifactModel> models, ModelStore store, RegistryOptions options, Action<string> log)
    {
        (_store, _options, _log) = (store, options, log);
        _pull = new ModelPull(store, options);
        // One artifact may have several names.
        _entries = [.. models.GroupBy(m => m.Value.Reference.Digest!).Select(g => new Entry(g.Key, g.First().Value.Reference, [.. g.Select(m => m.Key)]))];
    }

    /// <summary>Each model, by its name.</summary>
    public IReadOnlyList<ModelStatus> Status => [.. _entries.SelectMany(e => e.Status)];

    /// <summary>Begins; returns at once.</summary>
    public void Start()
    {
        _all = Task.Run(async () =>
        {
            try
            {
                await Task.WhenAll(_entries.Select(e => Bring(e, _end.Token))).ConfigureAwait(false);
                await Forget(_end.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                // The node ends.
            }
        });
    }

    /// <summary>Ends what is in work; what came of it stays for the next time.</summary>
    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync().ConfigureAwait(false);
        await _all.ConfigureAwait(false);
        _end.Dispose();
        _places.Dispose();
    }

    /// <summary>Attempts, and longer and longer pauses between them, until it is here.</summary>
    private async Task Bring(Entry entry, CancellationToken token)
    {
        TimeSpan pause = s_firstPause;
        string? said = null;
        while (true)
        {
            string fault;
            TimeSpan? asked = null;
            await _places.WaitAsync(token).ConfigureAwait(false);
            try
            {
                await Attempt(entry, token).ConfigureAwait(false);
                entry.Set("here", null);
                return;
            }
            catch (OciException e)
            {
                (fault, asked) = (e.Message, e.RetryAfter);
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                // A full disk, a folder that may not be written: whatever it is, the other models and the node go on.
                fault = e.Message;
            }
            finally
            {
                _places.Release();
            }

            entry.Set("waiting", fault);
            if (fault != said) _log($"{entry.Called} cannot be pulled: {fault}. The node goes on trying");
            said = fault;
            TimeSpan wait = asked > pause ? asked < s_longestPause ? asked.Value : s_longestPause : pause;
            // Nodes that lost one registry at the same time do not all come back at the same time.
            await Task.Delay(wait * (0.75 + (Random.Shared.NextDouble() / 2)), _options.Time, token).ConfigureAwait(false);
            pause = pause * 2 < s_longestPause ? pause * 2 : s_longestPause;
        }
    }

    private async Task Attempt(Entry entry, CancellationToken token)
    {
        if (_store.FindArtifact(entry.Artifact) is { } there)
        {
            // Known to be whole when it was written; a disk may have lost something since.
            if (ModelStore.DigestOfFile(there.File) == there.Digest)
            {
                await Hold(() => _store.GiveArtifact(entry.Artifact, there.Digest), token).ConfigureAwait(false);
                return;
            }

            _log($"{entry.Called} is damaged on disk ({there.File}): it is pulled again");
            File.Delete(there.File);
        }

        long started = Stopwatch.GetTimestamp();
        entry.Set("pulling", entry.Fault);
        _log($"{entry.Called} is pulled from {entry.Reference}");
        PulledModel model = await _pull.RunAsync(entry.Reference, keepPart: true, entry.Set, token).ConfigureAwait(false);
        await Hold(() =>
        {
            _store.Take(model);
            _store.GiveArtifact(entry.Artifact, model.Digest);
        }, token).ConfigureAwait(false);
        _log(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{entry.Called} is here, after {Stopwatch.GetElapsedTime(started).TotalSeconds:0.0} s"));
    }

    /// <summary>Artifacts that node.toml does not name any more go when all that it names are here, and not before: it may be changed back.</summary>
    private async Task Forget(CancellationToken token)
    {
        try
        {
            string[] old = [.. _store.Artifacts().Except(_entries.Select(e => e.Artifact))];
            if (old.Length == 0) return;
            await Hold(() =>
            {
                foreach (string artifact in old) _store.RemoveArtifact(artifact);
            }, token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ConfigException)
        {
            _log($"artifacts that node.toml does not name any more cannot be removed: {e.Message}");
        }
    }

    /// <summary>Changes the store; a `mote model` that changes it now is waited for.</summary>
    private async Task Hold(Action change, CancellationToken token)
    {
        for (int tries = 0; ; tries++)
        {
            try
            {
                using IDisposable hold = _store.Hold();
                change();
                return;
            }
            catch (ConfigException) when (tries < 300)
            {
                await Task.Delay(s_holdPause, _options.Time, token).ConfigureAwait(false);
            }
        }
    }

    private sealed class Entry(string artifact, OciReference reference, string[] names)
    {
        private readonly Lock _lock = new();
        private string _state = "waiting";
        private string? _fault;
        private PullProgress _progress;

        public string Artifact => artifact;

        public OciReference Reference => reference;

        public string Called => $"the model {string.Join(" and ", names.Select(n => $"`{n}`"))}";

        public string? Fault
        {
            get
            {
                lock (_lock) return _fault;
            }
        }

        public IEnumerable<ModelStatus> Status
        {
            get
            {
                lock (_lock) return [.. names.Select(n => new ModelStatus(n, reference.ToString(), _state, _progress.Done, _progress.Size, _fault))];
            }
        }

        public void Set(string state, string? fault)
        {
            lock (_lock) (_state, _fault) = (state, fault);
        }

        public void Set(PullProgress progress)
        {
            lock (_lock) _progress = progress;
        }
    }
}
