// The models of a node: loaded when a component first asks for one, shared by all who use it, and let go of when the
// room is needed for another.
using System.Globalization;
using Mote.Backends.OnnxRuntime.Isolation;
using Mote.Capabilities.Nn;

namespace Mote.Backends.OnnxRuntime;

/// <summary>Runs models with ONNX Runtime: those that the operator trusts in this process, each other one in a worker process.</summary>
public sealed class OnnxModels : IModelBackend, IDisposable
{
    /// <summary>A file that could not be loaded is not read again sooner.</summary>
    private static readonly TimeSpan s_again = TimeSpan.FromSeconds(1);

    private readonly OnnxOptions _options;
    private readonly TimeProvider _time;
    private readonly Func<string, ModelFile, ILoadedModel> _load;
    private readonly TensorPool _tensors;
    private readonly Lock _lock = new();
    private readonly Dictionary<ModelFile, Entry> _entries = [];
    private readonly Dictionary<ModelFile, (ModelException Fault, long At)> _faults = [];
    private long _uses;
    private bool _disposed;

    /// <summary>Loads nothing yet; ONNX Runtime itself is loaded with the first model.</summary>
    public OnnxModels(OnnxOptions options, TimeProvider? time = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Threads, 1);
        _options = options;
        _time = time ?? TimeProvider.System;
        _tensors = new TensorPool(_time);
        _load = LoadNow;
    }

    /// <summary>Loads with something else, for tests.</summary>
    internal OnnxModels(OnnxOptions options, Func<string, ModelFile, ILoadedModel> load)
        : this(options) => _load = load;

    /// <summary>Models that are loaded, and the bytes of their files.</summary>
    public (int Models, long Bytes) Loaded
    {
        get
        {
            lock (_lock) return (_entries.Count, _entries.Values.Sum(e => e.Bytes));
        }
    }

    /// <inheritdoc/>
    public TensorValue NewTensor(INnTensors.TensorType type, ReadOnlySpan<long> dimensions, ReadOnlySpan<byte> data) => OnnxTensor.Of(type, dimensions, data, _tensors);

    /// <inheritdoc/>
    public async Task<IModel> OpenAsync(string name)
    {
        ModelFile file = _options.Find(name) ?? throw new ModelException(INnErrors.ErrorCode.NotFound, $"this node has no model `{name}`: its operator adds it with `mote model add FILE.onnx --name {name}`, or names it under [models] of node.toml, {name} = \"FILE.onnx\"");
        Entry entry;
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (_faults.TryGetValue(file, out (ModelException Fault, long At) last) && _time.GetElapsedTime(last.At) < s_again) throw new ModelException(last.Fault.Code, last.Fault.Message);
            if (!_entries.TryGetValue(file, out entry!)) entry = Begin(name, file);
            entry.Users++;
            entry.LastUse = ++_uses;
        }

        try
        {
            return new Lease(this, entry, await entry.Loading.ConfigureAwait(false));
        }
        catch (Exception e)
        {
            // Whatever it was: what is not loaded is no entry, which the next one would wait for.
            ModelException fault = e as ModelException ?? new ModelException(INnErrors.ErrorCode.Unknown, $"the model `{name}` cannot be loaded: {e.Message}");
            lock (_lock)
            {
                if (_entries.GetValueOrDefault(file) == entry) _entries.Remove(file);
                _faults[file] = (fault, _time.GetTimestamp());
            }

            throw fault;
        }
    }

    /// <summary>Lets go of all models that nobody uses; the others when their users are gone.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _disposed = true;
            foreach (Entry entry in _entries.Values.Where(e => e.Users == 0).ToArray()) Unload(entry);
        }

        _tensors.Dispose();
    }

    /// <summary>Makes room, and begins to load.</summary>
    private Entry Begin(string name, ModelFile file)
    {
        long bytes = Length(name, file);
        if (bytes > _options.MaxBytes) throw new ModelException(INnErrors.ErrorCode.TooLarge, $"the model `{name}` has {bytes} bytes, and all models that are loaded may have {_options.MaxBytes}: raise `memory` under [inference] of node.toml");
        long loaded = _entries.Values.Sum(e => e.Bytes);
        foreach (Entry old in _entries.Values.Where(e => e.Users == 0).OrderBy(e => e.LastUse).ToArray())
        {
            if (loaded + bytes <= _options.MaxBytes) break;
            loaded -= old.Bytes;
            Unload(old);
        }

        if (loaded + bytes > _options.MaxBytes) throw new ModelException(INnErrors.ErrorCode.TooLarge, $"there is no room for the model `{name}` ({bytes} bytes) beside those in use ({loaded} of {_options.MaxBytes}): raise `memory` under [inference] of node.toml");
        var entry = new Entry(file, bytes, Task.Run(() => _load(name, file)));
        _entries.Add(file, entry);
        return entry;
    }

    private void Unload(Entry entry)
    {
        _entries.Remove(entry.File);
        _ = entry.Loading.ContinueWith(static t => t.Result.Dispose(), CancellationToken.None, TaskContinuationOptions.OnlyOnRanToCompletion | TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
    }

    private void Release(Entry entry)
    {
        lock (_lock)
        {
            entry.Users--;
            if (_disposed && entry.Users == 0) Unload(entry);
        }
    }

    private ILoadedModel LoadNow(string name, ModelFile file)
    {
        if (file.Trusted) return OnnxModel.Load(name, file, _options.Threads);
        return _options.Worker is { } worker ? new IsolatedModel(name, file, _options.Threads, worker, _time)
            : throw new ModelException(INnErrors.ErrorCode.Security, $"the model `{name}` is not trusted, and there is no program here that could be its worker process: run it with the program `mote`, or trust it: trusted = true");
    }

    private static long Length(string name, ModelFile file)
    {
        var info = new FileInfo(file.Path);
        return info.Exists ? info.Length : throw new ModelException(INnErrors.ErrorCode.NotFound, string.Create(CultureInfo.InvariantCulture, $"the model `{name}` cannot be read: there is no file {file.Path}"));
    }

    private sealed class Entry(ModelFile file, long bytes, Task<ILoadedModel> loading)
    {
        public ModelFile File => file;

        public long Bytes => bytes;

        public Task<ILoadedModel> Loading => loading;

        public int Users { get; set; }

        public long LastUse { get; set; }
    }

    private sealed class Lease(OnnxModels all, Entry entry, ILoadedModel model) : IModel
    {
        private int _disposed;

        public IReadOnlyList<ModelTensor> Inputs => model.Signature.Inputs;

        public IReadOnlyList<ModelTensor> Outputs => model.Signature.Outputs;

        public IReadOnlyList<(string Name, TensorValue Tensor)> Run(IReadOnlyList<string> names, IReadOnlyList<TensorValue> inputs, CancellationToken end) => model.Run(names, inputs, end);

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _disposed, 1) == 0) all.Release(entry);
        }
    }
}
