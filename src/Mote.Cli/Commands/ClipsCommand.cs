// mote clips list, export, remove: pictures that an event kept on this device.
using System.CommandLine;
using System.Globalization;
using Mote.Age;
using Mote.Node;
using Mote.Packaging;
using Mote.Runtime;
using Mote.Triggers.Camera.Clips;

namespace Mote.Cli.Commands;

internal static class ClipsCommand
{
    public static Command Make() => new("clips", "Pictures of cameras that an event kept on this device, encrypted.") { MakeList(), MakeExport(), MakeRemove() };

    private static string FolderOf(NodeConfig config) => DataFolder.ClipsOf(config.DataFolder);

    private static Command MakeList()
    {
        NodePlace place = NodePlace.Make();
        Option<bool> json = SharedOptions.Json();
        var command = new Command("list", "Show the clips of a node, the oldest first, and until when they are kept.") { place.App, place.Config, place.Data, json };
        command.SetAction(r =>
        {
            NodeConfig config = place.Of(r);
            IReadOnlyList<Clip> clips = ClipStore.List(FolderOf(config));
            if (r.GetValue(json)) ReportText.PrintJson(Console.Out, j => Write(j, clips, config));
            else Print(Console.Out, clips, config);
            return ExitCode.Ok;
        });
        return command;
    }

    private static Command MakeExport()
    {
        var name = new Argument<string>("CLIP") { Description = "Its name, as `mote clips list` shows it." };
        var output = new Option<string?>("--output", "-o") { Description = "Where the video goes; by default a file of the clip's name in this folder. A file that is there is not replaced.", HelpName = "FILE" };
        var key = new Option<string?>("--identity", "-i") { Description = "The key file that opens it, as age-keygen writes it; by default the node's own.", HelpName = "FILE" };
        NodePlace place = NodePlace.Make();
        var command = new Command("export", "Decrypt a clip into a video file (Matroska).") { name, output, key, place.App, place.Config, place.Data };
        command.SetAction(r => Export(place.Of(r), r.GetValue(name)!, r.GetValue(output), r.GetValue(key)));
        return command;
    }

    private static Command MakeRemove()
    {
        var names = new Argument<string[]>("CLIP") { Description = "Names, as `mote clips list` shows them.", Arity = ArgumentArity.ZeroOrMore };
        var all = new Option<bool>("--all") { Description = "All of them." };
        NodePlace place = NodePlace.Make();
        var command = new Command("remove", "Remove clips before their time is over.") { names, all, place.App, place.Config, place.Data };
        command.SetAction(r =>
        {
            string[] wanted = r.GetValue(names) ?? [];
            if (wanted.Length == 0 && !r.GetValue(all)) throw new CliException(ExitCode.Usage, "name clips to remove, or all of them with --all");
            IReadOnlyList<Clip> clips = ClipStore.List(FolderOf(place.Of(r)));
            // All names are looked at before the first one is removed.
            Clip[] these = r.GetValue(all) ? [.. clips] : [.. wanted.Select(n => Find(clips, n))];
            foreach (Clip clip in these) File.Delete(clip.Path);
            Console.WriteLine($"removed {these.Length} {(these.Length == 1 ? "clip" : "clips")}");
            return ExitCode.Ok;
        });
        return command;
    }

    private static Clip Find(IReadOnlyList<Clip> clips, string name) =>
        clips.FirstOrDefault(c => c.Name == name) ?? throw new CliException(ExitCode.NoInput, $"there is no clip `{name}`: `mote clips list` shows those that are there");

    private static int Export(NodeConfig config, string name, string? output, string? keyFile)
    {
        Clip clip = Find(ClipStore.List(FolderOf(config)), name);
        AgeIdentity identity = Key(config, keyFile);
        string to = Path.GetFullPath(output ?? $"{clip.Name.Replace('/', '-')}.mkv");
        if (File.Exists(to)) throw new CliException(ExitCode.Failed, $"{to} is there already, and is not replaced: name another file with --output");
        // Under another name until it is known how whole it is; nobody else reads it.
        string temporary = to + ".part";
        AgeException? fault = null;
        try
        {
            using FileStream video = PrivateFile.Replace(temporary);
            using FileStream file = new(clip.Path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            using var reader = new AgeReader(file, identity);
            try
            {
                reader.CopyTo(video);
            }
            catch (AgeException e) when (e.Fault == AgeFault.Truncated && video.Position > 0)
            {
                fault = e;
            }
        }
        catch (AgeException e)
        {
            File.Delete(temporary);
            string hint = e.Fault != AgeFault.NotForThisKey ? "" : keyFile is not null ? "" : "; the node's configuration names another `recipient`, or did: give that key's file with --identity";
            throw new CliException(ExitCode.BadInput, $"{clip.Path}: {e.Message}{hint}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            File.Delete(temporary);
            throw new CliException(ExitCode.Failed, e.Message);
        }

        File.Move(temporary, to);
        Console.WriteLine(to);
        if (fault is not null) Console.Error.WriteLine($"mote: the clip {(clip.IsWhole ? "was cut" : "is written now, or was cut by a kill or a fault")}: the video has what is there");
        return ExitCode.Ok;
    }

    private static AgeIdentity Key(NodeConfig config, string? keyFile)
    {
        string path = keyFile ?? ClipKeys.FileOf(FolderOf(config));
        try
        {
            return AgeIdentity.ParseFile(File.ReadAllText(path));
        }
        catch (AgeException e)
        {
            throw new CliException(ExitCode.BadInput, $"{path}: {e.Message}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException(ExitCode.NoInput, keyFile is null ? $"the node has no key of its own ({e.Message}): give the key file of the `recipient` under [clips] with --identity" : e.Message);
        }
    }

    private static void Print(TextWriter to, IReadOnlyList<Clip> clips, NodeConfig config)
    {
        if (clips.Count == 0)
        {
            to.WriteLine($"There are no clips in {FolderOf(config)}.");
            return;
        }

        List<string[]> rows = [["CLIP", "SIZE", "KEPT UNTIL", ""], .. clips.Select(c => (string[])[c.Name, AppsCommand.Bytes(c.Bytes), Until(c, config) is { } t ? t.UtcDateTime.ToString("yyyy-MM-dd HH:mm'Z'", CultureInfo.InvariantCulture) : "?", c.IsWhole ? "" : "not whole"])];
        int[] widths = [.. Enumerable.Range(0, 3).Select(i => rows.Max(r => r[i].Length))];
        foreach (string[] row in rows) to.WriteLine($"{row[0].PadRight(widths[0])}  {row[1].PadLeft(widths[1])}  {row[2].PadRight(widths[2])}  {row[3]}".TrimEnd());
    }

    private static DateTimeOffset? Until(Clip clip, NodeConfig config) => config.Clips is { } clips ? clip.Start + clips.Retention : null;

    private static void Write(System.Text.Json.Utf8JsonWriter j, IReadOnlyList<Clip> clips, NodeConfig config)
    {
        j.WriteStartArray("clips");
        foreach (Clip clip in clips)
        {
            j.WriteStartObject();
            j.WriteString("name", clip.Name);
            j.WriteString("start", clip.Start);
            j.WriteNumber("bytes", clip.Bytes);
            j.WriteBoolean("whole", clip.IsWhole);
            if (Until(clip, config) is { } until) j.WriteString("until", until);
            j.WriteEndObject();
        }

        j.WriteEndArray();
    }
}
