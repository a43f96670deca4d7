// Values of secret variables are nowhere in what the program writes, wherever they come from and whatever a guest does with them.
namespace Mote.Cli.Tests;

public sealed class SecretTests : IDisposable
{
    private const string Secret = "hunter2-\"quoted\"";

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private const string Manifest = """
        mote = 1
        [app]
        name = "test"
        [[trigger.mqtt]]
        topic = "plant/#"
        component = "sink"
        [component.sink]
        source = "sink.wasm"
        [component.sink.variables]
        token = "Bearer {{ token }}"
        [variables]
        token = { required = true, secret = true }
        """;

    private void App()
    {
        _folder.Wasm("sink.wasm", Guests.Indiscreet);
        _folder.Write("mote.toml", Manifest);
    }

    [Theory]
    [InlineData("--variable")]
    [InlineData("--variables")]
    [InlineData("environment")]
    [InlineData("credentials")]
    public void Up_GuestThatLogsItsSecret_NothingOfItIsWritten(string source)
    {
        App();
        string[] arguments = ["up", _folder.Path, "--listen", "127.0.0.1:0", "--json"];
        var environment = new Dictionary<string, string>();
        if (source == "--variable") arguments = [.. arguments, source, $"token={Secret}"];
        if (source == "--variables") arguments = [.. arguments, source, _folder.Write("values.toml", $"token = '{Secret}'\n")];
        if (source == "environment") environment["MOTE_VARIABLE_TOKEN"] = Secret;
        if (source == "credentials")
        {
            environment["CREDENTIALS_DIRECTORY"] = _folder.Path;
            _folder.Write("token", Secret + "\n");
        }

        using MoteRun up = MoteRun.StartWith(environment, arguments);
        string line = up.WaitFor("broker ");
        MoteRun.Run("simulate", "--broker", line[line.IndexOf("mqtt://", StringComparison.Ordinal)..].Split(' ')[0], "--rate", "100", "--duration", "300ms").Succeeded();
        up.WaitFor("answered with an error: Bearer ***");
        up.Signal("TERM");
        MoteResult r = up.End();
        r.Succeeded();
        Assert.Contains("info Bearer ***: Bearer ***", r.Error);
        Assert.DoesNotContain("hunter2", r.Out + r.Error);
        // What is on disk: the compiled code, the database, the lock.
        foreach (string file in Directory.EnumerateFiles(Path.Combine(_folder.Path, ".mote"), "*", SearchOption.AllDirectories)) Assert.DoesNotContain("hunter2", File.ReadAllText(file));
    }

    [Fact]
    public void Up_FilesAndOptionsWithAMistake_SayNothingOfTheValue()
    {
        App();
        string line = MoteRun.Run("up", _folder.Path, "--variables", _folder.Write("values.toml", "x = \"1\"\ntoken = hunter2\n")).FailedWith(65);
        Assert.Contains("values.toml:2: ", line);
        Assert.DoesNotContain("hunter2", line);
        MoteResult r = MoteRun.Run("up", _folder.Path, "--variable", "hunter2");
        Assert.Equal(64, r.Code);
        Assert.DoesNotContain("hunter2", r.Out + r.Error);
    }

    [Fact]
    public void Up_SecretWithoutAValue_SaysHowToGiveOne()
    {
        App();
        string line = MoteRun.Run("up", _folder.Path).FailedWith(65);
        Assert.Contains("mote.toml:12: variable `token` is required", line);
        Assert.Contains("MOTE_VARIABLE_TOKEN", line);
    }

    [Fact]
    public void Up_AddressesWithPasswords_AreShownWithoutThem_AndByDoctorToo()
    {
        App();
        _folder.Write("node.toml", """
            [broker]
            listen = "127.0.0.1:0"
            [upstream]
            url = "mqtt://node:hunter%202@127.0.0.1:9"
            topics = ["alerts"]
            [nats]
            url = "nats://hunter%202@127.0.0.1:9"
            [keyvalue]
            url = "redis://:hunter%202@127.0.0.1:9"
            [telemetry]
            otlp = "http://node:hunter%202@127.0.0.1:9"
            """);
        using MoteRun up = MoteRun.Start("up", _folder.Path, "--variable", "token=x1234567");
        up.WaitFor("  telemetry http://127.0.0.1:9/");
        up.WaitFor("  upstream  alerts -> 127.0.0.1:9");
        up.WaitFor("NATS at 127.0.0.1:9");
        MoteResult doctor = MoteRun.Run("doctor", _folder.Path);
        Assert.Contains("upstream         mqtt://127.0.0.1:9", doctor.Out);
        MoteResult json = MoteRun.Run("apps", _folder.Path, "--json");
        json.Succeeded();
        up.Signal("TERM");
        MoteResult r = up.End();
        r.Succeeded();
        Assert.DoesNotContain("hunter", $"{r.Out}{r.Error}{doctor.Out}{doctor.Error}{json.Out}{json.Error}");
    }

    [Theory]
    [InlineData(64, "up", "--broker", "mqtx://node:hunter2@broker")]
    [InlineData(64, "up", "--broker", "node:hunter2@broker")]
    [InlineData(64, "up", "--upstream", "nats://hunter2@host")]
    [InlineData(64, "up", ".", "mqtt://node:hunter2@broker")]
    [InlineData(64, "simulate", "mqtt://node:hunter2@broker")]
    [InlineData(69, "simulate", "--broker", "mqtt://node:hunter2@127.0.0.1:9")]
    [InlineData(66, "inspect", "https://node:hunter2@host/filter.wasm")]
    [InlineData(65, "doctor", "https://node:hunter2@host/app")]
    public void Command_GivenAnAddressThatItCannotUse_SaysNothingOfThePassword(int code, params string[] arguments)
    {
        MoteResult r = MoteRun.Run(arguments);
        Assert.True(r.Code == code, $"{r.Code}: {r.Error}");
        Assert.DoesNotContain("hunter2", r.Out + r.Error);
    }
}
