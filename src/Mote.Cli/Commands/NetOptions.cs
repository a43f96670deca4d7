// --http GRANT and --socket GRANT: where a program may send requests, connect and listen.
using System.CommandLine;
using Mote.Runtime.Egress;

namespace Mote.Cli.Commands;

internal static class NetOptions
{
    public static Option<string[]> Http() => new("--http")
    {
        Description = "Where the program may send requests, as in a manifest: https://api.example.com, http://*.plant.local:8080; may be repeated. Nowhere else.",
        HelpName = "SCHEME://HOST[:PORT]",
        DefaultValueFactory = _ => [],
        Validators =
        {
            r =>
            {
                foreach (var t in r.Tokens)
                {
                    if (!HttpGrant.TryParse(t.Value, out _, out string? fault)) r.AddError($"--http {fault}");
                }
            },
        },
    };

    public static Option<string[]> Socket() => new("--socket")
    {
        Description = "Where the program's sockets may connect and listen, as in a manifest: tcp://db.local:5432, udp://10.0.0.0/8:514, tcp-listen://127.0.0.1:8080; may be repeated. Nowhere else.",
        HelpName = "USE://HOST:PORT",
        DefaultValueFactory = _ => [],
        Validators =
        {
            r =>
            {
                foreach (var t in r.Tokens)
                {
                    if (!SocketGrant.TryParse(t.Value, out _, out string? fault)) r.AddError($"--socket {fault}");
                }
            },
        },
    };

    /// <summary>Values that passed the validators.</summary>
    public static IReadOnlyList<HttpGrant> Http(string[] values) => [.. values.Select(v => HttpGrant.TryParse(v, out HttpGrant? g, out _) ? g : throw new FormatException(v))];

    /// <summary>See <see cref="Http(string[])"/>.</summary>
    public static IReadOnlyList<SocketGrant> Sockets(string[] values) => [.. values.Select(v => SocketGrant.TryParse(v, out SocketGrant? g, out _) ? g : throw new FormatException(v))];
}
