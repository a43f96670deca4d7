// The repository's own WIT files.
namespace Mote.Wit.Tests;

public sealed class RepositoryFilesTests
{
    [Fact]
    public void Hosted_Interfaces_ResolveTogether()
    {
        WitResolve resolve = WitResolver.Resolve(Repository.Hosted);

        string[] names = [.. resolve.Packages.Select(p => $"{p.Name.Namespace}:{p.Name.Name}")];
        Assert.Contains("wasi:io", names);
        Assert.Contains("wasi:filesystem", names);
        Assert.Contains("wasi:keyvalue", names);
        Assert.All(resolve.Packages, p => Assert.NotEmpty(p.Interfaces));
        WitInterface streams = resolve.Packages.Single(p => p.Name.Name == "io").Interfaces.Single(i => i.Name == "streams");
        WitFunction read = streams.Functions.Single(f => f.ExternName == "[method]input-stream.blocking-read");
        Assert.Equal("result<list<u8>, stream-error>", read.Result!.ToString());
        Assert.Equal(["self: borrow<input-stream>", "len: u64"], read.Parameters.Select(p => $"{p.Name}: {p.Type}"));
    }

    [Fact]
    public void Hosted_WrittenAgain_ResolveToTheSame()
    {
        string first = WitText.Of(WitResolver.Resolve(Repository.Hosted));
        string second = WitText.Of(WitResolver.Resolve([("again.wit", first)]));

        Assert.Equal(first, second);
        Assert.True(first.Length > 10_000);
    }

    [Fact]
    public void EveryFolderOfWit_Parses()
    {
        int folders = 0;
        foreach (IGrouping<string, (string Path, string Text)> folder in Repository.All.Where(f => !f.Path.Contains("/deps/")).GroupBy(f => Path.GetDirectoryName(f.Path)!))
        {
            List<(string, string)> deps = [.. Repository.All.Where(f => f.Path.StartsWith(folder.Key + "/deps/", StringComparison.Ordinal))];
            WitResolve resolve = WitResolver.Resolve([.. folder, .. deps], library: Repository.Hosted);
            string once = WitText.Of(resolve);
            Assert.Equal(once, WitText.Of(WitResolver.Resolve([("again.wit", once)])));
            folders++;
        }

        Assert.True(folders >= 10, $"{folders} folders");
    }
}
