// wasi:config and wasi:logging as a guest meets them.
using Mote.Capabilities.Config;
using Mote.Capabilities.Logging;
using Mote.Components;
using Mote.Runtime;
using static Mote.Capabilities.Tests.Guest;

namespace Mote.Capabilities.Tests;

public sealed class ConfigAndLoggingTests
{
    private const string Config = "wasi:config/store@0.2.0-rc.1", Logging = "wasi:logging/logging@0.1.0-draft";

    [Theory]
    [InlineData("0.2.0-rc.1")]
    [InlineData("0.2.0-draft")]
    [InlineData("0.2.0-draft-2024-09-27")]
    public void Config_GivesTheComponentsVariables_InEachVersion(string version)
    {
        var grants = new Grants { Variables = new Dictionary<string, string> { ["window"] = "50", ["empty"] = "" } };
        using Guest g = Guest.Start(new CapabilitySet(new ConfigCapability()), App(grants), Forwarder.Of(t => t.Replace("0.2.0-rc.1", version, StringComparison.Ordinal), Config));
        Assert.Equal("ok(some(\"50\"))", Show(g.Call(Config, "get", S("window"))));
        Assert.Equal("ok(some(\"\"))", Show(g.Call(Config, "get", S("empty"))));
        Assert.Equal("ok(none)", Show(g.Call(Config, "get", S("PATH"))));
        Assert.Equal("ok(none)", Show(g.Call(Config, "get", S(""))));
        Assert.Equal("ok([(\"window\", \"50\"), (\"empty\", \"\")])", Show(g.Call(Config, "get-all")));
    }

    [Theory]
    [InlineData("wasi:logging/logging@0.1.0-draft")]
    [InlineData("wasi:logging/logging")]
    public void Log_GoesToTheComponentsLog_WithItsLevel(string name)
    {
        var lines = new List<string>();
        var app = new AppComponent("app", "guest", Grants.None, new MicroVmLimits()) { Log = (component, level, context, message) => lines.Add($"{component} {level} {context} {message}") };
        using Guest g = Guest.Start(new CapabilitySet(new LoggingCapability()), app, Forwarder.Of(t => t.Replace($"\"{Logging}\"", $"\"{name}\"", StringComparison.Ordinal), Logging));
        foreach (string level in (string[])["trace", "debug", "info", "warn", "error", "critical"]) g.Call(Logging, "log", new EnumValue(level), S("here"), S($"it is {level}"));
        Assert.Equal(["guest Trace here it is trace", "guest Debug here it is debug", "guest Info here it is info", "guest Warn here it is warn", "guest Error here it is error", "guest Critical here it is critical"], lines);
    }

    [Fact]
    public void Log_VeryLongMessage_IsCutAndSaysSo()
    {
        string message = "";
        var app = new AppComponent("app", "guest", Grants.None, new MicroVmLimits()) { Log = (_, _, _, m) => message = m };
        using Guest g = Guest.Start(new CapabilitySet(new LoggingCapability()), app, Logging);
        g.Call(Logging, "log", new EnumValue("info"), S(""), S(new string('x', 100_000)));
        Assert.InRange(message.Length, 16 * 1024, 17 * 1024);
        Assert.EndsWith("(100000 characters)", message, StringComparison.Ordinal);
    }
}
