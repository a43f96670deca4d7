// Core modules: the reader of them, the wrapping of preview-1 programs, and the preview-1 functions with any arguments.
using System.Text;
using Mote.Components;
using Mote.Components.Inspection;
using Mote.Fuzz.Generation;
using Mote.Wasmtime;

namespace Mote.Fuzz.Targets;

/// <summary>Programs with WASI preview 1, mutated or made to call anything with anything.</summary>
internal sealed class Programs : HostedTarget
{
    private static readonly (string Name, string Parameters)[] s_functions =
    [
        ("args_get", "ii"), ("args_sizes_get", "ii"), ("environ_get", "ii"), ("environ_sizes_get", "ii"), ("clock_res_get", "ii"), ("clock_time_get", "iIi"),
        ("random_get", "ii"), ("sched_yield", ""), ("poll_oneoff", "iiii"), ("fd_close", "i"), ("fd_renumber", "ii"), ("fd_read", "iiii"), ("fd_write", "iiii"),
        ("fd_fdstat_get", "ii"), ("fd_filestat_get", "ii"), ("fd_sync", "i"), ("fd_seek", "iIii"), ("fd_tell", "ii"), ("fd_pread", "iiiIi"), ("fd_pwrite", "iiiIi"),
        ("fd_prestat_get", "ii"), ("fd_prestat_dir_name", "iii"), ("fd_readdir", "iiiIi"), ("path_open", "iiiiiIIii"), ("path_filestat_get", "iiiii"), ("sock_recv", "iiiiii"),
    ];

    private readonly Corpus _corpus;

    public Programs(Corpus corpus) => _corpus = corpus;

    public override string Name => "program";

    public override string Extension => "wasm";

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
            CoreModuleDescription.Of(input, Host.Runtime.Engine);
            wrapped = CoreProgram.ToComponent(input, Host.Runtime.Engine);
        }
        catch (ComponentException)
        {
            return Outcome.Refused;
        }

        return RunHosted(wrapped, CoreProgram.Entry);
    }
}
