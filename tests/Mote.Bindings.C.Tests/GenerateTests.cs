// Names, and what is refused.
using Mote.Wit;

namespace Mote.Bindings.C.Tests;

public sealed class GenerateTests
{
    private static (string HeaderName, string Header, string SourceName, string Source) Generate(string wit, CBindingsOptions? options = null) =>
        CBindings.Generate(WitResolver.Resolve([("test.wit", wit)]).FindWorld("w")!, options ?? new CBindingsOptions());

    [Theory]
    [InlineData("f: async func()", "function `f` of `t:t/i` is async")]
    [InlineData("f: func(a: stream<u8>)", "function `f` of `t:t/i` has the type `stream<u8>`")]
    [InlineData("f: func() -> list<future>", "function `f` of `t:t/i` has the type `future`")]
    [InlineData("f: func(e: option<error-context>)", "function `f` of `t:t/i` has the type `error-context`")]
    [InlineData("record r { s: future<string> } f: func(r: r)", "type `r` of `t:t/i` has the type `future<string>`")]
    [InlineData("resource r { m: async func(); }", "function `[method]r.m` of `t:t/i` is async")]
    public void Generate_AsynchronousParts_AreRefusedByName(string item, string expected)
    {
        string body = item.EndsWith('}') ? item : item + ";";
        CBindingsException e = Assert.Throws<CBindingsException>(() => Generate($"package t:t; interface i {{ {body} }} world w {{ import i; }}"));
        Assert.StartsWith(expected, e.Message);
    }

    [Fact]
    public void Generate_AsyncFunctionOfTheWorld_IsRefusedByName()
    {
        CBindingsException e = Assert.Throws<CBindingsException>(() => Generate("package t:t; world w { export go: async func(); }"));
        Assert.StartsWith("function `go` is async", e.Message);
    }

    [Fact]
    public void Generate_WithName_UsesItForFilesAndPrefix()
    {
        (string headerName, string header, string sourceName, string source) = Generate("package t:t; world w { import f: func(s: string); export g: func(); }", new CBindingsOptions { Name = "my-app" });
        Assert.Equal("my_app.h", headerName);
        Assert.Equal("my_app.c", sourceName);
        Assert.Contains("void my_app_f(my_app_string_t s);", header);
        Assert.Contains("void exports_my_app_g(void);", header);
        Assert.Contains("#include \"my_app.h\"", source);
    }

    [Fact]
    public void Generate_TwoVersionsOfAPackage_AreToldApart()
    {
        string header = Generate("""
            package a:b@1.0.0 { interface i { f: func(); } }
            package a:b@2.1.0-rc.1 { interface i { f: func(); } }
            package c:d@1.0.0 { interface i { f: func(); } }
            package t:t;
            world w { import a:b/i@1.0.0; import a:b/i@2.1.0-rc.1; import c:d/i@1.0.0; }
            """).Header;
        Assert.Contains("void a_b_1_0_0_i_f(void);", header);
        Assert.Contains("void a_b_2_1_0_rc_1_i_f(void);", header);
        Assert.Contains("void c_d_i_f(void);", header);
    }

    [Fact]
    public void Generate_NamesThatMeet_GetAnUnderscore()
    {
        string header = Generate("""
            package t:t;
            interface i {
              resource r { constructor(); new: static func(); drop: func(); borrow: func(); }
              r-new: func();
              variant a-b { c }
              enum a { b-c }
              record t { class: u8, int: u8 }
              f: func(ret: u8, err: u8, default: u8);
            }
            world w { import i; import string: func(); }
            """).Header;
        Assert.Contains("t_t_i_own_r_t t_t_i_r_new(void);", header);
        Assert.Contains("void t_t_i_r_new_(void);", header);
        Assert.Contains("void t_t_i_r_new__(void);", header);
        Assert.Contains("void t_t_i_r_drop_(t_t_i_borrow_r_t self);", header);
        Assert.Contains("void t_t_i_r_borrow_(t_t_i_borrow_r_t self);", header);
        Assert.Contains("#define T_T_I_A_B_C 0", header);
        Assert.Contains("#define T_T_I_A_B_C_ ((t_t_i_a_t)0)", header);
        Assert.Contains("uint8_t class_;", header);
        Assert.Contains("void t_t_i_f(uint8_t ret_, uint8_t err_, uint8_t default_);", header);
        Assert.Contains("void w_string_(void);", header);
    }

    [Fact]
    public void Generate_IncludedWorldWithTypes_TakesThemOver()
    {
        const string Wit = """
            package t:t;
            world a { resource r { constructor(); } enum e { x } record s { e: e, t: string } import f: func(s: s) -> list<r>; }
            """;
        string header = Generate(Wit + "world w { include a; export g: func(n: u8); }").Header;
        Assert.Contains("w_own_r_t w_r_new(void);", header);
        Assert.Contains("w_list_w_own_r_t w_f(w_s_t s);", header);
        Assert.Contains("#define W_E_X ((w_e_t)0)", header);
        // Renaming a type is not supported, and is not passed over in silence.
        WitException e = Assert.Throws<WitException>(() => Generate(Wit + "world w { include a with { r as q } }"));
        Assert.Contains("no import or export `r`", e.Message);
    }

    [Fact]
    public void Generate_CharAndU32_AreTwoListTypes()
    {
        string header = Generate("package t:t; world w { import f: func(a: list<char>, b: list<u32>); }").Header;
        Assert.Contains("void w_f(w_list_char_t a, w_list_u32_t b);", header);
    }

    [Fact]
    public void Generate_Twice_GivesTheSame() => Assert.Equal(Kitchen(), Kitchen());

    private static (string, string, string, string) Kitchen() =>
        CBindings.Generate(Repository.Resolve(Path.Combine(Repository.Tests, "wit", "kitchen")).FindWorld("kitchen")!, new CBindingsOptions());
}
