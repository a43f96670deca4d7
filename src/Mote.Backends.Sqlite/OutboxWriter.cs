// The thread that writes the outbox: it takes everything that waits into one transaction. Where that fails, nothing of it
// is on disk, everyone is told, and the connection is made anew.
using System.Diagnostics;
using Microsoft.Data.Sqlite;
using Mote.DataPlane;
using Mote.Runtime;

namespace Mote.Backends.Sqlite;

internal sealed class OutboxWriter : IDisposable
{
    private const int MaxBatch = 1024;
    private const long MaxBatchBytes = 16 << 20;
    private const int MaxWaiting = 8192;
    private static readonly TimeSpan s_retry = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_expire = TimeSpan.FromSeconds(30);

    private readonly string _connectionString;
    private readonly long _maxBytes;
    private readonly Action<string> _log;
    private readonly TimeProvider _time;
    private readonly Action _filled;
    private readonly Thread _thread;
    private readonly Lock _lock = new();
    private readonly Queue<Work> _works = [];
    private readonly SemaphoreSlim _room = new(MaxWaiting);
    private readonly AutoResetEvent _there = new(false);
    private bool _sleeps; // under the lock: the thread is to be woken where there is work
    private readonly HashSet<long> _removing = [];
    private readonly List<long> _quarantine = [];
    private readonly List<OutboxGap> _told = [];
    private readonly Dictionary<string, OutboxClass> _classes = [];
    private Dictionary<string, (int Priority, long Messages, long Bytes)> _totals = [];
    private OutboxDatabase? _database;
    private bool _isSettled;
    private volatile ThreadWrites? _writes;
    private readonly Lock _wearing = new();
    private (long Disk, long Outbox, long Inbox, long OutboxDisk, long InboxDisk) _worn;
    private long _waiting;
    private long _bytes;
    private long _dropped;
    private long _written;
    private volatile string? _fault;
    private volatile bool _stop;
    private long _nextId;
    private long _clock;
    private long _clockStart;
    private long _lastExpiry;
    private readonly Dictionary<string, (long Messages, long Bytes)> _inbox = []; // under itself as a lock
    private readonly HashSet<string> _inboxChanged = [];
    private readonly HashSet<long> _inMemory = [];
    private long _lastMessage;
    private long _coming;
    private long _inboxWaiting;
    private long _inboxBytes;
    private long _inboxWritten;

    public OutboxWriter(string path, long maxBytes, Action<string> log, TimeProvider time, Action filled)
    {
        _connectionString = new SqliteConnectionStringBuilder { DataSource = path, Pooling = false, DefaultTimeout = 30 }.ToString();
        _maxBytes = maxBytes;
        _log = log;
        _time = time;
        _filled = filled;
        Open();
        _thread = new Thread(Run) { IsBackground = true, Name = "mote-outbox" };
        _thread.Start();
    }

    public OutboxCounts Counts => new(Volatile.Read(ref _waiting), Volatile.Read(ref _bytes), Volatile.Read(ref _dropped), 0, Volatile.Read(ref _written), _fault);

    /// <summary>The event of a record; null where it is damaged.</summary>
    public static CloudEvent? TryRead(byte[] record, long crc)
    {
        if (EventRecord.Check(record) != crc) return null;
        try
        {
            return EventRecord.Read(record);
        }
        catch (InvalidDataException)
        {
            return null;
        }
    }

    public InboxCounts InboxCounts => new(Volatile.Read(ref _inboxWaiting), Volatile.Read(ref _inboxBytes), 0, Volatile.Read(ref _inboxWritten));

    public void Put(IReadOnlyList<(OutboxClass Class, CloudEvent Event)> events, Action<Exception?> done, InboxIds over)
    {
        _room.Wait();
        if (Enqueue(new Work { Events = [.. events.Select(e => (e.Class, EventRecord.Write(e.Event)))], Over = over, Done = done })) return;
        _room.Release();
        done(new IOException("the outbox is closed"));
    }

    /// <summary>Bytes of messages on disk and on their way there.</summary>
    public long InboxBytes => Volatile.Read(ref _inboxBytes) + Volatile.Read(ref _coming);

    public long LastMessage => Volatile.Read(ref _lastMessage);

    public long WaitingFor(string queue)
    {
        lock (_inbox) return _inbox.GetValueOrDefault(queue).Messages;
    }

