// mote score: recordings with labels go through an app's component, and what it says is compared with the labels.
using System.CommandLine;
using System.Globalization;
using Mote.Cli.Scoring;
using Mote.Cli.Simulation;
using Mote.Packaging;

namespace Mote.Cli.Commands;

internal static class ScoreCommand
{
    private sealed record FileScore(string Name, Confusion Counts, int Alarms);

    public static Command Make()
    {
        var dir = new Argument<string>("DIR") { Description = "The app, whose component gets messages and publishes alarms: JSON with a \"state\" that is raised, cleared or event." };
        Option<string[]> csv = Files("--csv", "A recorded table with a column of labels: each row is a message with all sensors, each file a machine of its own.");
        var label = new Option<string>("--label") { Description = "The column with the labels: 0 is healthy.", HelpName = "COLUMN", DefaultValueFactory = _ => "anomaly" };
        var skip = new Option<string[]>("--skip") { Description = "A column that is no sensor.", HelpName = "COLUMN", DefaultValueFactory = _ => [] };
        Option<string[]> healthy = Files("--healthy", "A WAV file of a healthy machine; all WAV files are of one machine, the healthy ones come first.");
        Option<string[]> faulty = Files("--faulty", "A WAV file of the same machine with a fault.");
        Option<int> window = SharedOptions.Number("--window", "Samples of each channel in a message.", 2048, 16, 1_000_000);
        Option<int> start = SharedOptions.Number("--start", "Messages at the beginning (of each table, or of the healthy recordings) that are for learning: they are not counted.", 0, 0, int.MaxValue);
        Option<string[]> variables = SharedOptions.Variables(), variableFiles = SharedOptions.VariableFiles();
        Option<bool> json = SharedOptions.Json();
        var command = new Command("score", "Score an app's detector: labelled recordings go through its component, as fast as it is.") { dir, csv, label, skip, healthy, faulty, window, start, variables, variableFiles, json };
        command.Validators.Add(r =>
        {
            bool tables = r.GetValue(csv)!.Length > 0, waves = r.GetValue(healthy)!.Length + r.GetValue(faulty)!.Length > 0;
            if (tables == waves) r.AddError("what is to be scored: --csv FILE, or --healthy FILE and --faulty FILE");
        });
        command.SetAction(r =>
        {
            AppManifest app = AppManifest.Load(r.GetValue(dir)!, SharedOptions.VariablesOf(r, variables, variableFiles).Find);
            using var run = new DetectorRun(app, ToolHost.Compiler());
            using DetectorRun.Session session = run.Open(app);
            List<FileScore> files = r.GetValue(csv) is { Length: > 0 } tables
                ? [.. tables.Select(f => Table(session, f, r.GetValue(label)!, r.GetValue(skip)!, r.GetValue(start)))]
                : Recordings(session, r.GetValue(healthy)!, r.GetValue(faulty)!, r.GetValue(window), r.GetValue(start));
            if (r.GetValue(json)) PrintJson(files, session);
            else Print(files, session);
            return ExitCode.Ok;
        });
        return command;
    }

    private static Option<string[]> Files(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "FILE",
        DefaultValueFactory = _ => [],
        AllowMultipleArgumentsPerToken = true,
    };

    private static FileScore Table(DetectorRun.Session session, string path, string label, string[] skip, int start)
    {
        var alarm = new AlarmState();
        Confusion counts = default;
        int row = 0, alarms = 0;
        // The whole path is the topic: two folders may have files of the same name.
        string topic = $"score/{path.Replace('+', '-').Replace('#', '-')}";
        foreach (LabelledRow r in LabelledTable.Read(path, label, skip))
        {
            IReadOnlyList<Alert> said = session.Give(topic, r.Message, Reading.ContentType);
            bool now = alarm.After(said);
            if (row++ < start) continue;
            alarms += said.Count(a => a.State is "raised" or "event");
            counts = counts.Add(r.Anomaly, now);
        }

        return new FileScore(path, counts, alarms);
    }

    private static List<FileScore> Recordings(DetectorRun.Session session, string[] healthy, string[] faulty, int window, int start)
    {
        var alarm = new AlarmState();
        var files = new List<FileScore>();
        int n = 0;
        foreach ((string path, bool fault) in healthy.Select(f => (f, false)).Concat(faulty.Select(f => (f, true))))
        {
            if (!File.Exists(path)) throw new CliException(ExitCode.NoInput, $"{path}: there is no such file");
            Confusion counts = default;
            int alarms = 0;
            foreach (SimulatedMessage m in new WavReplay(path, window, 1, "score").Messages())
            {
                IReadOnlyList<Alert> said = session.Give("score/machine", m.Payload, m.ContentType);
                bool now = alarm.After(said);
                if (n++ < start) continue;
                alarms += said.Count(a => a.State is "raised" or "event");
                counts = counts.Add(fault, now);
            }

            files.Add(new FileScore(path, counts, alarms));
        }

        return files;
    }

    private static void Print(List<FileScore> files, DetectorRun.Session session)
    {
        // The whole below its parts, where there are several.
        IEnumerable<FileScore> lines = files.Count > 1 ? files.Append(new FileScore("all", Sum(files), files.Sum(f => f.Alarms))) : files;
        int width = Math.Max(4, files.Max(f => Short(f.Name).Length));
        Console.WriteLine($"  {"file".PadRight(width)}  messages  alarms       TP       FP       FN       TN     F1  false %  missed %");
        foreach (FileScore f in lines)
        {
            Confusion c = f.Counts;
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {Short(f.Name).PadRight(width)}  {c.Rows,8}  {f.Alarms,6} {c.TruePositives,8} {c.FalsePositives,8} {c.FalseNegatives,8} {c.TrueNegatives,8}  {c.F1,5:0.000}  {100 * c.FalseAlarmRate,7:0.00}  {100 * c.MissedAlarmRate,8:0.00}"));
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {session.Messages:N0} messages with {session.BytesIn:N0} bytes in, {session.BytesOut:N0} bytes out"));

        static string Short(string path) => Path.GetFileName(path);
    }

    private static void PrintJson(List<FileScore> files, DetectorRun.Session session) => ReportText.PrintJson(Console.Out, j =>
    {
        Write(new FileScore("all", Sum(files), files.Sum(f => f.Alarms)));
        j.WriteNumber("messages", session.Messages);
        j.WriteNumber("bytes_in", session.BytesIn);
        j.WriteNumber("bytes_out", session.BytesOut);
        j.WriteStartArray("files");
        foreach (FileScore f in files)
        {
            j.WriteStartObject();
            j.WriteString("file", f.Name);
            Write(f);
            j.WriteEndObject();
        }

        j.WriteEndArray();

        void Write(FileScore f)
        {
            j.WriteNumber("true_positives", f.Counts.TruePositives);
            j.WriteNumber("false_positives", f.Counts.FalsePositives);
            j.WriteNumber("false_negatives", f.Counts.FalseNegatives);
            j.WriteNumber("true_negatives", f.Counts.TrueNegatives);
            j.WriteNumber("f1", Math.Round(f.Counts.F1, 4));
            j.WriteNumber("alarms", f.Alarms);
        }
    });

    private static Confusion Sum(List<FileScore> files) => files.Aggregate(default(Confusion), (sum, f) => sum + f.Counts);
}
