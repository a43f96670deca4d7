// One client of the embedded broker. It reads and writes many packets with one system call, gives messages straight to
// components where that is all that is to be done with them, and leaves everything else to MQTTnet.
using System.Buffers;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Threading.Channels;
using MQTTnet.Adapter;
using MQTTnet.Exceptions;
using MQTTnet.Formatter;
using MQTTnet.Packets;
using MQTTnet.Protocol;

namespace Mote.Triggers.Mqtt;

/// <summary>A connection, as MQTTnet's server sees it. MQTTnet reads from one task at a time; many may write.</summary>
internal sealed class BrokerConnection : IMqttChannelAdapter
{
    /// <summary>Most messages of a client that are in work, in the order of whose arrival they are acknowledged; more where they are handled in batches.</summary>
    private const int MostInWork = 32;

    /// <summary>What a packet may have besides its message: names and values that travel with it.</summary>
    private const int MostBesides = 1 << 20;

    private const int FirstBuffer = 8 << 10, MostKept = 64 << 10, FairShare = 256;

    private readonly Socket _socket;
    private readonly PublishIntake _intake;
    private readonly BrokerOutput _output;
    private readonly Queue<Acknowledgement> _inWork = new();
    private readonly Stack<Acknowledgement> _spare = new();
    private byte[]? _in;
    private int _at;
    private int _have;
    private long _lastPassed;
    private long _pingAfter = long.MaxValue;
    private TaskCompletionSource? _room;
    private int _mostInWork = MostInWork;
    private CancellationTokenSource? _end;
    private volatile bool _refused;

    public BrokerConnection(Socket socket, PublishIntake intake)
    {
        _socket = socket;
        _intake = intake;
        RemoteEndPoint = socket.RemoteEndPoint!;
        LocalEndPoint = socket.LocalEndPoint!;
        PacketFormatterAdapter = new MqttPacketFormatterAdapter(new MqttBufferWriter(256, MostKept));
        _output = new BrokerOutput(socket);
    }

    /// <inheritdoc/>
    public long BytesReceived { get; private set; }

    /// <inheritdoc/>
    public long BytesSent => _output.Sent;

    /// <inheritdoc/>
    public X509Certificate2? ClientCertificate => null;

    /// <inheritdoc/>
    public EndPoint RemoteEndPoint { get; }

    /// <inheritdoc/>
    public EndPoint LocalEndPoint { get; }

    /// <inheritdoc/>
    public bool IsSecureConnection => false;

    /// <inheritdoc/>
    public MqttPacketFormatterAdapter PacketFormatterAdapter { get; }

    private bool Is5 => PacketFormatterAdapter.ProtocolVersion == MqttProtocolVersion.V500;

    /// <inheritdoc/>
    public Task ConnectAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public Task DisconnectAsync(CancellationToken cancellationToken) => _output.EndAsync(cancellationToken);

    /// <inheritdoc/>
    public void ResetStatistics()
    {
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _output.Close();
        _end?.Dispose();
        if (_in is not null) ArrayPool<byte>.Shared.Return(_in);
        _in = null;
    }

    /// <inheritdoc/>
    public Task SendPacketAsync(MqttPacket packet, CancellationToken cancellationToken) => _output.Send(packet, PacketFormatterAdapter, cancellationToken);

