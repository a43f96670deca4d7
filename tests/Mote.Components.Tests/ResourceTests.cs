// Handles: of the host's resources in the guest's hands, of the guest's in the host's; lending, dropping, what is left.
using Mote.Components.Linking;
using Mote.Components.Resources;
using Mote.Wasmtime;

namespace Mote.Components.Tests;

public sealed class ResourceTests
{
    /// <summary>A guest that keeps, lends and drops handles of a host's resource.</summary>
    private const string User = """
        (component
          (import "r" (type $r (sub resource)))
          (import "make" (func $make (param "v" u32) (result (own $r))))
          (import "look" (func $look (param "r" (borrow $r)) (result u32)))
          (import "look-all" (func $look-all (param "r" (list (borrow $r))) (result u32)))
          (import "take" (func $take (param "r" (own $r))))
          (core module $memory (memory (export "memory") 1)
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 256)))
          (core instance $memory (instantiate $memory))
          (alias core export $memory "memory" (core memory $mem))
          (alias core export $memory "realloc" (core func $realloc))
          (core func $make (canon lower (func $make)))
          (core func $look (canon lower (func $look)))
          (core func $look-all (canon lower (func $look-all) (memory $mem)))
          (core func $take (canon lower (func $take)))
          (core func $drop (canon resource.drop $r))
          (core module $m
            (import "" "memory" (memory 1))
            (import "" "make" (func $make (param i32) (result i32)))
            (import "" "look" (func $look (param i32) (result i32)))
            (import "" "look-all" (func $look-all (param i32 i32) (result i32)))
            (import "" "take" (func $take (param i32)))
            (import "" "drop" (func $drop (param i32)))
            (func (export "make") (param i32) (result i32) (call $make (local.get 0)))
            (func (export "look") (param i32) (result i32) (call $look (local.get 0)))
            (func (export "look-twice") (param i32) (result i32)
              (i32.store (i32.const 64) (local.get 0)) (i32.store (i32.const 68) (local.get 0))
              (call $look-all (i32.const 64) (i32.const 2)))
            (func (export "take") (param i32) (call $take (local.get 0)))
            (func (export "drop") (param i32) (call $drop (local.get 0)))
            (func (export "borrowed") (param i32) (result i32)
              (local $v i32) (local.set $v (call $look (local.get 0))) (call $drop (local.get 0)) (local.get $v))
            (func (export "forgets") (param i32))
            (func (export "gives-back") (param i32) (result i32) (local.get 0)))
          (core instance $i (instantiate $m (with "" (instance
            (export "memory" (memory $mem)) (export "make" (func $make)) (export "look" (func $look)) (export "look-all" (func $look-all))
            (export "take" (func $take)) (export "drop" (func $drop))))))
          (func (export "make") (param "v" u32) (result u32) (canon lift (core func $i "make")))
          (func (export "look") (param "i" u32) (result u32) (canon lift (core func $i "look")))
          (func (export "look-twice") (param "i" u32) (result u32) (canon lift (core func $i "look-twice")))
          (func (export "take") (param "i" u32) (canon lift (core func $i "take")))
          (func (export "drop") (param "i" u32) (canon lift (core func $i "drop")))
          (func (export "borrowed") (param "r" (borrow $r)) (result u32) (canon lift (core func $i "borrowed")))
          (func (export "forgets") (param "r" (borrow $r)) (canon lift (core func $i "forgets")))
          (func (export "gives-back") (param "r" (own $r)) (result (own $r)) (canon lift (core func $i "gives-back")))
          (func (export "keep") (param "r" (own $r)) (canon lift (core func $i "forgets"))))
        """;

    private sealed class World
    {
        public World() => Type = new HostResource("r", (_, value) => Dropped.Add((uint)value));

        public HostResource Type { get; }

        public List<uint> Dropped { get; } = [];

        /// <summary>What the host was given to keep.</summary>
        public List<ResourceHandle> Taken { get; } = [];

