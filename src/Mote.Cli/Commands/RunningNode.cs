// How a command names a node that runs on this machine, and asks it what it does.
using System.CommandLine;
using Mote.Node;
using Mote.Packaging;

namespace Mote.Cli.Commands;

/// <summary>The argument and options that name a running node: by its app, or by its data folder.</summary>
internal sealed class RunningNode
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    private readonly Argument<string> _dir = new("DIR") { Description = "The app that runs: a folder with a mote.toml, or the file.", DefaultValueFactory = _ => "." };
    private readonly Option<string?> _config = SharedOptions.Config();
    private readonly Option<string?> _data = SharedOptions.Data();

    /// <summary>Gives a command the argument and the options.</summary>
    public void AddTo(Command command)
    {
        command.Add(_dir);
        command.Add(_config);
        command.Add(_data);
    }

    /// <summary>The data folder that was named.</summary>
    public string FolderOf(ParseResult r) =>
        r.GetValue(_data) is { } d ? Path.GetFullPath(d) : UpCommand.Config(AppManifest.FileOf(r.GetValue(_dir)!), r.GetValue(_config)).DataFolder;

    /// <summary>What the node that was named does.</summary>
    /// <exception cref="CliException">None runs there.</exception>
    public async Task<NodeStatus> AskAsync(ParseResult r, CancellationToken token)
    {
        string folder = FolderOf(r);
        return await ControlClient.AskAsync(folder, s_patience, token).ConfigureAwait(false)
            ?? throw new CliException(ExitCode.Unavailable, NotRunning(folder));
    }

    /// <summary>What is said where no node runs on a data folder.</summary>
    public static string NotRunning(string folder) => $"no node runs on the data folder {folder}; start one with `mote up`, or name its folder with --data";
}
