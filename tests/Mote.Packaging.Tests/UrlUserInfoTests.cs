// Passwords and tokens that stand in URLs: in no text that is written, and in no message about a file that has a mistake.
using Mote.Packaging.Toml;

namespace Mote.Packaging.Tests;

public sealed class UrlUserInfoTests
{
    [Theory]
    [InlineData("nothing here", "nothing here")]
    [InlineData("ask@example.com, or https://example.com/a?b@c", "ask@example.com, or https://example.com/a?b@c")]
    [InlineData("at mqtt://node:hunter2@broker:1883/x now", "at mqtt://***@broker:1883/x now")]
    [InlineData("nats://hunter2@a:4222,nats://u:hunter2@b:4222", "nats://***@a:4222,nats://***@b:4222")]
    [InlineData("\"redis://:hunter2@h/0\" and `rediss://hunter2@h`", "\"redis://***@h/0\" and `rediss://***@h`")]
    [InlineData("https://u:hun@ter2@[::1]:8443/events@1", "https://***@[::1]:8443/events@1")]
    [InlineData("mqtt://u:hun/ter2@h", "mqtt://***@h")]
    [InlineData("http://h:80/users/@me http://[::1]/@me", "http://h:80/users/@me http://[::1]/@me")]
    [InlineData("://@ ://", "://@ ://")]
    public void Text_WithURLs_HasNoUserInformation(string text, string masked)
    {
        Assert.Equal(masked, UrlUserInfo.Mask(text));
        Assert.Equal(masked, SecretValues.None.Mask(text));
    }

    [Theory]
    [InlineData("mqtt://broker:1883", "mqtt://broker:1883/")]
    [InlineData("mqtt://node:p%20w@broker:1883/a%20b", "mqtt://broker:1883/a b")]
    [InlineData("http://p%C3%A4ss@h/", "http://h/")]
    public void URL_IsShown_WithoutUserInformation_HoweverItIsEscaped(string url, string shown) => Assert.Equal(shown, UrlUserInfo.Show(new Uri(url)));

    [Theory]
    [InlineData("broker", "mqtx://node:hunter2@broker")]
    [InlineData("broker", "node:hunter2@broker")]
    [InlineData("broker", "mqtt://node:hunter2 hunter2@broker:port")]
    [InlineData("broker", "mqtt://node:hunter2/hunter2@broker")]
    [InlineData("broker", "mqtt://node:hunter2@\\\"broker")]
    [InlineData("upstream", "ftp://node:hunter2@host/")]
    [InlineData("upstream", "nats://node:hunter2@host/")]
    [InlineData("upstream", "https//hunter2@host")]
    [InlineData("keyvalue", "redis//:hunter2@host")]
    [InlineData("keyvalue", "redis://:hunter2@host/x")]
    [InlineData("keyvalue", "redis://:x@host/hunter2@host")]
    [InlineData("blobstore", "nats://hunter2@host")]
    [InlineData("nats", "http://hunter2@host")]
    [InlineData("nats", "nats://u:hunter2@host/path")]
    [InlineData("nats", "nats://hunter2/hunter2@host")]
    [InlineData("telemetry", "grpc://u:hunter2@host")]
    public void NodeConfig_WithAMistakeInAnAddress_SaysNothingOfThePassword(string table, string url)
    {
        string file = Path.Combine(Directory.CreateTempSubdirectory("mote-url-tests-").FullName, "node.toml");
        try
        {
            File.WriteAllText(file, $"[{table}]\n{(table == "telemetry" ? "otlp" : "url")} = \"{url}\"\n");
            var e = Assert.Throws<ConfigException>(() => NodeConfig.Load(file, new NodeConfig()));
            Assert.Contains("node.toml:2: ", e.Message);
            Assert.DoesNotContain("hunter2", e.ToString());
        }
        finally
        {
            Directory.Delete(Path.GetDirectoryName(file)!, recursive: true);
        }
    }

    [Fact]
    public void NodeConfig_KnowsThePasswordsAndTokensOfItsURLs()
    {
        NodeConfig config = new()
        {
            BrokerUrl = new Uri("mqtt://node:br%2Foker1@h"),
            UpstreamUrl = new Uri("https://upstream1@h"),
            KeyValue = new KeyValueConfig(new Uri("redis://keyvalue1@h")),
            Telemetry = new TelemetryConfig { Otlp = new Uri("http://node:telemetry1@h") },
            Nats = new Nats.NatsConfig([new Uri("nats://h")]) { Password = "nats 1" },
        };
        Assert.Equal("*** *** *** *** *** *** *** node", config.Secrets.Mask("br%2Foker1 br/oker1 upstream1 keyvalue1 telemetry1 nats 1 nats%201 node"));
        Assert.Equal("a text", new NodeConfig().Secrets.Mask("a text"));
    }
}
