// What is done to make an instance, worked out once: which core modules, in which order, with which imports. Plain data;
// it is stored beside the compiled code, so that a cold start decodes and validates nothing.
using Mote.Components.Binary;
using Mote.Components.Types;
using Mote.Wasmtime;

namespace Mote.Components.Linking;

internal enum CoreRefKind : byte
{
    /// <summary>An export of an instance of a module of the file.</summary>
    Export,

    /// <summary>An export of an instance of an imported module, which may lack it.</summary>
    NamedExport,

    /// <summary>A function that the component layer supplies.</summary>
    Trampoline,
}

/// <summary>A core item: an export of a core instance of the plan, or a trampoline.</summary>
/// <param name="Kind">Which of them.</param>
/// <param name="Index">Of the core instance, or of the trampoline.</param>
/// <param name="Export">Position in the module's export section; used in planning only.</param>
/// <param name="Name">The export's name: what it is fetched by, since the engine counts through all exports before a position.</param>
internal readonly record struct CoreRef(CoreRefKind Kind, int Index, int Export = 0, string? Name = null)
{
    public static CoreRef Trampoline(int index) => new(CoreRefKind.Trampoline, index);
}

/// <summary>A core module inside the file. Unneeded ones were bypassed and are not compiled.</summary>
internal sealed record PlanModule(long Offset, int Length)
{
    public bool Needed { get; set; }

    /// <summary>Of a module that was made of others, its bytes until it is compiled; its offset is -1.</summary>
    public ReadOnlyMemory<byte> Merged { get; init; }
}

/// <summary>A component instance at run time: it has a handle table and re-entrance flags.</summary>
/// <param name="Parent">Index of the instance around it, -1 for the root.</param>
internal sealed record PlanInstance(int Parent)
{
    /// <summary>It is given a function that can wait inside a call, so that its calls may need a stack of their own.</summary>
    public bool MayBlock { get; set; }
}

/// <summary>A resource type at run time.</summary>
/// <param name="Name">For messages.</param>
/// <param name="ImportPath">Where it is imported from the host; null where a component of the plan defines it.</param>
/// <param name="Instance">The defining instance.</param>
/// <param name="Destructor">Function slot, -1 for none.</param>
internal sealed record PlanResource(string Name, string[]? ImportPath, int Instance, int Destructor);

/// <summary>A function that the host supplies.</summary>
internal sealed record PlanImport(string[] Path, string? Implements, string? ExternalId, FunctionType Type);

/// <summary>A core module that the host supplies.</summary>
internal sealed record PlanModuleImport(string[] Path, CoreModuleType Type);

/// <summary>Canonical options with their slots resolved; -1 for none.</summary>
internal sealed record PlanOptions(int Instance, StringEncoding Encoding, int Memory, int Realloc, int PostReturn)
{
    /// <summary>The <c>async</c> option.</summary>
    public bool Async { get; init; }

    /// <summary>Function slot of the callback, -1 for none.</summary>
    public int Callback { get; init; } = -1;
}

internal enum TrampolineKind : byte
{
    /// <summary>Calls the host.</summary>
    Host,

    /// <summary>Calls a function lifted from another instance of the plan.</summary>
    Fused,

    ResourceNew,
    ResourceDrop,
    ResourceRep,

    /// <summary>A built-in of the asynchronous ABI, <see cref="PlanTrampoline.Op"/>.</summary>
    AsyncBuiltIn,
}

/// <summary>A core function that the component layer supplies.</summary>
internal sealed record PlanTrampoline(TrampolineKind Kind, FuncType CoreType)
{
    /// <summary>Of Host and Fused: how the caller passes values.</summary>
    public PlanOptions? Options { get; init; }

    /// <summary>Of Host: the function import. Of Fused: the lift. Of resource built-ins: the resource.</summary>
    public int Target { get; init; }

    /// <summary>Of resource built-ins: the instance that calls.</summary>
    public int Instance { get; init; }

    /// <summary>Of asynchronous built-ins: which.</summary>
    public CanonOp Op { get; init; }

    /// <summary>Of asynchronous built-ins: <c>async</c> or <c>cancellable</c>.</summary>
    public bool Flag { get; init; }

