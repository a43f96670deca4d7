// Random types: bindings are generated, a guest is built on them, and random values go there and back.
using System.Globalization;
using Mote.Components;
using Mote.Components.Linking;

namespace Mote.Bindings.C.Tests;

/// <summary>MOTE_SEED=N tries another seed; a failure says which one it was.</summary>
public sealed class RandomTypesTests
{
    private const int Functions = 80;

    public static TheoryData<int> Seeds => Environment.GetEnvironmentVariable("MOTE_SEED") is { Length: > 0 } seed ? [int.Parse(seed, CultureInfo.InvariantCulture)] : [1, 2, 3];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Guest_OfRandomTypes_GivesBackRandomValues(int seed)
    {
        var types = new RandomTypes(seed, Functions);
        string folder = Repository.Scratch($"random-{seed}");
        string wit = Path.Combine(folder, "random.wit"), guest = Path.Combine(folder, "guest.c");
        File.WriteAllText(wit, types.Wit);
        File.WriteAllText(guest, types.Guest);
        using CompiledComponent component = GuestBuilder.Build($"random-{seed}", folder, "random", guest);
        var linker = new ComponentLinker();
        HostInstance host = linker.Instance("test:random/types");
        for (int i = 0; i < Functions; i++) host.Function($"echo{i}", new DynamicHostFunction((_, a) => a[0]));
        using InstanceTemplate template = linker.Link(component);
        using ComponentInstance instance = template.Instantiate();
        for (int i = 0; i < Functions; i++)
        {
            ComponentFunction f = instance.GetFunction("test:random/types", $"echo{i}");
            for (int n = 0; n < 30; n++)
            {
                Value v = new RandomValues(seed * 1000 + n).Next(f.Type.Parameters[0].Type);
                Assert.True(v.Equals(f.Call(v)), $"seed {seed}, echo{i}, value {n}: {f.Type.Parameters[0].Type}");
            }
        }

        // The same calls again: what they took, they gave back. (Once more first: free memory may lie in pieces.)
        Again();
        long before = instance.MemoryBytes;
        for (int n = 0; n < 20; n++) Again();
        Assert.Equal(before, instance.MemoryBytes);

        void Again()
        {
            for (int i = 0; i < Functions; i++)
            {
                ComponentFunction f = instance.GetFunction("test:random/types", $"echo{i}");
                f.Call(new RandomValues(seed).Next(f.Type.Parameters[0].Type));
            }
        }
    }
}
