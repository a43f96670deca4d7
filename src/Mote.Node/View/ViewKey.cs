// The key that sessions of the view are signed with: a file of the data folder that only the node's user can read.
using System.Security.Cryptography;
using Mote.Runtime;

namespace Mote.Node.View;

internal static class ViewKey
{
    private const int Bytes = 32;

    /// <summary>The key in a file, which is made where it is not there, or not as it should be: then all sessions are over.</summary>
    /// <param name="path">The file.</param>
    /// <param name="log">Told where it cannot be kept: sessions end with the node then.</param>
    public static byte[] Load(string path, Action<string> log)
    {
        try
        {
            if (Read(path) is { } old) return old;
            byte[] key = RandomNumberGenerator.GetBytes(Bytes);
            DurableFile.Replace(path, key, isPrivate: true);
            return key;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            log($"{path} cannot be kept, so whoever looks has to ask again after the node's next start: {e.Message}");
            return RandomNumberGenerator.GetBytes(Bytes);
        }
    }

    private static byte[]? Read(string path)
    {
        if (!File.Exists(path) || new FileInfo(path).Length != Bytes) return null;
        // What others could read is no secret.
        return PrivateFile.Is(path) ? File.ReadAllBytes(path) : null;
    }
}
