// A component whose imports are resolved: instantiating it runs the plan's steps and nothing else.
using System.Text;
using Mote.Components.Async;
using Mote.Components.Binary;
using Mote.Components.Resources;
using Mote.Components.Types;
using Mote.Wasmtime;

namespace Mote.Components.Linking;

/// <summary>An export of a component.</summary>
/// <param name="Name">Its name.</param>
/// <param name="IsModule">A core module.</param>
/// <param name="IsResource">A resource type.</param>
public readonly record struct ComponentExport(string Name, bool IsModule, bool IsResource);

/// <summary>Makes instances. Safe to use from many threads.</summary>
public sealed class InstanceTemplate : IDisposable
{
    private readonly CompiledComponent _component;
    private readonly HostResource?[] _hostResources;
    private readonly HostModule[] _hostModules;
    private readonly Step[] _steps;
    private readonly FuncSource[] _funcs;
    private readonly Linker _trampolines;
    private readonly byte[][] _trampolineNames;

    internal InstanceTemplate(CompiledComponent component, ComponentLinker linker)
    {
        _component = component;
        Plan plan = component.Plan;
        var resolver = new Resolver(plan, linker);
        _hostResources = resolver.Resources();
        HostFunction[] functions = resolver.Functions();
        HostModule[] modules = _hostModules = resolver.Modules();
        resolver.ThrowIfIncomplete();

        HostFunc[] trampolines = [.. plan.Trampolines.Select(t => Make(plan, t, functions))];
        _trampolines = new Linker(component.Engine);
        _trampolineNames = new byte[trampolines.Length][];
        HashSet<int> used = [.. plan.TrampolineFuncs.Select(f => f.Trampoline)];
        _steps = [.. plan.Steps.Select(s => new Step(component, s, modules, trampolines, used))];
        _funcs = new FuncSource[plan.Funcs];
        foreach ((int slot, int trampoline) in plan.TrampolineFuncs) _funcs[slot] = new FuncSource(trampoline, null);
        foreach (PlanStep step in plan.Steps)
        {
            foreach (PlanExtract e in step.Extracts.Where(e => !e.Memory)) _funcs[e.Slot] = new FuncSource(step.CoreInstance, Encoding.UTF8.GetBytes(e.Name));
        }

        foreach (int t in used)
        {
            _trampolineNames[t] = Encoding.UTF8.GetBytes($"{t}");
            _trampolines.Define("", $"{t}", trampolines[t]);
        }
    }

    internal Plan Plan => _component.Plan;

    /// <summary>The component that was linked.</summary>
    public CompiledComponent Component => _component;

    /// <summary>Makes an instance in a store of its own.</summary>
    /// <param name="configure">Sets limits and a deadline on the store before anything of the guest runs.</param>
    /// <exception cref="TrapException">A start function trapped.</exception>
    /// <exception cref="WasmtimeException">A limit or the pool is exhausted.</exception>
    public ComponentInstance Instantiate(Action<ComponentInstance>? configure = null)
    {
        var store = new Store(_component.Engine);
        var instance = new ComponentInstance(this, store);
        try
        {
            if (configure is not null) configure(instance);
            else if (_component.Engine.Options.EpochInterruption) store.SetEpochDeadline(ulong.MaxValue / 2); // no deadline was asked for
            Run(instance);
            return instance;
        }
        catch
        {
            instance.Poison();
            instance.Dispose();
            throw;
        }
    }

    private void Run(ComponentInstance instance)
    {
        Plan plan = Plan;
        for (int i = 0; i < plan.Resources.Count; i++)
        {
            PlanResource r = plan.Resources[i];
            instance.Resources[i] = r.ImportPath is null ? new GuestResource(r.Name, instance.Instances[r.Instance], r.Destructor) : _hostResources[i]!;
        }

        Span<ValRaw> nothing = stackalloc ValRaw[1];
        foreach (Step step in _steps)
        {
            RuntimeInstance running = instance.Instances[step.Plan.Instance];
            EnterStart(running);
            Instance core = step.Instantiate(this, instance);
            instance.CoreInstances[step.Plan.CoreInstance] = core;
            foreach ((int slot, byte[] name) in step.Memories) instance.Memories[slot] = Named(core, name).AsMemory();
            if (step.Start is not null) Named(core, step.Start).AsFunc().CallUnchecked(nothing);
            LeaveStart(running);
            instance.StepsDone++;
        }
    }

