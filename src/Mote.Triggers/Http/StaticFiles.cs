// Files of a folder as answers: what is in the folder and nothing else, whatever a path, a link or a rename may try.
using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Mote.Files;

namespace Mote.Triggers.Http;

/// <summary>Answers a route with the files of a folder. No microVM takes part.</summary>
public sealed class StaticFiles : IHttpTarget, IDisposable
{
    /// <summary>Most files that are sent at once; each is an open descriptor.</summary>
    public const int MostAtOnce = 512;

    private const int Chunk = 64 * 1024;
    private const string Index = "index.html";

    /// <summary>What is tried where the client takes it, best first.</summary>
    private static readonly (string Coding, string Suffix)[] s_codings = [("br", ".br"), ("zstd", ".zst"), ("gzip", ".gz")];

    private readonly HostFile _folder;
    private readonly int _prefix;
    private readonly string _cacheControl;
    private int _sending;

    /// <summary>Files of a folder.</summary>
    /// <param name="folder">The folder, absolute.</param>
    /// <param name="route">The route, which ends with `/...`; what a path has in place of that is the file.</param>
    /// <param name="cache">How long clients may keep a file without asking; null is never.</param>
    /// <exception cref="RouteException">The route does not end so, or the folder cannot be opened.</exception>
    public StaticFiles(string folder, string route, TimeSpan? cache)
    {
        if (!route.EndsWith("/...", StringComparison.Ordinal)) throw new RouteException($"files of a folder need a route that ends with `/...`, such as `/static/...`: `{route}` does not");
        if (!HostFile.IsSupported) throw new RouteException("folders of files are served on Linux only");
        FileResult<HostFile> opened = HostFile.OpenFolder(folder, mayChange: false);
        if (!opened.IsOk) throw new RouteException($"the folder {folder} cannot be opened ({opened.Error})");
        _folder = opened.Value;
        _prefix = route[..^4].Count(c => c == '/');
        _cacheControl = cache is { } age && age > TimeSpan.Zero ? string.Create(CultureInfo.InvariantCulture, $"max-age={(long)age.TotalSeconds}") : "no-cache";
    }

    /// <inheritdoc/>
    public void Dispose() => _folder.Dispose();

    /// <inheritdoc/>
    public Task Answer(HttpExchange exchange)
    {
        if (exchange.Method is not ("GET" or "HEAD"))
        {
            exchange.Features.Get<IHttpResponseFeature>()!.Headers.Allow = "GET, HEAD";
            exchange.Refuse(405, "files can be asked for with GET and HEAD\n");
            return Task.CompletedTask;
        }

        if (Name(exchange.Path) is not { } path)
        {
            exchange.Refuse(404, "there is no such file\n");
            return Task.CompletedTask;
        }

        if (Interlocked.Increment(ref _sending) <= MostAtOnce) return Find(exchange, path);
        Interlocked.Decrement(ref _sending);
        exchange.Refuse(503, "too many files are being sent\n", retryAfterSeconds: 1);
        return Task.CompletedTask;
    }

    /// <summary>The path below the folder, decoded; null where there can be no such file. An end with a slash stays.</summary>
    private string? Name(ReadOnlySpan<char> path)
    {
        for (int i = 0; i < _prefix; i++)
        {
            int next = path[1..].IndexOf('/');
            path = next < 0 ? "" : path[(next + 1)..];
        }

        if (path.IsEmpty) return "";
        string[] parts = path[1..].ToString().Split('/');
        for (int i = 0; i < parts.Length; i++)
        {
            string part = parts[i] = Uri.UnescapeDataString(parts[i]);
            // Hidden files are nobody's business, and . and .. are among them. A slash that was encoded is no separator.
            if (part.StartsWith('.') || part.AsSpan().ContainsAny('/', '\\', '\0') || (part.Length == 0 && i < parts.Length - 1)) return null;
        }

        return "/" + string.Join('/', parts);
    }

