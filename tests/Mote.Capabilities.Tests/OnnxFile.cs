// Small models, written as ONNX files say it (onnx.proto of github.com/onnx/onnx): so that tests need no file from elsewhere.
using System.Text;

namespace Mote.Capabilities.Tests;

/// <summary>The element types of ONNX that tests use, by their numbers in the format.</summary>
internal enum OnnxType
{
    Float = 1,
    UInt8 = 2,
    Int32 = 6,
    Int64 = 7,
    Bool = 9,
    Float16 = 10,
    Double = 11,
    BFloat16 = 16,
}

/// <summary>Writes models.</summary>
internal static class OnnxFile
{
    /// <summary>One operator on one input, x, that gives y; a dimension of -1 is any.</summary>
    public static byte[] Of(string op, OnnxType input, long[] inputShape, OnnxType output, long[] outputShape) =>
        Model(Node(op, ["x"], ["y"]), [Value("x", input, inputShape)], [Value("y", output, outputShape)]);

    /// <summary>y = a + b.</summary>
    public static byte[] Add(OnnxType type, params long[] shape) =>
        Model(Node("Add", ["a", "b"], ["y"]), [Value("a", type, shape), Value("b", type, shape)], [Value("y", type, shape)]);

    /// <summary>Adds x to itself as often as n says: a model that may take as long as it likes.</summary>
    public static byte[] Loop()
    {
        byte[] body = Graph(
            Join(Node("Identity", ["going"], ["go-on"]), Node("Add", ["state", "state"], ["next"])),
            [Value("i", OnnxType.Int64, []), Value("going", OnnxType.Bool, []), Value("state", OnnxType.Float, [-1])],
            [Value("go-on", OnnxType.Bool, []), Value("next", OnnxType.Float, [-1])]);
        byte[] attribute = Join(Text(1, "body"), Field(6, body), Number(20, 5));
        return Model(Node("Loop", ["n", "", "x"], ["y"], attribute), [Value("n", OnnxType.Int64, []), Value("x", OnnxType.Float, [-1])], [Value("y", OnnxType.Float, [-1])]);
    }

    /// <summary>A graph in a graph in a graph.</summary>
    public static byte[] Nested(int depth)
    {
        byte[] inner = [];
        for (int i = 0; i < depth; i++) inner = Field(1, Join(Text(4, "If"), Field(5, Join(Text(1, "then_branch"), Field(6, inner)))));
        return Model(inner, [], []);
    }

    /// <summary>y = x + a constant of these dimensions with these bytes, which need not be as many as it says.</summary>
    public static byte[] WithInitializer(long[] shape, byte[] data)
    {
        byte[] tensor = Join(Join([.. shape.Select(d => Number(1, d))]), Number(2, (long)OnnxType.Float), Text(8, "c"), Field(9, data));
        return Model(Join(Node("Add", ["x", "c"], ["y"]), Field(5, tensor)), [Value("x", OnnxType.Float, [1])], [Value("y", OnnxType.Float, [-1])]);
    }

    /// <summary>y = x + a constant that is in another file.</summary>
    public static byte[] WithWeightsBeside(string file)
    {
        byte[] tensor = Join(Number(1, 1), Number(2, (long)OnnxType.Float), Text(8, "c"), Field(13, Join(Text(1, "location"), Text(2, file))), Number(14, 1));
        return Model(Join(Node("Add", ["x", "c"], ["y"]), Field(5, tensor)), [Value("x", OnnxType.Float, [1])], [Value("y", OnnxType.Float, [1])]);
    }

    /// <summary>Very many operators that do nothing, one after the other.</summary>
    public static byte[] ManyNodes(int count) => Model(
        Join([.. Enumerable.Range(0, count).Select(i => Node("Identity", [$"n{i}"], [$"n{i + 1}"]))]),
        [Value("n0", OnnxType.Float, [1])],
        [Value($"n{count}", OnnxType.Float, [1])]);

    private static byte[] Model(byte[] nodes, byte[][] inputs, byte[][] outputs) =>
        Join(Number(1, 9), Field(8, Join(Text(1, ""), Number(2, 17))), Field(7, Graph(nodes, inputs, outputs)));

    private static byte[] Graph(byte[] nodes, byte[][] inputs, byte[][] outputs) =>
        Join(nodes, Text(2, "g"), Join([.. inputs.Select(i => Field(11, i))]), Join([.. outputs.Select(o => Field(12, o))]));

    private static byte[] Node(string op, string[] inputs, string[] outputs, byte[]? attribute = null) => Field(1, Join(
        Join([.. inputs.Select(i => Text(1, i))]), Join([.. outputs.Select(o => Text(2, o))]), Text(4, op), attribute is null ? [] : Field(5, attribute)));

    private static byte[] Value(string name, OnnxType type, long[] shape)
    {
        byte[] dimensions = Join([.. shape.Select((d, i) => Field(1, d < 0 ? Text(2, $"d{i}") : Number(1, d)))]);
        return Join(Text(1, name), Field(2, Field(1, Join(Number(1, (long)type), Field(2, dimensions)))));
    }

    private static byte[] Text(int field, string text) => Field(field, Encoding.UTF8.GetBytes(text));

    private static byte[] Field(int field, byte[] bytes) => Join(Varint(((ulong)field << 3) | 2), Varint((ulong)bytes.Length), bytes);

    private static byte[] Number(int field, long number) => Join(Varint((ulong)field << 3), Varint((ulong)number));

    private static byte[] Varint(ulong n)
    {
        var bytes = new List<byte>();
        for (; n >= 0x80; n >>= 7) bytes.Add((byte)(n | 0x80));
        bytes.Add((byte)n);
        return [.. bytes];
    }

    private static byte[] Join(params byte[][] parts)
    {
        using var all = new MemoryStream();
        foreach (byte[] part in parts) all.Write(part);
        return all.ToArray();
    }
}
