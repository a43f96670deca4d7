// The WIT of every interface that is hosted, as it is in wit/: tools offer it to whoever writes a guest.
using System.Reflection;

namespace Mote.Capabilities;

/// <summary>Text of the hosted interfaces.</summary>
public static class HostedWit
{
    private const string Prefix = "wit/";

    /// <summary>Path (wit/messaging/messaging.wit) and text of each file.</summary>
    public static IEnumerable<(string Path, string Text)> Files()
    {
        Assembly assembly = typeof(HostedWit).Assembly;
        foreach (string name in assembly.GetManifestResourceNames().Where(n => n.StartsWith(Prefix, StringComparison.Ordinal)).Order(StringComparer.Ordinal))
        {
            using var reader = new StreamReader(assembly.GetManifestResourceStream(name)!);
            yield return (name, reader.ReadToEnd());
        }
    }
}
