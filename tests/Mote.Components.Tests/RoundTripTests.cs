// Values of random types through guests of random encodings, unchanged.
using Mote.Bindings.C.Tests;
using Mote.Components.Types;
using Mote.Components.Wave;
using Mote.Wasmtime;

namespace Mote.Components.Tests;

public sealed class RoundTripTests
{
    private static readonly string[] s_encodings = ["utf8", "utf16", "latin1+utf16"];

    [Fact]
    public void Echo_RandomTypesAndValues_ComeBackEqual() => Run(Seeds.Of(20251), Seeds.Times(150, 5000), Engines.Plain);

    [Fact]
    public void Echo_WhereMemoriesMove_ComesBackEqual() => Run(Seeds.Of(20252), Seeds.Times(60, 2000), Engines.Moving);

    private static void Run(int seed, int types, Engine engine)
    {
        for (int n = 0; n < types; n++)
        {
            int own = unchecked((seed * 7919) + n);
            try
            {
                OneType(own, engine);
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"MOTE_SEED={seed}, type {n}: {e.Message}", e);
            }
        }
    }

    private static void OneType(int seed, Engine engine)
    {
        var random = new Random(seed);
        var types = new RandomTypes(random);
        FunctionType type = EchoComponent.TypeOf(types, engine);
        string text = EchoComponent.Text(types, type, s_encodings[random.Next(3)], s_encodings[random.Next(3)]);
        var seen = new List<Value>();
        using Guest guest = Guest.Run(text, host => host.Root.Function("echo", new DynamicHostFunction((_, a) =>
        {
            seen.Add(a[0]);
            return a[0];
        })), engine);
        var values = new RandomValues(seed);
        for (int i = 0; i < 8; i++)
        {
            Value value = values.Next(type.Result!);
            Value? back = guest.Call("echo", value);

            // Equal values may differ in the sign of a zero, which their text shows.
            Assert.Equal(WaveWriter.Write(value), WaveWriter.Write(seen[i]));
            Assert.Equal(WaveWriter.Write(value), WaveWriter.Write(back!));
            Assert.Equal(value, back);
        }

        Assert.False(guest.Instance.IsPoisoned);
        Assert.Equal(0, guest.Instance.LiveHandles);
    }
}