    public long Park(string queue, byte[] record, bool isInMemory, Action<Exception?> done)
    {
        _room.Wait();
        lock (_lock)
        {
            if (!_stop)
            {
                // Numbered and put into the queue at once: messages come to be on disk in the order of their ids.
                long id = ++_lastMessage;
                _coming += record.Length;
                if (isInMemory) _inMemory.Add(id);
                Add(new Work { Queue = queue, Message = record, Id = id, Done = done });
                return id;
            }
        }

        _room.Release();
        done(new IOException("the inbox is closed"));
        return 0;
    }

    /// <summary>Messages that are on disk, or will be, and in somebody's memory; and the newest message that this is said of.</summary>
    public (HashSet<long> Ids, long Last) InMemory()
    {
        lock (_lock) return ([.. _inMemory], _lastMessage);
    }

    /// <summary>In its turn, behind the writing of it. It never waits for room: it is called on this object's own thread too.</summary>
    /// <param name="id">Which message.</param>
    /// <param name="damaged">It is kept apart.</param>
    public void Over(long id, bool damaged = false) => Enqueue(new Work { Over = id, IsDamaged = damaged });

    private bool Enqueue(Work work)
    {
        lock (_lock)
        {
            if (_stop) return false;
            Add(work);
        }

        return true;
    }

    /// <summary>Under the lock. The thread is woken only where it sleeps: that costs a system call.</summary>
    private void Add(Work work)
    {
        _works.Enqueue(work);
        if (!_sleeps) return;
        _sleeps = false;
        _there.Set();
    }

    public void Remove(IReadOnlyList<long> ids)
    {
        lock (_lock)
        {
            foreach (long id in ids) _removing.Add(id);
        }

        _there.Set();
    }

    public void Quarantine(IReadOnlyList<long> ids)
    {
        lock (_lock)
        {
            _quarantine.AddRange(ids);
            foreach (long id in ids) _removing.Add(id);
        }

        _there.Set();
    }

    public void Told(OutboxGap gap)
    {
        lock (_lock) _told.Add(gap);
        _there.Set();
    }

    /// <summary>Gaps that the upstream knows of, while that is not on disk.</summary>
    public HashSet<OutboxGap> Telling()
    {
        lock (_lock) return [.. _told];
    }

    /// <summary>Those whose removal is asked for and not on disk.</summary>
    public HashSet<long> Removing()
    {
        lock (_lock) return [.. _removing];
    }

    /// <summary>Takes over what can be read of a damaged file.</summary>
    /// <returns>Events taken over, and records lost.</returns>
    public (long Taken, long Lost) Salvage(string file)
    {
        long taken = 0, lost = 0;
        lost += SqliteSalvage.Walk(file, "SELECT id, class, priority, record, crc FROM outbox WHERE id > $after ORDER BY id LIMIT 256", r => Take(done =>
        {
            if (TryRead(r.GetFieldValue<byte[]>(3), r.GetInt64(4)) is not { } e) return false;
            Put([(new OutboxClass(r.GetString(1), r.GetInt32(2)), e)], done, over: InboxIds.None);
            return true;
        }));
        lost += SqliteSalvage.Walk(file, "SELECT id, queue, record, crc FROM inbox WHERE id > $after ORDER BY id LIMIT 256", r => Take(done =>
        {
            byte[] record = r.GetFieldValue<byte[]>(2);
            if (EventRecord.Check(record) != r.GetInt64(3)) return false;
            Park(r.GetString(1), record, isInMemory: false, done);
            return true;
        }));
        return (taken, lost);

        // Puts a row into this file, where it is one that can be read, and waits for the disk.
        void Take(Func<Action<Exception?>, bool> put)
        {
            using var stored = new ManualResetEventSlim();
            Exception? fault = null;
            bool good;
            try
            {
                good = put(e =>
                {
                    fault = e;
                    stored.Set();
                });
            }
            catch (InvalidCastException)
            {
                good = false;
            }

            if (good) stored.Wait();
            if (good && fault is null) taken++;
            else lost++;
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            if (_stop) return;
            _stop = true;
        }

        _there.Set();
        _thread.Join();
        _database?.Dispose();
        _there.Dispose();
        _room.Dispose();
    }

    /// <summary>What one caller wants done, in the order of the calls.</summary>
    private sealed class Work
    {
        /// <summary>Events for the outbox.</summary>
        public IReadOnlyList<(OutboxClass Class, byte[] Record)> Events { get; init; } = [];

