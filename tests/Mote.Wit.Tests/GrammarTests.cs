// Each part of the grammar, and what is made of it.
namespace Mote.Wit.Tests;

public sealed class GrammarTests
{
    private static WitResolve Resolve(string text, params IEnumerable<string> features) => WitResolver.Resolve([("a.wit", text)], features);

    private static WitInterface Interface(string body) => Resolve($"package a:b;\ninterface i {{ {body} }}").Packages[0].Interfaces[0];

    private static WitWorld World(string text) => Resolve("package a:b;\n" + text).FindWorld(null)!;

    [Theory]
    [InlineData("bool")]
    [InlineData("s8")]
    [InlineData("u8")]
    [InlineData("s16")]
    [InlineData("u16")]
    [InlineData("s32")]
    [InlineData("u32")]
    [InlineData("s64")]
    [InlineData("u64")]
    [InlineData("f32")]
    [InlineData("f64")]
    [InlineData("char")]
    [InlineData("string")]
    [InlineData("list<u8>")]
    [InlineData("list<u8, 4>")]
    [InlineData("map<string, list<u8>>")]
    [InlineData("option<option<u8>>")]
    [InlineData("tuple<u8>")]
    [InlineData("tuple<u8, string, f32>")]
    [InlineData("result")]
    [InlineData("result<u8>")]
    [InlineData("result<_, string>")]
    [InlineData("result<u8, string>")]
    [InlineData("stream<u8>")]
    [InlineData("stream")]
    [InlineData("future<result<u8>>")]
    [InlineData("future")]
    [InlineData("error-context")]
    public void Type_AsWritten_IsReadAndWritten(string type)
    {
        WitInterface i = Interface($"type t = {type}; f: func(v: {type}) -> {type};");

        Assert.Equal(type, WitText.Type(i.Types[0].Alias!));
        Assert.Equal(type, WitText.Type(i.Functions[0].Parameters[0].Type!));
        Assert.Equal(type, WitText.Type(i.Functions[0].Result!));
        Assert.Equal(type, i.Types[0].Alias!.ToString());
    }

    [Fact]
    public void TypeDefinitions_OfEveryKind_HaveTheirMembers()
    {
        WitInterface i = Interface("""
            record r { a: u8, b: option<e>, }
            variant v { none, some(r), text(string) }
            enum e { x, y-z, }
            flags f { p, q }
            resource res;
            type t = r;
            """);

        Assert.Equal(["r", "v", "e", "f", "res", "t"], i.Types.Select(t => t.Name));
        Assert.Equal([TypeDefKind.Record, TypeDefKind.Variant, TypeDefKind.Enum, TypeDefKind.Flags, TypeDefKind.Resource, TypeDefKind.Alias], i.Types.Select(t => t.Kind));
        Assert.Equal(["a", "b"], i.Types[0].Members.Select(m => m.Name));
        // A name may stand before its definition.
        Assert.Same(i.Types[2], ((NamedType)((OptionWitType)i.Types[0].Members[1].Type!).Element).Definition);
        Assert.Equal([true, false, false], i.Types[1].Members.Select(m => m.Type is null));
        Assert.Equal(["x", "y-z"], i.Types[2].Members.Select(m => m.Name));
        Assert.Same(i.Types[0], i.Types[5].Origin);
        Assert.All(i.Types, t => Assert.Same(i, t.Owner));
    }

    [Fact]
    public void Resource_Functions_HaveTheirExternNames()
    {
        WitInterface i = Interface("""
            resource r {
              constructor(n: u8);
              get: func(k: string) -> option<r>;
              all: static func() -> list<borrow<r>>;
              later: async func();
            }
            resource fallible { constructor() -> result<fallible, string>; }
            resource empty {}
            take: func(r: r, o: own<r>, b: borrow<r>);
            """);

        Assert.Equal(["[constructor]r", "[method]r.get", "[static]r.all", "[method]r.later", "[constructor]fallible", "take"], i.Functions.Select(f => f.ExternName));
        WitFunction get = i.Functions[1];
        Assert.Equal(["self: borrow<r>", "k: string"], get.Parameters.Select(p => $"{p.Name}: {p.Type}"));
        // The bare name of a resource is a handle that is given over.
        Assert.Equal("option<own<r>>", get.Result!.ToString());
        Assert.Equal("own<r>", i.Functions[0].Result!.ToString());
        Assert.True(i.Functions[3].IsAsync);
        Assert.Equal("result<own<fallible>, string>", i.Functions[4].Result!.ToString());
        Assert.Equal(["own<r>", "own<r>", "borrow<r>"], i.Functions[5].Parameters.Select(p => p.Type!.ToString()));
    }

