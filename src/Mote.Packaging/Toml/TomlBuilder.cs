// From Tomlyn's syntax tree, which knows positions, to values that keep them.
using System.Globalization;
using Tomlyn;
using Tomlyn.Parsing;
using Tomlyn.Syntax;

namespace Mote.Packaging.Toml;

internal sealed class TomlBuilder
{
    private readonly string _file;

    private TomlBuilder(string file) => _file = file;

    public static TomlTable Build(string file, string text)
    {
        DocumentSyntax document;
        try
        {
            document = SyntaxParser.Parse(text, file, true);
        }
        catch (TomlException e)
        {
            // Arrays or tables nested too deep; every other fault is a diagnostic.
            throw new ConfigException(file, e.Line ?? 1, e.Message.Split('.')[0]);
        }
        catch (ArgumentOutOfRangeException)
        {
            // Tomlyn (2.10.2) lets this one through where the file ends after a backslash.
            throw new ConfigException(file, text.Count(c => c == '\n') + 1, "the file ends in the middle of a string");
        }

        if (document.HasErrors)
        {
            DiagnosticMessage first = document.Diagnostics.Where(d => d.Kind == DiagnosticMessageKind.Error).MinBy(d => d.Span.Start.Offset)!;
            throw new ConfigException(file, first.Span.Start.Line + 1, first.Message.TrimEnd('.'));
        }

        return new TomlBuilder(file).Root(document);
    }

    private static int LineOf(SyntaxNodeBase node) => node.Span.Start.Line + 1;

    private TomlTable Root(DocumentSyntax document)
    {
        var root = new TomlTable(_file, 1);
        foreach (KeyValueSyntax kv in document.KeyValues) Add(root, kv);
        foreach (TableSyntaxBase table in document.Tables)
        {
            string[] path = PathOf(table.Name!);
            TomlTable parent = Walk(root, path.AsSpan(0, path.Length - 1), table);
            TomlTable target;
            if (table is TableArraySyntax)
            {
                if (parent.Values.GetValueOrDefault(path[^1]) is not TomlList list)
                {
                    list = new TomlList(_file, LineOf(table));
                    parent.Values[path[^1]] = list;
                }

                target = new TomlTable(_file, LineOf(table));
                list.Items.Add(target);
            }
            else
            {
                target = Walk(parent, path.AsSpan(path.Length - 1), table);
            }

            foreach (KeyValueSyntax kv in table.Items) Add(target, kv);
        }

        return root;
    }

    private static string[] PathOf(KeySyntax key) => [Text(key.Key!), .. key.DotKeys.Select(d => Text(d.Key!))];

    private static string Text(BareKeyOrStringValueSyntax key) => key switch
    {
        StringValueSyntax s => s.Value ?? "",
        BareKeySyntax b => b.Key?.Text ?? "",
        _ => key.ToString()!,
    };

    /// <summary>The table at a path, made where it is not there; of a list of tables, the last.</summary>
    private TomlTable Walk(TomlTable from, ReadOnlySpan<string> path, SyntaxNode at)
    {
        foreach (string name in path)
        {
            switch (from.Values.GetValueOrDefault(name))
            {
                case null:
                    var made = new TomlTable(_file, LineOf(at));
                    from.Values[name] = made;
                    from = made;
                    break;
                case TomlTable table:
                    from = table;
                    break;
                case TomlList { Items: [.., TomlTable last] }:
                    from = last;
                    break;
                case { } other:
                    throw new ConfigException(_file, LineOf(at), $"`{name}` is {other.Kind} (line {other.Line}), not a table");
            }
        }

        return from;
    }

    private void Add(TomlTable table, KeyValueSyntax kv)
    {
        string[] path = PathOf(kv.Key!);
        TomlTable target = Walk(table, path.AsSpan(0, path.Length - 1), kv);
        if (!target.Values.TryAdd(path[^1], Value(kv.Value!))) throw new ConfigException(_file, LineOf(kv), $"`{path[^1]}` is there twice");
    }

    private TomlNode Value(ValueSyntax value)
    {
        int line = LineOf(value);
        switch (value)
        {
            case StringValueSyntax s:
                return new TomlString(_file, line, s.Value ?? "");
            case IntegerValueSyntax i:
                return new TomlInteger(_file, line, i.Value);
            case FloatValueSyntax f:
                return new TomlFloat(_file, line, f.Value);
            case BooleanValueSyntax b:
                return new TomlBoolean(_file, line, b.Value);
            case ArraySyntax a:
                var list = new TomlList(_file, line);
                foreach (ArrayItemSyntax item in a.Items) list.Items.Add(Value(item.Value!));
                return list;
            case InlineTableSyntax t:
                var table = new TomlTable(_file, line);
                foreach (InlineTableItemSyntax item in t.Items) Add(table, item.KeyValue!);
                return table;
            default:
                throw new ConfigException(_file, line, "dates are not used here: write a string");
        }
    }
}
