// A resource type: the C types of its handles, and the functions that come with it.
using Mote.Wit;

namespace Mote.Bindings.C;

internal sealed class CResource
{
    public CResource(WitTypeDef definition, CInterface owner, CNames names)
    {
        Definition = definition;
        Owner = owner;
        string snake = CNames.Snake(definition.Name);
        Stem = $"{owner.Prefix}_{snake}";
        OwnType = names.Unique($"{owner.Prefix}_own_{snake}_t");
        BorrowType = names.Unique($"{owner.Prefix}_borrow_{snake}_t");
        Drop = names.Unique(Stem + "_drop");
        if (Exported)
        {
            RepType = names.Unique(Stem + "_t");
            Own = names.Unique(Stem + "_own");
            Rep = names.Unique(Stem + "_rep");
            Destructor = names.Unique(Stem + "_destructor");
        }
        else
        {
            Borrow = names.Unique(Stem + "_borrow");
        }
    }

    public WitTypeDef Definition { get; }

    public CInterface Owner { get; }

    /// <summary>Does this component define it?</summary>
    public bool Exported => Owner.Exported;

    /// <summary>What the names of its functions begin with.</summary>
    public string Stem { get; }

    public string OwnType { get; }

    public string BorrowType { get; }

    /// <summary>Gives an own handle back.</summary>
    public string Drop { get; }

    /// <summary>Of an import: lends an own handle for a call.</summary>
    public string Borrow { get; } = "";

    /// <summary>Of an export: the struct that the author defines.</summary>
    public string RepType { get; } = "";

    /// <summary>Of an export: a new handle for the author's object.</summary>
    public string Own { get; } = "";

    /// <summary>Of an export: the author's object behind a handle.</summary>
    public string Rep { get; } = "";

    /// <summary>Of an export: what the author writes to be told that the last handle is gone.</summary>
    public string Destructor { get; } = "";

    /// <summary>The core function behind <see cref="Drop"/>.</summary>
    public string CoreDrop => $"__wasm_import_{Stem}_drop";

    /// <summary>The module that core imports of this resource come from.</summary>
    public string Module => Exported ? "[export]" + Owner.Module : Owner.Module;
}
