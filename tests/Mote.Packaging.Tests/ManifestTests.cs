// Every field of mote.toml, and every fault with its line and what to do.
using Mote.Packaging.Toml;
using Mote.Runtime;

namespace Mote.Packaging.Tests;

public sealed class ManifestTests : IDisposable
{
    internal const string Small = """
        mote = 1
        [app]
        name = "app"
        [[trigger.mqtt]]
        topic = "t"
        component = "c"
        [component.c]
        source = "c.wasm"
        """;

    private readonly Manifests _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public void Everything_IsRead()
    {
        AppManifest app = _files.Read(Manifests.Everything, ("secret", "s3cret"), ("level", "debug"));
        Assert.Equal((_files.File, "press-line", "1.4.0"), (app.File, app.Name, app.Version));
        Assert.Equal([("plant/+/vibration", "filter", 1), ("plant/#", "archive", 0)], app.MqttTriggers.Select(t => (t.Topic, t.Component, t.Qos)));
        Assert.Equal(["filter", "archive"], app.Components.Select(c => c.Name));
        ComponentManifest filter = app.Component("filter"), archive = app.Component("archive");
        Assert.Equal(Path.Combine(_files.Folder, "filter.wasm"), filter.Source);
        Assert.Equal(Path.GetFullPath(Path.Combine(_files.Folder, "..", "archive.wasm")), archive.Source);
        Assert.Equal(new InstancePolicy { Pooled = true, MaxIdle = 8, Idle = TimeSpan.FromMinutes(1) }, filter.Instance);
        Assert.Equal(new InstancePolicy { Pooled = false, MaxIdle = 4 }, archive.Instance);
        Assert.Equal(["default", "other"], filter.Grants.KeyValue);
        Assert.Equal(["alerts"], filter.Grants.Publish);
        Assert.Equal([new("window", "50"), new("text", "a 50 b s3cret")], filter.Grants.Variables);
        Assert.Equal([new("LEVEL", "debug")], filter.Grants.Environment);
        Assert.Equal(new MicroVmLimits { MemoryBytes = 16 << 20, Time = TimeSpan.FromMilliseconds(250), Handles = 500 }, filter.Limits);
        Assert.Equal((8, 100), (filter.Concurrency, filter.Queue));
        Assert.Equal(("make", Path.Combine(_files.Folder, "src")), (filter.Build!.Command, filter.Build.Folder));
        Assert.Equal(FloatMode.Fast, filter.Floats);
        Assert.Equal(16, filter.Line);
        // What is not said.
        Assert.Equal(FloatMode.Deterministic, archive.Floats);
        Assert.Equal((1, 1024, null), (archive.Concurrency, archive.Queue, archive.Build));
        Assert.Equal(new MicroVmLimits(), archive.Limits);
        Assert.Empty(archive.Grants.KeyValue);
        Assert.Empty(archive.Grants.Publish);
        Assert.Empty(archive.Grants.Variables);
        Assert.Empty(archive.Grants.Environment);
    }

    [Fact]
    public void Files_AreFoldersThatExist_RelativeToTheManifest()
    {
        Directory.CreateDirectory(Path.Combine(_files.Folder, "assets", "deep"));
        AppManifest app = _files.Read(Small + $$"""

            [component.c.grants]
            files = [
              { host = "assets" },
              { host = "assets/deep", guest = "/a/b", write = true },
              { host = "{{Path.GetTempPath()}}", guest = "/tmp", write = false },
            ]
            """);
        string assets = Path.Combine(_files.Folder, "assets");
        Assert.Equal([new(assets, "/", false), new(Path.Combine(assets, "deep"), "/a/b", true), new(Path.GetTempPath(), "/tmp", false)], app.Component("c").Grants.Files);
        Assert.Empty(_files.Read(Small).Component("c").Grants.Files);
    }

