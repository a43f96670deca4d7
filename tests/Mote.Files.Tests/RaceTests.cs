// Another process renames while a path is walked: nothing outside is ever opened, made or removed.
using System.Runtime.InteropServices;

namespace Mote.Files.Tests;

public sealed partial class RaceTests : IDisposable
{
    private const int Rounds = 4000;
    private readonly Folder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Folder.Walks), MemberType = typeof(Folder))]
    public void FolderThatBecomesALink_NeverLeadsOut(bool walk)
    {
        // d is a folder with a file `secret`, and in turn a link to the folder outside which has one, too.
        Directory.CreateDirectory(_folder.Inside("d/deep"));
        File.WriteAllText(_folder.Inside("d/secret"), "inside");
        File.CreateSymbolicLink(_folder.Inside("link"), "../outside");
        using HostFile folder = _folder.Open(walk);
        var results = new Dictionary<string, int>();
        using (Swap swap = new(_folder))
        {
            for (int i = 0; i < Rounds || ((results.Count < 2 || !results.ContainsKey("inside")) && i < 100 * Rounds); i++)
            {
                string result = Folder.Read(folder, (i % 4) switch { 0 => "d/secret", 1 => "d/deep/../secret", 2 => "./d/../d/secret", _ => "d/../link/../d/secret" });
                results[result] = results.GetValueOrDefault(result) + 1;
                Assert.NotEqual("secret", result);
                string made = $"d/made{i}";
                FileResult<HostFile> file = folder.Open(made, OpenModes.Write | OpenModes.Create);
                if (file.IsOk) file.Value.Dispose();
                folder.MakeFolder($"d/folder{i}");
                folder.Unlink(made);
                folder.RemoveFolder($"d/folder{i}");
                folder.Unlink("d/secret-not-there");
            }
        }

        Assert.Equal(["secret"], Directory.GetFileSystemEntries(_folder.Outside()).Select(Path.GetFileName));
        Assert.Contains("inside", results.Keys);
        Assert.True(results.Count > 1, "the renamer never got between"); // both states were met
    }

    /// <summary>A folder is moved outside while the guest goes up from it: .. leads back to where it came from, or nowhere.</summary>
    [Theory]
    [MemberData(nameof(Folder.Walks), MemberType = typeof(Folder))]
    public void FolderThatIsMovedOut_DoesNotTakeTheGuestAlong(bool walk)
    {
        Directory.CreateDirectory(_folder.Inside("d/deep"));
        File.WriteAllText(_folder.Inside("secret"), "inside");
        using HostFile folder = _folder.Open(walk);
        using var stop = new CancellationTokenSource();
        var mover = new Thread(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                Rename(_folder.Inside("d"), _folder.Outside("d"));
                Rename(_folder.Outside("d"), _folder.Inside("d"));
            }
        });
        mover.Start();
        try
        {
            for (int i = 0; i < Rounds; i++) Assert.NotEqual("secret", Folder.Read(folder, "d/deep/../../secret"));
        }
        finally
        {
            stop.Cancel();
            mover.Join();
        }
    }

    // File.Move looks at what a link leads to; a rename does not. Where the guest has taken the name meanwhile it fails, and the next one sets it right.
    [LibraryImport("libc", EntryPoint = "rename", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Rename(string from, string to);

    /// <summary>Swaps the folder d and a link to the outside, over and over.</summary>
    private sealed class Swap : IDisposable
    {
        private readonly CancellationTokenSource _stop = new();
        private readonly Thread _thread;

        public Swap(Folder folder)
        {
            _thread = new Thread(() =>
            {
                while (!_stop.IsCancellationRequested)
                {
                    Rename(folder.Inside("d"), folder.Inside("kept"));
                    Rename(folder.Inside("link"), folder.Inside("d"));
                    Rename(folder.Inside("d"), folder.Inside("link"));
                    Rename(folder.Inside("kept"), folder.Inside("d"));
                }
            });
            _thread.Start();
        }

        public void Dispose()
        {
            _stop.Cancel();
            _thread.Join();
            _stop.Dispose();
        }
    }
}
