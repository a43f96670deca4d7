// WASI preview 1 for core modules (Mote.Components.CoreProgram makes components of them): the same clocks, random numbers,
// standard streams and files as 0.2, under the older names. There are no sockets: no descriptor is one.
using Mote.Capabilities.Wasi.Cli;
using Mote.Capabilities.Wasi.Clocks;
using Mote.Capabilities.Wasi.Filesystem;
using Mote.Capabilities.Wasi.Random;
using Mote.Components;
using Mote.Components.Abi;
using Mote.Components.Linking;
using Mote.Runtime;

namespace Mote.Capabilities.Wasi.Preview1;

/// <summary>Hosts wasi_snapshot_preview1.</summary>
public sealed class Preview1Capability(CliCapability cli, ClocksCapability clocks, RandomCapability random, FilesystemCapability files) : Capability<Preview1Guest>
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
        Function("fd_pread", "iiiIi", static (g, ref m, a) => g.FdPread(ref m, a[0].U32, a[1].U32, a[2].U32, a[3].U64, a[4].U32));
        Function("fd_pwrite", "iiiIi", static (g, ref m, a) => g.FdPwrite(ref m, a[0].U32, a[1].U32, a[2].U32, a[3].U64, a[4].U32));
        Function("fd_seek", "iIii", static (g, ref m, a) => g.FdSeek(ref m, a[0].U32, (long)a[1].U64, a[2].U32, a[3].U32));
        Function("fd_tell", "ii", static (g, ref m, a) => g.FdTell(ref m, a[0].U32, a[1].U32));
        Function("fd_sync", "i", static (g, ref _, a) => g.FdSync(a[0].U32, dataOnly: false));
        Function("fd_datasync", "i", static (g, ref _, a) => g.FdSync(a[0].U32, dataOnly: true));
        Function("fd_advise", "iIIi", static (g, ref _, a) => g.FdAdvise(a[0].U32, a[1].U64, a[2].U64, a[3].U32));
        Function("fd_allocate", "iII", static (g, ref _, a) => g.FdAllocate(a[0].U32, a[1].U64, a[2].U64));
        Function("fd_fdstat_get", "ii", static (g, ref m, a) => g.FdFdstatGet(ref m, a[0].U32, a[1].U32));
        Function("fd_fdstat_set_flags", "ii", static (g, ref _, a) => g.FdFdstatSetFlags(a[0].U32, a[1].U32));
        Function("fd_fdstat_set_rights", "iII", static (g, ref _, a) => g.FdFdstatSetRights(a[0].U32, a[1].U64, a[2].U64));
        Function("fd_filestat_get", "ii", static (g, ref m, a) => g.FdFilestatGet(ref m, a[0].U32, a[1].U32));
        Function("fd_filestat_set_size", "iI", static (g, ref _, a) => g.FdFilestatSetSize(a[0].U32, a[1].U64));
        Function("fd_filestat_set_times", "iIIi", static (g, ref _, a) => g.FdFilestatSetTimes(a[0].U32, a[1].U64, a[2].U64, a[3].U32));
        Function("fd_prestat_get", "ii", static (g, ref m, a) => g.FdPrestatGet(ref m, a[0].U32, a[1].U32));
        Function("fd_prestat_dir_name", "iii", static (g, ref m, a) => g.FdPrestatDirName(ref m, a[0].U32, a[1].U32, a[2].U32));
        Function("fd_readdir", "iiiIi", static (g, ref m, a) => g.FdReaddir(ref m, a[0].U32, a[1].U32, a[2].U32, a[3].U64, a[4].U32));

        Function("path_open", "iiiiiIIii", static (g, ref m, a) => g.PathOpen(ref m, a[0].U32, a[1].U32, a[2].U32, a[3].U32, a[4].U32, a[5].U64, a[7].U32, a[8].U32));
        Function("path_create_directory", "iii", static (g, ref m, a) => g.PathCreateDirectory(ref m, a[0].U32, a[1].U32, a[2].U32));
        Function("path_remove_directory", "iii", static (g, ref m, a) => g.PathRemoveDirectory(ref m, a[0].U32, a[1].U32, a[2].U32));
        Function("path_unlink_file", "iii", static (g, ref m, a) => g.PathUnlinkFile(ref m, a[0].U32, a[1].U32, a[2].U32));
        Function("path_filestat_get", "iiiii", static (g, ref m, a) => g.PathFilestatGet(ref m, a[0].U32, a[1].U32, a[2].U32, a[3].U32, a[4].U32));
        Function("path_filestat_set_times", "iiiiIIi", static (g, ref m, a) => g.PathFilestatSetTimes(ref m, a[0].U32, a[1].U32, a[2].U32, a[3].U32, a[4].U64, a[5].U64, a[6].U32));
        Function("path_link", "iiiiiii", static (g, ref m, a) => g.PathLink(ref m, a[0].U32, a[1].U32, a[2].U32, a[3].U32, a[4].U32, a[5].U32, a[6].U32));
        Function("path_rename", "iiiiii", static (g, ref m, a) => g.PathRename(ref m, a[0].U32, a[1].U32, a[2].U32, a[3].U32, a[4].U32, a[5].U32));
        Function("path_symlink", "iiiii", static (g, ref m, a) => g.PathSymlink(ref m, a[0].U32, a[1].U32, a[2].U32, a[3].U32, a[4].U32));
        Function("path_readlink", "iiiiii", static (g, ref m, a) => g.PathReadlink(ref m, a[0].U32, a[1].U32, a[2].U32, a[3].U32, a[4].U32, a[5].U32));

        Function("sock_accept", "iii", static (g, ref _, a) => g.OnStream(a[0].U32, Errno.NotASocket));
        Function("sock_recv", "iiiiii", static (g, ref _, a) => g.OnStream(a[0].U32, Errno.NotASocket));
        Function("sock_send", "iiiii", static (g, ref _, a) => g.OnStream(a[0].U32, Errno.NotASocket));
        Function("sock_shutdown", "ii", static (g, ref _, a) => g.OnStream(a[0].U32, Errno.NotASocket));
    }

    /// <inheritdoc/>
    protected override Preview1Guest Prepare(MicroVm vm) => new(vm, cli.Guest(vm), clocks.Guest(vm), random.Guest(vm), files.Guest(vm).Files);

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
