// A function's C shape: parameters by value, and what becomes of the result.
using Mote.Wit;

namespace Mote.Bindings.C;

internal enum ReturnShape
{
    /// <summary>void.</summary>
    None,

    /// <summary>The value itself.</summary>
    Value,

    /// <summary>bool and *ret.</summary>
    Option,

    /// <summary>bool, *ret and *err.</summary>
    Result,
}

/// <param name="owner">Where it belongs.</param>
/// <param name="name">The C name.</param>
/// <param name="externName">The name that components have for it.</param>
/// <param name="docs">Its documentation.</param>
/// <param name="parameters">In order.</param>
/// <param name="result">The whole result, null for none.</param>
internal sealed class CFunction(CInterface owner, string name, string externName, string docs, List<CMember> parameters, CMember? result)
{
    public CInterface Owner { get; } = owner;

    public string Name { get; } = name;

    public string ExternName { get; } = externName;

    public string Docs { get; } = docs;

    public List<CMember> Parameters { get; } = parameters;

    public CMember? Result { get; } = result;

    public ReturnShape Shape => Result?.Type switch
    {
        null => ReturnShape.None,
        CVariant { Style: VariantStyle.Option } => ReturnShape.Option,
        CVariant { Style: VariantStyle.Result } => ReturnShape.Result,
        _ => ReturnShape.Value,
    };

    /// <summary>What is written to *ret; null for none.</summary>
    public CMember? Ok => Result?.Type is CVariant v && Shape == ReturnShape.Option ? v.Cases[1] : Shape == ReturnShape.Result && Variant.Cases[0].Type is not null ? Variant.Cases[0] : null;

    /// <summary>What is written to *err; null for none.</summary>
    public CMember? Error => Shape == ReturnShape.Result && Variant.Cases[1].Type is not null ? Variant.Cases[1] : null;

    /// <summary>The result, where it is an option or a result.</summary>
    public CVariant Variant => (CVariant)Result!.Type!;

    /// <summary>Core values of all parameters.</summary>
    public List<CoreType> FlatParameters => [.. Parameters.SelectMany(p => WitLayout.Flat(p.Type!.Wit))];

    /// <summary>Do the parameters go through memory?</summary>
    public bool ParametersSpill => FlatParameters.Count > WitLayout.MaxFlatParameters;

    /// <summary>Does the result go through memory?</summary>
    public bool ResultSpills => Result is not null && WitLayout.Flat(Result.Type!.Wit).Count > 1;

    /// <summary>The prototype, without the semicolon.</summary>
    public string Prototype
    {
        get
        {
            List<string> all = [.. Parameters.Select(p => $"{p.Spelling} {p.Name}")];
            if (Ok is { } ok) all.Add($"{ok.Spelling} *ret");
            if (Error is { } error) all.Add($"{error.Spelling} *err");
            string returns = Shape switch { ReturnShape.None => "void", ReturnShape.Value => Result!.Spelling, _ => "bool" };
            return $"{returns} {Name}({(all.Count == 0 ? "void" : string.Join(", ", all))})";
        }
    }
}
