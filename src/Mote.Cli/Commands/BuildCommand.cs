// mote build: makes the components of an app by the commands in its manifest.
using System.CommandLine;
using System.Globalization;
using Mote.Cli.Building;
using Mote.Packaging;

namespace Mote.Cli.Commands;

internal static class BuildCommand
{
    public static Command Make()
    {
        var dir = new Argument<string>("DIR") { Description = "A folder with a mote.toml, or the file.", DefaultValueFactory = _ => "." };
        var components = new Option<string[]>("--component", "-c") { Description = "Build this one only; may be repeated.", HelpName = "NAME", DefaultValueFactory = _ => [] };
        Option<bool> json = SharedOptions.Json();
        var command = new Command("build", "Build the components of an app: the `command` of each [component.NAME.build].") { dir, components, json };
        command.SetAction(async (r, _) =>
        {
            using var shutdown = new Shutdown();
            return await Run(BuildPlan.Load(r.GetValue(dir)!), r.GetValue(components)!, r.GetValue(json), shutdown.Token).ConfigureAwait(false);
        });
        return command;
    }

    /// <summary>Builds what is to be built, and ends at the first that fails.</summary>
    public static async Task<int> Run(BuildPlan plan, IReadOnlyCollection<string> only, bool json, CancellationToken token)
    {
        foreach (string name in only)
        {
            BuildTarget named = plan.Targets.FirstOrDefault(t => t.Name == name) ?? throw new CliException(ExitCode.BadInput, $"{plan.File}: there is no component `{name}`: it has {string.Join(", ", plan.Targets.Select(t => $"`{t.Name}`"))}");
            if (named.Build is null) throw new CliException(ExitCode.BadInput, $"{plan.File}: component `{name}` has no build: add [component.{name}.build] with command = \"make\"");
        }

        BuildTarget[] targets = [.. plan.Targets.Where(t => t.Build is not null && (only.Count == 0 || only.Contains(t.Name)))];
        if (targets.Length == 0) Console.Error.WriteLine($"{plan.File}: nothing to build: no component has a [component.NAME.build]");
        var results = new List<BuildResult>();
        foreach (BuildTarget target in targets)
        {
            BuildResult result = await ComponentBuild.RunAsync(target, line => Console.Error.WriteLine(line), json, token).ConfigureAwait(false);
            results.Add(result);
            if (result.Fault is not null) break;
            Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{result.Name}: built in {result.Seconds:0.0} s"));
        }

        BuildResult? failed = results.FirstOrDefault(r => r.Fault is not null);
        if (json) PrintJson(plan, results, failed is null);
        if (failed is not null) throw new CliException(ExitCode.Failed, $"{plan.File}:{targets.First(t => t.Name == failed.Name).Build!.Line}: component `{failed.Name}` was not built: {failed.Fault}");
        return ExitCode.Ok;
    }

    private static void PrintJson(BuildPlan plan, List<BuildResult> results, bool good) => ReportText.PrintJson(Console.Out, j =>
    {
        j.WriteString("app", plan.App);
        j.WriteBoolean("ok", good);
        j.WriteStartArray("components");
        foreach (BuildResult r in results)
        {
            j.WriteStartObject();
            j.WriteString("name", r.Name);
            j.WriteBoolean("built", r.Fault is null);
            j.WriteNumber("seconds", Math.Round(r.Seconds, 3));
            j.WriteString("source", r.Source);
            if (r.Fault is not null) j.WriteString("error", r.Fault);
            else j.WriteNumber("bytes", new FileInfo(r.Source).Length);
            j.WriteEndObject();
        }

        j.WriteEndArray();
    });
}