        /// <summary>What the host was lent.</summary>
        public List<ResourceHandle> Lent { get; } = [];

        public void Define(ComponentLinker linker) => linker.Root
            .Resource("r", Type)
            .Function("make", new DynamicHostFunction((i, a) => new ResourceValue(ResourceHandle.FromHost(i, Type, (uint)((UnsignedValue)a[0]).Value))))
            .Function("look", new DynamicHostFunction((_, a) => Look(a[0])))
            .Function("look-all", new DynamicHostFunction((_, a) => new UnsignedValue((ulong)((ListValue)a[0]).Items.Sum(i => (long)Look(i).Value))))
            .Function("take", new DynamicHostFunction((_, a) =>
            {
                Taken.Add(((ResourceValue)a[0]).Handle);
                return null;
            }));

        private UnsignedValue Look(Value value)
        {
            ResourceHandle handle = ((ResourceValue)value).Handle;
            Assert.False(handle.IsOwned);
            Assert.True(handle.IsAlive);
            Lent.Add(handle);
            return new UnsignedValue((uint)handle.Host!);
        }
    }

    [Fact]
    public void HostResource_GuestDropsIt_DropRunsOnce()
    {
        var world = new World();
        using Guest guest = Guest.Run(User, world.Define);

        uint first = guest.CallU32("make", new UnsignedValue(10));
        uint second = guest.CallU32("make", new UnsignedValue(20));
        Assert.Equal(2, guest.Instance.LiveHandles);
        guest.Call("drop", new UnsignedValue(first));

        Assert.Equal([10u], world.Dropped);
        Assert.Equal(1, guest.Instance.LiveHandles);
        Assert.Equal(20u, guest.CallU32("look", new UnsignedValue(second)));
    }

    [Fact]
    public void HostResource_LeftInTheTable_IsDroppedWithTheInstance()
    {
        var world = new World();
        Guest guest = Guest.Run(User, world.Define);
        guest.Call("make", new UnsignedValue(1));
        guest.Call("make", new UnsignedValue(2));

        guest.Dispose();
        guest.Dispose();

        Assert.Equal([1u, 2u], world.Dropped);
    }

    [Fact]
    public void HostResource_LeftBehindByATrap_IsDroppedWithTheInstance()
    {
        var world = new World();
        Guest guest = Guest.Run(User, world.Define);
        guest.Call("make", new UnsignedValue(7));
        Assert.Throws<TrapException>(() => guest.Call("drop", new UnsignedValue(99)));
        Assert.Empty(world.Dropped);

        guest.Dispose();

        Assert.Equal([7u], world.Dropped);
    }

    [Fact]
    public void HostResource_WithoutDropAction_IsDisposed()
    {
        var type = new HostResource("r");
        using var value = new CancellationTokenSource();
        void Define(ComponentLinker l)
        {
            new World().Define(l);
            l.Remove("r");
            l.Remove("make");
            l.Root.Resource("r", type).Function("make", new DynamicHostFunction((i, _) => new ResourceValue(ResourceHandle.FromHost(i, type, value))));
        }

        using Guest guest = Guest.Run(User, Define);
        guest.Call("drop", new UnsignedValue(guest.CallU32("make", new UnsignedValue(0))));

        Assert.Throws<ObjectDisposedException>(() => value.Token);
    }

    [Fact]
    public void Own_PassedToTheHost_LeavesTheGuestWithoutRunningDrop()
    {
        var world = new World();
        using Guest guest = Guest.Run(User, world.Define);
        uint index = guest.CallU32("make", new UnsignedValue(5));

        guest.Call("take", new UnsignedValue(index));

        ResourceHandle taken = Assert.Single(world.Taken);
        Assert.True(taken.IsOwned && taken.IsAlive);
        Assert.Equal(5u, taken.Host);
        Assert.Empty(world.Dropped);
        Assert.Equal(0, guest.Instance.LiveHandles);
        taken.Drop();
        Assert.Equal([5u], world.Dropped);
        Assert.Throws<InvalidOperationException>(taken.Drop);
        Assert.StartsWith("unknown handle index", Assert.Throws<TrapException>(() => guest.Call("look", new UnsignedValue(index))).Message);
    }

