// Finds what the host has for each import of a plan, and says everything that is missing at once.
using Mote.Components.Binary;
using Mote.Components.Resources;
using Mote.Components.Types;

namespace Mote.Components.Linking;

internal sealed class Resolver(Plan plan, ComponentLinker linker)
{
    private readonly List<string> _problems = [];
    private readonly string?[] _resourceNames = new string?[plan.Resources.Count];

    public HostResource?[] Resources()
    {
        var found = new HostResource?[plan.Resources.Count];
        for (int i = 0; i < found.Length; i++)
        {
            if (plan.Resources[i].ImportPath is { } path) found[i] = Find<HostResource>(path, null, "resource");
        }

        foreach ((int slot, string[] path) in plan.ResourceAliases)
        {
            // Only a host that defines the name a second time can contradict the first.
            if (Lookup(path, null, out _) is HostResource other && found[slot] is { } first && !ReferenceEquals(other, first))
            {
                _problems.Add($"import `{string.Join('#', path)}`: mismatched resource types (`{first}` and `{other}`)");
            }
        }

        return found;
    }

    public HostFunction[] Functions()
    {
        var found = new HostFunction[plan.Imports.Count];
        for (int i = 0; i < found.Length; i++)
        {
            PlanImport import = plan.Imports[i];
            if (Find<HostFunction>(import.Path, import.Implements, "function") is not { } function) continue;
            if (function.TypeText is { } offered)
            {
                // Most functions mention the same few resources.
                string wanted = Signature.Of(import.Type, r => _resourceNames[r.Id.Slot] ??= ResourceName(plan, r));
                // What takes no time may stand for what may take some.
                if (wanted != offered && !(import.Type.IsAsync && wanted == $"async {offered}")) _problems.Add($"import `{string.Join('#', import.Path)}` has another type: the component wants `{wanted}`, this host offers `{offered}`");
            }

            found[i] = function;
        }

        return found;
    }

    /// <summary>A resource type by the place it is imported from, its version reduced to the compatible track.</summary>
    internal static string ResourceName(Plan plan, ResourceType type)
    {
        PlanResource resource = plan.Resources[type.Id.Slot];
        if (resource.ImportPath is not [{ } head, .. { } rest]) return resource.Name;
        string reduced = Names.TryParse(head, canonicalVersions: true, out ParsedName parsed, out _) ? parsed.Compatible : head;
        return string.Join('#', [reduced, .. rest]);
    }

    public HostModule[] Modules()
    {
        var found = new HostModule[plan.ModuleImports.Count];
        for (int i = 0; i < found.Length; i++)
        {
            PlanModuleImport import = plan.ModuleImports[i];
            if (Find<HostModule>(import.Path, null, "module") is not { } module) continue;
            found[i] = module;
            // The types of the plan and of the host's module come from different readings, so they are compared by form.
            CoreModuleType offered = CoreModule.Read(module.Wasm.Span, 0, new CoreTypeInterner()).Type;
            if (Mismatch(offered, import.Type) is { } error) _problems.Add($"import `{string.Join('#', import.Path)}`: {error}");
        }

        return found;
    }

    private static string? Mismatch(CoreModuleType offered, CoreModuleType wanted)
    {
        foreach (((string module, string name) key, CoreExternType needed) in offered.Imports)
        {
            if (!wanted.Imports.TryGetValue(key, out CoreExternType? given)) return $"module import `{key.module}::{key.name}` not defined";
            if (Fits(given, needed) is { } error) return $"module import `{key.module}::{key.name}` has the wrong type: {error}";
        }

        foreach ((string name, CoreExternType needed) in wanted.Exports)
        {
            if (!offered.Exports.TryGetValue(name, out CoreExternType? given)) return $"module export `{name}` not defined";
            if (Fits(given, needed) is { } error) return $"module export `{name}` has the wrong type: {error}";
        }

        return null;
    }

    private static string? Fits(CoreExternType given, CoreExternType needed)
    {
        if (given.Kind != needed.Kind) return $"expected {needed.Word} found {given.Word}";
        return given.Func is null ? Subtyping.Check(given, needed)
            : given.Func.ToString() == needed.Func!.ToString() ? null : $"expected: {needed.Func}, found: {given.Func}";
    }

    private T? Find<T>(string[] path, string? implements, string kind)
        where T : class
    {
        object? item = Lookup(path, implements, out int depth);
        if (item is T found) return found;
        string name = $"`{string.Join('#', path)}`";
        switch (item)
        {
            case null:
                _problems.Add(depth == 0 && path.Length > 1
                    ? $"import {name}: a matching implementation was not found in this host: `{path[0]}` is not hosted"
                    : $"import {name}: a matching implementation was not found in this host");
                return null;
            default:
                _problems.Add($"import {name}: expected {(depth < path.Length - 1 ? "instance" : kind)} found {Word(item)}");
                return null;
        }
    }

    private object? Lookup(string[] path, string? implements, out int depth)
    {
        depth = 0;
        object? at = linker.Find(path[0], path.Length > 1 ? implements : null);
        for (depth = 1; depth < path.Length && at is not null; depth++)
        {
            if (at is not HostInstance instance) return at;
            at = instance.Items.GetValueOrDefault(path[depth]);
        }

        depth = at is null && depth == 1 ? 0 : depth - 1;
        return at;
    }

    private static string Word(object item) => item switch
    {
        HostFunction => "func",
        HostResource => "resource",
        HostModule => "module",
        _ => "instance",
    };

    /// <summary>Throws where anything was missing.</summary>
    public void ThrowIfIncomplete()
    {
        foreach (string[] path in plan.InstanceImports)
        {
            if (Lookup(path, null, out int depth) is { } item and not HostInstance && depth == path.Length - 1) _problems.Add($"import `{string.Join('#', path)}`: expected instance found {Word(item)}");
        }

        if (_problems.Count == 0) return;
        throw new ComponentException(ComponentErrorKind.Link, _problems.Count == 1 ? _problems[0] : $"{_problems.Count} imports cannot be satisfied:\n  {string.Join("\n  ", _problems)}");
    }
}
