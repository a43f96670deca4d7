// Reads WAVE, the WebAssembly value encoding: text that looks like WIT. The type says what is expected, so that a label
// can be a variant's case or a flag without being marked as such. A map, for which WAVE has no notation yet, is a list of
// pairs.
using System.Globalization;
using System.Text;
using Mote.Components.Types;

namespace Mote.Components.Wave;

/// <summary>Reads values of known types.</summary>
public sealed class WaveReader
{
    private static readonly HashSet<string> s_keywords = ["true", "false", "inf", "nan", "some", "none", "ok", "err"];

    private readonly string _text;
    private int _at;

    private WaveReader(string text) => _text = text;

    /// <summary>Reads one value and nothing else.</summary>
    /// <exception cref="WaveException">It is not a value of the type.</exception>
    public static Value Read(string text, ValType type)
    {
        var reader = new WaveReader(text);
        Value value = reader.Value(type);
        reader.End();
        return value;
    }

    /// <summary>Splits <c>name(arguments)</c>; the name may be <c>interface#function</c> or <c>interface.function</c>.</summary>
    /// <returns>The name, and the text from the opening parenthesis on.</returns>
    /// <exception cref="WaveException">There are no parentheses.</exception>
    public static (string Name, string Arguments) SplitCall(string text)
    {
        int open = text.IndexOf('(');
        if (open <= 0) throw new WaveException("a call looks like name(arguments), as in add(1, 2)", text.Length);
        return (text[..open].Trim(), text[open..]);
    }

    /// <summary>Reads the arguments of a call, with their parentheses; trailing ones of an option type may be left out.</summary>
    /// <param name="text">Text that ends with them.</param>
    /// <param name="type">The function's type.</param>
    /// <param name="start">Where in the text the first parenthesis is.</param>
    /// <exception cref="WaveException">They do not fit the parameters; its position is one in the whole text.</exception>
    public static Value[] ReadArguments(string text, FunctionType type, int start = 0)
    {
        var reader = new WaveReader(text) { _at = start };
        reader.Expect('(', "the arguments");
        var values = new List<Value>();
        foreach (Parameter p in type.Parameters)
        {
            if (reader.Peek() == ')') break;
            values.Add(reader.Within($"argument `{p.Name}`", p.Type));
            if (!reader.TryTake(',')) break;
        }

        reader.SkipSpace();
        for (int i = values.Count; i < type.Parameters.Count; i++)
        {
            if (type.Parameters[i].Type is not OptionType) throw reader.Error($"argument `{type.Parameters[i].Name}: {type.Parameters[i].Type}` is missing: the function is {type}");
            values.Add(new OptionValue(null));
        }

        if (reader.Peek() != ')') throw reader.Error(values.Count == type.Parameters.Count ? $"expected `)`: the function takes {type.Parameters.Count} arguments: {type}" : "expected `,` or `)`");
        reader._at++;
        reader.End();
        return [.. values];
    }