    [Fact]
    public void Borrow_AfterTheCall_IsOver()
    {
        var world = new World();
        using Guest guest = Guest.Run(User, world.Define);
        uint index = guest.CallU32("make", new UnsignedValue(5));

        Assert.Equal(5u, guest.CallU32("look", new UnsignedValue(index)));
        Assert.Equal(10u, guest.CallU32("look-twice", new UnsignedValue(index)));

        Assert.Equal(3, world.Lent.Count);
        Assert.All(world.Lent, h => Assert.False(h.IsAlive));
        // What was lent is free again.
        guest.Call("drop", new UnsignedValue(index));
        Assert.Equal([5u], world.Dropped);
    }

    [Fact]
    public void Borrow_LentToTheGuest_MustBeGivenBack()
    {
        var world = new World();
        using Guest guest = Guest.Run(User, world.Define);
        ResourceHandle mine = ResourceHandle.FromHost(guest.Instance, world.Type, 8u);

        Assert.Equal(8u, guest.CallU32("borrowed", new ResourceValue(mine)));
        Assert.True(mine.IsAlive);
        Assert.Empty(world.Dropped);
        Assert.Equal(0, guest.Instance.LiveHandles);
        Assert.Equal("borrow handles still remain at the end of the call", Assert.Throws<TrapException>(() => guest.Call("forgets", new ResourceValue(mine))).Message);
    }

    [Fact]
    public void Own_ThereAndBack_IsANewHandleOfTheSameObject()
    {
        var world = new World();
        using Guest guest = Guest.Run(User, world.Define);
        ResourceHandle mine = ResourceHandle.FromHost(guest.Instance, world.Type, 9u);

        ResourceHandle back = ((ResourceValue)guest.Call("gives-back", new ResourceValue(mine))!).Handle;

        Assert.False(mine.IsAlive);
        Assert.True(back.IsAlive && back.IsOwned);
        Assert.Equal(9u, back.Host);
        Assert.StartsWith("argument `r` of `keep`: the handle was given up before", Assert.Throws<ArgumentException>(() => guest.Call("keep", new ResourceValue(mine))).Message);
        Assert.False(guest.Instance.IsPoisoned);
    }

    [Fact]
    public void Own_ABorrowedHandleIsGiven_IsTheCallersFault()
    {
        var world = new World();
        using Guest guest = Guest.Run(User, world.Define);
        ResourceHandle borrowed = ResourceHandle.FromHost(guest.Instance, world.Type, 9u, owned: false);

        Assert.Contains("a borrowed handle cannot be passed as own", Assert.Throws<ArgumentException>(() => guest.Call("keep", new ResourceValue(borrowed))).Message);
        Assert.Throws<InvalidOperationException>(borrowed.Drop);
    }

    [Fact]
    public void LimitHandles_OneMore_TrapsAndFreedOnesCountNoMore()
    {
        var world = new World();
        using Guest guest = Guest.Run(User, world.Define, configure: i => i.LimitHandles(3));
        uint[] made = [.. Enumerable.Range(0, 3).Select(n => guest.CallU32("make", new UnsignedValue((ulong)n)))];
        guest.Call("drop", new UnsignedValue(made[1]));
        Assert.Equal(made[1], guest.CallU32("make", new UnsignedValue(3)));

        Assert.Equal("resource table has no free keys: the limit is 3 handles", Assert.Throws<TrapException>(() => guest.Call("make", new UnsignedValue(4))).Message);
    }

