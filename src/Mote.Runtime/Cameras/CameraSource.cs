// Where the pictures of a camera come from, as the operator named it.
namespace Mote.Runtime.Cameras;

/// <summary>Kinds of sources.</summary>
public enum CameraKind
{
    /// <summary>A V4L2 device of this machine.</summary>
    Device,

    /// <summary>A camera on the network that speaks RTSP.</summary>
    Rtsp,

    /// <summary>A stream over HTTP: MJPEG, mostly.</summary>
    Http,

    /// <summary>A video file.</summary>
    File,

    /// <summary>A folder of pictures, in the order of their names.</summary>
    Folder,
}

/// <summary>A source.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Address">Its URL, or its path, absolute. A URL may have credentials in it: show it through <see cref="Shown"/>.</param>
public sealed record CameraSource(CameraKind Kind, string Address)
{
    /// <summary>The same without credentials, for people.</summary>
    public required string Shown { get; init; }

    /// <summary>For RTSP: "tcp", which loses nothing, or "udp".</summary>
    public string Transport { get; init; } = "tcp";

    /// <summary>A file or folder begins again at its end.</summary>
    public bool Loop { get; init; }

    /// <summary>A file or folder is played as fast as the components take it, and none of its frames is dropped; else in its own time, as a camera.</summary>
    public bool EveryFrame { get; init; }

    /// <summary>Pictures of a folder a second, in its own time.</summary>
    public double FolderRate { get; init; } = 10;

    /// <summary>Threads that decode it.</summary>
    public int Threads { get; init; } = 1;

    /// <summary>True where it ends by itself.</summary>
    public bool IsRecorded => Kind is CameraKind.File or CameraKind.Folder;
}
