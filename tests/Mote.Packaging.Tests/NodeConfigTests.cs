// node.toml, and the units that both files use.
using Mote.Packaging.Oci;
using Mote.Packaging.Toml;
using Mote.Runtime;

namespace Mote.Packaging.Tests;

public sealed class NodeConfigTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("mote-packaging-tests-").FullName;

    private string File => Path.Combine(_folder, "node.toml");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private NodeConfig Read(string text, NodeConfig? defaults = null)
    {
        System.IO.File.WriteAllText(File, text);
        return NodeConfig.Load(File, defaults ?? new NodeConfig());
    }

    [Fact]
    public void Everything_IsRead()
    {
        NodeConfig c = Read("""
            [node]
            name = "press-7"
            data = "state"
            profile = "small"
            [broker]
            listen = "0.0.0.0:1884"
            url = "mqtt://user:pass@broker:1885"
            [upstream]
            url = "https://collector/events"
            topics = ["a", "b"]
            [telemetry]
            otlp = "http://127.0.0.1:4318"
            metrics = "0.0.0.0:9464"
            sample = 0.25
            """);
        Assert.Equal(new TelemetryConfig { Otlp = new Uri("http://127.0.0.1:4318"), Metrics = new System.Net.IPEndPoint(0, 9464), Sample = 0.25 }, c.Telemetry);
        Assert.Equal(("press-7", Path.Combine(_folder, "state"), ProfileKind.SmallDevice), (c.Name, c.DataFolder, c.Profile));
        Assert.Equal(("0.0.0.0:1884", new Uri("mqtt://user:pass@broker:1885")), (c.BrokerListen, c.BrokerUrl));
        Assert.Equal(new Uri("https://collector/events"), c.UpstreamUrl);
        Assert.Equal(["a", "b"], c.UpstreamTopics);
    }

    [Fact]
    public void RetainedMessages_HaveBounds_OfTheEmbeddedBrokerOnly()
    {
        NodeConfig c = Read("[broker]\nmax-retained = 7\nmax-retained-size = \"3KiB\"\n");
        Assert.Equal((7, 3072L), (c.BrokerMaxRetained, c.BrokerMaxRetainedBytes));
        c = Read("[broker]\n");
        Assert.Equal((10_000, 64L << 20), (c.BrokerMaxRetained, c.BrokerMaxRetainedBytes));
        ConfigException e = Assert.Throws<ConfigException>(() => Read("[broker]\nurl = \"mqtt://h\"\nmax-retained = 7\n"));
        Assert.Equal(3, e.Line);
        Assert.Contains("embedded broker", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Outgoing_IsRead_AndTheRestStays()
    {
        OutgoingConfig c = Read("[http.outgoing]\nconnect-timeout = \"2s\"\nresponse-timeout = \"1min\"\nmax-connections = 3\nmax-body = \"10MiB\"\n").HttpOutgoing;
        Assert.Equal(new OutgoingConfig { ConnectTimeout = TimeSpan.FromSeconds(2), ResponseTimeout = TimeSpan.FromMinutes(1), MaxConnections = 3, MaxBody = 10 << 20 }, c);
        Assert.Equal(64, c.MaxRequests);
    }

    [Fact]
    public void Login_OfAnUpstream_IsInTheFile_InAnother_OrInTheEnvironment()
    {
        const string Upstream = "[upstream]\nurl = \"https://collector/\"\n";
        (string, string) Header(string more) => Read(Upstream + more).UpstreamLogin!.Header();
        Assert.Null(Read(Upstream).UpstreamLogin);
        Assert.Equal(("Bearer", "abc"), Header("token = \"abc\"\n"));
        Assert.Equal(("Basic", "QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), Header("user = \"Aladdin\"\npassword = \"open sesame\"\n")); // the example of RFC 7617
        Assert.Equal(("Basic", "QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), Read("[upstream]\nurl = \"https://Aladdin:open%20sesame@collector/\"\n").UpstreamLogin!.Header());
        string file = Path.Combine(_folder, "token");
        System.IO.File.WriteAllText(file, "first\n");
        UpstreamLogin login = Read(Upstream + "token = { file = \"token\" }\n").UpstreamLogin!;
        Assert.Equal(("Bearer", "first"), login.Header());
        System.IO.File.WriteAllText(file, "the second\n"); // renewed, and not fit
        Assert.DoesNotContain("second", Assert.Throws<IOException>(() => login.Header()).Message, StringComparison.Ordinal);
        System.IO.File.WriteAllText(file, "third");
        Assert.Equal(("Bearer", "third"), login.Header());
        Assert.Equal("*** and ***", login.Secret.Hidden.Mask("third and the second"));
        System.IO.File.Delete(file);
        Assert.Contains(file, Assert.Throws<IOException>(() => login.Header()).Message, StringComparison.Ordinal);
        Environment.SetEnvironmentVariable("MOTE_TEST_UPSTREAM_TOKEN", "of the environment");
        Assert.Equal(Convert.ToBase64String("u:of the environment"u8), Header("user = \"u\"\npassword = { env = \"MOTE_TEST_UPSTREAM_TOKEN\" }\n").Item2);
    }

    [Theory]
    [InlineData("token = \"geheim\"\nuser = \"u\"\npassword = \"p\"", 3, "has both")]
    [InlineData("user = \"u\"", 1, "`password` is missing")]
    [InlineData("password = \"geheim\"", 1, "`user` is missing")]
    [InlineData("user = \"a:b\"\npassword = \"geheim\"", 3, "no colon")]
    [InlineData("token = \"ge heim\"", 3, "one word of ASCII")]
    [InlineData("token = \"\"", 3, "is empty")]
    [InlineData("token = { file = \"nowhere\" }", 3, "there is no file")]
    [InlineData("token = { env = \"MOTE_TEST_NOT_SET\" }", 3, "the environment has no MOTE_TEST_NOT_SET")]
    [InlineData("token = { vault = \"x\" }", 3, "{ file = \"PATH\" }")]
    [InlineData("token = { credential = \"../x\" }", 3, "the name of a file")]
    public void Login_ThatCannotBe_IsNamedWithoutWhatItIs(string lines, int line, string why)
    {
        ConfigException e = Assert.Throws<ConfigException>(() => Read($"[upstream]\nurl = \"https://collector/\"\n{lines}\n"));
        Assert.Equal(line, e.Line);
        Assert.Contains(why, e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("heim", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Authority_OfRedis_IsAFile_AndForTlsOnly()
    {
        System.IO.File.WriteAllText(Path.Combine(_folder, "ca.pem"), "");
        Assert.Equal(Path.Combine(_folder, "ca.pem"), Read("[keyvalue]\nurl = \"rediss://store\"\nca = \"ca.pem\"\n").KeyValue!.Ca);
        Assert.Contains("rediss://", Assert.Throws<ConfigException>(() => Read("[keyvalue]\nurl = \"redis://store\"\nca = \"ca.pem\"\n")).Message, StringComparison.Ordinal);
        Assert.Contains("there is no file", Assert.Throws<ConfigException>(() => Read("[keyvalue]\nurl = \"rediss://store\"\nca = \"other.pem\"\n")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Nothing_IsTheDefaults()
    {
        var defaults = new NodeConfig { Name = "n", DataFolder = "/d" };
        NodeConfig c = Read("", defaults);
        Assert.Equal(defaults, c);
        Assert.Equal((null, null), (c.BrokerUrl, c.UpstreamUrl));
    }

    [Fact]
    public void Broker_WithTls_IsRead_AndItsFilesAreThere()
    {
        foreach (string name in (string[])["ca.pem", "node.pem", "node.key"]) System.IO.File.WriteAllText(Path.Combine(_folder, name), "");
        const string Tls = "ca = \"ca.pem\"\ncertificate = \"node.pem\"\nkey = \"node.key\"\nversion = \"3.1.1\"\n";
        var settings = new MqttSettings(true, new TlsFiles(Path.Combine(_folder, "ca.pem"), Path.Combine(_folder, "node.pem"), Path.Combine(_folder, "node.key")));
        NodeConfig c = Read($"[broker]\nurl = \"mqtts://broker\"\nstatus = \"nodes/press/status\"\n{Tls}[upstream]\nurl = \"mqtts://cloud:8884\"\ntopic-prefix = \"plant-7/\"\n{Tls}");
        Assert.Equal((new Uri("mqtts://broker"), settings, "nodes/press/status"), (c.BrokerUrl, c.BrokerMqtt, c.BrokerStatusTopic));
        Assert.Equal((new Uri("mqtts://cloud:8884"), new UpstreamBroker(settings, "plant-7/"), null), (c.UpstreamUrl, c.UpstreamBroker, c.UpstreamFiles));
    }

    [Theory]
    [InlineData("file:events.jsonl", "events.jsonl")]
    [InlineData("file:out/events.jsonl", "out/events.jsonl")]
    [InlineData("file:///var/lib/mote/events.jsonl", "/var/lib/mote/events.jsonl")]
    [InlineData("file:/var/lib/a%20b.jsonl", "/var/lib/a b.jsonl")]
    public void Upstream_ThatIsAFile_IsRead(string url, string path)
    {
        Assert.Equal(new UpstreamFiles(Path.Combine(_folder, path), 64 << 20, 1 << 30, false), Read($"[upstream]\nurl = \"{url}\"\n").UpstreamFiles);
        NodeConfig c = Read($"[upstream]\nurl = \"{url}\"\nfile-size = \"1MiB\"\ntotal-size = \"8MiB\"\nwhen-full = \"delete-oldest\"\n");
        Assert.Equal(("file", new UpstreamFiles(Path.Combine(_folder, path), 1 << 20, 8 << 20, true)), (c.UpstreamUrl!.Scheme, c.UpstreamFiles));
    }

    [Fact]
    public void Models_AreRead()
    {
        string a = Path.Combine(_folder, "a.onnx"), digest = new('7', 64);
        System.IO.File.WriteAllText(a, "");
        ModelsConfig m = Read($"[models]\none = \"a.onnx\"\n\"two words\" = {{ file = \"a.onnx\", digest = \"sha256:{digest}\" }}\n[inference]\nthreads = 2\nmemory = \"1GiB\"\n").Models;
        Assert.Equal([KeyValuePair.Create("one", new ModelConfig(a)), KeyValuePair.Create("two words", new ModelConfig(a, digest))], m.Files);
        Assert.Equal((2, 1L << 30), (m.Threads, m.MaxBytes));
        Assert.Equal((0, 1, 512L << 20), (Read("").Models.Files.Count, Read("").Models.Threads, Read("").Models.MaxBytes));
        m = Read("[models]\none = { file = \"a.onnx\", trusted = false }\n[inference]\nworker-memory = \"2GiB\"\n").Models;
        Assert.Equal((new ModelConfig(a, null, Trusted: false), 2L << 30, 1L << 30), (m.Files["one"], m.WorkerBytes, Read("").Models.WorkerBytes));
        Assert.Contains(":2: `digest` is \"sha256:\" and 64 digits", Assert.Throws<ConfigException>(() => Read("[models]\none = { file = \"a.onnx\", digest = \"sha256:12\" }\n")).Message);
    }

    [Fact]
    public void ModelsOfRegistries_AreRead()
    {
        string digest = new('7', 64);
        System.IO.File.WriteAllText(Path.Combine(_folder, "ca.pem"), "");
        NodeConfig c = Read($$"""
            [models]
            one = { oci = "registry.example.com/a/b@sha256:{{digest}}" }
            two = { oci = "registry.example.com/a/b:v1@sha256:{{digest}}", trusted = true }
            [registries]
            "10.0.0.5:5000" = { plain-http = true }
            "registry.example.com" = { ca = "ca.pem", user = "edge", password = "hunter2" }
            """);
        OciReference reference = OciReference.Parse($"registry.example.com/a/b@sha256:{digest}", out _)!;
        Assert.Equal([KeyValuePair.Create("one", new ArtifactModel(reference, false)), KeyValuePair.Create("two", new ArtifactModel(reference, true))], c.Models.Artifacts);
        Assert.Empty(c.Models.Files);
        Assert.True(c.Models.Has("one") && !c.Models.Has("three"));
        Assert.Equal((true, null, null), (c.Registries["10.0.0.5:5000"].PlainHttp, c.Registries["10.0.0.5:5000"].Ca, c.Registries["10.0.0.5:5000"].Login));
        Assert.Equal((null, Path.Combine(_folder, "ca.pem"), "edge"), (c.Registries["registry.example.com"].PlainHttp, c.Registries["registry.example.com"].Ca, c.Registries["registry.example.com"].Login!.User));
        Assert.Equal("the ***", c.Renewed.Aggregate("the hunter2", (text, s) => s.Mask(text)));
    }

    [Fact]
    public void KeyValueServer_IsRead()
    {
        Assert.Equal(new KeyValueConfig(new Uri("redis://:secret@store:6380/2")) { Timeout = TimeSpan.FromSeconds(1) }, Read("[keyvalue]\nurl = \"redis://:secret@store:6380/2\"\ntimeout = \"1s\"\n").KeyValue);
        Assert.Equal(TimeSpan.FromSeconds(5), Read("[keyvalue]\nurl = \"rediss://store\"\n").KeyValue!.Timeout);
        Assert.Null(Read("").KeyValue);
    }

    [Fact]
    public void Topics_EmptyList_IsNoTopic() => Assert.Empty(Read("[upstream]\ntopics = []\n").UpstreamTopics);

    [Theory]
    [InlineData("[http.outgoing]\nmax-connections = 0", 2, "`max-connections` must be from 1 to 10000, found 0")]
    [InlineData("[http]\n[http.outgoing]\nconnect-timeout = \"soon\"", 3, "must be a time like")]
    [InlineData("[http.outgoing]\nmax-body = \"much\"", 2, "must be a size like")]
    [InlineData("[http.outgoing]\nretries = 3", 2, "unknown key `retries` in [http.outgoing]")]
    [InlineData("[http]\noutgoing = true", 2, "`outgoing` must be a table")]
    [InlineData("[node]\nprofile = \"huge\"", 2, "\"auto\", \"server\" or \"small\"")]
    [InlineData("[node]\ncolour = 1", 2, "unknown key `colour` in [node]")]
    [InlineData("[broker]\nurl = \"http://broker\"", 2, "begins with mqtt://")]
    [InlineData("[broker]\nurl = \"broker:1883\"", 2, "begins with mqtt://")]
    [InlineData("[broker]\n\nlisten = \"1883\"", 3, "an address and a port like \"127.0.0.1:1883\"")]
    [InlineData("[broker]\nlisten = \"localhost:1883\"", 2, "an address and a port")]
    [InlineData("[upstream]\nurl = \"ftp://collector\"", 2, "http:// or https://")]
    [InlineData("[upstream]\ntopics = \"alerts\"", 2, "a list of strings")]
    [InlineData("[models]\nm = \"gone.onnx\"", 2, "`m`: there is no file")]
    [InlineData("[models]\nm = 3", 2, "`m` is a file, such as m = \"m.onnx\"")]
    [InlineData("[models]\nm = { digest = \"sha256:00\" }", 2, "`file` is missing")]
    [InlineData("[models]\nm = { oci = \"registry.example.com/a:v1\" }", 2, "`mote model add registry.example.com/a:v1` prints")]
    [InlineData("[models]\nm = { oci = \"a:v1\" }", 2, "begins with its registry")]
    [InlineData("[models]\nm = { oci = 3 }", 2, "`oci` must be a string")]
    [InlineData("[models]\nm = { oci = \"registry.example.com/a@sha256:7777777777777777777777777777777777777777777777777777777777777777\", file = \"a.onnx\" }", 2, "a file or an artifact")]
    [InlineData("[models]\nm = { oci = \"registry.example.com/a@sha256:7777777777777777777777777777777777777777777777777777777777777777\", digest = \"x\" }", 2, "leave `digest` out")]
    [InlineData("[models]\nm = { oci = \"registry.example.com/a@sha256:7777777777777777777777777777777777777777777777777777777777777777\", tag = \"x\" }", 2, "unknown key `tag`")]
    [InlineData("[registries]\n\"example\" = { }", 2, "a dot or a port")]
    [InlineData("[registries]\n\"a.example\" = 3", 2, "is a table")]
    [InlineData("[registries]\n\"a.example\" = { insecure = true }", 2, "unknown key `insecure`")]
    [InlineData("[registries]\n\"a.example\" = { user = \"x\" }", 2, "`password` is missing")]
    [InlineData("[registries]\n\"a.example\" = { ca = \"gone.pem\" }", 2, "there is no file")]
    [InlineData("[inference]\nthreads = 0", 2, "`threads` must be from 1 to 256")]
    [InlineData("[inference]\nworker-memory = \"1MiB\"", 2, "`worker-memory`")]
    [InlineData("[inference]\ngpu = true", 2, "unknown key `gpu` in [inference]")]
    [InlineData("[blobstore]\n", 1, "`url` is missing")]
    [InlineData("[blobstore]\nurl = \"s3://x\"", 2, "found \"s3://x\"")]
    [InlineData("[keyvalue]\n", 1, "`url` is missing")]
    [InlineData("[keyvalue]\nurl = \"http://store\"", 2, "redis:// or rediss://")]
    [InlineData("[keyvalue]\nurl = \"redis:\"", 2, "redis://")]
    [InlineData("[keyvalue]\nurl = \"redis://store/names\"", 2, "the number of a database")]
    [InlineData("[keyvalue]\nurl = \"redis://store\"\ntimeout = \"soon\"", 3, "must be a time like")]
    [InlineData("[broker]\nversion = \"4\"", 2, "`version` is \"5\" or \"3.1.1\", found \"4\"")]
    [InlineData("[broker]\nurl = \"mqtts://b\"\nca = \"none.pem\"", 3, "there is no file")]
    [InlineData("[broker]\nurl = \"mqtt://b\"\nca = \"node.toml\"", 1, "begins with mqtts://, found \"mqtt://\"")]
    [InlineData("[broker]\nca = \"node.toml\"", 1, "there is no `url`")]
    [InlineData("[broker]\nurl = \"mqtts://b\"\nkey = \"node.toml\"", 1, "come together")]
    [InlineData("[broker]\nstatus = \"s\"", 2, "`status` is for an external broker")]
    [InlineData("[broker]\nurl = \"mqtt://b\"\nstatus = \"a/#\"", 3, "found \"a/#\"")]
    [InlineData("[upstream]\nurl = \"http://c\"\ntopic-prefix = \"a/\"", 3, "unknown key `topic-prefix` in [upstream]")]
    [InlineData("[upstream]\nurl = \"mqtt://c\"\ntopic-prefix = \"a/#/\"", 3, "no +, no #")]
    [InlineData("[upstream]\nurl = \"mqtt://c\"\nfile-size = \"1MiB\"", 3, "unknown key `file-size` in [upstream]")]
    [InlineData("[upstream]\nurl = \"file://host/a\"", 2, "has no host")]
    [InlineData("[upstream]\nurl = \"file:\"", 2, "must be the path of a file")]
    [InlineData("[upstream]\nurl = \"file:out/\"", 2, "names a folder")]
    [InlineData("[upstream]\nurl = \"file:a\"\ntotal-size = \"100MiB\"", 1, "at least two files")]
    [InlineData("[upstream]\nurl = \"file:a\"\nwhen-full = \"panic\"", 3, "\"wait\" or \"delete-oldest\"")]
    [InlineData("[telemetry]\notlp = \"127.0.0.1:4318\"", 2, "http:// or https://")]
    [InlineData("[telemetry]\nmetrics = \"9464\"", 2, "an address and a port like \"127.0.0.1:9464\"")]
    [InlineData("[telemetry]\nsample = 1.5", 2, "from 0 to 1, found 1.5")]
    [InlineData("[telemetry]\nsample = nan", 2, "from 0 to 1")]
    [InlineData("[telemetry]\nsample = \"all\"", 2, "must be a number, found a string")]
    [InlineData("[telemetry]\ncolour = 1", 2, "unknown key `colour` in [telemetry]")]
    [InlineData("[uplink]\nurl = \"http://x\"", 1, "unknown key `uplink` in the node config")]
    [InlineData("[node]\nname = \"\"", 2, "name")]
    [InlineData("[node]\ndata = \"a\\u0000\"", 2, "data")]
    public void Fault_IsSaidAtItsLine(string text, int line, string says)
    {
        ConfigException e = Assert.Throws<ConfigException>(() => Read(text));
        Assert.StartsWith($"{File}:{line}: ", e.Message, StringComparison.Ordinal);
        Assert.Contains(says, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void File_ThatIsNotThere_SaysSo() =>
        Assert.Contains("cannot be read", Assert.Throws<ConfigException>(() => NodeConfig.Load(Path.Combine(_folder, "none.toml"), new NodeConfig())).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("0B", 0L)]
    [InlineData("1B", 1L)]
    [InlineData("16KiB", 16L << 10)]
    [InlineData("1.5MiB", 3L << 19)]
    [InlineData("2 GiB", 2L << 30)]
    [InlineData("1kB", 1000L)]
    [InlineData("1KB", 1000L)]
    [InlineData("3MB", 3_000_000L)]
    [InlineData("4GB", 4_000_000_000L)]
    [InlineData("", null)]
    [InlineData("MiB", null)]
    [InlineData("16", null)]
    [InlineData("1,5MiB", null)]
    [InlineData("-1B", null)]
    [InlineData("+1B", null)]
    [InlineData("1e3B", null)]
    [InlineData("NaNB", null)]
    [InlineData("16mib", null)]
    [InlineData("99999999999GiB", null)]
    public void TryBytes_ReadsSizes(string text, long? bytes) => Assert.Equal(bytes, Units.TryBytes(text));

    [Theory]
    [InlineData("50ms", 0.05)]
    [InlineData("1s", 1.0)]
    [InlineData("1.5 s", 1.5)]
    [InlineData("2m", 120.0)]
    [InlineData("2min", 120.0)]
    [InlineData("1h", 3600.0)]
    [InlineData("1d", 86400.0)]
    [InlineData("100us", 0.0001)]
    [InlineData("", null)]
    [InlineData("s", null)]
    [InlineData("10", null)]
    [InlineData("-1s", null)]
    [InlineData("Infinitys", null)]
    [InlineData("99999999999999d", null)]
    public void TryTime_ReadsTimes(string text, double? seconds) => Assert.Equal(seconds, Units.TryTime(text)?.TotalSeconds);

    [Theory]
    [InlineData(0, "0 B")]
    [InlineData(1023, "1023 B")]
    [InlineData(1024, "1 KiB")]
    [InlineData(1536, "1.5 KiB")]
    [InlineData(1L << 50, "1024 TiB")]
    public void ShowBytes_IsForPeople(long bytes, string text) => Assert.Equal(text, Units.ShowBytes(bytes));
}
