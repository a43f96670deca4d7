// Makes the plan of a validated component: every nested component instance is laid out, every import resolved.
using Mote.Components.Async;
using Mote.Components.Binary;
using Mote.Components.Types;
using Mote.Wasmtime;

namespace Mote.Components.Linking;

internal sealed partial class Planner
{
    private readonly ReadOnlyMemory<byte> _file;
    private readonly CoreModuleCheck _checkModule;
    private readonly Plan _plan = new();
    private readonly Dictionary<CoreModule, int> _modules = new(ReferenceEqualityComparer.Instance);
    private readonly List<CoreModule> _moduleContents = [];
    private readonly List<CoreRef> _memorySlots = [];
    private readonly List<CoreRef> _funcSlots = [];
    private readonly Dictionary<CoreRef, int> _memorySlotOf = [];
    private readonly Dictionary<CoreRef, int> _funcSlotOf = [];

    /// <summary>One id for each resource slot, so that types of the plan name slots.</summary>
    private readonly List<ResourceId> _slotIds = [];

    private int _depth;

    private Planner(ReadOnlyMemory<byte> file, CoreModuleCheck checkModule)
    {
        _file = file;
        _checkModule = checkModule;
    }

    /// <summary>Plans a component.</summary>
    /// <param name="file">The component.</param>
    /// <param name="root">What validation made of it.</param>
    /// <param name="checkModule">Checks core modules that planning makes.</param>
    /// <exception cref="ComponentException">It uses what is not supported (yet).</exception>
    public static Plan Make(ReadOnlyMemory<byte> file, ValidatedComponent root, CoreModuleCheck checkModule)
    {
        var planner = new Planner(file, checkModule);
        planner.Root(root);
        return planner._plan;
    }

    // ---- items of index spaces ----

    private abstract record Item;

    private sealed record ModuleItem(int Module, bool Imported, CoreModule? Content, CoreModuleType Type) : Item;

    private abstract record FuncItem(FunctionType Type) : Item;

    private sealed record ImportedFunc(int Import, FunctionType Type) : FuncItem(Type);

    private sealed record LiftedFunc(int Lift, FunctionType Type) : FuncItem(Type);

    private sealed record ComponentItem(ValidatedComponent Definition, Frame Closure) : Item;

    private sealed record InstanceItem(OrderedDictionary<string, Item> Exports) : Item;

    /// <summary>A type; the slot is -1 unless it is a resource type.</summary>
    private sealed record TypeItem(int Slot) : Item;

    private abstract record CoreInstanceItem;

    private sealed record MadeCoreInstance(int Index, ModuleItem Module) : CoreInstanceItem;

    private sealed record CoreBag(Dictionary<string, CoreRef> Exports) : CoreInstanceItem;

    /// <summary>One component instance while its definitions are gone through.</summary>
    private sealed class Frame(ValidatedComponent component, Frame? outer, int instance)
    {
        public ValidatedComponent Component { get; } = component;

        /// <summary>The frame that the component was defined in.</summary>
        public Frame? Outer { get; } = outer;

        public int Instance { get; } = instance;

        /// <summary>From the resource types that the validator knew to those of the plan.</summary>
        public Remapping Resources { get; } = new();

        public List<CoreRef> CoreFuncs { get; } = [];

        public List<CoreRef> CoreTables { get; } = [];

        public List<CoreRef> CoreMemories { get; } = [];

        public List<CoreRef> CoreGlobals { get; } = [];

        public List<CoreRef> CoreTags { get; } = [];

        public List<ModuleItem> CoreModules { get; } = [];

        public List<CoreInstanceItem> CoreInstances { get; } = [];

        public List<FuncItem> Funcs { get; } = [];

        public List<ComponentItem> Components { get; } = [];

        public List<InstanceItem> Instances { get; } = [];

        /// <summary>How many types have been defined; the types themselves are the validator's.</summary>
        public int TypeCount { get; set; }

        public OrderedDictionary<string, Item> Exports { get; } = [];

        public FunctionType Concrete(FunctionType type) => (FunctionType)Resources.Apply(type);
    }

    // ---- root ----

