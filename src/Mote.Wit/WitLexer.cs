// Tokens of WIT text.
using System.Collections.Generic;
using System.Text;

namespace Mote.Wit;

internal enum TokenKind
{
    Identifier,
    Integer,
    Symbol,
    End,
}

/// <summary>A token with the documentation that stands before it.</summary>
internal readonly struct Token
{
    public Token(TokenKind kind, string text, int line, int column, string docs, bool escaped)
    {
        Kind = kind;
        Text = text;
        Line = line;
        Column = column;
        Docs = docs;
        Escaped = escaped;
    }

    public TokenKind Kind { get; }

    public string Text { get; }

    public int Line { get; }

    public int Column { get; }

    public string Docs { get; }

    /// <summary>Written with %: never a keyword.</summary>
    public bool Escaped { get; }
}

internal static class WitLexer
{
    public static List<Token> Tokens(string file, string text)
    {
        var tokens = new List<Token>();
        var docs = new StringBuilder();
        int at = 0, line = 1, lineStart = 0;
        while (true)
        {
            if (at >= text.Length)
            {
                tokens.Add(new Token(TokenKind.End, "", line, at - lineStart + 1, "", false));
                return tokens;
            }

            char c = text[at];
            int column = at - lineStart + 1;
            if (c == '\n')
            {
                line++;
                at++;
                lineStart = at;
            }
            else if (c == ' ' || c == '\t' || c == '\r' || c == '\ufeff')
            {
                at++;
            }
            else if (c == '/' && at + 1 < text.Length && text[at + 1] == '/')
            {
                int end = text.IndexOf('\n', at);
                if (end < 0) end = text.Length;
                string comment = text.Substring(at, end - at).TrimEnd('\r');
                if (comment.StartsWith("///", System.StringComparison.Ordinal))
                {
                    if (docs.Length > 0) docs.Append('\n');
                    docs.Append(comment.Substring(3).Trim());
                }

                at = end;
            }
            else if (c == '/' && at + 1 < text.Length && text[at + 1] == '*')
            {
                BlockComment(file, text, ref at, ref line, ref lineStart, column, docs);
            }
            else
            {
                tokens.Add(Next(file, text, ref at, line, column, docs.ToString()));
                docs.Clear();
            }
        }
    }

    private static void BlockComment(string file, string text, ref int at, ref int line, ref int lineStart, int column, StringBuilder docs)
    {
        int start = at, startLine = line, depth = 0;
        do
        {
            if (at + 1 >= text.Length) throw new WitException(file, startLine, column, "a block comment does not end");
            if (text[at] == '/' && text[at + 1] == '*')
            {
                depth++;
                at += 2;
            }
            else if (text[at] == '*' && text[at + 1] == '/')
            {
                depth--;
                at += 2;
            }
            else
            {
                if (text[at] == '\n')
                {
                    line++;
                    lineStart = at + 1;
                }

                at++;
            }
        }
        while (depth > 0);

        string comment = text.Substring(start, at - start);
        if (comment.Length > 4 && comment.StartsWith("/**", System.StringComparison.Ordinal)) docs.Append(comment.Substring(3, comment.Length - 5).Trim());
    }

    private static Token Next(string file, string text, ref int at, int line, int column, string docs)
    {
        char c = text[at];
        int start = at;
        if (c == '%' || IsLetter(c))
        {
            bool escaped = c == '%';
            if (escaped) at++;
            int name = at;
            while (at < text.Length && (IsLetter(text[at]) || IsDigit(text[at]) || text[at] == '-')) at++;
            // A dash at the end belongs to the arrow of a function.
            while (at > name && text[at - 1] == '-') at--;
            if (at == name) throw new WitException(file, line, column, "an identifier was expected after %");
            return new Token(TokenKind.Identifier, text.Substring(name, at - name), line, column, docs, escaped);
        }

        if (IsDigit(c))
        {
            while (at < text.Length && IsDigit(text[at])) at++;
            return new Token(TokenKind.Integer, text.Substring(start, at - start), line, column, docs, false);
        }

        if (c == '-' && at + 1 < text.Length && text[at + 1] == '>')
        {
            at += 2;
            return new Token(TokenKind.Symbol, "->", line, column, docs, false);
        }

        if (":;,.{}()<>=*@/_+-".IndexOf(c) < 0) throw new WitException(file, line, column, $"unexpected character '{c}'");
        at++;
        return new Token(TokenKind.Symbol, c.ToString(), line, column, docs, false);
    }

    internal static bool IsLetter(char c) => (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

    internal static bool IsDigit(char c) => c >= '0' && c <= '9';
}
