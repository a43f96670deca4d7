// The one folder that a node writes to, held by one process at a time.
using Mote.Packaging.Toml;

namespace Mote.Node;

/// <summary>A node's data folder while this process holds it.</summary>
public sealed class DataFolder : IDisposable
{
    private readonly FileStream _lock;

    private DataFolder(string path, FileStream hold)
    {
        Path = path;
        _lock = hold;
    }

    /// <summary>The folder.</summary>
    public string Path { get; }

    /// <summary>Compiled code.</summary>
    public string Code => System.IO.Path.Combine(Path, "code");

    /// <summary>The key-value database.</summary>
    public string KeyValue => System.IO.Path.Combine(Path, "keyvalue.db");

    /// <summary>What timers did last.</summary>
    public string Timers => System.IO.Path.Combine(Path, "timers.state");

    /// <summary>Blobs on their way to a server elsewhere.</summary>
    public string Spool => System.IO.Path.Combine(Path, "blobs-going");

    /// <summary>How much was written on each day.</summary>
    public string Wear => System.IO.Path.Combine(Path, "wear.txt");

    /// <summary>What came for each app and what left.</summary>
    public string Ledger => System.IO.Path.Combine(Path, "ledger.json");

    /// <summary>Pictures that an event keeps.</summary>
    public string Clips => ClipsOf(Path);

    /// <summary>The same of any folder.</summary>
    public static string ClipsOf(string folder) => System.IO.Path.Combine(folder, "clips");

    /// <summary>What sessions of the view are signed with.</summary>
    public string ViewKey => System.IO.Path.Combine(Path, "view.key");

    /// <summary>What waits for the upstream.</summary>
    public string Outbox => System.IO.Path.Combine(Path, "outbox.db");

    /// <summary>Where the node is asked what it does.</summary>
    public string Control => ControlOf(Path);

    /// <summary>The same of any folder.</summary>
    public static string ControlOf(string folder) => System.IO.Path.Combine(folder, "control.sock");

    /// <summary>Makes the folder where it is not there, and takes it.</summary>
    /// <exception cref="ConfigException">It cannot be written, or another process has it.</exception>
    public static DataFolder Open(string path)
    {
        try
        {
            Directory.CreateDirectory(path);
            return new DataFolder(path, new FileStream(System.IO.Path.Combine(path, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
        }
        catch (UnauthorizedAccessException e)
        {
            throw new ConfigException(path, 0, $"the data folder cannot be written: {e.Message}");
        }
        catch (IOException e) when (File.Exists(System.IO.Path.Combine(path, "lock")))
        {
            throw new ConfigException(path, 0, $"the data folder is in use by another process: end it, or give this one its own with `data` under [node] ({e.Message})");
        }
        catch (IOException e)
        {
            throw new ConfigException(path, 0, $"the data folder cannot be made: {e.Message}");
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _lock.Dispose();
}
