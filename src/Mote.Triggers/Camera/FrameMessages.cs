// A picture as a component is given it: a message of wasi:messaging whose metadata says what its bytes are.
using System.Globalization;
using Mote.Capabilities.Messaging;
using Mote.Runtime.Cameras;

namespace Mote.Triggers.Camera;

/// <summary>Makes messages of a camera's pictures (docs/cli.md has the metadata).</summary>
/// <param name="camera">The camera's name, which is their topic.</param>
/// <param name="size">The pictures' size.</param>
/// <param name="format">How their pixels lie.</param>
public sealed class FrameMessages(string camera, PictureSize size, PictureFormat format)
{
    private readonly (string Name, string Value)[] _shape =
    [
        ("format", format.Name), ("width", Text(size.Width)), ("height", Text(size.Height)), ("stride", Text(format.Stride(size.Width))),
    ];

    /// <summary>The message of a picture.</summary>
    /// <param name="pixels">Its pixels.</param>
    /// <param name="timestamp">When it was taken, in nanoseconds since 1970.</param>
    /// <param name="sequence">Its number.</param>
    /// <param name="unused">Told when the pixels may change; null where they never do.</param>
    public Message Of(ReadOnlyMemory<byte> pixels, long timestamp, long sequence, Action? unused = null)
    {
        var message = new Message(pixels) { Topic = camera, Type = "video/raw", System = "camera", Unused = unused };
        foreach ((string name, string value) in _shape) message.AddMetadata(name, value);
        message.AddMetadata("timestamp", Text(timestamp));
        message.AddMetadata("sequence", Text(sequence));
        return message;
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