        /// <summary>A message for the inbox, of this queue and id.</summary>
        public byte[]? Message { get; init; }

        public string Queue { get; init; } = "";

        public long Id { get; init; }

        /// <summary>Messages of the inbox that are over.</summary>
        public InboxIds Over { get; init; }

        public bool IsDamaged { get; init; }

        /// <summary>Whoever waits for the disk; null for nobody, and then nothing need be on it at once.</summary>
        public Action<Exception?>? Done { get; init; }

        public long Bytes => Events.Sum(e => (long)e.Record.Length) + (Message?.Length ?? 0);
    }

    private void Open()
    {
        _database?.Dispose();
        _database = null;
        _isSettled = false; // with the first commit: a disk that is full or ill now must not keep a node from starting
        var database = new OutboxDatabase(_connectionString);
        try
        {
            _totals = database.Totals();
            _nextId = Math.Max(_nextId, database.LastId() + 1); // an id is not given twice, also where its event is gone
            lock (_inbox)
            {
                _inbox.Clear();
                _inboxChanged.Clear();
                foreach ((string queue, (long Messages, long Bytes) t) in database.InboxTotals()) _inbox[queue] = t;
            }

            // Ids of messages that are to be written yet have been given already.
            if (_lastMessage == 0) _lastMessage = database.LastMessage();
            // How long events have waited is counted on a clock of the outbox's own, which no jump of the wall clock moves:
            // it goes on with the process, and over a restart by what the wall clock says, where that can be.
            (long clock, long wall) = database.Clock();
            long away = Wall() - wall;
            _clock = clock + (wall > 0 && away is > 0 and < 30L * 86_400_000 ? away : 0);
            _clockStart = _time.GetTimestamp();
            _database = database;
        }
        catch
        {
            database.Dispose();
            throw;
        }

        Count();
    }

    private long Wall() => _time.GetUtcNow().ToUnixTimeMilliseconds();

    private long Now() => _clock + (long)_time.GetElapsedTime(_clockStart).TotalMilliseconds;

    private void Count()
    {
        Volatile.Write(ref _waiting, _totals.Values.Sum(t => t.Messages));
        Volatile.Write(ref _bytes, _totals.Values.Sum(t => t.Bytes));
        lock (_inbox)
        {
            Volatile.Write(ref _inboxWaiting, _inbox.Values.Sum(t => t.Messages));
            Volatile.Write(ref _inboxBytes, _inbox.Values.Sum(t => t.Bytes));
        }
    }

    /// <summary>
    /// Bytes given to the disk, journal and checkpoints and all: what this thread has written since it was last asked, shared
    /// by the bytes of the records that were stored meanwhile, and where there were none, as before.
    /// </summary>
    public (long Outbox, long Inbox) DiskBytes()
    {
        lock (_wearing)
        {
            long disk = _writes?.Bytes ?? 0, outbox = Volatile.Read(ref _written), inbox = Volatile.Read(ref _inboxWritten);
            long more = disk - _worn.Disk, records = outbox + inbox - _worn.Outbox - _worn.Inbox;
            double share = records > 0 ? (double)(inbox - _worn.Inbox) / records : outbox + inbox > 0 ? (double)inbox / (outbox + inbox) : 0;
            long ofInbox = (long)(more * share);
            _worn = (disk, outbox, inbox, _worn.OutboxDisk + more - ofInbox, _worn.InboxDisk + ofInbox);
            return (_worn.OutboxDisk, _worn.InboxDisk);
        }
    }

