// Guests on a real node's host: its capabilities, its limits, its deadline.
using System.Net;
using System.Net.Sockets;
using System.Text;
using Mote.Capabilities.Blobstore;
using Mote.Capabilities.Wasi.Cli;
using Mote.Capabilities.Wasi.Io;
using Mote.Components;
using Mote.Components.Linking;
using Mote.Fuzz.Generation;
using Mote.Node;
using Mote.Runtime;
using Mote.Runtime.Egress;
using Mote.Wasmtime;

namespace Mote.Fuzz.Targets;

/// <summary>Runs components as a node does.</summary>
internal abstract class HostedTarget : Target
{
    /// <summary>A folder of its own.</summary>
    protected string Data { get; } = Directory.CreateTempSubdirectory("mote-fuzz-").FullName;

    private AppComponent? _component;

    protected HostedTarget() => Host = new ComponentHost(new HostOptions
    {
        Runtime = new RuntimeOptions { PoolSlots = 4 },
        KeyValueFile = Path.Combine(Data, "keyvalue.db"),
        Blobs = Blobs = new FileBlobs(Path.Combine(Data, "blobs")),
        Streams = static vm => new StandardStreams(new BytesInput(vm, Encoding.UTF8.GetBytes(new string('x', 5000))), new StreamOutput(vm, Stream.Null), new StreamOutput(vm, Stream.Null)),
    });

    protected ComponentHost Host { get; }

    protected FileBlobs Blobs { get; }

    /// <summary>What the guest may do.</summary>
    protected virtual Grants Grants => new() { Arguments = ["program", "a", "ß"], Environment = [new("KEY", "value")], KeyValue = ["default"], Publish = ["alerts"], Variables = new Dictionary<string, string> { ["a"] = "1" } };

    public override long AllocationBound(byte[] input) => 512L << 20;

    /// <summary>Links, starts and calls; what the guest cannot be blamed for is a fault.</summary>
    protected Outcome RunHosted(byte[] file, string function)
    {
        try
        {
            using CompiledComponent compiled = Host.Runtime.Compile(file);
            using InstanceTemplate template = Host.Capabilities.Linker.Link(compiled);
            _component ??= new AppComponent("fuzz", "fuzz", Grants, new MicroVmLimits { MemoryBytes = 16 << 20, Time = TimeSpan.FromMilliseconds(200) });
            using MicroVm vm = Host.Start(template, _component);
            vm.Call(function, static (instance, name) => instance.GetFunction(name).Call());
            return Outcome.Accepted;
        }
        catch (ComponentException e) when (e.Kind is ComponentErrorKind.Link or ComponentErrorKind.Unsupported)
        {
            return Outcome.Refused;
        }
        catch (WasmtimeException e)
        {
            if (e.InnerException is not (null or DeadlineException or GuestExitException or WasmtimeException)) throw new FaultException($"a trap hides {e.InnerException}".ReplaceLineEndings(" "));
            return Outcome.Refused;
        }
    }

    public override void Dispose()
    {
        Host.Dispose();
        Directory.Delete(Data, recursive: true);
    }
}

/// <summary>
/// Components that call every interface a node hosts with anything: what is generated for hosts reads and writes what it is
/// told to. They are granted a folder to write, one to read, and a server of this process, on loopback.
/// </summary>
internal sealed class HostInterfaces : HostedTarget
{
    private const string Content = "what is in it";
    private static readonly string[] s_containers = ["default", "..", "sub/../file"];
    private readonly HostCalls _calls;
    private int _files;
    private int _connections;
    private readonly TcpListener _server = new(IPAddress.Loopback, 0);
    private readonly Socket _datagrams = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
    private readonly Task _serving;

    public HostInterfaces()
    {
        _calls = new HostCalls(Directory.EnumerateFiles(Path.Combine(Corpus.Seeds, "wit"), "*.wit", SearchOption.AllDirectories).Order(StringComparer.Ordinal).Select(f => (f, File.ReadAllText(f))), name => Host.Capabilities.Linker.Hosts(name));
        _server.Start();
        _datagrams.Bind(_server.LocalEndpoint); // what comes is never read: the system drops what is too much
        _serving = Serve();
    }

    public override string Name => "host";

    public override string Extension => "wat";

