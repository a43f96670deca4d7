// wasi:blobstore as a guest meets it.
using Mote.Capabilities.Blobstore;
using Mote.Capabilities.Wasi.Io;
using Mote.Components;
using Mote.Runtime;
using Mote.Wasmtime;
using static Mote.Capabilities.Tests.Guest;

namespace Mote.Capabilities.Tests;

public sealed class BlobstoreGuestTests : IDisposable
{
    private const string Types = "wasi:blobstore/types@0.2.0-draft", Containers = "wasi:blobstore/container@0.2.0-draft", Blobs = "wasi:blobstore/blobstore@0.2.0-draft";
    private const string Streams = "wasi:io/streams@0.2.12";

    private readonly string _folder = Directory.CreateTempSubdirectory("mote-blobstore-tests-").FullName;
    private readonly FileBlobs _backend;
    private readonly Guest _guest;

    public BlobstoreGuestTests()
    {
        _backend = new FileBlobs(_folder);
        _guest = Start(["pictures", "other"]);
    }

    public void Dispose()
    {
        _guest.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private Guest Start(string[] granted, MicroVmLimits? limits = null) =>
        Guest.Start(new CapabilitySet(new IoCapability(), new BlobstoreCapability(_backend)), App(new Grants { Blobstore = granted }, limits), Types, Containers, Blobs, Streams);

    /// <summary>What is on files here, as if it were on a server.</summary>
    private sealed class Elsewhere(IBlobBackend backend) : IBlobBackend
    {
        public bool IsElsewhere => true;

        public IBlobStore Open(string app) => backend.Open(app);
    }

    [Fact]
    public void ContainerElsewhere_TakesFromTheEgressBudget()
    {
        Make();
        var limits = new MicroVmLimits { Egress = new EgressBudget(1000, TimeSpan.FromDays(1)) };
        using Guest guest = Guest.Start(new CapabilitySet(new IoCapability(), new BlobstoreCapability(new Elsewhere(_backend))), App(new Grants { Blobstore = ["pictures"] }, limits), Types, Containers, Blobs, Streams);
        Value container = guest.Ok(Blobs, "get-container", S("pictures"))!;
        string Put(string name, int bytes)
        {
            Value value = guest.Call(Types, "[static]outgoing-value.new-outgoing-value")!;
            Value stream = guest.Ok(Types, "[method]outgoing-value.outgoing-value-write-body", value)!;
            guest.Ok(Streams, "[method]output-stream.blocking-write-and-flush", stream, Text(new string('x', bytes)));
            guest.Ok(Containers, "[method]container.write-data", container, S(name), value);
            Drop(stream);
            return Show(guest.Call(Types, "[static]outgoing-value.finish", value));
        }

        Assert.Equal("ok", Put("a", 900));
        Assert.Contains("more than the component may send", Put("b", 200), StringComparison.Ordinal);
        Assert.Contains("more than the component may send", Show(guest.Call(Containers, "[method]container.has-object", container, S(new string('n', 200)))), StringComparison.Ordinal); // a name could carry anything
        Assert.Equal("ok(false)", Show(guest.Call(Containers, "[method]container.has-object", container, S("b"))));
        Assert.Equal("ok(true)", Show(guest.Call(Containers, "[method]container.has-object", container, S("a"))));
    }

    private Value Make(string name = "pictures") => _guest.Ok(Blobs, "create-container", S(name))!;

    private string Do(Value container, string function, params Value[] arguments) => Show(_guest.Call(Containers, $"[method]container.{function}", [container, .. arguments]));

    private (Value Value, Value Stream) Begin()
    {
        Value value = _guest.Call(Types, "[static]outgoing-value.new-outgoing-value")!;
        return (value, _guest.Ok(Types, "[method]outgoing-value.outgoing-value-write-body", value)!);
    }

    private string Write(Value stream, Value bytes) => Show(_guest.Call(Streams, "[method]output-stream.blocking-write-and-flush", stream, bytes));

    private string Finish(Value value) => Show(_guest.Call(Types, "[static]outgoing-value.finish", value));

    private static void Drop(Value resource) => ((ResourceValue)resource).Handle.Drop();

    /// <summary>Writes an object as guests do: given to the container first, then written.</summary>
    private void Put(Value container, string name, params Value[] pieces)
    {
        (Value value, Value stream) = Begin();
        Assert.Equal("ok", Do(container, "write-data", S(name), value));
        foreach (Value piece in pieces) Assert.Equal("ok", Write(stream, piece));
        Drop(stream);
        Assert.Equal("ok", Finish(value));
    }

    private Value Read(Value container, string name, ulong start = 0, ulong end = ulong.MaxValue) => _guest.Ok(Containers, "[method]container.get-data", container, S(name), U(start), U(end))!;

    private string All(Value incoming) => Show(_guest.Call(Types, "[static]incoming-value.incoming-value-consume-sync", incoming));

    [Fact]
    public void Objects_AreWrittenAndRead_InPieces()
    {
        Value container = Make();
        Assert.Equal("ok(\"pictures\")", Do(container, "name"));
        Put(container, "a/b", Text("some"), Text("thing"));
        Assert.Equal("ok(true)", Do(container, "has-object", S("a/b")));
        Assert.Equal("ok(false)", Do(container, "has-object", S("a")));
        Value incoming = Read(container, "a/b");
        Assert.Equal("9", Show(_guest.Call(Types, "[method]incoming-value.size", incoming)));
        Value stream = _guest.Ok(Types, "[static]incoming-value.incoming-value-consume-async", incoming)!;
        Assert.Equal("ok('some')", Show(_guest.Call(Streams, "[method]input-stream.blocking-read", stream, U(4))));
        Assert.Equal("ok('thing')", Show(_guest.Call(Streams, "[method]input-stream.read", stream, U(100))));
        Assert.Equal("err(closed)", Show(_guest.Call(Streams, "[method]input-stream.blocking-read", stream, U(1))));
        Assert.Contains("name: \"a/b\", container: \"pictures\", created-at: ", Do(container, "object-info", S("a/b")), StringComparison.Ordinal);
        Assert.Contains("size: 9", Do(container, "object-info", S("a/b")), StringComparison.Ordinal);
        Assert.Contains("name: \"pictures\"", Do(container, "info"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, 8, "ok('something')")]
    [InlineData(0, 0, "ok('s')")]
    [InlineData(4, 6, "ok('thi')")]
    [InlineData(8, 1000, "ok('g')")]
    [InlineData(9, 1000, "ok([])")]
    [InlineData(0, ulong.MaxValue, "ok('something')")]
    [InlineData(ulong.MaxValue, ulong.MaxValue, "ok([])")]
    public void PartsOfAnObject_HaveBothTheirEnds(ulong start, ulong end, string expected)
    {
        Value container = Make();
        Put(container, "o", Text("something"));
        Assert.Equal(expected, All(Read(container, "o", start, end)));
    }

    [Fact]
    public void Part_ThatEndsBeforeItBegins_IsAnError()
    {
        Value container = Make();
        Put(container, "o", Text("something"));
        Assert.Equal("err(\"the first byte (5) comes after the last one (4)\")", Do(container, "get-data", S("o"), U(5), U(4)));
        Assert.Equal("err(\"there is no object `none` in the container `pictures`\")", Do(container, "get-data", S("none"), U(0), U(1)));
    }

    [Fact]
    public void Value_GivenToTheContainerAfterItsLastByte_IsTheSame()
    {
        Value container = Make();
        (Value value, Value stream) = Begin();
        Assert.Equal("ok", Write(stream, Text("late")));
        Drop(stream);
        Assert.Equal("ok", Do(container, "write-data", S("o"), value));
        Assert.Equal("ok(false)", Do(container, "has-object", S("o"))); // not before it is finished
        Assert.Equal("ok", Finish(value));
        Assert.Equal("ok('late')", All(Read(container, "o")));
    }

    [Fact]
    public void Value_ThatIsDroppedUnfinished_IsNothing()
    {
        Value container = Make();
        Put(container, "o", Text("old"));
        (Value value, Value stream) = Begin();
        Assert.Equal("ok", Do(container, "write-data", S("o"), value));
        Assert.Equal("ok", Write(stream, Text("new")));
        Drop(stream);
        Drop(value);
        Assert.Equal("ok('old')", All(Read(container, "o")));
        Assert.Empty(Directory.GetFiles(Path.Combine(_folder, "app", "new")));
    }

    [Fact]
    public void Value_WithoutAByte_OrWithoutAStream_IsAnEmptyObject()
    {
        Value container = Make();
        Put(container, "empty");
        Value value = _guest.Call(Types, "[static]outgoing-value.new-outgoing-value")!;
        Assert.Equal("ok", Do(container, "write-data", S("none"), value));
        Assert.Equal("ok", Finish(value));
        Assert.Equal(("ok([])", "ok([])"), (All(Read(container, "empty")), All(Read(container, "none"))));
    }

    [Fact]
    public void Body_IsGivenOnce_AndFinishedAfterItsStream()
    {
        Make();
        (Value value, Value stream) = Begin();
        Assert.Equal("err", Show(_guest.Call(Types, "[method]outgoing-value.outgoing-value-write-body", value)));
        TrapException trap = Assert.Throws<TrapException>(() => Finish(value));
        Assert.Contains("drop the stream first", trap.Message, StringComparison.Ordinal);
        _ = stream;
    }

    [Fact]
    public void Value_GivenToNoContainer_IsAnErrorWhenItIsFinished()
    {
        (Value value, Value stream) = Begin();
        Drop(stream);
        Assert.Equal("err(\"this value was given to no object: call write-data before finish\")", Finish(value));
    }

    [Fact]
    public void WhatIsNotGranted_IsDeniedWithTheLineThatAllowsIt()
    {
        Make();
        Put(_guest.Ok(Blobs, "get-container", S("pictures"))!, "o", Text("x"));
        const string Denied = "err(\"the container `secrets` is not granted: blobstore = [\"secrets\"]\")";
        foreach (string function in (string[])["create-container", "get-container", "delete-container", "container-exists"]) Assert.Equal(Denied, Show(_guest.Call(Blobs, function, S("secrets"))));
        Value Id(string container) => new RecordValue([new("container", S(container)), new("object", S("o"))]);
        foreach (string function in (string[])["copy-object", "move-object"])
        {
            Assert.Equal(Denied, Show(_guest.Call(Blobs, function, Id("secrets"), Id("pictures"))));
            Assert.Equal(Denied, Show(_guest.Call(Blobs, function, Id("pictures"), Id("secrets"))));
        }

        Assert.Contains(_guest.Denials, d => d.EndsWith("put under [component.guest.grants]: blobstore = [\"secrets\"]", StringComparison.Ordinal));
        Assert.False(Directory.Exists(Path.Combine(_folder, "app", "c", "secrets")));
    }

    [Fact]
    public void ComponentWithoutAContainer_WritesNothingAnywhere()
    {
        using Guest none = Start([]);
        Value value = none.Call(Types, "[static]outgoing-value.new-outgoing-value")!;
        Assert.Equal("err", Show(none.Call(Types, "[method]outgoing-value.outgoing-value-write-body", value)));
        Assert.Equal("err(\"no container is granted: blobstore = [\\\"CONTAINER\\\"]\")".Replace("\\", "", StringComparison.Ordinal), Show(none.Call(Types, "[static]outgoing-value.finish", value)));
        Assert.Contains(none.Denials, d => d.Contains("blobstore = [\"CONTAINER\"]", StringComparison.Ordinal));
        Assert.Empty(Directory.GetFileSystemEntries(_folder));
    }

    [Fact]
    public void Containers_ComeAndGo_AndAreCopiedBetween()
    {
        Assert.Equal("ok(false)", Show(_guest.Call(Blobs, "container-exists", S("pictures"))));
        Assert.Equal("err(\"there is no container `pictures`: create it first\")", Show(_guest.Call(Blobs, "get-container", S("pictures"))));
        Value container = Make(), other = Make("other");
        Assert.Equal("err(\"there is a container `pictures` already\")", Show(_guest.Call(Blobs, "create-container", S("pictures"))));
        Put(container, "o", Text("x"));
        Value Id(string c, string o) => new RecordValue([new("container", S(c)), new("object", S(o))]);
        Assert.Equal("ok", Show(_guest.Call(Blobs, "copy-object", Id("pictures", "o"), Id("other", "copy"))));
        Assert.Equal("ok", Show(_guest.Call(Blobs, "move-object", Id("pictures", "o"), Id("other", "moved"))));
        Assert.Equal(("ok(false)", "ok(true)", "ok(true)"), (Do(container, "has-object", S("o")), Do(other, "has-object", S("copy")), Do(other, "has-object", S("moved"))));
        Assert.Equal("ok", Do(other, "delete-objects", List(S("copy"), S("never there"))));
        Assert.Equal("ok", Do(other, "clear"));
        Assert.Equal("ok(false)", Do(other, "has-object", S("moved")));
        Assert.Equal("ok", Show(_guest.Call(Blobs, "delete-container", S("pictures"))));
        Assert.Equal("err(\"there is no container `pictures` any more\")", Do(container, "info"));
        Assert.StartsWith("err(", Do(container, "has-object", S("o")), StringComparison.Ordinal);
    }

    [Fact]
    public void Names_ComeSomeAtATime_AndSayWhenTheyEnd()
    {
        Value container = Make();
        for (int i = 0; i < 5; i++) Put(container, $"{i}", Text("x"));
        string Next(Value names, string function, ulong n) => Show(_guest.Call(Containers, $"[method]stream-object-names.{function}-stream-object-names", names, U(n)));
        Value names = _guest.Ok(Containers, "[method]container.list-objects", container)!;
        Assert.EndsWith("], false))", Next(names, "read", 2), StringComparison.Ordinal);
        Assert.Equal("ok((2, false))", Next(names, "skip", 2));
        Assert.EndsWith("\"], true))", Next(names, "read", 1), StringComparison.Ordinal);
        Assert.Equal("ok(([], true))", Next(names, "read", 10));
        Value all = _guest.Ok(Containers, "[method]container.list-objects", container)!;
        Assert.Equal("ok((5, true))", Next(all, "skip", ulong.MaxValue));
    }

    [Fact]
    public void Limit_IsSaidByTheStream_OrAtTheEnd_AndNothingIsKept()
    {
        using Guest small = Start(["pictures"], new MicroVmLimits { MemoryBytes = 1 << 30, Time = TimeSpan.FromMinutes(1), BlobContainerBytes = 10_000 });
        Value container = small.Ok(Blobs, "create-container", S("pictures"))!;
        string Put(string name, int bytes)
        {
            Value value = small.Call(Types, "[static]outgoing-value.new-outgoing-value")!;
            Value stream = small.Ok(Types, "[method]outgoing-value.outgoing-value-write-body", value)!;
            small.Ok(Containers, "[method]container.write-data", container, S(name), value);
            string result = "";
            for (int left = bytes; left > 0; left -= 4096) result += Show(small.Call(Streams, "[method]output-stream.blocking-write-and-flush", stream, Bytes(new byte[Math.Min(left, 4096)])));
            Drop(stream);
            return result + Show(small.Call(Types, "[static]outgoing-value.finish", value));
        }

        Assert.Contains("err(last-operation-failed(<error>))", Put("large", 20_000), StringComparison.Ordinal);
        Assert.Equal("okokok", Put("fits", 8000));
        Assert.Contains("the container `pictures` is full", Put("more", 4000), StringComparison.Ordinal);
        Assert.Equal("ok(false)", Show(small.Call(Containers, "[method]container.has-object", container, S("large"))));
        Assert.Equal("ok(false)", Show(small.Call(Containers, "[method]container.has-object", container, S("more"))));
        Assert.Empty(Directory.GetFiles(Path.Combine(_folder, "app", "new")));
    }

    [Fact]
    public void OpenValues_AreBounded_AndEndWithTheInstance()
    {
        Value container = Make();
        Put(container, "o", Text("x"));
        var open = new List<Value>();
        for (int i = 0; i < BlobGuest.MaxOpen; i++) open.Add(Read(container, "o"));
        Assert.Contains("drop some first", Do(container, "get-data", S("o"), U(0), U(0)), StringComparison.Ordinal);
        Drop(open[0]);
        Assert.Equal("ok('x')", All(Read(container, "o")));
        Assert.Equal("ok('x')", All(open[1]));
        (Value value, Value stream) = Begin();
        Assert.Equal("ok", Write(stream, Text("never finished")));
        _ = value;
        _guest.Dispose();
        Assert.Empty(Directory.GetFiles(Path.Combine(_folder, "app", "new")));
    }

    [Fact]
    public void LargeObject_StreamsThrough_WithoutBeingInMemory()
    {
        Value container = Make();
        using (IBlobWriter writer = _backend.Open("app").Write(1L << 40))
        {
            var piece = new byte[1 << 20];
            for (int i = 0; i < 80; i++) writer.Write(piece);
            writer.Commit([new BlobId("pictures", "large")], 1L << 40);
        }

        Assert.Contains("incoming-value-consume-async", All(Read(container, "large")), StringComparison.Ordinal);
        Value stream = _guest.Ok(Types, "[static]incoming-value.incoming-value-consume-async", Read(container, "large"))!;
        ulong all = 0;
        while (_guest.Call(Streams, "[method]input-stream.blocking-skip", stream, U(1 << 20)) is ResultValue { IsOk: true } skipped) all += ((UnsignedValue)skipped.Payload!).Value;
        Assert.Equal(80UL << 20, all);
    }
}