    private void Run()
    {
        _writes = new ThreadWrites();
        while (true)
        {
            var works = new List<Work>();
            long[] removed, quarantined;
            OutboxGap[] told;
            bool stop;
            lock (_lock)
            {
                for (long bytes = 0; works.Count < MaxBatch && bytes < MaxBatchBytes && _works.TryDequeue(out Work? work); bytes += work.Bytes) works.Add(work);
                removed = [.. _removing];
                quarantined = [.. _quarantine];
                told = [.. _told];
                stop = _stop;
                _sleeps = works.Count == 0;
            }

            int waited = works.Count(w => w.Done is not null);
            if (waited > 0) _room.Release(waited);
            bool expire = _lastExpiry == 0 || _time.GetElapsedTime(_lastExpiry) > s_expire;
            if (works.Count == 0 && removed.Length == 0 && told.Length == 0 && !(expire && _classes.Values.Any(c => c.MaxAge is not null)))
            {
                if (stop) return;
                if (_there.WaitOne(_fault is null ? s_expire : s_retry)) continue;
                // Quiet for a while: the moment to tidy up, or to see whether the disk is well again.
                if (_fault is null) Tidy();
                else Commit([], [], [], [], expire: false);
                continue;
            }

            Exception? fault = Commit(works, removed, quarantined, told, expire);
            long came = works.Sum(w => (long)(w.Message?.Length ?? 0));
            if (came > 0)
            {
                lock (_lock) _coming -= came;
            }

            foreach (Work work in works) work.Done?.Invoke(fault);
            if (fault is null)
            {
                Checkpoint();
                lock (_lock)
                {
                    foreach (long id in removed) _removing.Remove(id);
                    _quarantine.RemoveRange(0, quarantined.Length);
                    _told.RemoveRange(0, told.Length);
                    foreach (Work work in works)
                    {
                        for (int i = 0; i < work.Over.Count; i++) _inMemory.Remove(work.Over[i]);
                    }
                }

                if (works.Any(w => w.Events.Count > 0)) _filled();
            }
            else if (stop)
            {
                lock (_lock)
                {
                    // What is not on disk is not acknowledged; removals that are not come back and are sent again.
                    if (_works.Count == 0) return;
                }
            }
            else
            {
                // Messages that are over are tried again; who waits for the disk has been told, and decides for itself.
                foreach (Work work in works)
                {
                    if (work.Done is null) Enqueue(work);
                }

                FailResultsBehind(fault);

                lock (_lock)
                {
                    foreach (Work work in works) _inMemory.Remove(work.Id);
                }

                if (waited == 0) _there.WaitOne(s_retry);
            }
        }
    }

    /// <summary>Results of messages behind those whose results were not stored would pass them. Whoever was told knows to hold back what comes now.</summary>
    private void FailResultsBehind(Exception fault)
    {
        var failed = new List<Work>();
        lock (_lock)
        {
            for (int i = _works.Count; i > 0; i--)
            {
                Work work = _works.Dequeue();
                if (work is { Over.Count: > 0, Done: not null }) failed.Add(work);
                else _works.Enqueue(work);
            }
        }

        if (failed.Count > 0) _room.Release(failed.Count);
        foreach (Work work in failed) work.Done!(fault);
    }

    private Exception? Commit(List<Work> works, long[] removed, long[] quarantined, OutboxGap[] told, bool expire)
    {
        long dropped = 0, written = 0, messageBytes = 0;
        try
        {
            if (_database is null) Open();
            OutboxDatabase d = _database!;
            if (!_isSettled) d.Settle();
            _isSettled = true;
            // What is only taken out need not be on disk at once: a crash brings it back, and it is sent again. But only
            // a commit that waits for the disk shows that it is well again.
            d.Begin(durable: _fault is not null || works.Any(w => w.Done is not null));
            if (quarantined.Length > 0) d.Quarantine(quarantined);
            foreach (long id in removed) Take(d, id);
            foreach (OutboxGap gap in told) d.RemoveGap(gap.Class, gap.Version);
            long now = Now();
            foreach (Work work in works)
            {
                if (work.Message is { } message)
                {
                    d.Park(work.Id, work.Queue, message, EventRecord.Check(message));
                    CountMessage(work.Queue, 1, message.Length);
                    messageBytes += message.Length;
                }

                for (int i = 0; i < work.Over.Count; i++)
                {
                    if (work.IsDamaged) d.QuarantineMessage(work.Over[i]);
                    if (d.Over(work.Over[i]) is { } over) CountMessage(over.Queue, -1, -over.Bytes);
                }

                foreach ((OutboxClass c, byte[] record) in work.Events)
                {
                    _classes[c.Name] = c;
                    d.Insert(_nextId++, c, record, EventRecord.Check(record), now);
                    (int Priority, long Messages, long Bytes) t = _totals.GetValueOrDefault(c.Name);
                    _totals[c.Name] = (c.Priority, t.Messages + 1, t.Bytes + record.Length);
                    written += record.Length;
                    if (c.MaxBytes is { } most) dropped += Shrink(d, c.Name, most, $"more than {most} bytes of this class wait");
                }
            }

            while (_totals.Values.Sum(t => t.Bytes) > _maxBytes)
            {
                // The lowest priority that has any; never more than is needed.
                string lowest = _totals.Where(t => t.Value.Messages > 0).OrderBy(t => t.Value.Priority).First().Key;
                long others = _totals.Where(t => t.Key != lowest).Sum(t => t.Value.Bytes);
                dropped += Shrink(d, lowest, Math.Max(0, _maxBytes - others), $"more than {_maxBytes} bytes wait");
            }

            if (expire)
            {
                _lastExpiry = _time.GetTimestamp();
                foreach (OutboxClass c in _classes.Values.Where(c => c.MaxAge is not null)) dropped += Expire(d, c, now);
            }

            d.SetTotals(_totals);
            foreach (string queue in _inboxChanged)
            {
                lock (_inbox) d.SetInboxTotal(queue, _inbox[queue].Messages, _inbox[queue].Bytes);
            }

            _inboxChanged.Clear();
            d.SetClock(now, Wall());
            d.Commit();
            Volatile.Write(ref _dropped, _dropped + dropped);
            Volatile.Write(ref _written, _written + written);
            Volatile.Write(ref _inboxWritten, _inboxWritten + messageBytes);
            Count();
            if (_fault is not null) _log("the outbox can be written again");
            _fault = null;
            return null;
        }
        catch (Exception e) when (e is SqliteException or IOException or InvalidOperationException)
        {
            return new IOException($"the outbox cannot be written: {Failed(e)}", e);
        }
    }

