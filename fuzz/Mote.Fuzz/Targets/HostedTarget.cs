// Guests on a real node's host: its capabilities, its limits, its deadline.
using System.Text;
using Mote.Capabilities.Wasi.Cli;
using Mote.Capabilities.Wasi.Io;
using Mote.Components;
using Mote.Components.Linking;
using Mote.Fuzz.Generation;
using Mote.Node;
using Mote.Runtime;
using Mote.Wasmtime;

namespace Mote.Fuzz.Targets;

/// <summary>Runs components as a node does.</summary>
internal abstract class HostedTarget : Target
{
    private readonly string _data = Directory.CreateTempSubdirectory("mote-fuzz-").FullName;
    private readonly AppComponent _component = new(
        "fuzz",
        "fuzz",
        new Grants { Arguments = ["program", "a", "ß"], Environment = [new("KEY", "value")], KeyValue = ["default"], Publish = ["alerts"], Variables = new Dictionary<string, string> { ["a"] = "1" } },
        new MicroVmLimits { MemoryBytes = 16 << 20, Time = TimeSpan.FromMilliseconds(200) });

    protected HostedTarget() => Host = new ComponentHost(new HostOptions
    {
        Runtime = new RuntimeOptions { PoolSlots = 4 },
        KeyValueFile = Path.Combine(_data, "keyvalue.db"),
        Streams = static vm => new StandardStreams(new BytesInput(vm, Encoding.UTF8.GetBytes(new string('x', 5000))), new StreamOutput(vm, Stream.Null), new StreamOutput(vm, Stream.Null)),
    });

    protected ComponentHost Host { get; }

    public override long AllocationBound(byte[] input) => 512L << 20;

    /// <summary>Links, starts and calls; what the guest cannot be blamed for is a fault.</summary>
    protected Outcome RunHosted(byte[] file, string function)
    {
        try
        {
            using CompiledComponent compiled = Host.Runtime.Compile(file);
            using InstanceTemplate template = Host.Capabilities.Linker.Link(compiled);
            using MicroVm vm = Host.Start(template, _component);
            vm.Call(function, static (instance, name) => instance.GetFunction(name).Call());
            return Outcome.Accepted;
        }
        catch (ComponentException e) when (e.Kind is ComponentErrorKind.Link or ComponentErrorKind.Unsupported)
        {
            return Outcome.Refused;
        }
        catch (WasmtimeException e)
        {
            if (e.InnerException is not (null or DeadlineException or GuestExitException or WasmtimeException)) throw new FaultException($"a trap hides {e.InnerException}".ReplaceLineEndings(" "));
            return Outcome.Refused;
        }
    }

    public override void Dispose()
    {
        Host.Dispose();
        Directory.Delete(_data, recursive: true);
    }
}

/// <summary>Components that call every interface a node hosts with anything: what is generated for hosts reads and writes what it is told to.</summary>
internal sealed class HostInterfaces : HostedTarget
{
    private readonly HostCalls _calls;

    public HostInterfaces() => _calls = new HostCalls(Directory.EnumerateFiles(Path.Combine(Corpus.Seeds, "wit"), "*.wit", SearchOption.AllDirectories).Order(StringComparer.Ordinal).Select(f => (f, File.ReadAllText(f))), name => Host.Capabilities.Linker.Hosts(name));

    public override string Name => "host";

    public override string Extension => "wat";

    public override byte[] Make(Random random) => Encoding.UTF8.GetBytes(_calls.Make(random));

    public override Outcome Run(byte[] input) => RunHosted(Wat.ToWasm(input), "run");
}
