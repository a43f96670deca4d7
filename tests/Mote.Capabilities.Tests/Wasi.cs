// Names of the hosted WASI 0.2 interfaces, and a set of capabilities with streams that a test can see.
using Mote.Capabilities.Wasi.Cli;
using Mote.Capabilities.Wasi.Clocks;
using Mote.Capabilities.Wasi.Filesystem;
using Mote.Capabilities.Wasi.Io;
using Mote.Capabilities.Wasi.Net;
using Mote.Capabilities.Wasi.Preview1;
using Mote.Capabilities.Wasi.Random;
using Mote.Capabilities.Wasi.Sockets;
using Mote.Runtime;

namespace Mote.Capabilities.Tests;

internal static class Wasi
{
    public const string Environment = "wasi:cli/environment@0.2.12", Exit = "wasi:cli/exit@0.2.12";
    public const string Stdin = "wasi:cli/stdin@0.2.12", Stdout = "wasi:cli/stdout@0.2.12", Stderr = "wasi:cli/stderr@0.2.12";
    public const string TerminalStdin = "wasi:cli/terminal-stdin@0.2.12", TerminalStdout = "wasi:cli/terminal-stdout@0.2.12";
    public const string Streams = "wasi:io/streams@0.2.12", Poll = "wasi:io/poll@0.2.12", Error = "wasi:io/error@0.2.12";
    public const string Monotonic = "wasi:clocks/monotonic-clock@0.2.12", Wall = "wasi:clocks/wall-clock@0.2.12";
    public const string Random = "wasi:random/random@0.2.12", Insecure = "wasi:random/insecure@0.2.12", Seed = "wasi:random/insecure-seed@0.2.12";
    public const string Types = "wasi:filesystem/types@0.2.12", Preopens = "wasi:filesystem/preopens@0.2.12";
    public const string InstanceNetwork = "wasi:sockets/instance-network@0.2.12", CreateTcp = "wasi:sockets/tcp-create-socket@0.2.12";
    public const string CreateUdp = "wasi:sockets/udp-create-socket@0.2.12", Lookup = "wasi:sockets/ip-name-lookup@0.2.12";
    public const string Tcp = "wasi:sockets/tcp@0.2.12", Udp = "wasi:sockets/udp@0.2.12";

    public static CapabilitySet Set(Func<MicroVm, StandardStreams>? streams = null, TimeProvider? time = null, INameResolver? names = null)
    {
        var cli = new CliCapability(streams ?? StandardStreams.ToLog);
        var clocks = new ClocksCapability(time ?? TimeProvider.System);
        var random = new RandomCapability();
        var files = new FilesystemCapability();
        return new CapabilitySet(new IoCapability(), clocks, random, cli, files, new SocketsCapability(names ?? new SystemNameResolver()), new Preview1Capability(cli, clocks, random, files));
    }
}