    /// <summary>Of streams and futures: the type. Of <c>task.return</c>: the result, null for none.</summary>
    public ValType? Type { get; init; }

    /// <summary>Calls before so many steps are done trap: what a bypassed shim would have done.</summary>
    public int AvailableAfterStep { get; set; }
}

/// <summary>A core function lifted to a component function.</summary>
internal sealed record PlanLift(int Func, PlanOptions Options, FunctionType Type, FuncType CoreType);

/// <summary>Takes a memory or a function out of a core instance once it is there.</summary>
/// <param name="Memory">True for a memory, false for a function.</param>
/// <param name="Slot">Where it goes.</param>
/// <param name="Name">The export's name.</param>
internal readonly record struct PlanExtract(bool Memory, int Slot, string Name);

/// <summary>Instantiates one core module.</summary>
/// <param name="Module">Index of a static module, or of a module import.</param>
/// <param name="Imported">True for a module import.</param>
/// <param name="Instance">The component instance that it happens in.</param>
/// <param name="CoreInstance">Index of the core instance that it makes.</param>
/// <param name="Imports">What each import is given, in the order of the module's imports.</param>
/// <param name="Names">The names of those imports.</param>
internal sealed record PlanStep(int Module, bool Imported, int Instance, int CoreInstance, CoreRef[] Imports, (string Module, string Name)[] Names)
{
    public List<PlanExtract> Extracts { get; } = [];

    /// <summary>Of a merged module, the export to be called once everything was taken out of the instance; null for none.</summary>
    public string? Start { get; init; }
}

/// <summary>An export of the root component.</summary>
internal sealed record PlanExport(string Name, Sort Sort)
{
    /// <summary>Of a function: the lift.</summary>
    public int Lift { get; init; } = -1;

    /// <summary>Of a resource type: its slot; -1 for other types.</summary>
    public int Resource { get; init; } = -1;

    /// <summary>Of a core module: its index; -1 for none.</summary>
    public int Module { get; init; } = -1;

    /// <summary>Of a core module that the host supplied: its import; -1 for none.</summary>
    public int ImportedModule { get; init; } = -1;

    /// <summary>Of an instance: what it exports.</summary>
    public PlanExport[] Children { get; init; } = [];
}

/// <summary>The whole plan.</summary>
internal sealed class Plan
{
    public List<PlanModule> Modules { get; init; } = [];

    public List<PlanInstance> Instances { get; init; } = [];

    public List<PlanResource> Resources { get; init; } = [];

    /// <summary>Imports of a resource type that was imported before under another name.</summary>
    public List<(int Resource, string[] Path)> ResourceAliases { get; init; } = [];

    /// <summary>Imported instances: nothing else may stand under their names.</summary>
    public List<string[]> InstanceImports { get; init; } = [];

    public List<PlanImport> Imports { get; init; } = [];

    public List<PlanModuleImport> ModuleImports { get; init; } = [];

    public List<PlanTrampoline> Trampolines { get; init; } = [];

    public List<PlanLift> Lifts { get; init; } = [];

    public List<PlanStep> Steps { get; init; } = [];

    public int CoreInstances { get; set; }

    /// <summary>Memory slots.</summary>
    public int Memories { get; set; }

    /// <summary>Function slots; those that hold a trampoline are named here, all others are extracted by steps.</summary>
    public int Funcs { get; set; }

    /// <summary>Function slots that hold a trampoline: slot and trampoline.</summary>
    public List<(int Slot, int Trampoline)> TrampolineFuncs { get; init; } = [];

    public List<PlanExport> Exports { get; init; } = [];

    /// <summary>Most memories, tables and core instances that one instance makes, for the store's limits.</summary>
    public int TotalMemories { get; set; }

    public int TotalTables { get; set; }

    /// <summary>Something in it is asynchronous: calls are tasks, with all that belongs to them.</summary>
    public bool IsAsync { get; set; }

    /// <summary>How many shims and fixups were bypassed.</summary>
    public int BypassedModules { get; set; }

    /// <summary>How many modules became part of merged ones.</summary>
    public int MergedModules { get; set; }
}
