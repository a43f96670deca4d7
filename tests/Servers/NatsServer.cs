// A real nats-server for tests (Debian's package), on a port of the loopback interface, with its streams in a folder of
// the test's own. It may be killed and started again on what it had.
namespace Mote.Tests.Servers;

internal sealed class NatsServer : IDisposable
{
    private readonly string _folder;
    private readonly ServerProcess _process;

    private NatsServer(string program, string config, bool jetStream)
    {
        _folder = Directory.CreateTempSubdirectory("mote-nats-server-").FullName;
        Port = Loopback.FreePort();
        string file = Path.Combine(_folder, "nats.conf");
        File.WriteAllText(file, $"listen: 127.0.0.1:{Port}\nmax_payload: 33554432\n{(jetStream ? $"jetstream {{ store_dir: \"{_folder}/streams\" }}\n" : "")}{config}\n");
        _process = new ServerProcess(program, ["-c", file], Port);
        Start();
    }

    public int Port { get; }

    public Uri Url => new($"nats://127.0.0.1:{Port}");

    /// <summary>Starts one; the test is skipped where there is none to start.</summary>
    /// <param name="config">What its configuration has besides a port and JetStream.</param>
    /// <param name="jetStream">Whether it has JetStream.</param>
    public static NatsServer StartNew(string config = "", bool jetStream = true)
    {
        string? program = ServerProcess.Find("nats-server", "/usr/sbin", "/usr/bin", "/usr/local/bin");
        Assert.SkipWhen(program is null, "nats-server is not installed (Debian: apt install nats-server)");
        return new NatsServer(program!, config, jetStream);
    }

    /// <summary>Ends it at once, as kill -9 does.</summary>
    public void Kill() => _process.Dispose();

    /// <summary>Starts it again, on the same port and streams.</summary>
    public void Start() => _process.Start();

    public void Dispose()
    {
        Kill();
        Directory.Delete(_folder, recursive: true);
    }
}
