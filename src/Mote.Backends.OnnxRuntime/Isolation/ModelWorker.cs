// The worker's side: a process that has one model, for as long as the node wants it. Its standard input is the node's
// hold on it: runs that are to end come there, and its end is the worker's. Each lane is a socket, a shared file and a thread.
using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Mote.Capabilities.Nn;
using Mote.Runtime;

namespace Mote.Backends.OnnxRuntime.Isolation;

/// <summary>The process that runs a model that is not trusted.</summary>
public static class ModelWorker
{
    /// <summary>The program's first argument that makes it a worker; <see cref="Run"/> takes the rest.</summary>
    public const string Command = "model-worker";

    /// <summary>The node's socket in a lane's folder; the shared files are beside it, named by their lanes.</summary>
    internal const string SocketName = "s";

    /// <summary>Bytes of a word on the standard input: the lane and the run that is to end.</summary>
    internal const int EndBytes = 12;

    private const int LaneStack = 8 << 20;

    /// <summary>The arguments of a worker.</summary>
    internal static string[] Arguments(ModelWorkerOptions options, string folder, string name, ModelFile file, int threads) =>
    [
        Command, folder, name, file.Path, file.Digest ?? "",
        .. ((long[])[threads, options.Lanes, options.MemoryBytes, options.TensorBytes]).Select(n => n.ToString(CultureInfo.InvariantCulture)),
    ];

    /// <summary>Runs until the node is gone.</summary>
    /// <param name="arguments">Folder, name, file, digest, threads of a run, lanes, bytes of memory and of a run's tensors: the node's words.</param>
    /// <returns>The process's exit code.</returns>
    public static int Run(ReadOnlySpan<string> arguments)
    {
        if (arguments is not [{ } folder, { } name, { } path, { } digest, { } threadsText, { } lanesText, { } bytesText, { } tensorsText]
            || !int.TryParse(threadsText, out int threads) || !int.TryParse(lanesText, out int count) || !long.TryParse(bytesText, out long bytes) || !long.TryParse(tensorsText, out long tensors))
        {
            return 64;
        }

        Confine(bytes, tensors);
        // Ctrl-C and a service's end are for the node: it finishes what is in work, and the worker is needed for that.
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, static c => c.Cancel = true);
        using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, static c => c.Cancel = true);
        var lanes = new WorkerLane[count];
        for (int i = 0; i < count; i++) lanes[i] = WorkerLane.Connect(folder, i);
        var control = new Thread(() => Obey(lanes)) { IsBackground = true };
        control.Start();

        // From here on the model has a say.
        var writer = new MessageWriter();
        try
        {
            OnnxModel model = OnnxModel.Load(name, new ModelFile(path, digest.Length > 0 ? digest : null), threads);
            lanes[0].Send(Ready(writer, model.Signature));
            foreach (WorkerLane lane in lanes) new Thread(() => lane.Serve(model), LaneStack) { IsBackground = true }.Start();
        }
        catch (ModelException e)
        {
            lanes[0].Send(Fault(writer, 0, e));
        }

        control.Join();
        return 0;
    }

    internal static MessageWriter Fault(MessageWriter writer, ulong run, ModelException e) => writer.Begin(WorkerMessage.Fault, run).Byte((byte)e.Code).Text(e.Message);

    private static MessageWriter Ready(MessageWriter writer, ModelSignature signature)
    {
        writer.Begin(WorkerMessage.Ready, 0);
        foreach (IReadOnlyList<ModelTensor> tensors in (IReadOnlyList<ModelTensor>[])[signature.Inputs, signature.Outputs])
        {
            writer.Count(tensors.Count);
            foreach (ModelTensor t in tensors) writer.Text(t.Name).Byte(t.Type is { } type ? (byte)type : MessageWriter.NoType).Text(t.TypeText).Dimensions([.. t.Dimensions]);
        }

        return writer;
    }

    /// <summary>What it may use. Where memory is short, it is what the system ends first.</summary>
    private static void Confine(long bytes, long tensors)
    {
        ProcessLimit.NoCore();
        ProcessLimit.Data(bytes);
        ProcessLimit.FileSize(tensors);
        try
        {
            File.WriteAllText("/proc/self/oom_score_adj", "1000");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Another system, or one that does not let it.
        }
    }

    /// <summary>Ends runs as the node says; and the process when the node is gone, whatever its threads do.</summary>
    private static void Obey(WorkerLane[] lanes)
    {
        using Stream words = Console.OpenStandardInput();
        var word = new byte[EndBytes];
        try
        {
            while (words.ReadAtLeast(word, word.Length, throwOnEndOfStream: false) == word.Length)
            {
                lanes[BinaryPrimitives.ReadInt32LittleEndian(word)].End(BinaryPrimitives.ReadUInt64LittleEndian(word.AsSpan(4)));
            }
        }
        catch (IOException)
        {
            // It is gone.
        }

        using var self = Process.GetCurrentProcess();
        self.Kill();
    }
}
