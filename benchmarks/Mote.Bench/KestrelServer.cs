// What HTTP is measured against: Kestrel with one terminal middleware, which sends the same headers and body; and with
// one that sends back what it gets.
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Mote.Bench;

internal static class KestrelServer
{
    private static readonly byte[] s_hello = Encoding.UTF8.GetBytes("Hello from a microVM\n");

    public static async Task<int> Run(int port)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(k =>
        {
            k.AddServerHeader = false;
            k.ListenLocalhost(port);
            k.Limits.MaxRequestBodySize = null;
        });
        WebApplication app = builder.Build();
        app.Run(static context => context.Request.Path.Value == "/hello" ? Hello(context) : Echo(context));
        await app.RunAsync().ConfigureAwait(false);
        return 0;
    }

    private static Task Hello(HttpContext context)
    {
        HttpResponse response = context.Response;
        response.StatusCode = 200;
        response.Headers.ContentType = "text/plain";
        response.Headers["X-Request-Id"] = context.TraceIdentifier;
        response.ContentLength = s_hello.Length;
        return response.Body.WriteAsync(s_hello, 0, s_hello.Length);
    }

    private static async Task Echo(HttpContext context)
    {
        var reader = context.Request.BodyReader;
        var writer = context.Response.BodyWriter;
        while (true)
        {
            var result = await reader.ReadAsync().ConfigureAwait(false);
            foreach (ReadOnlyMemory<byte> segment in result.Buffer) writer.Write(segment.Span);
            reader.AdvanceTo(result.Buffer.End);
            await writer.FlushAsync().ConfigureAwait(false);
            if (result.IsCompleted) return;
        }
    }

    private static void Write(this System.IO.Pipelines.PipeWriter writer, ReadOnlySpan<byte> bytes) => System.Buffers.BuffersExtensions.Write(writer, bytes);
}
