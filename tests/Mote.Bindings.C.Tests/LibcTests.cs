// The same bindings with wasi-libc below them: its allocator, and no other difference.
using Mote.Components;
using Mote.Components.Linking;

namespace Mote.Bindings.C.Tests;

public sealed class LibcTests
{
    [Fact]
    public void Guest_WithLibc_GivesBackValuesAndMemory()
    {
        Assert.SkipUnless(Directory.Exists("/usr/include/wasm32-wasi"), "wasi-libc is not installed (Debian: apt install wasi-libc libclang-rt-19-dev-wasm32)");
        using CompiledComponent component = GuestBuilder.Build("echo-libc", Path.Combine(Repository.Tests, "wit", "echo"), "echo", Path.Combine(Repository.Tests, "guests", "echo.c"), "--libc");
        using InstanceTemplate template = EchoGuest.Linker().Link(component);
        using ComponentInstance instance = template.Instantiate();
        Once();
        long before = instance.MemoryBytes;
        for (int i = 0; i < 1_000; i++) Once();
        Assert.Equal(before, instance.MemoryBytes);

        void Once()
        {
            foreach (string name in EchoGuest.Echoes)
            {
                ComponentFunction f = instance.GetFunction("test:echo/values", name);
                Value v = new RandomValues(5).Next(f.Type.Parameters[0].Type);
                Assert.Equal(v, f.Call(v));
            }

            Assert.Equal(3, ((ListValue)instance.GetFunction("test:echo/alone", "literals").Call()!).Items.Count);
        }
    }
}
