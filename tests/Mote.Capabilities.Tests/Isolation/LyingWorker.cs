// A worker that a hostile model has taken over: it says what its name says.
using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Mote.Backends.OnnxRuntime.Isolation;
using Mote.Capabilities.Nn;

namespace Mote.Capabilities.Tests.Isolation;

internal static partial class LyingWorker
{
    public const string Prefix = "lie-";

    private const INnTensors.TensorType Float = INnTensors.TensorType.FP32;

    /// <summary>Said where a model was to be loaded.</summary>
    private static readonly Dictionary<string, Func<MessageWriter, MessageWriter>> s_loading = new()
    {
        ["lie-names-twice"] = w => Ready(w, "x", "x"),
        ["lie-many-dimensions"] = w => w.Begin(WorkerMessage.Ready, 0).Count(1).Text("x").Byte(1).Text("float").Byte(255),
        ["lie-large-dimension"] = w => w.Begin(WorkerMessage.Ready, 0).Count(1).Text("x").Byte(1).Text("float").Dimensions([1L << 40]),
        ["lie-negative-dimension"] = w => w.Begin(WorkerMessage.Ready, 0).Count(1).Text("x").Byte(1).Text("float").Dimensions([-2]),
        ["lie-type"] = w => w.Begin(WorkerMessage.Ready, 0).Count(1).Text("x").Byte(99).Text("float").Dimensions([]),
        ["lie-count"] = w => w.Begin(WorkerMessage.Ready, 0).Count(ushort.MaxValue),
        ["lie-text"] = w => w.Begin(WorkerMessage.Ready, 0).Count(1).Count(60_000),
        ["lie-more"] = w => Ready(w, "x").Byte(0),
        ["lie-outputs"] = w => w.Begin(WorkerMessage.Outputs, 0).Count(0),
        ["lie-fault"] = w => w.Begin(WorkerMessage.Fault, 0).Byte(77).Text("no such fault"),
        ["lie-kind"] = w => w.Begin((WorkerMessage)200, 0),
    };

    /// <summary>Bytes as they are, where a model was to be loaded.</summary>
    private static readonly Dictionary<string, byte[]> s_bytes = new()
    {
        ["lie-length-large"] = [0xff, 0xff, 0xff, 0x7f, 1],
        ["lie-length-negative"] = [0xff, 0xff, 0xff, 0xff, 1],
        ["lie-length-zero"] = [0, 0, 0, 0],
        ["lie-half"] = [100, 0, 0, 0, 1, 2, 3],
        ["lie-nothing"] = [],
    };

    /// <summary>Said where a run of x, a float[2], was to give y, a float[2].</summary>
    private static readonly Dictionary<string, Func<MessageWriter, ulong, SafeFileHandle, MessageWriter>> s_running = new()
    {
        ["lie-run"] = (w, run, _) => Output(w, run + 1, [2], 0),
        ["lie-run-no-outputs"] = (w, run, _) => w.Begin(WorkerMessage.Outputs, run).Count(0),
        ["lie-run-many-outputs"] = (w, run, _) => w.Begin(WorkerMessage.Outputs, run).Count(2).Tensor(0, Float, [2], 0).Tensor(1, Float, [2], 0),
        ["lie-run-other-output"] = (w, run, _) => w.Begin(WorkerMessage.Outputs, run).Count(1).Tensor(7, Float, [2], 0),
        ["lie-run-type"] = (w, run, _) => w.Begin(WorkerMessage.Outputs, run).Count(1).Tensor(0, INnTensors.TensorType.U8, [2], 0),
        ["lie-run-offset"] = (w, run, _) => Output(w, run, [2], 1L << 40),
        ["lie-run-offset-negative"] = (w, run, _) => Output(w, run, [2], -64),
        ["lie-run-offset-odd"] = (w, run, _) => Output(w, run, [1], 3),
        ["lie-run-dimension-negative"] = (w, run, _) => Output(w, run, [-2], 0),
        ["lie-run-overflow"] = (w, run, _) => Output(w, run, [uint.MaxValue, uint.MaxValue, uint.MaxValue, 4], 0),
        ["lie-run-overflow-to-zero"] = (w, run, _) => Output(w, run, [1L << 31, 1L << 31, 1], 0),
        ["lie-run-gone"] = (w, run, file) => Shortened(w, run, file),
        ["lie-run-large"] = (w, run, file) => Large(w, run, file),
        ["lie-run-fault"] = (w, run, _) => w.Begin(WorkerMessage.Fault, run).Byte(77).Text("no such fault"),
        ["lie-run-ended"] = (w, run, _) => w.Begin(WorkerMessage.Ended, run),
        ["lie-run-more"] = (w, run, _) => Output(w, run, [2], 0).Byte(0),
        ["lie-run-exit"] = (_, _, _) => throw new OperationCanceledException(),
        ["lie-run-abort"] = (_, _, _) => throw new OperationCanceledException($"{Abort()}"),
        ["lie-run-fault-of-memory"] = (_, _, _) => throw new OperationCanceledException($"{Length(8)}"),
    };

