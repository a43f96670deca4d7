// The models of a node: loaded when a component first asks for one, shared by all who use it, and let go of when the
// room is needed for another.
using System.Globalization;
using System.Security.Cryptography;
using Microsoft.ML.OnnxRuntime;
using Mote.Capabilities.Nn;

namespace Mote.Backends.OnnxRuntime;

/// <summary>A model's file.</summary>
/// <param name="Path">Where it is, absolute.</param>
/// <param name="Digest">What its bytes must be: the SHA-256, 64 digits in lower case; null for whatever is there.</param>
public sealed record ModelFile(string Path, string? Digest = null);

/// <summary>How models are kept and run.</summary>
public sealed record OnnxOptions
{
    /// <summary>The models by the names that components know.</summary>
    public required IReadOnlyDictionary<string, ModelFile> Models { get; init; }

    /// <summary>Threads of each run. With one, it runs on the thread that has the component.</summary>
    public int Threads { get; init; } = 1;

    /// <summary>Most bytes of the files of all models that are loaded at once.</summary>
    public long MaxBytes { get; init; } = 512L << 20;
}

/// <summary>Runs models with ONNX Runtime, in this process: for models that the operator trusts.</summary>
public sealed class OnnxModels : IModelBackend, IDisposable
{
    /// <summary>A file that could not be loaded is not read again sooner.</summary>
    private static readonly TimeSpan s_again = TimeSpan.FromSeconds(1);

    private readonly OnnxOptions _options;
    private readonly TimeProvider _time;
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
    }

    /// <summary>Models that are loaded, and the bytes of their files.</summary>
    public (int Models, long Bytes) Loaded
    {
        get
        {
            lock (_lock) return (_entries.Count, _entries.Values.Sum(e => e.Bytes));
        }
    }

    /// <inheritdoc/>
    public TensorValue NewTensor(INnTensors.TensorType type, ReadOnlySpan<long> dimensions, ReadOnlySpan<byte> data) => OnnxModel.NewTensor(type, dimensions, data);

    /// <inheritdoc/>
    public async Task<IModel> OpenAsync(string name)
    {
        if (!_options.Models.TryGetValue(name, out ModelFile? file)) throw new ModelException(INnErrors.ErrorCode.NotFound, $"this node has no model `{name}`: its operator names it under [models] of node.toml, {name} = \"FILE.onnx\"");
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
        catch (ModelException e)
        {
            lock (_lock)
            {
                if (_entries.GetValueOrDefault(file) == entry) _entries.Remove(file);
                _faults[file] = (e, _time.GetTimestamp());
            }

            throw;
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
        var entry = new Entry(file, bytes, Task.Run(() => Load(name, file)));
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

    private OnnxModel Load(string name, ModelFile file)
    {
        try
        {
            byte[] bytes = File.ReadAllBytes(file.Path);
            if (file.Digest is { } digest && Convert.ToHexStringLower(SHA256.HashData(bytes)) is var found && found != digest)
            {
                throw new ModelException(INnErrors.ErrorCode.Security, $"the model `{name}` is not the one that is pinned: {file.Path} has the digest sha256:{found}, node.toml says sha256:{digest}");
            }

            using SessionOptions options = Session();
            // By its path where it may be anything: the weights of large models are in files beside it.
            var model = new OnnxModel(file.Digest is null ? new InferenceSession(file.Path, options) : new InferenceSession(bytes, options));
            model.Warm();
            return model;
        }
        catch (OnnxRuntimeException e)
        {
            throw new ModelException(INnErrors.ErrorCode.InvalidEncoding, $"the model `{name}` cannot be loaded: {file.Path}: {e.Message}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ModelException(INnErrors.ErrorCode.NotFound, $"the model `{name}` cannot be read: {e.Message}");
        }
        catch (Exception e) when (e is DllNotFoundException or TypeInitializationException or OutOfMemoryException)
        {
            throw new ModelException(INnErrors.ErrorCode.Unknown, $"the model `{name}` cannot be loaded: {(e.InnerException ?? e).Message}");
        }
    }

    private SessionOptions Session()
    {
        var options = new SessionOptions
        {
            IntraOpNumThreads = _options.Threads,
            InterOpNumThreads = 1,
            ExecutionMode = ExecutionMode.ORT_SEQUENTIAL,
            LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL, // what goes wrong comes as an exception
        };
        // Threads that wait for work spinning have a core each, for nothing.
        options.AddSessionConfigEntry("session.intra_op.allow_spinning", "0");
        options.AddSessionConfigEntry("session.inter_op.allow_spinning", "0");
        return options;
    }

    private static long Length(string name, ModelFile file)
    {
        var info = new FileInfo(file.Path);
        return info.Exists ? info.Length : throw new ModelException(INnErrors.ErrorCode.NotFound, string.Create(CultureInfo.InvariantCulture, $"the model `{name}` cannot be read: there is no file {file.Path}"));
    }

    private sealed class Entry(ModelFile file, long bytes, Task<OnnxModel> loading)
    {
        public ModelFile File => file;

        public long Bytes => bytes;

        public Task<OnnxModel> Loading => loading;

        public int Users { get; set; }

        public long LastUse { get; set; }
    }

    private sealed class Lease(OnnxModels all, Entry entry, OnnxModel model) : IModel
    {
        private int _disposed;

        public IReadOnlyList<ModelTensor> Inputs => model.Inputs;

        public IReadOnlyList<ModelTensor> Outputs => model.Outputs;

        public IReadOnlyList<(string Name, TensorValue Tensor)> Run(IReadOnlyList<string> names, IReadOnlyList<TensorValue> inputs, CancellationToken end) => model.Run(names, inputs, end);

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _disposed, 1) == 0) all.Release(entry);
        }
    }
}
