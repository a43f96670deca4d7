// Components of wit-component have a shim module, so that the main module can be given functions that need its own
// memory, and a fixup module that puts the real functions into the shim's table. Where that is all they do, the real
// functions are given directly: a trampoline finds the memory when it is called.
using Mote.Components.Binary;
using Mote.Wasmtime;

namespace Mote.Components.Linking;

internal sealed partial class Planner
{
    private void BypassShims()
    {
        for (int i = 0; i < _plan.Steps.Count; i++)
        {
            PlanStep shim = _plan.Steps[i];
            if (shim.Imported || !IsShim(shim, out int[] slots, out int tableExport)) continue;
            if (FindFixup(shim, tableExport) is not { } fixup) continue;
            Bypass(shim, slots, fixup);
        }

        RemoveUnused();
    }

    /// <summary>
    /// No imports, one table, and functions that each pass their parameters on through a constant slot of that table.
    /// <paramref name="slots"/> has the slot of each export position, -1 for exports that are not functions.
    /// </summary>
    private bool IsShim(PlanStep step, out int[] slots, out int tableExport)
    {
        CoreModule m = _moduleContents[step.Module];
        slots = [];
        tableExport = m.Exports.FindIndex(e => e.Kind == ExternKind.Table);
        if (m.Imports.Count > 0 || m.Tables.Count != 1 || tableExport < 0 || m.HasStart || m.HasData || m.HasOtherElements
            || m.Elements.Count > 0 || m.Memories.Count > 0 || m.DefinedGlobals > 0 || m.Code.Count == 0)
        {
            return false;
        }

        PlanModule place = _plan.Modules[step.Module];
        var slotOfFunction = new int[m.Code.Count];
        for (int f = 0; f < m.Code.Count; f++)
        {
            if (!IsPassOn(_file.Span.Slice((int)place.Offset, place.Length)[m.Code[f]], m.Functions[f].Parameters.Length, out slotOfFunction[f])) return false;
        }

        slots = [.. m.Exports.Select(e => e.Kind == ExternKind.Func ? slotOfFunction[e.Index] : -1)];
        return true;
    }

    /// <summary>A body of <c>local.get 0 … local.get n-1, i32.const slot, call_indirect table 0, end</c> without locals.</summary>
    private static bool IsPassOn(ReadOnlySpan<byte> body, int parameters, out int slot)
    {
        slot = -1;
        try
        {
            var r = new WasmReader(body, 0);
            if (r.U32("locals") != 0) return false;
            for (uint p = 0; p < parameters; p++)
            {
                if (r.Byte("an instruction") != 0x20 || r.U32("a local") != p) return false;
            }

            if (r.Byte("an instruction") != 0x41) return false;
            long index = r.S33("a constant");
            if (r.Byte("an instruction") != 0x11) return false;
            r.U32("a type");
            if (r.U32("a table") != 0 || r.Byte("an instruction") != 0x0b || !r.AtEnd) return false;
            slot = (int)index;
            return index >= 0;
        }
        catch (ComponentException)
        {
            return false;
        }
    }

    /// <summary>The step that fills the shim's table and does nothing else, if nobody but it has the table.</summary>
    private PlanStep? FindFixup(PlanStep shim, int tableExport)
    {
        var table = new CoreRef(CoreRefKind.Export, shim.CoreInstance, tableExport, _moduleContents[shim.Module].Exports[tableExport].Name);
        PlanStep? fixup = null;
        foreach (PlanStep step in _plan.Steps)
        {
            if (!step.Imports.Contains(table)) continue;
            if (fixup is not null || step.Imported) return null;
            fixup = step;
        }

        if (fixup is null) return null;
        CoreModule m = _moduleContents[fixup.Module];
        return m.Code.Count == 0 && m.Memories.Count == 0 && m.DefinedGlobals == 0 && !m.HasStart && !m.HasData && !m.HasOtherElements
            && m.Tables.Count == 1 && m.Exports.Count == 0 && m.Elements is [{ Table: 0 }] ? fixup : null;
    }

    private void Bypass(PlanStep shim, int[] slots, PlanStep fixup)
    {
        FuncElements elements = _moduleContents[fixup.Module].Elements[0];
        // Position of each imported function among all imports of the fixup.
        int[] functionImports = [.. _moduleContents[fixup.Module].Imports.Select((import, at) => (import, at)).Where(x => x.import.Type.Kind == ExternKind.Func).Select(x => x.at)];
        int fixupAt = _plan.Steps.IndexOf(fixup);
        var direct = new Dictionary<int, int>();

        for (int i = 0; i < _plan.Steps.Count; i++)
        {
            PlanStep step = _plan.Steps[i];
            if (ReferenceEquals(step, fixup)) continue;
            for (int n = 0; n < step.Imports.Length; n++) step.Imports[n] = Real(step.Imports[n], i);
        }

        for (int s = 0; s < _funcSlots.Count; s++) _funcSlots[s] = Real(_funcSlots[s], int.MaxValue);

        // What the shim's export really is, where that is there before step number `at`.
        CoreRef Real(CoreRef item, int at)
        {
            if (item.Kind != CoreRefKind.Export || item.Index != shim.CoreInstance || slots[item.Export] < 0) return item;
            long element = slots[item.Export] - (long)elements.Offset;
            if (element < 0 || element >= elements.Functions.Length || elements.Functions[element] >= functionImports.Length) return item;
            CoreRef real = fixup.Imports[functionImports[elements.Functions[element]]];
            if (real.Kind == CoreRefKind.Trampoline)
            {
                // A copy of its own: whoever was given the function without the shim may call it at once.
                if (!direct.TryGetValue(real.Index, out int copy))
                {
                    _plan.Trampolines.Add(_plan.Trampolines[real.Index] with { AvailableAfterStep = fixupAt + 1 });
                    direct.Add(real.Index, copy = _plan.Trampolines.Count - 1);
                }

                return CoreRef.Trampoline(copy);
            }

            int made = _plan.Steps.FindIndex(s => s.CoreInstance == real.Index);
            return made >= 0 && made < at && fixupAt < at ? real : item;
        }
    }

    /// <summary>Drops shims that nobody refers to any more, with their fixups.</summary>
    private void RemoveUnused()
    {
        for (int i = 0; i < _plan.Steps.Count; i++)
        {
            PlanStep shim = _plan.Steps[i];
            if (shim.Imported || !IsShim(shim, out _, out int tableExport) || FindFixup(shim, tableExport) is not { } fixup) continue;
            bool used = _plan.Steps.Any(s => !ReferenceEquals(s, fixup) && s.Imports.Any(r => r.Kind != CoreRefKind.Trampoline && r.Index == shim.CoreInstance))
                || _funcSlots.Concat(_memorySlots).Any(r => r.Kind != CoreRefKind.Trampoline && (r.Index == shim.CoreInstance || r.Index == fixup.CoreInstance));
            if (used) continue;
            int fixupAt = _plan.Steps.IndexOf(fixup);
            _plan.Steps.RemoveAt(fixupAt);
            _plan.Steps.RemoveAt(i);
            _plan.BypassedModules += 2;
            // Steps are counted from the front, so what came after the removed ones moves up.
            foreach (PlanTrampoline t in _plan.Trampolines)
            {
                if (t.AvailableAfterStep == 0) continue;
                t.AvailableAfterStep -= (t.AvailableAfterStep > i ? 1 : 0) + (t.AvailableAfterStep > fixupAt ? 1 : 0);
            }

            i--;
        }
    }
}
