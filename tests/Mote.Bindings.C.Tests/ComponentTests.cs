// Bindings of every world we have become a valid component: each name and each core signature is what the encoder
// expects. Linked without leaving out what is not used, so that all imports are seen.
using Mote.Components;
using Mote.Wit;

namespace Mote.Bindings.C.Tests;

public sealed class ComponentTests
{
    private static string Wit => Path.Combine(Repository.Root, "wit");

    public static TheoryData<string, string> Worlds
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (string package in Directory.EnumerateDirectories(Wit).Order(StringComparer.Ordinal))
            {
                string name = Path.GetFileName(package);
                foreach (WitWorld w in Repository.Resolve(Wit).Packages.SelectMany(p => p.Worlds).Where(w => IsOf(w, package))) data.Add(name, w.QualifiedName);
            }

            return data;
        }
    }

    /// <summary>A folder of wit/ has one package.</summary>
    private static bool IsOf(WitWorld world, string folder) =>
        Directory.EnumerateFiles(folder, "*.wit").Any(f => File.ReadLines(f).Any(l => l == $"package {world.Package!.Name};"));

    [Theory]
    [MemberData(nameof(Worlds))]
    public void Bindings_OfHostedWorld_FitTheEncoder(string package, string world) => Build(package, Path.Combine(Wit, package), Repository.Resolve(Wit).FindWorld(world)!, "--deps", Wit);

    [Fact]
    public void Bindings_OfKitchenSink_FitTheEncoder()
    {
        string wit = Path.Combine(Repository.Tests, "wit", "kitchen");
        Build("kitchen", wit, Repository.Resolve(wit).FindWorld("kitchen")!);
    }

    private static void Build(string package, string wit, WitWorld world, params string[] options)
    {
        string folder = Repository.Scratch($"stub-{package}-{world.Name}");
        (string headerName, string header, _, _) = CBindings.Generate(world, new CBindingsOptions());
        string stub = Path.Combine(folder, "stub.c");
        File.WriteAllText(stub, StubGuest.Write(headerName, header));
        using CompiledComponent component = GuestBuilder.Build($"stub-{package}-{world.Name}", wit, world, stub, [.. options, "-Wl,--no-gc-sections"]);
        Assert.NotNull(component);
    }
}
