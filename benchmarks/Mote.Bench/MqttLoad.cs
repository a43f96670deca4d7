// An MQTT 3.1.1 client of few instructions: the machine's two cores are the broker's.
using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Mote.Bench;

/// <summary>One connection that publishes at quality of service 1 with so many messages under way, or receives.</summary>
internal sealed class MqttLoad : IDisposable
{
    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private readonly byte[] _in = new byte[1 << 16];
    private int _have;
    private int _at;
    private ushort _id;

    public MqttLoad(int port, string name)
    {
        _socket.Connect(IPAddress.Loopback, port);
        byte[] id = Encoding.UTF8.GetBytes(name);
        // CONNECT: MQTT, level 4, clean session, no keep-alive.
        _socket.Send([0x10, (byte)(12 + id.Length), 0, 4, (byte)'M', (byte)'Q', (byte)'T', (byte)'T', 4, 2, 0, 0, 0, (byte)id.Length, .. id]);
        if (Packet(out _) != 0x20) throw new MissingException("the broker refuses a connection");
    }

    public void Subscribe(string filter)
    {
        byte[] f = Encoding.UTF8.GetBytes(filter);
        _socket.Send([0x82, (byte)(5 + f.Length), 0, 1, 0, (byte)f.Length, .. f, 1]);
        if (Packet(out _) != 0x90) throw new MissingException("the broker refuses a subscription");
    }

    /// <summary>Publishes until the time is over, or so many are sent, and waits for all acknowledgements.</summary>
    /// <param name="topic">The topic.</param>
    /// <param name="payloads">Sent in turn.</param>
    /// <param name="window">Most that are not acknowledged.</param>
    /// <param name="more">Asked before each.</param>
    /// <param name="took">Told, where it is there, how long each took, in ticks of the stopwatch.</param>
    /// <returns>How many were acknowledged.</returns>
    public long Publish(string topic, byte[][] payloads, int window, Func<long, bool> more, List<long>? took = null)
    {
        byte[][] packets = [.. payloads.Select(p => PublishPacket(topic, p))];
        long sent = 0, acknowledged = 0;
        var began = new Queue<long>();
        bool go = true;
        while (go || acknowledged < sent)
        {
            while (go && sent - acknowledged < window)
            {
                if (!(go = more(sent))) break;
                long which = sent % packets.Length;
                byte[] packet = packets[which];
                if (++_id == 0) _id = 1;
                BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(packet.Length - payloads[which].Length - 2), _id);
                if (took is not null) began.Enqueue(System.Diagnostics.Stopwatch.GetTimestamp());
                _socket.Send(packet);
                sent++;
            }

            if (acknowledged == sent) break;
            if (Packet(out _) >> 4 != 4) continue;
            acknowledged++;
            if (took is not null) took.Add(System.Diagnostics.Stopwatch.GetTimestamp() - began.Dequeue());
        }

        return acknowledged;
    }

    /// <summary>Takes messages, acknowledging each, until there are so many.</summary>
    public void Receive(long count, Action? each = null)
    {
        for (long i = 0; i < count;)
        {
            int type = Packet(out ReadOnlySpan<byte> body);
            if (type >> 4 != 3) continue;
            if ((type & 6) != 0)
            {
                int topic = BinaryPrimitives.ReadUInt16BigEndian(body);
                _socket.Send([0x40, 2, body[2 + topic], body[3 + topic]]);
            }

            i++;
            each?.Invoke();
        }
    }

    public void Dispose() => _socket.Dispose();

    private static byte[] PublishPacket(string topic, byte[] payload)
    {
        byte[] t = Encoding.UTF8.GetBytes(topic);
        int rest = 2 + t.Length + 2 + payload.Length;
        byte[] length = rest < 128 ? [(byte)rest] : [(byte)(rest | 0x80), (byte)(rest >> 7)];
        return [0x32, .. length, 0, (byte)t.Length, .. t, 0, 0, .. payload];
    }

    private int Packet(out ReadOnlySpan<byte> body)
    {
        while (true)
        {
            ReadOnlySpan<byte> have = _in.AsSpan(_at, _have - _at);
            if (have.Length >= 2)
            {
                int length = have[1] & 0x7f, head = 2;
                if (have[1] >= 0x80 && have.Length >= 3)
                {
                    length |= have[2] << 7;
                    head = 3;
                }

                if ((have[1] < 0x80 || head == 3) && have.Length >= head + length)
                {
                    body = have.Slice(head, length);
                    _at += head + length;
                    return have[0];
                }
            }

            if (_at > 0)
            {
                have.CopyTo(_in);
                _have -= _at;
                _at = 0;
            }

            int n = _socket.Receive(_in.AsSpan(_have));
            if (n == 0) throw new MissingException("the broker has closed the connection");
            _have += n;
        }
    }
}
