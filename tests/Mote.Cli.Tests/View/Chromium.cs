// Debian's Chromium without a window, driven by its own protocol (DevTools): a page that a person would look at, its errors,
// and pictures of it.
using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.WebSockets;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Mote.Cli.Tests.View;

internal sealed class Chromium : IAsyncDisposable
{
    /// <summary>Nothing here takes as long, except on a machine that does something else.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    private readonly Process _process;
    private readonly TempFolder _folder;
    private readonly ClientWebSocket _socket = new();
    private readonly ConcurrentDictionary<int, TaskCompletionSource<JsonObject>> _asked = new();
    private readonly SemaphoreSlim _sending = new(1);
    private Task _reading = Task.CompletedTask;
    private string _session = "";
    private int _number;

    private Chromium(Process process, TempFolder folder)
    {
        _process = process;
        _folder = folder;
    }

    /// <summary>What the page has complained about: exceptions, console.error, resources that did not come.</summary>
    public ConcurrentQueue<string> Errors { get; } = new();

    /// <summary>Starts one with an empty page; skips the test where there is none.</summary>
    public static async Task<Chromium> StartAsync()
    {
        const string Program = "/usr/bin/chromium";
        Assert.SkipUnless(File.Exists(Program), "chromium is not installed (apt-get install chromium)");
        var folder = new TempFolder();
        var process = new Process
        {
            StartInfo = new ProcessStartInfo(Program,
            [
                "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
                "--disable-dev-shm-usage", "--hide-scrollbars", $"--user-data-dir={folder["profile"]}", "--remote-debugging-port=0", "about:blank",
            ])
            { RedirectStandardError = true, RedirectStandardOutput = true },
        };
        process.Start();
        var address = new TaskCompletionSource<string>();
        process.ErrorDataReceived += (_, e) =>
        {
            const string Begin = "DevTools listening on ";
            if (e.Data is null) address.TrySetException(new IOException("chromium has ended"));
            else if (e.Data.StartsWith(Begin, StringComparison.Ordinal)) address.TrySetResult(e.Data[Begin.Length..]);
        };
        process.BeginErrorReadLine();
        process.BeginOutputReadLine();
        var chromium = new Chromium(process, folder);
        try
        {
            await chromium._socket.ConnectAsync(new Uri(await address.Task.WaitAsync(s_patience)), CancellationToken.None);
            chromium._reading = chromium.ReadAsync();
            string target = (string)(await chromium.Ask("Target.createTarget", new() { ["url"] = "about:blank" }))["targetId"]!;
            chromium._session = (string)(await chromium.Ask("Target.attachToTarget", new() { ["targetId"] = target, ["flatten"] = true }))["sessionId"]!;
            foreach (string domain in new[] { "Page", "Runtime", "Log" }) await chromium.Ask($"{domain}.enable");
            return chromium;
        }
        catch
        {
            await chromium.DisposeAsync();
            throw;
        }
    }

    /// <summary>Opens an address.</summary>
    public Task Open(string url) => Ask("Page.navigate", new() { ["url"] = url });

    /// <summary>The window's size in CSS pixels, and the colours that its user likes.</summary>
    public async Task Look(int width, int height, bool dark)
    {
        await Ask("Emulation.setDeviceMetricsOverride", new() { ["width"] = width, ["height"] = height, ["deviceScaleFactor"] = 1, ["mobile"] = false });
        await Ask("Emulation.setEmulatedMedia", new() { ["features"] = new JsonArray(new JsonObject { ["name"] = "prefers-color-scheme", ["value"] = dark ? "dark" : "light" }) });
    }

    /// <summary>The value of an expression in the page.</summary>
    public async Task<JsonNode?> Value(string expression)
    {
        JsonObject answer = await Ask("Runtime.evaluate", new() { ["expression"] = expression, ["returnByValue"] = true, ["awaitPromise"] = true });
        Assert.False(answer.ContainsKey("exceptionDetails"), $"{expression}: {answer}");
        return answer["result"]!["value"];
    }

