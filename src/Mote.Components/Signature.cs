// Function types as text, with resource types by the name they are imported under. A host function says its type this
// way, and a component's import must have the same: a mismatch is found, and shown, before anything runs.
using System.Text;
using Mote.Components.Types;

namespace Mote.Components;

/// <summary>
/// The notation is WIT's, with everything spelled out: <c>func(self: borrow&lt;wasi:io/streams@0.2#input-stream&gt;, len:
/// u64) -&gt; result&lt;list&lt;u8&gt;, variant {…}&gt;</c>. Versions are reduced to their compatible track.
/// </summary>
public static class Signature
{
    internal static string Of(FunctionType type, Func<ResourceType, string> resourceName)
    {
        var text = new StringBuilder(type.IsAsync ? "async func(" : "func(");
        for (int i = 0; i < type.Parameters.Count; i++)
        {
            if (i > 0) text.Append(", ");
            text.Append(type.Parameters[i].Name).Append(": ");
            Append(text, type.Parameters[i].Type, resourceName);
        }

        text.Append(')');
        if (type.Result is not null)
        {
            text.Append(" -> ");
            Append(text, type.Result, resourceName);
        }

        return text.ToString();
    }

    private static void Append(StringBuilder text, ValType type, Func<ResourceType, string> name)
    {
        switch (type)
        {
            case HandleType h:
                text.Append(h.IsOwn ? "own<" : "borrow<").Append(name(h.Resource)).Append('>');
                break;
            case RecordType r:
                text.Append("record {");
                for (int i = 0; i < r.Fields.Count; i++)
                {
                    if (i > 0) text.Append(", ");
                    text.Append(r.Fields[i].Name).Append(": ");
                    Append(text, r.Fields[i].Type, name);
                }

                text.Append('}');
                break;
            case VariantType v:
                text.Append("variant {");
                for (int i = 0; i < v.Cases.Count; i++)
                {
                    if (i > 0) text.Append(", ");
                    text.Append(v.Cases[i].Name);
                    if (v.Cases[i].Type is not { } payload) continue;
                    text.Append('(');
                    Append(text, payload, name);
                    text.Append(')');
                }

                text.Append('}');
                break;
            case TupleType t:
                Arguments(text, "tuple", t.Types, name);
                break;
            case ListType l:
                text.Append("list<");
                Append(text, l.Element, name);
                if (l.Length is { } n) text.Append(", ").Append(n);
                text.Append('>');
                break;
            case MapType m:
                Arguments(text, "map", [m.Key, m.Value], name);
                break;
            case OptionType o:
                Arguments(text, "option", [o.Element], name);
                break;
            case ResultType { Ok: null, Error: null }:
                text.Append("result");
                break;
            case ResultType { Error: null } r:
                Arguments(text, "result", [r.Ok!], name);
                break;
            case ResultType { Ok: null } r:
                text.Append("result<_, ");
                Append(text, r.Error!, name);
                text.Append('>');
                break;
            case ResultType r:
                Arguments(text, "result", [r.Ok!, r.Error!], name);
                break;
            case StreamOrFutureType { Element: { } element } s:
                Arguments(text, s.Word, [element], name);
                break;
            default:
                text.Append(type); // primitives, flags and enums mention nothing else
                break;
        }
    }

    private static void Arguments(StringBuilder text, string what, IReadOnlyList<ValType> types, Func<ResourceType, string> name)
    {
        text.Append(what).Append('<');
        for (int i = 0; i < types.Count; i++)
        {
            if (i > 0) text.Append(", ");
            Append(text, types[i], name);
        }

        text.Append('>');
    }
}
