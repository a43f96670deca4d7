// Canonical definitions: lift, lower, and the built-ins for resources and for what is asynchronous.
using Mote.Components.Types;
using Mote.Wasmtime;

namespace Mote.Components.Binary;

/// <summary>Checked canonical options. Indices are those of the component's index spaces.</summary>
internal sealed record CanonOptions
{
    public StringEncoding Encoding { get; init; }

    public uint? Memory { get; init; }

    public uint? Realloc { get; init; }

    public uint? PostReturn { get; init; }

    public bool Async { get; init; }

    public uint? Callback { get; init; }
}

internal sealed partial class Validator
{
    private const int MaxFlatAsyncParameters = 4;

    private CanonOptions Options(CanonOption[] options, long at)
    {
        StringEncoding? encoding = null;
        uint? memory = null, realloc = null, postReturn = null, callback = null;
        bool isAsync = false;
        foreach (CanonOption o in options)
        {
            switch (o.Kind)
            {
                case CanonOptionKind.Utf8 or CanonOptionKind.Utf16 or CanonOptionKind.Latin1Utf16:
                    if (encoding is { } before) throw ComponentException.Invalid($"canonical encoding option `{Word(before)}` conflicts with option `{Word((StringEncoding)o.Kind)}`", at);
                    encoding = (StringEncoding)o.Kind;
                    break;
                case CanonOptionKind.Memory:
                    memory = Once(memory, o, "memory");
                    CheckMemory(o.Index, at);
                    break;
                case CanonOptionKind.Realloc:
                    realloc = Once(realloc, o, "realloc");
                    break;
                case CanonOptionKind.PostReturn:
                    postReturn = Once(postReturn, o, "post-return");
                    break;
                case CanonOptionKind.Callback:
                    callback = Once(callback, o, "callback");
                    break;
                case CanonOptionKind.Async:
                    if (isAsync) throw ComponentException.Invalid("canonical option `async` is specified more than once", at);
                    Require(ComponentFeatures.Async, "canonical option `async` requires the component model async feature", at);
                    isAsync = true;
                    break;
                default:
                    throw ComponentException.Unsupported($"canonical option `{(o.Kind == CanonOptionKind.Gc ? "gc" : "core-type")}` (the GC ABI) is not supported yet", at);
            }
        }

        if (callback is not null && !isAsync) throw ComponentException.Invalid("cannot specify callback without async", at);
        if (postReturn is not null && isAsync) throw ComponentException.Invalid("cannot specify post-return function in async", at);
        if (realloc is { } r)
        {
            if (memory is null) throw ComponentException.Invalid("canonical option `realloc` requires `memory` to also be specified", at);
            CoreSubType type = At(Current.CoreFuncs, r, "core function", at);
            if (!Is(type.Parameters, 4) || !Is(type.Results, 1)) throw ComponentException.Invalid("canonical option `realloc` uses a core function with an incorrect signature", at);
        }

        return new CanonOptions { Encoding = encoding ?? StringEncoding.Utf8, Memory = memory, Realloc = realloc, PostReturn = postReturn, Async = isAsync, Callback = callback };

        uint Once(uint? before, CanonOption o, string name) => before is null ? o.Index : throw ComponentException.Invalid($"canonical option `{name}` is specified more than once", at);
    }

    /// <summary>As many i32 as that, and nothing else.</summary>
    private static bool Is(CoreValType[] types, int count) => types.Length == count && Array.TrueForAll(types, t => t == CoreValType.I32);

    private static string Word(StringEncoding encoding) => encoding switch
    {
        StringEncoding.Utf8 => "utf8",
        StringEncoding.Utf16 => "utf16",
        _ => "latin1-utf16",
    };

    private void CheckMemory(uint index, long at)
    {
        CoreMemoryType memory = At(Current.CoreMemories, index, "memory", at);
        if (memory.Memory64) throw ComponentException.Unsupported("64-bit memories (memory64) in canonical options are not supported yet", at);
        if (Subtyping.CheckMemory(memory, new CoreMemoryType(new CoreLimits(0, null), false, false, memory.PageSizeLog2)) is { } error)
        {
            throw ComponentException.Invalid(error, at);
        }
    }

    private static void NeedMemory(CanonOptions o, long at)
    {
        if (o.Memory is null) throw ComponentException.Invalid("canonical option `memory` is required", at);
    }

    private static void NeedRealloc(CanonOptions o, long at)
    {
        NeedMemory(o, at);
        if (o.Realloc is null) throw ComponentException.Invalid("canonical option `realloc` is required", at);
    }

    private static void NotForLowering(CanonOptions o, long at)
    {
        if (o.PostReturn is not null) throw ComponentException.Invalid("canonical option `post-return` cannot be specified for lowerings", at);
        if (o.Callback is not null) throw ComponentException.Invalid("canonical option `callback` cannot be specified for lowerings", at);
    }

