// The first words of a process that was started: one that fails may have very many.
using System.Text;

namespace Mote.Runtime;

/// <summary>Keeps the first lines that it is given, about 4 KiB. Any thread may add.</summary>
public sealed class BoundedText
{
    private const int Limit = 4096;
    private readonly StringBuilder _text = new();

    /// <summary>Adds a line; null, the end of a stream, adds nothing.</summary>
    public void Add(string? line)
    {
        lock (_text)
        {
            if (line is null || _text.Length >= Limit) return;
            if (_text.Length > 0) _text.Append('\n');
            _text.Append(line.AsSpan(0, Math.Min(line.Length, Limit)));
        }
    }

    /// <summary>What was kept.</summary>
    public override string ToString()
    {
        lock (_text) return _text.ToString();
    }
}