    /// <summary>While a start function runs, nothing may call into its instance.</summary>
    private static void EnterStart(RuntimeInstance instance)
    {
        for (RuntimeInstance? i = instance; i is not null; i = i.Parent) i.MayEnter = false;
    }

    private static void LeaveStart(RuntimeInstance instance)
    {
        for (RuntimeInstance? i = instance; i is not null; i = i.Parent) i.MayEnter = true;
    }

    private static Extern Named(Instance core, byte[] name) =>
        core.TryGetExport(name, out Extern item) ? item : throw new WasmtimeException($"the imported module does not export `{Encoding.UTF8.GetString(name)}`");

    internal Extern Trampoline(ComponentInstance instance, int index) => _trampolines.Get(instance.Store, ""u8, _trampolineNames[index]);

    internal PlanExport? FindExport(ReadOnlySpan<string> path)
    {
        IReadOnlyList<PlanExport> level = Plan.Exports;
        PlanExport? found = null;
        foreach (string name in path)
        {
            found = level.FirstOrDefault(e => e.Name == name) ?? level.FirstOrDefault(e => SameTrack(e.Name, name));
            if (found is null) return null;
            level = found.Children;
        }

        return found;
    }

    private static bool SameTrack(string exported, string wanted) =>
        exported.Contains('@') && wanted.Contains('@')
        && Names.TryParse(exported, true, out ParsedName a, out _) && Names.TryParse(wanted, true, out ParsedName b, out _) && a.Compatible == b.Compatible;

    /// <summary>All exported functions, with the names that lead to each.</summary>
    public IEnumerable<(string[] Path, FunctionType Type)> Functions => FunctionsIn(Plan.Exports, []);

    private IEnumerable<(string[] Path, FunctionType Type)> FunctionsIn(IReadOnlyList<PlanExport> exports, string[] path)
    {
        foreach (PlanExport e in exports)
        {
            string[] here = [.. path, e.Name];
            if (e.Lift >= 0) yield return (here, Plan.Lifts[e.Lift].Type);
            foreach ((string[] Path, FunctionType Type) inner in FunctionsIn(e.Children, here)) yield return inner;
        }
    }

    /// <summary>What the component exports, one level deep.</summary>
    public IEnumerable<ComponentExport> Exports => Plan.Exports.Select(e => new ComponentExport(e.Name, e.Sort == Sort.CoreModule, e.Resource >= 0));

    /// <summary>The exported core module of this name and its bytes, to be given to another component.</summary>
    /// <param name="source">The component that this was made from.</param>
    /// <param name="name">The export's name.</param>
    public (Module Module, ReadOnlyMemory<byte> Wasm) GetModule(Component source, string name)
    {
        PlanExport? export = Plan.Exports.FirstOrDefault(e => e.Name == name && e.Sort == Sort.CoreModule);
        if (export is null) throw new ComponentException(ComponentErrorKind.Link, $"the component exports no core module `{name}`");
        if (export.ImportedModule >= 0) return (_hostModules[export.ImportedModule].Module, _hostModules[export.ImportedModule].Wasm);
        PlanModule module = Plan.Modules[export.Module];
        return (_component.Modules[export.Module]!, source.File.Slice((int)module.Offset, module.Length));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (Step s in _steps) s.Dispose();
        _trampolines.Dispose();
    }

