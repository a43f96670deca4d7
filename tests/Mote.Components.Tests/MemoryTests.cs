// Instances come and go: what they held is given back, from one thread and from several.
using Mote.Components.Resources;
using Mote.Wasmtime;

namespace Mote.Components.Tests;

/// <summary>Resident memory is the whole process's: nothing else may run meanwhile.</summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;

[Collection(nameof(Alone))]
public sealed class MemoryTests
{
    private const string Guests = """
        (component
          (import "r" (type $r (sub resource)))
          (import "make" (func $make (result (own $r))))
          (component $inner
            (core module $m
              (memory (export "memory") 1)
              (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 64))
              (func (export "length") (param i32 i32) (result i32) (i32.store (i32.const 0) (local.get 0)) (local.get 1)))
            (core instance $i (instantiate $m))
            (func (export "length") (param "s" string) (result u32) (canon lift (core func $i "length") (memory (core memory $i "memory")) (realloc (core func $i "realloc")))))
          (instance $inner (instantiate $inner))
          (core func $make (canon lower (func $make)))
          (core module $m
            (import "" "make" (func $make (result i32)))
            (func (export "make") (result i32) (call $make))
            (func (export "trap") unreachable))
          (core instance $i (instantiate $m (with "" (instance (export "make" (func $make))))))
          (func (export "make") (result u32) (canon lift (core func $i "make")))
          (func (export "trap") (canon lift (core func $i "trap")))
          (export "length" (func $inner "length")))
        """;

    private static readonly HostResource s_type = new("r");

    private static void Host(Linking.ComponentLinker l) => l.Root
        .Resource("r", s_type)
        .Function("make", new DynamicHostFunction((i, _) => new ResourceValue(ResourceHandle.FromHost(i, s_type, new object()))));

    private static void Round(Guest guest, int n)
    {
        using ComponentInstance instance = guest.Template.Instantiate();
        instance.GetFunction("length").Call(new StringValue("some text"));
        instance.GetFunction("make").Call();
        if (n % 16 == 0) Assert.Throws<TrapException>(() => instance.GetFunction("trap").Call());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Instantiate_ManyTimes_LeavesMemoryWhereItWas(bool moving)
    {
        if (!OperatingSystem.IsLinux()) Assert.Skip("resident memory is read from /proc");
        using Guest guest = Guest.Run(Guests, Host, moving ? Engines.Moving : Engines.Plain);
        int rounds = Seeds.Times(20_000, 1_000_000);
        for (int n = 0; n < 3000; n++) Round(guest, n);
        long before = Resident(), mappings = Mappings();

        for (int n = 0; n < rounds; n++) Round(guest, n);

        long after = Resident();
        Assert.True(after - before < 8 << 20, $"{before >> 10} KiB resident before, {after >> 10} KiB after {rounds} instances");
        Assert.True(Mappings() - mappings < 50, $"{mappings} mappings before, {Mappings()} after");
    }

    [Fact]
    public void Load_ManyTimes_LeavesMemoryWhereItWas()
    {
        if (!OperatingSystem.IsLinux()) Assert.Skip("resident memory is read from /proc");
        byte[] file = Wat.ToWasm(Guests);
        void Load()
        {
            using CompiledComponent compiled = Component.Load(file, Engines.Plain).Compile(Engines.Plain);
            var linker = new Linking.ComponentLinker();
            Host(linker);
            using Linking.InstanceTemplate template = linker.Link(compiled);
            using ComponentInstance instance = template.Instantiate();
        }

        for (int n = 0; n < 200; n++) Load();
        long before = Resident(), mappings = Mappings();

        int rounds = Seeds.Times(800, 50_000);
        for (int n = 0; n < rounds; n++) Load();

        long after = Resident();
        Assert.True(after - before < 16 << 20, $"{before >> 10} KiB resident before, {after >> 10} KiB after {rounds} components");
        Assert.True(Mappings() - mappings < 50, $"{mappings} mappings before, {Mappings()} after");
    }

    [Fact]
    public void Instantiate_NeverDisposed_IsFinalized()
    {
        if (!OperatingSystem.IsLinux()) Assert.Skip("resident memory is read from /proc");
        using Guest guest = Guest.Run(Guests, Host);
        void Forget(int count)
        {
            for (int n = 0; n < count; n++) guest.Template.Instantiate().GetFunction("length").Call(new StringValue("x"));
        }

        Forget(100);
        long before = Mappings();
        Forget(1000);

        Resident();
        Assert.True(Mappings() - before < 300, $"{before} mappings before, {Mappings()} after a thousand forgotten instances");
    }

    [Fact]
    public void Instantiate_FromManyThreads_EachHasItsOwn()
    {
        using Guest guest = Guest.Run(Guests, Host);
        Parallel.For(0, Seeds.Times(400, 20_000), new ParallelOptions { MaxDegreeOfParallelism = 4 }, n =>
        {
            using ComponentInstance instance = guest.Template.Instantiate();
            string text = new('x', n % 50);
            Assert.Equal(new UnsignedValue((ulong)text.Length), instance.GetFunction("length").Call(new StringValue(text)));
            Assert.Equal(new UnsignedValue(1), instance.GetFunction("make").Call());
            Assert.Equal(1, instance.LiveHandles);
        });
    }

    [Fact]
    public void MemoryBytes_Instance_CountsWhatTheAbiSees()
    {
        using Guest guest = Guest.Run(Guests, Host);

        Assert.Equal(65536, guest.Instance.MemoryBytes);
    }

    /// <summary>Bytes resident once everything collectable is collected.</summary>
    private static long Resident()
    {
        for (int i = 0; i < 3; i++)
        {
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            GC.WaitForPendingFinalizers();
        }

        return long.Parse(File.ReadAllText("/proc/self/statm").Split(' ')[1]) * Environment.SystemPageSize;
    }

    private static long Mappings() => File.ReadLines("/proc/self/maps").LongCount();
}
