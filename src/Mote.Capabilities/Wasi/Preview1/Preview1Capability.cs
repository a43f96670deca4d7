// WASI preview 1 for core modules (Mote.Components.CoreProgram makes components of them): the same clocks, random numbers
// and standard streams as 0.2, under the older names. There are no files and no sockets: every other descriptor is bad.
using Mote.Capabilities.Wasi.Cli;
using Mote.Capabilities.Wasi.Clocks;
using Mote.Capabilities.Wasi.Random;
using Mote.Components;
using Mote.Components.Abi;
using Mote.Components.Linking;
using Mote.Runtime;

namespace Mote.Capabilities.Wasi.Preview1;

/// <summary>Hosts wasi_snapshot_preview1.</summary>
public sealed class Preview1Capability(CliCapability cli, ClocksCapability clocks, RandomCapability random) : Capability<Preview1Guest>
{
    /// <inheritdoc/>
    public override void Link(ComponentLinker linker)
    {
        HostInstance host = linker.Instance(CoreProgram.ImportInstance);
        void Function(string name, string parameters, Body body, bool answers = true) =>
            host.Function(CoreProgram.ComponentName(name), new Preview1Function(this, parameters, answers, body));

        Function("args_get", "ii", static (g, ref m, a) => g.ArgsGet(ref m, a[0].U32, a[1].U32));
        Function("args_sizes_get", "ii", static (g, ref m, a) => g.ArgsSizesGet(ref m, a[0].U32, a[1].U32));
        Function("environ_get", "ii", static (g, ref m, a) => g.EnvironGet(ref m, a[0].U32, a[1].U32));
        Function("environ_sizes_get", "ii", static (g, ref m, a) => g.EnvironSizesGet(ref m, a[0].U32, a[1].U32));
        Function("clock_res_get", "ii", static (g, ref m, a) => g.ClockResGet(ref m, a[0].U32, a[1].U32));
        Function("clock_time_get", "iIi", static (g, ref m, a) => g.ClockTimeGet(ref m, a[0].U32, a[2].U32));
        Function("random_get", "ii", static (g, ref m, a) => g.RandomGet(ref m, a[0].U32, a[1].U32));
        Function("sched_yield", "", static (_, ref _, _) => Errno.Success);
        Function("proc_exit", "i", static (_, ref _, a) => throw new GuestExitException((int)a[0].U32), answers: false);
        Function("proc_raise", "i", static (_, ref _, _) => Errno.NoSystemCall);
        Function("poll_oneoff", "iiii", static (g, ref m, a) => g.PollOneoff(ref m, a[0].U32, a[1].U32, a[2].U32, a[3].U32));

        Function("fd_close", "i", static (g, ref _, a) => g.FdClose(a[0].U32));
        Function("fd_renumber", "ii", static (g, ref _, a) => g.FdRenumber(a[0].U32, a[1].U32));
        Function("fd_read", "iiii", static (g, ref m, a) => g.FdRead(ref m, a[0].U32, a[1].U32, a[2].U32, a[3].U32));
        Function("fd_write", "iiii", static (g, ref m, a) => g.FdWrite(ref m, a[0].U32, a[1].U32, a[2].U32, a[3].U32));
        Function("fd_fdstat_get", "ii", static (g, ref m, a) => g.FdFdstatGet(ref m, a[0].U32, a[1].U32));
        Function("fd_filestat_get", "ii", static (g, ref m, a) => g.FdFilestatGet(ref m, a[0].U32, a[1].U32));
        Function("fd_sync", "i", static (g, ref _, a) => g.FdSync(a[0].U32));
        Function("fd_datasync", "i", static (g, ref _, a) => g.FdSync(a[0].U32));
        Function("fd_fdstat_set_flags", "ii", static (g, ref _, a) => g.OnStream(a[0].U32, Errno.NotSupported));
        Function("fd_fdstat_set_rights", "iII", static (g, ref _, a) => g.OnStream(a[0].U32, Errno.NotSupported));
        Function("fd_seek", "iIii", static (g, ref _, a) => g.OnStream(a[0].U32, Errno.IllegalSeek));
        Function("fd_tell", "ii", static (g, ref _, a) => g.OnStream(a[0].U32, Errno.IllegalSeek));
        Function("fd_pread", "iiiIi", static (g, ref _, a) => g.OnStream(a[0].U32, Errno.IllegalSeek));
        Function("fd_pwrite", "iiiIi", static (g, ref _, a) => g.OnStream(a[0].U32, Errno.IllegalSeek));
        Function("fd_advise", "iIIi", static (g, ref _, a) => g.OnStream(a[0].U32, Errno.IllegalSeek));
        Function("fd_allocate", "iII", static (g, ref _, a) => g.OnStream(a[0].U32, Errno.IllegalSeek));
        Function("fd_filestat_set_size", "iI", static (g, ref _, a) => g.OnStream(a[0].U32, Errno.Invalid));
        Function("fd_filestat_set_times", "iIIi", static (g, ref _, a) => g.OnStream(a[0].U32, Errno.NotSupported));
        Function("fd_readdir", "iiiIi", static (_, ref _, _) => Errno.BadFile);

        // Every descriptor of a folder would come from a preopen, and there are none.
        Function("fd_prestat_get", "ii", static (_, ref _, _) => Errno.BadFile);
        Function("fd_prestat_dir_name", "iii", static (_, ref _, _) => Errno.BadFile);
        foreach ((string name, string parameters) in ((string, string)[])[
            ("path_create_directory", "iii"), ("path_filestat_get", "iiiii"), ("path_filestat_set_times", "iiiiIIi"), ("path_link", "iiiiiii"),
            ("path_open", "iiiiiIIii"), ("path_readlink", "iiiiii"), ("path_remove_directory", "iii"), ("path_rename", "iiiiii"),
            ("path_symlink", "iiiii"), ("path_unlink_file", "iii")])
        {
            Function(name, parameters, static (_, ref _, _) => Errno.BadFile);
        }

        Function("sock_accept", "iii", static (g, ref _, a) => g.OnStream(a[0].U32, Errno.NotASocket));
        Function("sock_recv", "iiiiii", static (g, ref _, a) => g.OnStream(a[0].U32, Errno.NotASocket));
        Function("sock_send", "iiiii", static (g, ref _, a) => g.OnStream(a[0].U32, Errno.NotASocket));
        Function("sock_shutdown", "ii", static (g, ref _, a) => g.OnStream(a[0].U32, Errno.NotASocket));
    }

