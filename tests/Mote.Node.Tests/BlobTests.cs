// A node whose component keeps blobs: on files of the data folder, and in an object store of a real nats-server; over a
// restart of the node, and of the server.
using Mote.Node.Tests.Nats;
using Mote.Packaging;
using Mote.Wasmtime;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Mote.Node.Tests;

public sealed class BlobTests
{
    private static string App(string grant) => TestSite.AppOnce.Replace("keyvalue = [\"default\"]", grant, StringComparison.Ordinal).Replace("time = \"500ms\"", "time = \"30s\"", StringComparison.Ordinal);

    /// <summary>More than a chunk of an object store (128 KiB), and no two pieces of it alike.</summary>
    private static byte[] Data { get; } = Make();

    [Fact]
    public async Task OnFiles_ABlobIsThereAfterARestart()
    {
        using var site = new TestSite();
        await WriteThenRead(site, () => { });
        Assert.NotEmpty(Directory.EnumerateFiles(Path.Combine(site.Config.DataFolder, "blobs"), "*", SearchOption.AllDirectories));
    }

    [Fact]
    public async Task InAnObjectStore_ABlobIsThereAfterARestart_OfTheServerToo()
    {
        await using var nats = new NatsSite();
        nats.Site.Config = nats.Site.Config with { MessagingClients = new(), Blobstore = new BlobstoreConfig(new Uri("nats:objects")) };
        await WriteThenRead(nats.Site, () =>
        {
            nats.Server.Kill();
            nats.Server.Start();
        });
        // It is there and not here.
        StreamInfo stream = (await nats.JetStream.GetStreamAsync("OBJ_mote_test_pictures", cancellationToken: TestContext.Current.CancellationToken)).Info;
        Assert.True(stream.State.Bytes > Data.Length, $"{stream.State.Bytes} bytes are in the bucket");
        Assert.False(Directory.Exists(Path.Combine(nats.Site.Config.DataFolder, "blobs")));
    }

    [Fact]
    public async Task WithoutTheGrant_NothingIsWritten_AndTheLogSaysWhatIsMissing()
    {
        using var site = new TestSite();
        await File.WriteAllBytesAsync(Path.Combine(site.Folder, "handler.wasm"), s_wasm, TestContext.Current.CancellationToken);
        await using EdgeNode node = await site.Start(App(""));
        await using Client client = await Client.Connect(node.Broker!.Address);
        await client.Publish("in/a", "w");
        await Wait.Until(() => node.Queues[0].Counts.Failed == 1, () => $"{node.Queues[0].Counts}");
        Assert.Contains(site.Log, l => l.Contains("blobstore = [\"pictures\"]", StringComparison.Ordinal));
        Assert.False(Directory.Exists(Path.Combine(site.Config.DataFolder, "blobs")));
    }

    private static async Task WriteThenRead(TestSite site, Action between)
    {
        await File.WriteAllBytesAsync(Path.Combine(site.Folder, "handler.wasm"), s_wasm, TestContext.Current.CancellationToken);
        string app = App("blobstore = [\"pictures\"]");
        await using (EdgeNode node = await site.Start(app))
        {
            if (site.Config.Nats is not null) await Wait.Until(() => node.NatsIsReady, () => string.Join(" | ", site.Log));
            await using Client client = await Client.Connect(node.Broker!.Address);
            await client.Publish("in/a", "wwhat is written over");
            await client.Publish("in/a", [(byte)'w', .. Data]);
            await Wait.Until(() => node.Queues[0].Counts is { Handled: 2, Waiting: 0 }, () => $"{node.Queues[0].Counts}: {string.Join(" | ", site.Log)}");
        }

        between();
        await using EdgeNode again = await site.Start(app);
        if (site.Config.Nats is not null) await Wait.Until(() => again.NatsIsReady, () => string.Join(" | ", site.Log));
        await using Client reader = await Client.Connect(again.Broker!.Address);
        await reader.Subscribe("out");
        await reader.Publish("in/a", "r");
        await Wait.Until(() => !reader.Received.IsEmpty || again.Queues[0].Counts.Failed > 0, () => $"{again.Queues[0].Counts}: {string.Join(" | ", site.Log)}");
        Assert.True(reader.Received.TryDequeue(out (string Topic, byte[] Data) read), string.Join(" | ", site.Log));
        Assert.Equal(Data, read.Data);
    }

    private static byte[] Make()
    {
        var all = new byte[300_000];
        new Random(1).NextBytes(all);
        return all;
    }

