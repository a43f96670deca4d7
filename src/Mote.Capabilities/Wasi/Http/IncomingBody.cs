// A body that a guest reads, and the trailers after it.
using Mote.Capabilities.Wasi.Io;
using Mote.Components;
using Mote.Runtime;

namespace Mote.Capabilities.Wasi.Http;

/// <summary>A body to read: of a request that came in, or of a response to one that went out.</summary>
/// <param name="vm">Whose it is.</param>
/// <param name="source">Where it comes from; null where there is none.</param>
public sealed class IncomingBody(MicroVm vm, BodySource? source) : IHttpTypes.IIncomingBody, IDisposable
{
    private bool _taken;
    private bool _finished;

    /// <inheritdoc/>
    public Result<IStreams.IInputStream, Unit> Stream()
    {
        if (_taken) return default(Unit);
        _taken = true;
        return source is null ? new BytesInput(vm, default) : new BodyInput(vm, source);
    }

    /// <summary>The guest dropped it.</summary>
    public void Dispose()
    {
        if (!_finished) source?.Dropped();
    }

    internal FutureTrailers Finish()
    {
        _finished = true;
        return new FutureTrailers(vm, source);
    }
}

/// <summary>A body as a stream.</summary>
internal sealed class BodyInput(MicroVm vm, BodySource source) : InputStream(vm)
{
    protected override ReadOnlyMemory<byte> Take(int max, out bool closed)
    {
        try
        {
            ReadOnlyMemory<byte> bytes = source.Take(max);
            closed = bytes.IsEmpty && source.IsEnded;
            Vm.Usage.BytesIn += bytes.Length;
            return bytes;
        }
        catch (HttpBodyException e)
        {
            throw e.ToStreamFailure();
        }
    }

    protected override Pollable Readable() => new BodyPollable(Vm, source);
}

/// <summary>Ready when a body has bytes, has ended or has failed.</summary>
internal sealed class BodyPollable(MicroVm vm, BodySource source) : Pollable(vm)
{
    protected override bool IsReady => source.IsReadable;

    protected override void Watch(Action wake) => source.Watch(wake);

    protected override void Unwatch(Action wake) => source.Unwatch();
}

/// <summary>Trailers that come when the body has ended; what is left of the body is skipped.</summary>
/// <param name="vm">Whose they are.</param>
/// <param name="source">The body; null where there is none.</param>
public sealed class FutureTrailers(MicroVm vm, BodySource? source) : IHttpTypes.IFutureTrailers, IDisposable
{
    private bool _taken;

    /// <inheritdoc/>
    public IPoll.IPollable Subscribe() => source is null ? new ReadyPollable(vm) : new Ended(vm, source);

    /// <inheritdoc/>
    public Result<Result<IHttpTypes.IFields?, IHttpTypes.ErrorCode>, Unit>? Get()
    {
        if (source is not null && !Ended.Skip(source)) return null;
        if (_taken) return Result<Result<IHttpTypes.IFields?, IHttpTypes.ErrorCode>, Unit>.Err(default);
        _taken = true;
        Result<IHttpTypes.IFields?, IHttpTypes.ErrorCode> result = source?.Fault is { } fault ? fault.Code
            : Result<IHttpTypes.IFields?, IHttpTypes.ErrorCode>.Ok(source?.Trailers is { Count: > 0 } trailers ? trailers.Freeze().For(vm) : null);
        return Result<Result<IHttpTypes.IFields?, IHttpTypes.ErrorCode>, Unit>.Ok(result);
    }

    /// <summary>The guest dropped them, and with them what is left of the body.</summary>
    public void Dispose() => source?.Dropped();

    private sealed class Ended(MicroVm vm, BodySource source) : Pollable(vm)
    {
        protected override bool IsReady => Skip(source);

        protected override void Watch(Action wake) => source.Watch(wake);

        protected override void Unwatch(Action wake) => source.Unwatch();

        /// <summary>True once the body has ended, for good or ill.</summary>
        public static bool Skip(BodySource source)
        {
            try
            {
                while (source.Take(int.MaxValue).Length > 0)
                {
                    // Not wanted.
                }
            }
            catch (HttpBodyException)
            {
                return true;
            }

            return source.IsEnded;
        }
    }
}
