// Where values of variables come from, which of them decides, and that secrets stay out of messages.
using Mote.Packaging.Toml;

namespace Mote.Packaging.Tests;

public sealed class VariableValuesTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("mote-variables-").FullName;
    private readonly Dictionary<string, string> _environment = [];

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string Write(string name, string text)
    {
        string path = Path.Combine(_folder, name);
        File.WriteAllText(path, text);
        return path;
    }

    private VariableValues Values((string Name, string Value)[] given, params string[] files) =>
        new(given.Select(g => KeyValuePair.Create(g.Name, g.Value)), files, _environment.GetValueOrDefault);

    [Fact]
    public void Find_ValueEverywhere_FirstSourceDecides()
    {
        string credentials = Directory.CreateDirectory(Path.Combine(_folder, "credentials")).FullName;
        _environment["CREDENTIALS_DIRECTORY"] = credentials;
        File.WriteAllText(Path.Combine(credentials, "api-key"), "of credentials\n");
        Assert.Equal("of credentials", Values([]).Find("api-key"));
        _environment["MOTE_VARIABLE_API_KEY"] = "of the environment";
        Assert.Equal("of the environment", Values([]).Find("api-key"));
        string first = Write("a.toml", "api-key = \"of a file\"\n"), second = Write("b.toml", "api-key = \"of the second file\"\n");
        Assert.Equal("of a file", Values([], first).Find("api-key"));
        Assert.Equal("of the second file", Values([], first, second).Find("api-key"));
        Assert.Equal("of the command line", Values([("api-key", "of the command line")], first, second).Find("api-key"));
        Assert.Null(Values([], first).Find("other"));
    }

    [Theory]
    [InlineData("line", "line")]
    [InlineData("line\n", "line")]
    [InlineData("line\r\n", "line")]
    [InlineData("two\nlines\n\n", "two\nlines\n")]
    [InlineData("", "")]
    public void Credential_LosesOneNewline(string content, string expected)
    {
        _environment["CREDENTIALS_DIRECTORY"] = _folder;
        Write("key", content);
        Assert.Equal(expected, Values([]).Find("key"));
    }

    [Fact]
    public void Credential_NotText_IsAFault()
    {
        _environment["CREDENTIALS_DIRECTORY"] = _folder;
        File.WriteAllBytes(Path.Combine(_folder, "key"), [0xff, 0xfe, 0x41]);
        Assert.Contains("is not text in UTF-8", Assert.Throws<ConfigException>(() => Values([]).Find("key")).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a = \"one\"\nb = hunter2\n", 2)]
    [InlineData("a = \"hunter2\nb = 1\n", 1)]
    [InlineData("a = [\"hunter2\"]\n", 1)]
    [InlineData("a = { hunter2 = \"x\" }\n", 1)]
    public void File_WithAFault_NamesTheLineAndNothingOfItsText(string text, int line)
    {
        string file = Write("v.toml", text);
        ConfigException e = Assert.Throws<ConfigException>(() => Values([], file));
        Assert.StartsWith($"{file}:{line}: ", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void File_NumbersAndFlags_AreText()
    {
        VariableValues v = Values([], Write("v.toml", "n = 50\nb = true\n"));
        Assert.Equal(("50", "true"), (v.Find("n"), v.Find("b")));
    }

    [Theory]
    [InlineData("token: s3cr3t!", "token: ***")]
    [InlineData("s3cr3t!s3cr3t!", "******")]
    [InlineData("s3cr3t", "s3cr3t")]
    [InlineData("nothing here", "nothing here")]
    [InlineData("GET /?key=a%22b%20c%2Fd", "GET /?key=***")]
    [InlineData("{\"key\":\"a\\\"b c/d\"}", "{\"key\":\"***\"}")]
    [InlineData("second line of it", "*** of it")]
    [InlineData("a } of JSON", "a } of JSON")]
    public void Mask_TakesSecretsOut(string line, string expected) =>
        Assert.Equal(expected, new SecretValues(["s3cr3t!", "a\"b c/d", "first line\nsecond line\n}", ""]).Mask(line));

    [Fact]
    public void Mask_SecretWithinAnother_LeavesNothingOfTheLonger() => Assert.Equal("*** and ***", new SecretValues(["abc", "abcdef"]).Mask("abcdef and abc"));

    [Fact]
    public void Manifest_SecretsAreKnown_AndNotShown()
    {
        using var files = new Manifests();
        AppManifest app = files.Read(ManifestTests.Small + "\n[component.c.variables]\na = \"{{ v }}\"\n[variables]\nv = { secret = true, required = true }\nw = { default = \"shown\" }\n", [("v", "hunter2")]);
        Assert.Equal("*** shown", app.Secrets.Mask("hunter2 shown"));
        Assert.DoesNotContain("hunter2", app.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", app.Component("c").ToString(), StringComparison.Ordinal);
    }
}
