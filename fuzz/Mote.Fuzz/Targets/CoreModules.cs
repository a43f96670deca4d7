// Core modules: the reader of them, the wrapping of preview-1 programs, and the preview-1 functions with any arguments.
using System.Text;
using Mote.Capabilities.Wasi.Cli;
using Mote.Capabilities.Wasi.Io;
using Mote.Components;
using Mote.Components.Inspection;
using Mote.Components.Linking;
using Mote.Fuzz.Generation;
using Mote.Node;
using Mote.Runtime;
using Mote.Wasmtime;

namespace Mote.Fuzz.Targets;

/// <summary>Programs with WASI preview 1, mutated or made to call anything with anything.</summary>
internal sealed class Programs : Target
{
    private static readonly (string Name, string Parameters)[] s_functions =
    [
        ("args_get", "ii"), ("args_sizes_get", "ii"), ("environ_get", "ii"), ("environ_sizes_get", "ii"), ("clock_res_get", "ii"), ("clock_time_get", "iIi"),
        ("random_get", "ii"), ("sched_yield", ""), ("poll_oneoff", "iiii"), ("fd_close", "i"), ("fd_renumber", "ii"), ("fd_read", "iiii"), ("fd_write", "iiii"),
        ("fd_fdstat_get", "ii"), ("fd_filestat_get", "ii"), ("fd_sync", "i"), ("fd_seek", "iIii"), ("fd_tell", "ii"), ("fd_pread", "iiiIi"), ("fd_pwrite", "iiiIi"),
        ("fd_prestat_get", "ii"), ("fd_prestat_dir_name", "iii"), ("fd_readdir", "iiiIi"), ("path_open", "iiiiiIIii"), ("path_filestat_get", "iiiii"), ("sock_recv", "iiiiii"),
    ];

    private readonly Corpus _corpus;
    private readonly ComponentHost _host;
    private readonly AppComponent _component;

    public Programs(Corpus corpus)
    {
        _corpus = corpus;
        _host = new ComponentHost(new HostOptions
        {
            Runtime = new RuntimeOptions { PoolSlots = 4 },
            KeyValueFile = Path.Combine(Path.GetTempPath(), $"mote-fuzz-{Environment.ProcessId}.db"),
            Streams = static vm => new StandardStreams(new BytesInput(vm, Encoding.UTF8.GetBytes(new string('x', 5000))), new StreamOutput(vm, Stream.Null), new StreamOutput(vm, Stream.Null)),
        });
        _component = new AppComponent("fuzz", "fuzz", new Grants { Arguments = ["program", "a", "ß"], Environment = [new("KEY", "value")] }, new MicroVmLimits { MemoryBytes = 16 << 20, Time = TimeSpan.FromMilliseconds(200) });
    }

    public override string Name => "program";

    public override string Extension => "wasm";

    public override long AllocationBound(byte[] input) => 256L << 20;

    public override byte[] Make(Random random)
    {
        var mutator = new Mutator(random, _corpus.Modules);
        return random.Next(3) switch
        {
            0 => mutator.Binary(random.From(_corpus.Modules)),
            1 => mutator.Binary(Wat.ToWasm(Calls(random))),
            _ => Wat.ToWasm(Calls(random)),
        };
    }

    private static string Calls(Random random)
    {
        var text = new StringBuilder("(module\n");
        foreach ((string name, string parameters) in s_functions) text.AppendLine($"(import \"wasi_snapshot_preview1\" \"{name}\" (func ${name} (param{string.Concat(parameters.Select(p => p == 'I' ? " i64" : " i32"))}) (result i32)))");
        text.AppendLine($"(memory (export \"memory\") {random.Pick("1", "1 1", "2 40")}) (data (i32.const 0) \"{Vectors(random)}\")");
        text.AppendLine("(func (export \"_start\")");
        for (int n = random.Next(1, 30); n > 0; n--)
        {
            (string name, string parameters) = random.From(s_functions);
            if (random.Once(12)) text.AppendLine("(drop (memory.grow (i32.const 1)))");
            text.AppendLine($"(drop (call ${name}{string.Concat(parameters.Select(p => p == 'I' ? $" (i64.const {random.Pick(0, 1, -1, 1000, long.MaxValue, random.NextInt64())})" : $" (i32.const {Number(random)})"))}))");
        }

        return text.Append("))").ToString();
    }

    private static int Number(Random random) => random.Next(8) switch
    {
        0 => random.Next(),
        1 => -random.Next(100),
        2 => 65536 - random.Next(40),
        3 or 4 => random.Next(1024) * 8,
        _ => random.Next(4),
    };

    private static string Vectors(Random random) => string.Concat(Enumerable.Range(0, 512).Select(_ =>
    {
        int word = Number(random);
        return $"\\{(byte)word:x2}\\{(byte)(word >> 8):x2}\\{(byte)(word >> 16):x2}\\{(byte)(word >> 24):x2}";
    }));

    public override Outcome Run(byte[] input)
    {
        byte[] wrapped;
        try
        {
            CoreModuleDescription.Of(input, _host.Runtime.Engine);
            wrapped = CoreProgram.ToComponent(input, _host.Runtime.Engine);
        }
        catch (ComponentException)
        {
            return Outcome.Refused;
        }

        try
        {
            using CompiledComponent compiled = _host.Runtime.Compile(wrapped);
            using InstanceTemplate template = Link(compiled);
            using MicroVm vm = _host.Start(template, _component);
            vm.Call(0, static (instance, _) => instance.GetFunction(CoreProgram.Entry).Call());
            return Outcome.Accepted;
        }
        catch (ComponentException e) when (e.Kind is ComponentErrorKind.Link or ComponentErrorKind.Unsupported)
        {
            return Outcome.Refused;
        }
        catch (WasmtimeException e)
        {
            if (e.InnerException is not (null or DeadlineException or GuestExitException or WasmtimeException)) throw;
            return Outcome.Refused;
        }
    }

    private InstanceTemplate Link(CompiledComponent compiled) => _host.Capabilities.Linker.Link(compiled);

    public override void Dispose() => _host.Dispose();
}
