// Requests through components: what comes in, what goes out, and what becomes of answers that are not whole.
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Mote.Packaging;

namespace Mote.Node.Tests.Http;

public sealed class HttpTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Hello_IsAnsweredByAFreshMicroVmEachTime()
    {
        await using HttpSite site = await HttpSite.Start();
        for (int i = 0; i < 3; i++) Assert.Equal((HttpStatusCode.OK, "Hello from a microVM\n"), await site.Get("/hello"));
        await Wait.Until(() => site.Handler().Counts.Answered == 3, () => "not all are counted");
        Assert.Equal(3, site.Handler().Component.Usage.Counts.Started);
    }

    [Fact]
    public async Task Request_ArrivesAsItWasSent()
    {
        await using HttpSite site = await HttpSite.Start();
        string answer = await site.Raw("PUT /describe/a%20b?x=1&y=%2F HTTP/1.1\r\nHost: example.org:81\r\nX-Bytes: \u00e9\u00ff\r\nX-Twice: 1\r\nX-Twice: 2\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
        Assert.Contains("3\n/describe/a%20b?x=1&y=%2F\nexample.org:81\n", answer, StringComparison.Ordinal);
        Assert.Contains("x-bytes: \u00e9\u00ff\n", answer, StringComparison.Ordinal);
        Assert.Contains("x-twice: 1\nx-twice: 2\n", answer, StringComparison.Ordinal);
        Assert.DoesNotContain("\nconnection:", answer[answer.IndexOf("\r\n\r\n", StringComparison.Ordinal)..], StringComparison.OrdinalIgnoreCase);
    }

    [Theory]
    [InlineData("/echo")]
    [InlineData("/splice")]
    public async Task Body_ComesBackWhole(string path)
    {
        await using HttpSite site = await HttpSite.Start();
        using HttpClient client = site.Client();
        byte[] body = RandomNumberGenerator.GetBytes(1_000_000);
        using HttpResponseMessage response = await client.PostAsync(path, new ByteArrayContent(body), Token);
        Assert.Equal(body, await response.Content.ReadAsByteArrayAsync(Token));
        await Wait.Until(() => site.Handler().Counts.Answered == 1, () => "it is not counted");
        Assert.Equal((body.Length, body.Length), (site.Handler().Component.Usage.Counts.BytesIn, site.Handler().Component.Usage.Counts.BytesOut));
    }

    [Fact]
    public async Task ChunkedBody_ComesBackWhole_AndGivesATrailer()
    {
        await using HttpSite site = await HttpSite.Start();
        string answer = await site.Raw("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\nConnection: close\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\nx-sum: 11\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 200 OK", answer, StringComparison.Ordinal);
        Assert.Contains("hello world", answer.Replace("\r\n", "", StringComparison.Ordinal).Replace("5hello", "hello", StringComparison.Ordinal).Replace("6 world", " world", StringComparison.Ordinal), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Head_HasNoBody_AndTheConnectionGoesOn()
    {
        await using HttpSite site = await HttpSite.Start();
        string answer = await site.Raw("HEAD /hello HTTP/1.1\r\nHost: x\r\n\r\nGET /status?204 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        Assert.DoesNotContain("Hello", answer, StringComparison.Ordinal);
        Assert.Contains("HTTP/1.1 204", answer, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/trap", HttpStatusCode.InternalServerError)]
    [InlineData("/nothing", HttpStatusCode.InternalServerError)]
    [InlineData("/short", HttpStatusCode.InternalServerError)]
    [InlineData("/error?16", HttpStatusCode.LengthRequired)]
    [InlineData("/error?17", HttpStatusCode.RequestEntityTooLarge)]
    [InlineData("/error?6", HttpStatusCode.BadGateway)]
    [InlineData("/error?33", HttpStatusCode.GatewayTimeout)]
    [InlineData("/no-such", HttpStatusCode.NotFound)]
    public async Task Failure_HasAStatus_AndTheNodeGoesOn(string path, HttpStatusCode status)
    {
        await using HttpSite site = await HttpSite.Start();
        Assert.Equal(status, (await site.Get(path)).Status);
        Assert.Equal(HttpStatusCode.OK, (await site.Get("/hello")).Status);
    }

    [Fact]
    public async Task TrapInAnAnswerThatHasNotGoneOut_IsOneRefusal()
    {
        await using HttpSite site = await HttpSite.Start();
        Assert.Equal((HttpStatusCode.InternalServerError, "the app failed\n"), await site.Get("/unfinished"));
        // On a thread of the node's own (what burns the processor does not get one of the server's), where nobody else catches a fault.
        await site.Get("/work?300");
        Assert.Equal((HttpStatusCode.InternalServerError, "the app failed\n"), await site.Get("/unfinished"));
        Assert.DoesNotContain(site.Log, l => l.Contains("fault of the node", StringComparison.Ordinal));
    }

    [Fact]
    public async Task TrapAfterTheFirstBytes_CutsTheAnswerOff()
    {
        await using HttpSite site = await HttpSite.Start();
        using HttpClient client = site.Client();
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => client.GetStringAsync("/half", Token));
        await Wait.Until(() => site.Handler().Counts.Failed == 1, () => site.Handler().Counts.ToString());
    }

    [Fact]
    public async Task FlushedPieces_ArriveBeforeTheEnd()
    {
        await using HttpSite site = await HttpSite.Start();
        using HttpClient client = site.Client();
        using HttpResponseMessage response = await client.GetAsync("/ticks?20", HttpCompletionOption.ResponseHeadersRead, Token);
        using Stream stream = await response.Content.ReadAsStreamAsync(Token);
        byte[] first = new byte[5];
        await stream.ReadExactlyAsync(first, Token);
        Assert.Equal("tick\n", Encoding.ASCII.GetString(first));
        Assert.Equal(1, site.Handler().Counts.Running);
    }

    [Fact]
    public async Task Answer_IsSentBeforeTheGuestEnds()
    {
        await using HttpSite site = await HttpSite.Start();
        Assert.Equal((HttpStatusCode.OK, "early\n"), await site.Get("/early?1000"));
        Assert.Equal(1, site.Handler().Counts.Running);
    }

    [Fact]
    public async Task ConnectionHeaders_AreTheHosts() =>
        Assert.Equal("forbidden\n", (await (await HttpSite.Start()).Get("/forbidden")).Text);

    [Fact]
    public async Task RequestId_IsTheClients_OrTheServers()
    {
        await using HttpSite site = await HttpSite.Start();
        using HttpClient client = site.Client();
        using HttpResponseMessage without = await client.GetAsync("/hello", Token);
        Assert.NotEmpty(without.Headers.GetValues("X-Request-Id").Single());
        using var request = new HttpRequestMessage(HttpMethod.Get, "/trap") { Headers = { { "X-Request-Id", "mine-1" } } };
        using HttpResponseMessage with = await client.SendAsync(request, Token);
        Assert.Equal("mine-1", with.Headers.GetValues("X-Request-Id").Single());
        await Wait.Until(() => site.Log.Any(l => l.Contains("mine-1", StringComparison.Ordinal)), () => string.Join('\n', site.Log));
    }

    [Fact]
    public async Task ClientThatGoes_EndsTheGuest()
    {
        await using HttpSite site = await HttpSite.Start();
        using (HttpClient client = site.Client())
        {
            using var gone = new CancellationTokenSource();
            Task<string> asked = client.GetStringAsync("/forever", gone.Token);
            await Wait.Until(() => site.Handler().Counts.Running == 1, () => "it does not run");
            gone.Cancel();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asked);
        }

        await Wait.Until(() => site.Handler().Counts is { Cancelled: 1, Running: 0 }, () => site.Handler().Counts.ToString());
    }

    [Fact]
    public async Task ClientThatGoesWithItsAnswer_LeavesTheGuestToEnd()
    {
        await using HttpSite site = await HttpSite.Start();
        using (HttpClient client = site.Client()) Assert.Equal("early\n", await client.GetStringAsync("/early?400", Token));
        Assert.Equal(1, site.Handler().Counts.Running); // its client has gone, and it works on
        await Wait.Until(() => site.Handler().Counts.Running == 0, () => "it runs on");
        Assert.Equal((1, 0), (site.Handler().Counts.Answered, site.Handler().Counts.Cancelled));
    }

    [Fact]
    public async Task FullQueue_Is503WithRetryAfter()
    {
        await using HttpSite site = await HttpSite.Start(HttpSite.App + "\nconcurrency = 1\nqueue = 1");
        using HttpClient client = site.Client();
        Task<string> first = client.GetStringAsync("/sleep?1500", Token);
        await Wait.Until(() => site.Handler().Counts.Running == 1, () => "it does not run");
        Task<string> second = client.GetStringAsync("/hello", Token);
        await Wait.Until(() => site.Handler().Counts.Waiting == 1, () => "it does not wait");
        using HttpResponseMessage third = await client.GetAsync("/hello", Token);
        Assert.Equal((HttpStatusCode.ServiceUnavailable, "1"), (third.StatusCode, third.Headers.GetValues("Retry-After").Single()));
        Assert.Equal(("awake\n", "Hello from a microVM\n"), (await first, await second));
        Assert.Equal(1, site.Handler().Counts.Refused);
    }

    [Fact]
    public async Task Drain_LetsRequestsEnd()
    {
        await using HttpSite site = await HttpSite.Start();
        using HttpClient client = site.Client();
        Task<string> asked = client.GetStringAsync("/sleep?500", Token);
        await Wait.Until(() => site.Handler().Counts.Running == 1, () => "it does not run");
        await site.Node.DrainAsync(TimeSpan.FromSeconds(20));
        Assert.Equal("awake\n", await asked);
    }

    [Fact]
    public async Task Tls_SpeaksHttp2()
    {
        string folder = Directory.CreateTempSubdirectory("mote-tls-").FullName;
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using X509Certificate2 certificate = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256).CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        string pem = Path.Combine(folder, "cert.pem"), keyPem = Path.Combine(folder, "key.pem");
        File.WriteAllText(pem, certificate.ExportCertificatePem());
        File.WriteAllText(keyPem, key.ExportPkcs8PrivateKeyPem());
        await using HttpSite site = await HttpSite.Start(configure: c => c with { HttpTls = (pem, keyPem) });
        using HttpClient client = site.Client(HttpVersion.Version20);
        Assert.Equal("Hello from a microVM\n", await client.GetStringAsync("/hello", Token));
        // No more than the client's window: it does not read the answer before it has sent all of this.
        byte[] body = RandomNumberGenerator.GetBytes(50_000);
        using HttpResponseMessage response = await client.PostAsync("/echo", new ByteArrayContent(body), Token);
        Assert.Equal(body, await response.Content.ReadAsByteArrayAsync(Token));
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task IdleComponent_GoesToZero_AndComesBack()
    {
        await using HttpSite site = await HttpSite.Start();
        Assert.False(site.Handler().IsLoaded);
        await site.Get("/hello");
        Assert.True(site.Handler().IsLoaded);
        await Wait.Until(() => !site.Handler().IsLoaded, () => "it stays");
        Assert.Equal(HttpStatusCode.OK, (await site.Get("/hello")).Status);
    }

    [Fact]
    public async Task PooledComponent_IsUsedAgain()
    {
        await using HttpSite site = await HttpSite.Start(HttpSite.App.Replace("source =", "instance = \"pooled\"\nsource =", StringComparison.Ordinal));
        for (int i = 0; i < 5; i++) await site.Get("/hello");
        await Wait.Until(() => site.Handler().Counts.Answered == 5, () => "not all are counted");
        Assert.Equal((5, 1), (site.Handler().Counts.Answered, site.Handler().Component.Usage.Counts.Started));
    }

    [Fact]
    public async Task PooledMicroVm_ThatGaveNoAnswer_IsNotUsedAgain()
    {
        await using HttpSite site = await HttpSite.Start(HttpSite.App.Replace("source =", "instance = \"pooled\"\nsource =", StringComparison.Ordinal));
        await site.Get("/hello");
        Assert.Equal(HttpStatusCode.InternalServerError, (await site.Get("/nothing")).Status);
        Assert.Contains(site.Log, l => l.Contains("set instance = \"per-event\"", StringComparison.Ordinal));
        await site.Get("/hello");
        Assert.Equal(2, site.Handler().Component.Usage.Counts.Started);
    }

    [Fact]
    public async Task Replaced_UnderLoad_LosesNoRequest()
    {
        await using HttpSite site = await HttpSite.Start();
        AppManifest manifest = AppManifest.Load(site.Folder, _ => null);
        bool stop = false;
        int answered = 0;
        Task[] clients = [.. Enumerable.Range(0, 8).Select(_ => Task.Run(async () =>
        {
            using HttpClient client = site.Client();
            while (!Volatile.Read(ref stop))
            {
                Assert.Equal("Hello from a microVM\n", await client.GetStringAsync("/hello", Token));
                Interlocked.Increment(ref answered);
            }
        }, Token))];
        for (int i = 0; i < 10; i++)
        {
            int before = Volatile.Read(ref answered);
            site.Node.Replace(manifest, ["web"]);
            await Wait.Until(() => Volatile.Read(ref answered) > before, () => "nothing is answered");
        }

        Volatile.Write(ref stop, true);
        await Task.WhenAll(clients);
        Assert.Equal(0, site.Handler().Counts.Failed);
    }

    [Fact]
    public async Task Usage_IsCounted()
    {
        await using HttpSite site = await HttpSite.Start();
        await site.Get("/work?200");
        await Wait.Until(() => site.Handler().Component.Usage.Counts.Calls == 1, () => "it is not counted");
        Mote.Runtime.UsageCounts used = site.Handler().Component.Usage.Counts;
        Assert.Equal(1, used.Calls);
        Assert.InRange(used.Cpu, TimeSpan.FromMilliseconds(20), TimeSpan.FromSeconds(5));
        Assert.InRange(used.PeakMemory, 128 * 1024, 64 << 20);
        await site.Get("/sleep?300");
        await Wait.Until(() => site.Handler().Component.Usage.Counts.Calls == 2, () => "it is not counted");
        TimeSpan cpu = site.Handler().Component.Usage.Counts.Cpu - used.Cpu;
        Assert.True(cpu < TimeSpan.FromMilliseconds(250), $"waiting is no work, {cpu} was counted");
    }
}
