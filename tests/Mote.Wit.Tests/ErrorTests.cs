// What is wrong is said with file, line and column.
namespace Mote.Wit.Tests;

public sealed class ErrorTests
{
    [Theory]
    [InlineData("interface i {}", "a.wit:1:1: no file of this folder has a `package` line")]
    [InlineData("package a;", "a.wit:1:10: expected `:`, found `;`")]
    [InlineData("package a:b", "a.wit:1:12: expected `;`, found the end of the file")]
    [InlineData("package a:b@;", "a.wit:1:13: expected a version, found `;`")]
    [InlineData("package a:b;\npackage a:c;", "a.wit:2:1: a file has only one `package` line")]
    [InlineData("package a:b;\nfoo i {}", "a.wit:2:1: expected `interface`, `world`, `use` or `package`, found `foo`")]
    [InlineData("package a:b;\ninterface i {", "a.wit:2:14: expected a function, a type or `use`, found the end of the file")]
    [InlineData("package a:b;\ninterface i {\n  f: func(\n}", "a.wit:4:1: expected a parameter, found `}`")]
    [InlineData("package a:b;\ninterface i {\n  f: fun();\n}", "a.wit:3:6: expected `func`, found `fun`")]
    [InlineData("package a:b;\ninterface i {\n  f: func()\n}", "a.wit:4:1: expected `;`, found `}`")]
    [InlineData("package a:b;\ninterface i { type t = ; }", "a.wit:2:24: expected a type, found `;`")]
    [InlineData("package a:b;\ninterface i { type t = nope; }", "a.wit:2:24: there is no type `nope` here")]
    [InlineData("package a:b;\ninterface i { f: func(x: list<nope>); }", "a.wit:2:31: there is no type `nope` here")]
    [InlineData("package a:b;\ninterface i { type t = list; }", "a.wit:2:28: expected `<` after `list`, found `;`")]
    [InlineData("package a:b;\ninterface i { type t = list<u8, u8>; }", "a.wit:2:24: `list` takes 1 type")]
    [InlineData("package a:b;\ninterface i { type t = list<u8, 0>; }", "a.wit:2:33: a list length is a number from 1 to 4294967295")]
    [InlineData("package a:b;\ninterface i { type t = list<u8, 99999999999>; }", "a.wit:2:33: a list length is a number from 1 to 4294967295")]
    [InlineData("package a:b;\ninterface i { type t = option<_>; }", "a.wit:2:24: `option` takes 1 type")]
    [InlineData("package a:b;\ninterface i { type t = map<u8>; }", "a.wit:2:24: `map` takes 2 types")]
    [InlineData("package a:b;\ninterface i { type t = map<f32, u8>; }", "a.wit:2:24: a map key is a bool, an integer, a char or a string")]
    [InlineData("package a:b;\ninterface i { type t = tuple<>; }", "a.wit:2:24: a tuple has at least one type")]
    [InlineData("package a:b;\ninterface i { type t = result<u8, u8, u8>; }", "a.wit:2:24: `result` takes at most two types")]
    [InlineData("package a:b;\ninterface i { type t = borrow<u8>; }", "a.wit:2:24: `borrow` takes the name of a resource")]
    [InlineData("package a:b;\ninterface i { record r { a: u8 } type t = own<r>; }", "a.wit:2:47: `r` is not a resource")]
    [InlineData("package a:b;\ninterface i { record r {} }", "a.wit:2:27: a record, variant, enum or flags has at least one member")]
    [InlineData("package a:b;\ninterface i { record r { a: u8, a: u8 } }", "a.wit:2:33: `a` is there twice in `r`")]
    [InlineData("package a:b;\ninterface i { enum e { x, y, x } }", "a.wit:2:30: `x` is there twice in `e`")]
    [InlineData("package a:b;\ninterface i { type t = u8;\n type t = u8; }", "a.wit:3:7: type `t` is defined twice")]
    [InlineData("package a:b;\ninterface i { f: func();\n f: func(); }", "a.wit:3:2: function `f` is defined twice in `i`")]
    [InlineData("package a:b;\ninterface i { type f = u8;\n f: func(); }", "a.wit:3:2: `f` is the name of a type and of a function in `i`")]
    [InlineData("package a:b;\ninterface i { resource r { constructor();\n constructor(x: u8); } }", "a.wit:3:2: function `[constructor]r` is defined twice in `i`")]
    [InlineData("package a:b;\ninterface i { f: func(a: u8, a: u8); }", "a.wit:2:30: parameter `a` is there twice")]
    [InlineData("package a:b;\ninterface i {}\ninterface i {}", "a.wit:3:11: interface `i` is defined twice in `a:b`")]
    [InlineData("package a:b;\nworld w {}\nworld w {}", "a.wit:3:7: world `w` is defined twice in `a:b`")]
    [InlineData("package a:b;\ninterface x {}\nworld x {}", "a.wit:3:7: `x` is the name of an interface and of a world in `a:b`")]
    [InlineData("package a:b;\ninterface i { record r { x: r } }", "a.wit:2:22: type `r` contains itself")]
    [InlineData("package a:b;\ninterface i { type t = u; type u = t; }", "a.wit:2:20: type `t` contains itself")]
    [InlineData("package a:b;\ninterface i { type t = u; type u = t; record r { x: t } f: func(x: t); }", "a.wit:2:20: type `t` contains itself")]
    [InlineData("package a:b;\ninterface i { type t = t; }", "a.wit:2:20: type `t` contains itself")]
    [InlineData("package a:b;\ninterface i { variant v { a(list<option<v>>) } }", "a.wit:2:23: type `v` contains itself")]
    [InlineData("package a:b;\ninterface i { use j.{t}; } interface j { use i.{t}; }", "a.wit:2:11: interface `i` uses itself, by way of others")]
    [InlineData("package a:b;\ninterface i { use i.{t}; }", "a.wit:2:11: interface `i` uses itself, by way of others")]
    [InlineData("package a:b;\ninterface i { use j.{t}; }", "a.wit:2:19: there is no interface `j` in `a:b`")]
    [InlineData("package a:b;\ninterface i { use j.{t}; } interface j {}", "a.wit:2:22: interface `a:b/j` has no type `t`")]
    [InlineData("package a:b;\ninterface i { use c:d/j.{t}; }", "a.wit:2:19: package `c:d` is not here: put its files beside yours (in deps/)")]
    [InlineData("package a:b;\nuse x;\ninterface i { use x.{t}; }", "a.wit:3:19: there is no interface `x` in `a:b`")]
    [InlineData("package a:b;\nuse x as y;\nuse y as x;\ninterface i { use x.{t}; }", "a.wit:3:5: `x` stands for itself")]
    [InlineData("package a:b;\nuse x as y;\nworld w { include y; }", "a.wit:3:19: there is no world `x` in `a:b`")]
    [InlineData("package a:b;\nworld w { include w; }", "a.wit:2:7: world `w` includes itself")]
    [InlineData("package a:b;\nworld w { include v; } world v { include w; }", "a.wit:2:7: world `w` includes itself")]
    [InlineData("package a:b;\nworld w { include v; }", "a.wit:2:19: there is no world `v` in `a:b`")]
    [InlineData("package a:b;\nworld v {} world w { include v with { x as y } }", "a.wit:2:30: world `v` has no import or export `x`: only those can be renamed")]
    [InlineData("package a:b;\nworld w { import f: func();\n import f: func(); }", "a.wit:3:9: `f` is imported twice")]
    [InlineData("package a:b;\nworld w { export f: func();\n export f: interface {} }", "a.wit:3:9: `f` is exported twice")]
    [InlineData("package a:b;\nworld w { import a:", "a.wit:2:20: expected `func`, found the end of the file")]
    [InlineData("package a:b;\nworld w { import", "a.wit:2:17: expected a name, found the end of the file")]
    [InlineData("package a:b;\nworld w { foo", "a.wit:2:11: expected `import`, `export`, `include`, `use` or a type, found `foo`")]
    [InlineData("package a:b;\n@since(version = 1.0.0\ninterface i {}", "a.wit:3:1: expected `)`, found `interface`")]
    [InlineData("package a:b;\n@soon(version = 1.0.0)\ninterface i {}", "a.wit:2:2: unknown gate @soon: expected @since, @unstable or @deprecated")]
    [InlineData("package a:b;\n  /* never\n", "a.wit:2:3: a block comment does not end")]
    [InlineData("package a:b;\n  $", "a.wit:2:3: unexpected character '$'")]
    [InlineData("package a:b;\n  %", "a.wit:2:3: an identifier was expected after %")]
    [InlineData("package a:b;\ninterface i { type a--b = u8; }", "a.wit:2:20: `a--b` is not kebab-case: words of letters and digits, each all lower-case or all upper-case, joined by single dashes")]
    [InlineData("package a:b;\ninterface i { type aB = u8; }", "a.wit:2:20: `aB` is not kebab-case: words of letters and digits, each all lower-case or all upper-case, joined by single dashes")]
    public void Resolve_Fault_SaysWhereAndWhat(string text, string message)
    {
        WitException e = Assert.Throws<WitException>(() => WitResolver.Resolve([("a.wit", text)]));

        Assert.Equal(message, e.Message);
        Assert.Equal("a.wit", e.File);
        Assert.Equal(message, $"{e.File}:{e.Line}:{e.Column}: {e.Reason}");
    }

    [Fact]
    public void Resolve_TooManyFlags_SaysHowMany()
    {
        string flags = string.Join(", ", Enumerable.Range(0, 33).Select(i => $"f{i}"));

        Assert.Equal("a.wit:1:34: flags have at most 32 names, `f` has 33", Assert.Throws<WitException>(() => WitResolver.Resolve([("a.wit", $"package a:b; interface i {{ flags f {{ {flags} }} }}")])).Message);
    }

    [Fact]
    public void Resolve_FilesOfTwoPackagesInAFolder_SaysWhich()
    {
        WitException e = Assert.Throws<WitException>(() => WitResolver.Resolve([("x/a.wit", "package a:b;"), ("x/b.wit", "package a:c;")]));

        Assert.Equal("x/b.wit:1:1: this folder has files of two packages: `a:b` and `a:c`", e.Message);
    }

    [Fact]
    public void Resolve_FaultInADependency_NamesItsFile()
    {
        WitException e = Assert.Throws<WitException>(() => WitResolver.Resolve([("a.wit", "package a:b;"), ("deps/c/c.wit", "package c:d;\n\n  interface i { f: func(x: y); }")]));

        Assert.Equal("deps/c/c.wit:3:28: there is no type `y` here", e.Message);
    }
}
