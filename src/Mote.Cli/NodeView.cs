// mote up --view: a node's load as it rises and falls, drawn anew on a terminal, a line for each change elsewhere.
using System.Diagnostics;
using System.Globalization;
using Mote.Cli.Commands;
using Mote.Node;
using Spectre.Console;

namespace Mote.Cli;

/// <summary>Shows a node four times a second.</summary>
internal sealed class NodeView
{
    /// <summary>Samples that are drawn: the last 15 seconds.</summary>
    private const int History = 60;

    /// <summary>Lines of the log below the view.</summary>
    private const int LogLines = 3;

    private const string Steps = " ▁▂▃▄▅▆▇█", PlainSteps = " .:-=+*%#";

    private static readonly TimeSpan s_step = TimeSpan.FromMilliseconds(250);

    private readonly TextWriter _to;
    private readonly bool _live;
    private readonly Lock _lock = new();
    private readonly Queue<string> _log = [];
    private readonly Queue<Sample> _samples = [];

    public NodeView(TextWriter to, bool isTerminal)
    {
        _to = to;
        _live = isTerminal && AnsiConsole.Profile.Capabilities.Ansi;
    }

    /// <summary>A line of the node's, which must not go through the middle of the view.</summary>
    public void Log(string line)
    {
        if (!_live)
        {
            Console.Error.WriteLine(line);
            return;
        }

        lock (_lock)
        {
            _log.Enqueue(line);
            if (_log.Count > LogLines) _log.Dequeue();
        }
    }

    /// <summary>Shows the node until this ends.</summary>
    public Task RunAsync(EdgeNode node, CancellationToken end) => _live
        ? AnsiConsole.Live(new Rows()).StartAsync(context => Loop(node, _ => context.UpdateTarget(Draw()), end))
        : Loop(node, Print, end);

    private async Task Loop(EdgeNode node, Action<Sample> show, CancellationToken end)
    {
        using var timer = new PeriodicTimer(s_step);
        long events = 0, at = Stopwatch.GetTimestamp();
        try
        {
            while (true)
            {
                NodeStatus now = node.Status();
                long all = now.Components.Sum(c => c.Received);
                double seconds = Stopwatch.GetElapsedTime(at).TotalSeconds;
                at = Stopwatch.GetTimestamp();
                var sample = new Sample(
                    now.UptimeSeconds, all, seconds > 0 ? (all - events) / seconds : 0, now.Components.Sum(c => c.MicroVmsLive), now.MicroVmThreads,
                    now.Components.Count(c => c.State != ComponentState.Zero), now.Components.Count, now.ResidentBytes);
                events = all;
                _samples.Enqueue(sample);
                if (_samples.Count > History) _samples.Dequeue();
                show(sample);
                await timer.WaitForNextTickAsync(end).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            // What was waited for.
        }
    }

    /// <summary>A line, where something but memory is not as it was: a node at rest writes nothing.</summary>
    private void Print(Sample s)
    {
        if (_samples.Count > 1 && s.IsLike(_samples.ElementAt(_samples.Count - 2))) return;
        _to.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{s.Seconds,7:0.00} s  {s.Rate,8:n0} events/s  {s.Live,5:n0} microVMs  {s.Threads,4:n0} threads  {s.Loaded} of {s.Components} loaded  {AppsCommand.Mebibytes(s.Resident),10} in RAM"));
        _to.Flush();
    }

    private Rows Draw()
    {
        Sample s = _samples.Last();
        var grid = new Grid().AddColumn(new GridColumn().NoWrap()).AddColumn(new GridColumn().RightAligned().NoWrap().Width(11)).AddColumn(new GridColumn().NoWrap());
        Row("requests and messages/s", s.Rate.ToString("n0", CultureInfo.InvariantCulture), x => x.Rate, Color.Green);
        Row("live microVMs", ReportText.Count(s.Live), x => x.Live, Color.Yellow);
        Row("microVM threads", ReportText.Count(s.Threads), x => x.Threads, Color.Blue);
        Row("components loaded", $"{s.Loaded} of {s.Components}", x => x.Loaded, Color.Aqua);
        Row("memory in RAM", AppsCommand.Mebibytes(s.Resident), x => x.Resident, Color.Grey);
        string[] log;
        lock (_lock) log = [.. _log];
        return new Rows([new Text(string.Create(CultureInfo.InvariantCulture, $"{s.Seconds:0} s, {s.Events:n0} in all; the last 15 s:")), grid, .. log.Select(l => new Text(l) { Overflow = Overflow.Ellipsis })]);

        void Row(string name, string value, Func<Sample, double> number, Color colour) =>
            grid.AddRow(new Text(name), new Text(value), new Text(Curve(number), new Style(colour)));
    }

    private string Curve(Func<Sample, double> number)
    {
        string steps = AnsiConsole.Profile.Capabilities.Unicode ? Steps : PlainSteps;
        double most = Math.Max(1, _samples.Max(number));
        return string.Concat(_samples.Select(x => steps[(int)Math.Ceiling(number(x) / most * (steps.Length - 1))])).PadLeft(History);
    }

    private readonly record struct Sample(double Seconds, long Events, double Rate, int Live, int Threads, int Loaded, int Components, long Resident)
    {
        public bool IsLike(Sample other) => (Events, Live, Threads, Loaded) == (other.Events, other.Live, other.Threads, other.Loaded) && (Rate > 0) == (other.Rate > 0);
    }
}