    [Fact]
    public void Keywords_AsNamesWithPercentOrAsFunctions_AreNames()
    {
        WitInterface i = Interface("""
            record %flags { %type: %enum, %u8: u8 }
            enum %enum { %list, %use }
            %resource: func(%func: %flags) -> %enum;
            type: func();
            record: func();
            """);

        Assert.Equal(["flags", "enum"], i.Types.Select(t => t.Name));
        Assert.Equal(["type", "u8"], i.Types[0].Members.Select(m => m.Name));
        Assert.Equal(["resource", "type", "record"], i.Functions.Select(f => f.Name));
    }

    [Fact]
    public void Docs_LinesAndBlocks_AreKeptWithWhatFollows()
    {
        WitResolve resolve = Resolve("""
            // not kept
            package a:b;

            /// Of the interface.
            /// Two lines.
            @since(version = 1.0.0)
            interface i {
              /** Of the record. */
              record r {
                /// Of the field.
                a: u8,
              }
              // an ordinary comment
              /// Of the function.
              f: func();
              /* /* nested */ */
              g: func();
            }
            /// Of the world.
            world w {}
            """);
        WitInterface i = resolve.Packages[0].Interfaces[0];

        Assert.Equal("Of the interface.\nTwo lines.", i.Docs);
        Assert.Equal("Of the record.", i.Types[0].Docs);
        Assert.Equal("Of the field.", i.Types[0].Members[0].Docs);
        Assert.Equal("Of the function.", i.Functions[0].Docs);
        Assert.Equal("", i.Functions[1].Docs);
        Assert.Equal("Of the world.", resolve.Packages[0].Worlds[0].Docs);
    }

    [Fact]
    public void Gates_OffAndOn_LeaveOutAndTake()
    {
        const string Text = """
            package a:b;
            interface i {
              @since(version = 0.2.0)
              a: func();
              @unstable(feature = soon)
              b: func();
              @since(version = 1.0.0-rc.1) @deprecated(version = 1.2.0)
              c: func();
              resource r {
                @unstable(feature = soon)
                m: func();
                @since(version = 0.2.1)
                n: func();
              }
              @unstable(feature = soon)
              type t = u8;
            }
            @unstable(feature = soon)
            interface j {}
            world w {
              @unstable(feature = soon)
              import j;
              @since(version = 0.2.0)
              export i;
            }
            """;

        WitPackage off = Resolve(Text).Packages[0], on = Resolve(Text, "soon").Packages[0];

        Assert.Equal(["[method]r.n", "a", "c"], off.Interfaces[0].Functions.Select(f => f.ExternName).Order(StringComparer.Ordinal));
        Assert.Single(off.Interfaces);
        Assert.Empty(off.Worlds[0].Imports);
        Assert.Equal(["[method]r.m", "[method]r.n", "a", "b", "c"], on.Interfaces[0].Functions.Select(f => f.ExternName).Order(StringComparer.Ordinal));
        Assert.Equal(["a:b/j"], on.Worlds[0].Imports.Select(i => i.Name));
        Assert.Contains(on.Interfaces[0].Types, t => t.Name == "t");
    }

