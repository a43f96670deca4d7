// The generated text of one of everything, compared with what is in the repository.
namespace Mote.Components.Generator.Tests;

/// <summary>MOTE_UPDATE_SNAPSHOTS=1 writes the files instead; look at the difference before committing it.</summary>
public sealed class SnapshotTests
{
    private const string Kitchen = """
        using Mote.Components;
        namespace Test.Kitchen;
        [WitHost("test:kitchen/types@1.2.0")] public partial interface ITypes;
        [WitHost("test:kitchen/things@1.2.0")] public partial interface IThings;
        [WitHost("test:kitchen/kitchen@1.2.0")] internal partial interface IKitchen;
        [WitGuest("test:kitchen/api@1.2.0")] public sealed partial class Api;
        [WitGuest("test:kitchen/kitchen@1.2.0")] internal sealed partial class Kitchen;
        """;

    [Fact]
    public void Generate_KitchenSink_IsAsCommittedAndCompiles()
    {
        Generation run = Generation.Run(Kitchen, Repository.Wit("kitchen"));

        Assert.Empty(run.Diagnostics);
        Assert.Equal(
            ["Test.Kitchen.Api.g.cs", "Test.Kitchen.IKitchen.g.cs", "Test.Kitchen.IThings.g.cs", "Test.Kitchen.ITypes.g.cs", "Test.Kitchen.Kitchen.g.cs"],
            run.Sources.Select(s => s.File).Order(StringComparer.Ordinal));
        foreach ((string file, string text) in run.Sources) Compare(file + ".txt", text);
        Assert.Empty(run.Faults);
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
