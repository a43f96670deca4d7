// A small file that is there whole, the old or the new, whenever the power goes.
namespace Mote.Runtime;

/// <summary>Replaces small files so that a power cut leaves the old content or the new, never a part of it.</summary>
public static class DurableFile
{
    /// <summary>
    /// Writes beside the file, waits until that is on disk, renames it, and waits until the rename is. One writer at a time.
    /// </summary>
    /// <exception cref="IOException">It could not be written; the old content is there.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder cannot be written.</exception>
    /// <param name="path">The file.</param>
    /// <param name="content">What it has from now on.</param>
    /// <param name="isPrivate">Nobody but this user may read it.</param>
    public static void Replace(string path, ReadOnlySpan<byte> content, bool isPrivate = false)
    {
        string temporary = path + ".tmp";
        try
        {
            using (FileStream stream = isPrivate ? PrivateFile.Replace(temporary) : new FileStream(temporary, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0))
            {
                stream.Write(content);
                stream.Flush(flushToDisk: true);
            }

            Rename(temporary, path);
        }
        catch (IOException)
        {
            // What is left of it takes room on a disk that may be full.
            Discard(temporary);
            throw;
        }
    }

    /// <summary>Gives a file that is on disk its name, in place of one that has it, and waits until that is on disk as well. Both are in one folder.</summary>
    /// <exception cref="IOException">It could not be renamed, or the folder could not be written to disk.</exception>
    public static void Rename(string from, string to)
    {
        File.Move(from, to, overwrite: true);
        if (!Files.SyncFolder(Path.GetDirectoryName(Path.GetFullPath(to))!)) throw new IOException($"the folder of {to} could not be written to disk");
    }

    private static void Discard(string temporary)
    {
        try
        {
            File.Delete(temporary);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The next write begins with it.
        }
    }
}
