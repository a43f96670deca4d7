// Runs one program as `mote run` would, with its words caught.
using System.Text;
using Mote.Capabilities;
using Mote.Capabilities.Wasi.Cli;
using Mote.Capabilities.Wasi.Clocks;
using Mote.Capabilities.Wasi.Filesystem;
using Mote.Capabilities.Wasi.Io;
using Mote.Capabilities.Wasi.Net;
using Mote.Capabilities.Wasi.Preview1;
using Mote.Capabilities.Wasi.Random;
using Mote.Capabilities.Wasi.Sockets;
using Mote.Components;
using Mote.Components.Inspection;
using Mote.Components.Linking;
using Mote.Runtime;
using Mote.Wasmtime;

namespace Mote.Conformance.Wasi;

/// <summary>What came of a program.</summary>
/// <param name="ExitCode">How it ended; null where it trapped.</param>
/// <param name="Output">What it printed.</param>
/// <param name="Error">What it printed on standard error, and why it trapped.</param>
internal sealed record WasiOutcome(int? ExitCode, string Output, string Error);

/// <summary>An engine and the capabilities that programs of the suite use.</summary>
internal sealed class WasiHost : IDisposable
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    private readonly RuntimeEngine _engine = new(new RuntimeOptions { Profile = ProfileKind.SmallDevice });
    private readonly CapabilitySet _capabilities;
    private StandardStreams? _streams;

    public WasiHost()
    {
        var cli = new CliCapability(_ => _streams!);
        var clocks = new ClocksCapability(TimeProvider.System);
        var random = new RandomCapability();
        var files = new FilesystemCapability();
        _capabilities = new CapabilitySet(new IoCapability(), clocks, random, cli, files, new SocketsCapability(new SystemNameResolver()), new Preview1Capability(cli, clocks, random, files));
    }

    public void Dispose() => _engine.Dispose();

    /// <summary>Runs a core module with preview-1 imports, or a command component.</summary>
    /// <exception cref="ComponentException">It cannot be loaded.</exception>
    public WasiOutcome Run(string name, byte[] file, Grants grants)
    {
        if (CoreModuleDescription.IsCoreModule(file)) file = CoreProgram.ToComponent(file, _engine.Engine);
        using CompiledComponent compiled = _engine.Compile(file);
        using InstanceTemplate template = _capabilities.Linker.Link(compiled);
        var entry = CommandRun.Bind(template);
        var output = new MemoryStream();
        var error = new MemoryStream();
        int? code;
        string trap = "";
        using (var vm = MicroVm.Create(template, new AppComponent("wasi", name, grants, new MicroVmLimits { MemoryBytes = 1L << 30, Time = s_limit }), _engine, _capabilities.Slots))
        {
            _streams = new StandardStreams(new BytesInput(vm, default), new StreamOutput(vm, output), new StreamOutput(vm, error));
            try
            {
                code = vm.Call(entry, static (instance, run) =>
                {
                    if (run is not null) return run.Run(instance).IsOk ? 0 : 1;
                    instance.GetFunction(CoreProgram.Entry).Call();
                    return 0;
                });
            }
            catch (TrapException e) when (e.InnerException is GuestExitException exit)
            {
                code = exit.Code;
            }
            catch (TrapException e)
            {
                (code, trap) = (null, e.Message);
            }
        }

        return new WasiOutcome(code, Encoding.UTF8.GetString(output.ToArray()), Encoding.UTF8.GetString(error.ToArray()) + trap);
    }
}
