// The key that opens a node's clips, where the operator names no other: a file in the data folder, as age-keygen writes it.
using System.Text;
using Mote.Age;
using Mote.Runtime;

namespace Mote.Node;

/// <summary>The node's own key for clips.</summary>
public static class ClipKeys
{
    /// <summary>Where it is.</summary>
    public static string FileOf(string clips) => Path.Combine(clips, "key.txt");

    /// <summary>Reads it, or makes one.</summary>
    /// <param name="clips">The folder of clips.</param>
    /// <exception cref="IOException">It cannot be read or written.</exception>
    /// <exception cref="UnauthorizedAccessException">The same.</exception>
    /// <exception cref="AgeException">The file has no key.</exception>
    public static AgeIdentity Open(string clips)
    {
        string path = FileOf(clips);
        if (File.Exists(path)) return AgeIdentity.ParseFile(File.ReadAllText(path));
        AgeIdentity identity = AgeIdentity.Create();
        PrivateFile.CreateFolder(clips);
        DurableFile.Replace(path, Encoding.UTF8.GetBytes(identity.ToFile(DateTimeOffset.UtcNow)), isPrivate: true);
        return identity;
    }
}