    [Theory]
    [InlineData("{ host = \"nowhere\" }", "there is no folder")]
    [InlineData("{ host = \"mote.toml\" }", "this is no folder")]
    [InlineData("{ host = \"\" }", "must be the path of a file or folder")]
    [InlineData("{ guest = \"/\" }", "`host` is missing: add host = \"assets\"")]
    [InlineData("{ host = \".\", guest = \"\" }", "it is empty")]
    [InlineData("{ host = \".\", guest = \"a\" }", "begins with a slash")]
    [InlineData("{ host = \".\", guest = \"/a/../b\" }", "no . or ..")]
    [InlineData("{ host = \".\", guest = \"/a/\" }", "ends without a slash")]
    [InlineData("{ host = \".\", guest = \"//a\" }", "one slash")]
    [InlineData("{ host = \".\", guest = \"/\\u0000\" }", "NUL")]
    [InlineData("{ host = \".\", write = \"yes\" }", "`write` must be true or false, found a string")]
    [InlineData("{ host = \".\", mode = \"rw\" }", "unknown key `mode` in `files`: it knows `guest`, `host`, `write`")]
    [InlineData("{ host = \".\" }, { host = \"/\", guest = \"/\" }", "two folders are at \"/\"")]
    [InlineData("\"assets\"", "found a string in it")]
    public void Files_WithAFault_SaySoAtTheirLine(string entry, string says) =>
        Assert.Contains(says, _files.Fault(Small + $"\n[component.c.grants]\nfiles = [\n  {entry},\n]\n", entry), StringComparison.Ordinal);

    [Fact]
    public void Files_ThatAreNoList_SayHowTheyAreWritten() =>
        Assert.Contains("files = [{ host = ", _files.Fault(Small + "\n[component.c.grants]\nfiles = \"assets\"\n", "files = "), StringComparison.Ordinal);

    [Theory]
    [InlineData("[component.c]\nfiles = [\"data\", { source = \"assets\", destination = \"/\" }]\n")]
    [InlineData("[component.c.files]\n\"/data\" = \"data\"\n\"/\" = \"./assets/\"\n")]
    public void AppFiles_AreReadOnlyFoldersOfTheApp(string files)
    {
        foreach (string folder in (string[])["data", "assets"]) Directory.CreateDirectory(Path.Combine(_files.Folder, folder));
        string text = files.StartsWith("[component.c]\n", StringComparison.Ordinal) ? Small.Replace("[component.c]\n", files) : $"{Small}\n{files}";
        Assert.Equal([new(Path.Combine(_files.Folder, "data"), "/data", false), new(Path.Combine(_files.Folder, "assets"), "/", false)], _files.Read(text).Component("c").Grants.Files);
    }

    [Theory]
    [InlineData("\"/\" = \"nowhere\"", "there is no folder")]
    [InlineData("\"/\" = \"mote.toml\"", "this is no folder")]
    [InlineData("\"/\" = \"../other\"", "below its folder")]
    [InlineData("\"/\" = \"/etc\"", "grant it with files = [{ host = \"/etc\", guest = \"/\" }] under grants")]
    [InlineData("\"/\" = \"\"", "the path of a folder is needed")]
    [InlineData("\"a\" = \".\"", "begins with a slash")]
    [InlineData("\"/a/..\" = \".\"", "the destination has no . or ..")]
    [InlineData("\"/\" = 1", "`files` is a list like")]
    public void AppFiles_WithAFault_SaySoAtTheirLine(string line, string says) =>
        Assert.Contains(says, _files.Fault($"{Small}\n[component.c.files]\n{line}\n", line), StringComparison.Ordinal);

    [Fact]
    public void AppFiles_WhereAGrantIs_AreRefused() =>
        Assert.Contains("two folders are at \"/\"", _files.Fault($"{Small}\n[component.c.grants]\nfiles = [{{ host = \".\" }}]\n[component.c.files]\n\"/\" = \".\"\n", "\"/\" = "), StringComparison.Ordinal);

    [Theory]
    [InlineData("", "a/b/c", "a/b/c")]
    [InlineData("key = \"topic\"", "a/b/c", "a/b/c")]
    [InlineData("key = \"level:1\"", "a/b/c", "a")]
    [InlineData("key = \"level:3\"", "a/b/c", "c")]
    [InlineData("key = \"level:4\"", "a/b/c", "")]
    [InlineData("key = \"level:2\"", "a//c", "")]
    [InlineData("key = \"level:2\"", "a.b.c", "b")]
    [InlineData("key = \"level:2\"", "a.b/c.d", "c.d")]
    [InlineData("key = \"none\"", "a/b", null)]
    public void Key_IsATopicAPartOfItOrNothing(string line, string topic, string? key)
    {
        AppManifest app = _files.Read($"{Small}\n[[trigger.mqtt]]\ntopic = \"t\"\ncomponent = \"c\"\n{line}\n[[trigger.flow]]\ntopic = \"f\"\ncomponent = \"c\"\n{line}\n[[trigger.messaging]]\nsubject = \"s\"\ncomponent = \"c\"\n{line}\n");
        foreach (MessageKey k in (MessageKey[])[app.MqttTriggers[^1].Key, app.FlowTriggers[^1].Key, app.MessagingTriggers[^1].Key])
        {
            Assert.Equal(key is null, k.IsNone);
            if (key is not null) Assert.Equal(key, k.Of(topic).ToString());
        }
    }