    private Value Within(string what, ValType type)
    {
        try
        {
            return Value(type);
        }
        catch (WaveException e) when (!e.Message.StartsWith("argument", StringComparison.Ordinal))
        {
            throw new WaveException($"{what}: {e.Message[..e.Message.LastIndexOf(" (at", StringComparison.Ordinal)]}", e.Position);
        }
    }

    private Value Value(ValType type)
    {
        SkipSpace();
        return type switch
        {
            PrimitiveType p => Primitive(p.Kind),
            ListType l => List(l),
            MapType m => Map(m),
            RecordType r => Record(r),
            TupleType t => Tuple(t),
            VariantType v => Case(v.Cases, v),
            EnumType e => Enum(e),
            FlagsType f => Flags(f),
            OptionType o => Option(o),
            ResultType r => Result(r),
            HandleType => throw Error("a handle of a resource cannot be written as text"),
            _ => throw Error($"a value of type {type} cannot be written as text"),
        };
    }

    private Value Primitive(PrimitiveKind kind)
    {
        switch (kind)
        {
            case PrimitiveKind.Bool:
                int start = _at;
                string word = Label("true or false");
                return word switch { "true" => new BoolValue(true), "false" => new BoolValue(false), _ => throw new WaveException($"expected true or false, found `{word}`", start) };
            case PrimitiveKind.S8:
                return Signed(sbyte.MinValue, sbyte.MaxValue, "s8");
            case PrimitiveKind.S16:
                return Signed(short.MinValue, short.MaxValue, "s16");
            case PrimitiveKind.S32:
                return Signed(int.MinValue, int.MaxValue, "s32");
            case PrimitiveKind.S64:
                return Signed(long.MinValue, long.MaxValue, "s64");
            case PrimitiveKind.U8:
                return Unsigned(byte.MaxValue, "u8");
            case PrimitiveKind.U16:
                return Unsigned(ushort.MaxValue, "u16");
            case PrimitiveKind.U32:
                return Unsigned(uint.MaxValue, "u32");
            case PrimitiveKind.U64:
                return Unsigned(ulong.MaxValue, "u64");
            case PrimitiveKind.F32:
                return new Float32Value((float)Float("f32", s => float.Parse(s, CultureInfo.InvariantCulture)));
            case PrimitiveKind.F64:
                return new Float64Value(Float("f64", s => double.Parse(s, CultureInfo.InvariantCulture)));
            case PrimitiveKind.Char:
                return Char();
            case PrimitiveKind.String:
                return new StringValue(String());
            default:
                throw Error($"a value of type {kind} cannot be written as text");
        }
    }

    private SignedValue Signed(long min, long max, string type)
    {
        int start = _at;
        string number = Number(type);
        return long.TryParse(number, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long n) && n >= min && n <= max
            ? new SignedValue(n) : throw new WaveException($"expected {type}, from {min} to {max}, found `{number}`", start);
    }

    private UnsignedValue Unsigned(ulong max, string type)
    {
        int start = _at;
        string number = Number(type);
        return ulong.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out ulong n) && n <= max
            ? new UnsignedValue(n) : throw new WaveException($"expected {type}, from 0 to {max}, found `{number}`", start);
    }

    private double Float(string type, Func<string, double> parse)
    {
        int start = _at;
        foreach ((string word, double value) in ((string, double)[])[("nan", double.NaN), ("inf", double.PositiveInfinity), ("-inf", double.NegativeInfinity)])
        {
            if (!_text.AsSpan(_at).StartsWith(word, StringComparison.Ordinal)) continue;
            _at += word.Length;
            return value;
        }

        string number = Number(type);
        return IsJsonNumber(number) ? parse(number) : throw new WaveException($"expected {type}, found `{number}`", start);
    }

    /// <summary>The grammar of JSON: no leading zeros, digits on both sides of the point.</summary>
    private static bool IsJsonNumber(string s)
    {
        int i = s.StartsWith('-') ? 1 : 0;
        int digits = Digits(s, ref i);
        if (digits == 0 || (digits > 1 && s[i - digits] == '0')) return false;
        if (i < s.Length && s[i] == '.')
        {
            i++;
            if (Digits(s, ref i) == 0) return false;
        }

        if (i < s.Length && s[i] is 'e' or 'E')
        {
            i++;
            if (i < s.Length && s[i] is '+' or '-') i++;
            if (Digits(s, ref i) == 0) return false;
        }

        return i == s.Length;

        static int Digits(string s, ref int i)
        {
            int from = i;
            while (i < s.Length && char.IsAsciiDigit(s[i])) i++;
            return i - from;
        }
    }

    private string Number(string type)
    {
        int start = _at;
        while (_at < _text.Length && (char.IsAsciiLetterOrDigit(_text[_at]) || _text[_at] is '-' or '+' or '.')) _at++;
        return _at > start ? _text[start.._at] : throw Error($"expected a number of type {type}, found {Found()}");
    }

    private CharValue Char()
    {
        Expect('\'', "a char like 'x'");
        int start = _at;
        Rune rune = Character('\'');
        if (_at < _text.Length && _text[_at] == '\'')
        {
            _at++;
            return new CharValue(rune);
        }

        throw new WaveException("a char is one Unicode scalar value between '", start);
    }

    private string String()
    {
        if (_text.AsSpan(_at).StartsWith("\"\"\"\n") || _text.AsSpan(_at).StartsWith("\"\"\"\r\n")) return MultilineString();
        Expect('"', "a string in \"double quotes\"");
        var text = new StringBuilder();
        while (Here('"') != '"') text.Append(Character('"').ToString());
        _at++;
        return text.ToString();
    }