    /// <summary>Waits until an expression is true in the page; one that throws is not, for the page may not be there yet.</summary>
    public async Task Until(string expression)
    {
        long start = Stopwatch.GetTimestamp();
        while ((await Value($"(() => {{ try {{ return {expression}; }} catch {{ return false; }} }})()"))?.GetValueKind() != JsonValueKind.True)
        {
            if (Stopwatch.GetElapsedTime(start) > s_patience) Assert.Fail($"this does not come true: {expression}\n{await Value("document.body.innerText")}\n{string.Join('\n', Errors)}");
            await Task.Delay(20);
        }
    }

    /// <summary>Presses a key, as a person does.</summary>
    public async Task Press(string key, int code)
    {
        foreach (string type in new[] { "keyDown", "keyUp" })
        {
            var what = new JsonObject { ["type"] = type, ["key"] = key, ["code"] = key, ["windowsVirtualKeyCode"] = code };
            if (type == "keyDown" && key == "Enter") what["text"] = "\r";
            await Ask("Input.dispatchKeyEvent", what);
        }
    }

    /// <summary>A picture of all of the page, as a PNG file.</summary>
    public async Task<byte[]> Picture() => Convert.FromBase64String((string)(await Ask("Page.captureScreenshot", new() { ["format"] = "png", ["captureBeyondViewport"] = true }))["data"]!);

    public async ValueTask DisposeAsync()
    {
        _socket.Abort();
        await _reading;
        _socket.Dispose();
        if (!_process.HasExited) _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync();
        _process.Dispose();
        _sending.Dispose();
        _folder.Dispose();
    }

    private async Task<JsonObject> Ask(string method, JsonObject? parameters = null)
    {
        int id = Interlocked.Increment(ref _number);
        var answer = new TaskCompletionSource<JsonObject>(TaskCreationOptions.RunContinuationsAsynchronously);
        _asked[id] = answer;
        var request = new JsonObject { ["id"] = id, ["method"] = method, ["params"] = parameters ?? [] };
        if (_session.Length > 0) request["sessionId"] = _session;
        await _sending.WaitAsync();
        try
        {
            await _socket.SendAsync(JsonSerializer.SerializeToUtf8Bytes(request), WebSocketMessageType.Text, true, CancellationToken.None);
        }
        finally
        {
            _sending.Release();
        }

        return await answer.Task.WaitAsync(s_patience);
    }

    private async Task ReadAsync()
    {
        var buffer = new byte[1 << 16];
        using var whole = new MemoryStream();
        try
        {
            while (true)
            {
                ValueWebSocketReceiveResult got = await _socket.ReceiveAsync(buffer.AsMemory(), CancellationToken.None);
                if (got.MessageType == WebSocketMessageType.Close) return;
                whole.Write(buffer, 0, got.Count);
                if (!got.EndOfMessage) continue;
                Take(JsonNode.Parse(whole.ToArray())!.AsObject());
                whole.SetLength(0);
            }
        }
        catch (Exception e) when (e is WebSocketException or OperationCanceledException or ObjectDisposedException)
        {
            foreach (TaskCompletionSource<JsonObject> waiting in _asked.Values) waiting.TrySetException(new IOException("chromium has ended"));
        }
    }

    private void Take(JsonObject message)
    {
        if (message["id"] is { } id)
        {
            if (!_asked.TryRemove((int)id, out TaskCompletionSource<JsonObject>? answer)) return;
            if (message["error"] is { } error) answer.SetException(new InvalidOperationException(error.ToJsonString()));
            else answer.SetResult(message["result"]!.AsObject());
            return;
        }

        JsonNode? of = message["params"];
        switch ((string?)message["method"])
        {
            case "Runtime.exceptionThrown":
                Errors.Enqueue(of!["exceptionDetails"]!.ToJsonString());
                break;
            case "Runtime.consoleAPICalled" when (string?)of!["type"] is "error" or "warning":
                Errors.Enqueue(of["args"]!.ToJsonString());
                break;
            case "Log.entryAdded" when (string?)of!["entry"]!["level"] is "error" or "warning":
                Errors.Enqueue(of["entry"]!.ToJsonString());
                break;
        }
    }
}
