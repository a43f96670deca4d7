// mote collect: the other end of an upstream.
using System.CommandLine;
using System.Net;
using System.Text;
using Mote.DataPlane;
using Mote.Node;
using Mote.Packaging;

namespace Mote.Cli.Commands;

internal static class CollectCommand
{
    public static Command Make()
    {
        var listen = new Option<string>("--listen") { Description = "Where to listen; port 0 chooses one.", HelpName = "ADDRESS:PORT", DefaultValueFactory = _ => "127.0.0.1:8088" };
        var file = new Option<string?>("--file") { Description = "Add each event to this file, one JSON object a line.", HelpName = "FILE" };
        Option<string?> duration = SharedOptions.Time("--duration", "End by itself after this time.");
        Option<bool> json = SharedOptions.Json();
        var command = new Command("collect", "Take CloudEvents over HTTP, store and print them.") { listen, file, duration, json };
        command.SetAction(async (r, _) =>
        {
            if (!ListenAddress.TryParse(r.GetValue(listen)!, out IPEndPoint? endpoint)) throw new CliException(ExitCode.Usage, $"--listen must be an address and a port like 127.0.0.1:8088, found `{r.GetValue(listen)}`");
            using var shutdown = new Shutdown();
            bool asJson = r.GetValue(json);
            await using Collector collector = await Collector.StartAsync(endpoint, r.GetValue(file), e => Console.WriteLine(asJson ? Encoding.UTF8.GetString(e.ToJson()) : Line(e))).ConfigureAwait(false);
            Console.Error.WriteLine($"collecting CloudEvents at {collector.Url}");
            await shutdown.WaitAsync(SharedOptions.TimeOf(r, duration)).ConfigureAwait(false);
            CollectorCounts c = collector.Counts;
            Console.Error.WriteLine($"{ReportText.Count(c.Stored)} events with {ReportText.Count(c.Bytes)} bytes{(c.Repeated > 0 ? $", {c.Repeated} came again" : "")}{(c.Refused > 0 ? $", {c.Refused} requests were no CloudEvents" : "")}");
            return ExitCode.Ok;
        });
        return command;
    }

    /// <summary>An event on one line of a terminal: what is not text is named by its size, control characters do not reach the terminal.</summary>
    internal static string Line(CloudEvent e)
    {
        string data = System.Text.Unicode.Utf8.IsValid(e.Data.Span) ? Encoding.UTF8.GetString(e.Data.Span) : $"({e.Data.Length} bytes of {e.ContentType ?? "data"})";
        var text = new StringBuilder($"{e.Time.UtcDateTime:HH:mm:ss.fff}  {e.Subject ?? e.Type}  {data}");
        for (int i = 0; i < text.Length; i++)
        {
            if (char.IsControl(text[i])) text[i] = ' ';
        }

        return text.Length <= 500 ? text.ToString() : text.ToString(0, 500) + "…";
    }
}
