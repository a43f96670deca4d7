// Generated code compiles without a warning, for every world we have.
using Mote.Wit;

namespace Mote.Bindings.C.Tests;

public sealed class CompileTests
{
    private static string Wit => Path.Combine(Repository.Root, "wit");

    private static string Kitchen => Path.Combine(Repository.Tests, "wit", "kitchen");

    public static TheoryData<string> Worlds => [.. Repository.Resolve(Wit).Packages.SelectMany(p => p.Worlds).Select(w => w.QualifiedName)];

    [Theory]
    [MemberData(nameof(Worlds))]
    public void Generate_HostedWorld_Compiles(string world) => Compile(Repository.Resolve(Wit).FindWorld(world)!);

    [Fact]
    public void Generate_KitchenSink_Compiles() => Compile(Repository.Resolve(Kitchen).FindWorld("kitchen")!);

    [Fact]
    public void Generate_KitchenSink_HeaderIsCPlusPlusAsWell()
    {
        Clang.Needed();
        string folder = Write(Repository.Resolve(Kitchen).FindWorld("kitchen")!, out _);
        File.WriteAllText(Path.Combine(folder, "header.cpp"), "#include \"kitchen.h\"\nkitchen_string_t text() { return kitchen_string(\"x\"); }\n");
        Clang.Compile(folder, "header.cpp", "-std=c++17");
    }

    [Fact]
    public void Generate_TwoWorlds_LinkIntoOneModule()
    {
        // What both bring is weak, and one is taken.
        Clang.Needed();
        WitResolve wit = Repository.Resolve(Wit);
        string one = Write(wit.FindWorld("wasi:random/imports@0.2.12")!, out string first, "one");
        string two = Write(wit.FindWorld("wasi:io/imports@0.2.12")!, out string second, "two");
        Clang.Compile(one, first);
        Clang.Compile(two, second);
        (int code, string output) = Clang.Run("clang-19", ["--target=wasm32-unknown-unknown", "-nostdlib", "-Wl,--no-entry", "-Wl,--fatal-warnings", Path.Combine(one, first + ".o"), Path.Combine(two, second + ".o"), "-o", Path.Combine(one, "both.wasm")]);
        Assert.True(code == 0, output);
    }

    private static void Compile(WitWorld world)
    {
        Clang.Needed();
        string folder = Write(world, out string source);
        Clang.Compile(folder, source);
        // With a libc as the allocator, too.
        Clang.Compile(folder, source, "-DMOTE_LIBC_ALLOC");
    }

    private static string Write(WitWorld world, out string sourceName, string? name = null)
    {
        string folder = Repository.Scratch("compile-" + string.Concat(world.QualifiedName.Select(c => char.IsLetterOrDigit(c) ? c : '-')) + name);
        (string headerName, string header, sourceName, string source) = CBindings.Generate(world, new CBindingsOptions { Name = name });
        File.WriteAllText(Path.Combine(folder, headerName), header);
        File.WriteAllText(Path.Combine(folder, sourceName), source);
        return folder;
    }
}