    [Fact]
    public void HandleTable_ManyHandles_EachFindsItsOwn()
    {
        var world = new World();
        using Guest guest = Guest.Run(User, world.Define);
        var random = new Random(Seeds.Of(7));
        var alive = new Dictionary<uint, uint>();
        for (uint n = 0; n < Seeds.Times(3000, 100_000); n++)
        {
            if (alive.Count > 0 && random.Next(5) < 2)
            {
                (uint index, uint value) = alive.ElementAt(random.Next(Math.Min(alive.Count, 50)));
                Assert.Equal(value, guest.CallU32("look", new UnsignedValue(index)));
                guest.Call("drop", new UnsignedValue(index));
                Assert.Equal(value, world.Dropped[^1]);
                alive.Remove(index);
            }
            else
            {
                Assert.True(alive.TryAdd(guest.CallU32("make", new UnsignedValue(n)), n));
            }

            Assert.Equal(alive.Count, guest.Instance.LiveHandles);
        }
    }

    /// <summary>A resource of the guest's own, with a destructor that counts and that can be told to trap.</summary>
    private const string Definer = """
        (component
          (import "gone" (func $gone (param "rep" u32)))
          (core func $gone (canon lower (func $gone)))
          (core module $state
            (import "" "gone" (func $gone (param i32)))
            (func $destructor (export "dtor") (param i32) (if (i32.eq (local.get 0) (i32.const 13)) (then unreachable)) (call $gone (local.get 0))))
          (core instance $state (instantiate $state (with "" (instance (export "gone" (func $gone))))))
          (type $r' (resource (rep i32) (dtor (core func $state "dtor"))))
          (export $r "r" (type $r'))
          (core func $new (canon resource.new $r'))
          (core func $rep (canon resource.rep $r'))
          (core func $drop (canon resource.drop $r'))
          (core module $m
            (import "" "new" (func $new (param i32) (result i32)))
            (import "" "rep" (func $rep (param i32) (result i32)))
            (import "" "drop" (func $drop (param i32)))
            (func (export "make") (param i32) (result i32) (call $new (local.get 0)))
            (func (export "look") (param i32) (result i32) (local.get 0))
            (func (export "take") (param i32) (result i32) (local $v i32) (local.set $v (call $rep (local.get 0))) (call $drop (local.get 0)) (local.get $v))
            (func (export "trap") unreachable))
          (core instance $i (instantiate $m (with "" (instance (export "new" (func $new)) (export "rep" (func $rep)) (export "drop" (func $drop))))))
          (func (export "make") (param "rep" u32) (result (own $r)) (canon lift (core func $i "make")))
          (func (export "look") (param "r" (borrow $r)) (result u32) (canon lift (core func $i "look")))
          (func (export "take") (param "r" (own $r)) (result u32) (canon lift (core func $i "take")))
          (func (export "trap") (canon lift (core func $i "trap"))))
        """;

    private static Guest RunDefiner(List<uint> gone) => Guest.Run(Definer, l => l.Root.Function("gone", new DynamicHostFunction((_, a) =>
    {
        gone.Add((uint)((UnsignedValue)a[0]).Value);
        return null;
    })));

    private static ResourceHandle Make(Guest guest, uint rep) => ((ResourceValue)guest.Call("make", new UnsignedValue(rep))!).Handle;

    [Fact]
    public void GuestResource_HostDropsIt_DestructorRuns()
    {
        var gone = new List<uint>();
        using Guest guest = RunDefiner(gone);
        ResourceHandle handle = Make(guest, 42);

        Assert.True(handle.IsOwned && handle.IsAlive);
        Assert.Null(handle.Host);
        Assert.Equal(42u, guest.CallU32("look", new ResourceValue(handle)));
        Assert.True(handle.IsAlive);
        handle.Drop();

        Assert.Equal([42u], gone);
        Assert.Throws<InvalidOperationException>(handle.Drop);
        Assert.Throws<ArgumentException>(() => guest.Call("look", new ResourceValue(handle)));
    }