    private void Root(ValidatedComponent root)
    {
        var arguments = new Dictionary<string, Item>();
        _plan.Instances.Add(new PlanInstance(-1));
        var frame = new Frame(root, null, 0);
        foreach ((string name, ExternItem item) in root.Type.Imports)
        {
            arguments[name] = ImportItem(frame, item.Type, [name], item.Name, root.Node.Offset);
        }

        Run(frame, arguments);
        foreach ((string name, Item item) in frame.Exports) _plan.Exports.Add(Export(name, item, root.Node.Offset));
        BypassShims();
        MergeModules();
        Finish();
    }

    /// <summary>Something that the host supplies.</summary>
    private Item ImportItem(Frame frame, ExternType type, string[] path, ExternName name, long at)
    {
        switch (type.Sort)
        {
            case Sort.Func:
                FunctionType function = frame.Concrete(type.Func);
                CheckType(function, $"import `{string.Join('#', path)}`", at);
                _plan.Imports.Add(new PlanImport(path, name.Implements, name.ExternalId, function));
                return new ImportedFunc(_plan.Imports.Count - 1, function);
            case Sort.Instance:
                _plan.InstanceImports.Add(path);
                var exports = new OrderedDictionary<string, Item>();
                foreach ((string child, ExternItem item) in type.Instance.Exports)
                {
                    exports.Add(child, ImportItem(frame, item.Type, [.. path, child], name, at));
                }

                return new InstanceItem(exports);
            case Sort.Type when type.Created is ResourceType r:
                // An alias of one imported before is the same slot.
                if (SlotOf(frame, r) is { } known)
                {
                    _plan.ResourceAliases.Add((known, path));
                    return new TypeItem(known);
                }

                int slot = AddResource(new PlanResource(r.Name ?? path[^1], path, -1, -1));
                frame.Resources.Resources[r.Id] = _slotIds[slot];
                return new TypeItem(slot);
            case Sort.Type:
                return new TypeItem(-1);
            case Sort.CoreModule:
                _plan.ModuleImports.Add(new PlanModuleImport(path, type.Module));
                return new ModuleItem(_plan.ModuleImports.Count - 1, true, null, type.Module);
            default:
                throw ComponentException.Unsupported($"root-level component imports are not supported (import `{string.Join('#', path)}`)", at);
        }
    }

    private PlanExport Export(string name, Item item, long at)
    {
        switch (item)
        {
            case LiftedFunc f:
                return new PlanExport(name, Sort.Func) { Lift = f.Lift };
            case ImportedFunc:
                throw ComponentException.Unsupported($"component export `{name}` is a reexport of an imported function which is not implemented", at);
            case InstanceItem i:
                return new PlanExport(name, Sort.Instance) { Children = [.. i.Exports.Select(e => Export(e.Key, e.Value, at))] };
            case TypeItem t:
                return new PlanExport(name, Sort.Type) { Resource = t.Slot };
            case ModuleItem { Imported: false } m:
                return new PlanExport(name, Sort.CoreModule) { Module = m.Module };
            case ModuleItem m:
                return new PlanExport(name, Sort.CoreModule) { ImportedModule = m.Module };
            default:
                throw ComponentException.Unsupported($"exporting a component from the root component is not supported (export `{name}`)", at);
        }
    }

    private int AddResource(PlanResource resource)
    {
        int slot = _plan.Resources.Count;
        _plan.Resources.Add(resource);
        _slotIds.Add(new ResourceId(resource.Name) { Slot = slot });
        return slot;
    }

    private static int? SlotOf(Frame frame, ResourceType type) =>
        frame.Resources.Resources.TryGetValue(type.Id, out ResourceId? id) ? id.Slot : null;

    // ---- definitions ----

    private void Run(Frame frame, Dictionary<string, Item> arguments)
    {
        if (_plan.Instances.Count > Limits.PlannedInstances) throw ComponentException.Invalid($"more than {Limits.PlannedInstances} component instances", frame.Component.Node.Offset);
        if (++_depth > Limits.NestingDepth) throw ComponentException.Invalid("component instances are nested too deep", frame.Component.Node.Offset);
        foreach ((ResourceId resource, string[] path) in frame.Component.Type.Imported)
        {
            frame.Resources.Resources[resource] = _slotIds[((TypeItem)Follow(arguments, path)).Slot];
        }

        foreach (Node node in frame.Component.Node.Definitions) Define(frame, node, arguments);
        _depth--;
    }