    private async Task Find(HttpExchange exchange, string path)
    {
        HostFile? file = null;
        try
        {
            IHeaderDictionary asked = exchange.Features.Get<IHttpRequestFeature>()!.Headers;
            string name = path.Length == 0 || path == "/" ? path : path[1..];
            bool isFolder = path.Length == 0 || path.EndsWith('/');
            if (!isFolder) isFolder = _folder.Status(name, follow: true) is { IsOk: true, Value.Kind: FileKind.Folder };
            if (isFolder && !path.EndsWith('/'))
            {
                Redirect(exchange);
                return;
            }

            if (isFolder) name = path[1..] + Index;
            string? coding = asked.Range.Count > 0 ? null : Open(name, asked.AcceptEncoding, out file);
            if (file is null && _folder.Open(name, OpenModes.Read | OpenModes.Follow) is { IsOk: true } opened) file = opened.Value;
            if (file?.Status() is not { IsOk: true, Value: { Kind: FileKind.File } status })
            {
                exchange.Refuse(404, "there is no such file\n");
                return;
            }

            await Send(exchange, asked, file, name, coding, status).ConfigureAwait(false);
        }
        finally
        {
            file?.Dispose();
            Interlocked.Decrement(ref _sending);
        }
    }

    /// <summary>Relative links in an index are of its folder, so its address ends with a slash. The answer names no host: it stays on this one.</summary>
    private static void Redirect(HttpExchange exchange)
    {
        IHttpResponseFeature response = exchange.Features.Get<IHttpResponseFeature>()!;
        ReadOnlySpan<char> path = exchange.Path;
        response.Headers.Location = string.Concat("./", path[(path.LastIndexOf('/') + 1)..], "/", exchange.Target.AsSpan(path.Length));
        exchange.Refuse(308, "this is a folder: its address ends with a slash\n");
    }

    /// <summary>A file that was compressed beforehand, where there is one and the client takes it.</summary>
    private string? Open(string name, string? accepted, out HostFile? file)
    {
        file = null;
        if (string.IsNullOrEmpty(accepted)) return null;
        foreach ((string coding, string suffix) in s_codings)
        {
            if (!Accepts(accepted, coding) || _folder.Open(name + suffix, OpenModes.Read | OpenModes.Follow) is not { IsOk: true } opened) continue;
            if (opened.Value.Kind == FileKind.File)
            {
                file = opened.Value;
                return coding;
            }

            opened.Value.Dispose();
        }

        return null;
    }

    private static bool Accepts(string accepted, string coding)
    {
        foreach (Range r in accepted.AsSpan().Split(','))
        {
            ReadOnlySpan<char> item = accepted.AsSpan(r).Trim();
            int semicolon = item.IndexOf(';');
            ReadOnlySpan<char> name = semicolon < 0 ? item : item[..semicolon].TrimEnd();
            if (!name.Equals(coding, StringComparison.OrdinalIgnoreCase)) continue;
            // ;q=0 is a refusal, with any number of zeros.
            return semicolon < 0 || item[(semicolon + 1)..].Trim().TrimStart("q=").ContainsAnyInRange('1', '9');
        }

        return false;
    }

