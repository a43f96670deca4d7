// What a manifest lets a component do. Everything is denied that is not here.
using Mote.Runtime.Egress;

namespace Mote.Runtime;

/// <summary>Grants of one component.</summary>
public sealed record Grants
{
    /// <summary>No grants at all.</summary>
    public static Grants None { get; } = new();

    /// <summary>Names of key-value stores.</summary>
    public IReadOnlyList<string> KeyValue { get; init; } = [];

    /// <summary>Names of blob containers.</summary>
    public IReadOnlyList<string> Blobstore { get; init; } = [];

    /// <summary>Names of models (wasi:nn).</summary>
    public IReadOnlyList<string> Models { get; init; } = [];

    /// <summary>Names of cameras whose frames a trigger may give it.</summary>
    public IReadOnlyList<string> Camera { get; init; } = [];

    /// <summary>Topics that may be published to.</summary>
    public IReadOnlyList<string> Publish { get; init; } = [];

    /// <summary>Topics whose messages go to the device's own view and nowhere else.</summary>
    public IReadOnlyList<string> View { get; init; } = [];

    /// <summary>Configuration values: the component's variables.</summary>
    public IReadOnlyDictionary<string, string> Variables { get; init; } = new Dictionary<string, string>();

    /// <summary>Environment variables of a command.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Environment { get; init; } = [];

    /// <summary>Where requests may be sent (wasi:http).</summary>
    public IReadOnlyList<HttpGrant> Http { get; init; } = [];

    /// <summary>Where sockets may connect and listen (wasi:sockets).</summary>
    public IReadOnlyList<SocketGrant> Sockets { get; init; } = [];

    /// <summary>Folders of the host, and where the guest sees them.</summary>
    public IReadOnlyList<FolderGrant> Files { get; init; } = [];

    /// <summary>Arguments of a command, the program's name first.</summary>
    public IReadOnlyList<string> Arguments { get; init; } = [];
}

/// <summary>A folder of the host that a component may use.</summary>
/// <param name="Host">The folder, absolute.</param>
/// <param name="Guest">The path under which the guest sees it.</param>
/// <param name="Writable">Whether anything in it may be changed; false is read-only.</param>
public sealed record FolderGrant(string Host, string Guest, bool Writable);
