// The commands, and what becomes of their errors: one line that says what, where and what to do; never a stack trace.
using System.CommandLine;
using System.CommandLine.Parsing;
using System.Net.Sockets;
using Mote.Backends.OnnxRuntime.Isolation;
using Mote.Capabilities.Messaging;
using Mote.Cli.Commands;
using Mote.Components;
using Mote.Node;
using Mote.Packaging;
using Mote.Packaging.Toml;
using Mote.Runtime;
using Mote.Triggers.Http;
using Mote.Wasmtime;

namespace Mote.Cli;

internal static class Program
{
    public static async Task<int> Main(string[] args)
    {
        if (args is [CompileWorker.Command, ..]) return CompileWorker.Run(args.AsSpan(1));
        if (args is [ModelWorker.Command, ..]) return ModelWorker.Run(args.AsSpan(1));
        var root = new RootCommand("Mote runs WebAssembly components as microVMs at the edge of the network.")
        {
            NewCommand.Make(),
            BuildCommand.Make(),
            UpCommand.Make(),
            UpCommand.MakeWatch(),
            AppsCommand.Make(),
            LedgerCommand.Make(),
            ViewCommand.Make(),
            ModelCommand.Make(),
            ClipsCommand.Make(),
            RunCommand.Make(),
            ServeCommand.Make(),
            CallCommand.Make(),
            InspectCommand.Make(),
            BindingsCommand.Make(),
            SimulateCommand.Make(),
            CollectCommand.Make(),
            DemoCommand.Make(),
            ScoreCommand.Make(),
            LookCommand.Make(),
            DoctorCommand.Make(),
        };
        if (args.Length == 0) args = ["--help"];
        ParseResult parsed = root.Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (parsed.Errors.Count > 0)
        {
            // With a command that does not exist, that one is also missing: one of the two says enough.
            foreach (ParseError error in parsed.UnmatchedTokens.Count > 0 && parsed.Errors.Count > 1 ? parsed.Errors.Skip(1) : parsed.Errors) Console.Error.WriteLine($"mote: {UrlUserInfo.Mask(error.Message)}");
            Command command = parsed.CommandResult.Command;
            Console.Error.WriteLine($"`mote {(command is RootCommand ? "" : command.Name + " ")}--help` shows how to use it");
            return ExitCode.Usage;
        }

        try
        {
            // System.CommandLine's own handler prints a stack trace.
            return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null }).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            return Report(e);
        }
    }

    private static int Report(Exception e)
    {
        (int code, string message) = e switch
        {
            CliException x => (x.ExitCode, x.Message),
            ConfigException x => (ExitCode.BadInput, x.Message),
            ComponentFileException { Kind: null } x => (ExitCode.NoInput, x.Message),
            ComponentFileException x => (ExitCode.BadInput, x.Message),
            ComponentException x => (ExitCode.BadInput, x.Message),
            MessagingException x => (ExitCode.Unavailable, x.Message),
            HttpListenException x => (ExitCode.Unavailable, x.Message),
            TrapException { InnerException: DeadlineException } x => (ExitCode.Deadline, x.Message),
            TrapException x => (ExitCode.Trap, $"the guest trapped: {x.Describe()}"),
            OperationCanceledException => (ExitCode.Failed, "interrupted"),
            IOException or UnauthorizedAccessException or SocketException => (ExitCode.Unavailable, e.Message),
            DllNotFoundException x => (ExitCode.Unavailable, x.Message),
            WasmtimeException x => (ExitCode.Unavailable, x.Message),
            _ => (ExitCode.Internal, $"internal error, please report it: {e.GetType().Name}: {e.Message}"),
        };
        Console.Error.WriteLine($"mote: {UrlUserInfo.Mask(message)}");
        if (Environment.GetEnvironmentVariable("MOTE_DEBUG") is { Length: > 0 }) Console.Error.WriteLine(UrlUserInfo.Mask(e.ToString()));
        return code;
    }
}
