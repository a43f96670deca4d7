// Files of a folder over HTTP: what a browser and a cache need of them, and that nothing outside the folder is ever given.
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using Mote.Triggers.Http;

namespace Mote.Node.Tests;

public sealed class StaticFilesTests : IAsyncLifetime
{
    private readonly string _root = Directory.CreateTempSubdirectory("mote-static-").FullName;
    private readonly HttpClient _client = new(new SocketsHttpHandler { AllowAutoRedirect = false, AutomaticDecompression = DecompressionMethods.None });
    private readonly byte[] _large = new byte[3_000_000];
    private StaticFiles _files = null!;
    private HttpServer _server = null!;

    public async ValueTask InitializeAsync()
    {
        Write("secret.txt", "outside");
        Write("site/index.html", "<h1>top</h1>");
        Write("site/app.js", "let a = 1;");
        Write("site/sub/index.html", "<h1>sub</h1>");
        Write("site/with space/naïve.txt", "words");
        Write("site/.env", "hidden");
        Write("site/.git/config", "hidden");
        Write("site/page.css", "body { }");
        Write("site/page.css.gz", "gzipped");
        Write("site/page.css.br", "brotlied");
        Write("site/empty", "");
        new Random(1).NextBytes(_large);
        File.WriteAllBytes(Path.Combine(_root, "site", "large.bin"), _large);
        File.CreateSymbolicLink(Path.Combine(_root, "site", "out.txt"), "../secret.txt");
        File.CreateSymbolicLink(Path.Combine(_root, "site", "absolute.txt"), Path.Combine(_root, "secret.txt"));
        File.CreateSymbolicLink(Path.Combine(_root, "site", "within.js"), "app.js");
        _files = new StaticFiles(Path.Combine(_root, "site"), "/static/...", TimeSpan.FromHours(1));
        _server = await HttpServer.StartAsync(new HttpOptions { Listen = new IPEndPoint(IPAddress.Loopback, 0) }, new HttpRoutes<IHttpTarget>([new HttpRoute<IHttpTarget>("/static/...", _files)]));
        _client.BaseAddress = new Uri($"http://{_server.EndPoint}/");
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _server.DisposeAsync();
        _files.Dispose();
        Directory.Delete(_root, recursive: true);
    }

