// What the decoder makes of a file: definitions in file order, indices not yet resolved, each with its offset.
using Mote.Components.Types;
using Mote.Wasmtime;

namespace Mote.Components.Binary;

/// <summary>Every index space of a component (Explainer.md, "Index Spaces").</summary>
internal enum Sort : byte
{
    CoreFunc,
    CoreTable,
    CoreMemory,
    CoreGlobal,
    CoreTag,
    CoreType,
    CoreModule,
    CoreInstance,
    Func,
    Value,
    Type,
    Component,
    Instance,
}

internal static class Sorts
{
    /// <summary>The word that messages use.</summary>
    public static string Word(this Sort sort) => sort switch
    {
        Sort.CoreFunc => "core function",
        Sort.CoreTable => "table",
        Sort.CoreMemory => "memory",
        Sort.CoreGlobal => "global",
        Sort.CoreTag => "tag",
        Sort.CoreType => "core type",
        Sort.CoreModule => "module",
        Sort.CoreInstance => "core instance",
        Sort.Func => "func",
        Sort.Value => "value",
        Sort.Type => "type",
        Sort.Component => "component",
        _ => "instance",
    };
}

/// <summary>A definition, at an offset of the file.</summary>
internal abstract record Node(long Offset);

/// <summary>A whole component and where it lies in the file.</summary>
internal sealed record ComponentNode(long Offset, long Length, IReadOnlyList<Node> Definitions, long EndOffset) : Node(Offset);

/// <summary>A core module: its bytes lie in the file.</summary>
internal sealed record CoreModuleNode(long Offset, int Length) : Node(Offset);

internal readonly record struct CoreArgument(string Name, uint Instance);

internal readonly record struct CoreExportItem(string Name, Sort Sort, uint Index);

internal abstract record CoreInstanceNode(long Offset) : Node(Offset);

internal sealed record InstantiateModuleNode(long Offset, uint Module, CoreArgument[] Arguments) : CoreInstanceNode(Offset);

internal sealed record CoreExportsNode(long Offset, CoreExportItem[] Exports) : CoreInstanceNode(Offset);

internal readonly record struct Argument(string Name, Sort Sort, uint Index);

internal abstract record InstanceNode(long Offset) : Node(Offset);

internal sealed record InstantiateNode(long Offset, uint Component, Argument[] Arguments) : InstanceNode(Offset);

internal sealed record InlineExportsNode(long Offset, InlineExport[] Exports) : InstanceNode(Offset);

internal readonly record struct InlineExport(ExternName Name, Sort Sort, uint Index);

/// <summary>An import or export name with its attributes.</summary>
internal sealed record ExternName(string Name, string? Implements = null, string? VersionSuffix = null, string? ExternalId = null)
{
    public override string ToString() => Name;
}

internal abstract record AliasNode(long Offset, Sort Sort) : Node(Offset);

internal sealed record ExportAliasNode(long Offset, Sort Sort, uint Instance, string Name) : AliasNode(Offset, Sort);

internal sealed record CoreExportAliasNode(long Offset, Sort Sort, uint Instance, string Name) : AliasNode(Offset, Sort);

internal sealed record OuterAliasNode(long Offset, Sort Sort, uint Count, uint Index) : AliasNode(Offset, Sort);

internal abstract record CoreTypeNode(long Offset) : Node(Offset);

internal sealed record RecGroupNode(long Offset, CoreSubTypeNode[] Types) : CoreTypeNode(Offset);

internal sealed record ModuleTypeNode(long Offset, Node[] Declarations) : CoreTypeNode(Offset);

internal sealed record CoreImportNode(long Offset, string Module, string Name, CoreExternNode Type) : Node(Offset);

internal sealed record CoreExportDeclNode(long Offset, string Name, CoreExternNode Type) : Node(Offset);

internal abstract record TypeNode(long Offset) : Node(Offset);

/// <summary>A reference to a value type: a primitive or an index.</summary>
internal readonly record struct ValTypeRef(PrimitiveKind? Primitive, uint Index);

internal readonly record struct LabeledRef(string Label, ValTypeRef Type);

internal readonly record struct CaseRef(string Label, ValTypeRef? Type);

internal sealed record PrimitiveNode(long Offset, PrimitiveKind Kind) : TypeNode(Offset);

internal sealed record RecordNode(long Offset, LabeledRef[] Fields) : TypeNode(Offset);

internal sealed record VariantNode(long Offset, CaseRef[] Cases) : TypeNode(Offset);

internal sealed record ListNode(long Offset, ValTypeRef Element, uint? Length) : TypeNode(Offset);

internal sealed record MapNode(long Offset, ValTypeRef Key, ValTypeRef Value) : TypeNode(Offset);

internal sealed record TupleNode(long Offset, ValTypeRef[] Types) : TypeNode(Offset);

internal sealed record FlagsNode(long Offset, string[] Labels) : TypeNode(Offset);

internal sealed record EnumNode(long Offset, string[] Labels) : TypeNode(Offset);

