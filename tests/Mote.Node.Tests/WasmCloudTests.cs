// A component written for wasmCloud's messaging, unchanged: on the embedded broker and on mosquitto.
using System.Text;
using Mote.Tests.Servers;
using Mote.Triggers.Mqtt;
using Mote.Wasmtime;
using MQTTnet;

namespace Mote.Node.Tests;

public sealed class WasmCloudTests : IDisposable
{
    private const string Manifest = """
        mote = 1
        [app]
        name = "cloud"
        [[trigger.mqtt]]
        topic = "in/#"
        component = "handler"
        [component.handler]
        source = "handler.wasm"
        instance = "pooled"
        [component.handler.grants]
        publish = ["out", "ask"]
        [component.handler.limits]
        time = "20s"
        """;

    private readonly TestSite _site = new();
    private Mosquitto? _mosquitto;

    public WasmCloudTests() => File.WriteAllBytes(Path.Combine(_site.Folder, "handler.wasm"), s_wasm);

    public void Dispose()
    {
        _mosquitto?.Dispose();
        _site.Dispose();
    }

    /// <summary>
    /// By the first byte of a message: '!' traps, 'e' answers with an error, 'd' publishes to a subject that is not granted
    /// and puts the error's text on `out`, 'q' sends the body as a request to `ask` and puts the answer on `out`, 'p'
    /// publishes to `out` and then traps. A message with a reply-to is answered there with its own body; every other one goes
    /// to `out` with its body.
    /// </summary>
    private static readonly byte[] s_wasm = Wat.ToWasm($$"""
        (component
          (import "wasmcloud:messaging/types@0.2.0" (instance $types
            (type $m (record (field "subject" string) (field "body" (list u8)) (field "reply-to" (option string))))
            (export "broker-message" (type (eq $m)))))
          (alias export $types "broker-message" (type $message))
          (import "wasmcloud:messaging/consumer@0.2.0" (instance $consumer
            (alias outer 1 $message (type $m)) (export "broker-message" (type $message' (eq $m)))
            (export "request" (func (param "subject" string) (param "body" (list u8)) (param "timeout-ms" u32) (result (result $message' (error string)))))
            (export "publish" (func (param "msg" $message') (result (result (error string)))))))
          {{WatParts.Memory(pages: 16, from: 4096)}}
          (core func $request (canon lower (func $consumer "request") (memory $memory) (realloc $realloc)))
          (core func $publish (canon lower (func $consumer "publish") (memory $memory) (realloc $realloc)))
          (core module $main
            (import "m" "memory" (memory 0))
            (import "m" "reset" (func $reset))
            (import "h" "request" (func $request (param i32 i32 i32 i32 i32 i32)))
            (import "h" "publish" (func $publish (param i32 i32 i32 i32 i32 i32 i32 i32)))
            (data (i32.const 16) "out") (data (i32.const 32) "ask") (data (i32.const 48) "secret") (data (i32.const 64) "asked for it")
            ;; Results: at 256 of publish (tag, error), at 512 of request, at 768 of the handler.
            (func $out (param $body i32) (param $length i32)
              (call $publish (i32.const 16) (i32.const 3) (local.get $body) (local.get $length) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 256))
              (if (i32.load8_u (i32.const 256)) (then unreachable)))
            (func (export "handle") (param $subject i32) (param $subject-length i32) (param $body i32) (param $length i32) (param $has-reply i32) (param $reply i32) (param $reply-length i32) (result i32)
              (local $first i32)
              (i32.store8 (i32.const 768) (i32.const 0))
              (if (local.get $length) (then (local.set $first (i32.load8_u (local.get $body)))))
              (if (i32.eq (local.get $first) (i32.const 33)) (then unreachable))
              (if (i32.eq (local.get $first) (i32.const 101)) (then
                (i32.store8 (i32.const 768) (i32.const 1)) (i32.store (i32.const 772) (i32.const 64)) (i32.store (i32.const 776) (i32.const 12))
                (return (i32.const 768))))
              (if (i32.eq (local.get $first) (i32.const 112)) (then (call $out (local.get $body) (local.get $length)) unreachable))
              (if (i32.eq (local.get $first) (i32.const 100)) (then
                (call $publish (i32.const 48) (i32.const 6) (local.get $body) (local.get $length) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 256))
                (if (i32.eqz (i32.load8_u (i32.const 256))) (then unreachable))
                (call $out (i32.load (i32.const 260)) (i32.load (i32.const 264)))
                (return (i32.const 768))))
              (if (i32.eq (local.get $first) (i32.const 113)) (then
                (call $request (i32.const 32) (i32.const 3) (local.get $body) (local.get $length) (i32.const 10000) (i32.const 512))
                (if (i32.load8_u (i32.const 512))
                  (then (call $out (i32.load (i32.const 516)) (i32.load (i32.const 520))))
                  (else (call $out (i32.load (i32.const 524)) (i32.load (i32.const 528)))))
                (return (i32.const 768))))
              (if (local.get $has-reply)
                (then
                  (call $publish (local.get $reply) (local.get $reply-length) (local.get $body) (local.get $length) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 256))
                  (if (i32.load8_u (i32.const 256)) (then unreachable)))
                (else (call $out (local.get $body) (local.get $length))))
              (i32.const 768))
            (func (export "post") (param i32) (call $reset)))
          (core instance $i (instantiate $main
            (with "m" (instance $mem))
            (with "h" (instance (export "request" (func $request)) (export "publish" (func $publish))))))
          (type $handle (func (param "msg" $message) (result (result (error string)))))
          (func $lifted (type $handle) (canon lift (core func $i "handle") (memory $memory) (realloc $realloc) (post-return (core func $i "post"))))
          (component $handler
            (type $shape (record (field "subject" string) (field "body" (list u8)) (field "reply-to" (option string))))
            (import "type-broker-message" (type $t (eq $shape)))
            (import "handle" (func $f (param "msg" $t) (result (result (error string)))))
            (export $t' "broker-message" (type $t))
            (export "handle-message" (func $f) (func (param "msg" $t') (result (result (error string))))))
          (instance $exported (instantiate $handler (with "type-broker-message" (type $message)) (with "handle" (func $lifted))))
          (export "wasmcloud:messaging/handler@0.2.0" (instance $exported)))
        """);