    [Theory]
    [InlineData("\"level:0\"")]
    [InlineData("\"level:\"")]
    [InlineData("\"level: 1\"")]
    [InlineData("\"level:129\"")]
    [InlineData("\"Topic\"")]
    [InlineData("\"\"")]
    public void Key_OfAnotherForm_IsToldAtItsLine(string value) =>
        Assert.Contains("`key` is \"topic\", \"level:N\" (the Nth part of the topic, from 1) or \"none\", found " + value, _files.Fault($"{Small}\n[[trigger.flow]]\ntopic = \"f\"\ncomponent = \"c\"\nkey = {value}\n", "key = "), StringComparison.Ordinal);

    [Fact]
    public void Static_IsAFolderInPlaceOfAComponent()
    {
        Directory.CreateDirectory(Path.Combine(_files.Folder, "assets"));
        HttpTriggerManifest t = Assert.Single(_files.Read(Small + "\n[[trigger.http]]\nroute = \"/static/...\"\nstatic = \"assets\"\ncache = \"1h\"\n").HttpTriggers);
        Assert.Equal(("/static/...", new StaticFolder(Path.Combine(_files.Folder, "assets"), TimeSpan.FromHours(1))), (t.Route, t.Static));
    }

    [Theory]
    [InlineData("route = \"/a/...\"\nstatic = \"nowhere\"", "static = ", "there is no folder")]
    [InlineData("route = \"/a/...\"\nstatic = \"mote.toml\"", "static = ", "this is no folder")]
    [InlineData("route = \"/b\"\nstatic = \".\"", "/b", "a route that ends with /...")]
    [InlineData("route = \"/a/...\"\nstatic = \".\"\ncomponent = \"c\" # both", "# both", "and this one has both")]
    [InlineData("route = \"/a/...\"\nstatic = \".\"\ncache = \"soon\"", "cache = ", "must be a time")]
    [InlineData("route = \"/a/...\"\nstatic = \".\"\nconcurrency = 2", "concurrency = ", "unknown key `concurrency`")]
    public void Static_WithAFault_SaysSoAtItsLine(string trigger, string at, string says) =>
        Assert.Contains(says, _files.Fault($"{Small}\n[[trigger.http]]\n{trigger}\n", at), StringComparison.Ordinal);

    [Fact]
    public void Fault_ThatQuotesASecret_DoesNotShowIt()
    {
        string fault = _files.Fault(Small + "\n[component.c.grants]\nhttp = [\"{{ v }}\"]\n[variables]\nv = { secret = true }\n", "http = ", ("v", "hunter2 is no URL"));
        Assert.DoesNotContain("hunter2", fault, StringComparison.Ordinal);
        Assert.Contains("***", fault, StringComparison.Ordinal);
    }

    [Fact]
    public void Network_IsRead_AndVariablesMayStandInIt()
    {
        Grants grants = _files.Read(Small + """

            [component.c.grants]
            http = ["https://api.example.com", "http://{{ host }}:8080"]
            sockets = ["tcp://db.local:5432", "udp://10.0.0.0/8:514", "tcp-listen://127.0.0.1:0"]
            [variables]
            host = { default = "*.plant.local" }
            """).Component("c").Grants;
        Assert.Equal(["https://api.example.com", "http://*.plant.local:8080"], grants.Http.Select(g => g.ToString()));
        Assert.Equal(["tcp://db.local:5432", "udp://10.0.0.0/8:514", "tcp-listen://127.0.0.1:0"], grants.Sockets.Select(g => g.ToString()));
    }

