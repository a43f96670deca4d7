// Gives a component the pictures of a camera, one at a time. Where it is slower than the camera, the newest picture waits
// and takes the place of the one that waited.
using Mote.Capabilities.Messaging;

namespace Mote.Triggers.Camera;

/// <summary>A camera's pictures on their way to one component.</summary>
/// <param name="queue">The component's queue, of which this is the only sender.</param>
/// <param name="camera">The camera.</param>
internal sealed class CameraFeed(MessageQueue queue, CameraOptions camera)
{
    private readonly Lock _lock = new();
    private readonly ManualResetEventSlim _isFree = new(initialState: true);
    private readonly FrameMessages _messages = new(camera.Name, camera.Size, camera.Format);

    private Frame? _next;
    private bool _isBusy;
    private long _dropped;

    /// <summary>Pictures that a newer one took the place of.</summary>
    public long Dropped => Volatile.Read(ref _dropped);

    /// <summary>A picture has come.</summary>
    public void Offer(Frame frame)
    {
        frame.Hold();
        Frame? old;
        lock (_lock)
        {
            if (!_isBusy)
            {
                _isBusy = true;
                _isFree.Reset();
                old = null;
            }
            else
            {
                old = _next;
                _next = frame;
                if (old is null) return;
            }
        }

        if (old is null) Send(frame);
        else Drop(old);
    }

    /// <summary>Waits until no picture is in work, so that the next one is not dropped.</summary>
    public void WaitUntilFree(CancellationToken stop) => _isFree.Wait(stop);

    private void Drop(Frame frame)
    {
        Interlocked.Increment(ref _dropped);
        // The component has not seen it, but it came: what is saved is counted from it.
        queue.Ledger?.In(camera.Name, camera.Name, frame.Pixels.Length);
        frame.Release();
    }

    private void Send(Frame frame)
    {
        Message message = _messages.Of(frame.Pixels, (frame.Time - DateTimeOffset.UnixEpoch).Ticks * 100, frame.Sequence, frame.Release);
        // Only where it has been stopped is there no room: one is in work at a time.
        if (!queue.TryEnqueue(new MessageEvent(message, _ => Next(), camera.Name))) Next();
    }

    private void Next()
    {
        Frame? next;
        lock (_lock)
        {
            next = _next;
            _next = null;
            if (next is null)
            {
                _isBusy = false;
                _isFree.Set();
            }
        }

        if (next is not null) Send(next);
    }
}
