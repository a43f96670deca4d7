// Handles: who owns what, when destructors run, and that nothing is left in the tables.
using Mote.Components;
using Mote.Components.Linking;
using Mote.Components.Resources;

namespace Mote.Bindings.C.Tests;

/// <summary>The resources guest, built once for all tests.</summary>
public sealed class ResourcesGuest : IDisposable
{
    public ResourcesGuest() =>
        Component = GuestBuilder.Build("resources", Path.Combine(Repository.Tests, "wit", "resources"), "resources", Path.Combine(Repository.Tests, "guests", "resources.c"));

    public CompiledComponent Component { get; }

    public void Dispose() => Component?.Dispose();
}

public sealed class ResourceTests : IClassFixture<ResourcesGuest>, IDisposable
{
    private sealed class Thing(string name)
    {
        public string Name { get; set; } = name;

        public uint Value { get; set; }
    }

    private readonly HostResource _thing, _counter, _plug;
    private readonly InstanceTemplate _template;
    private readonly ComponentInstance _instance;
    private int _dropped;

    public ResourceTests(ResourcesGuest guest)
    {
        _thing = new HostResource("thing", (_, _) => _dropped++);
        _counter = new HostResource("counter", (_, _) => _dropped++);
        _plug = new HostResource("plug", (_, _) => _dropped++);
        _template = Linker().Link(guest.Component);
        _instance = _template.Instantiate();
    }

    public void Dispose()
    {
        _instance.Dispose();
        _template.Dispose();
    }

    private ComponentLinker Linker()
    {
        var linker = new ComponentLinker();
        HostInstance things = linker.Instance("test:resources/things").Resource("thing", _thing);
        Define(things, "[constructor]thing", a => Own(_thing, new Thing(Text(a[0]))));
        Define(things, "[method]thing.name", a => Str(It(a[0]).Name));
        Define(things, "[method]thing.rename", a =>
        {
            It(a[0]).Name += "-" + Text(a[1]);
            return null;
        });
        Define(things, "[static]thing.join", a => Str(string.Join("+", ((ListValue)a[0]).Items.Select(i => It(i).Name))));
        Define(things, "[static]thing.open", a => Text(a[0]) is { Length: > 0 } name ? new ResultValue(true, Own(_thing, new Thing(name))) : new ResultValue(false, Str("no name")));
        Define(things, "[static]thing.maybe", a => new OptionValue(Text(a[0]) is { Length: > 0 } name ? Own(_thing, new Thing(name)) : null));
        Define(things, "take", a =>
        {
            string name = It(a[0]).Name;
            ((ResourceValue)a[0]).Handle.Drop();
            return Str(name);
        });
        Define(things, "reverse", a => new ListValue([.. ((ListValue)a[0]).Items.Reverse()]));
        Define(things, "label", a => new RecordValue([((RecordValue)a[0]).Fields[0], new("label", Str("new " + Text(((RecordValue)a[0]).Fields[1].Value)))]));
        HostInstance counters = linker.Instance("test:resources/counters").Resource("counter", _counter);
        Define(counters, "[constructor]counter", a => Own(_counter, new Thing("") { Value = Number(a[0]) }));
        Define(counters, "[method]counter.value", a => new UnsignedValue(It(a[0]).Value));
        Define(counters, "[method]counter.add", a =>
        {
            It(a[0]).Value += Number(a[1]);
            return null;
        });
        Define(counters, "flip", _ => throw new InvalidOperationException("the guest does not call this"));
        linker.Root.Resource("plug", _plug);
        Define(linker.Root, "[constructor]plug", a => Own(_plug, new Thing("") { Value = Number(a[0]) }));
        Define(linker.Root, "[method]plug.volts", a => new UnsignedValue(It(a[0]).Value));
        return linker;
    }

    private static void Define(HostInstance host, string name, Func<Value[], Value?> body) => host.Function(name, new DynamicHostFunction((_, a) => body(a)));

    private static string Text(Value v) => ((StringValue)v).Value;

