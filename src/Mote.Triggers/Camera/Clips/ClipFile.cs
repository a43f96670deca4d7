// A clip that is being written. It has its name when it is whole; what a kill leaves is a part that can be read as far as
// it goes.
using Mote.Age;
using Mote.Runtime;

namespace Mote.Triggers.Camera.Clips;

/// <summary>Takes a clip in plain and has it on the disk encrypted.</summary>
internal sealed class ClipFile : IDisposable
{
    /// <summary>How often room is made for it.</summary>
    private const long Step = 1 << 20;

    private readonly ClipStore _store;
    private readonly string _path;
    private readonly FileStream _file;
    private readonly AgeWriter _writer;
    private long _tidied;
    private bool _isEmpty = true;

    /// <exception cref="IOException">It cannot be written.</exception>
    public ClipFile(ClipStore store, string path, AgeRecipient recipient)
    {
        _store = store;
        _path = path;
        _file = PrivateFile.Create(path);
        try
        {
            _writer = new AgeWriter(_file, recipient);
        }
        catch
        {
            _file.Dispose();
            throw;
        }
    }

    /// <summary>Takes the next bytes.</summary>
    /// <exception cref="IOException">The disk is full, or what clips may take is.</exception>
    public void Write(ReadOnlySpan<byte> bytes)
    {
        long before = _file.Position;
        if (before > _store.MaxBytes) throw new IOException($"it is larger than all clips may be together, {_store.MaxBytes >> 20} MiB (`max-size` under [clips])");
        _isEmpty = false;
        _writer.Write(bytes);
        _store.Written(_file.Position - before);
        if (_file.Position - _tidied < Step) return;
        _tidied = _file.Position;
        _store.Tidy();
    }

    /// <summary>It is whole: on the disk, and with its name.</summary>
    /// <exception cref="IOException">The disk does not take it.</exception>
    public void Finish()
    {
        _writer.Finish();
        _file.Flush(flushToDisk: true);
        _file.Dispose();
        DurableFile.Rename(_path, ClipStore.WholeOf(_path));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _writer.Dispose();
        _file.Dispose();
        if (_isEmpty) File.Delete(_path);
        _store.Close(_path);
    }
}
