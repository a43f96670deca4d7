// A microVM whose guest does what the test says.
using System.Text;
using Mote.Components;
using Mote.Components.Linking;
using Mote.Runtime;

namespace Mote.Capabilities.Tests;

/// <summary>Calls the interfaces of a capability set as a guest. Values are made by the static methods.</summary>
internal sealed class Guest : IDisposable
{
    private static readonly Lazy<RuntimeEngine> s_engine = new(() => new RuntimeEngine(new RuntimeOptions { Profile = ProfileKind.SmallDevice }));
    private readonly Forwarder _forwarder;
    private readonly CompiledComponent _compiled;
    private readonly InstanceTemplate _template;

    private Guest(Forwarder forwarder, CompiledComponent compiled, InstanceTemplate template, MicroVm vm)
    {
        _forwarder = forwarder;
        _compiled = compiled;
        _template = template;
        Vm = vm;
    }

    public static RuntimeEngine Engine => s_engine.Value;

    public MicroVm Vm { get; }

    /// <summary>What it was refused.</summary>
    public IEnumerable<string> Denials => Vm.Component.Denials.All.Select(d => d.Key.ToString());

    /// <summary>Starts a guest that imports these interfaces.</summary>
    public static Guest Start(CapabilitySet capabilities, AppComponent component, params ReadOnlySpan<string> interfaces) => Start(capabilities, component, Forwarder.Of(interfaces));

    public static Guest Start(CapabilitySet capabilities, AppComponent component, Forwarder forwarder)
    {
        CompiledComponent compiled = Engine.Compile(forwarder.Wasm);
        InstanceTemplate template = capabilities.Linker.Link(compiled);
        return new Guest(forwarder, compiled, template, MicroVm.Create(template, component, Engine, capabilities.Slots));
    }

    public static AppComponent App(Grants? grants = null, MicroVmLimits? limits = null) => new("app", "guest", grants ?? Grants.None, limits ?? new MicroVmLimits { MemoryBytes = 1L << 30, Time = TimeSpan.FromMinutes(1) });

    /// <summary>Calls a function; the result is null where it has none.</summary>
    public Value? Call(string iface, string function, params Value[] arguments) =>
        Vm.Call((_forwarder.Exports[(iface, function)], arguments), static (instance, s) => instance.GetFunction(s.Item1).Call(s.arguments));

    /// <summary>Calls a function that gives an ok, and gives what is in it.</summary>
    public Value? Ok(string iface, string function, params Value[] arguments)
    {
        var result = (ResultValue)Call(iface, function, arguments)!;
        Assert.True(result.IsOk, $"{function} failed: {Show(result)}");
        return result.Payload;
    }

    public void Dispose()
    {
        Vm.Dispose();
        _template.Dispose();
        _compiled.Dispose();
    }

    public static Value S(string text) => new StringValue(text);

    public static Value U(ulong number) => new UnsignedValue(number);

    public static Value I(long number) => new SignedValue(number);

    public static Value Bytes(params byte[] bytes) => new ListValue([.. bytes.Select(b => new UnsignedValue(b))]);

    public static Value Text(string text) => Bytes(Encoding.UTF8.GetBytes(text));

    public static Value List(params Value[] items) => new ListValue(items);

    public static Value Pair(Value a, Value b) => new TupleValue([a, b]);

    public static Value Some(Value value) => new OptionValue(value);

    public static Value None { get; } = new OptionValue((Value?)null);

    /// <summary>Bytes of a list of u8.</summary>
    public static byte[] BytesOf(Value? list) => [.. ((ListValue)list!).Items.Select(i => (byte)((UnsignedValue)i).Value)];

    public static string TextOf(Value? list) => Encoding.UTF8.GetString(BytesOf(list));

    /// <summary>A value as text, like WAVE; bytes that are text are shown as 'text'.</summary>
    public static string Show(Value? value) => value switch
    {
        null => "",
        BoolValue b => b.Value ? "true" : "false",
        SignedValue n => n.Value.ToString(System.Globalization.CultureInfo.InvariantCulture),
        UnsignedValue n => n.Value.ToString(System.Globalization.CultureInfo.InvariantCulture),
        StringValue s => $"\"{s.Value}\"",
        ListValue { Items: { Count: > 0 } items } when items.All(i => i is UnsignedValue { Value: >= 32 and < 127 }) => $"'{TextOf(value)}'",
        ListValue l => $"[{string.Join(", ", l.Items.Select(Show))}]",
        TupleValue t => $"({string.Join(", ", t.Items.Select(Show))})",
        RecordValue r => $"{{{string.Join(", ", r.Fields.Select(f => $"{f.Key}: {Show(f.Value)}"))}}}",
        VariantValue v => v.Payload is null ? v.Case : $"{v.Case}({Show(v.Payload)})",
        EnumValue e => e.Case,
        OptionValue o => o.Some is null ? "none" : $"some({Show(o.Some)})",
        ResultValue r => $"{(r.IsOk ? "ok" : "err")}{(r.Payload is null ? "" : $"({Show(r.Payload)})")}",
        ResourceValue r => $"<{r.Handle.Type.Name}>",
        _ => value.ToString()!,
    };
}