    private async Task Send(HttpExchange exchange, IHeaderDictionary asked, HostFile file, string name, string? coding, FileStatus status)
    {
        IHttpResponseFeature response = exchange.Features.Get<IHttpResponseFeature>()!;
        IHeaderDictionary headers = response.Headers;
        long size = (long)status.Size;
        // Of the time to the nanosecond, so that two contents of one size differ.
        string tag = string.Create(CultureInfo.InvariantCulture, $"\"{size:x}-{status.Modified.Seconds:x}.{status.Modified.Nanoseconds:x}{(coding is null ? "" : "-" + coding)}\"");
        DateTimeOffset modified = DateTimeOffset.FromUnixTimeSeconds(Math.Clamp(status.Modified.Seconds, 0, 253402300799));
        headers.ETag = tag;
        headers.LastModified = modified.ToString("r", CultureInfo.InvariantCulture);
        headers.CacheControl = _cacheControl;
        headers.AcceptRanges = "bytes";
        headers.Vary = "Accept-Encoding";
        headers.XContentTypeOptions = "nosniff";
        headers["X-Request-Id"] = exchange.Id;
        if (Fails(asked, tag, modified))
        {
            response.StatusCode = 412;
            return;
        }

        if (IsUnchanged(asked, tag, modified))
        {
            response.StatusCode = 304;
            return;
        }

        headers.ContentType = MediaTypes.Of(name);
        if (coding is not null) headers.ContentEncoding = coding;
        ByteRange range = ByteRange.Of(exchange.Method == "GET" && RangeHolds(asked, tag, modified) ? asked.Range.ToString() : null, size);
        if (range.Kind == ByteRangeKind.Unsatisfiable)
        {
            headers.ContentRange = $"bytes */{size}";
            headers.Remove("Content-Encoding");
            exchange.Refuse(416, "the file does not have this part\n");
            return;
        }

        if (range.Kind == ByteRangeKind.Part)
        {
            response.StatusCode = 206;
            headers.ContentRange = string.Create(CultureInfo.InvariantCulture, $"bytes {range.First}-{range.First + range.Length - 1}/{size}");
        }

        headers.ContentLength = range.Length;
        if (exchange.Method == "HEAD" || range.Length == 0) return;
        await Copy(exchange, file, range).ConfigureAwait(false);
    }

    private static async Task Copy(HttpExchange exchange, HostFile file, ByteRange range)
    {
        PipeWriter writer = exchange.Features.Get<IHttpResponseBodyFeature>()!.Writer;
        long at = range.First, end = range.First + range.Length;
        while (at < end)
        {
            Memory<byte> buffer = writer.GetMemory((int)Math.Min(Chunk, end - at));
            if (buffer.Length > end - at) buffer = buffer[..(int)(end - at)];
            FileResult<int> read = file.Read(buffer.Span, (ulong)at);
            if (!read.IsOk || read.Value == 0)
            {
                // It became shorter meanwhile: the length that was said cannot be kept, and the client must notice.
                exchange.Features.Get<IHttpRequestLifetimeFeature>()?.Abort();
                return;
            }

            writer.Advance(read.Value);
            at += read.Value;
            try
            {
                if ((await writer.FlushAsync(exchange.Aborted).ConfigureAwait(false)).IsCompleted) return;
            }
            catch (Exception e) when (e is OperationCanceledException or IOException)
            {
                return; // the client is gone
            }
        }
    }

    // RFC 9110, section 13.2.2, in its order.
    private static bool Fails(IHeaderDictionary asked, string tag, DateTimeOffset modified)
    {
        if (asked.IfMatch.Count > 0) return !Names(asked.IfMatch.ToString(), tag, weakly: false);
        return Date(asked.IfUnmodifiedSince) is { } since && modified > since;
    }

    private static bool IsUnchanged(IHeaderDictionary asked, string tag, DateTimeOffset modified)
    {
        if (asked.IfNoneMatch.Count > 0) return Names(asked.IfNoneMatch.ToString(), tag, weakly: true);
        return Date(asked.IfModifiedSince) is { } since && modified <= since;
    }

    /// <summary>A range of a file that has changed since would not fit the part that the client has.</summary>
    private static bool RangeHolds(IHeaderDictionary asked, string tag, DateTimeOffset modified) =>
        asked.IfRange.Count == 0 || asked.IfRange.ToString() == tag || Date(asked.IfRange) == modified;

    private static bool Names(string list, string tag, bool weakly)
    {
        foreach (Range r in list.AsSpan().Split(','))
        {
            ReadOnlySpan<char> item = list.AsSpan(r).Trim();
            if (item is "*") return true;
            if (weakly && item.StartsWith("W/")) item = item[2..];
            if (item.SequenceEqual(tag)) return true;
        }

        return false;
    }

    private static DateTimeOffset? Date(string? text) =>
        DateTimeOffset.TryParseExact(text, "r", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset date) ? date : null;
}
