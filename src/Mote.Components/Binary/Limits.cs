// Bounds on what a file may declare. They keep a hostile file from costing more than its size; those that engines
// agree on have the values that engines use.
namespace Mote.Components.Binary;

internal static class Limits
{
    public const int StringBytes = 100_000;
    public const int Types = 1_000_000;
    public const int Functions = 1_000_000;
    public const int Imports = 1_000_000;
    public const int Exports = 1_000_000;
    public const int Instances = 1_000;
    public const int Modules = 1_000;
    public const int Components = 1_000;
    public const int CoreItems = 1_000_000;
    public const int RecordFields = 10_000;
    public const int VariantCases = 10_000;
    public const int TupleTypes = 10_000;
    public const int FlagNames = 32;
    public const int EnumCases = 10_000;
    public const int FunctionParameters = 1_000;
    public const int FunctionResults = 1_000;
    public const int Declarations = 1_000_000;
    public const int InstantiationArguments = 100_000;
    public const int CanonicalOptions = 10;
    public const int NestingDepth = 100;

    /// <summary>Nodes of one type, everything it refers to counted each time it is referred to.</summary>
    public const int TypeSize = 1_000_000;

    /// <summary>Bytes of one value in linear memory, by the 64-bit layout (Explainer.md, "Type Definitions").</summary>
    public const long ElementBytes = (1L << 28) - 1;

    /// <summary>
    /// What the host may spend on one call's arguments or result: this, and <see cref="LiftedPerMemoryByte"/> for each
    /// byte of the guest's memory. Lists may lie over each other, so that without it a memory of 64 KiB describes a value
    /// of terabytes. Strings and lists of numbers cost their bytes, elements of other lists <see cref="LiftedElement"/> more.
    /// </summary>
    public const long Lifted = 4 << 20;

    /// <summary>Values that do not overlap stay below this, whatever their type.</summary>
    public const int LiftedPerMemoryByte = 16;

    /// <summary>What an object of the host costs beside its bytes in the guest.</summary>
    public const int LiftedElement = 4;

    /// <summary>Component instances that one root instantiation may make, nested ones included.</summary>
    public const int PlannedInstances = 10_000;
}
