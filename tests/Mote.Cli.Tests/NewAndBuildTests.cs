// mote new and mote build: what they write, run and refuse; and the templates as a user has them, with nothing changed.
using System.Text.Json;

namespace Mote.Cli.Tests;

public sealed class NewAndBuildTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static readonly string[] s_templates = ["http-c", "http-js", "http-ts", "mqtt-c", "mqtt-js"];

    public static TheoryData<string> Templates => new(s_templates);

    [Fact]
    public void New_WithoutAName_ListsTheTemplates()
    {
        string text = MoteRun.Run("new").Succeeded();
        foreach (string t in s_templates) Assert.Contains($"  {t} ", text);
        using JsonDocument json = JsonDocument.Parse(MoteRun.Run("new", "--json").Succeeded());
        Assert.Equal(s_templates, json.RootElement.GetProperty("templates").EnumerateArray().Select(t => t.GetProperty("name").GetString()));
    }

    [Theory]
    [InlineData("-t http-c", "needs a name")]
    [InlineData("app", "http-c, http-js, http-ts, mqtt-c, mqtt-js")]
    [InlineData("-t http-cobol app", "there is no template `http-cobol`: http-c,")]
    [InlineData("-t mqtt-c App", "`App` is no app's name")]
    [InlineData("-t mqtt-c 1app", "`1app` is no app's name")]
    [InlineData("-t mqtt-c ../app", "`../app` is no app's name")]
    public void New_Wrong_EndsWith64AndWritesNothing(string arguments, string words)
    {
        Assert.Contains(words, MoteRun.RunIn(_folder.Path, ["new", .. arguments.Split(' ')]).FailedWith(64));
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void New_FolderThatIsNotEmpty_IsLeftAlone()
    {
        _folder.Write("mine.txt", "mine");
        Assert.Contains("is not empty", MoteRun.Run("new", "-t", "mqtt-c", "app", "--output", _folder.Path).FailedWith(65));
        Assert.Equal([_folder["mine.txt"]], Directory.EnumerateFileSystemEntries(_folder.Path));
        Assert.Contains("this is a file", MoteRun.Run("new", "-t", "mqtt-c", "app", "--output", _folder["mine.txt"]).FailedWith(65));
    }

    [Theory]
    [MemberData(nameof(Templates))]
    public void New_EveryTemplate_HasWhatAProjectNeedsAndNoWordLeftToFill(string template)
    {
        using JsonDocument json = JsonDocument.Parse(MoteRun.RunIn(_folder.Path, "new", "-t", template, "my-app", "--json").Succeeded());
        string folder = json.RootElement.GetProperty("folder").GetString()!;
        string[] files = [.. Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)];
        foreach (string name in (string[])[".gitignore", "README.md", "mote.toml", "wit/world.wit"]) Assert.Contains(Path.Combine(folder, name), files);
        foreach (string file in files) Assert.DoesNotMatch("PROJECT|EXTENSION|DISABLED", File.ReadAllText(file));
        // The bindings know every package of the world, from here and from deps/.
        MoteRun.Run("bindings", "c", Path.Combine(folder, "wit"), "--out", _folder["b"]).Succeeded();
        // Nothing is built yet, and that is what running it says.
        Assert.Contains("build it first", MoteRun.Run("up", folder, "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--duration", "1s").FailedWith(65));
    }

    private string Project(string build)
    {
        _folder.Write("mote.toml", $"mote = 1\n[app]\nname = \"app\"\n[component.one]\nsource = \"one.wasm\"\n{build}");
        return _folder.Path;
    }

    [Fact]
    public void Build_RunsTheCommandsInTheirFolder_AndShowsWhatTheyPrint()
    {
        Directory.CreateDirectory(_folder["work"]);
        MoteResult r = MoteRun.Run("build", Project("[component.one.build]\ncommand = [\"echo first; echo loud >&2\", \"pwd > ../one.wasm\"]\nworkdir = \"work\"\n[component.two]\nsource = \"two.wasm\"\n"));
        Assert.Equal("first\n", r.Succeeded());
        Assert.Contains("loud\n", r.Error);
        Assert.Contains("one: echo first; echo loud >&2\n", r.Error);
        Assert.Matches(@"one: built in \d+\.\d s\n", r.Error);
        Assert.Equal(_folder["work"] + "\n", File.ReadAllText(_folder["one.wasm"]));
    }

    [Fact]
    public void Build_Json_IsOneObjectAndNothingElse()
    {
        MoteResult r = MoteRun.Run("build", Project("[component.one.build]\ncommand = \"echo noise; echo xyz > one.wasm\"\n"), "--json");
        using JsonDocument json = JsonDocument.Parse(r.Succeeded());
        JsonElement one = Assert.Single(json.RootElement.GetProperty("components").EnumerateArray());
        Assert.True(json.RootElement.GetProperty("ok").GetBoolean());
        Assert.Equal(("one", 4L), (one.GetProperty("name").GetString(), one.GetProperty("bytes").GetInt64()));
        Assert.Contains("noise\n", r.Error);
    }

    [Theory]
    [InlineData("command = [\"exit 7\", \"touch one.wasm\"]", "`exit 7` ended with code 7")]
    [InlineData("command = \"no-such-program-here\"", "ended with code 127: a program that it names is not installed")]
    [InlineData("command = \"true\"", "there is no file")]
    [InlineData("command = \"true\"\nworkdir = \"none\"", "there is no folder")]
    public void Build_ThatFails_EndsWith1AtTheManifestsLine(string build, string words)
    {
        MoteResult r = MoteRun.Run("build", Project($"[component.one.build]\n{build}\n"), "--json");
        r.NoInternals();
        Assert.Equal(1, r.Code);
        Assert.Contains("mote.toml:6: component `one` was not built: ", r.Error);
        Assert.Contains(words, r.Error);
        Assert.False(File.Exists(_folder["one.wasm"]));
        using JsonDocument json = JsonDocument.Parse(r.Out);
        Assert.False(json.RootElement.GetProperty("ok").GetBoolean());
        Assert.Contains(words, json.RootElement.GetProperty("components")[0].GetProperty("error").GetString());
    }

    [Fact]
    public void Build_OneComponent_LeavesTheOthers()
    {
        string build = "[component.one.build]\ncommand = \"touch one.wasm\"\n[component.two]\nsource = \"two.wasm\"\n[component.two.build]\ncommand = \"touch two.wasm\"\n[component.three]\nsource = \"three.wasm\"\n";
        MoteRun.Run("build", Project(build), "--component", "two").Succeeded();
        Assert.False(File.Exists(_folder["one.wasm"]));
        Assert.True(File.Exists(_folder["two.wasm"]));
        Assert.Contains("there is no component `four`: it has `one`, `two`, `three`", MoteRun.Run("build", _folder.Path, "-c", "four").FailedWith(65));
        Assert.Contains("add [component.three.build]", MoteRun.Run("build", _folder.Path, "-c", "three").FailedWith(65));
    }

    [Fact]
    public void Build_NoManifest_SaysWhereItLooked() => Assert.Contains(_folder["mote.toml"], MoteRun.Run("build", _folder.Path).FailedWith(65));

    [Fact]
    public async Task MqttC_AsItIs_BuildsAndAnswers() => await BuildsAndAnswersMqtt("mqtt-c");

    private async Task BuildsAndAnswersMqtt(string template)
    {
        string folder = TemplateProject.Build(_folder, template);
        using MoteRun up = MoteRun.Start("up", folder, "--listen", "127.0.0.1:0", "--variable", "greeting=Moin");
        await using MqttTestClient client = await MqttTestClient.Connect(TemplateProject.Address(up.WaitFor("broker "), "mqtt"), "greetings");
        await client.Publish("hello/world", "hi");
        await client.Until(r => r.Contains("Moin, world! You said: hi"));
        up.Signal("TERM");
        up.End().Succeeded();
    }
}
