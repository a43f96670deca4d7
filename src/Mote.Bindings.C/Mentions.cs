// Which definitions a type is written with.
using Mote.Wit;

namespace Mote.Bindings.C;

internal static class Mentions
{
    /// <summary>Definitions that stand in a type directly, not those behind them; a resource is the one at the end of its aliases.</summary>
    public static IEnumerable<WitTypeDef> In(WitType? type) => type switch
    {
        NamedType n => [n.Definition],
        HandleWitType h => [h.Resource.Origin],
        ListWitType l => In(l.Element),
        MapWitType m => In(m.Key).Concat(In(m.Value)),
        TupleWitType t => t.Elements.SelectMany(In),
        OptionWitType o => In(o.Element),
        ResultWitType r => In(r.Ok).Concat(In(r.Error)),
        _ => [],
    };
}
