// An outbox with events in it, and a clock that does not wait: what tests of upstreams stand on.
using Mote.Backends.Sqlite;
using Mote.DataPlane;

namespace Mote.Node.Tests.Upstreams;

internal sealed class UpstreamSite : IDisposable
{
    private readonly List<SqliteOutbox> _outboxes = [];

    public static OutboxClass Class { get; } = new("default");

    public string Folder { get; } = Directory.CreateTempSubdirectory("mote-upstream-tests-").FullName;

    public static CloudEvent Event(int n, int bytes = 5) => new(
        $"boot-{n}", "/nodes/n/apps/a/components/c", CloudEvent.MessageType, DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_123), "alerts", "text/plain", Enumerable.Repeat((byte)'x', bytes).ToArray());

    public static CloudEvent[] Events(int count) => [.. Enumerable.Range(0, count).Select(i => Event(i))];

    /// <summary>An outbox with these events in it, on disk.</summary>
    public SqliteOutbox Outbox(params CloudEvent[] events) => Outbox(1L << 30, [.. events.Select(e => (Class, e))]);

    public SqliteOutbox Outbox(long maxBytes, params (OutboxClass, CloudEvent)[] events)
    {
        var outbox = new SqliteOutbox(Path.Combine(Folder, "outbox.db"), maxBytes, _ => { }, TimeProvider.System);
        _outboxes.Add(outbox);
        if (events.Length > 0) Put(outbox, events);
        return outbox;
    }

    public static void Put(SqliteOutbox outbox, params (OutboxClass, CloudEvent)[] events)
    {
        using var done = new ManualResetEventSlim();
        outbox.Put(events, fault =>
        {
            Assert.Null(fault);
            done.Set();
        });
        Assert.True(done.Wait(Client.Patience));
    }

    /// <summary>Closes what is open, so that the file can be opened anew.</summary>
    public void Close()
    {
        foreach (SqliteOutbox outbox in _outboxes) outbox.Dispose();
        _outboxes.Clear();
    }

    public void Dispose()
    {
        Close();
        Directory.Delete(Folder, recursive: true);
    }
}

/// <summary>A clock on which every wait is over at once; it keeps how long each would have been.</summary>
internal sealed class NoWaiting : TimeProvider
{
    private readonly List<TimeSpan> _waits = [];

    /// <summary>Waits between attempts: what is shorter is a poll.</summary>
    public TimeSpan[] Waits
    {
        get
        {
            lock (_waits) return [.. _waits.Where(w => w >= TimeSpan.FromMilliseconds(100))];
        }
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        if (dueTime > TimeSpan.Zero)
        {
            lock (_waits) _waits.Add(dueTime);
        }

        return base.CreateTimer(callback, state, dueTime > TimeSpan.Zero ? TimeSpan.FromMilliseconds(1) : dueTime, period);
    }
}

/// <summary>A small file system; the test is skipped where none can be mounted.</summary>
internal sealed class Tmpfs : IDisposable
{
    private readonly string _folder;

    private Tmpfs(string folder) => _folder = folder;

    public static Tmpfs Mount(string folder, long bytes)
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess && Run("mount", "-t", "tmpfs", "-o", $"size={bytes}", "mote-test", folder) == 0, "a small file system can be mounted as root only");
        return new Tmpfs(folder);
    }

    public void Dispose() => Run("umount", "-l", _folder);

    private static int Run(string program, params string[] arguments)
    {
        try
        {
            using var process = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
            process.WaitForExit();
            return process.ExitCode;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return -1;
        }
    }
}
