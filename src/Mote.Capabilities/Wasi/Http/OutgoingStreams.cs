// The bodies of a request that went out: the guest's into the connection, the server's to the guest. Neither is read ahead
// of whoever takes it.
using System.IO.Pipelines;
using System.Net;
using Mote.Runtime;
using ErrorCode = Mote.Capabilities.Wasi.Http.IHttpTypes.ErrorCode;

namespace Mote.Capabilities.Wasi.Http;

/// <summary>What the guest writes, into a pipe that the client reads.</summary>
internal sealed class RequestSink(PipeWriter writer, OutgoingExchange exchange) : BodySink(writer)
{
    private readonly PipeWriter _writer = writer;

    public override void Abort()
    {
        _writer.Complete(new HttpBodyException(new ErrorCode.InternalError("the request's body was cut off"), "the request's body was cut off"));
        exchange.Abandon();
    }

    protected override HttpBodyException Explain(Exception e) => e as HttpBodyException ?? new HttpBodyException(exchange.Explain(e, body: false), e.Message);

    protected override void Begin(long? length) => exchange.Start(length);

    protected override void End(Fields? trailers)
    {
        if (trailers is { Count: > 0 })
        {
            // .NET's client has no way to send them, and a body that ended without them would say something else.
            var fault = new HttpBodyException(new ErrorCode.InternalError("trailers of requests cannot be sent"), "trailers of requests cannot be sent");
            _writer.Complete(fault);
            throw fault;
        }

        _writer.Complete();
    }
}

/// <summary>The pipe's other end, as the client wants it.</summary>
internal sealed class RequestContent(PipeReader reader) : HttpContent
{
    /// <summary>Bytes of the whole; null for chunks.</summary>
    public long? Length { get; set; }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        Exception? fault = null;
        try
        {
            while (true)
            {
                ReadResult read = await reader.ReadAsync(cancellationToken).ConfigureAwait(false);
                foreach (ReadOnlyMemory<byte> segment in read.Buffer) await stream.WriteAsync(segment, cancellationToken).ConfigureAwait(false);
                reader.AdvanceTo(read.Buffer.End);
                if (read.IsCompleted) return;
                await stream.FlushAsync(cancellationToken).ConfigureAwait(false);
            }
        }
        catch (Exception e)
        {
            fault = e;
            throw;
        }
        finally
        {
            await reader.CompleteAsync(fault).ConfigureAwait(false); // who writes notices
        }
    }

    protected override bool TryComputeLength(out long length)
    {
        length = Length ?? 0;
        return Length is not null;
    }
}

/// <summary>What the server sends, as it is read.</summary>
internal sealed class ResponseSource(PipeReader reader, OutgoingExchange exchange, HttpResponseMessage response) : BodySource(reader)
{
    private Fields? _trailers;

    public override Fields? Trailers
    {
        get
        {
            if (!IsEnded || _trailers is not null) return _trailers;
            _trailers = new Fields();
            OutgoingExchange.Add(_trailers, response.TrailingHeaders.NonValidated);
            return _trailers;
        }
    }

    public override void Dropped() => exchange.Dispose();

    protected override HttpBodyException Explain(Exception e) => e as HttpBodyException ?? new HttpBodyException(exchange.Explain(e, body: true), e.Message);
}

/// <summary>A stream whose every read has a limit, and all of them together.</summary>
internal sealed class TimedStream(Stream inner, TimeSpan each, long most) : Stream
{
    private long _count;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        ValueTask<int> reading = inner.ReadAsync(buffer, cancellationToken);
        int n;
        if (reading.IsCompletedSuccessfully)
        {
            n = reading.Result;
        }
        else
        {
            try
            {
                // A read that takes too long is left to itself: the connection goes with the response.
                n = await reading.AsTask().WaitAsync(each, cancellationToken).ConfigureAwait(false);
            }
            catch (TimeoutException)
            {
                throw new HttpBodyException(ErrorCode.ConnectionReadTimeout.Instance, $"the response's body did not go on for {each}");
            }
        }

        _count += n;
        if (_count > most) throw new HttpBodyException(new ErrorCode.HTTPResponseBodySize((ulong)_count), $"the response's body has more than the {most} bytes that are allowed");
        return n;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing) inner.Dispose();
        base.Dispose(disposing);
    }
}