    private async Task<(EdgeNode Node, Client Client)> Start(bool external)
    {
        if (external)
        {
            _mosquitto = new Mosquitto(_site.Folder, Loopback.FreePort());
            _site.Config = _site.Config with { BrokerUrl = new Uri($"mqtt://{_mosquitto.Address}") };
        }

        EdgeNode node = await _site.Start(Manifest);
        if (node.Broker is ExternalBroker broker) await broker.WaitForConnectionAsync(TestContext.Current.CancellationToken).WaitAsync(Client.Patience, TestContext.Current.CancellationToken);
        Client client = await Client.Connect(node.Broker!.Address);
        return (node, client);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Messages_GoThrough_WithTheSameTransactionAsWasiMessaging(bool external)
    {
        (EdgeNode node, Client client) = await Start(external);
        await using EdgeNode n = node;
        await using Client c = client;
        await client.Subscribe("out");
        foreach (string text in (string[])["a message", "p is sent and then trapped", "!", "e", "d", "the last"]) await client.Publish("in/a", text);
        await client.Until(3);
        Assert.True(client.Texts.SequenceEqual(["a message", "sending to `secret` is not granted: publish = [\"secret\"]", "the last"]), string.Join(" / ", client.Texts) + string.Join("\n", _site.Log));
        await Wait.Until(() => node.Report().Handled == 3 && node.Report().Failed == 3, () => $"{node.Report()}");
        Assert.Contains(_site.Log, l => l.Contains("asked for it", StringComparison.Ordinal));
        Assert.Contains(_site.Log, l => l.Contains("publish = [\"secret\"]", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Request_IsAnswered_WhereItsSenderWaits(bool external)
    {
        (EdgeNode node, Client client) = await Start(external);
        await using EdgeNode n = node;
        await using Client c = client;
        var correlations = new List<string>();
        client.Mqtt.ApplicationMessageReceivedAsync += e =>
        {
            lock (correlations) correlations.Add(Encoding.ASCII.GetString(e.ApplicationMessage.CorrelationData ?? []));
            return Task.CompletedTask;
        };
        await client.Subscribe("answers/here");
        for (int i = 0; i < 5; i++) await client.Mqtt.PublishAsync(new MqttApplicationMessage { Topic = "in/a", Payload = new(Encoding.ASCII.GetBytes($"question {i}")[1..]), QualityOfServiceLevel = MQTTnet.Protocol.MqttQualityOfServiceLevel.AtLeastOnce, ResponseTopic = "answers/here", CorrelationData = Encoding.ASCII.GetBytes($"{i}") }, TestContext.Current.CancellationToken);
        await client.Until(5);
        Assert.Equal(Enumerable.Range(0, 5).Select(i => $"uestion {i}"), client.Texts);
        Assert.Equal(["0", "1", "2", "3", "4"], correlations);
        Assert.DoesNotContain(_site.Log, l => l.Contains("not granted", StringComparison.Ordinal)); // an answer needs no grant
    }

    [Fact]
    public void Message_ThatAsksForAnswers_SaysWhereOnTheWire()
    {
        Assert.Equal("answers/here", MqttMessages.FromGuest("out", new Capabilities.Messaging.Message(default) { AnswersTo = "answers/here" }).ResponseTopic);
        Assert.Null(MqttMessages.FromGuest("out", new Capabilities.Messaging.Message(default)).ResponseTopic);
        foreach (string bad in (string[])["", "a/#", "a\nb"]) Assert.Throws<Capabilities.Messaging.MessagingException>(() => MqttMessages.FromGuest("out", new Capabilities.Messaging.Message(default) { AnswersTo = bad }));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Request_OfTheComponent_GetsItsAnswer(bool external)
    {
        (EdgeNode node, Client client) = await Start(external);
        await using EdgeNode n = node;
        await using Client c = client;
        await using Client answerer = await Client.Connect(node.Broker!.Address);
        answerer.Mqtt.ApplicationMessageReceivedAsync += e => answerer.Mqtt.PublishAsync(new MqttApplicationMessage { Topic = e.ApplicationMessage.ResponseTopic, CorrelationData = e.ApplicationMessage.CorrelationData, Payload = new("forty-two"u8.ToArray()) });
        await answerer.Subscribe("ask");
        await client.Subscribe("out");
        await client.Publish("in/a", "question");
        await client.Until(1);
        Assert.Equal(["forty-two"], client.Texts);
    }
}