    [Theory]
    [InlineData("http", "\"example.com\"", "`http`: `example.com` begins with none of http://, https://: write it as in \"https://api.example.com\"")]
    [InlineData("http", "\"https://example.com/v1\"", "a grant has no path")]
    [InlineData("http", "7", "`http` is a list of strings, found an integer in it")]
    [InlineData("http", "\"http://{{ nobody }}\"", "names no variable")]
    [InlineData("sockets", "\"tcp://db.local\"", "`sockets`: `tcp://db.local` names no port")]
    [InlineData("sockets", "\"tcp://0x7f000001:80\"", "neither a host name nor an address of four decimal numbers")]
    public void Network_Fault_IsToldAtItsLine(string key, string entry, string says) =>
        Assert.Contains(says, _files.Fault(Small + $"\n[component.c.grants]\n{key} = [\n  {(key == "http" ? "\"http://a\"" : "\"tcp://a:1\"")},\n  {entry},\n]\n", entry), StringComparison.Ordinal);

    [Fact]
    public void Network_TooManyEntries_AreRefused()
    {
        string many = string.Join(",\n", Enumerable.Range(0, 257).Select(i => $"\"http://h{i}\""));
        Assert.Equal("`http` has at most 256 entries", _files.Fault(Small + $"\n[component.c.grants]\nhttp = [\n{many}\n]\n", "http://h256"));
    }

    [Fact]
    public void Smallest_IsEnough()
    {
        AppManifest app = _files.Read(Small);
        Assert.Equal(("app", "0.0.0"), (app.Name, app.Version));
    }

    [Fact]
    public void File_IsFoundByItsFolderOrItsName_OrSaysWhatIsWanted()
    {
        _files.Read(Small);
        Assert.Equal("app", AppManifest.Load(_files.File, _ => null).Name);
        ConfigException e = Assert.Throws<ConfigException>(() => AppManifest.Load(Path.Combine(_files.Folder, "nowhere"), _ => null));
        Assert.Contains("mote.toml", e.Message, StringComparison.Ordinal);
    }

    // ---- variables ----

    [Fact]
    public void Variable_WithADefault_AndAValueOfTheOperator_TakesTheValue()
    {
        const string Text = Small + "\n[component.c.variables]\na = \"{{ v }}\"\n[variables]\nv = { default = \"1\", required = true, secret = true }\n";
        Assert.Equal("2", _files.Read(Text, ("v", "2")).Component("c").Grants.Variables["a"]);
        Assert.Equal("1", _files.Read(Text).Component("c").Grants.Variables["a"]);
        Assert.Equal("", _files.Read(Text, ("v", "")).Component("c").Grants.Variables["a"]);
    }

    [Fact]
    public void Variable_Required_WithoutAValue_SaysHowToGiveOne()
    {
        string fault = _files.Fault(Small + "\n[variables]\napi-key = { required = true }\n", "api-key");
        Assert.Contains("--variable api-key=", fault, StringComparison.Ordinal);
        Assert.Contains("MOTE_VARIABLE_API_KEY", fault, StringComparison.Ordinal);
    }

    [Fact]
    public void Variable_UsedWithoutAValue_SaysHowToGiveOne() =>
        Assert.Contains("--variable v=", _files.Fault(Small + "\n[component.c.variables]\na = \"{{ v }}\"\n[variables]\nv = {}\n", "a = "), StringComparison.Ordinal);

    [Fact]
    public void Variable_ThatIsNotDeclared_IsNamed() =>
        Assert.Equal("`{{ v }}` names no variable: add it under [variables]", _files.Fault(Small + "\n[component.c.environment]\na = \"x{{v}}\"\n", "a = "));

    [Fact]
    public void Variable_ValueWithBraces_IsNotExpandedAgain() =>
        Assert.Equal("{{ v }}", _files.Read(Small + "\n[component.c.variables]\na = \"{{ v }}\"\n[variables]\nv = {}\n", ("v", "{{ v }}")).Component("c").Grants.Variables["a"]);

    // ---- unknown keys ----

    [Theory]
    [InlineData("mote = 1", "mote = 1\ncolour = 1", "colour", "the manifest")]
    [InlineData("[app]", "[app]\ncolour = 1", "colour", "[app]")]
    [InlineData("[[trigger.mqtt]]", "[[trigger.mqtt]]\ncolour = 1", "colour", "[[trigger.mqtt]]")]
    [InlineData("[[trigger.mqtt]]", "[trigger]\ncolour = 1\n[[trigger.mqtt]]", "colour", "[trigger]")]
    [InlineData("instance = \"pooled\"", "colour = 1", "colour", "[component.filter]")]
    [InlineData("command = \"make\"", "command = \"make\"\ncolour = 1", "colour", "build]")]
    [InlineData("publish = [", "colour = 1\npublish = [", "colour", "[component.filter.grants]")]
    [InlineData("queue = 100", "quueue = 100", "quueue", "[component.filter.limits]")]
    [InlineData("{ default = \"50\" }", "{ default = \"50\", colour = 1 }", "colour", "variable `window`")]
    public void UnknownKey_IsNamedWithItsPlaceAndTheOnesThatAreKnown(string from, string to, string key, string where)
    {
        int at = Manifests.Everything.IndexOf(from, StringComparison.Ordinal);
        string fault = _files.Fault(Manifests.Everything.Remove(at, from.Length).Insert(at, to), key, ("secret", "s3cret!"));
        Assert.Contains($"unknown key `{key}`", fault, StringComparison.Ordinal);
        Assert.Contains(where, fault, StringComparison.Ordinal);
        Assert.Contains("it knows `", fault, StringComparison.Ordinal);
    }

    // ---- wrong types and bad values ----

    [Theory]
    [InlineData("mote = 1", "mote = 2", "from 1 to 1")]
    [InlineData("mote = 1", "mote = \"1\"", "must be an integer, found a string")]
    [InlineData("name = \"press-line\"", "name = 5", "must be a string, found an integer")]
    [InlineData("name = \"press-line\"", "name = \"Press Line\"", "lowercase")]
    [InlineData("name = \"press-line\"", "name = \"press-line\\n\"", "lowercase")]
    [InlineData("name = \"press-line\"", "name = \"\"", "lowercase")]
    [InlineData("version = \"1.4.0\"", "version = 1.4", "must be a string, found a number")]
    [InlineData("topic = \"plant/+/vibration\"", "topic = \"\"", "at least one character")]
    [InlineData("topic = \"plant/+/vibration\"", "topic = \"plant/#/x\"", "# stands alone at the end")]
    [InlineData("topic = \"plant/+/vibration\"", "topic = \"plant/a+\"", "+ stands alone between slashes")]
    [InlineData("topic = \"plant/+/vibration\"", "topic = \"a#\"", "# stands alone at the end")]
    [InlineData("topic = \"plant/+/vibration\"", "topic = \"$share/g\"", "$share/GROUP/FILTER")]
    [InlineData("topic = \"plant/+/vibration\"", "topic = \"$share//a\"", "$share/GROUP/FILTER")]
    [InlineData("topic = \"plant/+/vibration\"", "topic = \"$share/g+/a\"", "$share/GROUP/FILTER")]
    [InlineData("topic = \"plant/+/vibration\"", "topic = \"$share/g/a#\"", "# stands alone at the end")]
    [InlineData("topic = \"plant/+/vibration\"", "topic = \"a\\u0000b\"", "NUL")]
    [InlineData("component = \"filter\"", "component = \"fliter\"", "it has `filter`, `archive`")]
    [InlineData("qos = 0", "qos = 3", "from 0 to 2")]
    [InlineData("qos = 0", "qos = true", "must be an integer, found true or false")]
    [InlineData("source = \"filter.wasm\"", "source = { oci = \"registry/path:tag\" }", "not supported yet")]
    [InlineData("source = \"filter.wasm\"", "source = [\"filter.wasm\"]", "must be a string, found a list")]
    [InlineData("source = \"filter.wasm\"", "source = \"\"", "source")]
    [InlineData("source = \"filter.wasm\"", "source = \"a\\u0000b\"", "source")]
    [InlineData("instance = \"pooled\"", "instance = \"warm\"", "\"per-event\" or \"pooled\", found \"warm\"")]
    [InlineData("floats = \"fast\"", "floats = \"exact\"", "\"deterministic\" or \"fast\", found \"exact\"")]
    [InlineData("floats = \"fast\"", "floats = true", "must be a string, found true or false")]
    [InlineData("command = \"make\"", "command = 1", "must be a string")]
    [InlineData("workdir = \"src\"", "workdir = \"\\u0000\"", "workdir")]
    [InlineData("keyvalue = [\"default\", \"other\"]", "blobstore = \"default\"", "must be a list of strings, found a string")]
    [InlineData("keyvalue = [\"default\", \"other\"]", "keyvalue = \"default\"", "must be a list of strings, found a string")]
    [InlineData("keyvalue = [\"default\", \"other\"]", "keyvalue = [\"default\", 7]", "found an integer in it")]
    [InlineData("publish = [\"alerts\"]", "publish = [\"alerts/#\"]", "has a wildcard")]
    [InlineData("publish = [\"alerts\"]", "publish = [\"\"]", "topic")]
    [InlineData("publish = [\"alerts\"]", "camera = \"line-1\"", "must be a list of strings")]
    [InlineData("memory = \"16MiB\"", "memory = 16", "must be a string, found an integer")]
    [InlineData("memory = \"16MiB\"", "memory = \"16\"", "must be a size like \"16MiB\", found \"16\"")]
    [InlineData("memory = \"16MiB\"", "memory = \"-1MiB\"", "must be a size")]
    [InlineData("memory = \"16MiB\"", "memory = \"1KiB\"", "from 64 KiB to 4 GiB")]
    [InlineData("memory = \"16MiB\"", "memory = \"5GiB\"", "from 64 KiB to 4 GiB")]
    [InlineData("memory = \"16MiB\"", "memory = \"99999999999999999999GiB\"", "size")]
    [InlineData("time = \"250ms\"", "time = \"soon\"", "must be a time like \"50ms\"")]
    [InlineData("time = \"250ms\"", "time = \"0s\"", "more than zero")]
    [InlineData("time = \"250ms\"", "time = \"2d\"", "at most")]
    [InlineData("time = \"250ms\"", "time = \"1e9s\"", "must be a time")]
    [InlineData("concurrency = 8", "concurrency = 0", "from 1 to 1024")]
    [InlineData("concurrency = 8", "concurrency = 99999999999999999999", "")]
    [InlineData("queue = 100", "queue = 0", "from 1 to 1000000")]
    [InlineData("handles = 500", "handles = 1", "from 16 to")]
    [InlineData("handles = 500", "egress = \"64KiB\"", "a size in a time like \"64KiB/h\"")]
    [InlineData("handles = 500", "egress = \"lots/h\"", "found \"lots/h\"")]
    [InlineData("handles = 500", "egress = \"1KiB/0s\"", "found \"1KiB/0s\"")]
    [InlineData("LEVEL = \"{{ level }}\"", "LEVEL = 3", "must be a string")]
    [InlineData("secret = { required = true, secret = true }", "secret = \"x\"", "must be a table, found a string")]
    [InlineData("secret = { required = true, secret = true }", "secret = { required = \"yes\" }", "must be true or false, found a string")]
    [InlineData("secret = { required = true, secret = true }", "secret = { default = 5 }", "must be a string, found an integer")]
    [InlineData("version = \"1.4.0\"", "version = 1979-05-27", "write a string")]
    [InlineData("version = \"1.4.0\"", "name = \"again\"", "")]
    [InlineData("version = \"1.4.0\"", "version = ", "")]
    [InlineData("version = \"1.4.0\"", "version = \"1.4.0", "")]
    [InlineData("[component.archive]", "[component.Archive]", "lowercase")]
    [InlineData("[component.archive]", "[component.archive", "")]
    public void BadValue_IsSaidAtItsLine_WithWhatIsAllowed(string from, string to, string says)
    {
        int at = Manifests.Everything.IndexOf(from, StringComparison.Ordinal);
        Assert.True(at >= 0);
        string fault = _files.Fault(Manifests.Everything.Remove(at, from.Length).Insert(at, to), to, ("secret", "s3cret!"));
        Assert.Contains(says, fault, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("mote = 1", "`mote` is missing: begin the file with mote = 1")]
    [InlineData("name = \"app\"", "`name` is missing: add name = \"my-app\"")]
    [InlineData("topic = \"t\"", "`topic` is missing: add topic = ")]
    [InlineData("component = \"c\"", "`component` is missing: add component = \"NAME\"")]
    [InlineData("source = \"c.wasm\"", "`source` is missing: add source = \"filter.wasm\"")]
    public void MissingKey_SaysWhatToAdd(string line, string says)
    {
        ConfigException e = Assert.Throws<ConfigException>(() => _files.Read(Small.Replace(line, "", StringComparison.Ordinal)));
        Assert.StartsWith(says, e.Reason, StringComparison.Ordinal);
        Assert.True(e.Line > 0);
    }

    [Theory]
    [InlineData("mote = 1", "`[app]` is missing: add [app] with name = ")]
    [InlineData("mote = 1\n[app]\nname = \"a\"", "there is no component: add [component.NAME] with source = ")]
    [InlineData("mote = 1\n[app]\nname = \"a\"\n[component.c]\nsource = \"c.wasm\"", "there is no trigger: add [[trigger.http]] with route = ")]
    public void MissingTable_SaysWhatToAdd(string text, string says) =>
        Assert.StartsWith(says, Assert.Throws<ConfigException>(() => _files.Read(text)).Reason, StringComparison.Ordinal);

    [Fact]
    public void Table_WhereAListIsWanted_SaysSo() =>
        Assert.Contains("must be a list of tables, found a table", _files.Fault(Small.Replace("[[trigger.mqtt]]", "[trigger.mqtt]", StringComparison.Ordinal), "[trigger.mqtt]"), StringComparison.Ordinal);

    [Fact]
    public void Text_NestedWithoutEnd_IsAFaultAndNotTheEndOfTheProcess()
    {
        foreach (string open in (string[])["[", "{a=", "[{a="])
        {
            string text = $"mote = 1\nx = {string.Concat(Enumerable.Repeat(open, 100_000))}";
            Assert.Throws<ConfigException>(() => _files.Read(text));
        }

        Assert.Throws<ConfigException>(() => _files.Read("mote = 1\n" + string.Join('.', Enumerable.Repeat("a", 100_000)) + " = 1\n"));
    }

    [Fact]
    public void Bytes_ThatAreNoText_AreAFault()
    {
        _files.Read(Small);
        foreach (byte[] bytes in (byte[][])[[], [0], [0xff, 0xfe], [0xef, 0xbb, 0xbf], new byte[1000]])
        {
            File.WriteAllBytes(_files.File, bytes);
            Assert.Throws<ConfigException>(() => AppManifest.Load(_files.Folder, _ => null));
        }
    }

    // ---- random texts ----

    [Fact]
    public void Truncated_Anywhere_IsReadOrIsAFault()
    {
        for (int length = 0; length < Manifests.Everything.Length; length++) ReadOrFault(Manifests.Everything[..length], $"the first {length} characters");
    }

    [Fact]
    public void Mutated_AtRandom_IsReadOrIsAFault()
    {
        int seed = Seeds.Of(1);
        var random = new Random(seed);
        string[] lines = Manifests.Everything.Split('\n');
        const string Odd = "\"'[]{}=.,#\\\n\r\t\0+-_ 0123456789eExXmMtT\u00e9\ud83d\ude00\uffff";
        for (int i = 0; i < Seeds.Times(3_000, 300_000); i++)
        {
            var text = new System.Text.StringBuilder(Manifests.Everything);
            for (int change = random.Next(1, 4); change > 0; change--)
            {
                int at = random.Next(text.Length);
                switch (random.Next(6))
                {
                    case 0:
                        text[at] = Odd[random.Next(Odd.Length)];
                        break;
                    case 1:
                        text.Insert(at, Odd[random.Next(Odd.Length)]);
                        break;
                    case 2:
                        text.Remove(at, Math.Min(random.Next(1, 20), text.Length - at));
                        break;
                    case 3:
                        text.Insert(at, lines[random.Next(lines.Length)]);
                        break;
                    case 4:
                        string piece = text.ToString(at, Math.Min(random.Next(1, 40), text.Length - at));
                        text.Insert(random.Next(text.Length), piece);
                        break;
                    default:
                        text.Replace(lines[random.Next(lines.Length)] + "\n", "\n");
                        break;
                }

                if (text.Length == 0) text.Append('x');
            }

            ReadOrFault(text.ToString(), $"MOTE_SEED={seed}, try {i}");
        }
    }

    private void ReadOrFault(string text, string which)
    {
        try
        {
            _files.Read(text, ("secret", "s3cret!"));
        }
        catch (ConfigException e)
        {
            Assert.True(e.Line >= 1, $"{which}: the fault has no line: {e.Message}");
            Assert.StartsWith(_files.File, e.Message, StringComparison.Ordinal);
            Assert.True(e.Line <= text.Split('\n').Length + 1, $"{which}: line {e.Line} is not there");
        }
        catch (Exception e) when (e is not Xunit.Sdk.IAssertionException)
        {
            Assert.Fail($"{which}: {e.GetType().Name}: {e.Message}\n{text}");
        }
    }
}