    private static Item Follow(IReadOnlyDictionary<string, Item> items, string[] path)
    {
        Item at = items[path[0]];
        for (int i = 1; i < path.Length; i++) at = ((InstanceItem)at).Exports[path[i]];
        return at;
    }

    private void Define(Frame f, Node node, Dictionary<string, Item> arguments)
    {
        switch (node)
        {
            case CoreModuleNode m:
                f.CoreModules.Add(StaticModule(f.Component.Modules[m], m));
                break;
            case ComponentNode c:
                f.Components.Add(new ComponentItem(f.Component.Nested[c], f));
                break;
            case InstantiateModuleNode i:
                f.CoreInstances.Add(InstantiateModule(f, i));
                break;
            case CoreExportsNode e:
                f.CoreInstances.Add(new CoreBag(e.Exports.ToDictionary(x => x.Name, x => CoreSpace(f, x.Sort)[(int)x.Index])));
                break;
            case InstantiateNode i:
                f.Instances.Add(Instantiate(f, i));
                break;
            case InlineExportsNode e:
                var bag = new OrderedDictionary<string, Item>();
                foreach (InlineExport x in e.Exports) bag.Add(x.Name.Name, ItemAt(f, x.Sort, x.Index));
                f.Instances.Add(new InstanceItem(bag));
                break;
            case ExportAliasNode a:
                Push(f, f.Instances[(int)a.Instance].Exports[a.Name]);
                break;
            case CoreExportAliasNode a:
                CoreSpace(f, a.Sort).Add(CoreExport(f.CoreInstances[(int)a.Instance], a.Name));
                break;
            case OuterAliasNode o:
                Outer(f, o);
                break;
            case ResourceTypeNode r:
                ResourceId id = f.Component.Resources[r];
                int destructor = r.Destructor is { } dtor ? FuncSlot(f.CoreFuncs[(int)dtor]) : -1;
                f.Resources.Resources[id] = _slotIds[AddResource(new PlanResource(id.Hint ?? "resource", null, f.Instance, destructor))];
                f.TypeCount++;
                break;
            case TypeNode:
                f.TypeCount++;
                break;
            case CoreTypeNode:
                break;
            case CanonNode c:
                Canon(f, c);
                break;
            case ImportNode i:
                Push(f, arguments[i.Name.Name]);
                break;
            case ExportNode e:
                Item item = ItemAt(f, e.Sort, e.Index);
                f.Exports.Add(e.Name.Name, item);
                PushExport(f, item);
                break;
        }
    }

    private static List<CoreRef> CoreSpace(Frame f, Sort sort) => sort switch
    {
        Sort.CoreFunc => f.CoreFuncs,
        Sort.CoreTable => f.CoreTables,
        Sort.CoreMemory => f.CoreMemories,
        Sort.CoreGlobal => f.CoreGlobals,
        _ => f.CoreTags,
    };

    private static Item ItemAt(Frame f, Sort sort, uint index) => sort switch
    {
        Sort.CoreModule => f.CoreModules[(int)index],
        Sort.Func => f.Funcs[(int)index],
        Sort.Component => f.Components[(int)index],
        Sort.Instance => f.Instances[(int)index],
        _ => TypeAt(f, index),
    };

    private static TypeItem TypeAt(Frame f, uint index) =>
        new(f.Component.Scope.Types[(int)index] is ResourceType r ? SlotOf(f, r) ?? -1 : -1);

    private static void Push(Frame f, Item item)
    {
        switch (item)
        {
            case ModuleItem m:
                f.CoreModules.Add(m);
                break;
            case FuncItem func:
                f.Funcs.Add(func);
                break;
            case ComponentItem c:
                f.Components.Add(c);
                break;
            case InstanceItem i:
                f.Instances.Add(i);
                break;
            case TypeItem:
                f.TypeCount++;
                break;
        }
    }

