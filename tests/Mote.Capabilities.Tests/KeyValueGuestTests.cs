// wasi:keyvalue as a guest meets it, in both drafts.
using Mote.Capabilities.KeyValue;
using Mote.Components;
using Mote.Runtime;
using static Mote.Capabilities.Tests.Guest;

namespace Mote.Capabilities.Tests;

public sealed class KeyValueGuestTests : IDisposable
{
    private const string Store1 = "wasi:keyvalue/store@0.2.0-draft", Atomics1 = "wasi:keyvalue/atomics@0.2.0-draft", Batch1 = "wasi:keyvalue/batch@0.2.0-draft";
    private const string Store2 = "wasi:keyvalue/store@0.2.0-draft2", Atomics2 = "wasi:keyvalue/atomics@0.2.0-draft2", Batch2 = "wasi:keyvalue/batch@0.2.0-draft2";

    private readonly MemoryKeyValue _backend = new();
    private readonly Guest _guest;

    public KeyValueGuestTests() => _guest = Start(_backend, "default", "other");

    public void Dispose() => _guest.Dispose();

    private static Guest Start(IKeyValueBackend backend, params string[] granted) =>
        Guest.Start(new CapabilitySet(new KeyValueCapability(backend)), App(new Grants { KeyValue = granted }), Store1, Atomics1, Batch1, Store2, Atomics2, Batch2);

