// S-expressions of the WebAssembly text format, with the place of each in the source so that modules and components
// can be handed on as written.
using System.Text;

namespace Mote.Conformance;

/// <summary>An atom, a string or a list.</summary>
public sealed class SExpr
{
    /// <summary>The text of an atom; null for strings and lists.</summary>
    public string? Atom { get; private init; }

    /// <summary>The bytes of a string; null for atoms and lists.</summary>
    public byte[]? String { get; private init; }

    /// <summary>The items of a list; null for atoms and strings.</summary>
    public List<SExpr>? Items { get; private init; }

    /// <summary>Byte offset of the first character.</summary>
    public int Start { get; private init; }

    /// <summary>Byte offset after the last character.</summary>
    public int End { get; private set; }

    /// <summary>Line of the first character, from 1.</summary>
    public int Line { get; private init; }

    /// <summary>The first atom of a list: what kind of form it is.</summary>
    public string? Head => Items is [{ Atom: { } head }, ..] ? head : null;

    /// <summary>The items from a position on, as a list.</summary>
    public SExpr Tail(int from) => new() { Items = Items![from..], Start = Start, End = End, Line = Line };

    /// <summary>A string as text.</summary>
    public string Text => String is null ? throw new FormatException($"line {Line}: a string was expected") : Encoding.UTF8.GetString(String);

    /// <summary>Reads all forms of a source.</summary>
    /// <exception cref="FormatException">The source is not well-formed.</exception>
    public static List<SExpr> ParseAll(byte[] source)
    {
        var parser = new Parser(source);
        return parser.All();
    }

    /// <inheritdoc/>
    public override string ToString() => Atom ?? (String is not null ? $"\"{Text}\"" : $"({string.Join(' ', Items!)})");

    private sealed class Parser(byte[] s)
    {
        private int _at;
        private int _line = 1;

        public List<SExpr> All()
        {
            var forms = new List<SExpr>();
            while (Skip()) forms.Add(Next());
            return forms;
        }

        /// <summary>Skips blanks and comments; false at the end.</summary>
        private bool Skip()
        {
            while (_at < s.Length)
            {
                byte c = s[_at];
                if (c == '\n')
                {
                    _line++;
                    _at++;
                }
                else if (c is (byte)' ' or (byte)'\t' or (byte)'\r')
                {
                    _at++;
                }
                else if (c == ';' && _at + 1 < s.Length && s[_at + 1] == ';')
                {
                    while (_at < s.Length && s[_at] != '\n') _at++;
                }
                else if (c == '(' && _at + 1 < s.Length && s[_at + 1] == ';')
                {
                    BlockComment();
                }
                else
                {
                    return true;
                }
            }

            return false;
        }

        private void BlockComment()
        {
            int depth = 0;
            do
            {
                if (_at + 1 >= s.Length) throw new FormatException($"line {_line}: a comment does not end");
                if (s[_at] == '(' && s[_at + 1] == ';')
                {
                    depth++;
                    _at += 2;
                }
                else if (s[_at] == ';' && s[_at + 1] == ')')
                {
                    depth--;
                    _at += 2;
                }
                else
                {
                    if (s[_at] == '\n') _line++;
                    _at++;
                }
            }
            while (depth > 0);
        }

        private SExpr Next()
        {
            int start = _at, line = _line;
            switch (s[_at])
            {
                case (byte)'(':
                    _at++;
                    var list = new SExpr { Items = [], Start = start, Line = line };
                    while (true)
                    {
                        if (!Skip()) throw new FormatException($"line {line}: a list does not end");
                        if (s[_at] == ')') break;
                        list.Items.Add(Next());
                    }

                    _at++;
                    list.End = _at;
                    return list;
                case (byte)')':
                    throw new FormatException($"line {line}: unexpected )");
                case (byte)'"':
                    return new SExpr { String = StringBytes(), Start = start, End = _at, Line = line };
                default:
                    while (_at < s.Length && !(s[_at] is (byte)' ' or (byte)'\t' or (byte)'\r' or (byte)'\n' or (byte)'(' or (byte)')' or (byte)'"' or (byte)';')) _at++;
                    if (_at == start) throw new FormatException($"line {line}: unexpected '{(char)s[_at]}'");
                    return new SExpr { Atom = Encoding.UTF8.GetString(s, start, _at - start), Start = start, End = _at, Line = line };
            }
        }

        private byte[] StringBytes()
        {
            var bytes = new List<byte>();
            _at++;
            while (true)
            {
                if (_at >= s.Length) throw new FormatException($"line {_line}: a string does not end");
                byte c = s[_at++];
                switch (c)
                {
                    case (byte)'"':
                        return [.. bytes];
                    case (byte)'\\':
                        Escape(bytes);
                        break;
                    case (byte)'\n':
                        _line++;
                        bytes.Add(c);
                        break;
                    default:
                        bytes.Add(c);
                        break;
                }
            }
        }

        private void Escape(List<byte> bytes)
        {
            byte e = s[_at++];
            switch (e)
            {
                case (byte)'n':
                    bytes.Add(10);
                    break;
                case (byte)'t':
                    bytes.Add(9);
                    break;
                case (byte)'r':
                    bytes.Add(13);
                    break;
                case (byte)'"' or (byte)'\'' or (byte)'\\':
                    bytes.Add(e);
                    break;
                case (byte)'u':
                    int close = Array.IndexOf(s, (byte)'}', _at);
                    int code = Convert.ToInt32(Encoding.ASCII.GetString(s, _at + 1, close - _at - 1).Replace("_", ""), 16);
                    bytes.AddRange(Encoding.UTF8.GetBytes(char.ConvertFromUtf32(code)));
                    _at = close + 1;
                    break;
                default:
                    bytes.Add(Convert.ToByte(Encoding.ASCII.GetString(s, _at - 1, 2), 16));
                    _at++;
                    break;
            }
        }
    }
}
