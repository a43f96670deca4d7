// [component.NAME.build], alone and with the patterns of `watch`.
using Mote.Packaging.Toml;

namespace Mote.Packaging.Tests;

public sealed class BuildTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("mote-build-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private BuildPlan Load(string build)
    {
        File.WriteAllText(Path.Combine(_folder, "mote.toml"), $"mote = 1\n[app]\nname = \"a\"\n[component.c]\nsource = \"c.wasm\"\n{build}");
        return BuildPlan.Load(_folder);
    }

    [Fact]
    public void Load_OfAManifestThatCannotRunYet_HasItsBuilds()
    {
        BuildTarget c = Assert.Single(Load("[component.c.build]\ncommand = [\"one\", \"two\"]\nworkdir = \"w\"\nwatch = [\"src/**/*.c\"]\n[component.c.grants]\nfiles = [{ host = \"made-by-the-build\" }]\n[variables]\nv = { required = true }\n").Targets);
        Assert.Equal(("c", Path.Combine(_folder, "c.wasm"), "one && two", Path.Combine(_folder, "w"), 6), (c.Name, c.Source, c.Build!.Command, c.Build.Folder, c.Build.Line));
        Assert.Equal(["src/**/*.c"], c.Build.Watch);
    }

    [Fact]
    public void Load_WithoutABuild_HasNone() => Assert.Null(Assert.Single(Load("").Targets).Build);

    [Theory]
    [InlineData("command = \"\"", "one is empty")]
    [InlineData("command = []", "one is empty")]
    [InlineData("command = [\"a\", \" \"]", "one is empty")]
    [InlineData("command = 1", "must be a string")]
    [InlineData("workdir = \".\"", "`command` is missing")]
    [InlineData("command = \"a\"\nwatch = [\"/etc/**\"]", "a path from the build's folder")]
    [InlineData("command = \"a\"\nwatch = [\"../x\"]", "stays in the build's folder")]
    [InlineData("command = \"a\"\nwatch = [\"src/**.c\"]", "stands alone between slashes")]
    [InlineData("command = \"a\"\ncolour = 1", "unknown key `colour`")]
    public void Load_Wrong_IsAFault(string build, string words) =>
        Assert.Contains(words, Assert.Throws<ConfigException>(() => Load($"[component.c.build]\n{build}\n")).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("src/**/*.c", "src/a.c", true)]
    [InlineData("src/**/*.c", "src/x/y/a.c", true)]
    [InlineData("src/**/*.c", "src/a.h", false)]
    [InlineData("src/**/*.c", "a.c", false)]
    [InlineData("src/**", "src/x/y/a.h", true)]
    [InlineData("src/**", "src", false)]
    [InlineData("**/*.rs", "main.rs", true)]
    [InlineData("**", "any/where", true)]
    [InlineData("./a?c*.js", "abcd.js", true)]
    [InlineData("*.js", "x/a.js", false)]
    [InlineData("a*b*c", "aXbXbXc", true)]
    [InlineData("a*b*c", "aXbXbX", false)]
    [InlineData("package.json", "package.json", true)]
    [InlineData("package.json", "package-json", false)]
    public void Pattern_Matches(string pattern, string path, bool expected) => Assert.Equal(expected, new FilePattern(pattern).Matches(path));

    [Fact]
    public void Pattern_Hostile_TakesNoTime()
    {
        string pattern = string.Join('/', Enumerable.Repeat("**/*a*a*a*", 50)) + "/b";
        Assert.False(new FilePattern(pattern).Matches(string.Join('/', Enumerable.Repeat(new string('a', 50), 200))));
    }
}