internal sealed record OptionNode(long Offset, ValTypeRef Element) : TypeNode(Offset);

internal sealed record ResultNode(long Offset, ValTypeRef? Ok, ValTypeRef? Error) : TypeNode(Offset);

internal sealed record HandleNode(long Offset, bool Own, uint Resource) : TypeNode(Offset);

internal sealed record StreamNode(long Offset, ValTypeRef? Element) : TypeNode(Offset);

internal sealed record FutureNode(long Offset, ValTypeRef? Element) : TypeNode(Offset);

internal sealed record FuncTypeNode(long Offset, bool Async, LabeledRef[] Parameters, ValTypeRef? Result) : TypeNode(Offset);

internal sealed record ComponentTypeNode(long Offset, Node[] Declarations) : TypeNode(Offset);

internal sealed record InstanceTypeNode(long Offset, Node[] Declarations) : TypeNode(Offset);

internal sealed record ResourceTypeNode(long Offset, CoreValType Rep, uint? Destructor) : TypeNode(Offset);

/// <summary>What an import, an export or a declaration says its item is.</summary>
internal readonly record struct ExternTypeRef(Sort Sort, uint Index, TypeBound Bound);

internal enum TypeBound : byte
{
    None,
    Eq,
    SubResource,
}

internal sealed record ImportNode(long Offset, ExternName Name, ExternTypeRef Type) : Node(Offset);

/// <summary>An export of a component: an item and, optionally, the type it shows.</summary>
internal sealed record ExportNode(long Offset, ExternName Name, Sort Sort, uint Index, ExternTypeRef? Type) : Node(Offset);

/// <summary>An export declared in a component or instance type.</summary>
internal sealed record ExportDeclNode(long Offset, ExternName Name, ExternTypeRef Type) : Node(Offset);

internal enum StringEncoding : byte
{
    Utf8 = 0,
    Utf16 = 1,
    Latin1Utf16 = 2,
}

internal enum CanonOptionKind : byte
{
    Utf8 = 0,
    Utf16 = 1,
    Latin1Utf16 = 2,
    Memory = 3,
    Realloc = 4,
    PostReturn = 5,
    Async = 6,
    Callback = 7,
    CoreType = 8,
    Gc = 9,
}

internal readonly record struct CanonOption(CanonOptionKind Kind, uint Index);

/// <summary>The canonical built-ins by their opcode (Binary.md, "Canonical Definitions").</summary>
internal enum CanonOp : byte
{
    Lift = 0x00,
    Lower = 0x01,
    ResourceNew = 0x02,
    ResourceDrop = 0x03,
    ResourceRep = 0x04,
    TaskCancel = 0x05,
    SubtaskCancel = 0x06,
    TaskReturn = 0x09,
    ContextGet = 0x0a,
    ContextSet = 0x0b,
    ThreadYield = 0x0c,
    SubtaskDrop = 0x0d,
    StreamNew = 0x0e,
    StreamRead = 0x0f,
    StreamWrite = 0x10,
    StreamCancelRead = 0x11,
    StreamCancelWrite = 0x12,
    StreamDropReadable = 0x13,
    StreamDropWritable = 0x14,
    FutureNew = 0x15,
    FutureRead = 0x16,
    FutureWrite = 0x17,
    FutureCancelRead = 0x18,
    FutureCancelWrite = 0x19,
    FutureDropReadable = 0x1a,
    FutureDropWritable = 0x1b,
    ErrorContextNew = 0x1c,
    ErrorContextDebugMessage = 0x1d,
    ErrorContextDrop = 0x1e,
    WaitableSetNew = 0x1f,
    WaitableSetWait = 0x20,
    WaitableSetPoll = 0x21,
    WaitableSetDrop = 0x22,
    WaitableJoin = 0x23,
    BackpressureInc = 0x24,
    BackpressureDec = 0x25,
    ThreadIndex = 0x26,
    ThreadNewIndirect = 0x27,
    ThreadResumeLater = 0x28,
    ThreadSuspend = 0x29,
    ThreadSuspendThenResume = 0x2a,
    ThreadYieldThenResume = 0x2b,
    ThreadSuspendThenPromote = 0x2c,
    ThreadYieldThenPromote = 0x2d,
    ThreadSpawnRef = 0x40,
    ThreadSpawnIndirect = 0x41,
    ThreadAvailableParallelism = 0x42,
}

/// <summary>
/// A canonical definition. Which fields hold something depends on the opcode: <c>Index</c> is the function, the
/// resource or the stream type; <c>Type</c> the function type of a lift; <c>Index2</c> a table or memory.
/// </summary>
internal sealed record CanonNode(long Offset, CanonOp Op) : Node(Offset)
{
    public uint Index { get; init; }

    public uint Type { get; init; }

    public uint Index2 { get; init; }

    public bool Flag { get; init; }

    public CoreValType ValType { get; init; }

    public ValTypeRef? Result { get; init; }

    public CanonOption[] Options { get; init; } = [];
}
