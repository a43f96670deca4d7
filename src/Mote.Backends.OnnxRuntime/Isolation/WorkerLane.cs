// A lane of a worker: takes one run after another, and never two at once.
using System.Globalization;
using System.IO.MemoryMappedFiles;
using System.Net.Sockets;
using Microsoft.ML.OnnxRuntime;
using Microsoft.Win32.SafeHandles;
using Mote.Capabilities.Nn;

namespace Mote.Backends.OnnxRuntime.Isolation;

internal sealed unsafe class WorkerLane
{
    private readonly WorkerChannel _channel;
    private readonly SafeFileHandle _file;
    private readonly MessageWriter _writer = new();
    private readonly Lock _lock = new();
    private MemoryMappedFile? _map;
    private MemoryMappedViewAccessor? _view;
    private long _mapped;
    private CancellationTokenSource? _current;
    private ulong _run, _ended;

    private WorkerLane(WorkerChannel channel, SafeFileHandle file) => (_channel, _file) = (channel, file);

    /// <summary>Opens the shared file first: when the node has taken the connection, it can remove its name.</summary>
    public static WorkerLane Connect(string folder, int number)
    {
        SafeFileHandle file = File.OpenHandle(Path.Combine(folder, number.ToString(CultureInfo.InvariantCulture)), FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Connect(new UnixDomainSocketEndPoint(Path.Combine(folder, ModelWorker.SocketName)));
        return new WorkerLane(new WorkerChannel(socket), file);
    }

    public void Send(MessageWriter message) => _channel.Send(message);

    /// <summary>Ends a run early; one that has not come yet ends when it does.</summary>
    public void End(ulong run)
    {
        lock (_lock)
        {
            _ended = Math.Max(_ended, run);
            if (_run == run) _current?.Cancel();
        }
    }

    public void Serve(OnnxModel model)
    {
        try
        {
            while (true)
            {
                ReadOnlySpan<byte> message = _channel.Receive();
                if (message.IsEmpty) return; // the node ends this process by its standard input
                _channel.Send(Answer(model, message));
            }
        }
        catch (SocketException)
        {
            // Likewise.
        }
    }

    private MessageWriter Answer(OnnxModel model, ReadOnlySpan<byte> message)
    {
        var reader = new MessageReader(message);
        if (reader.Byte() != (byte)WorkerMessage.Run) throw new WorkerProtocolException("no run");
        ulong run = (ulong)reader.Long();
        long atMost = reader.Long();
        var inputs = new PlacedTensor[reader.Count()];
        long length = RandomAccess.GetLength(_file);
        for (int i = 0; i < inputs.Length; i++) inputs[i] = reader.Tensor(length);
        reader.End();
        Map(inputs.Select(i => i.Offset + i.Bytes).DefaultIfEmpty().Max(), length);

        using var end = new CancellationTokenSource();
        lock (_lock)
        {
            (_run, _current) = (run, end);
            if (_ended >= run) end.Cancel();
        }

        var tensors = new List<TensorValue>(inputs.Length);
        try
        {
            foreach (PlacedTensor t in inputs) tensors.Add(Mapped(t));
            long offset = PlacedTensor.Align(inputs.Select(i => i.Offset + i.Bytes).DefaultIfEmpty().Max());
            return Give(run, model.Run([.. inputs.Select(i => model.Signature.Inputs[i.Index].Name)], tensors, end.Token), offset, atMost);
        }
        catch (OperationCanceledException)
        {
            return _writer.Begin(WorkerMessage.Ended, run);
        }
        catch (ModelException e)
        {
            return ModelWorker.Fault(_writer, run, e);
        }
        catch (IOException e)
        {
            return ModelWorker.Fault(_writer, run, new ModelException(INnErrors.ErrorCode.RuntimeError, $"its outputs have no room in the shared memory: {e.Message}"));
        }
        finally
        {
            lock (_lock) _current = null;
            foreach (TensorValue tensor in tensors) tensor.Dispose();
        }
    }

    /// <summary>Outputs go into the file behind the inputs: written and not mapped, so that a full file system is an error and no signal.</summary>
    private MessageWriter Give(ulong run, IReadOnlyList<(string Name, TensorValue Tensor)> outputs, long offset, long atMost)
    {
        try
        {
            _writer.Begin(WorkerMessage.Outputs, run).Count(outputs.Count);
            for (int i = 0; i < outputs.Count; i++)
            {
                TensorValue tensor = outputs[i].Tensor;
                if (offset + tensor.Data.Length > atMost) throw new ModelException(INnErrors.ErrorCode.TooLarge, $"the tensors of a run have more than {atMost} bytes together, which is most in a worker process");
                RandomAccess.Write(_file, tensor.Data.Span, offset);
                _writer.Tensor(i, tensor.Type, tensor.Dimensions, offset);
                offset = PlacedTensor.Align(offset + tensor.Data.Length);
            }

            return _writer;
        }
        finally
        {
            foreach ((_, TensorValue tensor) in outputs) tensor.Dispose();
        }
    }

    /// <summary>An input where it is in the shared file.</summary>
    private OnnxTensor Mapped(PlacedTensor t)
    {
        if (t.Bytes == 0) return OnnxTensor.Of(t.Type, t.Dimensions, []);
        // SAFETY: the view has at least these bytes (Map), the node does not make the file shorter, and the view is
        // replaced only by the next message, when the tensors of this one are gone.
        byte* at = null;
        _view!.SafeMemoryMappedViewHandle.AcquirePointer(ref at);
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        OrtValue value = OrtValue.CreateTensorValueWithData(OrtMemoryInfo.DefaultInstance, OnnxTensor.ElementTypeOf(t.Type), t.Dimensions, (nint)(at + t.Offset), t.Bytes);
        try
        {
            return new OnnxTensor(value, t.Type);
        }
        catch
        {
            value.Dispose();
            throw;
        }
    }

    private void Map(long bytes, long fileBytes)
    {
        if (bytes <= _mapped) return;
        _view?.Dispose();
        _map?.Dispose();
        _map = MemoryMappedFile.CreateFromFile(_file, null, fileBytes, MemoryMappedFileAccess.ReadWrite, HandleInheritability.None, leaveOpen: true);
        _view = _map.CreateViewAccessor(0, fileBytes, MemoryMappedFileAccess.ReadWrite);
        _mapped = fileBytes;
    }
}