    /// <summary>It starts a program that has its standard output, says which in a file beside the model, and ends.</summary>
    public const string LeavesAChild = "lie-child";

    public static IEnumerable<string> WhenLoading => [.. s_loading.Keys, .. s_bytes.Keys];

    public static IEnumerable<string> WhenRunning => s_running.Keys;

    /// <summary>Takes a worker's arguments.</summary>
    public static int Run(string[] args)
    {
        (string folder, string name) = (args[1], args[2]);
        SafeFileHandle file = File.OpenHandle(Path.Combine(folder, "0"), FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        var sockets = new List<Socket>();
        for (int i = 0; i < int.Parse(args[6], CultureInfo.InvariantCulture); i++)
        {
            sockets.Add(new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified));
            sockets[^1].Connect(new UnixDomainSocketEndPoint(Path.Combine(folder, ModelWorker.SocketName)));
        }

        var writer = new MessageWriter();
        if (s_bytes.TryGetValue(name, out byte[]? bytes))
        {
            if (bytes.Length > 0) sockets[0].Send(bytes);
            if (name == "lie-half") return 0;
        }
        else if (s_loading.TryGetValue(name, out var say)) sockets[0].Send(say(writer).Message.Span);
        else
        {
            sockets[0].Send(Ready(writer, "x").Message.Span);
            var request = new byte[4096];
            int came = sockets[0].Receive(request);
            if (came == 0) return 0;
            if (name == LeavesAChild)
            {
                using Process child = Process.Start("sleep", ["600"]);
                File.WriteAllText($"{args[3]}.child", child.Id.ToString(CultureInfo.InvariantCulture));
                return 7;
            }

            try
            {
                sockets[0].Send(s_running[name](writer, BinaryPrimitives.ReadUInt64LittleEndian(request.AsSpan(5)), file).Message.Span);
            }
            catch (OperationCanceledException)
            {
                return 7;
            }
        }

        Thread.Sleep(Timeout.Infinite); // a hostile one does not end when it is told
        return 0;
    }

    private static MessageWriter Ready(MessageWriter w, params string[] inputs)
    {
        w.Begin(WorkerMessage.Ready, 0).Count(inputs.Length);
        foreach (string input in inputs) w.Text(input).Byte((byte)Float).Text("float").Dimensions([2]);
        return w.Count(1).Text("y").Byte((byte)Float).Text("float").Dimensions([2]);
    }

    private static MessageWriter Output(MessageWriter w, ulong run, long[] dimensions, long offset) => w.Begin(WorkerMessage.Outputs, run).Count(1).Tensor(0, Float, dimensions, offset);

    private static MessageWriter Shortened(MessageWriter w, ulong run, SafeFileHandle file)
    {
        RandomAccess.SetLength(file, 0);
        return Output(w, run, [2], 0);
    }

    private static MessageWriter Large(MessageWriter w, ulong run, SafeFileHandle file)
    {
        RandomAccess.SetLength(file, 1L << 40);
        return Output(w, run, [1L << 30], 0);
    }

    /// <summary>As a library does that finds itself broken.</summary>
    [LibraryImport("libc", EntryPoint = "abort")]
    private static partial int Abort();

    /// <summary>Of no text: the processor finds that there is no memory.</summary>
    [LibraryImport("libc", EntryPoint = "strlen")]
    private static partial nint Length(nint text);
}
