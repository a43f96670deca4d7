// The node's end of a lane. The node never maps the shared file, so that a worker that makes it shorter is an answer that
// ends too early and not a fault of the node's; and it copies what it was told before it looks at it.
using System.Net.Sockets;
using Microsoft.Win32.SafeHandles;
using Mote.Capabilities.Nn;

namespace Mote.Backends.OnnxRuntime.Isolation;

internal sealed class NodeLane(int number, Socket socket, SafeFileHandle file, ModelWorkerOptions options) : IDisposable
{
    private readonly WorkerChannel _channel = new(socket);
    private readonly MessageWriter _writer = new();
    private ModelSignature _signature = null!;
    private ulong _run;

    /// <summary>Whether the worker was told of the last run.</summary>
    public bool WasTold { get; private set; }

    /// <summary>What the worker says of the model that it has loaded; null where it is gone.</summary>
    public ModelSignature? ReceiveSignature(string name)
    {
        ReadOnlySpan<byte> message = _channel.Receive();
        if (message.IsEmpty) return null;
        var reader = new MessageReader(message);
        WorkerMessage kind = Begin(ref reader, 0);
        if (kind == WorkerMessage.Fault) throw Fault(ref reader);
        if (kind != WorkerMessage.Ready) throw new WorkerProtocolException($"{kind} where a model was to be loaded");
        ModelTensor[] inputs = Tensors(ref reader), outputs = Tensors(ref reader);
        reader.End();
        foreach (ModelTensor[] tensors in (ModelTensor[][])[inputs, outputs])
        {
            if (tensors.DistinctBy(t => t.Name, StringComparer.Ordinal).Count() != tensors.Length) throw new WorkerProtocolException($"the model `{name}` has a name twice");
        }

        return new ModelSignature(inputs, outputs);
    }

    /// <summary>One run: as <see cref="WorkerProcess.Run"/> says.</summary>
    public IReadOnlyList<(string Name, TensorValue Tensor)> Run(WorkerProcess worker, IReadOnlyList<int> indices, IReadOnlyList<TensorValue> inputs, CancellationToken end)
    {
        _signature = worker.Signature;
        ulong run = ++_run;
        WasTold = false;
        Place(run, indices, inputs);
        Timer? clock = null;
        ReadOnlySpan<byte> message;
        try
        {
            using CancellationTokenRegistration registration = end.Register(() => clock = worker.EndRun(number, run));
            _channel.Send(_writer);
            WasTold = true;
            message = _channel.Receive();
        }
        finally
        {
            clock?.Dispose();
        }

        if (message.IsEmpty) throw new SocketException((int)SocketError.ConnectionReset);
        var reader = new MessageReader(message);
        switch (Begin(ref reader, run))
        {
            case WorkerMessage.Outputs:
                return Take(ref reader);
            case WorkerMessage.Fault:
                throw Fault(ref reader);
            case WorkerMessage.Ended when end.IsCancellationRequested:
                throw new OperationCanceledException(end);
            case var other:
                throw new WorkerProtocolException($"{other} where a run was to end");
        }
    }

    /// <summary>Ends whatever waits for an answer; any thread may.</summary>
    public void Abort() => _channel.Abort();

    public void Dispose()
    {
        _channel.Dispose();
        file.Dispose();
    }

    private void Place(ulong run, IReadOnlyList<int> indices, IReadOnlyList<TensorValue> inputs)
    {
        _writer.Begin(WorkerMessage.Run, run).Long(options.TensorBytes).Count(inputs.Count);
        long offset = 0;
        for (int i = 0; i < inputs.Count; i++)
        {
            ReadOnlySpan<byte> data = inputs[i].Data.Span;
            if (offset + data.Length > options.TensorBytes) throw new ModelException(INnErrors.ErrorCode.TooLarge, $"the tensors of a run have more than {options.TensorBytes} bytes together, which is most for a model in a worker process");
            try
            {
                RandomAccess.Write(file, data, offset);
            }
            catch (IOException e)
            {
                throw new ModelException(INnErrors.ErrorCode.RuntimeError, $"the inputs have no room in the memory that is shared with the model's worker process: {e.Message}");
            }

            _writer.Tensor(indices[i], inputs[i].Type, inputs[i].Dimensions, offset);
            offset = PlacedTensor.Align(offset + data.Length);
        }
    }

    private List<(string, TensorValue)> Take(ref MessageReader reader)
    {
        var placed = new PlacedTensor[reader.Count()];
        if (placed.Length != _signature.Given.Count) throw new WorkerProtocolException($"{placed.Length} outputs of {_signature.Given.Count}");
        long length = RandomAccess.GetLength(file), bytes = 0;
        for (int i = 0; i < placed.Length; i++)
        {
            PlacedTensor t = placed[i] = reader.Tensor(length);
            if (t.Index != i || t.Type != _signature.Given[i].Type) throw new WorkerProtocolException($"output {i} is {t.Index}, {t.Type}");
            if ((bytes += t.Bytes) > options.TensorBytes) throw new WorkerProtocolException($"outputs of {bytes} bytes");
        }

        reader.End();
        var outputs = new List<(string, TensorValue)>(placed.Length);
        try
        {
            foreach (PlacedTensor t in placed)
            {
                OnnxTensor tensor = OnnxTensor.Allocate(t.Type, t.Dimensions);
                outputs.Add((_signature.Given[t.Index].Name, tensor));
                Span<byte> rest = tensor.Elements;
                for (long at = t.Offset; !rest.IsEmpty;)
                {
                    int read = RandomAccess.Read(file, rest, at);
                    if (read == 0) throw new WorkerProtocolException("the shared file became shorter");
                    rest = rest[read..];
                    at += read;
                }
            }

            return outputs;
        }
        catch
        {
            foreach ((_, TensorValue tensor) in outputs) tensor.Dispose();
            throw;
        }
    }

    private static WorkerMessage Begin(ref MessageReader reader, ulong run)
    {
        var kind = (WorkerMessage)reader.Byte();
        ulong of = (ulong)reader.Long();
        return of == run ? kind : throw new WorkerProtocolException($"an answer to run {of} for run {run}");
    }

    private static ModelException Fault(ref MessageReader reader)
    {
        byte code = reader.Byte();
        string text = reader.Text();
        reader.End();
        if (code > (byte)INnErrors.ErrorCode.Unknown) throw new WorkerProtocolException($"a fault {code}");
        return new ModelException((INnErrors.ErrorCode)code, text);
    }

    private static ModelTensor[] Tensors(ref MessageReader reader)
    {
        var tensors = new ModelTensor[reader.Count()];
        for (int i = 0; i < tensors.Length; i++)
        {
            string name = reader.Text();
            INnTensors.TensorType? type = reader.TypeOrNone();
            string text = reader.Text();
            tensors[i] = new ModelTensor(name, type, reader.Dimensions(least: -1), text);
        }

        return tensors;
    }
}
