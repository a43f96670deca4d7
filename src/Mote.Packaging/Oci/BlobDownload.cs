// A blob into a file: checked against digest and size while it comes, taken up again where it broke off.
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;

namespace Mote.Packaging.Oci;

/// <summary>Downloads one blob.</summary>
internal sealed class BlobDownload(RegistryClient client, RegistryOptions options, OciReference of, OciDescriptor blob, Action<long> progress)
{
    private const int Progress = 64 << 10;

    private static readonly TimeSpan s_grace = TimeSpan.FromMinutes(1), s_longestPause = TimeSpan.FromMinutes(1);

    private readonly byte[] _buffer = new byte[64 << 10];

    /// <summary>Fills a file; what is in it already is taken for the blob's beginning.</summary>
    /// <exception cref="OciException">The registry cannot be reached any more (the file has what came until then), or gave something else (the file is empty).</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public async Task RunAsync(FileStream file, CancellationToken token)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        long have = Resume(file, hash);
        bool isResumed = have > 0;
        TimeSpan pause = options.Pause;
        int idle = 0;
        long best = have;
        while (have < blob.Size || !IsWhole(file, hash, ref have, ref isResumed))
        {
            OciException? fault = null;
            try
            {
                have = await Attempt(file, hash, have, token).ConfigureAwait(false);
                if (have == blob.Size) continue;
            }
            catch (OciException e) when (e.MayPass)
            {
                (fault, have) = (e, file.Position);
            }

            // Less than a little of it is no progress: a registry that gives a byte at each attempt is given up.
            if (have - best >= Progress) (idle, best, pause) = (0, have, options.Pause);
            TimeSpan wait = fault?.RetryAfter is { } asked && asked > pause ? asked : pause;
            if (++idle >= options.Attempts || wait > s_longestPause) throw fault ?? new OciException(OciFault.Unavailable, $"{of}: the registry does not give all of {blob}");
            pause *= 2;
            await Task.Delay(wait, options.Time, token).ConfigureAwait(false);
        }
    }

    private long Resume(FileStream file, IncrementalHash hash)
    {
        if (file.Length > blob.Size) file.SetLength(0);
        file.Position = 0;
        for (int read; (read = file.Read(_buffer)) > 0;) hash.AppendData(_buffer, 0, read);
        return file.Position;
    }

    /// <summary>Whether all bytes are there and are the right ones. What was taken up from another time and is wrong is begun anew, once.</summary>
    private bool IsWhole(FileStream file, IncrementalHash hash, ref long have, ref bool isResumed)
    {
        string found = Convert.ToHexStringLower(hash.GetHashAndReset());
        if (found == blob.Digest) return true;
        file.SetLength(have = 0);
        if (!isResumed || blob.Size == 0) throw new OciException(OciFault.Invalid, $"{of}: the registry gave other bytes than those of {blob}: their digest is {OciReference.DigestPrefix}{found}");
        isResumed = false;
        return false;
    }

    /// <summary>One request. At its end, whichever it is, the file's position is how much there is.</summary>
    private async Task<long> Attempt(FileStream file, IncrementalHash hash, long from, CancellationToken token)
    {
        using HttpResponseMessage response = await client.GetBlobAsync(blob.Digest, from, token).ConfigureAwait(false);
        long have = Begin(file, hash, response, from);
        if (response.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable) return have;
        if (response.Content.Headers.ContentLength is { } length && length != blob.Size - have) throw WrongSize($"{length + have}");
        using var whole = CancellationTokenSource.CreateLinkedTokenSource(token);
        whole.CancelAfter(s_grace + TimeSpan.FromSeconds((double)blob.Size / options.MinRate));
        using Stream body = await response.Content.ReadAsStreamAsync(token).ConfigureAwait(false);
        while (await Read().ConfigureAwait(false) is > 0 and var read)
        {
            if (have + read > blob.Size) throw WrongSize("more");
            hash.AppendData(_buffer, 0, read);
            file.Write(_buffer, 0, read);
            progress(have += read);
        }

        return have == blob.Size ? have : throw new OciException(OciFault.Unavailable, $"{of}: the connection ended after {have} of {blob.Size} bytes");

        async ValueTask<int> Read()
        {
            try
            {
                using var stall = CancellationTokenSource.CreateLinkedTokenSource(whole.Token);
                stall.CancelAfter(options.StallTime);
                return await body.ReadAsync(_buffer, stall.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (!token.IsCancellationRequested)
            {
                throw new OciException(OciFault.Unavailable, $"{of}: after {have} of {blob.Size} bytes the registry gives no more, or too slowly");
            }
            catch (Exception e) when (e is HttpRequestException or IOException)
            {
                throw client.Fault(e);
            }
        }

        OciException WrongSize(string found)
        {
            file.SetLength(0);
            return new OciException(OciFault.Invalid, $"{of}: the registry gave another size of {blob} than its manifest says: {found} bytes");
        }
    }

    /// <summary>Where the response begins: a registry need not know ranges, and then begins at 0.</summary>
    private long Begin(FileStream file, IncrementalHash hash, HttpResponseMessage response, long from)
    {
        ContentRangeHeaderValue? range = response.Content.Headers.ContentRange;
        if (from > 0 && response.StatusCode == HttpStatusCode.PartialContent && range?.From == from) return from;
        if (from > 0 && response.StatusCode == HttpStatusCode.PartialContent) throw new OciException(OciFault.Invalid, $"{of}: the registry answered with another range than it was asked for");
        _ = hash.GetHashAndReset();
        file.SetLength(0);
        return 0;
    }
}