    private static HostFunc Make(Plan plan, PlanTrampoline t, HostFunction[] functions) => t.Kind switch
    {
        TrampolineKind.Host when t.Options!.Async => new AsyncHostTrampoline(t, plan.Imports[t.Target], functions[t.Target]),
        TrampolineKind.Fused when plan.IsAsync => new TaskTrampoline(t, plan.Lifts[t.Target]),
        TrampolineKind.AsyncBuiltIn => new AsyncBuiltIn(t),
        TrampolineKind.Host => new HostTrampoline(t, plan.Imports[t.Target], functions[t.Target]),
        TrampolineKind.Fused => new FusedTrampoline(t, plan.Lifts[t.Target]),
        TrampolineKind.ResourceNew => new ResourceNewTrampoline(t),
        TrampolineKind.ResourceRep => new ResourceRepTrampoline(t),
        _ => new ResourceDropTrampoline(t),
    };

    /// <summary>Takes the function of a slot out of where it is: when it is first called, because most instances call few.</summary>
    internal Func FetchFunc(ComponentInstance instance, int slot)
    {
        FuncSource source = _funcs[slot];
        return source.Name is null ? Trampoline(instance, source.Index).AsFunc() : Named(instance.CoreInstances[source.Index], source.Name).AsFunc();
    }

    /// <summary>Where the function of a slot is: an export of a core instance, or a trampoline where the name is null.</summary>
    private readonly record struct FuncSource(int Index, byte[]? Name);

    /// <summary>One core module to instantiate: prepared where only the host's functions go in, else given its imports each time.</summary>
    private sealed class Step : IDisposable
    {
        private readonly Module _module;
        private readonly CoreRef[] _imports;
        private readonly byte[][] _importNames;
        private readonly Linker? _linker;
        private readonly InstancePre? _prepared;

        public Step(CompiledComponent component, PlanStep plan, HostModule[] modules, HostFunc[] trampolines, HashSet<int> used)
        {
            Plan = plan;
            _module = plan.Imported ? modules[plan.Module].Module : component.Modules[plan.Module]!;
            _imports = plan.Imported ? InOrderOf(modules[plan.Module], plan) : plan.Imports;
            _importNames = Array.ConvertAll(_imports, i => Encoding.UTF8.GetBytes(i.Name ?? ""));
            Start = plan.Start is null ? null : Encoding.UTF8.GetBytes(plan.Start);
            Memories = [.. plan.Extracts.Where(e => e.Memory).Select(e => (e.Slot, Encoding.UTF8.GetBytes(e.Name)))];
            if (Array.TrueForAll(_imports, i => i.Kind == CoreRefKind.Trampoline) && !plan.Imported)
            {
                _linker = new Linker(component.Engine);
                for (int i = 0; i < _imports.Length; i++) _linker.Define(plan.Names[i].Module, plan.Names[i].Name, trampolines[_imports[i].Index]);
                _prepared = _linker.Prepare(_module);
            }
            else
            {
                foreach (CoreRef i in _imports)
                {
                    if (i.Kind == CoreRefKind.Trampoline) used.Add(i.Index);
                }
            }
        }

        public PlanStep Plan { get; }

        /// <summary>Slot and export of each memory that the canonical ABI uses.</summary>
        public (int Slot, byte[] Name)[] Memories { get; }

        /// <summary><see cref="PlanStep.Start"/>.</summary>
        public byte[]? Start { get; }

        public Instance Instantiate(InstanceTemplate template, ComponentInstance instance)
        {
            if (_prepared is not null) return _prepared.Instantiate(instance.Store);
            var imports = new Extern[_imports.Length];
            for (int i = 0; i < imports.Length; i++)
            {
                CoreRef r = _imports[i];
                imports[i] = r.Kind switch
                {
                    CoreRefKind.Trampoline => template.Trampoline(instance, r.Index),
                    _ => Named(instance.CoreInstances[r.Index], _importNames[i]),
                };
            }

            return Instance.Create(instance.Store, _module, imports);
        }

        public void Dispose()
        {
            _prepared?.Dispose();
            _linker?.Dispose();
        }

        /// <summary>A module of the host may import less than its type allows, and in another order.</summary>
        private static CoreRef[] InOrderOf(HostModule module, PlanStep plan)
        {
            CoreModule content = CoreModule.Read(module.Wasm.Span, 0, new CoreTypeInterner());
            return [.. content.Imports.Select(i => plan.Imports[Array.IndexOf(plan.Names, (i.Module, i.Name))])];
        }
    }
}
