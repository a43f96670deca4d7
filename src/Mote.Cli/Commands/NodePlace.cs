// The options that name a node by what it has on this machine, whether it runs or not.
using System.CommandLine;
using Mote.Packaging;

namespace Mote.Cli.Commands;

/// <summary>Which node's models or clips they are.</summary>
internal sealed record NodePlace(Option<string> App, Option<string?> Config, Option<string?> Data)
{
    public static NodePlace Make() => new(
        new("--app") { Description = "The app whose node it is: a folder with a mote.toml, or the file.", HelpName = "DIR", DefaultValueFactory = _ => "." },
        SharedOptions.Config(),
        SharedOptions.Data());

    /// <summary>Where only the data folder is named, there need be no app.</summary>
    public NodeConfig Of(ParseResult r)
    {
        string? data = r.GetValue(Data) is { } d ? Path.GetFullPath(d) : null;
        bool hasApp = data is null || r.GetResult(App) is { Implicit: false } || r.GetValue(Config) is not null || File.Exists(AppManifest.FileName);
        NodeConfig config = hasApp ? UpCommand.Config(AppManifest.FileOf(r.GetValue(App)!), r.GetValue(Config)) : new NodeConfig();
        return data is null ? config : config with { DataFolder = data };
    }
}
