// Copies instructions of core wasm with the indices in them changed: what a module's code needs to become part of another.
namespace Mote.Components.Binary;

/// <summary>What it came across is none of the instructions whose immediates it knows.</summary>
internal sealed class NotRewritableException(string what) : Exception(what);

/// <summary>Where the items of one module are in the module that it becomes part of.</summary>
internal sealed class IndexMap
{
    public List<uint> Functions { get; } = [];

    public List<uint> Tables { get; } = [];

    public List<uint> Memories { get; } = [];

    public List<uint> Globals { get; } = [];

    public List<uint> Tags { get; } = [];

    /// <summary>Functions that code takes references of, by their new indices.</summary>
    public HashSet<uint> Referenced { get; } = [];

    /// <summary>Added to indices of types, element segments and data segments.</summary>
    public uint TypeBase { get; set; }

    public uint ElementBase { get; set; }

    public uint DataBase { get; set; }
}

/// <summary>Rewrites expressions. All that holds no index is copied as it is, in runs.</summary>
internal ref struct CoreRewriter(ReadOnlySpan<byte> bytes, IndexMap map, WasmWriter writer)
{
    private readonly ReadOnlySpan<byte> _bytes = bytes;
    private readonly IndexMap _map = map;
    private readonly WasmWriter _writer = writer;
    private WasmReader _in = new(bytes, 0);
    private int _copied;

    /// <summary>A function body: its locals and its code.</summary>
    /// <exception cref="NotRewritableException">It has an instruction or a type that is not known here.</exception>
    public static void Body(ReadOnlySpan<byte> body, IndexMap map, WasmWriter writer)
    {
        var rewriter = new CoreRewriter(body, map, writer);
        for (uint n = rewriter._in.U32("locals"); n > 0; n--)
        {
            rewriter._in.U32("a count of locals");
            rewriter.ValType();
        }

        rewriter.Expression(constant: false);
        if (!rewriter._in.AtEnd) throw new NotRewritableException("bytes after the end of a function");
    }

    /// <summary>A constant expression at the front of <paramref name="bytes"/>.</summary>
    /// <returns>Its length.</returns>
    /// <exception cref="NotRewritableException">It reads a global: only imported ones may be read there, and those of a merged module no longer are.</exception>
    public static int Constant(ReadOnlySpan<byte> bytes, IndexMap map, WasmWriter writer)
    {
        var rewriter = new CoreRewriter(bytes, map, writer);
        rewriter.Expression(constant: true);
        return rewriter._in.Position;
    }

    /// <summary>A value type without an index in it.</summary>
    public static bool IsSimpleValType(byte b) => b is (>= 0x7b and <= 0x7f) or (>= 0x69 and <= 0x74);

    private void Expression(bool constant)
    {
        int depth = 1;
        while (depth > 0)
        {
            byte op = _in.Byte("an instruction");
            switch (op)
            {
                case 0x02 or 0x03 or 0x04: // block, loop, if
                    BlockType();
                    depth++;
                    break;
                case 0x1f: // try_table
                    BlockType();
                    for (uint n = _in.U32("catch clauses"); n > 0; n--)
                    {
                        byte kind = _in.Byte("a catch clause");
                        if (kind > 3) throw new NotRewritableException($"catch clause 0x{kind:x2}");
                        if (kind < 2) Index(_map.Tags);
                        _in.U32("a label");
                    }

                    depth++;
                    break;
                case 0x0b: // end
                    depth--;
                    break;
                case 0x00 or 0x01 or 0x05 or 0x0a or 0x0f or 0x1a or 0x1b or 0xd1: // no immediates
                case >= 0x45 and <= 0xc4:
                    break;
                case 0x08: // throw
                    Index(_map.Tags);
                    break;
                case 0x0c or 0x0d: // br, br_if
                case >= 0x20 and <= 0x22: // locals
                    _in.U32("an index");
                    break;
                case 0x0e: // br_table
                    for (uint n = _in.U32("labels"); n > 0; n--) _in.U32("a label");
                    _in.U32("a label");
                    break;
                case 0x10 or 0x12: // call, return_call
                    Index(_map.Functions);
                    break;
                case 0xd2: // ref.func
                    _map.Referenced.Add(Index(_map.Functions));
                    break;
                case 0x11 or 0x13: // call_indirect, return_call_indirect
                    Index(_map.TypeBase);
                    Index(_map.Tables);
                    break;
                case 0x1c: // select with types
                    for (uint n = _in.U32("types"); n > 0; n--) ValType();
                    break;
                case 0x23 or 0x24: // global.get, global.set
                    if (constant) throw new NotRewritableException("a constant expression that reads a global");
                    Index(_map.Globals);
                    break;
                case 0x25 or 0x26: // table.get, table.set
                    Index(_map.Tables);
                    break;
                case >= 0x28 and <= 0x3e: // loads and stores
                    MemArg();
                    break;
                case 0x3f or 0x40: // memory.size, memory.grow
                    Index(_map.Memories);
                    break;
                case 0x41 or 0x42: // i32.const, i64.const
                    while ((_in.Byte("a constant") & 0x80) != 0)
                    {
                    }

                    break;
                case 0x43: // f32.const
                    _in.Bytes(4, "an f32");
                    break;
                case 0x44: // f64.const
                    _in.Bytes(8, "an f64");
                    break;
                case 0xd0: // ref.null
                    ValType();
                    break;
                case 0xfc:
                    Prefixed(_in.U32("an opcode"));
                    break;
                case 0xfd:
                    Vector(_in.U32("a vector opcode"));
                    break;
                default:
                    throw new NotRewritableException($"instruction 0x{op:x2}");
            }
        }

        Flush(_in.Position);
    }

    private void Prefixed(uint op)
    {
        switch (op)
        {
            case <= 7: // saturating truncations
            case >= 19 and <= 22: // wide arithmetic
                break;
            case 8: // memory.init
                Index(_map.DataBase);
                Index(_map.Memories);
                break;
            case 9: // data.drop
                Index(_map.DataBase);
                break;
            case 10: // memory.copy
                Index(_map.Memories);
                Index(_map.Memories);
                break;
            case 11: // memory.fill
                Index(_map.Memories);
                break;
            case 12: // table.init
                Index(_map.ElementBase);
                Index(_map.Tables);
                break;
            case 13: // elem.drop
                Index(_map.ElementBase);
                break;
            case 14: // table.copy
                Index(_map.Tables);
                Index(_map.Tables);
                break;
            case >= 15 and <= 17: // table.grow, table.size, table.fill
                Index(_map.Tables);
                break;
            default:
                throw new NotRewritableException($"instruction 0xfc 0x{op:x}");
        }
    }

    private void Vector(uint op)
    {
        switch (op)
        {
            case <= 11 or 92 or 93: // loads and the store
                MemArg();
                break;
            case 12 or 13: // v128.const, i8x16.shuffle
                _in.Bytes(16, "a vector");
                break;
            case >= 21 and <= 34: // lanes
                _in.Byte("a lane");
                break;
            case >= 84 and <= 91: // loads and stores of a lane
                MemArg();
                _in.Byte("a lane");
                break;
            case <= 0x113: // the rest, relaxed ones included
                break;
            default:
                throw new NotRewritableException($"instruction 0xfd 0x{op:x}");
        }
    }

    private void MemArg()
    {
        int at = _in.Position;
        uint align = _in.U32("an alignment");
        uint memory = (align & 0x40) != 0 ? _in.U32("a memory") : 0;
        uint mapped = At(_map.Memories, memory);
        if (mapped != memory)
        {
            Flush(at);
            _writer.U32(mapped == 0 ? align & ~0x40u : align | 0x40);
            if (mapped != 0) _writer.U32(mapped);
            _copied = _in.Position;
        }

        _in.U64("an offset");
    }

    private void BlockType()
    {
        int at = _in.Position;
        byte first = _in.Peek("a block type");
        if (first == 0x40 || IsSimpleValType(first))
        {
            _in.Byte("a block type");
            return;
        }

        long type = _in.S33("a block type");
        if (type < 0) throw new NotRewritableException($"block type 0x{first:x2}");
        Flush(at);
        // A signed LEB128: one more group where the last one's sign bit would be set.
        long value = type + _map.TypeBase;
        for (; value >= 0x40; value >>= 7) _writer.Byte((byte)(value | 0x80));
        _writer.Byte((byte)value);
        _copied = _in.Position;
    }

    private void ValType()
    {
        byte b = _in.Byte("a type");
        if (!IsSimpleValType(b)) throw new NotRewritableException($"type 0x{b:x2}");
    }

    private uint Index(List<uint> space)
    {
        int at = _in.Position;
        uint index = _in.U32("an index"), mapped = At(space, index);
        Replace(at, index, mapped);
        return mapped;
    }

    private void Index(uint offset)
    {
        int at = _in.Position;
        uint index = _in.U32("an index");
        Replace(at, index, index + offset);
    }

    private void Replace(int at, uint index, uint mapped)
    {
        if (mapped == index) return;
        Flush(at);
        _writer.U32(mapped);
        _copied = _in.Position;
    }

    private void Flush(int until)
    {
        _writer.Raw(_bytes[_copied..until]);
        _copied = until;
    }

    private static uint At(List<uint> space, uint index) =>
        index < space.Count ? space[(int)index] : throw new NotRewritableException($"index {index} of {space.Count}");
}