    [Fact]
    public void Use_AcrossInterfacesAndPackages_IsAnAliasOfTheOrigin()
    {
        WitResolve resolve = WitResolver.Resolve([
            ("main.wit", """
                package my:app@1.0.0;
                use other:lib/types@0.2.0 as lib-types;
                interface i {
                  use lib-types.{point as p};
                  use j.{q};
                  use other:lib/types@0.2.0.{size, point};
                  f: func(p: p, q: q) -> size;
                }
                interface j { use lib-types.{point}; type q = point; }
                """),
            ("deps/lib/a.wit", "package other:lib@0.2.0;\ninterface types { record point { x: u8 } type size = u32; }"),
            ("deps/lib/b.wit", "interface unused {}"),
        ]);
        WitInterface i = resolve.Packages.Single(p => p.Name.Name == "app").Interfaces[0];
        WitPackage lib = resolve.Packages.Single(p => p.Name.Name == "lib");
        WitTypeDef point = lib.Interfaces[0].Types[0];

        Assert.Equal(["types", "unused"], lib.Interfaces.Select(l => l.Name));
        Assert.Equal(["p", "q", "size", "point"], i.Types.Select(t => t.Name));
        Assert.All(i.Types, t => Assert.True(t.IsUse));
        Assert.Same(point, i.Types[0].Origin);
        Assert.Same(point, i.Types[1].Origin);
        Assert.Equal("u32", i.Functions[0].Result!.Resolved.ToString());
    }

    [Fact]
    public void Package_Nested_IsAPackageOfItsOwn()
    {
        WitResolve resolve = Resolve("""
            package root:one;
            package in:side@1.2.3 { interface i { type t = u8; } world w {} }
            package in:other { interface k { use in:side/i@1.2.3.{t}; } }
            interface j { use in:side/i@1.2.3.{t}; }
            """);

        Assert.Equal(["in:other", "in:side@1.2.3", "root:one"], resolve.Packages.Select(p => p.Name.ToString()).Order(StringComparer.Ordinal));
        Assert.Equal("in:side/i@1.2.3", resolve.Packages.Single(p => p.Name.Name == "side").Interfaces[0].QualifiedName);
    }

    [Theory]
    [InlineData("1.0.0")]
    [InlineData("0.2.0-draft")]
    [InlineData("0.2.0-draft2")]
    [InlineData("0.2.0-rc-2024-12-05")]
    [InlineData("1.2.3-rc.1+build.5")]
    [InlineData("10.20.30")]
    public void Version_OfAnyForm_IsReadWhole(string version)
    {
        WitResolve resolve = Resolve($$"""
            package a:b@{{version}};
            interface i { type t = u8; }
            interface j { use a:b/i@{{version}}.{t}; }
            world w { import a:b/i@{{version}}; }
            """);

        Assert.Equal(version, resolve.Packages[0].Name.Version);
        Assert.Equal($"a:b/i@{version}", Assert.Single(resolve.Packages[0].Worlds[0].Imports).Name);
    }

    [Theory]
    [InlineData("0.2.0", "0.2.9", true)]
    [InlineData("0.2.0", "0.3.0", false)]
    [InlineData("1.0.0", "1.5.0", true)]
    [InlineData("1.0.0", "2.0.0", false)]
    [InlineData("0.0.1", "0.0.2", false)]
    public void Use_OfAnotherVersionOfThePackage_IsFoundWithinTheCompatibleTrack(string wanted, string there, bool found)
    {
        (string, string)[] files = [("main.wit", $"package a:b; interface j {{ use c:d/i@{wanted}.{{t}}; }}"), ("deps/d/d.wit", $"package c:d@{there}; interface i {{ type t = u8; }}")];

        if (found) Assert.Equal("u8", WitResolver.Resolve(files).Packages.Single(p => p.Name.Name == "b").Interfaces[0].Types[0].Alias!.Resolved.ToString());
        else Assert.Equal($"main.wit:1:32: package `c:d@{wanted}` is not here: put its files beside yours (in deps/)", Assert.Throws<WitException>(() => WitResolver.Resolve(files)).Message);
    }

