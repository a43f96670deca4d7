// wasi:http/outgoing-handler against real servers: bodies both ways, trailers, times, limits, faults.
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Mote.Capabilities.Wasi.Http;
using Mote.Components;
using Mote.Runtime;
using Mote.Wasmtime;
using static Mote.Capabilities.Tests.Guest;

namespace Mote.Capabilities.Tests.Network;

public sealed class OutgoingHttpTests
{
    private static readonly string[] s_local = ["http://127.0.0.1:*", "https://127.0.0.1:*"];

    [Fact]
    public void Get_GivesStatusHeadersAndBody_AndTheConnectionIsUsedAgain()
    {
        using var server = new RawServer(RawServer.Ok("hello", "X-One: 1\r\nX-Two: é\r\nSet-Cookie: a=b\r\nConnection: keep-alive\r\n"));
        using HttpNetGuest g = HttpNetGuest.Start(s_local);
        (Value? response, string? error) = g.Answer(g.Handle(g.Request(server.Authority, "/a/../b?x=%2f&y", headers: [("x-own", "v"), ("accept", "text/plain")])).Future!);
        Assert.Null(error);
        Assert.Equal("200", g.Show("[method]incoming-response.status", response!));
        Value headers = g.Call("[method]incoming-response.headers", response!)!;
        Assert.Equal("['1']", g.Show("[method]fields.get", headers, S("x-one")));
        Assert.Equal("[[233]]", g.Show("[method]fields.get", headers, S("X-Two")));
        Assert.Equal("false", g.Show("[method]fields.has", headers, S("connection")));
        Assert.Equal("err(immutable)", g.Show("[method]fields.delete", headers, S("x-one")));
        NetGuest.Drop(headers);
        Assert.Equal("hello", g.Text(response!));
        Assert.Equal("200 hello", g.Get(server.Authority));
        Assert.Equal(1, server.Connections);
        RawRequest[] requests = [.. server.Requests];
        Assert.Equal("GET /a/../b?x=%2f&y HTTP/1.1", requests[0].Line); // as the guest wrote it
        Assert.Equal((server.Authority, "v", "text/plain"), (requests[0].Header("Host"), requests[0].Header("x-own"), requests[0].Header("accept")));
        Assert.Equal(["Host"], requests[1].Headers.Select(h => h.Split(':')[0])); // nothing of our own; no cookie of the server's
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Post_SendsTheBody(bool beforeHandle)
    {
        using var server = new RawServer((r, s) => s.WriteAsync(Encoding.UTF8.GetBytes(RawServer.Ok($"got {r.Body.Length} {r.Header("Content-Length")} {r.Header("Transfer-Encoding")} {r.Header("Content-Type")}"))).AsTask());
        using HttpNetGuest g = HttpNetGuest.Start(s_local);
        Value request = g.Request(server.Authority, method: "post", headers: ("content-type", "text/x"));
        (Value body, Value stream) = g.Body(request);
        if (beforeHandle) g.Write(stream, "hello"u8);
        Value future = g.Handle(request).Future!;
        if (!beforeHandle) g.Ok("[method]output-stream.write", stream, Guest.Text("hello"));
        NetGuest.Drop(stream);
        g.Ok("[static]outgoing-body.finish", body, None);
        Assert.Equal("got 5 5  text/x", g.Text(g.Answer(future).Response!)); // all of it was there: its length is told
    }

    [Fact]
    public void Post_OfManyBytes_StreamsBothWays_AndIsHeldBack()
    {
        const int size = 3_000_000;
        using var server = new RawServer((r, s) => s.WriteAsync((byte[])[.. Encoding.UTF8.GetBytes($"HTTP/1.1 200 OK\r\nContent-Length: {r.Body.Length}\r\n\r\n"), .. r.Body]).AsTask());
        using HttpNetGuest g = HttpNetGuest.Start(s_local);
        Value request = g.Request(server.Authority, method: "put");
        (Value body, Value stream) = g.Body(request);
        Value future = g.Handle(request).Future!;
        byte[] chunk = [.. Enumerable.Range(0, 60_000).Select(i => (byte)(i * 7))];
        Value value = Bytes(chunk);
        for (int sent = 0; sent < size; sent += chunk.Length)
        {
            g.Wait("output-stream", stream);
            Assert.NotEqual("ok(0)", g.Show("[method]output-stream.check-write", stream));
            g.Ok("[method]output-stream.write", stream, value);
        }

        NetGuest.Drop(stream);
        g.Ok("[static]outgoing-body.finish", body, None);
        Value incoming = g.Ok("[method]incoming-response.consume", g.Answer(future).Response!)!;
        byte[] back = g.ReadAll(g.Ok("[method]incoming-body.stream", incoming)!);
        Assert.Equal(size, back.Length);
        for (int i = 0; i < size; i++) Assert.True(back[i] == chunk[i % chunk.Length]);
        Assert.Equal("chunked", server.Requests.Single().Header("Transfer-Encoding"));
    }

    [Fact]
    public void Body_OfAServerThatIsFasterThanTheGuest_IsNotReadAhead()
    {
        long sent = 0;
        var chunk = new byte[64 * 1024];
        using var server = new RawServer(async (_, s) =>
        {
            await s.WriteAsync("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n"u8.ToArray());
            while (true)
            {
                await s.WriteAsync(chunk);
                Interlocked.Add(ref sent, chunk.Length);
            }
        });
        using HttpNetGuest g = HttpNetGuest.Start(s_local);
        Value body = g.Ok("[method]incoming-response.consume", g.Answer(g.Handle(g.Request(server.Authority)).Future!).Response!)!;
        Value stream = g.Ok("[method]incoming-body.stream", body)!;
        for (int i = 0; i < 100; i++) g.Ok("[method]input-stream.blocking-read", stream, U(1000));
        Assert.True(Volatile.Read(ref sent) < 64 << 20, $"{sent} bytes were taken for a guest that has read 100,000");
        NetGuest.Drop(stream);
        NetGuest.Drop(body); // and now nobody wants it
        Assert.True(server.Gone.Wait(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken));
    }

    [Fact]
    public void Trailers_OfAResponse_ComeAfterTheBody()
    {
        using var server = new RawServer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 42\r\n\r\n");
        using HttpNetGuest g = HttpNetGuest.Start(s_local);
        Value body = g.Ok("[method]incoming-response.consume", g.Answer(g.Handle(g.Request(server.Authority)).Future!).Response!)!;
        Value stream = g.Ok("[method]incoming-body.stream", body)!;
        Assert.Equal("hello", Encoding.UTF8.GetString(g.ReadAll(stream)));
        NetGuest.Drop(stream);
        Value trailers = g.Call("[static]incoming-body.finish", body)!;
        g.Wait("future-trailers", trailers);
        Value got = ((OptionValue)((ResultValue)((ResultValue)((OptionValue)g.Call("[method]future-trailers.get", trailers)!).Some!).Payload!).Payload!).Some!;
        Assert.Equal("[(\"x-sum\", '42')]", g.Show("[method]fields.entries", got));
    }

    [Fact]
    public void Trailers_OfARequest_AreRefused_AndTheRequestFails()
    {
        using var server = new RawServer(RawServer.Ok("no"));
        using HttpNetGuest g = HttpNetGuest.Start(s_local);
        Value request = g.Request(server.Authority, method: "post");
        (Value body, Value stream) = g.Body(request);
        Value future = g.Handle(request).Future!;
        g.Write(stream, "x"u8);
        NetGuest.Drop(stream);
        Value trailers = g.Ok("[static]fields.from-list", List(Pair(S("x-a"), Guest.Text("b"))))!;
        Assert.StartsWith("err(internal-error(some(\"trailers of requests cannot be sent\")))", g.Show("[static]outgoing-body.finish", body, Some(trailers)), StringComparison.Ordinal);
        Assert.NotNull(g.Answer(future).Error);
        Assert.Empty(server.Requests);
    }

    [Fact]
    public void Body_ThatIsDropped_IsCutOff()
    {
        using var server = new RawServer(RawServer.Ok("no"));
        using HttpNetGuest g = HttpNetGuest.Start(s_local);
        foreach (bool begun in (bool[])[false, true])
        {
            Value request = g.Request(server.Authority, method: "post");
            (Value body, Value stream) = g.Body(request);
            Value future = g.Handle(request).Future!;
            if (begun) g.Write(stream, "x"u8);
            NetGuest.Drop(stream);
            NetGuest.Drop(body);
            Assert.NotNull(g.Answer(future).Error);
        }

        Assert.Empty(server.Requests); // none that was whole
    }

    [Theory]
    [InlineData("3", "abcd", false)]
    [InlineData("5", "abcd", true)]
    public void ContentLength_ThatIsNotSo_IsAnError(string said, string written, bool atTheEnd)
    {
        using var server = new RawServer(RawServer.Ok("no"));
        using HttpNetGuest g = HttpNetGuest.Start(s_local);
        Value request = g.Request(server.Authority, method: "post", headers: ("content-length", said));
        (Value body, Value stream) = g.Body(request);
        Value future = g.Handle(request).Future!;
        string wrote = g.Show("[method]output-stream.blocking-write-and-flush", stream, Guest.Text(written));
        NetGuest.Drop(stream);
        if (atTheEnd) Assert.Equal("err(HTTP-request-body-size(some(4)))", g.Show("[static]outgoing-body.finish", body, None));
        else Assert.StartsWith("err(last-operation-failed", wrote, StringComparison.Ordinal);
        if (!atTheEnd) NetGuest.Drop(body);
        Assert.NotNull(g.Answer(future).Error);
        Assert.Empty(server.Requests);
    }

    // ---- faults ----

    [Theory]
    [InlineData("", "connection-terminated")]
    [InlineData("HTTP/1.1 200 OK\r\n", "connection-terminated")]
    [InlineData("this is no HTTP\r\n\r\n", "HTTP-protocol-error")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", "HTTP-protocol-error")]
    public void Answer_ThatIsNone_IsAnError(string answer, string code)
    {
        using var server = new RawServer(async (_, s) =>
        {
            await s.WriteAsync(Encoding.Latin1.GetBytes(answer));
            s.Close();
        });
        using HttpNetGuest g = HttpNetGuest.Start(s_local);
        string got = g.Get(server.Authority);
        Assert.True(got == code || (code == "HTTP-protocol-error" && got.StartsWith("200", StringComparison.Ordinal) && answer.Contains("6", StringComparison.Ordinal)), got);
    }

    [Fact]
    public void Body_ThatBreaksOff_IsAnErrorOfTheStream()
    {
        using var server = new RawServer(async (_, s) =>
        {
            await s.WriteAsync("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello"u8.ToArray());
            s.Close();
        });
        using HttpNetGuest g = HttpNetGuest.Start(s_local);
        Value body = g.Ok("[method]incoming-response.consume", g.Answer(g.Handle(g.Request(server.Authority)).Future!).Response!)!;
        Value stream = g.Ok("[method]incoming-body.stream", body)!;
        Assert.Equal("some(HTTP-response-incomplete)", Assert.Throws<IOException>(() => g.ReadAll(stream)).Message);
    }

    [Fact]
    public void Nobody_IsRefused_AndNoName_IsADnsError()
    {
        int port;
        using (var server = new RawServer("")) port = server.Port;
        using HttpNetGuest g = HttpNetGuest.Start([.. s_local, "http://*.test"], new FakeNames());
        Assert.Equal("connection-refused", g.Get($"127.0.0.1:{port}"));
        Assert.Equal("DNS-error({rcode: some(\"NXDOMAIN\"), info-code: none})", g.Get("nobody.test"));
    }

    [Fact]
    public void Times_OfTheGuest_AreKept()
    {
        using var silent = new RawServer((_, _) => Task.CompletedTask);
        using var halfway = new RawServer(async (_, s) => await s.WriteAsync("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello"u8.ToArray()));
        using HttpNetGuest g = HttpNetGuest.Start([.. s_local, "http://slow.test"], new NeverNames());
        Assert.Equal("HTTP-response-timeout", g.Send(g.Request(silent.Authority), g.Options("first-byte", TimeSpan.FromMilliseconds(100))));
        Assert.Equal("connection-timeout", g.Send(g.Request("slow.test"), g.Options("connect", TimeSpan.FromMilliseconds(100))));
        Value body = g.Ok("[method]incoming-response.consume", g.Answer(g.Handle(g.Request(halfway.Authority), g.Options("between-bytes", TimeSpan.FromMilliseconds(100))).Future!).Response!)!;
        Assert.Equal("some(connection-read-timeout)", Assert.Throws<IOException>(() => g.ReadAll(g.Ok("[method]incoming-body.stream", body)!)).Message);
    }

    [Fact]
    public void Deadline_EndsTheWait_AndTheEndOfTheInstanceTheRequest()
    {
        using var silent = new RawServer((_, _) => Task.CompletedTask);
        using (HttpNetGuest g = HttpNetGuest.Start(s_local, limits: new MicroVmLimits { MemoryBytes = 1 << 26, Time = TimeSpan.FromMilliseconds(300) }))
        {
            Value future = g.Handle(g.Request(silent.Authority)).Future!;
            Assert.IsType<DeadlineException>(Assert.Throws<TrapException>(() => g.Answer(future)).InnerException);
        }

        Assert.True(silent.Gone.Wait(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken));
    }

    [Fact]
    public void Future_ThatIsDropped_CancelsTheRequest()
    {
        using var arrived = new SemaphoreSlim(0);
        using var silent = new RawServer((_, _) =>
        {
            arrived.Release();
            return Task.CompletedTask;
        });
        using HttpNetGuest g = HttpNetGuest.Start(s_local);
        Value future = g.Handle(g.Request(silent.Authority)).Future!;
        Assert.True(arrived.Wait(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken));
        NetGuest.Drop(future);
        Assert.True(silent.Gone.Wait(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken));
    }

    // ---- limits ----

    [Fact]
    public void Response_OverItsLimits_IsAnError()
    {
        using var large = new RawServer($"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: {new string('x', 100_000)}\r\n\r\n");
        using var many = new RawServer($"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n{string.Concat(Enumerable.Range(0, 2000).Select(i => $"x{i}: y\r\n"))}\r\n");
        using var body = new RawServer(RawServer.Ok(new string('x', 2000)));
        using var chunks = new RawServer($"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n{new string('x', 2000)}\r\n0\r\n\r\n");
        using HttpNetGuest g = HttpNetGuest.Start(s_local, options: new OutgoingOptions { MostBodyBytes = 1000 });
        Assert.Equal("HTTP-response-header-section-size(none)", g.Get(large.Authority));
        Assert.Equal("HTTP-response-header-section-size(none)", g.Get(many.Authority));
        Assert.Equal("HTTP-response-body-size(some(2000))", g.Get(body.Authority));
        Assert.Equal("some(HTTP-response-body-size(some(2000)))", Assert.Throws<IOException>(() => g.Get(chunks.Authority)).Message);
    }

    [Fact]
    public void Requests_AtOnce_AreBounded()
    {
        using var silent = new RawServer((_, _) => Task.CompletedTask);
        using HttpNetGuest g = HttpNetGuest.Start(s_local, options: new OutgoingOptions { MostAtOnce = 3 });
        Value[] futures = [.. Enumerable.Range(0, 3).Select(_ => g.Handle(g.Request(silent.Authority)).Future!)];
        Assert.Equal("connection-limit-reached", g.Handle(g.Request(silent.Authority)).Error);
        NetGuest.Drop(futures[1]);
        Assert.Null(g.Handle(g.Request(silent.Authority)).Error);
    }

    // ---- TLS ----

    [Fact]
    public async Task Https_NeedsATrustedCertificateOfTheRightName()
    {
        using X509Certificate2 right = Certificate("127.0.0.1"), wrong = Certificate("127.0.0.2");
        static Task Answer(RawRequest r, Stream s) => s.WriteAsync(Encoding.UTF8.GetBytes(RawServer.Ok("secret"))).AsTask();
        using var server = new RawServer(Answer, certificate: right);
        using var other = new RawServer(Answer, certificate: wrong);
        using System.Net.Sockets.Socket plain = NetGuest.Listener();
        Task greeting = Task.Run(async () =>
        {
            using System.Net.Sockets.Socket client = await plain.AcceptAsync();
            await client.SendAsync("220 no TLS is spoken here\r\n"u8.ToArray());
        }, TestContext.Current.CancellationToken);
        using HttpNetGuest trusting = HttpNetGuest.Start(s_local, options: new OutgoingOptions { Authorities = [right, wrong] });
        Assert.Equal("200 secret", trusting.Get(server.Authority, scheme: "HTTPS"));
        Assert.Equal("TLS-certificate-error", trusting.Get(other.Authority, scheme: "HTTPS"));
        using HttpNetGuest careful = HttpNetGuest.Start(s_local);
        Assert.Equal("TLS-certificate-error", careful.Get(server.Authority, scheme: "HTTPS"));
        Assert.Single(server.Requests);
        Assert.Empty(other.Requests);
        string notTls = careful.Get(NetGuest.At(plain).ToString(), scheme: "HTTPS");
        await greeting;
        Assert.Equal("TLS-protocol-error", notTls);
    }

    private static X509Certificate2 Certificate(string address)
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest($"CN={address}", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(System.Net.IPAddress.Parse(address));
        request.CertificateExtensions.Add(names.Build());
        using X509Certificate2 made = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        return X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pfx), null);
    }

    /// <summary>A resolver that never answers.</summary>
    private sealed class NeverNames : Mote.Capabilities.Wasi.Net.INameResolver
    {
        public Task<Mote.Capabilities.Wasi.Net.Lookup> LookUp(string app, string name) => new TaskCompletionSource<Mote.Capabilities.Wasi.Net.Lookup>().Task;
    }
}
