// Pulls from registries that lie, break off, drip, never end or send on in circles: an error of one line, nothing left
// behind, and no credentials anywhere but where they belong.
using System.Diagnostics;
using System.IO.Compression;
using System.Text;
using Mote.Packaging.Oci;
using Mote.Tests.Servers;

namespace Mote.Packaging.Tests.Oci;

public sealed class HostileRegistryTests : IDisposable
{
    private const string Password = "hunter2-planted";

    private static readonly byte[] s_model = Random(300_000, 1);
    private static readonly Artifact s_artifact = new(new ArtifactLayer(s_model));

    private readonly PullSite _site = new();

    public void Dispose() => _site.Dispose();

    private static byte[] Random(int length, int seed)
    {
        var bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    private static bool IsBlob(ScriptedRequest r) => r.Path.Contains("/blobs/", StringComparison.Ordinal);

    /// <summary>Answers requests for blobs in another way.</summary>
    private static Func<ScriptedRequest, Task<bool>> Blobs(Func<ScriptedRequest, Task> answer) => async r =>
    {
        if (!IsBlob(r)) return false;
        await answer(r);
        return true;
    };

    private void Login(string host) => File.WriteAllText(Path.Combine(_site.Folder, "config.json"), $"{{\"auths\":{{\"{host}\":{{\"auth\":\"{Convert.ToBase64String(Encoding.UTF8.GetBytes($"edge:{Password}"))}\"}}}}}}");

    private static void HasNoSecret(Exception e)
    {
        foreach (string text in (string[])[e.Message, e.ToString()])
        {
            Assert.DoesNotContain("hunter2", text, StringComparison.Ordinal);
            Assert.DoesNotContain(Convert.ToBase64String(Encoding.UTF8.GetBytes($"edge:{Password}")), text, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Honest_GivesTheModel_AndTheSameAgainFromTheStore()
    {
        await using var registry = ScriptedRegistry.With(s_artifact);
        OciReference reference = PullSite.Reference(registry.Host, s_artifact);
        Assert.Equal(s_model, await _site.Bytes(reference));
        Assert.Equal(new PullProgress(s_model.Length, s_model.Length), _site.Progress.Last());
        Assert.Null((await _site.Pull(reference)).File);
        Assert.Single(registry.Requests, r => r.Path.Contains("/blobs/", StringComparison.Ordinal));
    }

    [Fact]
    public async Task AnotherManifest_IsRefused()
    {
        await using var registry = ScriptedRegistry.With(new Artifact(new ArtifactLayer([1, 2, 3])));
        OciException e = await _site.Refused(PullSite.Reference(registry.Host, s_artifact));
        Assert.Contains("another digest", e.Message, StringComparison.Ordinal);
        Assert.Equal(OciFault.Invalid, e.Fault);
    }

    [Fact]
    public async Task OtherBytes_OfTheRightSize_AreRefused()
    {
        await using var registry = ScriptedRegistry.With(s_artifact, Blobs(r => r.Reply(200, Random(s_model.Length, 2))));
        OciException e = await _site.Refused(PullSite.Reference(registry.Host, s_artifact));
        Assert.Contains("other bytes", e.Message, StringComparison.Ordinal);
        Assert.Single(registry.Requests, r => r.Path.Contains("/blobs/", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(1)]
    public async Task AnotherLength_IsRefused_BeforeTheBodyIsRead(int more)
    {
        await using var registry = ScriptedRegistry.With(s_artifact, Blobs(r => r.Reply(200, new byte[s_model.Length + more])));
        Assert.Contains("another size", (await _site.Refused(PullSite.Reference(registry.Host, s_artifact))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task BodyWithoutEnd_IsLeft()
    {
        await using var registry = ScriptedRegistry.With(s_artifact, Blobs(async r =>
        {
            await r.Reply(200, [], "Transfer-Encoding: chunked");
            byte[] chunk = [.. "10000\r\n"u8, .. new byte[0x10000], .. "\r\n"u8];
            while (true) await r.Connection.WriteAsync(chunk);
        }));
        Assert.Contains("another size", (await _site.Refused(PullSite.Reference(registry.Host, s_artifact))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ManifestWithoutEnd_OrTooLarge_IsLeft()
    {
        await using var endless = new ScriptedRegistry(async r =>
        {
            await r.Reply(200, [], "Transfer-Encoding: chunked");
            byte[] chunk = [.. "10000\r\n"u8, .. Enumerable.Repeat((byte)' ', 0x10000), .. "\r\n"u8];
            while (true) await r.Connection.WriteAsync(chunk);
        });
        Assert.Contains("more than 4194304 bytes", (await _site.Refused(PullSite.Reference(endless.Host, s_artifact))).Message, StringComparison.Ordinal);
        await using var large = new ScriptedRegistry(r => r.Reply(200, [], "Content-Length: 99999999999"));
        Assert.Contains("99999999999 bytes", (await _site.Refused(PullSite.Reference(large.Host, s_artifact))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task HeadWithoutEnd_IsLeft()
    {
        await using var registry = new ScriptedRegistry(async r =>
        {
            await r.Connection.WriteAsync("HTTP/1.1 200 OK\r\n"u8.ToArray());
            byte[] line = [.. "X-A: "u8, .. Enumerable.Repeat((byte)'x', 1000), .. "\r\n"u8];
            while (true) await r.Connection.WriteAsync(line);
        });
        Assert.Equal(OciFault.Unavailable, (await _site.Refused(PullSite.Reference(registry.Host, s_artifact))).Fault);
    }

    [Fact]
    public async Task Silence_BeforeTheAnswer_IsWaitedForOnlySoLong()
    {
        _site.Options = _site.Options with { AnswerTime = TimeSpan.FromMilliseconds(200) };
        ScriptedRegistry? registry = null;
        registry = new ScriptedRegistry(_ => Task.Delay(Timeout.Infinite, registry!.End));
        await using (registry) Assert.Contains("did not answer within 0.2 s", (await _site.Refused(PullSite.Reference(registry.Host, s_artifact))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Silence_InTheMiddle_IsTriedAgain_AndGivenUp()
    {
        _site.Options = _site.Options with { StallTime = TimeSpan.FromMilliseconds(200), Attempts = 2 };
        ScriptedRegistry? registry = null;
        registry = ScriptedRegistry.With(s_artifact, Blobs(async r =>
        {
            await r.Reply(200, s_model[..1000], $"Content-Length: {s_model.Length}");
            await Task.Delay(Timeout.Infinite, registry!.End);
        }));
        await using (registry)
        {
            Assert.Contains("gives no more", (await _site.Refused(PullSite.Reference(registry.Host, s_artifact))).Message, StringComparison.Ordinal);
            Assert.Equal(2, registry.Requests.Count(r => r.Path.Contains("/blobs/", StringComparison.Ordinal)));
        }
    }

    [Fact]
    public async Task BrokenOff_IsTakenUpAgain_WhereTheRegistryKnowsRanges()
    {
        const int Piece = 100_000;
        await using var registry = ScriptedRegistry.With(s_artifact, Blobs(async r =>
        {
            int from = r.Header("range") is { } range ? int.Parse(range["bytes=".Length..^1], System.Globalization.CultureInfo.InvariantCulture) : 0;
            int to = Math.Min(from + Piece, s_model.Length);
            await r.Reply(from == 0 ? 200 : 206, s_model[from..to], $"Content-Length: {s_model.Length - from}", $"Content-Range: bytes {from}-{s_model.Length - 1}/{s_model.Length}");
        }));
        Assert.Equal(s_model, await _site.Bytes(PullSite.Reference(registry.Host, s_artifact)));
        Assert.Equal([null, "bytes=100000-", "bytes=200000-"], registry.Requests.Where(r => r.Path.Contains("/blobs/", StringComparison.Ordinal)).Select(r => r.Range));
    }

    [Fact]
    public async Task BrokenOff_IsBegunAnew_WhereItDoesNot()
    {
        int asked = 0;
        await using var registry = ScriptedRegistry.With(s_artifact, Blobs(r => r.Reply(200, ++asked < 3 ? s_model[..200_000] : s_model, $"Content-Length: {s_model.Length}")));
        Assert.Equal(s_model, await _site.Bytes(PullSite.Reference(registry.Host, s_artifact)));
        Assert.Equal(3, asked);
    }

    [Fact]
    public async Task AByteAtATime_IsGivenUp()
    {
        int asked = 0;
        await using var registry = ScriptedRegistry.With(s_artifact, Blobs(r =>
        {
            int from = asked++;
            return r.Reply(from == 0 ? 200 : 206, s_model[from..(from + 1)], $"Content-Length: {s_model.Length - from}", $"Content-Range: bytes {from}-{s_model.Length - 1}/{s_model.Length}");
        }));
        OciException e = await _site.Refused(PullSite.Reference(registry.Host, s_artifact));
        Assert.True(e.MayPass);
        Assert.Equal(_site.Options.Attempts, asked);
    }

    [Fact]
    public async Task AnotherRange_IsRefused()
    {
        int asked = 0;
        await using var registry = ScriptedRegistry.With(s_artifact, Blobs(r => asked++ == 0
            ? r.Reply(200, s_model[..100_000], $"Content-Length: {s_model.Length}")
            : r.Reply(206, s_model[50_000..], $"Content-Range: bytes 50000-{s_model.Length - 1}/{s_model.Length}")));
        Assert.Contains("another range", (await _site.Refused(PullSite.Reference(registry.Host, s_artifact))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task WhatWasKeptFromBefore_IsGoneOnWith_AndBegunAnewWhereItIsWrong()
    {
        bool breaks = true;
        await using var registry = ScriptedRegistry.With(s_artifact, Blobs(r =>
        {
            if (breaks) return r.Reply(200, s_model[..100_000], $"Content-Length: {s_model.Length}");
            int from = r.Header("range") is { } range ? int.Parse(range["bytes=".Length..^1], System.Globalization.CultureInfo.InvariantCulture) : 0;
            return r.Reply(from == 0 ? 200 : 206, s_model[from..], $"Content-Range: bytes {from}-{s_model.Length - 1}/{s_model.Length}");
        }));
        OciReference reference = PullSite.Reference(registry.Host, s_artifact);
        _site.Options = _site.Options with { Attempts = 1 };
        foreach (bool isDamaged in (bool[])[false, true])
        {
            breaks = true;
            await Assert.ThrowsAsync<OciException>(() => _site.Pull(reference, keepPart: true));
            string part = Path.Combine(_site.Folder, "models", Assert.Single(_site.Files, f => f.StartsWith("pull-", StringComparison.Ordinal)));
            Assert.Equal(100_000, new FileInfo(part).Length);
            if (isDamaged) File.WriteAllBytes(part, new byte[100_000]);
            breaks = false;
            _site.Options = _site.Options with { Attempts = 4 };
            registry.Requests.Clear();
            Assert.Equal(s_model, await _site.Bytes(reference));
            Assert.Equal(isDamaged ? ["bytes=100000-", null] : (string?[])["bytes=100000-"], registry.Requests.Where(r => r.Path.Contains("/blobs/", StringComparison.Ordinal)).Select(r => r.Range));
            File.Delete(Path.Combine(_site.Folder, "models", $"sha256-{Artifact.DigestOf(s_model)["sha256:".Length..]}.onnx"));
            _site.Options = _site.Options with { Attempts = 1 };
        }
    }

    [Fact]
    public async Task PartOfAPullThatNobodyGoesOnWith_GoesAfterADay()
    {
        await using var registry = ScriptedRegistry.With(s_artifact, Blobs(r => r.Reply(200, s_model[..100_000], $"Content-Length: {s_model.Length}")));
        _site.Options = _site.Options with { Attempts = 1 };
        await Assert.ThrowsAsync<OciException>(() => _site.Pull(PullSite.Reference(registry.Host, s_artifact), keepPart: true));
        string part = Path.Combine(_site.Folder, "models", Assert.Single(_site.Files));
        _site.Store.Hold().Dispose();
        Assert.True(File.Exists(part));
        File.SetLastWriteTimeUtc(part, DateTime.UtcNow.AddHours(-25));
        using (new FileStream(part, FileMode.Open, FileAccess.ReadWrite, FileShare.None)) _site.Store.Hold().Dispose();
        Assert.True(File.Exists(part)); // somebody goes on with it
        File.SetLastWriteTimeUtc(part, DateTime.UtcNow.AddHours(-25));
        _site.Store.Hold().Dispose();
        Assert.False(File.Exists(part));
    }

    [Fact]
    public async Task TwoPullsOfTheSame_AreOneAfterTheOther()
    {
        await using var registry = ScriptedRegistry.With(s_artifact);
        Directory.CreateDirectory(Path.Combine(_site.Folder, "models"));
        string part = Path.Combine(_site.Folder, "models", $"pull-{Artifact.DigestOf(s_model)["sha256:".Length..]}");
        using (new FileStream(part, FileMode.Create, FileAccess.ReadWrite, FileShare.None))
        {
            OciException e = await Assert.ThrowsAsync<OciException>(() => _site.Pull(PullSite.Reference(registry.Host, s_artifact)));
            Assert.Contains("another process pulls it now", e.Message, StringComparison.Ordinal);
            Assert.True(e.MayPass && File.Exists(part));
        }
    }

    [Fact]
    public async Task LargerThanModelsMayBe_IsNotAskedFor()
    {
        await using var registry = ScriptedRegistry.With(s_artifact);
        _site.Options = _site.Options with { MaxBytes = s_model.Length - 1 };
        Assert.Contains("raise `memory` under [inference]", (await _site.Refused(PullSite.Reference(registry.Host, s_artifact))).Message, StringComparison.Ordinal);
        Assert.Single(registry.Requests);
    }

    [Fact]
    public async Task FullDisk_LeavesNothing()
    {
        string models = Path.Combine(_site.Folder, "models");
        Directory.CreateDirectory(models);
        Assert.SkipUnless(Environment.IsPrivilegedProcess && Run("mount", "-t", "tmpfs", "-o", "size=256k", "mote-test", models) == 0, "a small file system can be mounted as root only");
        try
        {
            await using var registry = ScriptedRegistry.With(s_artifact);
            OciReference reference = PullSite.Reference(registry.Host, s_artifact);
            Assert.Contains("no room for 300000 bytes", (await Assert.ThrowsAsync<IOException>(() => _site.Pull(reference, keepPart: true))).Message, StringComparison.Ordinal);
            Assert.Empty(_site.Files);

            // Room when it was asked for, and none in the middle.
            bool isFull = false;
            await using var slow = ScriptedRegistry.With(new Artifact(new ArtifactLayer(s_model[..200_000])), Blobs(async r =>
            {
                await File.WriteAllBytesAsync(Path.Combine(models, "other"), new byte[150_000]);
                isFull = true;
                await r.Reply(200, s_model[..200_000]);
            }));
            await Assert.ThrowsAsync<IOException>(() => _site.Pull(PullSite.Reference(slow.Host, new Artifact(new ArtifactLayer(s_model[..200_000]))), keepPart: true));
            Assert.True(isFull);
            Assert.Equal(["other"], _site.Files);
        }
        finally
        {
            Run("umount", models);
        }
    }

    [Fact]
    public async Task Archive_IsUnpacked_AndABombIsNot()
    {
        static byte[] Tar(byte[] model)
        {
            var to = new MemoryStream();
            using (var writer = new System.Formats.Tar.TarWriter(to, leaveOpen: true)) writer.WriteEntry(new System.Formats.Tar.PaxTarEntry(System.Formats.Tar.TarEntryType.RegularFile, "models/m.onnx") { DataStream = new MemoryStream(model) });
            return to.ToArray();
        }

        static byte[] Gzip(byte[] bytes)
        {
            var to = new MemoryStream();
            using (var gzip = new GZipStream(to, CompressionLevel.Fastest)) gzip.Write(bytes);
            return to.ToArray();
        }

        foreach ((string type, byte[] bytes) in ((string, byte[])[])[("application/vnd.kitops.modelkit.model.v1.tar", Tar(s_model)), ("application/vnd.cncf.model.weight.v1.tar+gzip", Gzip(Tar(s_model)))])
        {
            var packed = new Artifact(new ArtifactLayer(bytes, type, null));
            await using var registry = ScriptedRegistry.With(packed);
            Assert.Equal(s_model, await _site.Bytes(PullSite.Reference(registry.Host, packed)));
        }

        string content = Assert.Single(_site.Files, f => f.EndsWith(".onnx", StringComparison.Ordinal));
        Assert.DoesNotContain(_site.Files, f => f.StartsWith("pull-", StringComparison.Ordinal));
        Directory.Delete(Path.Combine(_site.Folder, "models"), recursive: true);
        Assert.NotNull(content);

        _site.Options = _site.Options with { MaxBytes = 1 << 20 };
        foreach (byte[] bytes in (byte[][])[Gzip(Tar(new byte[(1 << 20) + 1])), Gzip(new byte[80 << 20]), "no gzip"u8.ToArray(), Gzip(Tar(s_model))[..1000]])
        {
            var bomb = new Artifact(new ArtifactLayer(bytes, "application/vnd.kitops.modelkit.model.v1.tar+gzip", null));
            await using var registry = ScriptedRegistry.With(bomb);
            OciException e = await _site.Refused(PullSite.Reference(registry.Host, bomb));
            Assert.Equal(OciFault.Invalid, e.Fault);
        }
    }

    [Theory]
    [InlineData(404, OciFault.NotFound, "the registry has none: NAME_UNKNOWN, no such thing")]
    [InlineData(429, OciFault.Unavailable, "answered 429")]
    [InlineData(503, OciFault.Unavailable, "answered 503")]
    [InlineData(400, OciFault.Invalid, "answered 400")]
    [InlineData(401, OciFault.Denied, "`docker login 127.0.0.1:")]
    [InlineData(403, OciFault.Denied, "`docker login 127.0.0.1:")]
    public async Task Errors_AreSaid(int status, OciFault fault, string said)
    {
        await using var registry = new ScriptedRegistry(r => r.Reply(status, """{"errors":[{"code":"NAME_UNKNOWN","message":"no such\nthing","detail":{}}]}"""));
        OciException e = await _site.Refused(PullSite.Reference(registry.Host, s_artifact));
        Assert.Equal(fault, e.Fault);
        Assert.Contains(said, e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("<html>no json</html>")]
    [InlineData("""{"errors":[]}""")]
    [InlineData("""{"errors":[{"code":5,"message":null}]}""")]
    [InlineData("[]")]
    public async Task Errors_OfAnotherForm_AreSaidByTheirNumber(string body)
    {
        await using var registry = new ScriptedRegistry(r => r.Reply(500, body));
        Assert.EndsWith("answered 500", (await _site.Refused(PullSite.Reference(registry.Host, s_artifact))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task RetryAfter_IsHeard()
    {
        await using var registry = new ScriptedRegistry(r => r.Reply(429, "", "Retry-After: 77"));
        Assert.Equal(TimeSpan.FromSeconds(77), (await _site.Refused(PullSite.Reference(registry.Host, s_artifact))).RetryAfter);
    }

    [Fact]
    public async Task Nobody_IsUnavailable()
    {
        OciException e = await _site.Refused(PullSite.Reference($"127.0.0.1:{Loopback.FreePort()}", s_artifact));
        Assert.True(e.MayPass);
        Assert.Contains("refused", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Redirect_OfABlob_IsFollowed_WithoutCredentials()
    {
        await using var elsewhere = new ScriptedRegistry(r => r.Reply(r.Path == "/store/x?signature=abc" ? 200 : 404, s_model));
        await using var registry = ScriptedRegistry.With(s_artifact, async r =>
        {
            if (r.Header("authorization") is null) await r.Reply(401, "", "WWW-Authenticate: Basic realm=\"r\"");
            else if (IsBlob(r)) await r.Reply(307, "", $"Location: http://{elsewhere.Host}/store/x?signature=abc");
            else return false;
            return true;
        });
        Login(registry.Host);
        Assert.Equal(s_model, await _site.Bytes(PullSite.Reference(registry.Host, s_artifact)));
        Assert.Null(Assert.Single(elsewhere.Requests).Authorization);
    }

    [Fact]
    public async Task Redirect_ThatLeavesTheAddressOut_IsOfTheSameRegistry()
    {
        await using var registry = ScriptedRegistry.With(s_artifact, async r =>
        {
            if (!IsBlob(r)) return false;
            await r.Reply(302, "", $"Location: /elsewhere/{(r.Path.Length)}");
            return true;
        });
        OciException e = await _site.Refused(PullSite.Reference(registry.Host, s_artifact));
        Assert.Equal(OciFault.NotFound, e.Fault);
        Assert.Contains(registry.Requests, r => r.Path.StartsWith("/elsewhere/", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Redirects_InACircle_End()
    {
        await using var registry = ScriptedRegistry.With(s_artifact, Blobs(r => r.Reply(307, "", $"Location: {r.Path}")));
        Assert.Contains("more than 5 times", (await _site.Refused(PullSite.Reference(registry.Host, s_artifact))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ftp://127.0.0.1/x")]
    [InlineData("file:///etc/passwd")]
    public async Task Redirect_ToWhatIsNoWeb_IsNotFollowed(string to)
    {
        await using var registry = ScriptedRegistry.With(s_artifact, Blobs(r => r.Reply(307, "", $"Location: {to}")));
        Assert.Contains("https:// addresses only", (await _site.Refused(PullSite.Reference(registry.Host, s_artifact))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Token_IsGot_WithCredentialsForTheServerOfTokensAlone()
    {
        ScriptedRegistry? registry = null;
        await using var tokens = new ScriptedRegistry(r => r.Path == "/token?a=b&service=reg&scope=repository%3Amodels%2Fm%3Apull" && r.Header("authorization") == $"Basic {Convert.ToBase64String(Encoding.UTF8.GetBytes($"edge:{Password}"))}"
            ? r.Reply(200, """{"token":"t0ken-planted","expires_in":60}""") : r.Reply(400));
        registry = ScriptedRegistry.With(s_artifact, async r =>
        {
            if (r.Header("authorization") == "Bearer t0ken-planted") return false;
            await r.Reply(401, "", $"WWW-Authenticate: Bearer realm=\"http://{tokens.Host}/token?a=b\",service=\"reg\",scope=\"repository:models/m:pull\"");
            return true;
        });
        await using (registry)
        {
            Login(registry.Host);
            Assert.Equal(s_model, await _site.Bytes(PullSite.Reference(registry.Host, s_artifact)));
            Assert.DoesNotContain(registry.Requests, r => r.Authorization?.StartsWith("Basic", StringComparison.Ordinal) == true);
            Assert.Single(tokens.Requests);
        }
    }

    [Fact]
    public async Task IdentityToken_IsPosted()
    {
        await using var tokens = new ScriptedRegistry(r => r.Method == "POST" && r.Body.Contains("grant_type=refresh_token", StringComparison.Ordinal) && r.Body.Contains("refresh_token=hunter2-refresh", StringComparison.Ordinal)
            ? r.Reply(200, """{"access_token":"t0ken"}""") : r.Reply(400));
        await using var registry = ScriptedRegistry.With(s_artifact, async r =>
        {
            if (r.Header("authorization") == "Bearer t0ken") return false;
            await r.Reply(401, "", $"WWW-Authenticate: Bearer realm=\"http://{tokens.Host}/token\",service=\"reg\"");
            return true;
        });
        File.WriteAllText(Path.Combine(_site.Folder, "config.json"), $$"""{"auths":{"{{registry.Host}}":{"identitytoken":"hunter2-refresh"} } }""");
        Assert.Equal(s_model, await _site.Bytes(PullSite.Reference(registry.Host, s_artifact)));
    }

    [Fact]
    public async Task Token_ThatRunsOutInTheMiddle_IsRenewed()
    {
        int given = 0;
        await using var tokens = new ScriptedRegistry(r => r.Reply(200, $$"""{"token":"t{{++given}}"}"""));
        await using var registry = ScriptedRegistry.With(s_artifact, async r =>
        {
            if (r.Header("authorization") == (IsBlob(r) ? "Bearer t2" : "Bearer t1")) return false;
            await r.Reply(401, "", $"WWW-Authenticate: Bearer realm=\"http://{tokens.Host}/token\"");
            return true;
        });
        Assert.Equal(s_model, await _site.Bytes(PullSite.Reference(registry.Host, s_artifact)));
        Assert.Equal(2, given);
    }

    [Theory]
    [InlineData("""{"token":""}""")]
    [InlineData("""{"token":7}""")]
    [InlineData("[]")]
    [InlineData("no json")]
    [InlineData("""{"token":"a\r\nX-Evil: 1"}""")]
    public async Task Token_ThatIsNone_IsSaid(string answer)
    {
        await using var tokens = new ScriptedRegistry(r => r.Reply(200, answer));
        await using var registry = new ScriptedRegistry(r => r.Reply(401, "", $"WWW-Authenticate: Bearer realm=\"http://{tokens.Host}/token\""));
        Assert.Contains("token", (await _site.Refused(PullSite.Reference(registry.Host, s_artifact))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("file:///etc/passwd")]
    [InlineData("not a url")]
    [InlineData("")]
    public async Task Realm_ThatIsNone_IsSaid(string realm)
    {
        await using var registry = new ScriptedRegistry(r => r.Reply(401, "", $"WWW-Authenticate: Bearer realm=\"{realm}\""));
        Assert.Contains("server for tokens", (await _site.Refused(PullSite.Reference(registry.Host, s_artifact))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Credentials_ThatARegistryGivesBack_AreInNoError()
    {
        // What it was told, it says back: in the error, in the name of the realm, in the address that it sends on to.
        await using var registry = new ScriptedRegistry(r => r.Header("authorization") is not { } said
            ? r.Reply(401, "", "WWW-Authenticate: Basic realm=\"r\"")
            : r.Reply(401, $$"""{"errors":[{"code":"DENIED","message":"you said {{said}}, that is edge:{{Password}}"}]}"""));
        Login(registry.Host);
        OciException e = await _site.Refused(PullSite.Reference(registry.Host, s_artifact));
        Assert.Contains("does not let this node have", e.Message, StringComparison.Ordinal);
        HasNoSecret(e);

        await using var sender = new ScriptedRegistry(r => r.Header("authorization") is null ? r.Reply(401, "", "WWW-Authenticate: Basic realm=\"r\"") : r.Reply(307, "", $"Location: ftp://{Password}.example.com/x"));
        Login(sender.Host);
        HasNoSecret(await _site.Refused(PullSite.Reference(sender.Host, s_artifact)));
    }

    [Fact]
    public async Task Tag_IsPinned_ByTheDigestOfWhatCame()
    {
        await using var registry = ScriptedRegistry.With(s_artifact);
        var pull = new ModelPull(_site.Store, _site.Options);
        OciReference pinned = await pull.PinAsync(OciReference.Parse($"{registry.Host}/models/m:v1", out _)!, TestContext.Current.CancellationToken);
        Assert.Equal(PullSite.Reference(registry.Host, s_artifact), pinned);
        await using var liar = new ScriptedRegistry(r => r.Reply(200, s_artifact.Manifest, $"Docker-Content-Digest: {Artifact.DigestOf([1])}"));
        OciException e = await Assert.ThrowsAsync<OciException>(() => pull.PinAsync(OciReference.Parse($"{liar.Host}/models/m:v1", out _)!, TestContext.Current.CancellationToken));
        Assert.Contains("not of the digest", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Cancelled_EndsAtOnce_AndLeavesNothing()
    {
        using var end = new CancellationTokenSource();
        ScriptedRegistry? registry = null;
        registry = ScriptedRegistry.With(s_artifact, Blobs(async r =>
        {
            await r.Reply(200, s_model[..1000], $"Content-Length: {s_model.Length}");
            await end.CancelAsync();
            await Task.Delay(Timeout.Infinite, registry!.End);
        }));
        await using (registry)
        {
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => new ModelPull(_site.Store, _site.Options).RunAsync(PullSite.Reference(registry.Host, s_artifact), false, _ => { }, end.Token));
            Assert.Empty(_site.Files);
        }
    }

    private static int Run(string program, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        process.StandardError.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode;
    }
}