    /// <summary>Lines between """, less the indentation of the closing ones.</summary>
    private string MultilineString()
    {
        int start = _at;
        _at = _text.IndexOf('\n', _at) + 1;
        int end = _text.IndexOf("\"\"\"", _at, StringComparison.Ordinal);
        if (end < 0) throw new WaveException("the string is not closed by \"\"\"", start);
        int first = _at, last = _text.LastIndexOf('\n', end - 1) + 1;
        ReadOnlySpan<char> indent = _text.AsSpan(last, end - last);
        if (indent.ContainsAnyExcept(' ')) throw new WaveException("the closing \"\"\" must stand on a line of its own", end);
        var text = new StringBuilder();
        while (_at < last)
        {
            int from = _at, newline = _text.IndexOf('\n', from);
            int stop = newline > from && _text[newline - 1] == '\r' ? newline - 1 : newline;
            if (stop > from && !_text.AsSpan(from, stop - from).StartsWith(indent)) throw new WaveException("each line must be indented as far as the closing \"\"\"", from);
            if (from > first) text.Append('\n');
            _at = Math.Min(from + indent.Length, stop);
            while (_at < stop) text.Append(Character('\0').ToString());
            _at = newline + 1;
        }

        _at = end + 3;
        return text.ToString();
    }

    private char Here(char closing) => _at < _text.Length ? _text[_at] : throw Error($"expected {closing}, found the end");

    private Rune Character(char closing)
    {
        char c = Here(closing);
        if (c != '\\')
        {
            if (c is '\n' or '\r') throw Error("a line ends inside quotes");
            if (Rune.DecodeFromUtf16(_text.AsSpan(_at), out Rune rune, out int used) != System.Buffers.OperationStatus.Done) throw Error("half of a surrogate pair is not a character");
            _at += used;
            return rune;
        }

        int start = _at++;
        char escape = Here(closing);
        _at++;
        switch (escape)
        {
            case '\\' or '"' or '\'':
                return new Rune(escape);
            case 'n':
                return new Rune('\n');
            case 't':
                return new Rune('\t');
            case 'r':
                return new Rune('\r');
            case 'u':
                int close = _text.IndexOf('}', _at);
                if (_at < _text.Length && _text[_at] == '{' && close > _at && close - _at <= 9
                    && uint.TryParse(_text.AsSpan(_at + 1, close - _at - 1), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out uint code) && Rune.IsValid(code))
                {
                    _at = close + 1;
                    return new Rune(code);
                }

                break;
        }

        throw new WaveException("expected an escape: \\\\ \\\" \\' \\n \\t \\r or \\u{hexadecimal}", start);
    }

    private ListValue List(ListType type)
    {
        int start = _at;
        var items = Sequence('[', ']', "a list in [brackets]", () => Value(type.Element));
        if (type.Length is { } fixedLength && items.Count != fixedLength) throw new WaveException($"expected {fixedLength} items, found {items.Count}", start);
        return new ListValue(items);
    }

    private MapValue Map(MapType type) => new(Sequence('[', ']', "a map as a list of pairs: [(key, value)]", () =>
    {
        Expect('(', "a pair (key, value)");
        Value key = Value(type.Key);
        Expect(',', "the pair's value");
        Value value = Value(type.Value);
        TryTake(',');
        Expect(')', "the pair");
        return KeyValuePair.Create(key, value);
    }));

    private TupleValue Tuple(TupleType type)
    {
        Expect('(', $"a tuple of {type.Types.Length} in (parentheses)");
        var items = new List<Value>();
        for (int i = 0; i < type.Types.Length; i++)
        {
            if (i > 0) Expect(',', "the tuple's next item");
            items.Add(Value(type.Types[i]));
        }

        TryTake(',');
        Expect(')', "the end of the tuple");
        return new TupleValue(items);
    }

    private RecordValue Record(RecordType type)
    {
        int start = _at;
        Expect('{', "a record in {braces}");
        var given = new Dictionary<string, Value>();
        SkipSpace();
        if (TryTake(':'))
        {
            // {:} is the record that leaves out all of its options.
        }
        else
        {
            while (Peek() != '}')
            {
                int at = _at;
                string name = Label("a field's name");
                RecordField field = type.Fields.FirstOrDefault(f => f.Name == name);
                if (field.Name is null) throw new WaveException($"there is no field `{name}`: it has {string.Join(", ", type.Fields.Select(f => f.Name))}", at);
                Expect(':', $"the value of `{name}`");
                if (!given.TryAdd(name, Value(field.Type))) throw new WaveException($"the field `{name}` comes twice", at);
                if (!TryTake(',')) break;
            }
        }

        Expect('}', "the end of the record");
        return new RecordValue([.. type.Fields.Select(f => KeyValuePair.Create(f.Name, given.TryGetValue(f.Name, out Value? v) ? v
            : f.Type is OptionType ? new OptionValue(null) : throw new WaveException($"the field `{f.Name}: {f.Type}` is missing", start)))]);
    }

