// A folder for one test, gone when the test is over.
namespace Mote.Runtime.Tests;

internal sealed class Scratch : IDisposable
{
    public Scratch()
    {
        Path = Directory.CreateTempSubdirectory("mote-runtime-tests-").FullName;
    }

    public string Path { get; }

    public string Of(params ReadOnlySpan<string> parts) => System.IO.Path.Combine([Path, .. parts]);

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
