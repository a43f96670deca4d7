// C# definitions of the records, variants, enums and flags of an interface.
using System.Linq;
using Mote.Wit;

namespace Mote.Components.Generator;

internal static class TypeEmitter
{
    public static void Write(CodeWriter w, WitOwner owner, TypeNames names)
    {
        foreach (WitTypeDef d in owner.Types.Where(t => t.Kind is TypeDefKind.Record or TypeDefKind.Variant or TypeDefKind.Enum or TypeDefKind.Flags))
        {
            string name = CSharpNames.Pascal(d.Name);
            w.Summary(d.Docs);
            switch (d.Kind)
            {
                case TypeDefKind.Record:
                    foreach (WitMember m in d.Members.Where(m => m.Docs.Length > 0)) w.Line($"/// <param name=\"{CSharpNames.Field(d, m.Name)}\">{m.Docs.Replace("\n", " ").Replace("&", "&amp;").Replace("<", "&lt;").Replace(">", "&gt;")}</param>");
                    w.Line($"public readonly record struct {name}({string.Join(", ", d.Members.Select(m => $"{names.Owned(m.Type)} {CSharpNames.Field(d, m.Name)}"))});");
                    break;
                case TypeDefKind.Enum:
                    w.Block($"public enum {name} : {(d.Members.Count <= 256 ? "byte" : d.Members.Count <= 65536 ? "ushort" : "uint")}", () =>
                    {
                        foreach (WitMember m in d.Members)
                        {
                            w.Summary(m.Docs);
                            w.Line($"{CSharpNames.Pascal(m.Name)},");
                        }
                    });
                    break;
                case TypeDefKind.Flags:
                    w.Line("[global::System.Flags]");
                    w.Block($"public enum {name} : uint", () =>
                    {
                        w.Line("None = 0,");
                        for (int i = 0; i < d.Members.Count; i++)
                        {
                            w.Summary(d.Members[i].Docs);
                            w.Line($"{CSharpNames.Flag(d.Members[i].Name)} = 1u << {i},");
                        }
                    });
                    break;
                default:
                    Variant(w, d, name, names);
                    break;
            }

            w.Line();
        }
    }

    private static void Variant(CodeWriter w, WitTypeDef d, string name, TypeNames names)
    {
        w.Block($"public abstract record {name}", () =>
        {
            w.Block($"private {name}()", () => { });
            foreach (WitMember m in d.Members)
            {
                string @case = CSharpNames.Case(d, m.Name);
                w.Line();
                w.Summary(m.Docs);
                if (m.Type is null)
                {
                    w.Block($"public sealed record {@case} : {name}", () => w.Line($"public static readonly {@case} Instance = new();"));
                }
                else
                {
                    w.Line($"public sealed record {@case}({names.Owned(m.Type)} Value) : {name};");
                }
            }
        });
    }
}
