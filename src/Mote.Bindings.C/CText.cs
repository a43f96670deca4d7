// C text with indentation and comments.
using System.Text;

namespace Mote.Bindings.C;

internal sealed class CText
{
    private readonly StringBuilder _text = new();
    private int _depth;

    /// <summary>A line; of blank ones never two.</summary>
    public CText Line(string line = "")
    {
        if (line.Length == 0 && _text is [.., '\n', '\n']) return this;
        if (line.Length > 0) _text.Append(' ', _depth * 4).Append(line);
        _text.Append('\n');
        return this;
    }

    /// <summary>A block in braces, the opening one on the head's line.</summary>
    public void Block(string head, Action body, string end = "}")
    {
        Line(head + " {");
        _depth++;
        body();
        _depth--;
        Line(end);
    }

    /// <summary>The rest of a block whose opening brace is written.</summary>
    public void Inside(Action body)
    {
        _depth++;
        body();
        _depth--;
        Line("}");
    }

    /// <summary>A documentation comment; nothing for an empty text.</summary>
    public void Doc(string docs)
    {
        if (docs.Length == 0) return;
        // A text that ends the comment, or opens another, would change what follows.
        string[] lines = docs.Replace("*/", "* /").Replace("/*", "/ *").Split('\n');
        if (lines.Length == 1)
        {
            Line($"/** {lines[0].Trim()} */");
            return;
        }

        Line("/**");
        foreach (string line in lines) Line($" * {line.TrimEnd()}".TrimEnd());
        Line(" */");
    }

    /// <summary>A heading between sections.</summary>
    public void Section(string title) => Line().Line($"// ---- {title} ----").Line();

    public void Raw(string text) => _text.Append(text);

    public override string ToString() => _text.ToString();
}
