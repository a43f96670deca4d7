// A collector: takes OTLP over HTTP and decodes as much of it as tests look at (opentelemetry-proto 1.x, by field number).
using System.Collections.Concurrent;
using System.Net;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Mote.Node.Tests;

/// <summary>A span as it came.</summary>
internal sealed record ReceivedSpan(string Trace, string Id, string Parent, string Name, int Kind, int Status, string Reason, Dictionary<string, string> Attributes, Dictionary<string, string> Resource)
{
    /// <summary>Trace and span of each link.</summary>
    public (string Trace, string Span)[] Links { get; init; } = [];
}

/// <summary>A log record as it came.</summary>
internal sealed record ReceivedLog(int Severity, string Body, string Trace, string Span, Dictionary<string, string> Attributes);

internal sealed class OtlpReceiver : IAsyncDisposable
{
    private readonly WebApplication _app;

    private OtlpReceiver(WebApplication app) => _app = app;

    public Uri Url { get; private set; } = null!;

    public ConcurrentQueue<ReceivedSpan> Spans { get; } = new();

    public ConcurrentQueue<ReceivedLog> Logs { get; } = new();

    /// <summary>Name, unit and kind (5 gauge, 7 sum, 9 histogram) of each metric.</summary>
    public ConcurrentDictionary<string, (string Unit, int Kind)> Metrics { get; } = new();

    public static async Task<OtlpReceiver> StartAsync()
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(o => o.Listen(IPAddress.Loopback, 0));
        var receiver = new OtlpReceiver(builder.Build());
        receiver._app.Run(receiver.Take);
        await receiver._app.StartAsync(TestContext.Current.CancellationToken);
        receiver.Url = new Uri(receiver._app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
        return receiver;
    }

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();

    private async Task Take(HttpContext http)
    {
        using var body = new MemoryStream();
        await http.Request.Body.CopyToAsync(body, http.RequestAborted);
        Message request = new(body.ToArray());
        foreach (Message resource in request.All(1))
        {
            Dictionary<string, string> about = resource.All(1).Select(r => Attributes(r, 1)).FirstOrDefault() ?? [];
            foreach (Message item in resource.All(2).SelectMany(scope => scope.All(2)))
            {
                switch (http.Request.Path.Value)
                {
                    case "/v1/traces":
                        Message? status = item.All(15).FirstOrDefault();
                        Spans.Enqueue(new ReceivedSpan(item.Hex(1), item.Hex(2), item.Hex(4), item.Text(5), (int)item.Number(6), (int)(status?.Number(3) ?? 0), status?.Text(2) ?? "", Attributes(item, 9), about) { Links = [.. item.All(13).Select(l => (l.Hex(1), l.Hex(2)))] });
                        break;
                    case "/v1/logs":
                        Logs.Enqueue(new ReceivedLog((int)item.Number(2), item.All(5).FirstOrDefault()?.Text(1) ?? "", item.Hex(9), item.Hex(10), Attributes(item, 6)));
                        break;
                    case "/v1/metrics":
                        Metrics[item.Text(1)] = (item.Text(3), new[] { 5, 7, 9 }.First(item.Has));
                        break;
                    default:
                        http.Response.StatusCode = 404;
                        break;
                }
            }
        }
    }

    private static Dictionary<string, string> Attributes(Message of, int field) => of.All(field).ToDictionary(
        a => a.Text(1), a => a.All(2).Select(v => v.Has(1) ? v.Text(1) : v.Has(3) ? $"{v.Number(3)}" : v.Has(2) ? $"{v.Number(2) != 0}" : "?").FirstOrDefault() ?? "");

    /// <summary>A protobuf message: its fields by their numbers.</summary>
    private sealed class Message
    {
        private readonly List<(int Field, ulong Number, byte[] Bytes)> _fields = [];

        public Message(ReadOnlySpan<byte> data)
        {
            while (data.Length > 0)
            {
                ulong tag = Varint(ref data);
                (ulong number, byte[] bytes) = (0UL, Array.Empty<byte>());
                switch (tag & 7)
                {
                    case 0:
                        number = Varint(ref data);
                        break;
                    case 1:
                        number = BitConverter.ToUInt64(data);
                        data = data[8..];
                        break;
                    case 2:
                        int length = (int)Varint(ref data);
                        bytes = data[..length].ToArray();
                        data = data[length..];
                        break;
                    case 5:
                        number = BitConverter.ToUInt32(data);
                        data = data[4..];
                        break;
                    default:
                        throw new InvalidDataException($"no protobuf: wire type {tag & 7}");
                }

                _fields.Add(((int)(tag >> 3), number, bytes));
            }
        }

        public bool Has(int field) => _fields.Exists(f => f.Field == field);

        public IEnumerable<Message> All(int field) => _fields.Where(f => f.Field == field).Select(f => new Message(f.Bytes));

        public ulong Number(int field) => _fields.Find(f => f.Field == field).Number;

        public string Text(int field) => Encoding.UTF8.GetString(_fields.Find(f => f.Field == field).Bytes ?? []);

        public string Hex(int field) => Convert.ToHexStringLower(_fields.Find(f => f.Field == field).Bytes ?? []);

        private static ulong Varint(ref ReadOnlySpan<byte> data)
        {
            ulong value = 0;
            for (int shift = 0; ; shift += 7)
            {
                byte b = data[0];
                data = data[1..];
                value |= (ulong)(b & 0x7f) << shift;
                if (b < 0x80) return value;
            }
        }
    }
}