    [Fact]
    public void GuestResource_GivenBack_IsTheGuestsToDrop()
    {
        var gone = new List<uint>();
        using Guest guest = RunDefiner(gone);
        ResourceHandle handle = Make(guest, 42);

        Assert.Equal(42u, guest.CallU32("take", new ResourceValue(handle)));

        Assert.False(handle.IsAlive);
        Assert.Equal([42u], gone);
        Assert.Equal(0, guest.Instance.LiveHandles);
    }

    [Fact]
    public void GuestResource_DestructorTraps_EndsTheInstance()
    {
        var gone = new List<uint>();
        using Guest guest = RunDefiner(gone);
        ResourceHandle bad = Make(guest, 13), good = Make(guest, 14);

        TrapException trap = Assert.Throws<TrapException>(bad.Drop);

        Assert.Equal(TrapCode.Unreachable, trap.Code);
        Assert.Contains(trap.Backtrace, f => f.Function == "destructor");
        Assert.True(guest.Instance.IsPoisoned);
        // After a trap no destructor of the guest runs.
        Assert.Throws<TrapException>(good.Drop);
        Assert.Empty(gone);
    }

    [Fact]
    public void GuestResource_InstanceGone_CannotBeDroppedAndNothingBreaks()
    {
        var gone = new List<uint>();
        Guest guest = RunDefiner(gone);
        ResourceHandle handle = Make(guest, 1);
        guest.Dispose();

        Assert.Throws<ObjectDisposedException>(handle.Drop);
        Assert.Empty(gone);
    }

    [Fact]
    public void GuestResource_OfAnotherInstance_IsRefused()
    {
        var gone = new List<uint>();
        using Guest one = RunDefiner(gone);
        using ComponentInstance two = one.Template.Instantiate();
        ResourceHandle handle = Make(one, 1);

        ArgumentException e = Assert.Throws<ArgumentException>(() => two.GetFunction("look").Call(new ResourceValue(handle)));

        Assert.Contains("mismatched resource types", e.Message);
        Assert.False(two.IsPoisoned);
        Assert.True(handle.IsAlive);
        Assert.Equal(1u, one.CallU32("look", new ResourceValue(handle)));
    }

    [Fact]
    public void HostDrop_Throws_TrapsTheGuestThatDropped()
    {
        var type = new HostResource("r", (_, _) => throw new InvalidOperationException("cannot let go"));
        void Define(ComponentLinker l)
        {
            new World().Define(l);
            l.Remove("r");
            l.Remove("make");
            l.Root.Resource("r", type).Function("make", new DynamicHostFunction((i, _) => new ResourceValue(ResourceHandle.FromHost(i, type, 1u))));
        }

        using Guest guest = Guest.Run(User, Define);
        uint index = guest.CallU32("make", new UnsignedValue(0));

        TrapException trap = Assert.Throws<TrapException>(() => guest.Call("drop", new UnsignedValue(index)));

        Assert.Equal("cannot let go", trap.Message);
        Assert.IsType<InvalidOperationException>(trap.InnerException);
    }

    [Fact]
    public void HostDrop_ThrowsWhileTheInstanceIsDisposed_TheOthersAreStillDropped()
    {
        var dropped = new List<uint>();
        var type = new HostResource("r", (_, value) =>
        {
            if ((uint)value == 1) throw new InvalidOperationException("cannot let go");
            dropped.Add((uint)value);
        });
        void Define(ComponentLinker l)
        {
            new World().Define(l);
            l.Remove("r");
            l.Remove("make");
            l.Root.Resource("r", type).Function("make", new DynamicHostFunction((i, a) => new ResourceValue(ResourceHandle.FromHost(i, type, (uint)((UnsignedValue)a[0]).Value))));
        }

        using Guest guest = Guest.Run(User, Define);
        foreach (uint n in (uint[])[0, 1, 2]) guest.Call("make", new UnsignedValue(n));

        AggregateException e = Assert.Throws<AggregateException>(guest.Instance.Dispose);

        Assert.Equal("cannot let go", Assert.Single(e.InnerExceptions).Message);
        Assert.Equal([0u, 2u], dropped);
    }
}
