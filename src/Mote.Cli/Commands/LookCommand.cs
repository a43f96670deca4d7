// mote look: a recording goes through a camera app's component, and what it finds is drawn on the pictures. It is for whoever
// sets the app up: the pictures are files beside the recording, and what the component publishes goes nowhere.
using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Mote.Cli.Scoring;
using Mote.Packaging;

namespace Mote.Cli.Commands;

internal static class LookCommand
{
    /// <summary>The topic, and the variable that turns it on, on which a component says with each frame what is where.</summary>
    private const string Boxes = "boxes";

    private static readonly Colour s_usual = new(80, 230, 80), s_unusual = new(255, 70, 60), s_line = new(80, 170, 255), s_zone = new(255, 220, 60);

    private sealed record Found(int Track, double Left, double Top, double Width, double Height, double Score);

    public static Command Make()
    {
        var dir = new Argument<string>("DIR") { Description = "The app, whose component gets frames and publishes JSON with \"boxes\"." };
        var frames = new Option<string>("--frames") { Description = "A recording that ffmpeg can read, or a folder of pictures.", HelpName = "FILE|FOLDER", Required = true };
        var pictures = new Option<string>("--pictures") { Description = "The folder that pictures are written to, as PNG files.", HelpName = "FOLDER", Required = true };
        Option<int> every = SharedOptions.Number("--every", "A picture of each so many frames, and of those with an alert.", 10, 1, 1_000_000);
        Option<double> rate = SharedOptions.Number("--rate", "Frames a second, for their timestamps.", 15.0, 0.01, 1000);
        Option<string[]> variables = SharedOptions.Variables(), variableFiles = SharedOptions.VariableFiles();
        Option<bool> json = SharedOptions.Json();
        var command = new Command("look", "Draw what a camera app's component finds in a recording.") { dir, frames, pictures, every, rate, variables, variableFiles, json };
        command.SetAction(r =>
        {
            AppManifest app = Shown(AppManifest.Load(r.GetValue(dir)!, SharedOptions.VariablesOf(r, variables, variableFiles).Find));
            using var run = new DetectorRun(app, ToolHost.Compiler());
            using DetectorRun.Session session = run.Open(app);
            (long read, int written, int alerts) = Look(app, session, r.GetValue(frames)!, r.GetValue(pictures)!, r.GetValue(every), r.GetValue(rate), r.GetValue(json) ? Console.Error : Console.Out);
            if (r.GetValue(json))
            {
                ReportText.PrintJson(Console.Out, j =>
                {
                    j.WriteNumber("frames", read);
                    j.WriteNumber("pictures", written);
                    j.WriteNumber("alerts", alerts);
                });
            }
            else Console.WriteLine($"{read} frames, {alerts} alerts, {written} pictures in {r.GetValue(pictures)}");

            return ExitCode.Ok;
        });
        return command;
    }

    /// <summary>The app as it is, but that its components say what is where: nothing of it leaves this process.</summary>
    private static AppManifest Shown(AppManifest app) => app with
    {
        Components = [.. app.Components.Select(c => c with
        {
            Grants = c.Grants with { Publish = [.. c.Grants.Publish.Append(Boxes).Distinct()], Variables = new Dictionary<string, string>(c.Grants.Variables) { [Boxes] = "true" } },
            Limits = c.Limits with { Egress = null },
        })],
    };

