// The thread that writes: it takes everything that waits into one transaction. A write that fails by its own fault is
// taken back alone; a commit that fails fails all of its writes, and the connection is made anew.
using System.Collections.Concurrent;
using Microsoft.Data.Sqlite;
using Mote.Capabilities.KeyValue;
using Mote.Runtime;

namespace Mote.Backends.Sqlite;

internal sealed class SqliteWriter : IDisposable
{
    private const int MaxBatch = 256;
    private const int MaxWaiting = 4096;
    private readonly string _connectionString;
    private readonly BlockingCollection<Write> _queue = new(MaxWaiting);
    private readonly Thread _thread;
    private SqliteConnection? _connection; // null after a failure, until it can be opened
    private bool _isSettled;
    private volatile ThreadWrites? _writes;
    private int _disposed;

    public SqliteWriter(string connectionString)
    {
        _connectionString = connectionString;
        _connection = Open();
        _thread = new Thread(Run) { IsBackground = true, Name = "mote-keyvalue" };
        _thread.Start();
    }

    /// <summary>Runs a change in a transaction; it is on disk when this returns.</summary>
    /// <exception cref="KeyValueException">It could not be made.</exception>
    public void Do(Action<SqliteTransaction> change)
    {
        var write = new Write(change);
        try
        {
            _queue.Add(write);
        }
        catch (InvalidOperationException)
        {
            throw new KeyValueException("the key-value store is closed");
        }

        write.Done.Wait();
        write.Done.Dispose();
        if (write.Error is { } error) throw error is KeyValueException ? error : new KeyValueException($"writing failed: {(error is SqliteException e ? SqliteFaults.Describe(e) : error.Message)}", error);
    }

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
        _queue.CompleteAdding();
        _thread.Join();
        _connection?.Dispose();
        _queue.Dispose();
    }

    private sealed class Write(Action<SqliteTransaction> change)
    {
        public Action<SqliteTransaction> Change { get; } = change;

        public ManualResetEventSlim Done { get; } = new(false);

        public Exception? Error { get; set; }
    }

    private SqliteConnection Open()
    {
        var connection = new SqliteConnection(_connectionString);
        try
        {
            connection.Open();
            using SqliteCommand c = connection.CreateCommand();
            // FULL: a commit that returned is on disk. The WAL is checkpointed by the writer itself.
            c.CommandText = """
                PRAGMA journal_mode = WAL;
                PRAGMA synchronous = FULL;
                PRAGMA busy_timeout = 10000;
                CREATE TABLE IF NOT EXISTS kv (
                    id INTEGER PRIMARY KEY AUTOINCREMENT,
                    store TEXT NOT NULL,
                    key TEXT NOT NULL,
                    value BLOB NOT NULL,
                    version INTEGER NOT NULL,
                    UNIQUE (store, key));
                CREATE INDEX IF NOT EXISTS kv_walk ON kv (store, id);
                """;
            c.ExecuteNonQuery();
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <summary>Bytes that it has given to the disk.</summary>
    public long BytesWritten => _writes?.Bytes ?? 0;

    private void Run()
    {
        _writes = new ThreadWrites();
        var batch = new List<Write>(MaxBatch);
        foreach (Write first in _queue.GetConsumingEnumerable())
        {
            batch.Clear();
            batch.Add(first);
            while (batch.Count < MaxBatch && _queue.TryTake(out Write? next)) batch.Add(next);
            Commit(batch);
            foreach (Write w in batch) w.Done.Set();
        }
    }

    private void Commit(List<Write> batch)
    {
        try
        {
            SqliteConnection connection = _connection ??= Open();
            if (!_isSettled) Settle(connection);
            _isSettled = true;
            using SqliteTransaction transaction = connection.BeginTransaction(deferred: false);
            foreach (Write w in batch) Apply(transaction, w);
            transaction.Commit();
        }
        catch (Exception e)
        {
            foreach (Write w in batch) w.Error ??= e;
            // SQLite's own state is uncertain now: a new connection looks at what is on disk.
            _connection?.Dispose();
            _connection = null;
            _isSettled = false;
        }
    }

    /// <summary>
    /// Moves what the journal holds into the database and onto the disk. Of a journal that an fsync failed for, or that
    /// another process has left, nobody knows what the disk has: commits behind a hole in it would be lost with it.
    /// </summary>
    private static void Settle(SqliteConnection connection)
    {
        using SqliteCommand c = connection.CreateCommand();
        c.CommandText = "PRAGMA wal_checkpoint(TRUNCATE)";
        using SqliteDataReader r = c.ExecuteReader();
        if (r.Read() && r.GetInt64(0) != 0) throw new KeyValueException("the journal of the key-value file is in use by another program");
    }

    /// <summary>One write in a savepoint, so that its failure takes nothing else with it.</summary>
    private static void Apply(SqliteTransaction transaction, Write write)
    {
        transaction.Save("w");
        try
        {
            write.Change(transaction);
            transaction.Release("w");
        }
        catch (Exception e) when (e is KeyValueException or SqliteException { SqliteErrorCode: 18 or 19 or 20 })
        {
            // Too big, constraint, mismatch: the write's own fault. Anything else is the database's.
            write.Error = e;
            transaction.Rollback("w");
            transaction.Release("w");
        }
    }
}