    private static uint Number(Value v) => (uint)((UnsignedValue)v).Value;

    private static StringValue Str(string text) => new(text);

    private static UnsignedValue U32(uint n) => new(n);

    private static ListValue List(params IEnumerable<Value> items) => new([.. items]);

    private static Thing It(Value handle) => (Thing)((ResourceValue)handle).Handle.Host!;

    private ResourceValue Own(HostResource type, Thing thing) => new(ResourceHandle.FromHost(_instance, type, thing));

    private ResourceValue NewThing(string name) => Own(_thing, new Thing(name));

    private ResourceValue Lend(string name) => new(ResourceHandle.FromHost(_instance, _thing, new Thing(name), owned: false));

    private Value Call(string function, params ReadOnlySpan<Value> arguments) => CallIn("test:resources/api", function, arguments);

    private Value CallIn(string iface, string function, params ReadOnlySpan<Value> arguments)
    {
        Value? result = _instance.GetFunction(iface, function).Call(arguments);
        return result ?? new BoolValue(true);
    }

    [Fact]
    public void Borrows_OfTheHost_AreGivenBack()
    {
        // A borrowed handle that is left at the end of a call traps.
        Assert.Equal(Str("a"), Call("name-of", Lend("a")));
        Assert.Equal(
            List(Str("a"), Str("b"), Str("a+b"), Str("c"), Str("d"), Str("e")),
            Call("names-of", List(Lend("a"), Lend("b")), new OptionValue(Lend("c")), new TupleValue([Lend("d"), U32(1)]), new ResultValue(true, Lend("e"))));
        Assert.Equal(
            List(Str(""), Str("d"), Str("none")),
            Call("names-of", List(), new OptionValue(null), new TupleValue([Lend("d"), U32(1)]), new ResultValue(false, Str("none"))));
        Assert.Equal(0, _instance.LiveHandles);
        Assert.Equal(0, _dropped);
    }

    [Fact]
    public void Owned_HandlesOfTheHost_AreTakenAndGiven()
    {
        Value made = Call("make", Str("x"));
        Assert.Equal("x-made", It(made).Name);
        Assert.Equal(Str("x-made"), Call("consume", made));
        Assert.Equal(1, _dropped);
        Assert.Equal(Str("y"), Call("pass-on", NewThing("y")));
        Assert.Equal(2, _dropped);
        var back = (ListValue)Call("relay", List(NewThing("1"), NewThing("2"), NewThing("3")));
        Assert.Equal(["3", "2", "1"], back.Items.Select(i => It(i).Name));
        Assert.Equal(2, _dropped);
        var labelled = (RecordValue)Call("relabel", new RecordValue([new("it", NewThing("z")), new("label", Str("l"))]));
        Assert.Equal("z", It(labelled.Fields[0].Value).Name);
        Assert.Equal(Str("new l"), labelled.Fields[1].Value);
        Call("drop-all", List(labelled, new RecordValue([new("it", NewThing("w")), new("label", Str(""))])));
        Assert.Equal(4, _dropped);
        Assert.Equal(0, _instance.LiveHandles);
    }

    [Fact]
    public void Owned_HandlesInOptionsAndResults_AreTakenAndGiven()
    {
        Assert.Equal("o", It(((ResultValue)Call("try-open", Str("o"))).Payload!).Name);
        Assert.Equal(new ResultValue(false, Str("no name")), Call("try-open", Str("")));
        Assert.Equal("m", It(((OptionValue)Call("try-maybe", Str("m"))).Some!).Name);
        Assert.Equal(new OptionValue(null), Call("try-maybe", Str("")));
        // With no place for the result, the glue drops it.
        Assert.Equal(new BoolValue(true), Call("ignore", Str("i")));
        Assert.Equal(new BoolValue(false), Call("ignore", Str("")));
        Assert.Equal(1, _dropped);
        Assert.Equal(0, _instance.LiveHandles);
    }

