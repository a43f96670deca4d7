// mote watch: an app that is built and replaced whenever its files change. A build or a file with a fault leaves what
// runs running.
using System.Diagnostics;
using System.Globalization;
using Mote.Capabilities.Messaging;
using Mote.Components;
using Mote.Node;
using Mote.Packaging;
using Mote.Packaging.Toml;
using Mote.Wasmtime;

namespace Mote.Cli.Building;

/// <summary>What happens while an app is watched.</summary>
/// <param name="Event">built, not-built, up, swapped, restarted or kept.</param>
/// <param name="Component">Which; null for the app.</param>
/// <param name="Milliseconds">How long it took.</param>
/// <param name="Fault">Why it did not succeed.</param>
internal sealed record WatchEvent(string Event, string? Component, double Milliseconds, string? Fault);

/// <summary>Runs and watches one app.</summary>
/// <param name="manifest">The manifest, absolute.</param>
/// <param name="load">Reads it with the values of its variables.</param>
/// <param name="more">Other files whose change is a change of the manifest: values of variables.</param>
/// <param name="start">Starts a node for it.</param>
/// <param name="say">Told in words.</param>
/// <param name="tell">Told for programs.</param>
/// <param name="quiet">Whether standard output is for programs.</param>
internal sealed class WatchSession(
    string manifest, Func<AppManifest> load, IReadOnlyList<string> more, Func<AppManifest, Task<EdgeNode>> start, Action<string> say, Action<WatchEvent> tell, bool quiet)
{
    /// <summary>How often files are looked at.</summary>
    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(150);

    /// <summary>How long what is in work may take where a node is started anew.</summary>
    private static readonly TimeSpan s_drain = TimeSpan.FromSeconds(5);

    private readonly Dictionary<string, SourceFiles> _files = [];
    private readonly HashSet<string> _writesItsOwn = [];
    private readonly HashSet<string> _isBuilt = [];
    private SourceFiles _manifestFiles = SourceFiles.Of([]);
    private BuildPlan _plan = null!;

    /// <summary>Runs until the token says so.</summary>
    /// <returns>The node, to be ended; null where none ever started.</returns>
    public async Task<EdgeNode?> RunAsync(CancellationToken token)
    {
        _manifestFiles = SourceFiles.Of([manifest, .. more]);
        _plan = BuildPlan.Load(manifest);
        EdgeNode? node = null;
        AppManifest? app = null;
        string[] changed = [.. _plan.Targets.Select(t => t.Name)];
        try
        {
            while (true)
            {
                string[] built = await Build(changed, token).ConfigureAwait(false);
                if (node is null ? built.Length == changed.Length : built.Length > 0) (node, app) = await Take(node, app, built).ConfigureAwait(false);
                changed = await Changes(node is null, token).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (token.IsCancellationRequested)
        {
            return node;
        }
        catch
        {
            if (node is not null) await node.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Builds components; those that succeeded, or have no build.</summary>
    private async Task<string[]> Build(IReadOnlyCollection<string> names, CancellationToken token)
    {
        var good = new List<string>();
        foreach (BuildTarget target in _plan.Targets.Where(t => names.Contains(t.Name)))
        {
            SourceFiles before = SourceFiles.Of(target);
            if (!before.IsWhole) throw new CliException(ExitCode.BadInput, $"{_plan.File}: component `{target.Name}` has more than {SourceFiles.Max} files to watch: say which under [component.{target.Name}.build] with watch = [\"src/**\"]");
            _files[target.Name] = before; // what is saved during the build is a change after it
            if (target.Build is null || _isBuilt.Remove(target.Name))
            {
                good.Add(target.Name);
                continue;
            }

            BuildResult result = await ComponentBuild.RunAsync(target, say, quiet, token).ConfigureAwait(false);
            CheckOwnFiles(target, before);
            tell(new WatchEvent(result.Fault is null ? "built" : "not-built", target.Name, result.Seconds * 1000, result.Fault));
            if (result.Fault is null) good.Add(target.Name);
            else say($"{target.Name}: not built: {result.Fault}{Kept}");
        }

        return [.. good];
    }

    private const string Kept = "; what ran before goes on";

    /// <summary>A build that changes files which it is built from would be built without end: the second time, these files count as its own.</summary>
    private void CheckOwnFiles(BuildTarget target, SourceFiles before)
    {
        SourceFiles after = SourceFiles.Of(target);
        IReadOnlyList<string> own = after.ChangedSince(before);
        if (own.Count == 0 || _writesItsOwn.Add(target.Name)) return;
        say($"{target.Name}: its build changes what it is built from ({Path.GetRelativePath(target.Build!.Folder, own[0])}{(own.Count > 1 ? $" and {own.Count - 1} more" : "")}); leave that out of `watch`");
        _files[target.Name] = after;
    }

    /// <summary>Starts a node, replaces components of one that runs, or starts it anew where the change is too deep for that.</summary>
    private async Task<(EdgeNode? Node, AppManifest? App)> Take(EdgeNode? node, AppManifest? app, string[] names)
    {
        long begin = Stopwatch.GetTimestamp();
        try
        {
            AppManifest next = load();
            if (node is null || app is null)
            {
                EdgeNode started = await start(next).ConfigureAwait(false);
                tell(new WatchEvent("up", null, Took(), null));
                return (started, next);
            }

            if (app.CanReplace(next))
            {
                node.Replace(next, names);
                foreach (string name in names)
                {
                    say(string.Create(CultureInfo.InvariantCulture, $"{name}: swapped in {Took():0} ms"));
                    tell(new WatchEvent("swapped", name, Took(), null));
                }

                return (node, next);
            }

            say("the manifest's triggers, queues or components have changed: starting anew");
            await node.DrainAsync(s_drain).ConfigureAwait(false);
            await node.DisposeAsync().ConfigureAwait(false);
            node = null;
            EdgeNode again = await start(next).ConfigureAwait(false);
            tell(new WatchEvent("restarted", null, Took(), null));
            return (again, next);
        }
        catch (Exception e) when (e is ConfigException or ComponentFileException or ComponentException or WasmtimeException or MessagingException or IOException or UnauthorizedAccessException or CliException)
        {
            say($"{e.Message}{(node is null ? "" : Kept)}");
            tell(new WatchEvent("kept", null, Took(), e.Message));
            return (node, node is null ? null : app);
        }

        double Took() => Stopwatch.GetElapsedTime(begin).TotalMilliseconds;
    }

    /// <summary>Waits until files have changed and nobody writes to them any more; the components to be built.</summary>
    /// <param name="all">Whether nothing runs yet: then every change concerns all.</param>
    private async Task<string[]> Changes(bool all, CancellationToken token)
    {
        while (true)
        {
            await Task.Delay(s_interval, token).ConfigureAwait(false);
            SourceFiles manifestFiles = SourceFiles.Of([manifest, .. more]);
            bool manifestChanged = manifestFiles.ChangedSince(_manifestFiles).Count > 0;
            string[] changed = [.. _plan.Targets.Where(t => SourceFiles.Of(t).ChangedSince(_files[t.Name]).Count > 0).Select(t => t.Name)];
            if (!manifestChanged && changed.Length == 0) continue;
            await Settle(token).ConfigureAwait(false);
            if (!manifestChanged) return all ? [.. _plan.Targets.Select(t => t.Name)] : changed;
            _manifestFiles = SourceFiles.Of([manifest, .. more]);
            try
            {
                BuildPlan before = _plan;
                _plan = BuildPlan.Load(manifest);
                // What is built as before, of what it was built from, is only loaded again.
                _isBuilt.Clear();
                if (!all) _isBuilt.UnionWith(_plan.Targets.Where(t => !changed.Contains(t.Name) && before.Targets.Any(b => IsSame(b, t)) && File.Exists(t.Source)).Select(t => t.Name));
                return [.. _plan.Targets.Select(t => t.Name)];
            }
            catch (ConfigException e)
            {
                say($"{e.Message}{(all ? "" : Kept)}");
                tell(new WatchEvent("kept", null, 0, e.Message));
            }
        }
    }

    private static bool IsSame(BuildTarget a, BuildTarget b) => a.Name == b.Name && a.Source == b.Source && a.Build?.Command == b.Build?.Command && a.Build?.Folder == b.Build?.Folder;

    /// <summary>An editor may write several files, and a file in several goes: waits until two looks see the same.</summary>
    private async Task Settle(CancellationToken token)
    {
        BuildTarget[] targets = [.. _plan.Targets];
        SourceFiles[] last = [SourceFiles.Of([manifest, .. more]), .. targets.Select(SourceFiles.Of)];
        while (true)
        {
            await Task.Delay(s_interval, token).ConfigureAwait(false);
            SourceFiles[] now = [SourceFiles.Of([manifest, .. more]), .. targets.Select(SourceFiles.Of)];
            if (now.Zip(last).All(p => p.First.ChangedSince(p.Second).Count == 0)) return;
            last = now;
        }
    }
}