    protected override Grants Grants
    {
        get
        {
            int port = ((IPEndPoint)_server.LocalEndpoint).Port;
            return base.Grants with
            {
                Blobstore = s_containers,
                Files = [new FolderGrant(Path.Combine(Data, "write"), "/", true), new FolderGrant(Path.Combine(Data, "read"), "/read", false)],
                Sockets = [.. ((string[])[$"tcp://127.0.0.1:{port}", $"udp://127.0.0.1:{port}", "tcp-listen://127.0.0.1:0", "udp-listen://127.0.0.1:0"]).Select(t => SocketGrant.TryParse(t, out SocketGrant? g, out string? fault) ? g : throw new FormatException(fault))],
                Http = [HttpGrant.TryParse($"http://127.0.0.1:{port}", out HttpGrant? http, out string? wrong) ? http : throw new FormatException(wrong)],
            };
        }
    }

    /// <summary>Inputs that changed something in the folder that they may write, and connections that came: what shows that calls arrive.</summary>
    public (int Files, int Connections) Reached => (_files, Volatile.Read(ref _connections));

    public override byte[] Make(Random random) => Encoding.UTF8.GetBytes(_calls.Make(random));

    public override Outcome Run(byte[] input)
    {
        // An input must not find what the one before it wrote; and the port is the system's, so it is no part of the input.
        foreach (string name in (string[])["write", "read"])
        {
            string folder = Path.Combine(Data, name);
            if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
            Directory.CreateDirectory(Path.Combine(folder, "sub"));
            File.WriteAllText(Path.Combine(folder, "file"), Content);
            File.CreateSymbolicLink(Path.Combine(folder, "out"), "../../..");
        }

        foreach (string container in s_containers) Blobs.Open("fuzz").Delete(container);
        string text = Encoding.UTF8.GetString(input).Replace(HostCalls.Port, $"(i32.const {((IPEndPoint)_server.LocalEndpoint).Port})", StringComparison.Ordinal);
        Outcome outcome = RunHosted(Wat.ToWasm(Encoding.UTF8.GetBytes(text)), "run");
        string[] left = [.. Directory.EnumerateFileSystemEntries(Path.Combine(Data, "write"), "*").Select(e => Path.GetFileName(e)!).Order(StringComparer.Ordinal)];
        if (!left.SequenceEqual(["file", "out", "sub"]) || Directory.EnumerateFileSystemEntries(Path.Combine(Data, "write", "sub")).Any()) _files++;
        string[] kept = [.. Directory.EnumerateFileSystemEntries(Path.Combine(Data, "read"), "*", SearchOption.TopDirectoryOnly).Select(e => Path.GetFileName(e)!).Order(StringComparer.Ordinal)];
        if (!kept.SequenceEqual(["file", "out", "sub"]) || File.ReadAllText(Path.Combine(Data, "read", "file")) != Content) throw new FaultException("a folder that may only be read was changed");
        if (Directory.EnumerateFileSystemEntries(Data).Any(e => Path.GetFileName(e) is not ("read" or "write" or "blobs") && !Path.GetFileName(e).StartsWith("keyvalue.db", StringComparison.Ordinal))) throw new FaultException("something was made outside of the folders");
        CheckBlobs();
        return outcome;
    }

    private void CheckBlobs()
    {
        string root = Path.Combine(Data, "blobs"), app = Path.Combine(root, "fuzz");
        if (!Directory.Exists(root)) return;
        if (Directory.EnumerateFileSystemEntries(root).Any(e => e != app) || Directory.EnumerateFileSystemEntries(app).Any(e => Path.GetFileName(e) is not ("c" or "new"))) throw new FaultException("something was made beside the blob containers");
        if (Directory.EnumerateFileSystemEntries(Path.Combine(app, "c")).Any(e => Path.GetFileName(e) is not ("default" or "%2E." or "sub%2F..%2Ffile"))) throw new FaultException("there is a blob container that was not granted");
        // A copy that the guest did not wait for may still be about to end.
        if (!SpinWait.SpinUntil(() => !Directory.EnumerateFileSystemEntries(Path.Combine(app, "new")).Any(), TimeSpan.FromSeconds(10))) throw new FaultException("a value that was not finished is still on disk");
    }

    public override void Dispose()
    {
        _server.Stop();
        _serving.Wait();
        _datagrams.Dispose();
        base.Dispose();
    }

    /// <summary>Answers whoever comes, in HTTP or not, and closes.</summary>
    private async Task Serve()
    {
        try
        {
            while (true)
            {
                using Socket socket = await _server.AcceptSocketAsync().ConfigureAwait(false);
                Interlocked.Increment(ref _connections);
                await socket.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"u8.ToArray()).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Stopped.
        }
    }
}
