// The embedded key-value backend: the contract, and what is its own.
using System.Diagnostics;
using Mote.Backends.Sqlite;
using Mote.Capabilities.KeyValue;

namespace Mote.Capabilities.Tests;

public sealed class SqliteKeyValueTests : KeyValueContract
{
    private readonly string _folder = Directory.CreateTempSubdirectory("mote-keyvalue-tests-").FullName;

    private string File => Path.Combine(_folder, "folder", "keyvalue.db");

    protected override IKeyValueBackend Open() => new SqliteKeyValue(File);

    public override void Dispose()
    {
        base.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void Open_WhatIsNoDatabase_SaysSoAndLeavesIt()
    {
        Directory.CreateDirectory(Path.GetDirectoryName(File)!);
        System.IO.File.WriteAllText(File, new string('x', 5000));
        KeyValueException e = Assert.Throws<KeyValueException>(() => new SqliteKeyValue(File));
        Assert.Contains(File, e.Message, StringComparison.Ordinal);
        Assert.Equal(5000, new FileInfo(File).Length);
    }

    [Fact]
    public void Open_WhereAFileIsInTheWay_SaysSo()
    {
        System.IO.File.WriteAllText(Path.Combine(_folder, "folder"), "");
        Assert.Contains(File, Assert.Throws<KeyValueException>(() => new SqliteKeyValue(File)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Write_AfterClose_IsAnError()
    {
        var backend = new SqliteKeyValue(File);
        IKeyValueStore store = backend.Open("app", "default");
        store.Set("k", "v"u8);
        backend.Dispose();
        Assert.Throws<KeyValueException>(() => store.Set("k", "w"u8));
        backend.Dispose(); // a second time is no error
    }

    [Fact]
    public void Write_ThatReturned_IsThereAfterTheProcessIsKilled()
    {
        // Not a power cut: what the system has is on disk for other readers of the file, without closing it.
        IKeyValueStore store = Store;
        for (int i = 0; i < 50; i++) store.Set($"k{i}", [(byte)i]);
        string copy = Path.Combine(_folder, "copy.db");
        foreach (string suffix in (string[])["", "-wal"])
        {
            if (System.IO.File.Exists(File + suffix)) System.IO.File.Copy(File + suffix, copy + suffix);
        }

        using var other = new SqliteKeyValue(copy);
        for (int i = 0; i < 50; i++) Assert.Equal([(byte)i], other.Open("app", "default").Get($"k{i}")!.Value.Bytes);
    }

    [Fact]
    public void Writes_WithReadersAtTheSameTime_AllGetThrough()
    {
        IKeyValueStore store = Store;
        store.Set("sum", "0"u8);
        using var done = new CancellationTokenSource();
        int reads = 0;
        var readers = new Thread[3];
        var faults = new List<Exception>();
        for (int r = 0; r < readers.Length; r++)
        {
            readers[r] = new Thread(() =>
            {
                try
                {
                    long last = 0;
                    while (!done.IsCancellationRequested)
                    {
                        long now = long.Parse(store.Get("sum")!.Value.Bytes, System.Globalization.CultureInfo.InvariantCulture);
                        if (now < last) throw new InvalidOperationException($"{last} was followed by {now}");
                        last = now;
                        Interlocked.Increment(ref reads);
                    }
                }
                catch (Exception e)
                {
                    lock (faults) faults.Add(e);
                }
            });
            readers[r].Start();
        }

        Parallel.For(0, 4, _ =>
        {
            for (int i = 0; i < 100; i++) store.Increment("sum", 1);
        });
        done.Cancel();
        foreach (Thread t in readers) t.Join();
        Assert.Empty(faults);
        Assert.True(reads > 0);
        Assert.Equal(400, store.Increment("sum", 0));
    }

    [Fact]
    public void Write_ThatFails_TakesNoOtherWithIt()
    {
        IKeyValueStore store = Store;
        store.Set("text", "no number"u8);
        int failed = 0;
        Parallel.For(0, 200, i =>
        {
            try
            {
                if (i % 3 == 0) store.Increment("text", 1);
                else store.Set($"k{i}", "v"u8);
            }
            catch (KeyValueException)
            {
                Interlocked.Increment(ref failed);
            }
        });
        Assert.Equal(67, failed);
        Assert.Equal(133, Enumerable.Range(0, 200).Count(i => store.Exists($"k{i}")));
    }
}