    [Theory]
    [InlineData(Store1)]
    [InlineData(Store2)]
    public void Bucket_KeepsValues(string store)
    {
        Value bucket = _guest.Ok(store, "open", S("default"))!;
        string Show(string function, params Value[] arguments) => Guest.Show(_guest.Call(store, $"[method]bucket.{function}", [bucket, .. arguments]));
        Assert.Equal("ok(none)", Show("get", S("a")));
        Assert.Equal("ok(false)", Show("exists", S("a")));
        Assert.Equal("ok", Show("set", S("a"), Text("one")));
        Assert.Equal("ok(some('one'))", Show("get", S("a")));
        Assert.Equal("ok", Show("set", S("a"), Text("two")));
        Assert.Equal("ok(some('two'))", Show("get", S("a")));
        Assert.Equal("ok(true)", Show("exists", S("a")));
        Assert.Equal("ok", Show("set", S("empty"), Bytes()));
        Assert.Equal("ok(some([]))", Show("get", S("empty")));
        Assert.Equal("ok({keys: [\"a\", \"empty\"], cursor: none})", Show("list-keys", None));
        Assert.Equal("ok", Show("delete", S("a")));
        Assert.Equal("ok", Show("delete", S("a")));
        Assert.Equal("ok(none)", Show("get", S("a")));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void StoreElsewhere_TakesFromTheEgressBudget_AndOneOnTheNodeDoesNot(bool elsewhere)
    {
        var component = new AppComponent("app", "guest", new Grants { KeyValue = ["default"] }, new MicroVmLimits { Egress = new EgressBudget(1000, TimeSpan.FromDays(1)) });
        using Guest guest = Guest.Start(new CapabilitySet(new KeyValueCapability(new MemoryKeyValue { IsElsewhere = elsewhere })), component, Store2, Atomics2, Batch2);
        Value bucket = guest.Ok(Store2, "open", S("default"))!;
        string Set(int bytes) => Guest.Show(guest.Call(Store2, "[method]bucket.set", bucket, S("k"), Text(new string('x', bytes))));
        Assert.Equal("ok", Set(900));
        string over = Set(200), key = Guest.Show(guest.Call(Store2, "[method]bucket.get", bucket, S(new string('k', 200)))), sum = Guest.Show(guest.Call(Store2, "[method]bucket.get", bucket, S("k")));
        if (elsewhere)
        {
            Assert.Contains("more than the component may send", over, StringComparison.Ordinal);
            Assert.Contains("more than the component may send", key, StringComparison.Ordinal); // a key could carry anything
            Assert.Contains("egress", Assert.Single(component.Denials.All).Key.ToString(), StringComparison.Ordinal);
        }
        else
        {
            Assert.Equal(("ok", "ok(none)"), (over, key));
        }

        Assert.Equal(elsewhere ? $"ok(some('{new string('x', 900)}'))" : $"ok(some('{new string('x', 200)}'))", sum);
    }

    [Theory]
    [InlineData(Store1)]
    [InlineData(Store2)]
    public void Buckets_OfDifferentNamesAndApps_AreApart(string store)
    {
        Value bucket = _guest.Ok(store, "open", S("default"))!, other = _guest.Ok(store, "open", S("other"))!;
        _guest.Ok(store, "[method]bucket.set", bucket, S("a"), Text("mine"));
        Assert.Equal("ok(none)", Show(_guest.Call(store, "[method]bucket.get", other, S("a"))));
        var stranger = new AppComponent("another-app", "guest", new Grants { KeyValue = ["default"] }, new MicroVmLimits());
        using Guest theirs = Guest.Start(new CapabilitySet(new KeyValueCapability(_backend)), stranger, store);
        Assert.Equal("ok(none)", Show(theirs.Call(store, "[method]bucket.get", theirs.Ok(store, "open", S("default"))!, S("a"))));
    }

    [Theory]
    [InlineData(Store1)]
    [InlineData(Store2)]
    public void Open_WhatIsNotGranted_IsDeniedWithTheLineThatAllowsIt(string store)
    {
        Assert.Equal("err(access-denied)", Show(_guest.Call(store, "open", S("secrets"))));
        Assert.Equal("err(access-denied)", Show(_guest.Call(store, "open", S(""))));
        Assert.Contains(_guest.Denials, d => d.EndsWith("put under [component.guest.grants]: keyvalue = [\"secrets\"]", StringComparison.Ordinal));
        Assert.Equal("ok(<bucket>)", Show(_guest.Call(store, "open", S("default")))); // and nothing else is harmed
    }

    [Theory]
    [InlineData(Store1)]
    [InlineData(Store2)]
    public void BackendThatFails_IsAnErrorOfTheInterface(string store)
    {
        Value bucket = _guest.Ok(store, "open", S("default"))!;
        _backend.Fault = "the disk is on fire";
        const string Error = "err(other(\"the disk is on fire\"))";
        string Call(string function, params Value[] arguments) => Show(_guest.Call(store, function, arguments));
        Assert.Equal(Error, Call("[method]bucket.get", bucket, S("a")));
        Assert.Equal(Error, Call("[method]bucket.set", bucket, S("a"), Bytes()));
        Assert.Equal(Error, Call("[method]bucket.delete", bucket, S("a")));
        Assert.Equal(Error, Call("[method]bucket.exists", bucket, S("a")));
        Assert.Equal(Error, Call("[method]bucket.list-keys", bucket, None));
        Assert.Equal(Error, Call("open", S("default")));
        _backend.Fault = null;
        Assert.Equal("ok(none)", Call("[method]bucket.get", bucket, S("a")));
    }

    [Fact]
    public void BackendThatFails_InAtomicsAndBatch_IsAnErrorOfTheInterface()
    {
        Value one = _guest.Ok(Store1, "open", S("default"))!, two = _guest.Ok(Store2, "open", S("default"))!;
        Value cas = _guest.Ok(Atomics2, "[static]cas.new", two, S("a"))!;
        _backend.Fault = "gone";
        const string Error = "err(other(\"gone\"))";
        Assert.Equal(Error, Show(_guest.Call(Atomics1, "increment", one, S("a"), U(1))));
        Assert.Equal(Error, Show(_guest.Call(Atomics2, "increment", two, S("a"), I(1))));
        Assert.Equal(Error, Show(_guest.Call(Atomics2, "[static]cas.new", two, S("a"))));
        Assert.Equal("err(store-error(other(\"gone\")))", Show(_guest.Call(Atomics2, "swap", cas, Text("x"))));
        Assert.Equal(Error, Show(_guest.Call(Batch1, "get-many", one, List(S("a")))));
        Assert.Equal(Error, Show(_guest.Call(Batch2, "set-many", two, List(Pair(S("a"), Bytes())))));
        Assert.Equal(Error, Show(_guest.Call(Batch2, "delete-many", two, List(S("a")))));
    }

    [Fact]
    public void Increment_Draft1_CountsUnsigned()
    {
        Value bucket = _guest.Ok(Store1, "open", S("default"))!;
        Assert.Equal("ok(3)", Show(_guest.Call(Atomics1, "increment", bucket, S("n"), U(3))));
        Assert.Equal("ok(3)", Show(_guest.Call(Atomics1, "increment", bucket, S("n"), U(0))));
        Assert.StartsWith("err(other(", Show(_guest.Call(Atomics1, "increment", bucket, S("n"), U(ulong.MaxValue))), StringComparison.Ordinal);
        Assert.Equal("ok(10)", Show(_guest.Call(Atomics1, "increment", bucket, S("n"), U(7))));
        // Both drafts see the same number.
        Value other = _guest.Ok(Store2, "open", S("default"))!;
        Assert.Equal("ok(-5)", Show(_guest.Call(Atomics2, "increment", other, S("n"), I(-15))));
        Assert.StartsWith("err(other(", Show(_guest.Call(Atomics1, "increment", bucket, S("n"), U(1))), StringComparison.Ordinal);
    }

    [Fact]
    public void Increment_Draft1_OfAResultThatCannotBeGiven_ChangesNothing()
    {
        Value one = _guest.Ok(Store1, "open", S("default"))!, two = _guest.Ok(Store2, "open", S("default"))!;
        _guest.Ok(Atomics2, "increment", two, S("n"), I(-15));
        Assert.StartsWith("err(other(", Show(_guest.Call(Atomics1, "increment", one, S("n"), U(1))), StringComparison.Ordinal);
        Assert.Equal("ok(-15)", Show(_guest.Call(Atomics2, "increment", two, S("n"), I(0))));
    }

    [Fact]
    public void Increment_OfWhatIsNoNumber_IsAnError()
    {
        Value bucket = _guest.Ok(Store2, "open", S("default"))!;
        _guest.Ok(Store2, "[method]bucket.set", bucket, S("n"), Text("many"));
        Assert.Equal("err(other(\"the value of `n` is not a number\"))", Show(_guest.Call(Atomics2, "increment", bucket, S("n"), I(1))));
        _guest.Ok(Store2, "[method]bucket.set", bucket, S("n"), Text(long.MaxValue.ToString(System.Globalization.CultureInfo.InvariantCulture)));
        Assert.StartsWith("err(other(", Show(_guest.Call(Atomics2, "increment", bucket, S("n"), I(1))), StringComparison.Ordinal);
    }

    [Fact]
    public void Swap_SucceedsOnceAndGivesTheLoserANewChance()
    {
        Value bucket = _guest.Ok(Store2, "open", S("default"))!;
        Value first = _guest.Ok(Atomics2, "[static]cas.new", bucket, S("k"))!, second = _guest.Ok(Atomics2, "[static]cas.new", bucket, S("k"))!;
        Assert.Equal("ok(none)", Show(_guest.Call(Atomics2, "[method]cas.current", first)));
        Assert.Equal("ok", Show(_guest.Call(Atomics2, "swap", first, Text("a"))));
        var failed = (ResultValue)_guest.Call(Atomics2, "swap", second, Text("b"))!;
        Assert.Equal("err(cas-failed(<cas>))", Show(failed));
        Value again = ((VariantValue)failed.Payload!).Payload!;
        Assert.Equal("ok(some('a'))", Show(_guest.Call(Atomics2, "[method]cas.current", again)));
        Assert.Equal("ok", Show(_guest.Call(Atomics2, "swap", again, Text("b"))));
        Assert.Equal("ok(some('b'))", Show(_guest.Call(Store2, "[method]bucket.get", bucket, S("k"))));
    }

    [Theory]
    [InlineData(Store1, Batch1)]
    [InlineData(Store2, Batch2)]
    public void Batch_SetsGetsAndDeletes(string store, string batch)
    {
        Value bucket = _guest.Ok(store, "open", S("default"))!;
        Assert.Equal("ok", Show(_guest.Call(batch, "set-many", bucket, List(Pair(S("a"), Text("1")), Pair(S("b"), Text("2")), Pair(S("a"), Text("3"))))));
        Assert.Equal("ok([some((\"b\", '2')), none, some((\"a\", '3'))])", Show(_guest.Call(batch, "get-many", bucket, List(S("b"), S("missing"), S("a")))));
        Assert.Equal("ok", Show(_guest.Call(batch, "delete-many", bucket, List(S("a"), S("missing")))));
        Assert.Equal("ok([none, some((\"b\", '2'))])", Show(_guest.Call(batch, "get-many", bucket, List(S("a"), S("b")))));
        Assert.Equal("ok", Show(_guest.Call(batch, "set-many", bucket, List())));
        Assert.Equal("ok([])", Show(_guest.Call(batch, "get-many", bucket, List())));
    }

    [Theory]
    [InlineData(Store1, Batch1)]
    [InlineData(Store2, Batch2)]
    public void GetMany_OfMoreThanTheHostHolds_IsAnErrorAndNotTheEndOfTheHost(string store, string batch)
    {
        Value bucket = _guest.Ok(store, "open", S("default"))!;
        _backend.Open("app", "default").Set("big", new byte[16 << 20]);
        long before = GC.GetTotalAllocatedBytes(precise: true);
        Value[] keys = [.. Enumerable.Repeat(S("big"), 500)];
        Assert.StartsWith("err(other(", Show(_guest.Call(batch, "get-many", bucket, List(keys))), StringComparison.Ordinal);
        Assert.InRange(GC.GetTotalAllocatedBytes(precise: true) - before, 0, 500L << 20);
    }

    [Fact]
    public void ListKeys_WalksPagesInBothDrafts()
    {
        for (int i = 0; i < 25; i++) _backend.Open("app", "default").Set($"k{i:00}", [1]);
        _backend.PageSize = 10;
        string[] all = [.. Enumerable.Range(0, 25).Select(i => $"k{i:00}")];
        foreach (string store in (string[])[Store1, Store2])
        {
            Value bucket = _guest.Ok(store, "open", S("default"))!;
            var keys = new List<string>();
            Value cursor = None;
            int pages = 0;
            do
            {
                var page = (RecordValue)_guest.Ok(store, "[method]bucket.list-keys", bucket, cursor)!;
                keys.AddRange(((ListValue)page.Fields[0].Value).Items.Select(k => ((StringValue)k).Value));
                cursor = page.Fields[1].Value;
                pages++;
            }
            while (((OptionValue)cursor).Some is not null);
            Assert.Equal(3, pages);
            Assert.Equal(all, keys.Order(StringComparer.Ordinal));
        }

        Value second = _guest.Ok(Store2, "open", S("default"))!;
        Assert.StartsWith("err(other(", Show(_guest.Call(Store2, "[method]bucket.list-keys", second, Some(S("no cursor")))), StringComparison.Ordinal);
        Value first = _guest.Ok(Store1, "open", S("default"))!;
        Assert.StartsWith("err(other(", Show(_guest.Call(Store1, "[method]bucket.list-keys", first, Some(U(ulong.MaxValue)))), StringComparison.Ordinal);
    }

    [Fact]
    public void Values_OfAMebibyte_CrossWhole()
    {
        Value bucket = _guest.Ok(Store2, "open", S("default"))!;
        byte[] bytes = new byte[1 << 20];
        new System.Random(1).NextBytes(bytes);
        _guest.Ok(Store2, "[method]bucket.set", bucket, S("big"), Bytes(bytes));
        Assert.Equal(bytes, _backend.Open("app", "default").Get("big")!.Value.Bytes);
        Assert.Equal(bytes, BytesOf(((OptionValue)_guest.Ok(Store2, "[method]bucket.get", bucket, S("big"))!).Some));
    }

    [Fact]
    public void Handles_AreLimited()
    {
        using Guest guest = Guest.Start(
            new CapabilitySet(new KeyValueCapability(_backend)),
            App(new Grants { KeyValue = ["default"] }, new MicroVmLimits { Handles = 16 }), Store2, Atomics2);
        Value bucket = guest.Ok(Store2, "open", S("default"))!;
        // The host holds these; the guest's table is empty again after each call.
        for (int i = 0; i < 100; i++) guest.Ok(Atomics2, "[static]cas.new", bucket, S("k"));
        Assert.Equal(0, guest.Vm.Instance.LiveHandles);
    }
}