    /// <summary>An export adds the item to its index space once more, there under the type it shows.</summary>
    private static void PushExport(Frame f, Item item)
    {
        if (item is TypeItem { Slot: >= 0 } t && f.Component.Scope.Types[f.TypeCount] is ResourceType shown && SlotOf(f, shown) is null)
        {
            // The export hides which resource type it is; at run time it is that one.
            f.Resources.Resources[shown.Id] = new ResourceId(shown.Id.Hint) { Slot = t.Slot };
        }

        Push(f, item);
    }

    private static void Outer(Frame f, OuterAliasNode node)
    {
        if (node.Sort == Sort.Type)
        {
            f.TypeCount++;
            return;
        }

        Frame from = f;
        for (uint i = 0; i < node.Count; i++) from = from.Outer!;
        switch (node.Sort)
        {
            case Sort.CoreModule:
                f.CoreModules.Add(from.CoreModules[(int)node.Index]);
                break;
            case Sort.Component:
                f.Components.Add(from.Components[(int)node.Index]);
                break;
        }
    }

    private ModuleItem StaticModule(CoreModule content, CoreModuleNode node)
    {
        if (!_modules.TryGetValue(content, out int index))
        {
            index = _plan.Modules.Count;
            _plan.Modules.Add(new PlanModule(node.Offset, node.Length));
            _moduleContents.Add(content);
            _modules.Add(content, index);
        }

        return new ModuleItem(index, false, content, content.Type);
    }

    // ---- instances ----

    private InstanceItem Instantiate(Frame f, InstantiateNode node)
    {
        ComponentItem component = f.Components[(int)node.Component];
        var arguments = new Dictionary<string, Item>();
        foreach (Argument a in node.Arguments) arguments.Add(a.Name, ItemAt(f, a.Sort, a.Index));
        int index = _plan.Instances.Count;
        _plan.Instances.Add(new PlanInstance(f.Instance));
        var inner = new Frame(component.Definition, component.Closure, index);
        Run(inner, arguments);
        var instance = new InstanceItem(inner.Exports);
        foreach ((ResourceId fresh, string[] path) in f.Component.Fresh[node])
        {
            f.Resources.Resources[fresh] = _slotIds[((TypeItem)Follow(instance.Exports, path)).Slot];
        }

        return instance;
    }

    private MadeCoreInstance InstantiateModule(Frame f, InstantiateModuleNode node)
    {
        ModuleItem module = f.CoreModules[(int)node.Module];
        var arguments = node.Arguments.ToDictionary(a => a.Name, a => f.CoreInstances[(int)a.Instance]);
        int index = _plan.CoreInstances++;
        var names = module.Type.Imports.Keys.Select(k => (k.Module, k.Name)).ToArray();
        CoreRef[] imports = Array.ConvertAll(names, n => CoreExport(arguments[n.Module], n.Name));
        _plan.Steps.Add(new PlanStep(module.Module, module.Imported, f.Instance, index, imports, names));
        return new MadeCoreInstance(index, module);
    }

    private static CoreRef CoreExport(CoreInstanceItem instance, string name) => instance switch
    {
        CoreBag bag => bag.Exports[name],
        MadeCoreInstance { Module.Content: { } content } made => new CoreRef(CoreRefKind.Export, made.Index, content.Exports.FindIndex(e => e.Name == name), name),
        MadeCoreInstance made => new CoreRef(CoreRefKind.NamedExport, made.Index, 0, name),
        _ => throw new InvalidOperationException(),
    };

    // ---- canonical functions ----

    private int MemorySlot(CoreRef memory) => Slot(memory, _memorySlots, _memorySlotOf);

    private int FuncSlot(CoreRef func) => Slot(func, _funcSlots, _funcSlotOf);

    private static int Slot(CoreRef item, List<CoreRef> slots, Dictionary<CoreRef, int> slotOf)
    {
        if (slotOf.TryGetValue(item, out int slot)) return slot;
        slots.Add(item);
        slotOf.Add(item, slots.Count - 1);
        return slots.Count - 1;
    }

