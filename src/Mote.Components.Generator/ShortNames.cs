// Generated code is read by people: names of the runtime are written short, with usings, unless the WIT defines the
// same name.
using System;
using System.Collections.Generic;
using System.Linq;
using System.Text.RegularExpressions;
using Mote.Wit;

namespace Mote.Components.Generator;

internal static class ShortNames
{
    private static readonly string[] s_namespaces = { "Mote.Components.Abi", "Mote.Components.Linking", "Mote.Components.Resources", "Mote.Components", "Mote.Wasmtime", "System.Collections.Generic", "System.Text", "System" };

    private static readonly Regex s_qualified = new Regex(@"global::([A-Za-z0-9_.]+)\.([A-Za-z0-9_]+)", RegexOptions.CultureInvariant);

    /// <summary>The using directives that the short names need.</summary>
    public static IEnumerable<string> Usings => s_namespaces.OrderBy(n => n.StartsWith("System", StringComparison.Ordinal) ? 0 : 1).ThenBy(n => n, StringComparer.Ordinal).Select(n => $"using {n};");

    public static string Apply(string code, WitOwner owner, Container container)
    {
        var taken = new HashSet<string>(owner.Types.SelectMany(t => new[] { CSharpNames.Pascal(t.Name), "I" + CSharpNames.Pascal(t.Name) }));
        // What the container itself defines is in scope.
        code = code.Replace(container.FullName + ".", "").Replace(container.FullName, container.Name);
        return s_qualified.Replace(code, m => (s_namespaces.Contains(m.Groups[1].Value) || m.Groups[1].Value == container.Namespace) && !taken.Contains(m.Groups[2].Value) ? m.Groups[2].Value : m.Value);
    }
}
