// Clips on the disk: a folder for each app and camera, files that only the holder of a key can read, and nothing that is
// older or larger than the operator said.
using System.Globalization;
using System.Text.RegularExpressions;
using Mote.Age;
using Mote.Runtime;

namespace Mote.Triggers.Camera.Clips;

/// <summary>A clip on the disk.</summary>
/// <param name="Name">What it is called: app/camera/time-component.</param>
/// <param name="Path">Its file.</param>
/// <param name="Start">When its first picture was taken.</param>
/// <param name="Bytes">Bytes of the file.</param>
/// <param name="IsWhole">False while it is written, or where it was cut by a kill or a fault; what is there can be read.</param>
public sealed record Clip(string Name, string Path, DateTimeOffset Start, long Bytes, bool IsWhole);

/// <summary>The clips of a node.</summary>
/// <param name="folder">Where they are.</param>
/// <param name="retention">How long they are kept.</param>
/// <param name="maxBytes">Most bytes of all of them.</param>
/// <param name="recipient">Who can read them.</param>
/// <param name="time">The clock.</param>
/// <param name="log">Told of clips that had to go.</param>
/// <param name="wear">Counts what is written; null for nobody.</param>
public sealed partial class ClipStore(string folder, TimeSpan retention, long maxBytes, AgeRecipient recipient, TimeProvider time, Action<string> log, DiskWear? wear = null) : IDisposable
{
    internal const string Whole = ".mkv.age", Part = ".mkv.age.part";
    private const string TimeFormat = "yyyyMMdd'T'HHmmss.fff'Z'";

    private static readonly TimeSpan s_look = TimeSpan.FromMinutes(1);

    private readonly Lock _lock = new();
    private readonly HashSet<string> _open = [];
    private ITimer? _timer;

    /// <summary>All clips of a folder, the oldest first. Files with other names are not clips.</summary>
    public static IReadOnlyList<Clip> List(string folder)
    {
        if (!Directory.Exists(folder)) return [];
        var clips = new List<Clip>();
        foreach (FileInfo file in new DirectoryInfo(folder).EnumerateFiles("*.mkv.age*", new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = 2, AttributesToSkip = FileAttributes.ReparsePoint }))
        {
            Match m = NamePattern().Match(Path.GetRelativePath(folder, file.FullName).Replace('\\', '/'));
            if (!m.Success || !DateTimeOffset.TryParseExact(m.Groups["time"].ValueSpan, TimeFormat, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset start)) continue;
            try
            {
                clips.Add(new Clip(m.Groups["name"].Value, file.FullName, start, file.Length, !m.Groups["part"].Success));
            }
            catch (FileNotFoundException)
            {
                // Its time was over just now, or it has its name only now.
            }
        }

        return [.. clips.OrderBy(c => c.Start).ThenBy(c => c.Name, StringComparer.Ordinal)];
    }

    /// <summary>Removes what is too old, now and from now on.</summary>
    public void Start()
    {
        Tidy();
        _timer = time.CreateTimer(_ => Look(), null, s_look, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Removes what is too old, and the oldest of what is too much.</summary>
    public void Tidy()
    {
        try
        {
            lock (_lock)
            {
                IReadOnlyList<Clip> clips = List(folder);
                long bytes = clips.Sum(c => c.Bytes);
                DateTimeOffset now = time.GetUtcNow();
                foreach (Clip clip in clips)
                {
                    bool isOld = now - clip.Start > retention;
                    if ((!isOld && bytes <= maxBytes) || _open.Contains(clip.Path)) continue;
                    File.Delete(clip.Path);
                    bytes -= clip.Bytes;
                    if (!isOld) log($"the clip {clip.Name} was removed before its time, to make room: clips have {maxBytes >> 20} MiB (`max-size` under [clips])");
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            log($"clips whose time is over could not be removed: {e.Message}");
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _timer?.Dispose();

    /// <summary>A new clip.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder cannot be written.</exception>
    internal ClipFile Create(string app, string camera, string component, DateTimeOffset start)
    {
        Tidy();
        string place = Path.Combine(folder, app, camera);
        PrivateFile.CreateFolder(place);
        string path;
        lock (_lock)
        {
            // One that was cut may begin with the same picture: the next has another name, and never its place.
            for (path = PathOf(); File.Exists(path) || File.Exists(WholeOf(path)); path = PathOf()) start = start.AddMilliseconds(1);
            _open.Add(path);
        }

        try
        {
            return new ClipFile(this, path, recipient);
        }
        catch
        {
            Close(path);
            throw;
        }

        string PathOf() => Path.Combine(place, $"{start.UtcDateTime.ToString(TimeFormat, CultureInfo.InvariantCulture)}-{component}{Part}");
    }

    /// <summary>What the file of a clip is called when it is whole.</summary>
    internal static string WholeOf(string part) => part[..^Part.Length] + Whole;

    private void Look()
    {
        Tidy();
        _timer?.Change(s_look, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Bytes have been written.</summary>
    internal void Written(long bytes) => wear?.Add(WearSource.Clips, bytes);

    internal void Close(string path)
    {
        lock (_lock) _open.Remove(path);
    }

    /// <summary>Most bytes of one clip: all of them.</summary>
    internal long MaxBytes => maxBytes;

    [GeneratedRegex(@"^(?<name>[a-z][a-z0-9-]*/[a-z][a-z0-9-]*/(?<time>\d{8}T\d{6}\.\d{3}Z)-[a-z][a-z0-9-]*)\.mkv\.age(?<part>\.part)?\z")]
    private static partial Regex NamePattern();
}
