// mote call: calls exported functions with arguments and results as WAVE text.
using System.CommandLine;
using Mote.Capabilities.Wasi.Cli;
using Mote.Capabilities.Wasi.Io;
using Mote.Components;
using Mote.Components.Linking;
using Mote.Components.Types;
using Mote.Components.Wave;
using Mote.Node;
using Mote.Runtime;

namespace Mote.Cli.Commands;

internal static class CallCommand
{
    public static Command Make()
    {
        var file = new Argument<string>("FILE.wasm") { Description = "A component." };
        var calls = new Argument<string[]>("CALL") { Description = "name(arguments), as in 'add(1, 2)' or 'ns:pkg/iface#greet(\"you\")'. Several are made one after the other in the same instance.", Arity = ArgumentArity.OneOrMore };
        var environment = SharedOptions.Pairs("--env", "A variable of the component's environment; it sees no others.");
        var memory = ToolHost.MemoryOption();
        var time = SharedOptions.Time("--time", "Most wall-clock time of a call (without limit).");
        var profile = SharedOptions.Profile();
        var floats = SharedOptions.Floats();
        var json = SharedOptions.Json();
        var command = new Command("call", "Call a component's functions. Ends with 1 where a result is an err.") { file, calls, environment, memory, time, profile, floats, json };
        command.SetAction(r =>
        {
            var grants = new Grants { Environment = [.. r.GetValue(environment)!.Select(SharedOptions.Pair)] };
            using ComponentHost host = ToolHost.Make(Streams, SharedOptions.ProfileOf(r, profile) ?? ProfileKind.Auto);
            using InstanceTemplate template = host.Load(r.GetValue(file)!, SharedOptions.FloatsOf(r, floats));
            return Run(host, template, r.GetValue(file)!, r.GetValue(calls)!, grants, ToolHost.Limits(r.GetValue(memory)!, SharedOptions.TimeOf(r, time)), r.GetValue(json));
        });
        return command;
    }

    private static int Run(ComponentHost host, InstanceTemplate template, string path, string[] calls, Grants grants, MicroVmLimits limits, bool json)
    {
        (string[] Path, Value[] Arguments)[] parsed = [.. calls.Select(c => Parse(path, template, c))];
        using MicroVm vm = host.Start(template, ToolHost.Component(path, grants, limits));
        int code = ExitCode.Ok;
        var results = new List<string>();
        foreach ((string[] name, Value[] arguments) in parsed)
        {
            Value? result = vm.Call((name, arguments), static (instance, call) => instance.GetFunction(call.name).Call(call.arguments));
            string text = result is null ? "" : WaveWriter.Write(result);
            results.Add(text);
            if (!json && result is not null) Console.WriteLine(text);
            if (result is ResultValue { IsOk: false }) code = ExitCode.Failed;
        }

        if (json)
        {
            ReportText.PrintJson(Console.Out, j =>
            {
                j.WriteStartArray("results");
                foreach (string text in results) j.WriteStringValue(text);
                j.WriteEndArray();
            });
        }

        return code;
    }

    /// <summary>Standard output is kept for results.</summary>
    private static StandardStreams Streams(MicroVm vm)
    {
        Stream error = Console.OpenStandardError();
        return new StandardStreams(new BytesInput(vm, default), new StreamOutput(vm, error), new StreamOutput(vm, error));
    }

    private static (string[] Path, Value[] Arguments) Parse(string file, InstanceTemplate template, string call)
    {
        try
        {
            (string name, string arguments) = WaveReader.SplitCall(call);
            (string[] path, FunctionType type) = Find(file, template, name);
            return (path, WaveReader.ReadArguments(call, type, call.Length - arguments.Length));
        }
        catch (WaveException e)
        {
            throw new CliException(ExitCode.BadInput, $"`{call}`: {e.Message}");
        }
    }

    private static (string[] Path, FunctionType Type) Find(string file, InstanceTemplate template, string name)
    {
        (string[] Path, FunctionType Type)[] all = [.. template.Functions];
        (string[] Path, FunctionType Type)[] found = [.. all.Where(f => Names(f.Path).Contains(name))];
        if (found.Length == 1) return found[0];
        if (found.Length > 1) throw new CliException(ExitCode.BadInput, $"{file}: `{name}` is the name of several functions: {string.Join(", ", found.Select(f => string.Join('#', f.Path)))}");
        string list = all.Length == 0 ? "it exports none" : "it exports\n" + string.Join('\n', all.Select(f => $"  {string.Join('#', f.Path)}: {f.Type}"));
        throw new CliException(ExitCode.BadInput, $"{file}: there is no function `{name}`; {list}");
    }

    /// <summary>With the whole interface name, without its version, with its last part, or alone.</summary>
    private static IEnumerable<string> Names(string[] path)
    {
        yield return string.Join('#', path);
        yield return path[^1];
        if (path.Length < 2) yield break;
        string unversioned = path[^2].Split('@')[0];
        yield return $"{unversioned}#{path[^1]}";
        string last = unversioned[(unversioned.LastIndexOf('/') + 1)..];
        yield return $"{last}#{path[^1]}";
        yield return $"{last}.{path[^1]}";
    }
}
