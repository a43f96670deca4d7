// The outbox and the inbox in one SQLite file. One thread writes, and commits what waits together: an event costs its share of one
// fsync. Memory does not grow with what waits.
using System.Globalization;
using Microsoft.Data.Sqlite;
using Mote.DataPlane;

namespace Mote.Backends.Sqlite;

/// <summary>The embedded outbox, and the inbox with it: an event's results and its end are one transaction.</summary>
public sealed class SqliteOutbox : IOutbox, IInbox
{
    /// <summary>Most bytes of records where nothing else is said.</summary>
    public const long DefaultMaxBytes = 256L << 20;

    /// <summary>Most bytes of messages in the inbox where nothing else is said.</summary>
    public const long DefaultInboxBytes = 64L << 20;

    private readonly OutboxWriter _writer;
    private readonly string _path;
    private readonly Action<string> _log;
    private readonly Lock _reading = new();
    private SqliteConnection? _reader;
    private long _damaged;
    private long _damagedMessages;

    /// <summary>Opens or makes the file. One that is damaged is put aside, and what can be read of it is taken over.</summary>
    /// <param name="path">The file.</param>
    /// <param name="maxBytes">Most bytes of records that wait: then the lowest priority's oldest go, and a gap is noted.</param>
    /// <param name="log">Told of faults, in words for an operator.</param>
    /// <param name="time">The clock.</param>
    /// <exception cref="IOException">It cannot be opened.</exception>
    public SqliteOutbox(string path, long maxBytes, Action<string> log, TimeProvider time)
    {
        _path = Path.GetFullPath(path);
        _log = log;
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(_path)!);
            try
            {
                _writer = new OutboxWriter(_path, maxBytes, log, time, () => Filled?.Invoke());
            }
            catch (SqliteException e) when (e.SqliteErrorCode is SqliteSalvage.Corrupt or SqliteSalvage.NotADatabase)
            {
                string aside = SqliteSalvage.PutAside(_path);
                log($"the outbox {_path} is damaged ({e.Message}); it is kept as {aside}");
                _writer = new OutboxWriter(_path, maxBytes, log, time, () => Filled?.Invoke());
                (long taken, long lost) = _writer.Salvage(aside);
                log($"the outbox {_path}: {taken} events of the damaged file are taken over{(lost > 0 ? $", {lost} records could not be read" : "")}");
            }
        }
        catch (Exception e) when (e is SqliteException or UnauthorizedAccessException)
        {
            throw new IOException($"the outbox '{_path}' cannot be opened: {e.Message}", e);
        }
    }

    /// <inheritdoc/>
    public Action? Filled { get; set; }

    /// <inheritdoc/>
    public OutboxCounts Counts => _writer.Counts with { Damaged = Volatile.Read(ref _damaged) };

    /// <inheritdoc/>
    public void Put(IReadOnlyList<(OutboxClass Class, CloudEvent Event)> events, Action<Exception?> done, InboxIds over = default) => _writer.Put(events, done, over);

    /// <summary>Bytes given to the disk for events and for messages, journal and all; 0 where the kernel does not count them.</summary>
    public (long Outbox, long Inbox) DiskBytes() => _writer.DiskBytes();

    /// <summary>Most bytes of messages in the inbox.</summary>
    public long InboxMaxBytes { get; init; } = DefaultInboxBytes;

    /// <inheritdoc/>
    public InboxCounts InboxCounts => _writer.InboxCounts with { Damaged = Volatile.Read(ref _damagedMessages) };

    /// <inheritdoc/>
    public bool HasRoom => _writer.InboxBytes < InboxMaxBytes;

    /// <inheritdoc/>
    public bool IsWell => _writer.Counts.Fault is null;

    /// <inheritdoc/>
    public long LastMessage => _writer.LastMessage;

    /// <inheritdoc/>
    public long WaitingFor(string queue) => _writer.WaitingFor(queue);

    /// <inheritdoc/>
    public long Park(string queue, byte[] record, bool isInMemory, Action<Exception?> done) => _writer.Park(queue, record, isInMemory, done);

    /// <inheritdoc/>
    public void Over(long id) => _writer.Over(id);

    /// <inheritdoc/>
    public IReadOnlyList<InboxEntry> Peek(string queue, long after, int most, long maxBytes) => Read(reader =>
    {
        // Before it is read: one that is let go of after this may still be seen. One that comes after this may be seen too,
        // and whether somebody has it in memory is not known: it is for the next time.
        (HashSet<long> held, long last) = _writer.InMemory();
        var entries = new List<InboxEntry>();
        using SqliteCommand c = reader.CreateCommand();
        c.CommandText = "SELECT id, record, crc FROM inbox WHERE queue = $queue AND id > $after AND id <= $last ORDER BY id";
        c.Parameters.AddWithValue("$queue", queue);
        c.Parameters.AddWithValue("$after", after);
        c.Parameters.AddWithValue("$last", last);
        using SqliteDataReader r = c.ExecuteReader();
        for (long bytes = 0; entries.Count < most && (entries.Count == 0 || bytes < maxBytes) && r.Read();)
        {
            if (held.Contains(r.GetInt64(0))) continue;
            if (Entry(r, queue) is not { } entry) continue;
            bytes += entry.Record.Length;
            entries.Add(entry);
        }

        return entries;
    });

    /// <inheritdoc/>
    public InboxEntry? Find(string queue, long id) => Read(reader =>
    {
        using SqliteCommand c = reader.CreateCommand();
        c.CommandText = "SELECT id, record, crc FROM inbox WHERE queue = $queue AND id = $id";
        c.Parameters.AddWithValue("$queue", queue);
        c.Parameters.AddWithValue("$id", id);
        using SqliteDataReader r = c.ExecuteReader();
        return r.Read() ? Entry(r, queue) : null;
    });

    /// <returns>The message; null where it is damaged.</returns>
    private InboxEntry? Entry(SqliteDataReader r, string queue)
    {
        byte[] record = r.GetFieldValue<byte[]>(1);
        if (EventRecord.Check(record) == r.GetInt64(2)) return new InboxEntry(r.GetInt64(0), record);
        Interlocked.Increment(ref _damagedMessages);
        _log($"the inbox {_path}: message {r.GetInt64(0)} of `{queue}` is damaged; it is kept in the table `damaged` and not handled");
        _writer.Over(r.GetInt64(0), damaged: true);
        return null;
    }

    /// <inheritdoc/>
    public void Remove(IReadOnlyList<long> ids) => _writer.Remove(ids);

    /// <inheritdoc/>
    public void Told(OutboxGap gap) => _writer.Told(gap);

    /// <inheritdoc/>
    public IReadOnlyList<OutboxEntry> Peek(int most, long maxBytes) => Read(reader =>
    {
        // Those whose removal is not on disk yet are there still, and are not given again.
        HashSet<long> gone = _writer.Removing();
        var entries = new List<OutboxEntry>();
        var damaged = new List<long>();
        using SqliteCommand c = reader.CreateCommand();
        c.CommandText = "SELECT id, class, record, crc FROM outbox ORDER BY priority DESC, id";
        using SqliteDataReader r = c.ExecuteReader();
        for (long bytes = 0; entries.Count < most && (entries.Count == 0 || bytes < maxBytes) && r.Read();)
        {
            long id = r.GetInt64(0);
            if (gone.Contains(id)) continue;
            byte[] record = r.GetFieldValue<byte[]>(2);
            if (OutboxWriter.TryRead(record, r.GetInt64(3)) is { } e) entries.Add(new OutboxEntry(id, r.GetString(1), e));
            else damaged.Add(id);
            bytes += record.Length;
        }

        if (damaged.Count > 0)
        {
            Interlocked.Add(ref _damaged, damaged.Count);
            _log($"the outbox {_path}: {damaged.Count} records are damaged; they are kept in its table `damaged` and not sent");
            _writer.Quarantine(damaged);
        }

        return entries;
    });

    /// <inheritdoc/>
    public IReadOnlyList<OutboxGap> Gaps() => Read(reader =>
    {
        HashSet<OutboxGap> told = _writer.Telling(); // before it is read: afterwards it may be on disk, and forgotten here
        var gaps = new List<OutboxGap>();
        using SqliteCommand c = reader.CreateCommand();
        c.CommandText = "SELECT class, messages, bytes, first, last, reason, version FROM gap";
        using SqliteDataReader r = c.ExecuteReader();
        while (r.Read()) gaps.Add(new OutboxGap(r.GetString(0), r.GetInt64(1), r.GetInt64(2), Time(r.GetInt64(3)), Time(r.GetInt64(4)), r.GetString(5), r.GetInt64(6)));
        return gaps.FindAll(g => !told.Contains(g));

        static DateTimeOffset Time(long ms) => DateTimeOffset.FromUnixTimeMilliseconds(ms);
    });

    /// <inheritdoc/>
    public void Dispose()
    {
        _writer.Dispose();
        lock (_reading) _reader?.Dispose();
    }

    private T Read<T>(Func<SqliteConnection, T> read)
    {
        lock (_reading)
        {
            try
            {
                if (_reader is null)
                {
                    _reader = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = _path, Pooling = false, DefaultTimeout = 30 }.ToString());
                    _reader.Open();
                }

                return read(_reader);
            }
            catch (SqliteException e)
            {
                _reader?.Dispose();
                _reader = null;
                throw new IOException(string.Create(CultureInfo.InvariantCulture, $"the outbox '{_path}' cannot be read: {e.Message}"), e);
            }
        }
    }
}
