// wasi:nn: the models that the manifest names, run beside the sandbox.
using Mote.Components;
using Mote.Components.Linking;
using Mote.Runtime;

namespace Mote.Capabilities.Nn;

/// <summary>Hosts wasi:nn tensor, graph, inference and errors.</summary>
/// <param name="backend">Where models are; null where the node has none.</param>
public sealed class NnCapability(IModelBackend? backend) : Capability<NnGuest>
{
    /// <inheritdoc/>
    public override void Link(ComponentLinker linker)
    {
        INnErrors.Define(linker, Guest);
        INnTensors.Define(linker, Guest);
        INnInference.Define(linker, Guest);
        INnGraphs.Define(linker, Guest);
    }

    /// <inheritdoc/>
    protected override NnGuest Prepare(MicroVm vm) => new(vm, backend);
}

/// <summary>wasi:nn for one instance.</summary>
public sealed class NnGuest : INnTensors, INnGraphs, INnInference, INnErrors, IDisposable
{
    /// <summary>Most dimensions of a tensor.</summary>
    public const int MaxRank = 32;

    private readonly IModelBackend? _backend;
    private readonly HashSet<IDisposable> _open = [];
    private long _bytes;

    internal NnGuest(MicroVm vm, IModelBackend? backend)
    {
        Vm = vm;
        _backend = backend;
    }

    internal MicroVm Vm { get; }

    /// <summary>Most bytes that an instance's tensors have together in the host: as many as its own memory may have.</summary>
    internal long MaxBytes => Vm.Component.Limits.MemoryBytes;

    /// <inheritdoc/>
    public INnTensors.ITensor NewTensor(ReadOnlySpan<uint> dimensions, INnTensors.TensorType ty, ReadOnlySpan<byte> data)
    {
        // The constructor has no words for a fault: it is kept, and told where the tensor is used.
        if (dimensions.Length > MaxRank) return new NnTensor(this, ty, [], new NnError(INnErrors.ErrorCode.InvalidArgument, $"a tensor has at most {MaxRank} dimensions, this one {dimensions.Length}"));
        UInt128 bytes = (UInt128)TensorValue.SizeOf(ty);
        foreach (uint d in dimensions) bytes = UInt128.Min(bytes * d, ulong.MaxValue);
        if (bytes != (UInt128)data.Length)
        {
            return new NnTensor(this, ty, dimensions.ToArray(), new NnError(INnErrors.ErrorCode.InvalidArgument, $"a tensor {ty}[{string.Join(',', dimensions.ToArray())}] has {bytes} bytes of data, this one {data.Length}"));
        }

        if (!HasRoomFor(data.Length)) return new NnTensor(this, ty, dimensions.ToArray(), TooLarge(data.Length));
        if (_backend is null) return new NnTensor(this, ty, dimensions.ToArray(), NoModels());
        Span<long> sizes = stackalloc long[dimensions.Length];
        for (int i = 0; i < sizes.Length; i++) sizes[i] = dimensions[i];
        return Keep(new NnTensor(this, _backend.NewTensor(ty, sizes, data)));
    }

    /// <inheritdoc/>
    public Result<INnGraphs.IGraph, INnErrors.IError> Load(ReadOnlyMemory<byte>[] builder, INnGraphs.GraphEncoding encoding, INnGraphs.ExecutionTarget target)
    {
        Vm.Component.Denied("loading a model from the component's own bytes", "models = [\"NAME\"]");
        return new NnError(INnErrors.ErrorCode.Security, "this host runs the models that its operator has named: use load-by-name, with models = [\"NAME\"] in the manifest");
    }

