// mote inspect and mote bindings: what a file says about itself, and what a world becomes.
using System.Text.Json;

namespace Mote.Cli.Tests;

public sealed class InspectTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Inspect_OfAnApp_SaysWhatEachComponentSees_CanSend_AndCanKeep()
    {
        _folder.Write("mote.toml", """
            mote = 1
            [app]
            name = "two"
            [[trigger.camera]]
            camera = "gate"
            component = "watch"
            size = "640x480"
            [[trigger.flow]]
            topic = "seen"
            component = "teller"
            [component.watch]
            source = "watch.wasm"
            [component.watch.grants]
            camera = ["gate"]
            publish = ["seen"]
            [component.watch.limits]
            egress = "4KiB/h"
            [component.teller]
            source = "teller.wasm"
            [component.teller.grants]
            keyvalue = ["default"]
            http = ["https://api.example.com"]
            """);
        string[] lines = MoteRun.Run("inspect", _folder.Path).Succeeded().TrimEnd().Split('\n');
        Assert.Equal(
        [
            "`watch` sees `gate`; what it can send: messages on `seen`, 4KiB/h at most; what it can keep: nothing; what it sends also goes to `teller`, with grants of its own",
            "`teller` sees no camera; what it can send: requests to `https://api.example.com`; what it can keep: key-value stores `default`",
        ],
        lines);
        using JsonDocument json = JsonDocument.Parse(MoteRun.Run("inspect", "--json", _folder.Path).Succeeded());
        Assert.Equal(lines, json.RootElement.GetProperty("privacy").EnumerateArray().Select(l => l.GetString()));
    }

    [Fact]
    public void Inspect_Component_ShowsItsExports()
    {
        string file = _folder.Wasm("functions.wasm", Guests.Functions);
        string text = MoteRun.Run("inspect", file).Succeeded();
        Assert.Contains($"{file}: a component of ", text);
        Assert.Contains("  add: func(a: u8, b: u8) -> u32", text);
        Assert.Contains("  test:cli/a@1.2.0", text);
        Assert.DoesNotContain("only-a", text);
        Assert.Contains("memory 64 KiB", text);
        Assert.Contains("it can run here", text);
        Assert.Contains("only-a: func() -> u32", MoteRun.Run("inspect", "--types", file).Succeeded());
    }

    [Fact]
    public void Inspect_Json_HasTheSame()
    {
        using JsonDocument json = JsonDocument.Parse(MoteRun.Run("inspect", "--json", _folder.Wasm("functions.wasm", Guests.Functions)).Succeeded());
        JsonElement root = json.RootElement;
        Assert.Equal("component", root.GetProperty("kind").GetString());
        Assert.Contains(root.GetProperty("exports").EnumerateArray(), e => e.GetProperty("name").GetString() == "add" && e.GetProperty("type").GetString() == "func(a: u8, b: u8) -> u32");
        Assert.Equal(65536, Assert.Single(root.GetProperty("modules").EnumerateArray()).GetProperty("memory_bytes").GetInt64());
        Assert.Empty(root.GetProperty("not_hosted").EnumerateArray());
        Assert.Equal(JsonValueKind.Null, root.GetProperty("problem").ValueKind);
    }

    [Fact]
    public void Inspect_ImportsThatAreNotHosted_EndsWith1AndMarksThem()
    {
        string file = _folder.Wasm("rocket.wasm", Guests.Unhosted);
        MoteResult r = MoteRun.Run("inspect", file);
        r.NoInternals();
        Assert.Equal(1, r.Code);
        Assert.Contains("acme:rocket/launch@2.0.0  (not hosted)", r.Out);
        Assert.Contains("it cannot run here", r.Out);
        using JsonDocument json = JsonDocument.Parse(MoteRun.Run("inspect", "--json", file).Out);
        Assert.Equal(["acme:rocket/launch@2.0.0", "acme:rocket/land@2.0.0"], json.RootElement.GetProperty("not_hosted").EnumerateArray().Select(e => e.GetString()));
    }

    [Fact]
    public void Inspect_Handler_NamesTheGrantsItWouldNeed()
    {
        string text = MoteRun.Run("inspect", System.IO.Path.Combine(MoteBinary.Sample, "filter.wasm")).Succeeded();
        Assert.Contains("keyvalue = [\"default\"]", text);
        Assert.Contains("publish = [\"TOPIC\"]", text);
    }

    [Fact]
    public void Inspect_NetworkImports_NameTheirGrants()
    {
        // Not the real types, so it cannot run; what it would need is told all the same.
        string file = _folder.Wasm("net.wasm", """
            (component
              (import "wasi:http/outgoing-handler@0.2.3" (instance (export "handle" (func))))
              (import "wasi:sockets/ip-name-lookup@0.2.0" (instance (export "resolve-addresses" (func)))))
            """);
        MoteResult r = MoteRun.Run("inspect", file);
        Assert.Equal(1, r.Code);
        Assert.Contains("http = [\"https://HOST\"]", r.Out);
        Assert.Contains("sockets = [\"tcp://HOST:PORT\"]", r.Out);
    }

    [Fact]
    public void Inspect_Program_ShowsItsImports()
    {
        string text = MoteRun.Run("inspect", _folder.Wasm("program.wasm", Guests.Program)).Succeeded();
        Assert.Contains("a core module of", text);
        Assert.Contains("wasi_snapshot_preview1.fd_write  (func)", text);
        Assert.Contains("it can run here, with `mote run`", text);
    }

    [Fact]
    public void Bindings_World_WritesHeaderAndSource()
    {
        string wit = _folder.Write("w.wit", "package my:guest;\nworld guest { export add: func(a: u32, b: u32) -> u32; import wasi:logging/logging@0.1.0-draft; }");
        string text = MoteRun.Run("bindings", "c", wit, "--out", _folder["out"]).Succeeded();
        Assert.Contains("my:guest/guest", text);
        Assert.Contains("exports_guest_add", File.ReadAllText(_folder["out/guest.h"]));
        Assert.Contains("#include \"guest.h\"", File.ReadAllText(_folder["out/guest.c"]));
    }

    [Theory]
    [InlineData("package my:guest;\nworld guest { export add: func(a: u33) -> u32; }", ":2:")]
    [InlineData("package my:guest;\nworld guest {", ":2:")]
    [InlineData("package my:guest;\nworld a {}\nworld b {}", "--world")]
    [InlineData("package my:guest;\n", "no worlds")]
    public void Bindings_BadWit_EndsWith65(string wit, string words)
    {
        string file = _folder.Write("w.wit", wit);
        string line = MoteRun.Run("bindings", "c", file, "--out", _folder["out"]).FailedWith(65);
        Assert.Contains(file, line);
        Assert.Contains(words, line);
        Assert.False(Directory.Exists(_folder["out"]));
    }

    [Fact]
    public void Bindings_NoSuchFile_EndsWith66() => MoteRun.Run("bindings", "c", _folder["none.wit"]).FailedWith(66);
}
