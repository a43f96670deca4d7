// mote run: a command component or a preview-1 program, like any other program of the shell.
using System.CommandLine;
using Mote.Capabilities.Wasi.Cli;
using Mote.Capabilities.Wasi.Io;
using Mote.Components;
using Mote.Components.Linking;
using Mote.Node;
using Mote.Packaging;
using Mote.Runtime;
using Mote.Wasmtime;

namespace Mote.Cli.Commands;

internal static class RunCommand
{
    public static Command Make()
    {
        var file = new Argument<string>("FILE.wasm") { Description = "A component that exports wasi:cli/run, or a core module with WASI preview-1 imports." };
        var arguments = new Argument<string[]>("ARGS") { Description = "The program's arguments, after --.", Arity = ArgumentArity.ZeroOrMore };
        var environment = SharedOptions.Pairs("--env", "A variable of the program's environment; it sees no others.");
        var folders = DirOption.Make();
        var http = NetOptions.Http();
        var sockets = NetOptions.Socket();
        var models = ModelOption.Make();
        var memory = ToolHost.MemoryOption();
        var time = SharedOptions.Time("--time", "Most wall-clock time (without limit).");
        var profile = SharedOptions.Profile();
        var floats = SharedOptions.Floats();
        var command = new Command("run", "Run a program.") { file, environment, folders, http, sockets, models, memory, time, profile, floats, arguments };
        command.SetAction(r =>
        {
            string path = r.GetValue(file)!;
            ModelsConfig bound = ModelOption.Config(r.GetValue(models)!);
            var grants = new Grants
            {
                Arguments = [Path.GetFileName(path), .. r.GetValue(arguments) ?? []],
                Environment = [.. r.GetValue(environment)!.Select(SharedOptions.Pair)],
                Files = DirOption.Grants(r.GetValue(folders)!),
                Http = NetOptions.Http(r.GetValue(http)!),
                Sockets = NetOptions.Sockets(r.GetValue(sockets)!),
                Models = [.. bound.Files.Keys],
            };
            using ComponentHost host = ToolHost.Make(Streams, SharedOptions.ProfileOf(r, profile) ?? ProfileKind.Auto, bound);
            using InstanceTemplate template = host.Load(path, SharedOptions.FloatsOf(r, floats));
            return Run(host, template, path, grants, ToolHost.Limits(r.GetValue(memory)!, SharedOptions.TimeOf(r, time)));
        });
        return command;
    }

    private static int Run(ComponentHost host, InstanceTemplate template, string path, Grants grants, MicroVmLimits limits)
    {
        var entry = CommandRun.Bind(template);
        bool isCoreProgram = template.Functions.Any(f => f.Path is [CoreProgram.Entry]);
        if (entry is null && !isCoreProgram)
        {
            throw new CliException(ExitCode.BadInput, $"{path}: it exports no {CommandRun.InterfaceName}, so it is no command; `mote inspect {path}` shows what it exports, and `mote call` calls a function");
        }

        using MicroVm vm = host.Start(template, ToolHost.Component(path, grants, limits));
        try
        {
            return vm.Call(entry, static (instance, run) =>
            {
                if (run is not null) return run.Run(instance).IsOk ? ExitCode.Ok : ExitCode.Failed;
                instance.GetFunction(CoreProgram.Entry).Call();
                return ExitCode.Ok;
            });
        }
        catch (TrapException e) when (e.InnerException is GuestExitException exit)
        {
            return exit.Code & 0xff; // what a shell sees of an exit code
        }
    }

    private static StandardStreams Streams(MicroVm vm) => new(
        new PumpedInput(vm, Console.OpenStandardInput()),
        new StreamOutput(vm, Console.OpenStandardOutput()),
        new StreamOutput(vm, Console.OpenStandardError()))
    {
        InputIsTerminal = !Console.IsInputRedirected,
        OutputIsTerminal = !Console.IsOutputRedirected,
        ErrorIsTerminal = !Console.IsErrorRedirected,
    };
}
