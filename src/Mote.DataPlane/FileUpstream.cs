// An upstream that is a file: an event a line, as JSON, on disk before it leaves the outbox. For nodes whose data is
// fetched, or carried away, by something else.
using System.Buffers;
using System.Globalization;

namespace Mote.DataPlane;

/// <summary>Where lines go, and how many.</summary>
/// <param name="Path">The file that is written to, absolute. Finished ones stand beside it: `events.jsonl` becomes `events-NUMBER.jsonl`, a higher number later.</param>
/// <param name="FileSize">About how many bytes a file has when it is finished.</param>
/// <param name="TotalSize">Most bytes of all of them together.</param>
/// <param name="DropOldest">What there is no room for: true deletes the oldest finished file, false waits until somebody has taken some away.</param>
/// <param name="Batch">Most events for one wait for the disk.</param>
public sealed record FileUpstreamOptions(string Path, long FileSize = 64L << 20, long TotalSize = 1L << 30, bool DropOldest = false, int Batch = 100);

/// <summary>Appends events to a file, in CloudEvents' JSON format.</summary>
/// <param name="options">Where, and how many.</param>
/// <param name="time">The clock: finished files are numbered by it.</param>
/// <param name="log">Told what is cut off or deleted.</param>
public sealed class FileUpstream(FileUpstreamOptions options, TimeProvider time, Action<string> log) : IUpstream
{
    /// <summary>Told what is written; null for nobody.</summary>
    public Runtime.DiskWear? Wear { get; init; }

    /// <summary>What every line begins with.</summary>
    private static readonly byte[] s_begin = "{\"specversion\""u8.ToArray();

    /// <summary>A disk that takes longer is one that does not answer: a wait for it cannot be ended, but can be left alone.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    private readonly FinishedFiles _finished = new(options.Path);
    private Microsoft.Win32.SafeHandles.SafeFileHandle? _file;
    private long _length;
    private Task<UpstreamAnswer>? _writing;

    /// <inheritdoc/>
    public string Address => options.Path;

    /// <inheritdoc/>
    public int Batch => options.Batch;

    /// <inheritdoc/>
    public async Task<UpstreamAnswer> SendAsync(IReadOnlyList<CloudEvent> events, CancellationToken token)
    {
        if (_writing is { IsCompleted: false }) return new UpstreamAnswer(0, "the disk still has not taken what was written before");
        _writing = Task.Run(() => Append(events), CancellationToken.None);
        try
        {
            return await _writing.WaitAsync(s_patience, token).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            return new UpstreamAnswer(0, $"the disk has not taken it within {s_patience.TotalSeconds:0} s");
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        if (_writing is not { IsCompleted: false }) Close();
        return ValueTask.CompletedTask;
    }

    private UpstreamAnswer Append(IReadOnlyList<CloudEvent> events)
    {
        var lines = new ArrayBufferWriter<byte>();
        foreach (CloudEvent e in events)
        {
            lines.Write(e.ToJson());
            lines.Write("\n"u8);
        }

        try
        {
            Open();
            if (_length > 0 && _length + lines.WrittenCount > options.FileSize) Finish();
            if (MakeRoom(lines.WrittenCount) is { } full) return full;
            RandomAccess.Write(_file!, lines.WrittenSpan, _length);
            RandomAccess.FlushToDisk(_file!);
            _length += lines.WrittenCount;
            Wear?.Add(Runtime.WearSource.UpstreamFiles, lines.WrittenCount);
            return new UpstreamAnswer(events.Count);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            Undo();
            return new UpstreamAnswer(0, e.Message, e is UnauthorizedAccessException or DirectoryNotFoundException or NotSupportedException ? UpstreamFault.Misconfigured : UpstreamFault.Unreachable);
        }
    }

    /// <summary>After a write or an fsync that failed nobody knows what is on disk behind the last good line: it is cut off, or else at the next opening.</summary>
    private void Undo()
    {
        try
        {
            if (_file is not null) RandomAccess.SetLength(_file, _length);
        }
        catch (IOException)
        {
            // What stays there is half a line, or lines that come again under the same ids.
        }

        Close();
    }

    private void Close()
    {
        _file?.Dispose();
        _file = null;
    }

    /// <summary>Opens the file, also where another has taken its place since the last time.</summary>
    private void Open()
    {
        if (_file is not null)
        {
            var now = new FileInfo(options.Path);
            if (now.Exists && now.Length == _length) return;
            Close();
        }

        bool isNew = !File.Exists(options.Path);
        _file = File.OpenHandle(options.Path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read);
        _length = RandomAccess.GetLength(_file);
        if (isNew) SyncFolder();
        _finished.Look();
        long good = LastGoodLine();
        if (good == _length) return;
        log($"upstream {Address}: {_length - good} bytes of a line that was not finished are cut off; what was in it is written again");
        RandomAccess.SetLength(_file, good);
        _length = good;
    }

    /// <summary>Where the last whole line ends. A power cut leaves a part of a line behind it, or zeros where data should be.</summary>
    private long LastGoodLine()
    {
        for (long look = 1 << 20; ; look *= 4)
        {
            byte[] end = new byte[Math.Min(_length, look)];
            long from = _length - end.Length;
            for (int read = 0, n; read < end.Length; read += n)
            {
                n = RandomAccess.Read(_file!, end.AsSpan(read), from + read);
                if (n == 0) throw new IOException($"{options.Path} changes while it is read: another program writes to it");
            }

            int zero = end.AsSpan().IndexOf((byte)0);
            ReadOnlySpan<byte> sound = zero < 0 ? end : end.AsSpan(0, zero);
            int newline = sound.LastIndexOf((byte)'\n');
            if (newline < 0 && from > 0) continue; // one long line: its beginning is further to the front
            ReadOnlySpan<byte> rest = sound[(newline + 1)..];
            if (rest.IsEmpty && zero < 0) return _length;
            bool ours = rest.Length < s_begin.Length ? s_begin.AsSpan().StartsWith(rest) : rest.StartsWith(s_begin);
            if (!ours) throw new NotSupportedException($"{options.Path} does not end with a line of this node: move it away, or name another file in `url` under [upstream]");
            return from + newline + 1;
        }
    }

    /// <summary>Gives the file its number; the next lines begin a new one.</summary>
    private void Finish()
    {
        Close();
        _finished.Add(time.GetUtcNow().ToUnixTimeMilliseconds());
        SyncFolder();
        Open();
    }

    private UpstreamAnswer? MakeRoom(long bytes)
    {
        if (_finished.Bytes + _length + bytes <= options.TotalSize) return null;
        _finished.Look(); // somebody may have taken some away
        while (_finished.Bytes + _length + bytes > options.TotalSize)
        {
            if (options.DropOldest && _finished.DeleteOldest() is { } name)
            {
                log($"upstream {Address}: {name} was the oldest and is deleted, because all files together may have {options.TotalSize} bytes");
                continue;
            }

            string text = string.Create(CultureInfo.InvariantCulture, $"the files have {_finished.Bytes + _length} bytes, and `total-size` under [upstream] is {options.TotalSize}: take finished files ({_finished.Pattern}) away, or raise it");
            return new UpstreamAnswer(0, text, UpstreamFault.Misconfigured);
        }

        return null;
    }

    private void SyncFolder()
    {
        string folder = Path.GetDirectoryName(options.Path)!;
        if (!Runtime.Files.SyncFolder(folder)) throw new IOException($"{folder} could not be written to disk");
    }
}
