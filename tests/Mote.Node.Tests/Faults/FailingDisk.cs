// A disk whose fsync fails when a test says so: failing-disk.c beside this, compiled and loaded into a node.
using System.Diagnostics;

namespace Mote.Node.Tests.Faults;

internal sealed class FailingDisk
{
    private readonly string _library;
    private readonly string _folder;
    private readonly string _shadow;
    private readonly string _fault;

    /// <summary>A disk under the files right in a folder.</summary>
    /// <param name="folder">The folder; what it holds already is not on this disk.</param>
    /// <param name="beside">Where its own files are.</param>
    public FailingDisk(string folder, string beside)
    {
        _folder = Directory.CreateDirectory(folder).FullName;
        _shadow = Directory.CreateDirectory(Path.Combine(beside, "shadow")).FullName;
        _fault = Path.Combine(beside, "fault");
        _library = Path.Combine(beside, "failing-disk.so");
        string source = Path.Combine(beside, "failing-disk.c");
        using (Stream code = typeof(FailingDisk).Assembly.GetManifestResourceStream("failing-disk.c")!)
        using (FileStream file = File.Create(source))
        {
            code.CopyTo(file);
        }

        Assert.SkipUnless(OperatingSystem.IsLinux() && Compile(source), "no C compiler here (gcc or clang-19)");
    }

    /// <summary>What a node is started with to have its files here.</summary>
    public (string Name, string Value)[] Environment =>
        [("LD_PRELOAD", _library), ("MOTE_DISK_FOLDER", _folder), ("MOTE_DISK_SHADOW", _shadow), ("MOTE_DISK_FAULT", _fault)];

    /// <summary>Of 100 fsyncs, so many fail from now on.</summary>
    public void Fail(int percent)
    {
        // At once or not at all: the node reads it at each fsync.
        File.WriteAllText(_fault + ".new", $"{percent}\n");
        File.Move(_fault + ".new", _fault, overwrite: true);
    }

    /// <summary>Leaves what is on the disk, and nothing that was in memory alone. Nobody may have the files open.</summary>
    public void CutPower()
    {
        foreach (string file in Directory.GetFiles(_folder).Where(IsOurs)) File.Delete(file);
        foreach (string file in Directory.GetFiles(_shadow))
        {
            if (file.EndsWith(".dirty", StringComparison.Ordinal)) File.Delete(file);
            else File.Copy(file, Path.Combine(_folder, Path.GetFileName(file)));
        }
    }

    private static bool IsOurs(string file) => Path.GetFileName(file) is var n && (n.EndsWith(".db", StringComparison.Ordinal) || n.EndsWith("-wal", StringComparison.Ordinal) || n.EndsWith("-shm", StringComparison.Ordinal) || n.EndsWith("-journal", StringComparison.Ordinal));

    private bool Compile(string source)
    {
        foreach (string compiler in (string[])["gcc", "clang-19", "clang"])
        {
            try
            {
                using Process p = Process.Start(new ProcessStartInfo(compiler, ["-O2", "-shared", "-fPIC", "-o", _library, source, "-ldl"]) { RedirectStandardError = true })!;
                p.StandardError.ReadToEnd();
                p.WaitForExit();
                if (p.ExitCode == 0) return true;
            }
            catch (System.ComponentModel.Win32Exception)
            {
                // Not installed.
            }
        }

        return false;
    }
}
