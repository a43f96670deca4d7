// A folder for the files of one test.
using Mote.Wasmtime;

namespace Mote.Cli.Tests;

internal sealed class TempFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("mote-cli-test-").FullName;

    /// <summary>A file's path.</summary>
    public string this[string name] => System.IO.Path.Combine(Path, name);

    public string Write(string name, string text)
    {
        File.WriteAllText(this[name], text);
        return this[name];
    }

    public string Write(string name, byte[] bytes)
    {
        File.WriteAllBytes(this[name], bytes);
        return this[name];
    }

    /// <summary>Text of a component or module, as a binary.</summary>
    public string Wasm(string name, string wat) => Write(name, Wat.ToWasm(wat));

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
