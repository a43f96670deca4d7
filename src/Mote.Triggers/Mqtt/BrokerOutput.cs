// What goes to one client of the embedded broker: packets are put together, and sent with one system call.
using System.Buffers;
using System.Buffers.Binary;
using System.Net.Sockets;
using MQTTnet.Exceptions;
using MQTTnet.Formatter;
using MQTTnet.Packets;

namespace Mote.Triggers.Mqtt;

/// <summary>Bytes on their way to a client. Safe to use from many threads.</summary>
internal sealed class BrokerOutput(Socket socket) : IThreadPoolWorkItem
{
    /// <summary>Who sends waits where the client has not taken so much yet.</summary>
    private const int Most = 256 << 10;

    private const int FirstBuffer = 1 << 10;

    private readonly Lock _lock = new();
    private byte[]? _bytes;
    private int _count;
    private int _corkedBy;
    private int _ownPings;
    private bool _sending;
    private bool _ending;
    private Exception? _fault;
    private TaskCompletionSource? _room;
    private TaskCompletionSource? _drained;

    /// <summary>Bytes sent so far.</summary>
    public long Sent { get; private set; }

    /// <summary>What this thread acknowledges until <see cref="Uncork"/> goes out together; what others send does not wait.</summary>
    public void Cork() => _corkedBy = Environment.CurrentManagedThreadId;

    /// <summary>Sends what has come together.</summary>
    public void Uncork()
    {
        _corkedBy = 0;
        lock (_lock)
        {
            if (_count == 0 || _sending) return;
            _sending = true;
        }

        _ = Flush();
    }

    /// <summary>Acknowledges a message of quality of service 1: what MQTT 3.1.1 and 5 send is the same.</summary>
    public void Acknowledge(ushort id)
    {
        Span<byte> packet = [0x40, 2, 0, 0];
        BinaryPrimitives.WriteUInt16BigEndian(packet[2..], id);
        lock (_lock)
        {
            if (_fault is not null || _ending) return;
            Append(packet);
            if (_corkedBy != Environment.CurrentManagedThreadId) Start();
        }
    }

    /// <summary>MQTTnet is about to be asked something by us, and its answer is not the client's.</summary>
    public void ExpectOwnPing()
    {
        lock (_lock) _ownPings++;
    }

    /// <summary>Sends a packet; waits where the client does not take them.</summary>
    /// <exception cref="MqttCommunicationException">The connection is over.</exception>
    public Task Send(MqttPacket packet, MqttPacketFormatterAdapter formatter, CancellationToken token)
    {
        lock (_lock)
        {
            if (_fault is not null || _ending) throw new MqttCommunicationException("the connection is over", _fault!);
            if (packet is MqttPingRespPacket && _ownPings > 0)
            {
                _ownPings--;
                return Task.CompletedTask;
            }

            Append(packet, formatter);
            Start();
            return _count < Most ? Task.CompletedTask : Room(token);
        }
    }

    private Task Room(CancellationToken token) => (_room ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task.WaitAsync(token);

    /// <summary>Sends a last packet, and ends the connection.</summary>
    public void End(MqttPacket? last, MqttPacketFormatterAdapter formatter)
    {
        lock (_lock)
        {
            if (_ending || _fault is not null) return;
            if (last is not null) Append(last, formatter);
            _ending = true;
            Start();
        }
    }

    /// <summary>Waits where the client has not taken what is on its way to it.</summary>
    public Task RoomAsync(CancellationToken token)
    {
        lock (_lock) return _count < Most || _fault is not null ? Task.CompletedTask : Room(token);
    }

    /// <summary>Ends the connection when all is sent, or when there is no more time for that.</summary>
    public async Task EndAsync(CancellationToken token)
    {
        Task drained;
        lock (_lock)
        {
            _ending = true;
            if (_fault is not null) return;
            Start();
            drained = (_drained ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
        }

        await Task.WhenAny(drained, Task.Delay(Timeout.Infinite, token)).ConfigureAwait(false);
        Fail(new ObjectDisposedException(nameof(BrokerOutput)));
    }

    /// <summary>The connection is over, and what has not been sent is dropped.</summary>
    public void Close() => Fail(new ObjectDisposedException(nameof(BrokerOutput)));

    void IThreadPoolWorkItem.Execute() => _ = Flush();

    private void Append(MqttPacket packet, MqttPacketFormatterAdapter formatter)
    {
        MqttPacketBuffer buffer = formatter.Encode(packet);
        Append(buffer.Packet);
        foreach (ReadOnlyMemory<byte> part in buffer.Payload) Append(part.Span);
        formatter.Cleanup();
    }

    private void Append(ReadOnlySpan<byte> bytes)
    {
        if (_bytes is null || _bytes.Length - _count < bytes.Length)
        {
            byte[] larger = ArrayPool<byte>.Shared.Rent(Math.Max(FirstBuffer, Math.Max(2 * _count, _count + bytes.Length)));
            _bytes.AsSpan(0, _count).CopyTo(larger);
            if (_bytes is not null) ArrayPool<byte>.Shared.Return(_bytes);
            _bytes = larger;
        }

        bytes.CopyTo(_bytes.AsSpan(_count));
        _count += bytes.Length;
    }

    /// <summary>On the pool: more may come together until it runs.</summary>
    private void Start()
    {
        if (_sending) return;
        _sending = true;
        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: true);
    }

    private async Task Flush()
    {
        while (true)
        {
            byte[] bytes;
            int count;
            TaskCompletionSource? room;
            lock (_lock)
            {
                if (_count == 0 || _fault is not null)
                {
                    _sending = false;
                    if (_bytes is not null) ArrayPool<byte>.Shared.Return(_bytes);
                    (_bytes, _count) = (null, 0);
                    if (_ending) ShutDown();
                    _drained?.TrySetResult();
                    return;
                }

                (bytes, count, _bytes, _count) = (_bytes!, _count, null, 0);
                (room, _room) = (_room, null);
            }

            room?.TrySetResult();
            try
            {
                for (int sent = 0; sent < count;) sent += await socket.SendAsync(bytes.AsMemory(sent, count - sent)).ConfigureAwait(false);
                Sent += count;
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                Fail(e);
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(bytes);
            }
        }
    }

    private void Fail(Exception fault)
    {
        TaskCompletionSource? room;
        lock (_lock)
        {
            _fault ??= fault;
            (room, _room) = (_room, null);
        }

        room?.TrySetException(new MqttCommunicationException("the connection is over", fault));
    }

    private void ShutDown()
    {
        try
        {
            socket.Shutdown(SocketShutdown.Both);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // It is over already.
        }
    }
}
