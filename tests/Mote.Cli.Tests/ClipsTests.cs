// mote clips: what a node kept, out of its data folder and in plain again, by the program as users have it.
using System.Globalization;
using System.Text.Json;
using Mote.Age;

namespace Mote.Cli.Tests;

public sealed class ClipsTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly AgeIdentity _node = AgeIdentity.Create();
    private readonly byte[] _video = new byte[150_000];

    public ClipsTests()
    {
        new Random(1).NextBytes(_video);
        Directory.CreateDirectory(Path.Combine(Data, "clips"));
        File.WriteAllText(Path.Combine(Data, "clips", "key.txt"), _node.ToFile(DateTimeOffset.UnixEpoch));
    }

    public void Dispose() => _folder.Dispose();

    private string Data => _folder["data"];

    private MoteResult Clips(params string[] args) => MoteRun.Run(["clips", .. args, "--data", Data]);

    private string Put(AgeIdentity identity, int minute, bool isWhole = true)
    {
        string name = string.Create(CultureInfo.InvariantCulture, $"test/line-1/20261123T12{minute:00}00.000Z-watch");
        string path = Path.Combine(Data, "clips", name + (isWhole ? ".mkv.age" : ".mkv.age.part"));
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        using FileStream to = File.Create(path);
        using var writer = new AgeWriter(to, identity.Recipient);
        writer.Write(_video);
        if (isWhole) writer.Finish();
        return name;
    }

    [Fact]
    public void Clips_AreListed_Exported_AndRemoved()
    {
        Assert.Contains("There are no clips", Clips("list").Succeeded(), StringComparison.Ordinal);
        string second = Put(_node, 30), first = Put(_node, 10);
        JsonElement[] clips = [.. JsonDocument.Parse(Clips("list", "--json").Succeeded()).RootElement.GetProperty("clips").EnumerateArray()];
        Assert.Equal([first, second], clips.Select(c => c.GetProperty("name").GetString()));
        Assert.All(clips, c => Assert.True(c.GetProperty("whole").GetBoolean()));
        Assert.Matches($@"{first} +146\.\d KiB", Clips("list").Succeeded());

        string video = _folder["video.mkv"];
        Assert.Equal(video, Clips("export", first, "--output", video).Succeeded().Trim());
        Assert.Equal(_video, File.ReadAllBytes(video));
        if (!OperatingSystem.IsWindows()) Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(video));
        Assert.Contains("is not replaced", Clips("export", second, "-o", video).FailedWith(1), StringComparison.Ordinal);

        Assert.Contains("`mote clips list`", Clips("remove", first, "test/line-1/nothing").FailedWith(66), StringComparison.Ordinal);
        Assert.Contains("--all", Clips("remove").FailedWith(64), StringComparison.Ordinal);
        Assert.Contains("removed 1 clip", Clips("remove", first).Succeeded(), StringComparison.Ordinal);
        Assert.Contains("removed 1 clip", Clips("remove", "--all").Succeeded(), StringComparison.Ordinal);
        Assert.Equal(["key.txt"], Directory.GetFiles(Path.Combine(Data, "clips"), "*", SearchOption.AllDirectories).Select(Path.GetFileName));
    }

    [Fact]
    public void ClipForAnotherKey_IsOpenedWithItOnly()
    {
        AgeIdentity officer = AgeIdentity.Create();
        string clip = Put(officer, 10), key = _folder.Write("officer.txt", System.Text.Encoding.UTF8.GetBytes(officer.ToFile(DateTimeOffset.UnixEpoch))), video = _folder["video.mkv"];
        Assert.Contains("--identity", Clips("export", clip, "-o", video).FailedWith(65), StringComparison.Ordinal);
        Assert.False(File.Exists(video));
        Assert.Empty(Directory.GetFiles(_folder.Path, "*.part"));
        Clips("export", clip, "-o", video, "--identity", key).Succeeded();
        Assert.Equal(_video, File.ReadAllBytes(video));
        File.Delete(Path.Combine(Data, "clips", "key.txt"));
        Assert.Contains("--identity", Clips("export", clip, "-o", _folder["other.mkv"]).FailedWith(66), StringComparison.Ordinal);
    }

    [Fact]
    public void ClipThatWasCut_IsExportedAsFarAsItGoes_AndAChangedOneIsNot()
    {
        string cut = Put(_node, 10, isWhole: false), changed = Put(_node, 20), video = _folder["video.mkv"];
        Assert.Contains("not whole", Clips("list").Succeeded(), StringComparison.Ordinal);
        MoteResult result = Clips("export", cut, "-o", video);
        result.Succeeded();
        Assert.Contains("the video has what is there", result.Error, StringComparison.Ordinal);
        Assert.Equal(_video[..131072], File.ReadAllBytes(video));
        string file = Path.Combine(Data, "clips", changed + ".mkv.age");
        byte[] bytes = File.ReadAllBytes(file);
        bytes[70_000] ^= 1;
        File.WriteAllBytes(file, bytes);
        Assert.Contains("was changed after it was written", Clips("export", changed, "-o", _folder["other.mkv"]).FailedWith(65), StringComparison.Ordinal);
        Assert.False(File.Exists(_folder["other.mkv"]));
    }
}
