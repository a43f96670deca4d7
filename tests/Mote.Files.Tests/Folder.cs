// A folder of a test's own with something beside it that must never be reached, opened in both ways of walking.
using System.Diagnostics;
using Mote.Files.Resolution;

namespace Mote.Files.Tests;

/// <summary>outside/secret is beside the folder; inside it is what the test makes.</summary>
public sealed class Folder : IDisposable
{
    private readonly string _above = Directory.CreateTempSubdirectory("mote-files-tests-").FullName;

    public Folder()
    {
        Directory.CreateDirectory(Inside());
        Directory.CreateDirectory(Outside());
        File.WriteAllText(Outside("secret"), "secret");
        if (!OperatingSystem.IsLinux()) Assert.Skip("folders of the host are supported on Linux only");
    }

    /// <summary>Both ways of walking a path must behave alike.</summary>
    public static TheoryData<bool> Walks => [true, false];

    public string Inside(string path = "") => Path.Combine(_above, "inside", path);

    public string Outside(string path = "") => Path.Combine(_above, "outside", path);

    public HostFile Open(bool walk, bool mayChange = true)
    {
        if (!walk && !BeneathResolver.IsThere) Assert.Skip("this kernel has no openat2");
        FileResult<HostFile> opened = HostFile.OpenFolder(Inside(), mayChange, walk ? new WalkingResolver() : new BeneathResolver());
        Assert.True(opened.IsOk, opened.Error.ToString());
        return opened.Value;
    }

    /// <summary>The text of a file opened through a folder, or the fault.</summary>
    public static string Read(HostFile folder, string path, OpenModes modes = OpenModes.Read | OpenModes.Follow)
    {
        FileResult<HostFile> opened = folder.Open(path, modes);
        if (!opened.IsOk) return opened.Error.ToString();
        using HostFile file = opened.Value;
        var buffer = new byte[100];
        FileResult<int> read = file.Read(buffer, 0);
        return read.IsOk ? System.Text.Encoding.UTF8.GetString(buffer, 0, read.Value) : read.Error.ToString();
    }

    public void Dispose() => Directory.Delete(_above, recursive: true);

    /// <summary>Makes a FIFO.</summary>
    public static void MakeFifo(string path)
    {
        using Process p = Process.Start("mkfifo", path);
        p.WaitForExit();
        Assert.Equal(0, p.ExitCode);
    }
}
