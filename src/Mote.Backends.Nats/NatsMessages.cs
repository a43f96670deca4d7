// A message of wasi:messaging as one of NATS and back: metadata are headers, and the content type is the header of that
// name. Headers whose names begin with Nats- are the server's: a guest reads them, and does not send them.
using System.Text;
using Microsoft.Extensions.Primitives;
using Mote.Capabilities.Messaging;
using Mote.Triggers;
using NATS.Client.Core;

namespace Mote.Backends.Nats;

internal static class NatsMessages
{
    private const string ContentType = "Content-Type";

    /// <summary>What the server itself reads: ids, expected sequences, roll-ups.</summary>
    private const string OfServer = "Nats-";

    /// <summary>A line of the protocol has 4,096 bytes by default, and two subjects may be in it.</summary>
    private const int MaxSubject = 1024;

    /// <summary>For a guest. The bytes are those that came from the wire: each message has an array of its own.</summary>
    /// <param name="subject">Where it came from.</param>
    /// <param name="headers">Its headers.</param>
    /// <param name="data">Its bytes.</param>
    /// <param name="replyTo">Where an answer goes; null for nowhere.</param>
    public static Message ToGuest(string subject, NatsHeaders? headers, byte[]? data, ReplyAddress? replyTo)
    {
        var message = new Message(data ?? []) { Topic = subject, ReplyTo = replyTo, System = "nats" };
        if (headers is null) return message;
        foreach ((string name, StringValues values) in headers)
        {
            foreach (string? value in values)
            {
                if (name.Equals(ContentType, StringComparison.OrdinalIgnoreCase)) message.Type = value;
                else message.AddMetadata(name, value ?? "");
            }
        }

        return message;
    }

    /// <summary>The headers of a guest's message.</summary>
    /// <exception cref="MessagingException">NATS cannot carry it.</exception>
    public static NatsHeaders? FromGuest(string subject, Message m, int maxPayload)
    {
        if (SubjectFault(subject) is { } fault) throw new MessagingException(fault, MessagingFault.Refused);
        bool isLetter = m.MetadataOf(RetryPolicy.TopicName) is not null;
        NatsHeaders? headers = null;
        long size = m.Bytes.Length;
        if (m.Type is not null && !(isLetter && !IsValue(m.Type))) Add(ContentType, m.Type);
        foreach ((string name, string value) in m.Metadata)
        {
            // A dead letter may come from a broker that carries more; it goes without what NATS cannot carry.
            if (name.StartsWith(OfServer, StringComparison.OrdinalIgnoreCase) || (isLetter && !(IsName(name) && IsValue(value)))) continue;
            Add(name, value);
        }

        if (size > maxPayload) throw new MessagingException($"a message has at most {maxPayload} bytes here, headers and data, and this one for `{subject}` has {size} (max_payload of the NATS server)", MessagingFault.Refused);
        return headers;

        void Add(string name, string value)
        {
            if (!IsName(name)) throw new MessagingException($"`{name}` cannot be the name of metadata on NATS: it has printable ASCII characters without colon and space", MessagingFault.Refused);
            if (!IsValue(value)) throw new MessagingException($"the value of `{name}` cannot be metadata on NATS: it has a line break or a NUL", MessagingFault.Refused);
            size += name.Length + Encoding.UTF8.GetByteCount(value) + 4;
            headers ??= new NatsHeaders(m.Metadata.Count + 1);
            headers[name] = headers.TryGetValue(name, out StringValues before) ? StringValues.Concat(before, value) : value;
        }
    }

    private static bool IsName(string name) => name.Length > 0 && name.All(c => c is > ' ' and < '\u007f' and not ':');

    private static bool IsValue(string value) => value.AsSpan().IndexOfAny('\r', '\n', '\0') < 0;

    /// <summary>What is wrong with a subject to publish to; null where nothing is.</summary>
    private static string? SubjectFault(string subject)
    {
        if (subject.Length == 0 || Encoding.UTF8.GetByteCount(subject) > MaxSubject) return $"a subject of NATS has 1 to {MaxSubject} bytes";
        if (subject.Any(c => char.IsWhiteSpace(c) || char.IsControl(c))) return $"`{subject}` is not a subject of NATS: it has a space or a control character";
        string[] tokens = subject.Split('.');
        return tokens.Contains("") ? $"`{subject}` is not a subject of NATS: between two dots, and before and after, is something"
            : tokens.Any(t => t is "*" or ">") ? $"`{subject}` is not a subject to send to: it has a wildcard" : null;
    }
}