    private PlanOptions Options(Frame f, CanonOption[] options)
    {
        var encoding = StringEncoding.Utf8;
        int memory = -1, realloc = -1, postReturn = -1, callback = -1;
        bool isAsync = false;
        foreach (CanonOption o in options)
        {
            switch (o.Kind)
            {
                case CanonOptionKind.Memory:
                    memory = MemorySlot(f.CoreMemories[(int)o.Index]);
                    break;
                case CanonOptionKind.Realloc:
                    realloc = FuncSlot(f.CoreFuncs[(int)o.Index]);
                    break;
                case CanonOptionKind.PostReturn:
                    postReturn = FuncSlot(f.CoreFuncs[(int)o.Index]);
                    break;
                case CanonOptionKind.Async:
                    isAsync = _plan.IsAsync = true;
                    break;
                case CanonOptionKind.Callback:
                    callback = FuncSlot(f.CoreFuncs[(int)o.Index]);
                    break;
                case CanonOptionKind.Utf8 or CanonOptionKind.Utf16 or CanonOptionKind.Latin1Utf16:
                    encoding = (StringEncoding)o.Kind;
                    break;
            }
        }

        return new PlanOptions(f.Instance, encoding, memory, realloc, postReturn) { Async = isAsync, Callback = callback };
    }

    private void Canon(Frame f, CanonNode node)
    {
        switch (node.Op)
        {
            case CanonOp.Lift:
                Lift(f, node);
                break;
            case CanonOp.Lower:
                Lower(f, node);
                break;
            case CanonOp.ResourceNew or CanonOp.ResourceRep or CanonOp.ResourceDrop:
                TrampolineKind kind = node.Op switch
                {
                    CanonOp.ResourceNew => TrampolineKind.ResourceNew,
                    CanonOp.ResourceRep => TrampolineKind.ResourceRep,
                    _ => TrampolineKind.ResourceDrop,
                };
                AddTrampoline(f, new PlanTrampoline(kind, CoreFuncType(f.Component.CoreTypes[node])) { Target = TypeAt(f, node.Index).Slot, Instance = f.Instance });
                break;
            default:
                BuiltIn(f, node);
                break;
        }
    }

    private void BuiltIn(Frame f, CanonNode node)
    {
        if (node.Op is CanonOp.ErrorContextNew or CanonOp.ErrorContextDebugMessage or CanonOp.ErrorContextDrop) throw ComponentException.Unsupported($"not supported yet: `{Validator.Name(node.Op)}` (error-context)", node.Offset);
        if (node.Op is CanonOp.ThreadNewIndirect or CanonOp.ThreadResumeLater or (>= CanonOp.ThreadSuspendThenResume and <= CanonOp.ThreadYieldThenPromote)) throw ComponentException.Unsupported($"not supported yet: the asynchronous built-in `{Validator.Name(node.Op)}`", node.Offset);
        _plan.IsAsync = true;
        PlanOptions options = node.Op is CanonOp.WaitableSetWait or CanonOp.WaitableSetPoll
            ? new PlanOptions(f.Instance, StringEncoding.Utf8, MemorySlot(f.CoreMemories[(int)node.Index2]), -1, -1)
            : Options(f, node.Options);
        ValType? type = node.Op switch
        {
            >= CanonOp.StreamNew and <= CanonOp.FutureDropWritable => (ValType)f.Resources.Apply(f.Component.Scope.Types[(int)node.Index]),
            CanonOp.TaskReturn when node.Result is { } r => (ValType)f.Resources.Apply(f.Component.ResultTypes[node]),
            _ => null,
        };
        if (AsyncBuiltIn.MayBlock(node.Op, node.Flag, options.Async)) _plan.Instances[f.Instance].MayBlock = true;
        AddTrampoline(f, new PlanTrampoline(TrampolineKind.AsyncBuiltIn, CoreFuncType(f.Component.CoreTypes[node])) { Options = options, Op = node.Op, Flag = node.Flag, Type = type, Target = (int)node.Index, Instance = f.Instance });
    }

    private static FuncType CoreFuncType(CoreSubType type) => new(Array.ConvertAll(type.Parameters, Kind), Array.ConvertAll(type.Results, Kind));

    private static ValKind Kind(CoreValType type) => type.Kind switch
    {
        CoreValKind.I32 => ValKind.I32,
        CoreValKind.I64 => ValKind.I64,
        CoreValKind.F32 => ValKind.F32,
        CoreValKind.F64 => ValKind.F64,
        _ => throw new InvalidOperationException($"{type} in a canonical signature"),
    };