    private static void CheckAsync(CanonOptions o, FunctionType type, long at)
    {
        if (o.Async && !type.IsAsync) throw ComponentException.Invalid("the `async` canonical option requires an async function type", at);
    }

    private void Canon(CanonNode node, ValidatedComponent component)
    {
        switch (node.Op)
        {
            case CanonOp.Lift:
                Lift(node, component);
                return;
            case CanonOp.Lower:
                Lower(node, component);
                return;
        }

        CoreSubType type = BuiltIn(node);
        component.CoreTypes[node] = type;
        if (node.Op == CanonOp.TaskReturn && ValTypeOf(node.Result, node.Offset) is { } result) component.ResultTypes[node] = result;
        Current.CoreFuncs.Add(type);
    }

    private void Lift(CanonNode node, ValidatedComponent component)
    {
        long at = node.Offset;
        FunctionType type = FunctionTypeAt(node.Type, at);
        CoreSubType core = At(Current.CoreFuncs, node.Index, "core function", at);
        CanonOptions options = Options(node.Options, at);
        if (options.PostReturn is { } postReturn)
        {
            CoreSubType post = At(Current.CoreFuncs, postReturn, "core function", at);
            if (!post.Parameters.AsSpan().SequenceEqual(core.Results) || post.Results.Length != 0)
            {
                throw ComponentException.Invalid("canonical option `post-return` uses a core function with an incorrect signature", at);
            }
        }

        if (options.Async && options.Callback is null) Require(ComponentFeatures.AsyncStackful, "requires the component model async stackful feature", at);
        if (options.Callback is { } callback)
        {
            CoreSubType callbackType = At(Current.CoreFuncs, callback, "core function", at);
            if (!Is(callbackType.Parameters, 3) || !Is(callbackType.Results, 1)) throw ComponentException.Invalid("canonical option `callback` uses a core function with an incorrect signature", at);
        }

        CheckAsync(options, type, at);
        (CoreValType[] parameters, CoreValType[] results) = Flatten(type, options, lift: true, at);
        if (!parameters.AsSpan().SequenceEqual(core.Parameters))
        {
            throw ComponentException.Invalid($"lowered parameter types `{List(parameters)}` do not match parameter types `{List(core.Parameters)}` of core function {node.Index}", at);
        }

        if (!results.AsSpan().SequenceEqual(core.Results))
        {
            throw ComponentException.Invalid($"lowered result types `{List(results)}` do not match result types `{List(core.Results)}` of core function {node.Index}", at);
        }

        component.CoreTypes[node] = core;
        Current.Funcs.Add(type);
    }

    private void Lower(CanonNode node, ValidatedComponent component)
    {
        long at = node.Offset;
        FunctionType type = At(Current.Funcs, node.Index, "function", at);
        CanonOptions options = Options(node.Options, at);
        NotForLowering(options, at);
        CheckAsync(options, type, at);
        (CoreValType[] parameters, CoreValType[] results) = Flatten(type, options, lift: false, at);
        CoreSubType core = _coreTypes.InternFunc(parameters, results);
        component.CoreTypes[node] = core;
        Current.CoreFuncs.Add(core);
    }

    private static string List(CoreValType[] types) => $"[{string.Join(", ", types.Select(t => t.ToString().ToUpperInvariant()))}]";

    /// <summary>The core signature of a function type (CanonicalABI.md, "Flattening") and the options it cannot do without.</summary>
    private static (CoreValType[] Parameters, CoreValType[] Results) Flatten(FunctionType type, CanonOptions o, bool lift, long at)
    {
        var parameters = new List<CoreValType>();
        bool pointers = type.ParameterTypes.Any(t => t.ContainsPointer);
        if (pointers && lift) NeedRealloc(o, at);
        if (pointers && !lift) NeedMemory(o, at);
        int max = o.Async && !lift ? MaxFlatAsyncParameters : ValType.MaxFlatParameters;
        if (type.FlatParameterCount > max)
        {
            NeedMemory(o, at);
            if (lift) NeedRealloc(o, at);
            parameters.Add(CoreValType.I32);
        }
        else
        {
            foreach (ValType t in type.ParameterTypes) AddFlat(t, parameters);
        }

        var results = new List<CoreValType>();
        ValType? result = type.Result;
        if (!lift && result is { ContainsPointer: true }) NeedRealloc(o, at);
        if (!o.Async)
        {
            if (result is not null && type.ResultSpills)
            {
                NeedMemory(o, at);
                (lift ? results : parameters).Add(CoreValType.I32);
            }
            else if (result is not null)
            {
                AddFlat(result, results);
            }
        }
        else if (lift)
        {
            if (result is not null && (result.ContainsPointer || result.FlatCount > ValType.MaxFlatParameters)) NeedMemory(o, at);
            if (o.Callback is not null) results.Add(CoreValType.I32);
        }
        else
        {
            if (result is not null)
            {
                NeedMemory(o, at);
                parameters.Add(CoreValType.I32);
            }

            results.Add(CoreValType.I32);
        }

        return ([.. parameters], [.. results]);
    }

