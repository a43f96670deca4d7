// How many retained messages the embedded broker keeps: MQTTnet keeps them in memory, all that come.
using System.Globalization;
using MQTTnet;

namespace Mote.Triggers.Mqtt;

/// <summary>Most retained messages of the embedded broker.</summary>
/// <param name="Messages">Most messages.</param>
/// <param name="Bytes">Most bytes of topics, data and metadata.</param>
public readonly record struct RetainedOptions(int Messages = 10_000, long Bytes = 64 << 20);

/// <summary>Knows what is retained and what more may be. Safe to use from many threads.</summary>
internal sealed class RetainedLimit(RetainedOptions most)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, long> _sizes = [];
    private long _bytes;
    private long _refused;

    /// <summary>Messages that are retained, and their bytes.</summary>
    public (long Messages, long Bytes) Kept
    {
        get
        {
            lock (_lock) return (_sizes.Count, _bytes);
        }
    }

    /// <summary>Messages that were not retained because too many were.</summary>
    public long Refused => Volatile.Read(ref _refused);

    /// <summary>Takes the place of a message that is about to be retained, or gives back that of one that is about to be removed.</summary>
    /// <param name="m">The message; without data it removes the one on its topic.</param>
    /// <param name="before">For <see cref="Undo"/>.</param>
    /// <returns>Why it cannot be retained; null where it can.</returns>
    public string? Take(MqttApplicationMessage m, out long before)
    {
        long size = m.Payload.Length == 0 ? 0 : SizeOf(m);
        lock (_lock)
        {
            before = _sizes.GetValueOrDefault(m.Topic);
            if (size > 0 && ((before == 0 && _sizes.Count >= most.Messages) || (size > before && _bytes - before + size > most.Bytes)))
            {
                _refused++;
                return string.Create(CultureInfo.InvariantCulture, $"the broker retains at most {most.Messages} messages of {most.Bytes} bytes together, and has {_sizes.Count} of {_bytes} (`max-retained` and `max-retained-size` under [broker] in node.toml)");
            }

            Set(m.Topic, size);
            return null;
        }
    }

    /// <summary>The message was refused after all.</summary>
    public void Undo(string topic, long before)
    {
        lock (_lock) Set(topic, before);
    }

    private void Set(string topic, long size)
    {
        _bytes += size - _sizes.GetValueOrDefault(topic);
        if (size == 0) _sizes.Remove(topic);
        else _sizes[topic] = size;
    }

    private static long SizeOf(MqttApplicationMessage m) =>
        m.Payload.Length + (2L * m.Topic.Length) + (m.ContentType?.Length ?? 0) + (m.ResponseTopic?.Length ?? 0) + (m.CorrelationData?.Length ?? 0) + (m.UserProperties?.Sum(p => (long)p.Name.Length + p.ValueBuffer.Length) ?? 0);
}
