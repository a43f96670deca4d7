// mote serve with what it may grant, and the end report of an app that answers HTTP.
using System.Net;
using System.Net.Sockets;
using System.Text.Json;

namespace Mote.Cli.Tests;

public sealed class ServeTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly HttpClient _client = new() { Timeout = TimeSpan.FromSeconds(60) };

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>guests/http, which ./test builds.</summary>
    private static string Guest
    {
        get
        {
            string path = Path.Combine(Environment.GetEnvironmentVariable("MOTE_GUESTS") ?? "", "http.wasm");
            Assert.SkipUnless(File.Exists(path), "MOTE_GUESTS names no folder with http.wasm (./test builds it, where there is clang-19)");
            return path;
        }
    }

    public void Dispose()
    {
        _client.Dispose();
        _folder.Dispose();
    }

    private static (MoteRun Run, Uri Site) Serve(params string[] options)
    {
        MoteRun run = MoteRun.Start(["serve", Guest, "--listen", "127.0.0.1:0", .. options]);
        string line = run.WaitFor("serving ");
        return (run, new Uri(line[(line.LastIndexOf(' ') + 1)..]));
    }

    private async Task<string> Get(Uri site, string path, string? authority = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(site, path));
        if (authority is not null) request.Headers.Add("x-authority", authority);
        using HttpResponseMessage response = await _client.SendAsync(request, Token);
        return await response.Content.ReadAsStringAsync(Token);
    }

    [Fact]
    public async Task Grants_AreWhatTheCommandLineSays_AndNothingIsGrantedWithout()
    {
        File.WriteAllText(_folder["note.txt"], "from the folder\n");
        Directory.CreateDirectory(_folder["out"]);
        using var server = new TcpListener(IPAddress.Loopback, 0);
        server.Start();
        int port = ((IPEndPoint)server.LocalEndpoint).Port;
        int taken = 0;
        Task serving = Greet(server, () => Interlocked.Increment(ref taken));

        (MoteRun without, Uri bare) = Serve();
        using (without)
        {
            Assert.Equal("no folder\n", await Get(bare, "file?note.txt"));
            Assert.Equal("error 01\n", await Get(bare, $"dial?{port}")); // access-denied
            Assert.Equal("error 15\n", await Get(bare, "ask", $"127.0.0.1:{port}")); // HTTP-request-denied
            Assert.Equal(0, Volatile.Read(ref taken));
            without.Signal("TERM");
            without.End().Succeeded();
        }

        (MoteRun with, Uri site) = Serve("--dir", $"{_folder.Path}::/data:ro", "--socket", $"tcp://127.0.0.1:{port}", "--http", bare.GetLeftPart(UriPartial.Authority));
        using (with)
        {
            Assert.Equal("from the folder\n", await Get(site, "file?note.txt"));
            Assert.StartsWith("error ", await Get(site, "make?new.txt"), StringComparison.Ordinal);
            Assert.False(File.Exists(_folder["new.txt"]));
            Assert.Equal("hello from outside\n", await Get(site, $"dial?{port}"));
            Assert.Equal("error 01\n", await Get(site, $"dial?{bare.Port}")); // another port
            Assert.StartsWith("error ", await Get(site, "ask", bare.Authority), StringComparison.Ordinal); // granted, and nobody listens there any more
            Assert.Equal("error 15\n", await Get(site, "ask", $"127.0.0.1:{port}")); // granted to sockets only
            with.Signal("TERM");
            with.End().Succeeded();
        }

        (MoteRun writing, Uri third) = Serve("--dir", $"{_folder["out"]}::/");
        using (writing)
        {
            Assert.Equal("made\n", await Get(third, "make?new.txt"));
            Assert.True(File.Exists(_folder["out/new.txt"]));
            // One that is granted and there.
            (MoteRun asking, Uri fourth) = Serve("--http", third.GetLeftPart(UriPartial.Authority));
            using (asking) Assert.Equal("status 404\n", await Get(fourth, "ask", third.Authority));
            writing.Signal("TERM");
            writing.End().Succeeded();
        }

        server.Stop();
        await serving;
    }

    [Fact]
    public void Dir_ThatIsNotThere_IsRefused() =>
        Assert.Contains("there is no such folder", MoteRun.Run("serve", Guest, "--dir", $"{_folder["none"]}::/").Error, StringComparison.Ordinal);

    [Fact]
    public async Task Up_OfAnAppThatAnswersHttp_EndsWithItsRequests()
    {
        File.Copy(Guest, _folder["web.wasm"]);
        File.WriteAllText(_folder["mote.toml"], """
            mote = 1
            [app]
            name = "web"
            [[trigger.http]]
            route = "/hello"
            component = "web"
            [[trigger.http]]
            route = "/trap"
            component = "web"
            [component.web]
            source = "web.wasm"
            """);
        string output = await Ask();
        Assert.Matches(@"requests +4\n", output);
        Assert.Matches(@"answered +3\n", output);
        Assert.Matches(@"failed +1\n", output);
        Assert.Matches(@"refused +0\n", output);
        Assert.Matches(@"without a route +1\n", output);
        Assert.Matches(@"request latency +median .*s, 99 % within .*s, of 4\n", output);
        Assert.DoesNotContain("readings", output, StringComparison.Ordinal);

        using JsonDocument json = JsonDocument.Parse((await Ask("--json")).TrimEnd().Split('\n')[^1]);
        JsonElement requests = json.RootElement.GetProperty("requests");
        Assert.Equal((4, 3, 1, 1), (Number("received"), Number("answered"), Number("failed"), Number("not_found")));
        Assert.Equal(4, requests.GetProperty("latency").GetProperty("count").GetInt32());

        int Number(string name) => requests.GetProperty(name).GetInt32();
    }

    private async Task<string> Ask(params string[] options)
    {
        using MoteRun up = MoteRun.Start(["up", _folder.Path, "--http", "127.0.0.1:0", .. options]);
        var site = new Uri($"http://{TemplateProject.Address(up.WaitFor("route "), "http")}/");
        for (int i = 0; i < 3; i++) Assert.Equal("Hello from a microVM\n", await Get(site, "hello"));
        await Get(site, "trap");
        await Get(site, "none");
        up.Signal("TERM");
        return up.End().Succeeded();
    }

    /// <summary>A server that says something to whoever comes, and closes.</summary>
    private static async Task Greet(TcpListener server, Action taken)
    {
        try
        {
            while (true)
            {
                using Socket socket = await server.AcceptSocketAsync(Token);
                taken();
                await socket.SendAsync("hello from outside\n"u8.ToArray());
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // It is over.
        }
    }
}
