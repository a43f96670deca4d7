// The source generator: finds [WitHost] and [WitGuest], resolves the project's WIT files, and writes one file for each.
using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using System.Text;
using System.Threading;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Text;
using Mote.Wit;

namespace Mote.Components.Generator;

/// <summary>Generates host bindings and guest calls from WIT.</summary>
[Generator(LanguageNames.CSharp)]
public sealed class WitGenerator : IIncrementalGenerator
{
    private static readonly DiagnosticDescriptor s_wit = new("MOTE001", "WIT file", "{0}", "Mote", DiagnosticSeverity.Error, isEnabledByDefault: true);
    private static readonly DiagnosticDescriptor s_binding = new("MOTE002", "WIT binding", "{0}", "Mote", DiagnosticSeverity.Error, isEnabledByDefault: true);

    /// <inheritdoc/>
    public void Initialize(IncrementalGeneratorInitializationContext context)
    {
        IncrementalValueProvider<ImmutableArray<(string Path, string Text)>> files = context.AdditionalTextsProvider
            .Where(static f => f.Path.EndsWith(".wit", StringComparison.OrdinalIgnoreCase))
            .Select(static (f, token) => (f.Path, f.GetText(token)?.ToString() ?? ""))
            .Collect();
        IncrementalValueProvider<ImmutableArray<Target>> hosts = Targets(context, "Mote.Components.WitHostAttribute", guest: false);
        IncrementalValueProvider<ImmutableArray<Target>> guests = Targets(context, "Mote.Components.WitGuestAttribute", guest: true);
        context.RegisterSourceOutput(files.Combine(hosts).Combine(guests), static (output, input) =>
            Run(output, input.Left.Left, input.Left.Right.AddRange(input.Right)));
    }

    private sealed record Target(string Namespace, string Name, string WitName, bool Guest, string Accessibility, Location? Location)
    {
        // Locations differ at every edit; what is generated does not depend on them.
        public bool Equals(Target? other) => other is not null && (Namespace, Name, WitName, Guest, Accessibility) == (other.Namespace, other.Name, other.WitName, other.Guest, other.Accessibility);

        public override int GetHashCode() => (Namespace, Name, WitName).GetHashCode();
    }

    private static IncrementalValueProvider<ImmutableArray<Target>> Targets(IncrementalGeneratorInitializationContext context, string attribute, bool guest) =>
        context.SyntaxProvider.ForAttributeWithMetadataName(
            attribute,
            static (node, _) => node is TypeDeclarationSyntax,
            (c, _) => new Target(
                c.TargetSymbol.ContainingNamespace.IsGlobalNamespace ? "" : c.TargetSymbol.ContainingNamespace.ToDisplayString(),
                c.TargetSymbol.Name,
                c.Attributes[0].ConstructorArguments[0].Value as string ?? "",
                guest,
                c.TargetSymbol.DeclaredAccessibility == Accessibility.Public ? "public" : "internal",
                c.TargetNode.GetLocation())).Collect();

    private static void Run(SourceProductionContext output, ImmutableArray<(string Path, string Text)> files, ImmutableArray<Target> targets)
    {
        if (targets.IsEmpty) return;
        List<(Target, string?, string?)> results = Generate(files, targets, out WitException? fault);
        foreach ((Target target, string? source, string? error) in results)
        {
            if (error is not null) output.ReportDiagnostic(Diagnostic.Create(s_binding, target.Location, error));
            else output.AddSource($"{(target.Namespace.Length > 0 ? target.Namespace + "." : "")}{target.Name}.g.cs", SourceText.From(source!, Encoding.UTF8));
            output.CancellationToken.ThrowIfCancellationRequested();
        }

        if (fault is null) return;
        var at = new LinePosition(fault.Line - 1, fault.Column - 1);
        output.ReportDiagnostic(Diagnostic.Create(s_wit, Location.Create(fault.File, default, new LinePositionSpan(at, at)), fault.Reason));
    }

    private static List<(Target Target, string? Source, string? Error)> Generate(ImmutableArray<(string Path, string Text)> files, ImmutableArray<Target> targets, out WitException? fault)
    {
        var results = new List<(Target, string?, string?)>();
        fault = null;
        WitResolve resolve;
        try
        {
            resolve = WitResolver.Resolve(files);
        }
        catch (WitException e)
        {
            fault = e;
            return results;
        }

        var hosts = new Dictionary<WitOwner, Container>();
        var guests = new Dictionary<WitOwner, Container>();
        var found = new List<(Target Target, WitOwner Owner, Container Container)>();
        foreach (Target t in targets)
        {
            WitOwner? owner = resolve.Packages.SelectMany(p => p.Interfaces).FirstOrDefault(i => i.QualifiedName == t.WitName)
                ?? (WitOwner?)resolve.Packages.SelectMany(p => p.Worlds).FirstOrDefault(w => w.QualifiedName == t.WitName);
            if (owner is null)
            {
                results.Add((t, null, $"no WIT file of this project has an interface or world `{t.WitName}`"));
                continue;
            }

            var container = new Container(t.Namespace, t.Name, t.WitName, t.Guest, t.Accessibility);
            (t.Guest ? guests : hosts)[owner] = container;
            found.Add((t, owner, container));
        }

        foreach ((Target t, WitOwner owner, Container container) in found)
        {
            try
            {
                var names = new TypeNames(hosts, guests, owner, t.Guest);
                results.Add((t, t.Guest ? GuestEmitter.Write(container, owner, names) : HostEmitter.Write(container, owner, names), null));
            }
            catch (GeneratorException e)
            {
                results.Add((t, null, $"{t.WitName}: {e.Message}"));
            }
        }

        return results;
    }
}
