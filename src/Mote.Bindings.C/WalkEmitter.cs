// Functions that go through a value to everything in it that somebody owns or lent.
namespace Mote.Bindings.C;

internal enum Walk
{
    /// <summary>Frees memory and drops own handles.</summary>
    Free,

    /// <summary>Frees memory only: the handles now belong to the caller.</summary>
    Release,

    /// <summary>Writes down borrowed handles.</summary>
    Collect,
}

internal sealed class WalkEmitter(WorldModel model)
{
    private readonly Dictionary<(Walk, CType), string> _names = [];
    private readonly Queue<(Walk, CType)> _pending = new();

    /// <summary>Prototypes of functions that are not in the header.</summary>
    private readonly CText _prototypes = new();
    private readonly CText _bodies = new();

    /// <summary>Is there anything in such a value for this walk?</summary>
    public static bool Concerns(Walk walk, CType? type) => type is not null && walk switch
    {
        Walk.Free => type.OwnsMemory || type.OwnsHandles,
        Walk.Release => type.OwnsMemory,
        _ => type.Borrows,
    };

    /// <summary>A statement that walks a value.</summary>
    /// <param name="walk">What for.</param>
    /// <param name="type">The value's type; it concerns the walk.</param>
    /// <param name="value">Where the value is.</param>
    public string Statement(Walk walk, CType type, string value)
    {
        // Where there are no handles, freeing is releasing.
        if (walk == Walk.Release && !type.OwnsHandles) walk = Walk.Free;
        if (type is CHandle h) return walk == Walk.Collect ? $"mote_collect(_lent, {value}.__handle, {h.Resource.CoreDrop});" : $"{h.Resource.Drop}({value});";
        return $"{Function(walk, type)}({(walk == Walk.Collect ? "_lent, " : "")}&{value});";
    }

    /// <summary>The function that walks values of a type that is not a handle.</summary>
    public string Function(Walk walk, CType type)
    {
        if (type is CString) return type.FreeName!;
        if (_names.TryGetValue((walk, type), out string? known)) return known;
        string name = walk == Walk.Free ? type.FreeName! : model.Names.Unique($"mote_{(walk == Walk.Release ? "release" : "collect")}_{type.Name}");
        _names.Add((walk, type), name);
        _pending.Enqueue((walk, type));
        return name;
    }

    /// <summary>All functions asked for, and those that they ask for.</summary>
    /// <param name="inHeader">Are its free functions for others, too?</param>
    public string Write(Func<CType, bool> inHeader)
    {
        while (_pending.TryDequeue(out (Walk Walk, CType Type) next))
        {
            bool shared = next.Walk == Walk.Free && inHeader(next.Type);
            string head = $"{(shared ? "" : "static ")}void {_names[next]}({(next.Walk == Walk.Collect ? "mote_lent_t *_lent, " : "")}{(next.Walk == Walk.Collect ? "const " : "")}{next.Type.Name} *value)";
            if (!shared) _prototypes.Line(head + ";");
            _bodies.Line();
            _bodies.Block(head, () => Body(next.Walk, next.Type));
        }

        return _prototypes.ToString() + _bodies;
    }

    private void Body(Walk walk, CType type)
    {
        CText w = _bodies;
        switch (type)
        {
            case CList l:
                if (Concerns(walk, l.Element)) w.Line($"for (size_t i = 0; i < value->len; i++) {Statement(walk, l.Element, "value->ptr[i]")}");
                if (walk == Walk.Collect) break;
                w.Line("mote_give(value->ptr);");
                w.Line("value->ptr = NULL;");
                w.Line("value->len = 0;");
                break;
            case CArray a:
                w.Line($"for (size_t i = 0; i < {a.Length}; i++) {Statement(walk, a.Element, "value->items[i]")}");
                break;
            case CRecord r:
                foreach (CMember f in r.Fields.Where(f => Concerns(walk, f.Type))) w.Line(Statement(walk, f.Type!, $"value->{f.Name}"));
                break;
            case CVariant v:
                FlatEmitter.Match(w, v, "value->", c => w.Line(Statement(walk, c.Type!, $"value->{v.Payload(c)}")), c => Concerns(walk, c.Type));
                break;
        }
    }
}
