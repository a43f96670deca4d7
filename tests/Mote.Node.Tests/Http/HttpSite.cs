// A node with the HTTP guest (guests/http) on routes of a test's own, and clients of it.
using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Mote.Packaging;
using Mote.Runtime;
using Mote.Triggers.Http;

namespace Mote.Node.Tests.Http;

/// <summary>Where a node's files are, and the node.</summary>
internal sealed class HttpSite : IAsyncDisposable
{
    /// <summary>One app that answers everything.</summary>
    public const string App = """
        mote = 1
        [app]
        name = "web"
        [[trigger.http]]
        route = "/..."
        component = "web"
        [component.web]
        source = "web.wasm"
        [component.web.limits]
        memory = "64MiB"
        time = "5s"
        """;

    private HttpSite(string folder) => Folder = folder;

    public string Folder { get; }

    public EdgeNode Node { get; private set; } = null!;

    public ConcurrentQueue<string> Log { get; } = new();

    public int Port => Node.Http!.EndPoint.Port;

    public HttpHandler Handler(string component = "web") => Node.Http!.Handlers.First(h => h.Component.Name == component);

    /// <summary>The guest that ./test has built; the test is skipped where it has not.</summary>
    public static byte[] Guest
    {
        get
        {
            string? folder = Environment.GetEnvironmentVariable("MOTE_GUESTS");
            string path = Path.Combine(folder ?? "", "http.wasm");
            Assert.SkipWhen(folder is null || !File.Exists(path), "MOTE_GUESTS names no folder with http.wasm (./test builds it, where there is clang-19)");
            return File.ReadAllBytes(path);
        }
    }

    /// <summary>Starts one.</summary>
    /// <param name="manifest">Its app.</param>
    /// <param name="configure">Changes the node's configuration.</param>
    /// <param name="files">More files beside the manifest.</param>
    public static async Task<HttpSite> Start(string manifest = App, Func<NodeConfig, NodeConfig>? configure = null, params (string Name, byte[] Content)[] files)
    {
        byte[] guest = Guest;
        var site = new HttpSite(Directory.CreateTempSubdirectory("mote-http-tests-").FullName);
        foreach ((string name, byte[] content) in files) File.WriteAllBytes(Path.Combine(site.Folder, name), content);
        File.WriteAllBytes(Path.Combine(site.Folder, "web.wasm"), guest);
        File.WriteAllText(Path.Combine(site.Folder, AppManifest.FileName), manifest);
        var config = new NodeConfig { DataFolder = Path.Combine(site.Folder, "data"), BrokerListen = "127.0.0.1:0", HttpListen = "127.0.0.1:0", Name = "test-node" };
        if (configure is not null) config = configure(config);
        site.Node = await EdgeNode.StartAsync(config, [AppManifest.Load(site.Folder, _ => null)], site.Log.Enqueue, TestContext.Current.CancellationToken);
        return site;
    }

    public HttpClient Client(Version? version = null) => new(new SocketsHttpHandler { AllowAutoRedirect = false, SslOptions = { RemoteCertificateValidationCallback = (_, _, _, _) => true } })
    {
        BaseAddress = Node.Http!.Address,
        Timeout = TimeSpan.FromSeconds(60),
        DefaultRequestVersion = version ?? HttpVersion.Version11,
        DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
    };

    public async Task<(HttpStatusCode Status, string Text)> Get(string path)
    {
        using HttpClient client = Client();
        using HttpResponseMessage response = await client.GetAsync(path, TestContext.Current.CancellationToken);
        return (response.StatusCode, await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    /// <summary>Sends these bytes and gives what comes back until the server closes the connection or says nothing for a while.</summary>
    public async Task<string> Raw(string text, int quietMilliseconds = 3000)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPAddress.Loopback, Port);
        await socket.SendAsync(Encoding.Latin1.GetBytes(text));
        var answer = new StringBuilder();
        var buffer = new byte[65536];
        while (true)
        {
            using var quiet = new CancellationTokenSource(quietMilliseconds);
            try
            {
                int n = await socket.ReceiveAsync(buffer.AsMemory(), quiet.Token);
                if (n == 0) break;
                answer.Append(Encoding.Latin1.GetString(buffer, 0, n));
            }
            catch (Exception e) when (e is OperationCanceledException or SocketException)
            {
                break;
            }
        }

        return answer.ToString();
    }

    public async ValueTask DisposeAsync()
    {
        await Node.DisposeAsync();
        Directory.Delete(Folder, recursive: true);
    }
}