    /// <summary>
    /// A message that begins with `w` is written, without that letter, to the object `o` of the container `pictures`; any
    /// other has the object sent to `out`. What goes wrong is the answer.
    /// </summary>
    private static readonly byte[] s_wasm = Wat.ToWasm($$"""
        (component
          {{WatParts.Messaging}}
          (import "wasi:io/error@0.2.12" (instance $io (export "error" (type (sub resource)))))
          (alias export $io "error" (type $io-error))
          (import "wasi:io/streams@0.2.12" (instance $streams
            (alias outer 1 $io-error (type $e)) (export "error" (type $error' (eq $e)))
            (export "output-stream" (type $output (sub resource)))
            (type $failure-def (variant (case "last-operation-failed" (own $error')) (case "closed")))
            (export "stream-error" (type $failure (eq $failure-def)))
            (export "[method]output-stream.blocking-write-and-flush" (func (param "self" (borrow $output)) (param "contents" (list u8)) (result (result (error $failure)))))))
          (alias export $streams "output-stream" (type $output))
          (import "wasi:blobstore/types@0.2.0-draft" (instance $values
            (alias outer 1 $output (type $o)) (export "output-stream" (type $output' (eq $o)))
            (export "outgoing-value" (type $outgoing (sub resource)))
            (export "incoming-value" (type $incoming (sub resource)))
            (export "[static]outgoing-value.new-outgoing-value" (func (result (own $outgoing))))
            (export "[method]outgoing-value.outgoing-value-write-body" (func (param "self" (borrow $outgoing)) (result (result (own $output')))))
            (export "[static]outgoing-value.finish" (func (param "this" (own $outgoing)) (result (result (error string)))))
            (export "[static]incoming-value.incoming-value-consume-sync" (func (param "this" (own $incoming)) (result (result (list u8) (error string)))))))
          (alias export $values "outgoing-value" (type $outgoing))
          (alias export $values "incoming-value" (type $incoming))
          (import "wasi:blobstore/container@0.2.0-draft" (instance $containers
            (alias outer 1 $outgoing (type $o)) (export "outgoing-value" (type $outgoing' (eq $o)))
            (alias outer 1 $incoming (type $i)) (export "incoming-value" (type $incoming' (eq $i)))
            (export "container" (type $container (sub resource)))
            (export "[method]container.get-data" (func (param "self" (borrow $container)) (param "name" string) (param "start" u64) (param "end" u64) (result (result (own $incoming') (error string)))))
            (export "[method]container.write-data" (func (param "self" (borrow $container)) (param "name" string) (param "data" (borrow $outgoing')) (result (result (error string)))))))
          (alias export $containers "container" (type $container))
          (import "wasi:blobstore/blobstore@0.2.0-draft" (instance $blobs
            (alias outer 1 $container (type $c)) (export "container" (type $container' (eq $c)))
            (export "create-container" (func (param "name" string) (result (result (own $container') (error string)))))
            (export "get-container" (func (param "name" string) (result (result (own $container') (error string)))))))

          {{WatParts.Memory(pages: 32, from: 4096)}}
          {{WatParts.Lowered}}
          (core func $write (canon lower (func $streams "[method]output-stream.blocking-write-and-flush") (memory $memory) (realloc $realloc)))
          (core func $new-value (canon lower (func $values "[static]outgoing-value.new-outgoing-value")))
          (core func $body (canon lower (func $values "[method]outgoing-value.outgoing-value-write-body") (memory $memory)))
          (core func $finish (canon lower (func $values "[static]outgoing-value.finish") (memory $memory) (realloc $realloc)))
          (core func $consume (canon lower (func $values "[static]incoming-value.incoming-value-consume-sync") (memory $memory) (realloc $realloc)))
          (core func $get-data (canon lower (func $containers "[method]container.get-data") (memory $memory) (realloc $realloc)))
          (core func $write-data (canon lower (func $containers "[method]container.write-data") (memory $memory) (realloc $realloc)))
          (core func $create (canon lower (func $blobs "create-container") (memory $memory) (realloc $realloc)))
          (core func $get (canon lower (func $blobs "get-container") (memory $memory) (realloc $realloc)))
          (core func $drop-stream (canon resource.drop $output))
          (core func $drop-container (canon resource.drop $container))

          (core module $main
            {{WatParts.MainImports}}
            (import "m" "reset" (func $reset))
            (import "h" "write" (func $write (param i32 i32 i32 i32)))
            (import "h" "new-value" (func $new-value (result i32)))
            (import "h" "body" (func $body (param i32 i32)))
            (import "h" "finish" (func $finish (param i32 i32)))
            (import "h" "consume" (func $consume (param i32 i32)))
            (import "h" "get-data" (func $get-data (param i32 i32 i32 i64 i64 i32)))
            (import "h" "write-data" (func $write-data (param i32 i32 i32 i32 i32)))
            (import "h" "create" (func $create (param i32 i32 i32)))
            (import "h" "get" (func $get (param i32 i32 i32)))
            (import "h" "drop-stream" (func $drop-stream (param i32)))
            (import "h" "drop-container" (func $drop-container (param i32)))
            (data (i32.const 16) "pictures") (data (i32.const 32) "o") (data (i32.const 48) "out")
            ;; The error that the host has put at 512: its text is the answer of this component.
            (func $failed (result i32)
              (i32.store (i32.const 256) (i32.const 1)) (i32.store (i32.const 260) (i32.const 3))
              (i32.store (i32.const 264) (i32.load (i32.const 516))) (i32.store (i32.const 268) (i32.load (i32.const 520)))
              i32.const 256)
            (func (export "handle") (param $message i32) (result i32)
              (local $at i32) (local $left i32) (local $piece i32) (local $container i32) (local $value i32) (local $stream i32) (local $client i32)
              (call $reset)
              (call $data (local.get $message) (i32.const 512))
              (local.set $at (i32.load (i32.const 512)))
              (local.set $left (i32.load (i32.const 516)))
              (call $drop-message (local.get $message))
              (i64.store (i32.const 256) (i64.const 0))
              (call $get (i32.const 16) (i32.const 8) (i32.const 512))
              (if (i32.load8_u (i32.const 512)) (then (call $create (i32.const 16) (i32.const 8) (i32.const 512))))
              (if (i32.load8_u (i32.const 512)) (then (return (call $failed))))
              (local.set $container (i32.load (i32.const 516)))
              (if (i32.eq (i32.load8_u (local.get $at)) (i32.const 119))
                (then
                  (local.set $at (i32.add (local.get $at) (i32.const 1)))
                  (local.set $left (i32.sub (local.get $left) (i32.const 1)))
                  (local.set $value (call $new-value))
                  (call $write-data (local.get $container) (i32.const 32) (i32.const 1) (local.get $value) (i32.const 512))
                  (if (i32.load8_u (i32.const 512)) (then (return (call $failed))))
                  (call $body (local.get $value) (i32.const 512))
                  (if (i32.load8_u (i32.const 512)) (then unreachable))
                  (local.set $stream (i32.load (i32.const 516)))
                  (block $written
                    (loop $more
                      (br_if $written (i32.eqz (local.get $left)))
                      (local.set $piece (select (i32.const 4096) (local.get $left) (i32.gt_u (local.get $left) (i32.const 4096))))
                      (call $write (local.get $stream) (local.get $at) (local.get $piece) (i32.const 512))
                      (if (i32.load8_u (i32.const 512)) (then unreachable))
                      (local.set $at (i32.add (local.get $at) (local.get $piece)))
                      (local.set $left (i32.sub (local.get $left) (local.get $piece)))
                      (br $more)))
                  (call $drop-stream (local.get $stream))
                  (call $finish (local.get $value) (i32.const 512))
                  (if (i32.load8_u (i32.const 512)) (then (return (call $failed)))))
                (else
                  (call $get-data (local.get $container) (i32.const 32) (i32.const 1) (i64.const 0) (i64.const -1) (i32.const 512))
                  (if (i32.load8_u (i32.const 512)) (then (return (call $failed))))
                  (call $consume (i32.load (i32.const 516)) (i32.const 512))
                  (if (i32.load8_u (i32.const 512)) (then (return (call $failed))))
                  (local.set $message (call $new (i32.load (i32.const 516)) (i32.load (i32.const 520))))
                  (call $connect (i32.const 0) (i32.const 0) (i32.const 512))
                  (local.set $client (i32.load (i32.const 516)))
                  (call $send (local.get $client) (i32.const 48) (i32.const 3) (local.get $message) (i32.const 512))
                  (call $drop-client (local.get $client))))
              (call $drop-container (local.get $container))
              i32.const 256))
          (core instance $i (instantiate $main
            (with "m" (instance $mem))
            (with "h" (instance {{WatParts.Host}}
              (export "write" (func $write))
              (export "new-value" (func $new-value)) (export "body" (func $body)) (export "finish" (func $finish)) (export "consume" (func $consume))
              (export "get-data" (func $get-data)) (export "write-data" (func $write-data)) (export "create" (func $create)) (export "get" (func $get))
              (export "drop-stream" (func $drop-stream)) (export "drop-container" (func $drop-container))))))
          {{WatParts.Handler}})
        """);
}
