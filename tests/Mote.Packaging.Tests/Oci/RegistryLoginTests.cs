// Who one is to a registry, by Docker's config.json in the forms that docker, oras and podman write; and challenges.
using System.Text;
using Mote.Packaging.Oci;

namespace Mote.Packaging.Tests.Oci;

public sealed class RegistryLoginTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("mote-login-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private RegistryLogin? Find(string config, string reference = "registry.example.com:5000/team/m:v1")
    {
        File.WriteAllText(Path.Combine(_folder, "config.json"), config);
        return RegistryLogin.Find(OciReference.Parse(reference, out _)!, null, name => name == "DOCKER_CONFIG" ? _folder : null);
    }

    private static string Auth(string user, string password) => $$"""{"auth":"{{Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{password}"))}}"}""";

    [Theory]
    [InlineData("registry.example.com:5000")]
    [InlineData("https://registry.example.com:5000")]
    [InlineData("https://registry.example.com:5000/v2/")]
    [InlineData("registry.example.com:5000/team")]
    [InlineData("registry.example.com:5000/team/m")]
    public void Auths_EntryOfTheRegistry_IsFound(string key)
    {
        RegistryLogin login = Find($$$"""{"auths":{"other.example.com":{{{Auth("x", "y")}}},"{{{key}}}":{{{Auth("edge", "pass:word")}}} } }""")!;
        Assert.Equal(("edge", "pass:word"), (login.User, login.Secret));
        Assert.DoesNotContain("pass", login.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Auths_LongestPathThatFits_IsTaken_AndNoOther()
    {
        string config = $$$"""{"auths":{"registry.example.com:5000":{{{Auth("a", "1")}}},"registry.example.com:5000/team":{{{Auth("b", "2")}}},"registry.example.com:5000/tea":{{{Auth("c", "3")}}} } }""";
        Assert.Equal("b", Find(config)!.User);
        Assert.Equal("a", Find(config, "registry.example.com:5000/teams/m:v1")!.User);
        Assert.Null(Find(config, "registry.example.com/team/m:v1"));
        Assert.Null(Find(config, "registry.example.com:500/team/m:v1"));
    }

    [Fact]
    public void IdentityToken_IsOneThatOthersAreGotWith()
    {
        RegistryLogin login = Find("""{"auths":{"registry.example.com:5000":{"auth":"","identitytoken":"refresh"}}}""")!;
        Assert.Equal((null, "refresh", true), (login.User, login.Secret, login.IsRefreshToken));
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"auths":{}}""")]
    [InlineData("""{"auths":{"registry.example.com:5000":{}}}""")]
    [InlineData("""{"credHelpers":{"other.example.com":"x"}}""")]
    [InlineData("[]")]
    public void NothingForIt_IsNobody(string config) => Assert.Null(Find(config));

    [Theory]
    [InlineData("""{"auths":{"registry.example.com:5000":{"auth":"hunter2 is no base64"}}}""")]
    [InlineData("""{"auths":{"registry.example.com:5000":{"auth":"aHVudGVyMg=="}}}""")]
    [InlineData("hunter2")]
    [InlineData("""{"credsStore":"../hunter2"}""")]
    public void Damaged_IsSaid_WithNothingOfIt(string config)
    {
        string said = Assert.Throws<OciException>(() => Find(config)).Message;
        Assert.Contains("config.json is not as `docker login` writes it", said, StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", said, StringComparison.Ordinal);
    }

    [Fact]
    public void Helper_ThatIsNotThere_IsSaid() =>
        Assert.Contains("docker-credential-mote-none-such", Assert.Throws<OciException>(() => Find("""{"credHelpers":{"registry.example.com:5000":"mote-none-such"}}""")).Message, StringComparison.Ordinal);

    [Fact]
    public void Helper_IsAsked()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "the helper of this test is a shell script");
        string helper = Path.Combine(_folder, "docker-credential-mote-test");
        File.WriteAllText(helper, "#!/bin/sh\nread -r host\necho noise >&2\nprintf '{\"ServerURL\":\"%s\",\"Username\":\"edge\",\"Secret\":\"of %s\"}' \"$host\" \"$host\"\n");
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(helper, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        string? path = Environment.GetEnvironmentVariable("PATH");
        Environment.SetEnvironmentVariable("PATH", $"{_folder}:{path}");
        try
        {
            RegistryLogin login = Find("""{"credsStore":"mote-test"}""")!;
            Assert.Equal(("edge", "of registry.example.com:5000"), (login.User, login.Secret));
        }
        finally
        {
            Environment.SetEnvironmentVariable("PATH", path);
        }
    }

    [Fact]
    public void Challenge_OfSeveralSchemes_IsRead()
    {
        IReadOnlyList<Challenge> all = Challenge.Parse("""Basic realm="a, \"b\"", Bearer realm="https://auth.example.com/token?x=1",service = "s", scope="repository:a/b:pull,push" , Negotiate""");
        Assert.Equal(["basic", "bearer", "negotiate"], all.Select(c => c.Scheme));
        Assert.Equal("a, \"b\"", all[0].Parameters["realm"]);
        Assert.Equal(("https://auth.example.com/token?x=1", "s", "repository:a/b:pull,push"), (all[1].Parameters["realm"], all[1].Parameters["service"], all[1].Parameters["scope"]));
    }

    [Theory]
    [InlineData("")]
    [InlineData(",,,")]
    [InlineData("=\"x")]
    [InlineData("\"")]
    public void Challenge_ThatIsNone_IsNone(string header) => Assert.Empty(Challenge.Parse(header));
}
