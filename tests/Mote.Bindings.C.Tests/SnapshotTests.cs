// The generated text of one of everything, compared with what is in the repository.
using Mote.Wit;

namespace Mote.Bindings.C.Tests;

/// <summary>MOTE_UPDATE_SNAPSHOTS=1 writes the files instead; look at the difference before committing it.</summary>
public sealed class SnapshotTests
{
    [Fact]
    public void Generate_KitchenSink_IsAsCommitted()
    {
        WitWorld world = Repository.Resolve(Path.Combine(Repository.Tests, "wit", "kitchen")).FindWorld("kitchen")!;
        (string headerName, string header, string sourceName, string source) = CBindings.Generate(world, new CBindingsOptions());
        Compare(headerName, header);
        Compare(sourceName, source);
    }

    private static void Compare(string name, string actual)
    {
        string file = Path.Combine(Repository.Tests, "snapshots", name);
        if (Environment.GetEnvironmentVariable("MOTE_UPDATE_SNAPSHOTS") == "1")
        {
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            File.WriteAllText(file, actual);
        }

        Assert.Equal(File.ReadAllText(file), actual);
    }
}
