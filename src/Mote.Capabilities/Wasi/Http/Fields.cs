// Headers and trailers: names without regard to case, values as bytes, in their order; and which a guest may set.
using System.Buffers;
using System.Text;
using Mote.Components;
using Mote.Runtime;
using Mote.Wasmtime;

namespace Mote.Capabilities.Wasi.Http;

/// <summary>Headers or trailers. What a guest has put into them counts for its microVM until the last who has them lets go.</summary>
public sealed class Fields : IHttpTypes.IFields, IDisposable
{
    /// <summary>Most fields of one set.</summary>
    public const int MaxCount = 1000;

    /// <summary>Most bytes of one set: names and values.</summary>
    public const int MaxBytes = 128 * 1024;

    private static readonly SearchValues<char> s_token = SearchValues.Create("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
    private static readonly SearchValues<byte> s_notInValues = SearchValues.Create("\0\r\n"u8);

    /// <summary>What only the host may set: they are about the connection, or say where a request goes.</summary>
    private static readonly HashSet<string> s_forbidden = new(StringComparer.OrdinalIgnoreCase)
    {
        "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "transfer-encoding", "upgrade", "host", "http2-settings",
    };

    /// <summary>What an entry costs beside its bytes.</summary>
    private const int PerEntry = 64;

    private readonly List<(string Name, ReadOnlyMemory<byte> Value)> _entries;
    private MicroVm? _vm;
    private int _bytes;
    private long _held;
    private int _owners = 1;

    /// <summary>None yet, to be filled.</summary>
    public Fields()
        : this([], null)
    {
    }

    /// <summary>A guest's own.</summary>
    internal Fields(MicroVm vm)
        : this([], vm)
    {
    }

    private Fields(List<(string Name, ReadOnlyMemory<byte> Value)> entries, MicroVm? vm)
    {
        _entries = entries;
        _vm = vm;
    }

    /// <summary>True once they belong to a request or a response.</summary>
    public bool IsImmutable { get; private set; }

    /// <summary>How many there are.</summary>
    public int Count => _entries.Count;

    /// <summary>Their names and values, in order.</summary>
    public IReadOnlyList<(string Name, ReadOnlyMemory<byte> Value)> All => _entries;

    /// <summary>True where only the host may set a field of this name.</summary>
    public static bool IsForbidden(string name) => s_forbidden.Contains(name);

    /// <summary>Names and values of a guest.</summary>
    internal static Result<IHttpTypes.IFields, IHttpTypes.HeaderError> FromList(MicroVm vm, ReadOnlySpan<(string, ReadOnlyMemory<byte>)> entries)
    {
        var fields = new Fields(new List<(string, ReadOnlyMemory<byte>)>(Math.Min(entries.Length, MaxCount)), vm);
        foreach ((string name, ReadOnlyMemory<byte> value) in entries)
        {
            if (Fault(name, value.Span) is { } fault)
            {
                fields.Dispose();
                return fault;
            }

            fields.Put(name, value);
        }

        return fields;
    }

    /// <summary>Adds a field that came from outside; one that is only the host's is left out.</summary>
    public void AddReceived(string name, ReadOnlyMemory<byte> value)
    {
        if (!IsForbidden(name)) _entries.Add((name, value));
    }

    /// <summary>Nothing can be changed any more.</summary>
    public Fields Freeze()
    {
        IsImmutable = true;
        return this;
    }

    /// <summary>These were received, and go into a guest's hands.</summary>
    internal Fields For(MicroVm? vm)
    {
        _vm = vm;
        return this;
    }

    /// <summary>Another handle to these.</summary>
    internal Fields Shared()
    {
        _owners++;
        return this;
    }

    /// <summary>One who had them has let go.</summary>
    public void Dispose()
    {
        if (--_owners == 0) Hold(-_held);
    }

    private void Hold(long bytes)
    {
        _vm?.Hold(bytes);
        _held += bytes;
    }

    /// <summary>The first value of a name, as text; null where there is none.</summary>
    public string? Text(string name)
    {
        foreach ((string n, ReadOnlyMemory<byte> value) in _entries)
        {
            if (Same(n, name)) return Encoding.Latin1.GetString(value.Span);
        }

        return null;
    }

    /// <inheritdoc/>
    public ReadOnlyMemory<byte>[] Get(string name)
    {
        int count = 0;
        foreach ((string n, _) in _entries) count += Same(n, name) ? 1 : 0;
        if (count == 0) return [];
        var values = new ReadOnlyMemory<byte>[count];
        int i = 0;
        foreach ((string n, ReadOnlyMemory<byte> value) in _entries)
        {
            if (Same(n, name)) values[i++] = value;
        }

        return values;
    }

    /// <inheritdoc/>
    public bool Has(string name)
    {
        foreach ((string n, _) in _entries)
        {
            if (Same(n, name)) return true;
        }

        return false;
    }

    /// <inheritdoc/>
    public Result<Unit, IHttpTypes.HeaderError> Set(string name, ReadOnlyMemory<byte>[] value)
    {
        if (IsImmutable) return IHttpTypes.HeaderError.Immutable.Instance;
        if (Fault(name, default) is { } bad) return bad;
        foreach (ReadOnlyMemory<byte> v in value)
        {
            if (Fault(name, v.Span) is { } fault) return fault;
        }

        Remove(name);
        foreach (ReadOnlyMemory<byte> v in value) Put(name, v);
        return default(Unit);
    }

    /// <inheritdoc/>
    public Result<Unit, IHttpTypes.HeaderError> Delete(string name)
    {
        if (IsImmutable) return IHttpTypes.HeaderError.Immutable.Instance;
        if (Fault(name, default) is { } fault) return fault;
        Remove(name);
        return default(Unit);
    }

    /// <inheritdoc/>
    public Result<Unit, IHttpTypes.HeaderError> Append(string name, ReadOnlySpan<byte> value)
    {
        if (IsImmutable) return IHttpTypes.HeaderError.Immutable.Instance;
        if (Fault(name, value) is { } fault) return fault;
        Put(name, value.ToArray());
        return default(Unit);
    }

    /// <inheritdoc/>
    public (string, ReadOnlyMemory<byte>)[] Entries() => [.. _entries];

    /// <inheritdoc/>
    public IHttpTypes.IFields Clone()
    {
        var copy = new Fields([.. _entries], _vm) { _bytes = _bytes };
        copy.Hold(_entries.Sum(e => (long)SizeOf(e.Name, e.Value)));
        return copy;
    }

    private static int SizeOf(string name, ReadOnlyMemory<byte> value) => PerEntry + name.Length + value.Length;

    private static bool Same(string a, string b) => string.Equals(a, b, StringComparison.OrdinalIgnoreCase);

    /// <summary>What is wrong with a field (RFC 9110, 5.1 and 5.5); null where nothing is.</summary>
    private static IHttpTypes.HeaderError? Fault(string name, ReadOnlySpan<byte> value)
    {
        if (name.Length == 0 || name.AsSpan().ContainsAnyExcept(s_token) || value.ContainsAny(s_notInValues)) return IHttpTypes.HeaderError.InvalidSyntax.Instance;
        return IsForbidden(name) ? IHttpTypes.HeaderError.Forbidden.Instance : null;
    }

    /// <summary>The interface has no error for too many: what a guest does here without end is the host's memory, so it traps.</summary>
    private void Put(string name, ReadOnlyMemory<byte> value)
    {
        long bytes = (long)_bytes + name.Length + value.Length;
        if (_entries.Count >= MaxCount || bytes > MaxBytes) throw new TrapException($"a set of headers or trailers has at most {MaxCount} fields and {MaxBytes} bytes");
        Hold(SizeOf(name, value));
        _bytes = (int)bytes;
        _entries.Add((name, value));
    }

    private void Remove(string name)
    {
        for (int i = _entries.Count - 1; i >= 0; i--)
        {
            if (!Same(_entries[i].Name, name)) continue;
            _bytes -= _entries[i].Name.Length + _entries[i].Value.Length;
            Hold(-SizeOf(_entries[i].Name, _entries[i].Value));
            _entries.RemoveAt(i);
        }
    }
}
