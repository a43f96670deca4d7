// What a camera is asked for, and how it does.
using Mote.Runtime.Cameras;

namespace Mote.Triggers.Camera;

/// <summary>A camera as its components want it: those that want the same share one decoder.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Source">Where its pictures come from.</param>
/// <param name="Size">The size of the pictures; others are scaled to it.</param>
/// <param name="Format">How their pixels lie.</param>
/// <param name="Rate">Most pictures a second; null is as many as come.</param>
public sealed record CameraOptions(string Name, CameraSource Source, PictureSize Size, PictureFormat Format, double? Rate)
{
    /// <summary>Bytes of one picture.</summary>
    public int FrameBytes => Format.Bytes(Size);
}

/// <summary>What a camera does.</summary>
public enum CameraState
{
    /// <summary>Its first picture has not come yet, or it is to be opened again.</summary>
    Opening,

    /// <summary>Pictures come.</summary>
    Streaming,

    /// <summary>A recording is over.</summary>
    Ended,
}

/// <summary>A camera at a moment. Counts are since the node's start.</summary>
/// <param name="State">What it does.</param>
/// <param name="Fault">Why no pictures come; null while they do, or where nothing is wrong yet.</param>
/// <param name="Frames">Pictures that came, those that were dropped included.</param>
/// <param name="Opened">How often it was opened.</param>
public readonly record struct CameraCounts(CameraState State, string? Fault, long Frames, long Opened);
