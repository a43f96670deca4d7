// The finished files of a file upstream: what they are called, how large they are together, and which is the oldest.
using System.Globalization;

namespace Mote.DataPlane;

/// <summary>Files beside a file, with numbers that rise.</summary>
internal sealed class FinishedFiles
{
    private readonly string _current;
    private readonly string _folder;
    private readonly string _begin;
    private readonly string _end;
    private long _last;

    public FinishedFiles(string current)
    {
        _current = current;
        _folder = Path.GetDirectoryName(current)!;
        _begin = $"{Path.GetFileNameWithoutExtension(current)}-";
        _end = Path.GetExtension(current);
    }

    /// <summary>What they are called, for people.</summary>
    public string Pattern => $"{_begin}*{_end}";

    /// <summary>How large they were together when they were last looked at, and what was added since.</summary>
    public long Bytes { get; private set; }

    /// <summary>Counts them anew.</summary>
    public void Look()
    {
        Bytes = 0;
        foreach ((long number, FileInfo file) in Files())
        {
            _last = Math.Max(_last, number);
            Bytes += file.Length;
        }
    }

    /// <summary>
    /// The current file becomes one of them. The number is the time in milliseconds, or one more than the last where the
    /// clock has gone back: a name does not come twice, also where those before it were taken away.
    /// </summary>
    public void Add(long milliseconds)
    {
        _last = Math.Max(milliseconds, _last + 1);
        long bytes = new FileInfo(_current).Length;
        File.Move(_current, Path.Combine(_folder, string.Create(CultureInfo.InvariantCulture, $"{_begin}{_last:D13}{_end}")), overwrite: false);
        Bytes += bytes;
    }

    /// <summary>Deletes the one with the lowest number; its name, or null where there is none.</summary>
    public string? DeleteOldest()
    {
        (long _, FileInfo? oldest) = Files().MinBy(f => f.Number);
        if (oldest is null) return null;
        long bytes = oldest.Length;
        oldest.Delete();
        Bytes -= bytes;
        return oldest.Name;
    }

    private IEnumerable<(long Number, FileInfo File)> Files()
    {
        foreach (FileInfo file in new DirectoryInfo(_folder).EnumerateFiles())
        {
            string name = file.Name;
            if (name.Length == _begin.Length + 13 + _end.Length && name.StartsWith(_begin, StringComparison.Ordinal) && name.EndsWith(_end, StringComparison.Ordinal)
                && long.TryParse(name.AsSpan(_begin.Length, 13), NumberStyles.None, CultureInfo.InvariantCulture, out long number)) yield return (number, file);
        }
    }
}
