// Core modules of one component instance that are always instantiated together become one module, so that making an
// instance is one step without items passed by hand: docs/adr has why, and what is not merged.
using Mote.Components.Binary;
using Mote.Components.Types;
using Mote.Wasmtime;

namespace Mote.Components.Linking;

internal sealed partial class Planner
{
    /// <summary>More than these in one merged module could be more than an engine's pool has for a module.</summary>
    private const int MergedMemories = 1, MergedTables = 4;

    private void MergeModules()
    {
        Dictionary<int, int> uses = _plan.Steps.Where(s => !s.Imported).GroupBy(s => s.Module).ToDictionary(g => g.Key, g => g.Count());
        for (int first = 0; first < _plan.Steps.Count; first++)
        {
            // The longest run that begins here. A shorter one is tried where the code itself cannot be merged.
            for (int count = Run(first, uses); count > 1; count--)
            {
                if (Merge(first, count)) break;
            }
        }
    }

    /// <summary>How many steps from this one on could be one.</summary>
    private int Run(int first, Dictionary<int, int> uses)
    {
        var made = new HashSet<int>();
        int memories = 0, tables = 0, count = 0;
        for (int i = first; i < _plan.Steps.Count; i++)
        {
            PlanStep step = _plan.Steps[i];
            if (step.Imported || step.Instance != _plan.Steps[first].Instance || uses[step.Module] > 1) break;
            // What an import is given must be made here, or be a function of the component layer.
            if (step.Imports.Any(r => r.Kind != CoreRefKind.Trampoline && !made.Contains(r.Index))) break;
            CoreModule content = _moduleContents[step.Module];
            memories += content.Memories.Count - content.Imports.Count(m => m.Type.Kind == ExternKind.Memory);
            tables += content.Tables.Count - content.Imports.Count(m => m.Type.Kind == ExternKind.Table);
            if (memories > MergedMemories || tables > MergedTables) break;
            made.Add(step.CoreInstance);
            count++;
            // All segments are applied before a start function runs: that is the same order only where it is the last module's.
            if (content.HasStart) break;
        }

        return count;
    }

    private bool Merge(int first, int count)
    {
        PlanStep[] steps = [.. _plan.Steps.Skip(first).Take(count)];
        int[] made = [.. steps.Select(s => s.CoreInstance)];
        MergeMember[] members = [.. steps.Select(s => new MergeMember(ModuleBytes(s.Module),
            Array.ConvertAll(s.Imports, r => r.Kind == CoreRefKind.Trampoline ? new MergeSource(-1, "", r.Index) : new MergeSource(Array.IndexOf(made, r.Index), r.Name!, -1))))];

        // What others have of these instances, under a name that says whose it was.
        var others = _plan.Steps.Except(steps).SelectMany(s => s.Imports).Concat(_funcSlots).Concat(_memorySlots)
            .Where(r => r.Kind != CoreRefKind.Trampoline && made.Contains(r.Index)).Select(r => new MergeExport(Array.IndexOf(made, r.Index), r.Name!, NameOf(r)));
        if (CoreMerger.Merge(members, [.. others.Distinct()], out int[] trampolines) is not { } wasm) return false;

        // What the rewriter makes is valid where its input is (the tests say so); should that ever fail, a component runs slower and not less.
        if (_checkModule(wasm) is not null) return false;

        int module = _plan.Modules.Count, core = _plan.CoreInstances++;
        CoreModule content = CoreModule.Read(wasm, 0, new CoreTypeInterner());
        _plan.Modules.Add(new PlanModule(-1, wasm.Length) { Merged = wasm });
        _moduleContents.Add(content);
        foreach (PlanStep step in _plan.Steps.Except(steps)) Rename(step.Imports);
        RenameSlots(_funcSlots);
        RenameSlots(_memorySlots);
        _plan.Steps.RemoveRange(first, count);
        _plan.Steps.Insert(first, new PlanStep(module, false, steps[0].Instance, core, Array.ConvertAll(trampolines, CoreRef.Trampoline), [.. content.Imports.Select(i => (i.Module, i.Name))])
        {
            Start = _moduleContents[steps[^1].Module].HasStart ? CoreMerger.StartExport : null,
        });
        _plan.MergedModules += count;

        // Steps are counted: a function that was there when the last member began is there when its start function runs.
        int last = first + count - 1;
        foreach (PlanTrampoline t in _plan.Trampolines)
        {
            if (t.AvailableAfterStep > last) t.AvailableAfterStep -= count - 1;
            else if (t.AvailableAfterStep > first) t.AvailableAfterStep = first;
        }

        return true;

        string NameOf(CoreRef r) => $"{Array.IndexOf(made, r.Index)}:{r.Name}";

        CoreRef Renamed(CoreRef r)
        {
            if (r.Kind == CoreRefKind.Trampoline || !made.Contains(r.Index)) return r;
            string name = NameOf(r);
            return new CoreRef(CoreRefKind.Export, core, content.Exports.FindIndex(e => e.Name == name), name);
        }

        void Rename(CoreRef[] items)
        {
            for (int i = 0; i < items.Length; i++) items[i] = Renamed(items[i]);
        }

        void RenameSlots(List<CoreRef> items)
        {
            for (int i = 0; i < items.Count; i++) items[i] = Renamed(items[i]);
        }
    }

    private ReadOnlyMemory<byte> ModuleBytes(int module)
    {
        PlanModule m = _plan.Modules[module];
        return m.Merged.IsEmpty ? _file.Slice((int)m.Offset, m.Length) : m.Merged;
    }
}
