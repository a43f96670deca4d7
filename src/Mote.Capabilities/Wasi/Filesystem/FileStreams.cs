// Streams of files: what is read begins at an offset and goes on from there; what is written too, or goes to the end.
using Mote.Capabilities.Wasi.Io;
using Mote.Files;

namespace Mote.Capabilities.Wasi.Filesystem;

/// <summary>Reads a file from an offset. The end is where the file ends when it is met.</summary>
internal sealed class FileInput(GuestFiles files, HostFile file, ulong offset) : InputStream(files.Vm), IDisposable
{
    private ulong _at = offset;

    protected override ReadOnlyMemory<byte> Take(int max, out bool closed)
    {
        closed = false;
        if (max == 0) return default;
        Memory<byte> buffer = files.Buffer(max);
        FileResult<int> read = file.Read(buffer.Span, _at);
        if (!read.IsOk) throw new StreamFailure(new FileIoError(read.Error));
        closed = read.Value == 0;
        _at += (uint)read.Value;
        return buffer[..read.Value];
    }

    protected override Pollable Readable() => new ReadyPollable(Vm);

    public void Dispose() => file.Dispose();
}

/// <summary>Writes a file from an offset, or at its end where there is none.</summary>
internal sealed class FileOutput(GuestFiles files, HostFile file, ulong? offset, bool? syncs) : OutputStream(files.Vm), IDisposable
{
    private ulong _at = offset ?? 0;

    protected override void Put(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            int count;
            if (offset is null)
            {
                FileResult<(int Count, ulong End)> appended = file.Append(bytes);
                if (!appended.IsOk) throw new StreamFailure(new FileIoError(appended.Error));
                count = appended.Value.Count;
            }
            else
            {
                FileResult<int> written = file.Write(bytes, _at);
                if (!written.IsOk) throw new StreamFailure(new FileIoError(written.Error));
                count = written.Value;
            }

            _at += (uint)count;
            bytes = bytes[count..];
        }

        if (syncs is { } dataOnly && files.Sync(file, dataOnly) is not FileError.None and var e) throw new StreamFailure(new FileIoError(e));
    }

    /// <summary>Writes go to the system as they come; that they are on disk is what sync is for.</summary>
    protected override void Through()
    {
    }

    public void Dispose() => file.Dispose();
}