    private VariantValue Case(IReadOnlyList<VariantCase> cases, ValType type)
    {
        int start = _at;
        string name = Label($"a case of {type}");
        foreach (VariantCase c in cases)
        {
            if (c.Name == name) return new VariantValue(name, Payload(c.Type, name));
        }

        throw new WaveException($"there is no case `{name}`: it has {string.Join(", ", cases.Select(c => c.Name))}", start);
    }

    private EnumValue Enum(EnumType type)
    {
        int start = _at;
        string name = Label($"a case of {type}");
        return type.Names.Contains(name) ? new EnumValue(name) : throw new WaveException($"there is no case `{name}`: it has {string.Join(", ", type.Names)}", start);
    }

    private FlagsValue Flags(FlagsType type) => new(Sequence('{', '}', "flags in {braces}", () =>
    {
        int start = _at;
        string name = Label("a flag");
        return type.Names.Contains(name) ? name : throw new WaveException($"there is no flag `{name}`: it has {string.Join(", ", type.Names)}", start);
    }));

    private OptionValue Option(OptionType type)
    {
        ValType some = type.Element;
        int start = _at;
        if (TryKeyword(out string word))
        {
            if (word == "none") return new OptionValue(null);
            if (word == "some") return new OptionValue(Payload(some, "some"));
            _at = start;
        }

        // Without some( ) around it, unless that could be read in two ways.
        return some is OptionType or ResultType ? throw Error("expected some(…) or none") : new OptionValue(Value(some));
    }

    private ResultValue Result(ResultType type)
    {
        int start = _at;
        if (TryKeyword(out string word))
        {
            if (word == "ok") return new ResultValue(true, Payload(type.Ok, "ok"));
            if (word == "err") return new ResultValue(false, Payload(type.Error, "err"));
            _at = start;
        }

        return type.Ok is { } ok and not (OptionType or ResultType) ? new ResultValue(true, Value(ok)) : throw Error("expected ok(…) or err(…)");
    }

    private Value? Payload(ValType? type, string name)
    {
        if (type is null) return null;
        Expect('(', $"the payload of `{name}`: {type}");
        Value value = Value(type);
        Expect(')', $"the end of `{name}`'s payload");
        return value;
    }

    private List<T> Sequence<T>(char open, char close, string what, Func<T> item)
    {
        Expect(open, what);
        var items = new List<T>();
        while (Peek() != close)
        {
            items.Add(item());
            if (!TryTake(',')) break;
        }

        Expect(close, $"`,` or `{close}`");
        return items;
    }

    /// <summary>A word in kebab-case. One that is also a keyword has a % before it where it is a name.</summary>
    private string Label(string what)
    {
        SkipSpace();
        if (_at < _text.Length && _text[_at] == '%') _at++;
        int start = _at;
        while (_at < _text.Length && (char.IsAsciiLetterOrDigit(_text[_at]) || _text[_at] == '-')) _at++;
        return _at > start && char.IsAsciiLetter(_text[start]) ? _text[start.._at] : throw Error($"expected {what}, found {Found()}");
    }

    private bool TryKeyword(out string word)
    {
        word = "";
        SkipSpace();
        int start = _at;
        if (_at >= _text.Length || !char.IsAsciiLetter(_text[_at])) return false;
        word = Label("a word");
        if (s_keywords.Contains(word)) return true;
        _at = start;
        return false;
    }

    private char Peek()
    {
        SkipSpace();
        return _at < _text.Length ? _text[_at] : '\0';
    }

    private bool TryTake(char c)
    {
        if (Peek() != c) return false;
        _at++;
        return true;
    }

    private void Expect(char c, string what)
    {
        if (!TryTake(c)) throw Error($"expected `{c}` for {what}, found {Found()}");
    }

    private void End()
    {
        SkipSpace();
        if (_at < _text.Length) throw Error($"expected the end, found {Found()}");
    }

    private void SkipSpace()
    {
        while (_at < _text.Length)
        {
            if (char.IsWhiteSpace(_text[_at])) _at++;
            else if (_text.AsSpan(_at).StartsWith("//")) _at = _text.IndexOf('\n', _at) is var end and >= 0 ? end + 1 : _text.Length;
            else break;
        }
    }

    private string Found()
    {
        if (_at >= _text.Length) return "the end";
        int end = Math.Min(_text.Length, _at + 20);
        return $"`{_text[_at..end]}`";
    }

    private WaveException Error(string message) => new(message, _at);
}
