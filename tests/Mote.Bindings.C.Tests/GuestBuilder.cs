// Makes components from C with tools/guests/build-c.mjs.
using Mote.Components;
using Mote.Wasmtime;
using Mote.Wit;

namespace Mote.Bindings.C.Tests;

internal static class GuestBuilder
{
    private static readonly Lazy<Engine> s_engine = new(() => new Engine(new EngineOptions { EpochInterruption = false }));

    public static Engine Engine => s_engine.Value;

    /// <summary>Generates bindings of a world and builds a guest on them.</summary>
    /// <param name="name">For the folder where it is done.</param>
    /// <param name="wit">The folder of the WIT package.</param>
    /// <param name="world">The world.</param>
    /// <param name="source">The guest's C file.</param>
    /// <param name="options">For the script.</param>
    public static CompiledComponent Build(string name, string wit, string world, string source, params string[] options) =>
        Build(name, wit, Repository.Resolve(wit).FindWorld(world)!, source, options);

    /// <summary>The same for a world that is resolved.</summary>
    public static CompiledComponent Build(string name, string wit, WitWorld world, string source, params string[] options)
    {
        Clang.Needed();
        Needed("node", "Node.js is not installed (Debian: apt install nodejs npm)");
        string folder = Repository.Scratch("guest-" + name);
        (string headerName, string header, string sourceName, string glue) = CBindings.Generate(world, new CBindingsOptions());
        File.WriteAllText(Path.Combine(folder, headerName), header);
        File.WriteAllText(Path.Combine(folder, sourceName), glue);
        string wasm = Path.Combine(folder, world.Name + ".wasm");
        string script = Path.Combine(Repository.Root, "tools", "guests", "build-c.mjs");
        (int code, string output) = Clang.Run("node", [script, "--wit", wit, "--world", world.Name, "--out", wasm, "-Werror", "-I", folder, .. options, source, Path.Combine(folder, sourceName)]);
        Assert.True(code == 0, output);
        return Component.Load(File.ReadAllBytes(wasm), Engine).Compile(Engine);
    }

    private static void Needed(string program, string reason)
    {
        try
        {
            Clang.Run(program, ["--version"]);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Assert.Skip(reason);
        }
    }
}
