// Every command says how it is used, and a wrong command line says what is wrong.
using System.Text.Json;

namespace Mote.Cli.Tests;

public sealed class HelpTests
{
    public static TheoryData<string> Commands => ["new", "build", "up", "watch", "apps", "ledger", "run", "call", "inspect", "bindings", "bindings c", "bindings wit", "simulate", "collect", "demo", "score", "look", "doctor", "clips list", "clips export", "clips remove"];

    [Theory]
    [MemberData(nameof(Commands))]
    public void Help_OfACommand_ShowsItsUsage(string command)
    {
        string text = MoteRun.Run([.. command.Split(' '), "--help"]).Succeeded();
        Assert.Contains("Usage:", text);
        Assert.Contains($"mote {command}", text);
    }

    [Fact]
    public void Help_WithoutArguments_NamesEveryCommand()
    {
        string text = MoteRun.Run().Succeeded();
        foreach (string command in Commands.Select(c => c.Data)) Assert.Contains($"  {command.Split(' ')[0]}", text);
    }

    [Fact]
    public void Version_IsANumber() => Assert.Matches(@"^\d+\.\d+\.\d+", MoteRun.Run("--version").Succeeded());

    [Theory]
    [InlineData("fly", "`mote --help`")]
    [InlineData("run", "`mote run --help`")]
    [InlineData("call", "`mote call --help`")]
    [InlineData("call x.wasm", "`mote call --help`")]
    [InlineData("inspect x.wasm --colour", "`mote inspect --help`")]
    [InlineData("call x.wasm f() --time 3", "--time must be a time")]
    [InlineData("call x.wasm f() --time -3s", "--time must be a time")]
    [InlineData("run x.wasm --memory 1", "--memory must be a size")]
    [InlineData("run x.wasm --memory 100TiB", "--memory must be a size")]
    [InlineData("run x.wasm --env KEY", "--env must be KEY=VALUE")]
    [InlineData("score .", "what is to be scored: --csv FILE, or --healthy FILE and --faulty FILE")]
    [InlineData("simulate --rate fast", "--rate must be a number from 0.001 to 10000000, found `fast`")]
    [InlineData("simulate --rate -1", "--rate must be a number from")]
    [InlineData("simulate --machines 0", "--machines must be a number from")]
    [InlineData("simulate --machines 1.5", "--machines must be a number from")]
    [InlineData("simulate --rate NaN", "--rate must be a number from")]
    [InlineData("simulate --rate 1,5", "--rate must be a number from")]
    [InlineData("simulate --seed x", "--seed must be a number from")]
    [InlineData("demo --seed 99999999999", "--seed must be a number from")]
    [InlineData("simulate --broker http://x", "--broker must be a URL that begins with mqtt://")]
    [InlineData("up --upstream x", "--upstream must be a URL")]
    [InlineData("collect --listen nowhere", "--listen must be an address and a port")]
    public void CommandLine_Wrong_EndsWith64(string arguments, string words)
    {
        MoteResult r = MoteRun.Run(arguments.Split(' '));
        r.NoInternals();
        Assert.Equal(64, r.Code);
        Assert.StartsWith("mote: ", r.Error);
        Assert.Contains(words, r.Error);
        Assert.Empty(r.Out);
    }

    [Fact]
    public void Doctor_HereAndNow_FindsEverythingThatIsNeeded()
    {
        string text = MoteRun.Run("doctor").Succeeded();
        foreach (string part in (string[])["machine", "libwasmtime", "profile", "self-test", "cache"]) Assert.Matches($"ok +{part}", text);
    }

    [Fact]
    public void Doctor_Json_IsOneObject()
    {
        using JsonDocument json = JsonDocument.Parse(MoteRun.Run("doctor", "--json").Succeeded());
        Assert.Equal(JsonValueKind.Object, json.RootElement.ValueKind);
    }
}