    [Fact]
    public void Resources_OfTheGuest_LiveAsLongAsTheirHandles()
    {
        Value a = Call("[constructor]stack", U32(1)), b = Call("[constructor]stack", U32(10));
        Call("[method]stack.push", a, U32(2));
        Assert.Equal(List(U32(1), U32(2)), Call("[method]stack.items", a));
        Assert.Equal(U32(13 + 3), Call("[static]stack.total", List(a, b), new OptionValue(a)));
        Assert.Equal(U32(0), Call("[static]stack.total", List(), new OptionValue(null)));
        Assert.Equal(new SignedValue(2), Call("live"));
        var merged = (ResultValue)Call("[static]stack.merge", a, b);
        Assert.Equal(List(U32(1), U32(2), U32(10)), Call("[method]stack.items", merged.Payload!));
        ((ResourceValue)b).Handle.Drop();
        Assert.Equal(new SignedValue(1), Call("live"));
        ((ResourceValue)merged.Payload!).Handle.Drop();
        Assert.Equal(new SignedValue(0), Call("live"));
        var stacks = (ListValue)Call("stacks", List(U32(1), U32(2), U32(3)));
        Assert.Equal(new SignedValue(3), Call("live"));
        Assert.Equal(U32(6), Call("sum", stacks));
        Assert.Equal(new SignedValue(0), Call("live"));
        Assert.Equal(0, _instance.LiveHandles);
    }

    [Fact]
    public void Interface_ImportedAndExported_HasTwoResources()
    {
        Value counter = CallIn("test:resources/counters", "[constructor]counter", U32(5));
        CallIn("test:resources/counters", "[method]counter.add", counter, U32(10));
        Assert.Equal(U32(25), CallIn("test:resources/counters", "[method]counter.value", counter));
        Assert.Equal(U32(25), Call("of-counter", counter));
        var pair = new RecordValue([new("a", counter), new("text", Str("p"))]);
        var plain = new RecordValue([new("n", U32(7)), new("text", Str("q"))]);
        var flipped = (TupleValue)CallIn("test:resources/counters", "flip", pair, plain);
        Assert.Equal(new RecordValue([new("n", U32(7)), new("text", Str("p"))]), flipped.Items[0]);
        Assert.Equal(Str("q"), ((RecordValue)flipped.Items[1]).Fields[1].Value);
        counter = ((RecordValue)flipped.Items[1]).Fields[0].Value;
        Assert.Equal(U32(27), Call("of-counter", counter));
        // The guest's destructor drops the host's counter.
        ((ResourceValue)counter).Handle.Drop();
        Assert.Equal(1, _dropped);
        Assert.Equal(0, _instance.LiveHandles);
    }

    [Fact]
    public void Resource_OfTheWorld_IsImported()
    {
        var plugs = (ListValue)_instance.GetFunction("plugs").Call(List(U32(110), U32(230)))!;
        Assert.Equal([110u, 230u], plugs.Items.Select(p => It(p).Value));
        Assert.Equal(U32(340), _instance.GetFunction("volts").Call(plugs));
        Assert.Equal(0, _instance.LiveHandles);
    }

    [Fact]
    public void Call_TenThousandTimes_LeavesMemoryAndHandlesAsTheyWere()
    {
        Once();
        long before = _instance.MemoryBytes;
        for (int i = 0; i < 10_000; i++) Once();
        Assert.Equal(before, _instance.MemoryBytes);
        Assert.Equal(0, _instance.LiveHandles);
        Assert.Equal(new SignedValue(0), Call("live"));

        void Once()
        {
            Call("names-of", List(Lend("a"), Lend("b")), new OptionValue(Lend("c")), new TupleValue([Lend("d"), U32(1)]), new ResultValue(true, Lend("e")));
            Call("drop-all", List(new RecordValue([new("it", NewThing("w")), new("label", Str("label"))])));
            Call("relay", List(NewThing("1"), NewThing("2")));
            Call("ignore", Str("i"));
            Call("sum", Call("stacks", List(U32(1), U32(2))));
        }
    }
}
