// Runs the commands that build a component, with what they print going straight to the user.
using System.ComponentModel;
using System.Diagnostics;
using Mote.Packaging;

namespace Mote.Cli.Building;

/// <summary>How a component's build ended.</summary>
/// <param name="Name">The component.</param>
/// <param name="Source">The file that it makes.</param>
/// <param name="Seconds">How long it took.</param>
/// <param name="Fault">Why it failed; null where it did not.</param>
internal sealed record BuildResult(string Name, string Source, double Seconds, string? Fault);

internal static class ComponentBuild
{
    /// <summary>Builds a component that has a build.</summary>
    /// <param name="target">The component.</param>
    /// <param name="say">Told of each command, and of nothing that the command prints.</param>
    /// <param name="quiet">Whether standard output is the user's for something else: what commands print there goes to standard error.</param>
    /// <param name="token">Ends the commands and what they started.</param>
    public static async Task<BuildResult> RunAsync(BuildTarget target, Action<string> say, bool quiet, CancellationToken token)
    {
        BuildManifest build = target.Build!;
        long start = Stopwatch.GetTimestamp();
        string? fault = null;
        if (!Directory.Exists(build.Folder)) fault = $"there is no folder {build.Folder} (`workdir`)";
        foreach (string command in build.Commands)
        {
            if (fault is not null) break;
            say($"{target.Name}: {command}");
            int code = await Shell(command, build.Folder, quiet, token).ConfigureAwait(false);
            if (code == 0) continue;
            fault = $"`{command}` ended with code {code}{(code == 127 ? ": a program that it names is not installed" : "")}";
        }

        if (fault is null && !File.Exists(target.Source)) fault = $"it was built, and there is no file {target.Source}, which `source` names";
        return new BuildResult(target.Name, target.Source, Stopwatch.GetElapsedTime(start).TotalSeconds, fault);
    }

    private static async Task<int> Shell(string command, string folder, bool quiet, CancellationToken token)
    {
        bool windows = OperatingSystem.IsWindows();
        var info = new ProcessStartInfo(windows ? "cmd.exe" : "/bin/sh") { WorkingDirectory = folder, UseShellExecute = false };
        info.ArgumentList.Add(windows ? "/c" : "-c");
        info.ArgumentList.Add(quiet ? windows ? $"({command}) 1>&2" : $"{{ {command}\n}} 1>&2" : command);
        // The commands call this very program: for bindings.
        if (Environment.ProcessPath is { } self && Path.GetFileNameWithoutExtension(self) == "mote") info.Environment["MOTE"] = self;
        using var process = new Process { StartInfo = info };
        try
        {
            process.Start();
        }
        catch (Win32Exception e)
        {
            throw new CliException(ExitCode.Unavailable, $"{info.FileName} cannot be started: {e.Message}");
        }

        try
        {
            await process.WaitForExitAsync(token).ConfigureAwait(false);
            return process.ExitCode;
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync(CancellationToken.None).ConfigureAwait(false);
            throw;
        }
    }
}
