// Text with indentation.
using System;
using System.Text;

namespace Mote.Components.Generator;

internal sealed class CodeWriter
{
    private readonly StringBuilder _text = new StringBuilder();
    private int _depth;

    public CodeWriter(int depth = 0) => _depth = depth;

    public CodeWriter Line(string line = "")
    {
        if (line.Length > 0) _text.Append(' ', _depth * 4).Append(line);
        _text.Append('\n');
        return this;
    }

    /// <summary>A block in braces.</summary>
    public void Block(string head, Action body, string end = "}")
    {
        Line(head);
        Line("{");
        _depth++;
        body();
        _depth--;
        Line(end);
    }

    public void Indented(Action body)
    {
        _depth++;
        body();
        _depth--;
    }

    /// <summary>Documentation, if there is any.</summary>
    public void Summary(string docs)
    {
        if (docs.Length == 0) return;
        string escaped = docs.Replace("&", "&amp;").Replace("<", "&lt;").Replace(">", "&gt;");
        string[] lines = escaped.Split('\n');
        if (lines.Length == 1)
        {
            Line($"/// <summary>{lines[0]}</summary>");
            return;
        }

        Line("/// <summary>");
        foreach (string line in lines) Line($"/// {line}".TrimEnd());
        Line("/// </summary>");
    }

    public override string ToString() => _text.ToString();
}