    private void Write(string path, string text)
    {
        string file = Path.Combine(_root, path);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, text);
    }

    private async Task<(HttpResponseMessage Response, string Text)> Get(string path, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        foreach ((string name, string value) in headers) request.Headers.TryAddWithoutValidation(name, value);
        HttpResponseMessage response = await _client.SendAsync(request, TestContext.Current.CancellationToken);
        return (response, await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    /// <summary>The status line and the rest of an answer to a request line that no client library would send.</summary>
    private async Task<string> Raw(string target)
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync(_server.EndPoint, TestContext.Current.CancellationToken);
        NetworkStream stream = socket.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"), TestContext.Current.CancellationToken);
        using var reader = new StreamReader(stream, Encoding.Latin1);
        return await reader.ReadToEndAsync(TestContext.Current.CancellationToken);
    }

    [Theory]
    [InlineData("static/app.js", "let a = 1;", "text/javascript; charset=utf-8")]
    [InlineData("static/", "<h1>top</h1>", "text/html; charset=utf-8")]
    [InlineData("static/sub/", "<h1>sub</h1>", "text/html; charset=utf-8")]
    [InlineData("static/with%20space/na%C3%AFve.txt?x=1", "words", "text/plain; charset=utf-8")]
    [InlineData("static/within.js", "let a = 1;", "text/javascript; charset=utf-8")]
    [InlineData("static/empty", "", "application/octet-stream")]
    public async Task Get_File_IsGivenWithWhatABrowserNeeds(string path, string text, string type)
    {
        (HttpResponseMessage r, string body) = await Get(path);
        Assert.Equal((HttpStatusCode.OK, text, type), (r.StatusCode, body, r.Content.Headers.ContentType!.ToString()));
        Assert.Equal(text.Length, r.Content.Headers.ContentLength);
        Assert.Equal("nosniff", r.Headers.GetValues("X-Content-Type-Options").Single());
        Assert.Equal(TimeSpan.FromHours(1), r.Headers.CacheControl!.MaxAge);
        Assert.NotNull(r.Headers.ETag);
        Assert.NotEmpty(r.Headers.GetValues("X-Request-Id").Single());
    }

    [Theory]
    [InlineData("/static/../secret.txt")]
    [InlineData("/static/%2e%2e/secret.txt")]
    [InlineData("/static/..%2fsecret.txt")]
    [InlineData("/static/%2e%2e%2fsecret.txt")]
    [InlineData("/static/sub/../../secret.txt")]
    [InlineData("/static/..%5csecret.txt")]
    [InlineData("/static/%252e%252e/secret.txt")]
    [InlineData("/static//secret.txt")]
    [InlineData("/static/./../secret.txt")]
    [InlineData("/static/out.txt")]
    [InlineData("/static/absolute.txt")]
    [InlineData("/static/.env")]
    [InlineData("/static/%2eenv")]
    [InlineData("/static/.git/config")]
    [InlineData("/static/app.js%00.html")]
    [InlineData("/static/app.js/")]
    [InlineData("/static/none")]
    [InlineData("/static/%ff%fe")]
    [InlineData("/statics/app.js")]
    public async Task Get_WhatIsNotThere_Is404(string target)
    {
        string answer = await Raw(target);
        Assert.Matches("^HTTP/1.1 (404|400) ", answer);
        Assert.DoesNotContain("outside", answer);
        Assert.DoesNotContain("hidden", answer);
    }

    [Theory]
    [InlineData("static/sub", "./sub/")]
    [InlineData("static/sub?a=b", "./sub/?a=b")]
    [InlineData("static", "./static/")]
    public async Task Get_FolderWithoutSlash_IsRedirectedOnThisHost(string path, string location)
    {
        (HttpResponseMessage r, _) = await Get(path);
        Assert.Equal((HttpStatusCode)308, r.StatusCode);
        Assert.Equal(location, r.Headers.GetValues("Location").Single());
    }

    [Theory]
    [InlineData("bytes=0-0", 0, 1)]
    [InlineData("bytes=10-19", 10, 10)]
    [InlineData("bytes=2999990-", 2_999_990, 10)]
    [InlineData("bytes=-5", 2_999_995, 5)]
    [InlineData("bytes=100-99999999", 100, 2_999_900)]
    [InlineData("bytes=-99999999", 0, 3_000_000)]
    public async Task Get_Range_GivesThatPart(string range, int first, int length)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "static/large.bin");
        request.Headers.TryAddWithoutValidation("Range", range);
        using HttpResponseMessage r = await _client.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.PartialContent, r.StatusCode);
        Assert.Equal($"bytes {first}-{first + length - 1}/3000000", r.Content.Headers.ContentRange!.ToString());
        Assert.Equal(_large[first..(first + length)], await r.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData("bytes=3000000-", HttpStatusCode.RequestedRangeNotSatisfiable)]
    [InlineData("bytes=-0", HttpStatusCode.RequestedRangeNotSatisfiable)]
    [InlineData("bytes=5-4", HttpStatusCode.OK)]
    [InlineData("bytes=a-b", HttpStatusCode.OK)]
    [InlineData("bytes=0-1,5-6", HttpStatusCode.OK)]
    [InlineData("lines=0-1", HttpStatusCode.OK)]
    [InlineData("bytes=99999999999999999999-", HttpStatusCode.OK)]
    public async Task Get_RangeThatIsNone_IsRefusedOrTheWhole(string range, HttpStatusCode status)
    {
        (HttpResponseMessage r, _) = await Get("static/large.bin", ("Range", range));
        Assert.Equal(status, r.StatusCode);
        if (status == HttpStatusCode.OK) Assert.Equal(3_000_000, r.Content.Headers.ContentLength);
        else Assert.Equal("bytes */3000000", r.Content.Headers.GetValues("Content-Range").Single());
    }

    [Fact]
    public async Task Get_WhatTheClientHas_Is304_UntilItChanges()
    {
        (HttpResponseMessage first, _) = await Get("static/app.js");
        string tag = first.Headers.ETag!.ToString(), date = first.Content.Headers.GetValues("Last-Modified").Single();
        foreach ((string, string) same in ((string, string)[])[("If-None-Match", tag), ("If-None-Match", $"\"other\", W/{tag}"), ("If-None-Match", "*"), ("If-Modified-Since", date)])
        {
            (HttpResponseMessage r, string text) = await Get("static/app.js", same);
            Assert.Equal((HttpStatusCode.NotModified, ""), (r.StatusCode, text));
            Assert.Equal(tag, r.Headers.ETag!.ToString());
        }

        Assert.Equal(HttpStatusCode.PartialContent, (await Get("static/app.js", ("Range", "bytes=0-1"), ("If-Range", tag))).Response.StatusCode);
        Assert.Equal(HttpStatusCode.PreconditionFailed, (await Get("static/app.js", ("If-Match", "\"other\""))).Response.StatusCode);
        Write("site/app.js", "let b = 2;"); // as long as before
        Assert.Equal("let b = 2;", (await Get("static/app.js", ("If-None-Match", tag))).Text);
        Assert.Equal(HttpStatusCode.OK, (await Get("static/app.js", ("Range", "bytes=0-1"), ("If-Range", tag))).Response.StatusCode);
    }

    [Theory]
    [InlineData("gzip, br", "br", "brotlied")]
    [InlineData("gzip", "gzip", "gzipped")]
    [InlineData("br;q=0, GZIP;q=0.5", "gzip", "gzipped")]
    [InlineData("br;q=0.000", null, "body { }")]
    [InlineData("deflate", null, "body { }")]
    [InlineData(null, null, "body { }")]
    public async Task Get_FileCompressedBeforehand_IsGivenToWhoTakesIt(string? accepted, string? coding, string text)
    {
        (HttpResponseMessage r, string body) = accepted is null ? await Get("static/page.css") : await Get("static/page.css", ("Accept-Encoding", accepted));
        Assert.Equal(text, body);
        Assert.Equal(coding, r.Content.Headers.ContentEncoding.SingleOrDefault());
        Assert.Equal("text/css; charset=utf-8", r.Content.Headers.ContentType!.ToString());
        Assert.Equal("Accept-Encoding", r.Headers.Vary.Single());
    }

    [Fact]
    public async Task Head_HasTheHeadersOfGetAndNoBody_AndOtherMethodsAreRefused()
    {
        using HttpResponseMessage head = await _client.SendAsync(new HttpRequestMessage(HttpMethod.Head, "static/large.bin"), TestContext.Current.CancellationToken);
        Assert.Equal((HttpStatusCode.OK, 3_000_000L), (head.StatusCode, head.Content.Headers.ContentLength!.Value));
        Assert.Empty(await head.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken));
        using HttpResponseMessage put = await _client.PutAsync("static/new.txt", new StringContent("x"), TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.MethodNotAllowed, put.StatusCode);
        Assert.Equal(["GET", "HEAD"], put.Content.Headers.Allow);
        Assert.False(File.Exists(Path.Combine(_root, "site", "new.txt")));
    }

    [Fact]
    public async Task Get_LargeFileByManyAtOnce_IsWholeForEach()
    {
        byte[][] all = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => _client.GetByteArrayAsync("static/large.bin", TestContext.Current.CancellationToken)));
        Assert.All(all, bytes => Assert.True(bytes.AsSpan().SequenceEqual(_large)));
    }

    [Theory]
    [InlineData("/static", "needs? a route that ends with `/...`")]
    [InlineData("/static/:id", "needs? a route that ends with `/...`")]
    public void Route_ThatIsNotOpen_IsRefused(string route, string says) => Assert.Matches(says, Assert.Throws<RouteException>(() => new StaticFiles(_root, route, null)).Message);

    [Fact]
    public void Folder_ThatIsNotThere_IsRefused() => Assert.Contains("cannot be opened", Assert.Throws<RouteException>(() => new StaticFiles(Path.Combine(_root, "none"), "/...", null)).Message);
}