    private void AddTrampoline(Frame f, PlanTrampoline trampoline)
    {
        _plan.Trampolines.Add(trampoline);
        f.CoreFuncs.Add(CoreRef.Trampoline(_plan.Trampolines.Count - 1));
    }

    private void CheckType(FunctionType type, string what, long at)
    {
        if (type.IsAsync || type.ParameterTypes.Any(t => t.ContainsAsync) || type.Result is { ContainsAsync: true }) _plan.IsAsync = true;
        if (Mentions(type, PrimitiveKind.ErrorContext)) throw ComponentException.Unsupported($"not supported yet: {what} uses an error-context", at);
    }

    private static bool Mentions(FunctionType type, PrimitiveKind kind)
    {
        return type.ParameterTypes.Any(In) || (type.Result is { } r && In(r));

        bool In(ValType t) => t switch
        {
            PrimitiveType p => p.Kind == kind,
            _ when !t.ContainsHandle => false, // an error-context counts as a handle
            RecordType r => r.Types.Any(In),
            TupleType u => u.Types.Any(In),
            ListType l => In(l.Element),
            MapType m => In(m.Value),
            VariantLikeType v => v.Payloads.Any(p => p is not null && In(p)),
            _ => false,
        };
    }

    private void Lift(Frame f, CanonNode node)
    {
        FunctionType type = f.Concrete((FunctionType)f.Component.Scope.Types[(int)node.Type]);
        CheckType(type, "a lifted function", node.Offset);
        int func = FuncSlot(f.CoreFuncs[(int)node.Index]);
        _plan.Lifts.Add(new PlanLift(func, Options(f, node.Options), type, CoreFuncType(f.Component.CoreTypes[node])));
        f.Funcs.Add(new LiftedFunc(_plan.Lifts.Count - 1, type));
    }

    private void Lower(Frame f, CanonNode node)
    {
        FuncItem target = f.Funcs[(int)node.Index];
        PlanOptions options = Options(f, node.Options);
        FuncType core = CoreFuncType(f.Component.CoreTypes[node]);
        // A call of what may take long, made as one that takes as long, waits inside it.
        if (target.Type.IsAsync && !options.Async) _plan.Instances[f.Instance].MayBlock = true;
        AddTrampoline(f, target switch
        {
            ImportedFunc i => new PlanTrampoline(TrampolineKind.Host, core) { Options = options, Target = i.Import, Instance = f.Instance },
            LiftedFunc l => new PlanTrampoline(TrampolineKind.Fused, core) { Options = options, Target = l.Lift, Instance = f.Instance },
            _ => throw new InvalidOperationException(),
        });
    }

    // ---- finishing ----

    /// <summary>Tells each step what to take out of the instance it makes, and counts what one instance needs.</summary>
    private void Finish()
    {
        var steps = _plan.Steps.ToDictionary(s => s.CoreInstance);
        _plan.Memories = _memorySlots.Count;
        _plan.Funcs = _funcSlots.Count;
        for (int slot = 0; slot < _memorySlots.Count; slot++)
        {
            CoreRef m = _memorySlots[slot];
            steps[m.Index].Extracts.Add(new PlanExtract(true, slot, m.Name!));
        }

        for (int slot = 0; slot < _funcSlots.Count; slot++)
        {
            CoreRef func = _funcSlots[slot];
            if (func.Kind == CoreRefKind.Trampoline) _plan.TrampolineFuncs.Add((slot, func.Index));
            else steps[func.Index].Extracts.Add(new PlanExtract(false, slot, func.Name!));
        }

        foreach (PlanStep step in _plan.Steps.Where(s => !s.Imported))
        {
            _plan.Modules[step.Module].Needed = true;
            CoreModule content = _moduleContents[step.Module];
            _plan.TotalMemories += content.Memories.Count - content.Imports.Count(i => i.Type.Kind == ExternKind.Memory);
            _plan.TotalTables += content.Tables.Count - content.Imports.Count(i => i.Type.Kind == ExternKind.Table);
        }

        foreach (PlanExport e in _plan.Exports.Where(e => e.Module >= 0)) _plan.Modules[e.Module].Needed = true;
    }
}
