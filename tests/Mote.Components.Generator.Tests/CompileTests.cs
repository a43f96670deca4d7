// Generated code compiles without warnings, whatever the WIT is.
using Mote.Bindings.C.Tests;

namespace Mote.Components.Generator.Tests;

public sealed class CompileTests
{
    [Fact]
    public void Generate_AwkwardNames_Compiles()
    {
        Generation run = Generation.Run(
            """
            using Mote.Components;
            namespace Test;
            [WitHost("test:names/awkward")] public partial interface IAwkward;
            [WitGuest("test:names/awkward")] public sealed partial class Awkward;
            """,
            Repository.Wit("names"));

        Assert.Empty(run.Diagnostics);
        Assert.True(run.Faults.Length == 0, string.Join('\n', run.Faults));
    }

    [Fact]
    public void Generate_SameNamesInSeveralInterfaces_CompilesAndKeepsThemApart()
    {
        Generation run = Generation.Run(
            """
            using Mote.Components;
            namespace Test;
            [WitHost("a:b/one")] public partial interface IOne;
            [WitHost("a:b/two")] public partial interface ITwo;
            [WitHost("a:b/three")] public partial interface IThree;
            [WitGuest("a:b/three")] public sealed partial class Three;
            """,
            ("a.wit", """
                package a:b;
                interface one { record point { x: list<string> } resource r; variant %string { a(u8), b(string) } }
                interface two { record point { y: list<u16> } resource r; }
                interface three {
                  use one.{point, r, %string as text};
                  use two.{point as point-two, r as r-two};
                  record list-of-u8 { n: u8 }
                  f: func(a: list<point>, b: list<point-two>, c: list<text>, d: list<string>, e: list<list-of-u8>, g: list<list<u8>>) -> result<point, point-two>;
                  h: func(a: borrow<r>, b: borrow<r-two>, c: list<r>, d: list<r-two>) -> option<r-two>;
                }
                """));

        Assert.Empty(run.Diagnostics);
        Assert.True(run.Faults.Length == 0, string.Join('\n', run.Faults));
    }

    [Fact]
    public void Generate_RandomTypes_Compiles()
    {
        int seed = int.TryParse(Environment.GetEnvironmentVariable("MOTE_SEED"), out int given) ? given : 11;
        int rounds = Environment.GetEnvironmentVariable("MOTE_LONG") == "1" ? 200 : 6;
        for (int n = 0; n < rounds; n++)
        {
            var types = new RandomTypes(unchecked((seed * 101) + n), 15);
            Generation run = Generation.Run(
                """
                [Mote.Components.WitHost("test:random/types")] internal partial interface IHost;
                [Mote.Components.WitGuest("test:random/types")] internal sealed partial class Guest;
                """,
                ("random/random.wit", types.Wit));

            Assert.True(run.Diagnostics.IsEmpty && run.Faults.Length == 0, $"MOTE_SEED={seed}, {n}:\n{string.Join('\n', run.Faults.Take(10))}\n{types.Wit}");
        }
    }

    [Theory]
    [InlineData("keyvalue-draft2/keyvalue.wit", "wasi:keyvalue/store@0.2.0-draft2")]
    [InlineData("io/io.wit", "wasi:io/error@0.2.12")]
    public void Generate_HostedInterfaces_Compile(string file, string name)
    {
        string root = Path.GetFullPath(Path.Combine(Repository.Tests, "..", "..", "wit"));
        string text = File.ReadAllText(Path.Combine(root, file));
        Assert.Contains("package " + name.Split('/')[0], text);

        Generation run = Generation.Run($"[Mote.Components.WitHost(\"{name}\")] internal partial interface IHost;", (file, text));

        Assert.Empty(run.Diagnostics);
        Assert.True(run.Faults.Length == 0, string.Join('\n', run.Faults));
    }

    [Fact]
    public void Implement_GeneratedInterface_IsWhatAPersonWouldWrite()
    {
        Generation run = Generation.Run(
            """
            using System;
            using System.Collections.Generic;
            using Mote.Components;
            using Mote.Components.Linking;
            namespace Test;

            [WitHost("test:kitchen/types@1.2.0")] public partial interface ITypes;
            [WitHost("test:kitchen/things@1.2.0")] public partial interface IThings;
            [WitGuest("test:kitchen/api@1.2.0")] public sealed partial class Api;

            public sealed class Types : ITypes
            {
                public ITypes.All Echo(ITypes.All v) => v with { A = !v.A, P = (1, v.L, 2.5), Q = new("x"), T = Option<ITypes.Color?>.Some(ITypes.Color.DarkBlue) };
                public ulong Many(byte a, ushort b, uint c, ulong d, float e, double f, string g, ReadOnlySpan<byte> h, bool i, System.Text.Rune j, sbyte k, short l, int m, long n, ITypes.Permissions o) => o.HasFlag(ITypes.Permissions.Write) ? d : 0;
                public void Nothing() { }
                public Result<Unit, ITypes.Color> Fails(ITypes.Shape why) => why switch
                {
                    ITypes.Shape.Empty => default(Unit),
                    ITypes.Shape.Circle c when c.Value > 1 => ITypes.Color.Red,
                    _ => ITypes.Color.Green,
                };
                public ReadOnlyMemory<byte> Blobs(ReadOnlySpan<byte> b, ReadOnlyMemory<byte>[] c, ReadOnlySpan<double> n) => c[0];
            }

            public sealed class Thing : IThings.IThing
            {
                public string Name() => "thing";
                public Result<ITypes.Point, string> Move(ITypes.Point to) => to.X > 0 ? to : "no";
            }

            public sealed class Things : IThings
            {
                public IThings.IThing NewThing(string name) => new Thing();
                public IThings.IThing? ThingFind(string name, IThings.IThing[] among) => among.Length > 0 ? among[0] : null;
                public void Paint(IThings.IThing t, ITypes.Color c) { }
                public IThings.IThing[] Take(IThings.IThing t) => [t];
            }

            public static class Use
            {
                public static string Run(ComponentLinker linker, InstanceTemplate template, ComponentInstance instance)
                {
                    ITypes.Define(linker, _ => new Types());
                    IThings.Define(linker, _ => new Things(), "other:name/things");
                    Api api = Api.Bind(template) ?? throw new InvalidOperationException();
                    using Api.Counter counter = api.NewCounter(instance, 1);
                    uint value = api.CounterValue(instance, counter);
                    uint? drawn = api.Draw(instance, [ITypes.Shape.Empty.Instance, new ITypes.Shape.Circle(2)], new ITypes.Point(1, 2));
                    return api.Describe(instance, counter, ["a"], [1, 2]).Item1 + value + drawn;
                }
            }
            """,
            Repository.Wit("kitchen"));

        Assert.Empty(run.Diagnostics);
        Assert.True(run.Faults.Length == 0, string.Join('\n', run.Faults));
    }
}
