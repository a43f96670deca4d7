// wasi:blobstore: the containers that the manifest names, and nothing of any other app's.
using Mote.Components;
using Mote.Components.Linking;
using Mote.Runtime;

namespace Mote.Capabilities.Blobstore;

/// <summary>Hosts wasi:blobstore types, container and blobstore.</summary>
/// <param name="backend">Where containers are.</param>
public sealed class BlobstoreCapability(IBlobBackend backend) : Capability<BlobGuest>
{
    /// <summary>Most commits, copies and deletions that go on at once, those that a guest has given up waiting for among them.</summary>
    private readonly SemaphoreSlim _away = new(16);

    /// <inheritdoc/>
    public override void Link(ComponentLinker linker)
    {
        IBlobTypes.Define(linker, Guest);
        IBlobContainers.Define(linker, Guest);
        IBlobstore.Define(linker, Guest);
    }

    /// <inheritdoc/>
    protected override BlobGuest Prepare(MicroVm vm) => new(vm, backend, _away);
}

/// <summary>wasi:blobstore for one instance.</summary>
public sealed class BlobGuest : IBlobTypes, IBlobContainers, IBlobstore, IDisposable
{
    /// <summary>Most values, streams of them and lists that an instance has open.</summary>
    public const int MaxOpen = 64;

    /// <summary>Most bytes that are read at once; more are read as a stream.</summary>
    public const long MaxAtOnce = 64 << 20;

    private readonly MicroVm _vm;
    private readonly SemaphoreSlim _away;
    private readonly HashSet<IDisposable> _open = [];
    private byte[] _buffer = [];

    internal BlobGuest(MicroVm vm, IBlobBackend backend, SemaphoreSlim away)
    {
        _vm = vm;
        _away = away;
        Containers = backend.Open(vm.Component.App);
        if (backend.IsElsewhere && vm.Component.Limits.Egress is not null) Containers = new MeteredBlobs(Containers, vm.Component);
    }

    internal MicroVm Vm => _vm;

    internal IBlobStore Containers { get; }

    /// <summary>Most bytes of a container, as this component's manifest says.</summary>
    internal long Limit => _vm.Component.Limits.BlobContainerBytes;

    /// <summary>Room for what is read until it is in the guest's memory: one for all streams of the instance.</summary>
    internal Memory<byte> Buffer(int size)
    {
        if (size > _buffer.Length) _buffer = new byte[size];
        return _buffer.AsMemory(0, size);
    }

    /// <summary>Keeps something open until it is closed, or the instance ends.</summary>
    /// <exception cref="BlobException">There are too many; it is closed.</exception>
    internal T Keep<T>(T it)
        where T : IDisposable
    {
        if (_open.Count >= MaxOpen)
        {
            it.Dispose();
            throw new BlobException($"a component may have {MaxOpen} values and lists open: drop some first");
        }

        _open.Add(it);
        return it;
    }

    internal void Close(IDisposable it)
    {
        if (_open.Remove(it)) it.Dispose();
    }

    /// <summary>Runs something that waits for the disk, within the call's deadline: it cannot be ended, but can be left behind.</summary>
    internal T Away<T>(Func<T> action)
    {
        if (_vm.Remaining == Timeout.InfiniteTimeSpan) return action();
        while (!_away.Wait(_vm.Remaining)) _vm.CheckDeadline();
        Task<T> task = Task.Run(() =>
        {
            try
            {
                return action();
            }
            finally
            {
                _away.Release();
            }
        });
        while (Task.WaitAny([task], _vm.Remaining) < 0) _vm.CheckDeadline();
        return task.GetAwaiter().GetResult();
    }

    /// <summary>Runs something whose faults are the guest's to know.</summary>
    internal static Result<T, string> Try<T>(Func<T> action)
    {
        try
        {
            return Result<T, string>.Ok(action());
        }
        catch (BlobException e)
        {
            return Result<T, string>.Err(e.Message);
        }
    }

    /// <summary>A new value, for whoever may write one at all: without a container to go to it would only fill the disk.</summary>
    internal IBlobWriter Write()
    {
        if (_vm.Component.Grants.Blobstore.Count == 0)
        {
            _vm.Component.Denied("writing to blob containers", "blobstore = [\"CONTAINER\"]");
            throw new BlobException("no container is granted: blobstore = [\"CONTAINER\"]");
        }

        return Keep(Containers.Write(Limit));
    }

    /// <summary>May this component use a container of this name?</summary>
    private void Allow(string container)
    {
        if (_vm.Component.Grants.Blobstore.Contains(container)) return;
        _vm.Component.Denied($"the blob container `{container}`", $"blobstore = [\"{container}\"]");
        throw new BlobException($"the container `{container}` is not granted: blobstore = [\"{container}\"]");
    }

    /// <inheritdoc/>
    public Result<IBlobContainers.IContainer, string> CreateContainer(string name) => Try<IBlobContainers.IContainer>(() =>
    {
        Allow(name);
        Away(() =>
        {
            Containers.Create(name);
            return 0;
        });
        return new BlobContainer(this, name);
    });

    /// <inheritdoc/>
    public Result<IBlobContainers.IContainer, string> GetContainer(string name) => Try<IBlobContainers.IContainer>(() =>
    {
        Allow(name);
        return Containers.Container(name) is null ? throw new BlobException($"there is no container `{name}`: create it first") : new BlobContainer(this, name);
    });

    /// <inheritdoc/>
    public Result<Unit, string> DeleteContainer(string name) => Try(() =>
    {
        Allow(name);
        return Away(() =>
        {
            Containers.Delete(name);
            return default(Unit);
        });
    });

    /// <inheritdoc/>
    public Result<bool, string> ContainerExists(string name) => Try(() =>
    {
        Allow(name);
        return Containers.Container(name) is not null;
    });

    /// <inheritdoc/>
    public Result<Unit, string> CopyObject(IBlobTypes.ObjectId src, IBlobTypes.ObjectId dest) => Between(src, dest, Containers.Copy);

    /// <inheritdoc/>
    public Result<Unit, string> MoveObject(IBlobTypes.ObjectId src, IBlobTypes.ObjectId dest) => Between(src, dest, Containers.Move);

    private Result<Unit, string> Between(IBlobTypes.ObjectId src, IBlobTypes.ObjectId dest, Action<BlobId, BlobId, long> action) => Try(() =>
    {
        Allow(src.Container);
        Allow(dest.Container);
        long limit = Limit;
        return Away(() =>
        {
            action(new BlobId(src.Container, src.Object), new BlobId(dest.Container, dest.Object), limit);
            return default(Unit);
        });
    });

    /// <inheritdoc/>
    public IBlobTypes.IOutgoingValue OutgoingValueNewOutgoingValue() => new BlobOutgoing(this);

    /// <inheritdoc/>
    public Result<Unit, string> OutgoingValueFinish(IBlobTypes.IOutgoingValue @this) => ((BlobOutgoing)@this).Finish();

    /// <inheritdoc/>
    public Result<ReadOnlyMemory<byte>, string> IncomingValueIncomingValueConsumeSync(IBlobTypes.IIncomingValue @this) => ((BlobIncoming)@this).All();

    /// <inheritdoc/>
    public Result<Wasi.Io.IStreams.IInputStream, string> IncomingValueIncomingValueConsumeAsync(IBlobTypes.IIncomingValue @this) => ((BlobIncoming)@this).Stream();

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (IDisposable it in _open.ToArray()) it.Dispose();
        _open.Clear();
    }
}