    private static void AddFlat(ValType type, List<CoreValType> into)
    {
        foreach (ValKind k in type.Flat)
        {
            into.Add(k switch { ValKind.I32 => CoreValType.I32, ValKind.I64 => CoreValType.I64, ValKind.F32 => CoreValType.F32, _ => CoreValType.F64 });
        }
    }

    private CoreSubType Sig(int parameters, int results) =>
        _coreTypes.InternFunc([.. Enumerable.Repeat(CoreValType.I32, parameters)], [.. Enumerable.Repeat(CoreValType.I32, results)]);

    private CoreSubType BuiltIn(CanonNode node)
    {
        long at = node.Offset;
        switch (node.Op)
        {
            case CanonOp.ResourceNew:
                LocalResource(node.Index, at);
                return Sig(1, 1);
            case CanonOp.ResourceRep:
                LocalResource(node.Index, at);
                return Sig(1, 1);
            case CanonOp.ResourceDrop:
                ResourceAt(node.Index, at);
                return Sig(1, 0);
        }

        if (node.Op is CanonOp.ErrorContextNew or CanonOp.ErrorContextDebugMessage or CanonOp.ErrorContextDrop)
        {
            Require(ComponentFeatures.ErrorContext, $"`{Name(node.Op)}` requires the component model error-context feature", at);
        }
        else if (node.Op is >= CanonOp.ThreadIndex and <= CanonOp.ThreadYieldThenPromote)
        {
            Require(ComponentFeatures.Threading, $"`{Name(node.Op)}` requires the component model threading feature", at);
        }
        else
        {
            Require(ComponentFeatures.Async, $"`{Name(node.Op)}` requires the component model async feature", at);
        }

        if (node.Flag && node.Op is CanonOp.SubtaskCancel or CanonOp.StreamCancelRead or CanonOp.StreamCancelWrite or CanonOp.FutureCancelRead or CanonOp.FutureCancelWrite && node.Flag)
        {
            Require(ComponentFeatures.MoreAsyncBuiltins, $"async `{Name(node.Op)}` requires the component model more async builtins feature", at);
        }

        switch (node.Op)
        {
            case CanonOp.TaskReturn:
                return TaskReturn(node);
            case CanonOp.TaskCancel or CanonOp.BackpressureInc or CanonOp.BackpressureDec:
                return Sig(0, 0);
            case CanonOp.ContextGet or CanonOp.ContextSet:
                if (node.ValType == CoreValType.I64) throw ComponentException.Unsupported($"64-bit `{Name(node.Op)}` (memory64) is not supported yet", at);
                if (node.ValType != CoreValType.I32) throw ComponentException.Invalid($"`{Name(node.Op)}` only supports `i32` or `i64`", at);
                if (node.Index > 1) throw ComponentException.Invalid($"`{Name(node.Op)}` immediate must be zero or one: {node.Index}", at);
                return node.Op == CanonOp.ContextGet ? Sig(0, 1) : Sig(1, 0);
            case CanonOp.SubtaskCancel:
                return Sig(1, 1);
            case CanonOp.SubtaskDrop or CanonOp.WaitableSetDrop or CanonOp.ThreadResumeLater or CanonOp.ErrorContextDrop:
                return Sig(1, 0);
            case CanonOp.WaitableSetNew or CanonOp.ThreadIndex or CanonOp.ThreadSuspend or CanonOp.ThreadYield:
                return Sig(0, 1);
            case CanonOp.WaitableSetWait or CanonOp.WaitableSetPoll:
                CheckMemory(node.Index2, at);
                return Sig(2, 1);
            case CanonOp.WaitableJoin:
                return Sig(2, 0);
            case CanonOp.StreamNew or CanonOp.FutureNew:
                StreamType(node);
                return _coreTypes.InternFunc([], [CoreValType.I64]);
            case CanonOp.StreamDropReadable or CanonOp.StreamDropWritable or CanonOp.FutureDropReadable or CanonOp.FutureDropWritable:
                StreamType(node);
                return Sig(1, 0);
            case CanonOp.StreamCancelRead or CanonOp.StreamCancelWrite or CanonOp.FutureCancelRead or CanonOp.FutureCancelWrite:
                StreamType(node);
                return Sig(1, 1);
            case CanonOp.StreamRead or CanonOp.StreamWrite or CanonOp.FutureRead or CanonOp.FutureWrite:
                return StreamCopy(node);
            case CanonOp.ErrorContextNew or CanonOp.ErrorContextDebugMessage:
                CanonOptions o = Options(node.Options, at);
                if (node.Op == CanonOp.ErrorContextNew) NeedMemory(o, at);
                else NeedRealloc(o, at);
                NotForLowering(o, at);
                NotAsync(o, node);
                return node.Op == CanonOp.ErrorContextNew ? Sig(2, 1) : Sig(2, 0);
            case CanonOp.ThreadNewIndirect:
                return ThreadNewIndirect(node);
            default:
                return Sig(1, 1); // thread.*-then-*: a thread index in, whether it was cancelled out
        }
    }