    [Fact]
    public void Library_PackagesThatAreNotGiven_AreTakenFromIt()
    {
        WitResolve resolve = WitResolver.Resolve(
            [("main.wit", "package a:b; interface j { use c:d/i.{t}; use e:f/i.{t as u}; }"), ("deps/d.wit", "package c:d; interface i { type t = u8; }")],
            library: [("lib/d/d.wit", "package c:d; interface i { type t = u16; }"), ("lib/f/f.wit", "package e:f; interface i { type t = u32; }")]);

        Assert.Equal(["u8", "u32"], resolve.Packages.Single(p => p.Name.Name == "b").Interfaces[0].Types.Select(t => t.Alias!.Resolved.ToString()));
    }

    [Fact]
    public void World_ImportsAndExports_HaveTheirNames()
    {
        WitWorld world = World("""
            interface i { f: func(); }
            world w {
              import i;
              import log: func(line: string);
              import in-line: interface { g: func() -> u8; }
              export i;
              export run: async func() -> result;
              export out-line: interface { resource r { m: func(); } }
              record local { a: u8 }
              import with-local: func(l: local);
              resource own { constructor(); pull: func(); }
            }
            """);

        Assert.Equal(["a:b/i", "log", "in-line", "with-local", "[constructor]own", "[method]own.pull"], world.Imports.Select(i => i.Name));
        Assert.Equal(["a:b/i", "run", "out-line"], world.Exports.Select(e => e.Name));
        Assert.Null(world.Imports[2].Interface!.Package);
        Assert.True(world.Exports[1].Function!.IsAsync);
        Assert.Equal(["local", "own"], world.Types.Select(t => t.Name));
    }

    [Fact]
    public void World_InterfacesWhoseTypesAreUsed_AreImportedBeforeThem()
    {
        WitWorld world = Resolve("""
            package a:b;
            interface base { type t = u8; }
            interface middle { use base.{t}; type u = t; }
            interface top { use middle.{u}; f: func(u: u); }
            interface apart { use base.{t}; g: func(t: t); }
            world w { import top; export apart; }
            """).FindWorld("w")!;

        Assert.Equal(["a:b/base", "a:b/middle", "a:b/top"], world.Imports.Select(i => i.Name));
        Assert.Equal(["a:b/apart"], world.Exports.Select(i => i.Name));
    }

    [Fact]
    public void Include_World_TakesItsItemsUnderOtherNamesWhereAsked()
    {
        WitResolve resolve = Resolve("""
            package a:b;
            interface i {}
            world base { import i; import log: func(); export run: func(); }
            world mine { include base with { log as my-log, run as my-run } import other: func(); }
            world twice { include base; include base; }
            """);

        WitWorld mine = resolve.FindWorld("mine")!, twice = resolve.FindWorld("a:b/twice")!;
        Assert.Equal(["a:b/i", "my-log", "other"], mine.Imports.Select(i => i.Name));
        Assert.Equal(["my-run"], mine.Exports.Select(e => e.Name));
        Assert.Equal(["a:b/i", "log"], twice.Imports.Select(i => i.Name));
        Assert.Null(resolve.FindWorld(null));
        Assert.Null(resolve.FindWorld("none"));
    }

    [Fact]
    public void Include_WorldOfAnotherPackage_IsFoundByPathAndByUse()
    {
        (string, string)[] files =
        [
            ("main.wit", "package a:b; use c:d/wide@1.0.0 as w2; world one { include c:d/wide@1.0.0; } world two { include w2; }"),
            ("deps/d/d.wit", "package c:d@1.0.0; world wide { export run: func(); }"),
        ];

        WitPackage package = WitResolver.Resolve(files).Packages.Single(p => p.Name.Name == "b");

        Assert.All(package.Worlds, w => Assert.Equal("run", Assert.Single(w.Exports).Name));
    }

    [Fact]
    public void Use_TopLevelNameOfTheSamePackage_MeansTheInterface()
    {
        WitInterface j = Resolve("package a:b; use i as k; interface i { type t = u8; } interface j { use k.{t}; }").Packages[0].Interfaces[1];

        Assert.Equal("t", Assert.Single(j.Types).Name);
    }
}
