// graph-execution-context: one call of a model, within the guest's deadline.
using Mote.Components;

namespace Mote.Capabilities.Nn;

internal sealed class NnContext : INnInference.IGraphExecutionContext, IDisposable
{
    private readonly NnGuest _guest;
    private readonly ModelUse _use;

    public NnContext(NnGuest guest, ModelUse use)
    {
        _guest = guest;
        _use = use;
        use.Hold();
    }

    public Result<(string, INnTensors.ITensor)[], INnErrors.IError> Compute((string, INnTensors.ITensor)[] inputs)
    {
        var names = new string[inputs.Length];
        var values = new TensorValue[inputs.Length];
        try
        {
            for (int i = 0; i < inputs.Length; i++)
            {
                var tensor = (NnTensor)inputs[i].Item2;
                if (tensor.Fault is { } fault) return new NnError(fault.Code(), $"input `{inputs[i].Item1}`: {fault.Data()}");
                (names[i], values[i]) = (inputs[i].Item1, tensor.Value!);
            }

            return Give(Run(names, values));
        }
        catch (ModelException e)
        {
            return new NnError(e.Code, e.Message);
        }
        finally
        {
            // They are the host's since the call, and nobody's after it.
            foreach ((_, INnTensors.ITensor tensor) in inputs) ((NnTensor)tensor).Dispose();
        }
    }

    public void Dispose()
    {
        if (_guest.Forget(this)) _use.Drop();
    }

    private IReadOnlyList<(string Name, TensorValue Tensor)> Run(string[] names, TensorValue[] values)
    {
        TimeSpan left = _guest.Vm.Remaining;
        using var end = new CancellationTokenSource();
        if (left != Timeout.InfiniteTimeSpan) end.CancelAfter(left);
        _guest.Vm.BeginWork(() =>
        {
            try
            {
                end.Cancel();
            }
            catch (ObjectDisposedException)
            {
                // It has ended just now.
            }
        });
        try
        {
            return _use.Model.Run(names, values, end.Token);
        }
        catch (OperationCanceledException)
        {
            // Of the timer a little early: the deadline is a moment away.
            while (true)
            {
                _guest.Vm.CheckDeadline();
                Thread.Yield();
            }
        }
        finally
        {
            _guest.Vm.EndWork();
        }
    }

    private Result<(string, INnTensors.ITensor)[], INnErrors.IError> Give(IReadOnlyList<(string Name, TensorValue Tensor)> outputs)
    {
        long bytes = outputs.Sum(o => (long)o.Tensor.Data.Length);
        if (!_guest.HasRoomFor(bytes))
        {
            foreach ((_, TensorValue tensor) in outputs) tensor.Dispose();
            return _guest.TooLarge(bytes);
        }

        var given = new (string, INnTensors.ITensor)[outputs.Count];
        for (int i = 0; i < given.Length; i++) given[i] = (outputs[i].Name, _guest.Keep(new NnTensor(_guest, outputs[i].Tensor)));
        return Result<(string, INnTensors.ITensor)[], INnErrors.IError>.Ok(given);
    }
}
