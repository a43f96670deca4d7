// The tests; or, by their first argument, what tests start as processes of their own: a model's worker, one that lies, and a
// node that has one.
using Mote.Backends.OnnxRuntime;
using Mote.Backends.OnnxRuntime.Isolation;
using Mote.Capabilities.Nn;
using Mote.Capabilities.Tests.Isolation;

namespace Mote.Capabilities.Tests;

internal static class Program
{
    /// <summary>The first argument of a node with the model in the second, which it runs in a worker until somebody kills it.</summary>
    public const string NodeCommand = "model-node";

    public static int Main(string[] args) => args switch
    {
        [ModelWorker.Command, _, { } name, ..] when name.StartsWith(LyingWorker.Prefix, StringComparison.Ordinal) => LyingWorker.Run(args),
        [ModelWorker.Command, ..] => ModelWorker.Run(args.AsSpan(1)),
        [NodeCommand, { } file] => Node(file),
        _ => Xunit.Runner.InProc.SystemConsole.ConsoleRunner.Run(args).GetAwaiter().GetResult(),
    };

    private static int Node(string file)
    {
        using var model = new IsolatedModel("m", new ModelFile(file, null, Trusted: false), 1, new ModelWorkerOptions { Program = Environment.ProcessPath!, Lanes = 1 }, TimeProvider.System);
        Console.WriteLine(model.Worker.Result.Id);
        using OnnxTensor n = OnnxTensor.Of(INnTensors.TensorType.I64, [], BitConverter.GetBytes(1L << 60)), x = OnnxTensor.Of(INnTensors.TensorType.FP32, [2], new byte[8]);
        model.Run(["n", "x"], [n, x], CancellationToken.None);
        return 1;
    }
}