    /// <inheritdoc/>
    public Result<INnGraphs.IGraph, INnErrors.IError> LoadByName(string name)
    {
        if (!Vm.Component.Grants.Models.Contains(name))
        {
            Vm.Component.Denied($"the model `{name}`", $"models = [\"{name}\"]");
            return new NnError(INnErrors.ErrorCode.Security, $"the model `{name}` is not granted: models = [\"{name}\"]");
        }

        if (_backend is null) return NoModels();
        try
        {
            return Result<INnGraphs.IGraph, INnErrors.IError>.Ok(Keep(new NnGraph(this, Wait(_backend.OpenAsync(name)))));
        }
        catch (ModelException e)
        {
            return new NnError(e.Code, e.Message);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        // What a guest has left behind: each takes itself out of the list.
        foreach (IDisposable it in _open.ToArray()) it.Dispose();
    }

    internal NnError TooLarge(long bytes) => new(INnErrors.ErrorCode.TooLarge, $"{bytes} bytes more for tensors: a component's tensors have at most as many as its memory may have ({MaxBytes}, of which {_bytes} are used): drop some first, or raise `memory` under [component.NAME.limits]");

    /// <summary>Keeps something until it is dropped, or the instance ends.</summary>
    internal T Keep<T>(T it)
        where T : IDisposable
    {
        _open.Add(it);
        if (it is NnTensor { Value: { } value }) _bytes += value.Data.Length;
        return it;
    }

    internal bool Forget(IDisposable it)
    {
        if (!_open.Remove(it)) return false;
        if (it is NnTensor { Value: { } value }) _bytes -= value.Data.Length;
        return true;
    }

    internal bool HasRoomFor(long bytes) => bytes <= MaxBytes - _bytes;

    private static NnError NoModels() => new(INnErrors.ErrorCode.NotFound, "this node has no models: its operator names them under [models] of node.toml");

    /// <summary>Waits for a model within the call's deadline: loading goes on without the guest, for the next one.</summary>
    private IModel Wait(Task<IModel> loading)
    {
        if (!loading.IsCompleted)
        {
            using var cancelled = new ManualResetEventSlim();
            long began = Vm.BeginWait(cancelled.Set);
            try
            {
                while (WaitHandle.WaitAny([((IAsyncResult)loading).AsyncWaitHandle, cancelled.WaitHandle], Vm.Remaining) != 0) Vm.CheckDeadline();
            }
            catch
            {
                _ = loading.ContinueWith(static t => t.Result.Dispose(), CancellationToken.None, TaskContinuationOptions.OnlyOnRanToCompletion, TaskScheduler.Default);
                throw;
            }
            finally
            {
                Vm.EndWait(began);
            }
        }

        return loading.GetAwaiter().GetResult();
    }
}

internal sealed class NnError(INnErrors.ErrorCode code, string data) : INnErrors.IError
{
    public INnErrors.ErrorCode Code() => code;

    public string Data() => data;

    public static implicit operator Result<INnGraphs.IGraph, INnErrors.IError>(NnError e) => Result<INnGraphs.IGraph, INnErrors.IError>.Err(e);

    public static implicit operator Result<(string, INnTensors.ITensor)[], INnErrors.IError>(NnError e) => Result<(string, INnTensors.ITensor)[], INnErrors.IError>.Err(e);
}

/// <summary>A tensor, or what is wrong with it.</summary>
internal sealed class NnTensor : INnTensors.ITensor, IDisposable
{
    private readonly NnGuest _guest;
    private readonly INnTensors.TensorType _type;
    private readonly uint[] _dimensions;

    public NnTensor(NnGuest guest, TensorValue value)
    {
        _guest = guest;
        Value = value;
        _type = value.Type;
        _dimensions = value.Dimensions.Length == 0 ? [1] : Array.ConvertAll(value.Dimensions.ToArray(), d => (uint)d);
    }

    public NnTensor(NnGuest guest, INnTensors.TensorType type, uint[] dimensions, NnError fault)
    {
        (_guest, _type, _dimensions) = (guest, type, dimensions);
        Fault = fault;
    }

    /// <summary>What it is; null where it is nothing.</summary>
    public TensorValue? Value { get; private set; }

    public NnError? Fault { get; }

    public ReadOnlyMemory<uint> Dimensions() => _dimensions;

    public INnTensors.TensorType Ty() => _type;

    public ReadOnlyMemory<byte> Data() => Value?.Data ?? default;

    public void Dispose()
    {
        _guest.Forget(this);
        Value?.Dispose();
        Value = null;
    }
}

internal sealed class NnGraph(NnGuest guest, IModel model) : INnGraphs.IGraph, IDisposable
{
    private readonly ModelUse _use = new(model);

    public Result<INnInference.IGraphExecutionContext, INnErrors.IError> InitExecutionContext() =>
        Result<INnInference.IGraphExecutionContext, INnErrors.IError>.Ok(guest.Keep(new NnContext(guest, _use)));

    public void Dispose()
    {
        if (guest.Forget(this)) _use.Drop();
    }
}

/// <summary>A model that a graph and its contexts hold together: guests drop them in any order.</summary>
internal sealed class ModelUse(IModel model)
{
    private int _holders = 1;

    public IModel Model => model;

    public void Hold() => _holders++;

    public void Drop()
    {
        if (--_holders == 0) model.Dispose();
    }
}