    /// <summary>After a failed commit SQLite's own state is uncertain: a new connection looks at what is on disk.</summary>
    private string Failed(Exception e)
    {
        string why = e is SqliteException s ? SqliteFaults.Describe(s) : e.Message;
        if (_fault != why) _log($"the outbox cannot be written: {why}; what is not on disk is not acknowledged");
        _fault = why;
        _database?.Dispose();
        _database = null;
        return why;
    }

    /// <summary>What was committed is safe either way; what comes next is not where this fails.</summary>
    private void Checkpoint()
    {
        try
        {
            _database?.Checkpoint();
        }
        catch (SqliteException e)
        {
            Failed(e);
        }
    }

    private void CountMessage(string queue, int messages, long bytes)
    {
        _inboxChanged.Add(queue);
        lock (_inbox)
        {
            (long Messages, long Bytes) t = _inbox.GetValueOrDefault(queue);
            _inbox[queue] = (t.Messages + messages, t.Bytes + bytes);
        }
    }

    private void Tidy()
    {
        try
        {
            while (_database?.Vacuum() == true && !_there.WaitOne(0))
            {
                // A little at a time, as long as nobody waits.
            }
        }
        catch (SqliteException e)
        {
            Failed(e);
        }
    }

    private void Take(OutboxDatabase d, long id)
    {
        if (d.Delete(id) is not { } row) return;
        (int Priority, long Messages, long Bytes) t = _totals[row.Class];
        _totals[row.Class] = (t.Priority, t.Messages - 1, t.Bytes - row.Bytes);
    }

    /// <summary>Drops the oldest of a class until it has no more than so many bytes.</summary>
    private long Shrink(OutboxDatabase d, string name, long most, string why)
    {
        long dropped = 0;
        while (_totals[name] is { Messages: > 0 } t && t.Bytes > most)
        {
            Drop(d, name, d.Oldest(name), why);
            dropped++;
        }

        return dropped;
    }

    private long Expire(OutboxDatabase d, OutboxClass c, long now)
    {
        long dropped = 0;
        long before = now - (long)c.MaxAge!.Value.TotalMilliseconds;
        while (_totals.GetValueOrDefault(c.Name).Messages > 0 && d.Oldest(c.Name) is var oldest && oldest.At < before)
        {
            Drop(d, c.Name, oldest, $"waited longer than {c.MaxAge}");
            dropped++;
        }

        return dropped;
    }

    private void Drop(OutboxDatabase d, string name, (long Id, long At, long Bytes) row, string why)
    {
        Take(d, row.Id);
        // Told in wall time: what the outbox's clock says it was, seen from now.
        long at = Wall() - (Now() - row.At);
        d.AddGap(name, row.Bytes, at, why);
        if (Volatile.Read(ref _dropped) == 0) _log($"the outbox: events of class `{name}` are dropped, counted and told upstream: {why}");
    }
}