    /// <inheritdoc/>
    /// <returns>The next packet that is MQTTnet's; null where the connection is over.</returns>
    public async Task<MqttPacket?> ReceivePacketAsync(CancellationToken cancellationToken)
    {
        try
        {
            for (int n = 1; ; n++)
            {
                if (!TryTake(out ReceivedMqttPacket received))
                {
                    _output.Uncork();
                    await _output.RoomAsync(cancellationToken).ConfigureAwait(false);
                    if (!await Fill(cancellationToken).ConfigureAwait(false)) return null;
                    continue;
                }

                if (PacketFormatterAdapter.ProtocolVersion == MqttProtocolVersion.Unknown) PacketFormatterAdapter.DetectProtocolVersion(received);
                MqttPacket packet = PacketFormatterAdapter.Decode(received) ?? throw new MqttProtocolViolationException("Received malformed packet.");
                if (packet is MqttPublishPacket publish && _intake.Direct(publish) is { } routes)
                {
                    _end ??= CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _intake.Stop.Token);
                    await Take(publish, routes, _end.Token).ConfigureAwait(false);
                    if (Environment.TickCount64 - _lastPassed > _pingAfter)
                    {
                        // MQTTnet ends a connection from which it has seen nothing for a while.
                        _lastPassed = Environment.TickCount64;
                        _output.ExpectOwnPing();
                        return MqttPingReqPacket.Instance;
                    }

                    if (n % FairShare != 0) continue;
                    _output.Uncork();
                    await Task.Yield();
                    continue;
                }

                // In the order of arrival, also between what is done here and there.
                await Settled(0, cancellationToken).ConfigureAwait(false);
                _output.Uncork();
                if (packet is MqttConnectPacket { KeepAlivePeriod: > 0 } connect) _pingAfter = connect.KeepAlivePeriod * 500L;
                _lastPassed = Environment.TickCount64;
                return packet;
            }
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException or ChannelClosedException)
        {
            return null;
        }
        catch (SocketException e)
        {
            throw new MqttCommunicationException(e);
        }
    }

    /// <summary>The next packet in the buffer, with bytes of its own: a message's are kept as long as the message is.</summary>
    private bool TryTake(out ReceivedMqttPacket packet)
    {
        packet = default;
        ReadOnlySpan<byte> have = _in.AsSpan(_at, _have - _at);
        int length = 0, head = 1;
        do
        {
            if (have.Length <= head) return false;
            if (head > 4) throw new MqttProtocolViolationException("Remaining length is invalid.");
            length |= (have[head] & 0x7f) << (7 * (head - 1));
        }
        while ((have[head++] & 0x80) != 0);
        if (length > EmbeddedBroker.MaxMessageBytes + MostBesides) throw new MqttProtocolViolationException($"A packet of {length} bytes is over the broker's limit.");
        if (have.Length < head + length) return false;
        byte[] body = GC.AllocateUninitializedArray<byte>(length);
        have.Slice(head, length).CopyTo(body);
        packet = new ReceivedMqttPacket(have[0], new ArraySegment<byte>(body), head + length);
        _at += head + length;
        BytesReceived += head + length;
        return true;
    }

    /// <summary>Waits for more bytes. A connection that is silent has no buffer.</summary>
    /// <returns>False where there are no more.</returns>
    private async ValueTask<bool> Fill(CancellationToken token)
    {
        if (_at == _have)
        {
            if (_in is not null) ArrayPool<byte>.Shared.Return(_in);
            _in = null;
            _at = _have = 0;
            await _socket.ReceiveAsync(Memory<byte>.Empty, token).ConfigureAwait(false);
            _in = ArrayPool<byte>.Shared.Rent(FirstBuffer);
        }
        else if (_at > 0)
        {
            _in.AsSpan(_at, _have - _at).CopyTo(_in);
            _have -= _at;
            _at = 0;
        }
        else if (_have == _in!.Length)
        {
            // As much as has come, and not as much as its length promises.
            byte[] larger = ArrayPool<byte>.Shared.Rent(2 * _in.Length);
            _in.AsSpan().CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_in);
            _in = larger;
        }

        int n = await _socket.ReceiveAsync(_in.AsMemory(_have), token).ConfigureAwait(false);
        _have += n;
        return n > 0;
    }

    /// <summary>Gives a message to components.</summary>
    private async ValueTask Take(MqttPublishPacket publish, MqttRoute[] routes, CancellationToken token)
    {
        if (publish.QualityOfServiceLevel == MqttQualityOfServiceLevel.AtMostOnce)
        {
            foreach (MqttRoute route in routes) await route.Queue.EnqueueAsync(route.Event(MqttMessages.ToGuest(publish)), token, here: true).ConfigureAwait(false);
            return;
        }

        Acknowledgement? acknowledgement;
        int most = MostOf(routes);
        lock (_inWork)
        {
            _mostInWork = most;
            acknowledgement = _inWork.Count < most ? Add(publish.PacketIdentifier) : null;
        }

        if (acknowledgement is null)
        {
            _output.Uncork();
            await Settled(most - 1, token).ConfigureAwait(false);
            lock (_inWork) acknowledgement = Add(publish.PacketIdentifier);
        }

        Action<Outcome> done = routes.Length == 1 ? acknowledgement.Done : new Outcomes(routes.Length, acknowledgement.Done).Done;
        _output.Cork();
        foreach (MqttRoute route in routes)
        {
            ValueTask accepted = route.AcceptAsync(MqttMessages.ToGuest(publish), done, token, here: true);
            if (accepted.IsCompletedSuccessfully) continue;
            _output.Uncork();
            await accepted.ConfigureAwait(false);
        }
    }

    /// <summary>A client alone can fill a batch, and the next one while that is handled.</summary>
    private static int MostOf(MqttRoute[] routes)
    {
        int most = MostInWork;
        foreach (MqttRoute route in routes)
        {
            most = Math.Max(most, 2 * route.Together);
        }

        return most;
    }

    private Acknowledgement Add(ushort id)
    {
        Acknowledgement acknowledgement = _spare.TryPop(out Acknowledgement? spare) ? spare : new Acknowledgement(this);
        acknowledgement.Begin(id);
        _inWork.Enqueue(acknowledgement);
        return acknowledgement;
    }

    /// <summary>Waits until no more than so many messages are in work.</summary>
    private async ValueTask Settled(int most, CancellationToken token)
    {
        while (true)
        {
            Task room;
            lock (_inWork)
            {
                if (_inWork.Count <= most) return;
                room = (_room ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
            }

            await room.WaitAsync(token).ConfigureAwait(false);
        }
    }

    /// <summary>One message is over: those at the head of the line are acknowledged.</summary>
    private void Over()
    {
        TaskCompletionSource? room = null;
        lock (_inWork)
        {
            while (_inWork.TryPeek(out Acknowledgement? first) && first.Outcome is { } outcome)
            {
                _inWork.Dequeue();
                if (outcome == Outcome.NotDelivered) Refuse();
                else if (!_refused) _output.Acknowledge(first.Id);
                _spare.Push(first);
            }

            if (_inWork.Count < _mostInWork) (room, _room) = (_room, null);
        }

        room?.TrySetResult();
    }

    private void Refuse()
    {
        if (_refused) return;
        _refused = true;
        // MQTT 3.1.1 has no way to refuse a message but to end the connection.
        MqttDisconnectPacket? why = Is5 ? new MqttDisconnectPacket { ReasonCode = MqttDisconnectReasonCode.ImplementationSpecificError, ReasonString = "a message cannot be kept now: send it again later" } : null;
        _output.End(why, PacketFormatterAdapter);
        if (!_intake.Stop.IsCancellationRequested) _intake.Log($"broker: a message from {RemoteEndPoint} is refused and the connection closed: neither it nor what the components made of it can be kept now");
    }

    /// <summary>A message in work. It is used again for another one.</summary>
    private sealed class Acknowledgement
    {
        private readonly BrokerConnection _connection;
        private int _outcome;

        public Acknowledgement(BrokerConnection connection)
        {
            _connection = connection;
            Done = outcome =>
            {
                Volatile.Write(ref _outcome, (int)outcome);
                _connection.Over();
            };
        }

        public Action<Outcome> Done { get; }

        public ushort Id { get; private set; }

        /// <summary>Null while it is in work.</summary>
        public Outcome? Outcome => Volatile.Read(ref _outcome) is var outcome && outcome >= 0 ? (Outcome)outcome : null;

        public void Begin(ushort id)
        {
            Id = id;
            _outcome = -1;
        }
    }
}
