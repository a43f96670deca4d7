// Runs the generator as the compiler does, and compiles what comes out.
using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Text;

namespace Mote.Components.Generator.Tests;

/// <summary>What came of one run.</summary>
internal sealed record Generation(ImmutableArray<(string File, string Text)> Sources, ImmutableArray<Diagnostic> Diagnostics, Compilation Compilation)
{
    private static readonly MetadataReference[] s_references =
    [
        .. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Where(p => Path.GetFileName(p) is var n && (n.StartsWith("System.", StringComparison.Ordinal) || n is "netstandard.dll" or "mscorlib.dll" or "Mote.Wasmtime.dll" or "Mote.Components.dll"))
            .Select(p => MetadataReference.CreateFromFile(p)),
    ];

    /// <summary>Errors and warnings of the compiled whole.</summary>
    public string[] Faults => [.. Compilation.GetDiagnostics().Where(d => d.Severity >= DiagnosticSeverity.Warning).Select(d => $"{d}: {d.Location.SourceTree?.GetText().Lines[d.Location.GetLineSpan().StartLinePosition.Line].ToString().Trim()}").Distinct()];

    /// <summary>Generates for C# code and WIT files.</summary>
    public static Generation Run(string code, params (string Path, string Text)[] wit)
    {
        CSharpCompilation compilation = Compile(code);
        GeneratorDriver driver = CSharpGeneratorDriver.Create(
            [new WitGenerator().AsSourceGenerator()],
            wit.Select(w => (AdditionalText)new WitFile(w.Path, w.Text)),
            (CSharpParseOptions)compilation.SyntaxTrees[0].Options);
        driver = driver.RunGeneratorsAndUpdateCompilation(compilation, out Compilation output, out ImmutableArray<Diagnostic> diagnostics);
        return new Generation([.. driver.GetRunResult().Results[0].GeneratedSources.Select(s => (s.HintName, s.SourceText.ToString()))], diagnostics, output);
    }

    public static CSharpCompilation Compile(string code) => CSharpCompilation.Create(
        "generated",
        [CSharpSyntaxTree.ParseText(code, new CSharpParseOptions(LanguageVersion.Latest))],
        s_references,
        new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, allowUnsafe: true, nullableContextOptions: NullableContextOptions.Enable));

    private sealed class WitFile(string path, string text) : AdditionalText
    {
        public override string Path => path;

        public override SourceText GetText(CancellationToken cancellationToken = default) => SourceText.From(text);
    }
}
