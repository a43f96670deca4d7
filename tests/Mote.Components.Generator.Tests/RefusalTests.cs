// What no code can be written for is refused with a message at the right place.
using Microsoft.CodeAnalysis;

namespace Mote.Components.Generator.Tests;

public sealed class RefusalTests
{
    private static Diagnostic Refused(string code, string wit) => Assert.Single(Generation.Run(code, ("a/a.wit", wit)).Diagnostics);

    [Fact]
    public void Generate_FaultInAWitFile_IsReportedThere()
    {
        Diagnostic d = Refused("[Mote.Components.WitHost(\"a:b/i\")] partial interface I;", "package a:b;\n\ninterface i {\n  f: func(x: nope);\n}");

        Assert.Equal("MOTE001", d.Id);
        Assert.Equal(DiagnosticSeverity.Error, d.Severity);
        Assert.Equal("there is no type `nope` here", d.GetMessage());
        FileLinePositionSpan at = d.Location.GetLineSpan();
        Assert.Equal(("a/a.wit", 3, 13), (at.Path, at.StartLinePosition.Line, at.StartLinePosition.Character));
    }

    [Fact]
    public void Generate_NoSuchInterface_IsReportedAtTheAttribute()
    {
        Diagnostic d = Refused("\n[Mote.Components.WitHost(\"a:b/other\")] partial interface I;", "package a:b; interface i {}");

        Assert.Equal("MOTE002", d.Id);
        Assert.Equal("no WIT file of this project has an interface or world `a:b/other`", d.GetMessage());
        Assert.Equal(1, d.Location.GetLineSpan().StartLinePosition.Line);
    }

    [Fact]
    public void Generate_NoWitFilesAtAll_IsReported()
    {
        Generation run = Generation.Run("[Mote.Components.WitHost(\"a:b/i\")] partial interface I;");

        Assert.Equal("no WIT file of this project has an interface or world `a:b/i`", Assert.Single(run.Diagnostics).GetMessage());
    }

    [Fact]
    public void Generate_TypesOfAnInterfaceThatIsNotBound_SaysWhatIsMissing()
    {
        Diagnostic d = Refused("[Mote.Components.WitHost(\"a:b/j\")] partial interface J;", "package a:b; interface i { record r { a: u8 } } interface j { use i.{r}; f: func(r: r); }");

        Assert.Equal("a:b/j: types of `a:b/i` are used here, but no type of this project has [WitHost(\"a:b/i\")]", d.GetMessage());
    }

    [Theory]
    [InlineData("f: func(s: stream<u8>);", "stream<u8> is not supported yet")]
    [InlineData("f: func() -> future<u8>;", "future<u8> is not supported yet")]
    [InlineData("f: func(e: error-context);", "error-context is not supported yet")]
    [InlineData("f: async func();", "`f` is async, which is not supported yet")]
    public void Generate_AsynchronousParts_AreNotSupportedYet(string function, string message)
    {
        string wit = $"package a:b; interface i {{ {function} }}";

        Assert.Equal($"a:b/i: {message}", Refused("[Mote.Components.WitHost(\"a:b/i\")] partial interface I;", wit).GetMessage());
        Assert.Equal($"a:b/i: {message}", Refused("[Mote.Components.WitGuest(\"a:b/i\")] partial class I;", wit).GetMessage());
    }

    [Fact]
    public void Generate_OneOfTwoIsRefused_TheOtherIsGenerated()
    {
        Generation run = Generation.Run(
            "[Mote.Components.WitHost(\"a:b/i\")] partial interface I; [Mote.Components.WitHost(\"a:b/j\")] partial interface J;",
            ("a/a.wit", "package a:b; interface i { f: func(s: stream<u8>); } interface j { g: func(); }"));

        Assert.Single(run.Diagnostics);
        Assert.Equal("J.g.cs", Assert.Single(run.Sources).File);
    }

    [Fact]
    public void Generate_NothingAsksForIt_GivesNothing()
    {
        Generation run = Generation.Run("class C;", ("a/a.wit", "this is no WIT at all"));

        Assert.Empty(run.Diagnostics);
        Assert.Empty(run.Sources);
    }
}
