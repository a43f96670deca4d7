// Reading and writing in preview 1: a list of buffers in the guest's memory, filled and emptied in order.
using Mote.Capabilities.Wasi.Filesystem;
using Mote.Capabilities.Wasi.Io;
using Mote.Components;
using Mote.Components.Abi;
using Mote.Files;

namespace Mote.Capabilities.Wasi.Preview1;

public sealed partial class Preview1Guest
{
    private const uint MaxVectors = 1024;

    internal Errno FdRead(ref GuestContext m, uint fd, uint vectors, uint count, uint result)
    {
        if (_descriptors.Get(fd) is StreamEntry stream) return ReadStream(ref m, stream, vectors, count, result);
        FileEntry file = _descriptors.Content(fd, Rights.None, Errno.BadFile);
        Errno error = ReadFile(ref m, file, vectors, count, result, file.Position, out ulong done);
        file.Position += done;
        return error;
    }

    internal Errno FdPread(ref GuestContext m, uint fd, uint vectors, uint count, ulong offset, uint result) =>
        ReadFile(ref m, _descriptors.Content(fd, Rights.None, Errno.IllegalSeek), vectors, count, result, offset, out _);

    private Errno ReadFile(ref GuestContext m, FileEntry file, uint vectors, uint count, uint result, ulong offset, out ulong done)
    {
        done = 0;
        if ((file.Rights & Rights.FdRead) == 0) return Errno.BadFile;
        if (count > MaxVectors) return Errno.Invalid;
        for (uint i = 0; i < count; i++)
        {
            Span<byte> buffer = m.Block(m.LoadU32(vectors + (i * 8)), m.LoadU32(vectors + (i * 8) + 4));
            while (buffer.Length > 0 && done < int.MaxValue)
            {
                FileResult<int> read = file.Host.Read(buffer[..Math.Min(buffer.Length, GuestFiles.MaxTransfer)], offset + done);
                if (!read.IsOk && done == 0) return Errnos.Of(read.Error);
                if (!read.IsOk || read.Value == 0)
                {
                    m.StoreU32(result, (uint)done);
                    return Errno.Success;
                }

                done += (uint)read.Value;
                buffer = buffer[read.Value..];
                _vm.CheckDeadline();
            }
        }

        m.StoreU32(result, (uint)done);
        return Errno.Success;
    }

    private static Errno ReadStream(ref GuestContext m, StreamEntry stream, uint vectors, uint count, uint result)
    {
        if (stream.Input is not { } input || (stream.Rights & Rights.FdRead) == 0) return Errno.BadFile;
        if (count > MaxVectors) return Errno.Invalid;
        ulong room = 0;
        for (uint i = 0; i < count; i++) room += m.LoadU32(vectors + (i * 8) + 4);
        ReadOnlyMemory<byte> bytes = default;
        if (room > 0)
        {
            Result<ReadOnlyMemory<byte>, IStreams.StreamError> read = input.BlockingRead(room);
            if (read.IsOk) bytes = read.Value;
            else if (read.Error is not IStreams.StreamError.Closed) return Errno.Io;
        }

        uint done = 0;
        for (uint i = 0; i < count && done < bytes.Length; i++)
        {
            uint length = (uint)Math.Min(m.LoadU32(vectors + (i * 8) + 4), (ulong)bytes.Length - done);
            bytes.Span.Slice((int)done, (int)length).CopyTo(m.Block(m.LoadU32(vectors + (i * 8)), length));
            done += length;
        }

        m.StoreU32(result, done);
        return Errno.Success;
    }

    internal Errno FdWrite(ref GuestContext m, uint fd, uint vectors, uint count, uint result)
    {
        if (_descriptors.Get(fd) is StreamEntry stream) return WriteStream(ref m, stream, vectors, count, result);
        FileEntry file = _descriptors.Content(fd, Rights.None, Errno.BadFile);
        return WriteFile(ref m, file, vectors, count, result, null);
    }

    internal Errno FdPwrite(ref GuestContext m, uint fd, uint vectors, uint count, ulong offset, uint result) =>
        WriteFile(ref m, _descriptors.Content(fd, Rights.None, Errno.IllegalSeek), vectors, count, result, offset);

    /// <summary>Writes at an offset, or, without one, at the file's position or its end.</summary>
    private Errno WriteFile(ref GuestContext m, FileEntry file, uint vectors, uint count, uint result, ulong? offset)
    {
        if ((file.Rights & Rights.FdWrite) == 0) return Errno.BadFile;
        if (count > MaxVectors) return Errno.Invalid;
        ulong done = 0;
        FileError error = FileError.None;
        for (uint i = 0; i < count && error == FileError.None; i++)
        {
            ReadOnlySpan<byte> bytes = m.Block(m.LoadU32(vectors + (i * 8)), m.LoadU32(vectors + (i * 8) + 4));
            while (bytes.Length > 0 && done < int.MaxValue)
            {
                FileResult<int> written = Put(file, bytes[..Math.Min(bytes.Length, GuestFiles.MaxTransfer)], offset + done);
                error = written.Error;
                if (!written.IsOk) break;
                done += (uint)written.Value;
                bytes = bytes[written.Value..];
                _vm.CheckDeadline();
            }
        }

        if (done == 0 && error != FileError.None) return Errnos.Of(_files.Note(error, file.Grant));
        m.StoreU32(result, (uint)done);
        FdFlags syncs = file.Flags & (FdFlags.Sync | FdFlags.DataSync);
        return syncs == FdFlags.None ? Errno.Success : Errnos.Of(_files.Sync(file.Host, dataOnly: (syncs & FdFlags.Sync) == 0));
    }

    private static FileResult<int> Put(FileEntry file, ReadOnlySpan<byte> bytes, ulong? offset)
    {
        if (offset is { } at) return file.Host.Write(bytes, at);
        if ((file.Flags & FdFlags.Append) != 0)
        {
            FileResult<(int Count, ulong End)> appended = file.Host.Append(bytes);
            if (!appended.IsOk) return appended.Error;
            file.Position = appended.Value.End;
            return appended.Value.Count;
        }

        FileResult<int> written = file.Host.Write(bytes, file.Position);
        file.Position += (uint)written.Value;
        return written;
    }

    private Errno WriteStream(ref GuestContext m, StreamEntry stream, uint vectors, uint count, uint result)
    {
        if (stream.Output is not { } output || (stream.Rights & Rights.FdWrite) == 0) return Errno.BadFile;
        if (count > MaxVectors) return Errno.Invalid;
        ulong done = 0;
        for (uint i = 0; i < count; i++)
        {
            ReadOnlySpan<byte> bytes = m.Block(m.LoadU32(vectors + (i * 8)), m.LoadU32(vectors + (i * 8) + 4));
            while (bytes.Length > 0)
            {
                int n = (int)Math.Min((ulong)bytes.Length, OutputStream.Permit);
                if (!output.Write(bytes[..n]).IsOk) return Errno.Io;
                done += (ulong)n;
                bytes = bytes[n..];
                _vm.CheckDeadline(); // one call can carry as much as the memory holds
            }
        }

        if (done > uint.MaxValue) return Errno.Overflow;
        m.StoreU32(result, (uint)done);
        return output.Flush().IsOk ? Errno.Success : Errno.Io;
    }
}
