// WIT types as C sees them: names given, aliases followed, and import and export told apart.
using Mote.Wit;

namespace Mote.Bindings.C;

/// <summary>A C type for a WIT type.</summary>
/// <param name="name">What a variable is declared with.</param>
/// <param name="wit">The WIT type: its layout is the C type's.</param>
internal abstract class CType(string name, WitType wit)
{
    public string Name { get; } = name;

    public WitType Wit { get; } = wit;

    /// <summary>The name as part of other names: of a list of these, of the function that frees one.</summary>
    public virtual string Stem => Name.EndsWith("_t", StringComparison.Ordinal) ? Name[..^2] : Name;

    /// <summary>Types that a value of this one has inside it.</summary>
    public virtual IEnumerable<CType> Parts => [];

    /// <summary>Does a value own heap memory?</summary>
    public virtual bool OwnsMemory => Parts.Any(p => p.OwnsMemory);

    /// <summary>Does a value own handles?</summary>
    public virtual bool OwnsHandles => Parts.Any(p => p.OwnsHandles);

    /// <summary>Does a value hold borrowed handles, which end with the call that brought them?</summary>
    public virtual bool Borrows => Parts.Any(p => p.Borrows);

    /// <summary>Is a value one number, and no struct?</summary>
    public virtual bool IsScalar => false;

    /// <summary>The function that frees a value; null where there is nothing to free, or another one does it.</summary>
    public string? FreeName { get; set; }
}

internal sealed class CPrimitive(string name, PrimitiveWitType wit) : CType(name, wit)
{
    public override string Stem => Kind;

    /// <summary>The WIT name.</summary>
    public string Kind { get; } = wit.Name;

    public override bool IsScalar => true;
}

internal sealed class CString(string name, WitType wit) : CType(name, wit)
{
    public override string Stem => "string";

    public override bool OwnsMemory => true;
}

/// <summary>A list of a length that the value says; a map is a list of its entries.</summary>
internal sealed class CList(string name, string stem, WitType wit, CType element) : CType(name, wit)
{
    public override string Stem { get; } = stem;

    public CType Element { get; } = element;

    public override IEnumerable<CType> Parts => [Element];

    public override bool OwnsMemory => true;
}

/// <summary>A list of a length that the type says.</summary>
internal sealed class CArray(string name, string stem, WitType wit, CType element, uint length) : CType(name, wit)
{
    public override string Stem { get; } = stem;

    public CType Element { get; } = element;

    public uint Length { get; } = length;

    public override IEnumerable<CType> Parts => [Element];
}

/// <summary>A field, or a case; a case without a payload has no type.</summary>
/// <param name="Name">The C name.</param>
/// <param name="Type">Its type.</param>
/// <param name="Spelling">How its type is written: possibly by an alias.</param>
/// <param name="Docs">Its documentation.</param>
/// <param name="Constant">Of a case: the constant for its number.</param>
internal sealed record CMember(string Name, CType? Type, string Spelling, string Docs, string Constant = "");

/// <summary>A record, a tuple, or an entry of a map.</summary>
internal sealed class CRecord(string name, string stem, WitType wit, List<CMember> fields) : CType(name, wit)
{
    public override string Stem { get; } = stem;

    public List<CMember> Fields { get; } = fields;

    public override IEnumerable<CType> Parts => Fields.Select(f => f.Type!);
}

internal enum VariantStyle
{
    Variant,
    Option,
    Result,
}

/// <summary>Anything with cases, one of which may have a payload.</summary>
internal sealed class CVariant(string name, string stem, WitType wit, VariantStyle style, List<CMember> cases) : CType(name, wit)
{
    public override string Stem { get; } = stem;

    public VariantStyle Style { get; } = style;

    public List<CMember> Cases { get; } = cases;

    /// <summary>The member that says which case it is.</summary>
    public string Tag => Style switch { VariantStyle.Option => "is_some", VariantStyle.Result => "is_err", _ => "tag" };

    public string TagType => Style == VariantStyle.Variant ? CNumber.OfSize(WitLayout.DiscriminantSize(Cases.Count)) : "bool";

    /// <summary>The member that holds a case's payload.</summary>
    public string Payload(CMember c) => Style == VariantStyle.Option ? "val" : $"val.{c.Name}";

    public override IEnumerable<CType> Parts => Cases.Select(c => c.Type).OfType<CType>();
}

internal sealed class CEnum(string name, WitType wit, List<CMember> cases) : CType(name, wit)
{
    public List<CMember> Cases { get; } = cases;

    public string Number => CNumber.OfSize(WitLayout.DiscriminantSize(Cases.Count));

    public override bool IsScalar => true;
}

internal sealed class CFlags(string name, WitType wit, List<CMember> names) : CType(name, wit)
{
    public List<CMember> Names { get; } = names;

    public string Number => CNumber.OfSize(WitLayout.FlagsSize(Names.Count));

    public override bool IsScalar => true;
}

internal sealed class CHandle(CResource resource, HandleWitType wit) : CType(wit.IsOwn ? resource.OwnType : resource.BorrowType, wit)
{
    public CResource Resource { get; } = resource;

    public bool IsOwn { get; } = wit.IsOwn;

    /// <summary>A borrow of what the component defines itself comes as the author's pointer.</summary>
    public bool IsPointer => !IsOwn && Resource.Exported;

    public override bool OwnsHandles => IsOwn;

    public override bool Borrows => !IsOwn && !Resource.Exported;
}

internal static class CNumber
{
    public static string OfSize(uint bytes) => bytes switch { 1 => "uint8_t", 2 => "uint16_t", _ => "uint32_t" };

    public static string Of(CoreType core) => core switch { CoreType.I32 => "int32_t", CoreType.I64 => "int64_t", CoreType.F32 => "float", _ => "double" };
}
