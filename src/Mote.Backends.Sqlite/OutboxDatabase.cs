// The outbox's tables and the statements on them, prepared once. One thread at a time.
using Microsoft.Data.Sqlite;
using Mote.DataPlane;

namespace Mote.Backends.Sqlite;

internal sealed class OutboxDatabase : IDisposable
{
    private readonly SqliteConnection _connection;
    private readonly List<SqliteCommand> _commands = [];
    private readonly SqliteCommand _insert, _delete, _oldest, _gap, _forgetGap, _quarantine, _total, _clock, _park, _over, _inboxTotal, _quarantineMessage;
    private SqliteTransaction? _transaction;
    private bool _durable = true;
    private int _checkpointed;

    public OutboxDatabase(string connectionString)
    {
        _connection = new SqliteConnection(connectionString);
        try
        {
            _connection.Open();
            // FULL: a commit that returned is on disk. Pages that are free again go back to the file system in small steps.
            Execute("""
                PRAGMA auto_vacuum = INCREMENTAL;
                PRAGMA journal_mode = WAL;
                PRAGMA synchronous = FULL;
                PRAGMA busy_timeout = 10000;
                PRAGMA cell_size_check = ON;
                PRAGMA journal_size_limit = 16777216;
                PRAGMA wal_autocheckpoint = 0;
                CREATE TABLE IF NOT EXISTS outbox (
                    id INTEGER PRIMARY KEY,
                    class TEXT NOT NULL,
                    priority INTEGER NOT NULL,
                    at INTEGER NOT NULL,
                    crc INTEGER NOT NULL,
                    record BLOB NOT NULL);
                CREATE INDEX IF NOT EXISTS outbox_order ON outbox (priority DESC, id);
                CREATE INDEX IF NOT EXISTS outbox_class ON outbox (class, id);
                CREATE TABLE IF NOT EXISTS damaged (id INTEGER, class TEXT, crc INTEGER, record BLOB);
                CREATE TABLE IF NOT EXISTS total (class TEXT PRIMARY KEY, priority INTEGER NOT NULL, messages INTEGER NOT NULL, bytes INTEGER NOT NULL);
                CREATE TABLE IF NOT EXISTS gap (
                    class TEXT PRIMARY KEY, messages INTEGER NOT NULL, bytes INTEGER NOT NULL,
                    first INTEGER NOT NULL, last INTEGER NOT NULL, reason TEXT NOT NULL, version INTEGER NOT NULL);
                CREATE TABLE IF NOT EXISTS inbox (id INTEGER PRIMARY KEY, queue TEXT NOT NULL, crc INTEGER NOT NULL, record BLOB NOT NULL);
                CREATE INDEX IF NOT EXISTS inbox_queue ON inbox (queue, id);
                CREATE TABLE IF NOT EXISTS inbox_total (queue TEXT PRIMARY KEY, messages INTEGER NOT NULL, bytes INTEGER NOT NULL);
                CREATE TABLE IF NOT EXISTS clock (one INTEGER PRIMARY KEY, outbox INTEGER NOT NULL, wall INTEGER NOT NULL);
                """);
            _insert = Prepare("INSERT INTO outbox (id, class, priority, at, crc, record) VALUES ($id, $class, $priority, $at, $crc, $record)");
            _delete = Prepare("DELETE FROM outbox WHERE id = $id RETURNING class, length(record)");
            _oldest = Prepare("SELECT id, at, length(record) FROM outbox WHERE class = $class ORDER BY id LIMIT 1");
            _gap = Prepare("""
                INSERT INTO gap (class, messages, bytes, first, last, reason, version) VALUES ($class, 1, $bytes, $at, $at, $reason, 1)
                ON CONFLICT (class) DO UPDATE SET messages = messages + 1, bytes = bytes + $bytes, last = $at, reason = $reason, version = version + 1
                """);
            _forgetGap = Prepare("DELETE FROM gap WHERE class = $class AND version = $version");
            _quarantine = Prepare("INSERT INTO damaged (id, class, crc, record) SELECT id, class, crc, record FROM outbox WHERE id = $id");
            _park = Prepare("INSERT INTO inbox (id, queue, crc, record) VALUES ($id, $queue, $crc, $record)");
            _over = Prepare("DELETE FROM inbox WHERE id = $id RETURNING queue, length(record)");
            _inboxTotal = Prepare("INSERT INTO inbox_total (queue, messages, bytes) VALUES ($queue, $messages, $bytes) ON CONFLICT (queue) DO UPDATE SET messages = $messages, bytes = $bytes");
            _quarantineMessage = Prepare("INSERT INTO damaged (id, class, crc, record) SELECT id, 'inbox ' || queue, crc, record FROM inbox WHERE id = $id");
            _clock = Prepare("INSERT INTO clock (one, outbox, wall) VALUES (1, $outbox, $wall) ON CONFLICT (one) DO UPDATE SET outbox = $outbox, wall = $wall");
            _total = Prepare("INSERT INTO total (class, priority, messages, bytes) VALUES ($class, $priority, $messages, $bytes) ON CONFLICT (class) DO UPDATE SET priority = $priority, messages = $messages, bytes = $bytes");
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        foreach (SqliteCommand c in _commands) c.Dispose();
        _transaction?.Dispose();
        _connection.Dispose();
    }

    /// <summary>The largest id that was given.</summary>
    public long LastId() => Convert.ToInt64(Scalar("SELECT max(coalesce((SELECT max(id) FROM outbox), 0), coalesce((SELECT max(id) FROM damaged), 0))"), System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>The largest id of the inbox that was given.</summary>
    public long LastMessage() => Convert.ToInt64(Scalar("SELECT coalesce(max(id), 0) FROM inbox"), System.Globalization.CultureInfo.InvariantCulture);

    public Dictionary<string, (long Messages, long Bytes)> InboxTotals()
    {
        var totals = new Dictionary<string, (long, long)>();
        using SqliteCommand c = _connection.CreateCommand();
        c.CommandText = "SELECT queue, messages, bytes FROM inbox_total";
        using SqliteDataReader r = c.ExecuteReader();
        while (r.Read()) totals[r.GetString(0)] = (r.GetInt64(1), r.GetInt64(2));
        return totals;
    }

    public Dictionary<string, (int Priority, long Messages, long Bytes)> Totals()
    {
        var totals = new Dictionary<string, (int, long, long)>();
        using SqliteCommand c = _connection.CreateCommand();
        c.CommandText = "SELECT class, priority, messages, bytes FROM total";
        using SqliteDataReader r = c.ExecuteReader();
        while (r.Read()) totals[r.GetString(0)] = (r.GetInt32(1), r.GetInt64(2), r.GetInt64(3));
        return totals;
    }

    public (long Outbox, long Wall) Clock()
    {
        using SqliteCommand c = _connection.CreateCommand();
        c.CommandText = "SELECT outbox, wall FROM clock";
        using SqliteDataReader r = c.ExecuteReader();
        return r.Read() ? (r.GetInt64(0), r.GetInt64(1)) : (0, 0);
    }

    /// <summary>
    /// Moves what the journal holds into the database itself and onto the disk, and begins the journal anew. Of a journal
    /// that an fsync failed for, or that another process has left, nobody knows what the disk has: the kernel takes pages
    /// that it could not write for written. Commits behind such a hole would be lost with it.
    /// </summary>
    public void Settle()
    {
        if (Checkpoint("TRUNCATE")) throw new IOException("its journal is in use by another program");
    }

    /// <summary>Moves what the journal holds into the database, once it has grown. SQLite would do so by itself, but keep a failed fsync to itself as well.</summary>
    public void Checkpoint()
    {
        const int MostPages = 1000;
        int pages = PagesWritten();
        if (pages - _checkpointed < MostPages) return;
        Checkpoint("PASSIVE");
        _checkpointed = pages;
    }

    private bool Checkpoint(string mode)
    {
        using SqliteCommand c = _connection.CreateCommand();
        c.CommandText = $"PRAGMA wal_checkpoint({mode})";
        using SqliteDataReader r = c.ExecuteReader();
        return r.Read() && r.GetInt64(0) != 0;
    }

    private int PagesWritten()
    {
        SQLitePCL.raw.sqlite3_db_status(_connection.Handle, SQLitePCL.raw.SQLITE_DBSTATUS_CACHE_WRITE, out int pages, out _, 0);
        return pages;
    }

    public void Begin(bool durable)
    {
        if (durable != _durable) Execute(durable ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
        _durable = durable;
        _transaction = _connection.BeginTransaction(deferred: false);
        foreach (SqliteCommand c in _commands) c.Transaction = _transaction;
    }

    public void Commit()
    {
        _transaction!.Commit();
        _transaction.Dispose();
        _transaction = null;
    }

    public void Insert(long id, OutboxClass c, byte[] record, uint crc, long at) => Run(_insert, id, c.Name, c.Priority, at, (long)crc, record);

    public void Park(long id, string queue, byte[] record, uint crc) => Run(_park, id, queue, (long)crc, record);

    /// <summary>Queue and bytes of a message that is over; null where there was none.</summary>
    public (string Queue, long Bytes)? Over(long id)
    {
        Set(_over, id);
        using SqliteDataReader r = _over.ExecuteReader();
        return r.Read() ? (r.GetString(0), r.GetInt64(1)) : null;
    }

    public void QuarantineMessage(long id) => Run(_quarantineMessage, id);

    public void SetInboxTotal(string queue, long messages, long bytes) => Run(_inboxTotal, queue, messages, bytes);

    /// <summary>Class and bytes of what was deleted; null where there was none.</summary>
    public (string Class, long Bytes)? Delete(long id)
    {
        Set(_delete, id);
        using SqliteDataReader r = _delete.ExecuteReader();
        return r.Read() ? (r.GetString(0), r.GetInt64(1)) : null;
    }

    public (long Id, long At, long Bytes) Oldest(string name)
    {
        Set(_oldest, name);
        using SqliteDataReader r = _oldest.ExecuteReader();
        return r.Read() ? (r.GetInt64(0), r.GetInt64(1), r.GetInt64(2)) : throw new IOException($"the outbox counts events of class `{name}` that are not there");
    }

    public void AddGap(string name, long bytes, long at, string reason) => Run(_gap, name, bytes, at, reason);

    public void RemoveGap(string name, long version) => Run(_forgetGap, name, version);

    public void Quarantine(IReadOnlyList<long> ids)
    {
        foreach (long id in ids) Run(_quarantine, id);
    }

    public void SetTotals(Dictionary<string, (int Priority, long Messages, long Bytes)> totals)
    {
        foreach ((string name, (int priority, long messages, long bytes)) in totals) Run(_total, name, priority, messages, bytes);
    }

    public void SetClock(long outbox, long wall) => Run(_clock, outbox, wall);

    /// <summary>Gives pages that have been free for a while back to the file system, a few megabytes at a time.</summary>
    /// <returns>True where there is more.</returns>
    public bool Vacuum()
    {
        const long Keep = 1024;
        if (Convert.ToInt64(Scalar("PRAGMA freelist_count"), System.Globalization.CultureInfo.InvariantCulture) < 2 * Keep) return false;
        Execute("PRAGMA incremental_vacuum(1024)");
        return true;
    }

    private SqliteCommand Prepare(string text)
    {
        SqliteCommand c = _connection.CreateCommand();
        c.CommandText = text;
        // In the order in which they first come in the text, each once.
        foreach (string name in System.Text.RegularExpressions.Regex.Matches(text, @"\$\w+").Select(m => m.Value).Distinct()) c.Parameters.Add(new SqliteParameter { ParameterName = name });
        _commands.Add(c);
        return c;
    }

    private static void Set(SqliteCommand c, params ReadOnlySpan<object> values)
    {
        for (int i = 0; i < values.Length; i++) c.Parameters[i].Value = values[i];
    }

    private static void Run(SqliteCommand c, params ReadOnlySpan<object> values)
    {
        Set(c, values);
        c.ExecuteNonQuery();
    }

    private object? Scalar(string text)
    {
        using SqliteCommand c = _connection.CreateCommand();
        c.CommandText = text;
        return c.ExecuteScalar();
    }

    private void Execute(string text)
    {
        using SqliteCommand c = _connection.CreateCommand();
        c.CommandText = text;
        c.ExecuteNonQuery();
    }
}