    /// <inheritdoc/>
    protected override Preview1Guest Prepare(MicroVm vm) => new(vm, cli.Guest(vm), clocks.Guest(vm), random.Guest(vm));

    private delegate Errno Body(Preview1Guest guest, ref GuestContext memory, ReadOnlySpan<Wasmtime.ValRaw> arguments);

    /// <summary>One function. Its parameters are written as i (i32) and I (i64).</summary>
    private sealed class Preview1Function(Preview1Capability capability, string parameters, bool answers, Body body) : HostFunction
    {
        public override string? TypeText { get; } =
            $"func({string.Join(", ", parameters.Select((p, i) => $"p{i}: {(p == 'I' ? "u64" : "u32")}"))}){(answers ? " -> u32" : "")}";

        public override void Invoke(ref HostCall call)
        {
            GuestContext memory = call.CoreMemory();
            Errno error;
            try
            {
                error = body(capability.Guest(call.Instance), ref memory, call.Values);
            }
            catch (Preview1Exception e)
            {
                error = e.Error;
            }

            if (answers) call.Values[0].U64 = (ulong)error;
        }
    }
}

/// <summary>Ends a preview-1 function with an error number.</summary>
internal sealed class Preview1Exception(Errno error) : Exception(error.ToString())
{
    public Errno Error { get; } = error;
}
