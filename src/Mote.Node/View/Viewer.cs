// One page that somebody looks at: a WebSocket on which go pictures, what the apps say, and the state of all of it. A page
// gets the next picture of a camera when it has drawn the last; what it is too slow for is left out, and holds up nobody.
using System.Buffers.Binary;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using System.Threading.Channels;
using Mote.Runtime.Cameras;
using Mote.Triggers.Camera;

namespace Mote.Node.View;

/// <summary>Somebody who looks. Everything that waits for them is bounded.</summary>
internal sealed class Viewer : IDisposable
{
    /// <summary>Bytes before a picture's pixels (docs/view.md has them).</summary>
    public const int HeaderBytes = 48;

    /// <summary>Most cameras that a page shows at once.</summary>
    public const int MostCameras = 16;

    /// <summary>Most pictures of a camera a second.</summary>
    private const int MostRate = 10;

    /// <summary>Most bytes of pictures a second, of all cameras: large ones come more seldom.</summary>
    private const double MostBytesPerSecond = 32 << 20;

    /// <summary>Most lines that wait, and their bytes: then the oldest go.</summary>
    private const int MostLines = 256, MostLineBytes = 1 << 20;

    /// <summary>What a page asks for is short.</summary>
    private const int MostRequestBytes = 1024;

    /// <summary>A page that takes nothing for so long is gone.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    private static readonly TimeSpan s_longestStream = TimeSpan.FromDays(24);

    private static readonly TimeSpan s_statusInterval = TimeSpan.FromSeconds(1);

    /// <summary>Closing codes of its own (4000 to 4999 are for that).</summary>
    private const WebSocketCloseStatus SessionIsOver = (WebSocketCloseStatus)4001;