    private static (long Read, int Written, int Alerts) Look(AppManifest app, DetectorRun.Session session, string path, string folder, int every, double rate, TextWriter to)
    {
        IReadOnlyDictionary<string, string> values = app.Components[0].Grants.Variables;
        (double X, double Y)[] line = Points(values, "line"), zone = Points(values, "zone");
        double threshold = values.TryGetValue("threshold", out string? text) && double.TryParse(text, CultureInfo.InvariantCulture, out double t) ? t : double.PositiveInfinity;
        (int width, int height) = VideoReplay.SizeOf(path);
        Directory.CreateDirectory(folder);
        string camera = Path.GetFileNameWithoutExtension(path.TrimEnd('/'));
        long read = 0;
        int written = 0, alerts = 0;
        // Twice the same recording: grey, as the component gets it, and in colour, for people.
        using IEnumerator<byte[]> colour = VideoReplay.Pictures(path, width, height, ("rgb24", 3)).GetEnumerator();
        foreach (byte[] gray in VideoReplay.Gray(path, width, height))
        {
            if (!colour.MoveNext()) break;
            IReadOnlyList<Alert> said = session.Give(VideoReplay.Frame(camera, gray, width, height, read, rate));
            Alert[] told = [.. said.Where(a => a.State is "raised" or "cleared" or "event")];
            foreach (Alert a in told) to.WriteLine(a.Json);
            alerts += told.Length;
            if (read % every == 0 || told.Length > 0)
            {
                var canvas = new Canvas(colour.Current, width, height);
                Way(canvas, zone, close: true, width, height, s_zone);
                Way(canvas, line, close: false, width, height, s_line);
                foreach (Alert a in said.Where(a => a.State == Boxes)) Draw(canvas, a, width, height, threshold);
                canvas.Save(Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{read:000000}.png")));
                written++;
            }

            read++;
        }

        if (read == 0) throw new CliException(ExitCode.BadInput, $"{path}: ffmpeg finds no pictures in it");
        return (read, written, alerts);
    }

    private static void Draw(Canvas canvas, Alert alert, int width, int height, double threshold)
    {
        foreach (Found f in FoundIn(alert))
        {
            Colour colour = f.Score > threshold ? s_unusual : s_usual;
            (int left, int top) = ((int)(f.Left * width), (int)(f.Top * height));
            canvas.Box(left, top, (int)(f.Width * width), (int)(f.Height * height), colour);
            canvas.Number(left, Math.Max(0, top - 14), f.Track.ToString(CultureInfo.InvariantCulture), colour);
        }

        // The frame's score in a corner.
        if (alert.Number("anomaly") is { } score) canvas.Number(0, 0, Math.Max(0, score).ToString("0.00", CultureInfo.InvariantCulture), score > threshold ? s_unusual : s_usual);
    }

    private static List<Found> FoundIn(Alert alert)
    {
        using JsonDocument json = JsonDocument.Parse(alert.Json);
        var found = new List<Found>();
        if (!json.RootElement.TryGetProperty(Boxes, out JsonElement boxes) || boxes.ValueKind != JsonValueKind.Array) return found;
        foreach (JsonElement b in boxes.EnumerateArray())
        {
            if (!b.TryGetProperty("box", out JsonElement box) || box.ValueKind != JsonValueKind.Array || box.GetArrayLength() != 4) continue;
            double[] at = [.. box.EnumerateArray().Select(v => v.GetDouble())];
            found.Add(new Found(
                b.TryGetProperty("track", out JsonElement track) ? track.GetInt32() : 0, at[0], at[1], at[2], at[3], b.TryGetProperty("score", out JsonElement score) && score.ValueKind == JsonValueKind.Number ? score.GetDouble() : 0));
        }

        return found;
    }

    private static void Way(Canvas canvas, (double X, double Y)[] points, bool close, int width, int height, Colour colour)
    {
        for (int i = close ? 0 : 1; i < points.Length; i++)
        {
            (double x0, double y0) = points[i == 0 ? points.Length - 1 : i - 1];
            canvas.Line(x0 * width, y0 * height, points[i].X * width, points[i].Y * height, colour);
        }
    }

    /// <summary>Points of a variable such as `0,0.5 1,0.5`; none where it is something else.</summary>
    private static (double X, double Y)[] Points(IReadOnlyDictionary<string, string> values, string name)
    {
        var points = new List<(double, double)>();
        foreach (string point in values.TryGetValue(name, out string? text) ? text.Split(' ', StringSplitOptions.RemoveEmptyEntries) : [])
        {
            string[] xy = point.Split(',');
            if (xy.Length != 2 || !double.TryParse(xy[0], CultureInfo.InvariantCulture, out double x) || !double.TryParse(xy[1], CultureInfo.InvariantCulture, out double y)) return [];
            points.Add((x, y));
        }

        return [.. points];
    }
}