    private void LocalResource(uint index, long at)
    {
        ResourceType resource = ResourceAt(index, at);
        if (!Current.DefinedResources.TryGetValue(resource.Id, out CoreValType? rep) || rep is null) throw ComponentException.Invalid($"type {index} is not a local resource", at);
    }

    private static void NotAsync(CanonOptions o, CanonNode node)
    {
        if (o.Async) throw ComponentException.Invalid($"cannot specify `async` option on `{Name(node.Op)}`", node.Offset);
    }

    private CoreSubType TaskReturn(CanonNode node)
    {
        long at = node.Offset;
        ValType? result = ValTypeOf(node.Result, at);
        CanonOptions o = Options(node.Options, at);
        if (o.Realloc is not null) throw ComponentException.Invalid("cannot specify `realloc` option on `task.return`", at);
        if (o.PostReturn is not null) throw ComponentException.Invalid("cannot specify `post-return` option on `task.return`", at);
        NotForLowering(o, at);
        NotAsync(o, node);
        var type = new FunctionType(result is null ? [] : [new Parameter("v", result)], null, false);
        (CoreValType[] parameters, CoreValType[] results) = Flatten(type, o, lift: false, at);
        return _coreTypes.InternFunc(parameters, results);
    }

    private StreamOrFutureType StreamType(CanonNode node)
    {
        bool stream = node.Op is >= CanonOp.StreamNew and <= CanonOp.StreamDropWritable;
        return DefinedTypeAt(node.Index, node.Offset) is StreamOrFutureType t && t.IsStream == stream ? t
            : throw ComponentException.Invalid($"`{Name(node.Op)}` requires a {(stream ? "stream" : "future")} type", node.Offset);
    }

    private CoreSubType StreamCopy(CanonNode node)
    {
        long at = node.Offset;
        StreamOrFutureType type = StreamType(node);
        CanonOptions o = Options(node.Options, at);
        if (!o.Async) Require(ComponentFeatures.MoreAsyncBuiltins, $"synchronous `{Name(node.Op)}` requires the component model more async builtins feature", at);
        if (type.Element is { } element)
        {
            NeedMemory(o, at);
            if (element.ContainsPointer && node.Op is CanonOp.StreamRead or CanonOp.FutureRead && element.ContainsPointer) NeedRealloc(o, at);
        }

        NotForLowering(o, at);
        return type.IsStream ? Sig(3, 1) : Sig(2, 1);
    }

    private CoreSubType ThreadNewIndirect(CanonNode node)
    {
        long at = node.Offset;
        CoreSubType start = SubTypeAt(Current.CoreTypes, node.Index, at);
        if (start.Kind != CompositeKind.Func) throw ComponentException.Invalid("start type must be a function", at);
        if (!Is(start.Parameters, 1)) throw ComponentException.Invalid("start function must take a single `i32` argument (currently)", at);
        if (start.Results.Length != 0) throw ComponentException.Invalid("start function must not return any values", at);
        CoreTableType table = At(Current.CoreTables, node.Index2, "table", at);
        if (table.Table64 || table.Element != new CoreValType(CoreValKind.Ref, true, CoreValType.HeapFunc)) throw ComponentException.Invalid("table is not a 32-bit table of (ref null (func))", at);
        return Sig(2, 1);
    }

    /// <summary>A built-in's name as the text format writes it.</summary>
    internal static string Name(CanonOp op)
    {
        string name = op.ToString();
        foreach (string prefix in (ReadOnlySpan<string>)["ErrorContext", "WaitableSet", "Waitable", "Backpressure", "Resource", "Subtask", "Task", "Context", "Stream", "Future", "Thread"])
        {
            if (name.StartsWith(prefix, StringComparison.Ordinal)) return $"{Kebab(prefix)}.{Kebab(name[prefix.Length..])}";
        }

        return Kebab(name);

        static string Kebab(string text) => string.Concat(text.Select((c, i) => char.IsAsciiLetterUpper(c) ? (i > 0 ? "-" : "") + char.ToLowerInvariant(c) : c.ToString()));
    }
}