    private readonly WebSocket _socket;
    private readonly IReadOnlyList<CameraStream> _cameras;
    private readonly Func<byte[]> _status;
    private readonly TimeProvider _time;
    private readonly Channel<bool> _wake = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });
    private readonly Queue<byte[]> _lines = new();
    private readonly Lock _lock = new();
    private readonly byte[] _header = new byte[HeaderBytes];
    private readonly ITimer _pace;
    private readonly ITimer _second;
    private volatile Look[] _looks = [];
    private volatile bool _isStatusDue = true;
    private int _lineBytes;
    private long _left;
    private long _due;
    private int _turn;
    private long _sendingSince;

    /// <param name="socket">The page's.</param>
    /// <param name="cameras">All that there are; a page knows them by their places.</param>
    /// <param name="status">What is said every second.</param>
    /// <param name="time">The clock.</param>
    public Viewer(WebSocket socket, IReadOnlyList<CameraStream> cameras, Func<byte[]> status, TimeProvider time)
    {
        _socket = socket;
        _cameras = cameras;
        _status = status;
        _time = time;
        _pace = time.CreateTimer(_ => Wake(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _second = time.CreateTimer(_ => Tick(), null, s_statusInterval, s_statusInterval);
    }

    /// <summary>Lines that it was too slow for.</summary>
    public long Left => Volatile.Read(ref _left);

    /// <summary>Whether it shows a camera.</summary>
    public bool LooksAt(string camera) => Array.Exists(_looks, l => l.Camera.Options.Name == camera);

    /// <summary>A line for the page. Never waits: where too many do, the oldest go.</summary>
    public void Say(byte[] line)
    {
        lock (_lock)
        {
            _lines.Enqueue(line);
            _lineBytes += line.Length;
            while (_lines.Count > MostLines || _lineBytes > MostLineBytes)
            {
                _lineBytes -= _lines.Dequeue().Length;
                _left++;
            }
        }

        Wake();
    }

    /// <summary>Until the page goes, its session is over, or the node ends.</summary>
    /// <param name="atMost">How long the session still lasts.</param>
    /// <param name="stop">The node ends.</param>
    public async Task RunAsync(TimeSpan atMost, CancellationToken stop)
    {
        // No timer is as long as a session may be: then the page comes again by itself.
        bool isLong = atMost > s_longestStream;
        using var session = new CancellationTokenSource(isLong ? s_longestStream : atMost > TimeSpan.Zero ? atMost : TimeSpan.Zero, _time);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(stop, session.Token);
        // Receiving is not cancelled, which would cut the connection: it ends when the page has answered the close.
        Task receiving = ReceiveAsync(), sending = SendAsync(end.Token);
        await Task.WhenAny(receiving, sending).ConfigureAwait(false);
        await end.CancelAsync().ConfigureAwait(false);
        if (!await EndsAsync(sending).ConfigureAwait(false)) _socket.Abort();
        await Quietly(sending).ConfigureAwait(false);
        if (_socket.State is WebSocketState.Open or WebSocketState.CloseReceived)
        {
            (WebSocketCloseStatus status, string why) = receiving.IsCompleted ? (WebSocketCloseStatus.NormalClosure, "")
                : session.IsCancellationRequested && !stop.IsCancellationRequested && !isLong ? (SessionIsOver, "the session is over") : (WebSocketCloseStatus.EndpointUnavailable, "come again");
            Task closing = Quietly(_socket.CloseOutputAsync(status, why, CancellationToken.None));
            if (await EndsAsync(closing).ConfigureAwait(false)) await EndsAsync(receiving).ConfigureAwait(false);
            _socket.Abort();
            await closing.ConfigureAwait(false);
        }

        _socket.Abort();
        await Quietly(receiving).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _pace.Dispose();
        _second.Dispose();
        foreach (Look look in Interlocked.Exchange(ref _looks, [])) look.Dispose();
    }

    /// <summary>True where it ends soon.</summary>
    private static async Task<bool> EndsAsync(Task task) => await Task.WhenAny(task, Task.Delay(TimeSpan.FromSeconds(1), CancellationToken.None)).ConfigureAwait(false) == task;

    private static async Task Quietly(Task task)
    {
        try
        {
            await task.ConfigureAwait(false);
        }
        catch (Exception e) when (e is OperationCanceledException or WebSocketException or IOException or ObjectDisposedException or InvalidOperationException)
        {
            // The page has gone, which is no fault.
        }
    }

    private void Wake() => _wake.Writer.TryWrite(true);

    private void Tick()
    {
        _isStatusDue = true;
        if (Volatile.Read(ref _sendingSince) is > 0 and var since && _time.GetElapsedTime(since) > s_patience) _socket.Abort();
        else Wake();
    }

    private async Task SendAsync(CancellationToken stop)
    {
        while (await _wake.Reader.WaitToReadAsync(stop).ConfigureAwait(false))
        {
            _wake.Reader.TryRead(out _);
            while (NextLine() is { } line) await SendAsync(line, WebSocketMessageType.Text, isWhole: true, stop).ConfigureAwait(false);
            if (_isStatusDue)
            {
                _isStatusDue = false;
                await SendAsync(_status(), WebSocketMessageType.Text, isWhole: true, stop).ConfigureAwait(false);
            }

            await SendPicturesAsync(stop).ConfigureAwait(false);
        }
    }

    private byte[]? NextLine()
    {
        lock (_lock)
        {
            if (!_lines.TryDequeue(out byte[]? line)) return null;
            _lineBytes -= line.Length;
            return line;
        }
    }

    /// <summary>One picture of each camera that has a newer one, where the page has drawn the last and its time has come.</summary>
    private async Task SendPicturesAsync(CancellationToken stop)
    {
        Look[] looks = _looks;
        long soonest = long.MaxValue;
        for (int i = 0; i < looks.Length; i++)
        {
            Look look = looks[(_turn + i) % looks.Length];
            if (look.IsDrawing || !look.Watcher.HasNext) continue;
            long now = _time.GetTimestamp(), due = Math.Max(look.Due, _due);
            if (due > now)
            {
                soonest = Math.Min(soonest, due);
                continue;
            }

            if (look.Watcher.TryTake() is not { } frame) continue;
            using (frame)
            {
                look.IsDrawing = true;
                look.Due = now + (_time.TimestampFrequency / MostRate);
                _due = now + (long)(frame.Pixels.Length / MostBytesPerSecond * _time.TimestampFrequency);
                WriteHeader(_header, look.Id, look.Camera.Options, frame);
                await SendAsync(_header, WebSocketMessageType.Binary, isWhole: false, stop).ConfigureAwait(false);
                await SendAsync(frame.Pixels, WebSocketMessageType.Binary, isWhole: true, stop).ConfigureAwait(false);
            }
        }

        // Where there are more than the bytes of a second allow, another one is first the next time.
        _turn = (_turn + 1) & 0xffff;
        if (soonest == long.MaxValue) return;
        TimeSpan wait = _time.GetElapsedTime(_time.GetTimestamp(), soonest);
        _pace.Change(wait > TimeSpan.Zero ? wait + TimeSpan.FromMilliseconds(1) : TimeSpan.Zero, Timeout.InfiniteTimeSpan);
    }

    internal static void WriteHeader(Span<byte> header, int id, CameraOptions camera, in WatchedFrame frame)
    {
        header.Clear();
        header[0] = 1; // version
        BinaryPrimitives.WriteUInt16LittleEndian(header[2..], (ushort)id);
        BinaryPrimitives.WriteInt32LittleEndian(header[4..], camera.Size.Width);
        BinaryPrimitives.WriteInt32LittleEndian(header[8..], camera.Size.Height);
        BinaryPrimitives.WriteInt32LittleEndian(header[12..], camera.Format.Stride(camera.Size.Width));
        BinaryPrimitives.WriteInt64LittleEndian(header[16..], frame.Sequence);
        BinaryPrimitives.WriteInt64LittleEndian(header[24..], frame.Time.ToUnixTimeMilliseconds());
        Encoding.ASCII.GetBytes(camera.Format.Name, header[32..]);
    }

    private async ValueTask SendAsync(ReadOnlyMemory<byte> bytes, WebSocketMessageType type, bool isWhole, CancellationToken stop)
    {
        Volatile.Write(ref _sendingSince, _time.GetTimestamp());
        await _socket.SendAsync(bytes, type, isWhole, stop).ConfigureAwait(false);
        Volatile.Write(ref _sendingSince, 0);
    }

    private async Task ReceiveAsync()
    {
        byte[] buffer = new byte[MostRequestBytes];
        while (true)
        {
            ValueWebSocketReceiveResult got = await _socket.ReceiveAsync(buffer.AsMemory(), CancellationToken.None).ConfigureAwait(false);
            if (got.MessageType != WebSocketMessageType.Text || !got.EndOfMessage) return;
            try
            {
                Do(JsonSerializer.Deserialize(buffer.AsSpan(0, got.Count), ViewJson.Default.ViewRequest));
            }
            catch (JsonException)
            {
                return; // no page of ours
            }
        }
    }

    private void Do(ViewRequest? request)
    {
        if (request?.Watch is { } ids) LookAt(ids);
        if (request?.Drawn is { } drawn && Array.Find(_looks, l => l.Id == drawn) is { } look)
        {
            look.IsDrawing = false;
            Wake();
        }
    }

    /// <summary>Looks at these cameras, and no longer at the others.</summary>
    private void LookAt(int[] ids)
    {
        int[] wanted = [.. ids.Where(i => i >= 0 && i < _cameras.Count).Distinct().Take(MostCameras)];
        Look[] before = _looks;
        _looks = [.. wanted.Select(i => Array.Find(before, l => l.Id == i) ?? new Look(i, _cameras[i], Wake))];
        foreach (Look look in before)
        {
            if (!wanted.Contains(look.Id)) look.Dispose();
        }

        _isStatusDue = true;
        Wake();
    }

    /// <summary>A camera that the page shows.</summary>
    private sealed class Look(int id, CameraStream camera, Action came) : IDisposable
    {
        private volatile bool _isDrawing;

        public int Id => id;

        public CameraStream Camera => camera;

        public FrameWatcher Watcher { get; } = camera.Watch.Begin(came);

        /// <summary>The page was given a picture and has not said that it has drawn it.</summary>
        public bool IsDrawing
        {
            get => _isDrawing;
            set => _isDrawing = value;
        }

        /// <summary>When the next one may go, by the clock's timestamp.</summary>
        public long Due { get; set; }

        public void Dispose() => Watcher.Dispose();
    }
}
