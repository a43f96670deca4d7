// Reads [[trigger.messaging]].
using System.Text;
using Mote.Packaging.Toml;

namespace Mote.Packaging.Nats;

internal static class MessagingTriggers
{
    /// <summary>Of a subject in bytes: a line of the protocol has 4,096 by default, and has other things in it too.</summary>
    private const int MaxSubject = 1024;

    private const int MaxName = 128;

    private static readonly TimeSpan s_ackWait = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_maxAckWait = TimeSpan.FromHours(1);

    /// <summary>All of a manifest.</summary>
    /// <param name="triggers">The table `trigger`.</param>
    /// <param name="target">Reads which component is called.</param>
    /// <param name="batch">Reads what is said of batches.</param>
    public static List<MessagingTriggerManifest> Read(TomlTable triggers, Func<TomlTable, string> target, Func<TomlTable, BatchManifest?> batch)
    {
        var all = new List<MessagingTriggerManifest>();
        foreach (TomlTable t in triggers.Tables("messaging"))
        {
            string subject = t.Required("subject", "\"plant.*.vibration\"");
            if (SubjectFault(subject, isFilter: true) is { } fault) throw t.Values["subject"].Error(fault);
            string? queue = Name(t, "queue"), letters = t.String("dead-letter");
            if (letters is not null && SubjectFault(letters, isFilter: false) is { } wrong) throw t.Values["dead-letter"].Error(wrong);
            StreamSource? stream = ReadStream(t, queue);
            BatchManifest? batches = batch(t);
            if (t.Get("batch") is { } size && batches!.Options.Size > stream?.MaxInFlight) throw size.Error($"`batch` is {batches.Options.Size}, and no more than `max-in-flight` = {stream.MaxInFlight} messages are there at once: raise that, or lower `batch`");
            all.Add(new MessagingTriggerManifest(subject, target(t), t.Line)
            {
                Queue = queue,
                Stream = stream,
                Batch = batches,
                Retries = (int?)t.Integer("retries", 0, 100),
                DeadLetter = letters,
                Key = ManifestReader.ReadKey(t),
            });
            t.RejectUnknown("[[trigger.messaging]]");
        }

        return all;
    }

    private static StreamSource? ReadStream(TomlTable t, string? queue)
    {
        string? stream = Name(t, "stream"), durable = Name(t, "durable");
        TimeSpan? wait = t.Time("ack-wait", s_maxAckWait);
        long? flight = t.Integer("max-in-flight", 1, 100_000);
        string? from = t.String("deliver");
        if (stream is null)
        {
            foreach (string key in (string[])["durable", "ack-wait", "max-in-flight", "deliver"])
            {
                if (t.Get(key) is { } node) throw node.Error($"`{key}` is for a trigger with a stream of JetStream: add stream = \"NAME\"");
            }

            return null;
        }

        if (queue is not null) throw t.Values["queue"].Error("`queue` is for core NATS: nodes share the messages of a stream where they name the same `durable`");
        if (wait < TimeSpan.FromSeconds(1)) throw t.Values["ack-wait"].Error($"`ack-wait` must be at least 1s, found \"{t.String("ack-wait")}\"");
        return new StreamSource(
            stream,
            durable,
            from switch
            {
                null or "all" => DeliverFrom.All,
                "new" => DeliverFrom.New,
                _ => throw t.Values["deliver"].Error($"`deliver` is \"all\" or \"new\", found \"{from}\""),
            },
            wait ?? s_ackWait,
            (int?)flight);
    }

    /// <summary>A name of NATS's: of a stream, a consumer or a queue group.</summary>
    private static string? Name(TomlTable t, string key) => t.String(key) is not { } name ? null
        : name.Length is > 0 and <= MaxName && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_') ? name
        : throw t.Values[key].Error($"`{key}` has 1 to {MaxName} letters, digits, dashes and underscores, found \"{name}\"");

    /// <summary>What is wrong with a subject; null where nothing is.</summary>
    internal static string? SubjectFault(string subject, bool isFilter)
    {
        if (subject.Length == 0) return "a subject has at least one character";
        if (Encoding.UTF8.GetByteCount(subject) > MaxSubject) return $"a subject has at most {MaxSubject} bytes";
        if (subject.Any(c => char.IsWhiteSpace(c) || char.IsControl(c))) return $"`{subject}`: a subject has no spaces and no control characters";
        string[] tokens = subject.Split('.');
        if (tokens.Contains("")) return $"`{subject}`: between two dots of a subject, and before and after, is something";
        if (!isFilter && tokens.Any(t => t is "*" or ">")) return $"`{subject}` has a wildcard, and one subject is needed";
        if (tokens[..^1].Contains(">")) return $"`{subject}`: > stands at the end";
        if (subject.Split('/') is { Length: > 1 } levels && (levels.Contains("+") || levels[^1] == "#")) return $"`{subject}` looks like a topic of MQTT: the tokens of a subject of NATS are between dots, and its wildcards are * and >";
        return null;
    }
}
