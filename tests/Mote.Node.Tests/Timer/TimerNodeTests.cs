// Timers of a node with a real component, in real time.
using System.Net;
using System.Text.Json;
using Mote.Packaging;

namespace Mote.Node.Tests.Timer;

public sealed class TimerNodeTests : IDisposable
{
    private const string App = """
        mote = 1
        [app]
        name = "test"
        [[trigger.timer]]
        name = "beat"
        every = "200ms"
        component = "handler"
        [component.handler]
        source = "handler.wasm"
        instance = "pooled"
        """;

    private readonly TestSite _site = new();

    public void Dispose() => _site.Dispose();

    [Fact]
    public async Task App_OfTimersAlone_RunsWithoutABroker()
    {
        _site.Config = _site.Config with { Telemetry = new TelemetryConfig { Metrics = new IPEndPoint(IPAddress.Loopback, 0) } };
        await using EdgeNode node = await _site.Start(App);
        Assert.Null(node.Broker);
        await Wait.Until(() => node.Timers[0].Fired >= 3, () => $"fired {node.Timers[0].Fired} times");
        Assert.True(node.Report().Handled >= 3);
        ComponentStatus status = Assert.Single(node.Status().Components);
        Assert.Equal(("handler", "timer", 0), (status.Component, status.Trigger, status.Failed));
        using var http = new HttpClient();
        string metrics = await http.GetStringAsync(node.MetricsUrl, TestContext.Current.CancellationToken);
        const string Labels = "mote_app=\"test\",mote_component=\"handler\",faas_trigger=\"timer\",mote_timer=\"beat\"";
        Assert.Matches($"mote_timer_fired_total{{[^}}]*{Labels}[^}}]*}} [3-9]", metrics);
        Assert.Matches($"mote_timer_missed_total{{[^}}]*{Labels}[^}}]*}} \\d", metrics);
        Assert.Matches($"mote_timer_next_seconds{{[^}}]*{Labels}[^}}]*}} 1\\d{{9}}", metrics);
        Assert.Matches("faas_invocations_total{[^}]*mote_component=\"handler\",faas_trigger=\"timer\"", metrics);
        Assert.DoesNotContain("pubsub", metrics);
        // No message comes after the end.
        await node.DrainAsync(Client.Patience);
        long handled = node.Report().Handled;
        await Task.Delay(500, TestContext.Current.CancellationToken); // two more would have come
        Assert.Equal(handled, node.Report().Handled);
    }

    [Fact]
    public async Task Component_GetsWhatTheTimerSays_AndMqttGoesToTheSameQueue()
    {
        await using EdgeNode node = await _site.Start(App.Replace("[component.handler]", "[[trigger.mqtt]]\ntopic = \"in\"\ncomponent = \"handler\"\n[component.handler]", StringComparison.Ordinal) + "\n[component.handler.grants]\npublish = [\"out\"]\n");
        await using Client client = await Client.Connect(node.Broker!.Address);
        await client.Subscribe("out");
        await client.Publish("in", "hello");
        await Wait.Until(() => client.Texts.Contains("hello") && client.Received.Count >= 4, () => string.Join('\n', client.Texts));
        Assert.Equal("mqtt+timer", Assert.Single(node.Status().Components).Trigger);
        DateTimeOffset last = default;
        foreach (string text in client.Texts.Where(t => t != "hello"))
        {
            using JsonDocument json = JsonDocument.Parse(text);
            DateTimeOffset scheduled = json.RootElement.GetProperty("scheduled").GetDateTimeOffset(), fired = json.RootElement.GetProperty("fired").GetDateTimeOffset();
            Assert.Equal(0, scheduled.Ticks % TimeSpan.FromMilliseconds(200).Ticks);
            Assert.True(scheduled > last);
            Assert.InRange(fired - scheduled, TimeSpan.Zero, TimeSpan.FromMinutes(1));
            Assert.True(json.RootElement.GetProperty("missed").GetInt64() >= 0);
            Assert.Equal(3, json.RootElement.EnumerateObject().Count());
            last = scheduled;
        }
    }

    [Fact]
    public async Task NodeThatWasOff_CatchesUp()
    {
        string app = App.Replace("every = \"200ms\"", "every = \"1h\"\ncatch-up = \"once\"", StringComparison.Ordinal);
        await using (EdgeNode first = await _site.Start(app)) Assert.Equal(0, first.Timers[0].Fired);
        // As if that had been yesterday.
        string file = Path.Combine(_site.Config.DataFolder, "timers.state");
        var marks = new Triggers.Timer.TimerFile(file, _site.Log.Enqueue);
        Dictionary<string, Triggers.Timer.TimerMark> saved = marks.Load();
        saved["test/beat"] = saved["test/beat"] with { Last = saved["test/beat"].Last.AddDays(-1) };
        marks.Save(saved);
        await using EdgeNode second = await _site.Start(app);
        await Wait.Until(() => second.Timers[0].Fired == 1, () => string.Join('\n', _site.Log));
        Assert.InRange(second.Timers[0].Missed, 23, 24); // the hour may have passed meanwhile
    }

    [Fact]
    public async Task Component_ThatCannotStart_IsCalledAgainNextTime()
    {
        // The guest begins with four pages of memory, and may have one: no microVM starts.
        await using EdgeNode node = await _site.Start(App + "\n[component.handler.limits]\nmemory = \"64KiB\"\n");
        await Wait.Until(() => node.Timers[0].Fired >= 2 && node.Report().Failed >= 2, () => $"{node.Timers[0]} {node.Report()}");
        Assert.Contains(_site.Log, l => l.Contains("component `handler`, message on `timer/beat`", StringComparison.Ordinal));
    }
}
