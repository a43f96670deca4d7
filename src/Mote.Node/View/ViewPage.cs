// What the page is told every second: the cameras, what became of their pictures, and what they saved in traffic.
using System.Text.Json.Serialization;

namespace Mote.Node.View;

/// <summary>What a page asks for; what is null it does not ask for.</summary>
/// <param name="Watch">The cameras that it shows, by their places.</param>
/// <param name="Drawn">The camera whose last picture it has drawn.</param>
internal sealed record ViewRequest(int[]? Watch, int? Drawn);

/// <summary>A session, as the page is told of it.</summary>
/// <param name="Key">The page's part.</param>
/// <param name="Until">Its end, in milliseconds since 1970.</param>
internal sealed record ViewWelcome(string Key, long Until);

/// <summary>The state of it all.</summary>
/// <param name="Node">The node's name.</param>
/// <param name="Remote">Whether other machines may look.</param>
/// <param name="Cameras">The cameras, each size and format of one by itself; a page knows them by their places.</param>
/// <param name="Missing">Cameras that apps want and the node does not have.</param>
/// <param name="Apps">What came for each app and what left, of all runs.</param>
/// <param name="Privacy">What can leave, a line a component.</param>
/// <param name="Viewers">Pages that are looked at now.</param>
internal sealed record ViewPage(string Node, bool Remote, IReadOnlyList<ViewCamera> Cameras, IReadOnlyList<ViewMissing> Missing, IReadOnlyList<ViewApp> Apps, IReadOnlyList<string> Privacy, int Viewers)
{
    /// <summary>What kind of line this is.</summary>
    public string Type => "status";
}

/// <summary>A camera. Frames, dropped and failed are since the node's start, bytes of all runs.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Pictures">Size, format and rate, for people.</param>
/// <param name="State">opening, streaming or ended.</param>
/// <param name="Fault">Why no pictures come; null while they do.</param>
/// <param name="Frames">Pictures that came.</param>
/// <param name="Dropped">Of these, the ones that a component was too slow for.</param>
/// <param name="Failed">Of these, the ones that a component failed at.</param>
/// <param name="Components">Who is given them: APP/COMPONENT.</param>
/// <param name="BytesIn">Bytes of pictures that came for the apps.</param>
/// <param name="BytesOut">Bytes that left of what the apps made of them.</param>
internal sealed record ViewCamera(string Name, string Pictures, string State, string? Fault, long Frames, long Dropped, long Failed, IReadOnlyList<string> Components, long BytesIn, long BytesOut);

/// <summary>A camera that is not there.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Component">Who wants it: APP/COMPONENT.</param>
internal sealed record ViewMissing(string Name, string Component);

/// <summary>An app.</summary>
/// <param name="Name">Its name.</param>
/// <param name="BytesIn">Bytes that came for it.</param>
/// <param name="BytesOut">Bytes that left.</param>
internal sealed record ViewApp(string Name, long BytesIn, long BytesOut);

/// <summary>Reads and writes them with no reflection.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(ViewPage))]
[JsonSerializable(typeof(ViewRequest))]
[JsonSerializable(typeof(ViewWelcome))]
internal sealed partial class ViewJson : JsonSerializerContext;
