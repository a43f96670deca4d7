// One store: a stream whose subjects are keys and whose sequence numbers are the versions that compare-and-swap needs, as
// the key-value stores of NATS are made (ADR-8 of nats-architecture-and-design), so that other clients can use it too.
using System.Globalization;
using System.Text;
using Mote.Capabilities.KeyValue;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Mote.Backends.Nats.KeyValue;

internal sealed class NatsBucket(NatsLink link, string bucket, TimeProvider time) : IKeyValueStore
{
    private const int MaxKey = 4096;
    private const int MaxValue = 16 << 20;
    private const int AtOnce = 64;
    private const long BytesAtOnce = 8 << 20;
    private const string Operation = "KV-Operation";

    private const int NoSuchStream = 10059;
    private const int WrongLastSequence = 10071;
    private const int WrongLastSequenceConstant = 10164;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    /// <summary>Threads of this process take turns at a number, so that they do not make each other try again.</summary>
    private readonly Lock[] _turns = [.. Enumerable.Range(0, 16).Select(_ => new Lock())];

    private readonly KeyWalk _walk = new(link, bucket, time);
    private volatile Task<bool>? _opened;

    /// <summary>The stream of a bucket.</summary>
    public static string StreamOf(string bucket) => $"KV_{bucket}";

    private string StreamName => StreamOf(bucket);

    private string SubjectOf(string name) => $"$KV.{bucket}.{name}";

    public VersionedValue? Get(string key) => key.Length > MaxKey ? null : Run(token => GetValue(key, token));

    public bool Exists(string key) => Get(key) is not null;

    public KeyPage List(string? cursor)
    {
        ulong after = 0;
        if (cursor is not null && !ulong.TryParse(cursor, NumberStyles.None, CultureInfo.InvariantCulture, out after)) throw new KeyValueException($"`{cursor}` is not a cursor of this store");
        return Run(async token =>
        {
            await Opened(token).ConfigureAwait(false);
            return await _walk.List(cursor is null ? null : after, token).ConfigureAwait(false);
        });
    }

    public void Set(string key, ReadOnlySpan<byte> value)
    {
        byte[] copy = value.ToArray();
        Check(key, copy.Length);
        Run(token => Put(key, copy, null, token));
    }

    public void Delete(string key) => DeleteMany([key]);

    public long Increment(string key, long delta, long min)
    {
        Check(key, 0);
        lock (_turns[(uint)string.GetHashCode(key, StringComparison.Ordinal) % (uint)_turns.Length])
        {
            return Run(async token =>
            {
                while (true)
                {
                    VersionedValue? current = await GetValue(key, token).ConfigureAwait(false);
                    long sum = Sum(key, current, delta, min);
                    if (await Swap(key, current?.Version, Encoding.ASCII.GetBytes(sum.ToString(CultureInfo.InvariantCulture)), token).ConfigureAwait(false)) return sum;
                }
            });
        }
    }

    public bool CompareAndSwap(string key, long? version, ReadOnlySpan<byte> value)
    {
        byte[] copy = value.ToArray();
        Check(key, copy.Length);
        return version is not <= 0 && Run(token => Swap(key, version, copy, token));
    }

    public void SetMany(IReadOnlyList<KeyValuePair<string, ReadOnlyMemory<byte>>> pairs)
    {
        foreach ((string key, ReadOnlyMemory<byte> value) in pairs) Check(key, value.Length);
        Run(async token =>
        {
            for (int at = 0; at < pairs.Count;)
            {
                // A few at once, in their order: the later of two values of one key is the one that stays.
                var some = new List<Task>();
                for (long bytes = 0; at < pairs.Count && some.Count < AtOnce && (bytes == 0 || bytes + pairs[at].Value.Length < BytesAtOnce); at++)
                {
                    bytes += pairs[at].Value.Length;
                    some.Add(Put(pairs[at].Key, pairs[at].Value, null, token));
                }

                await Task.WhenAll(some).ConfigureAwait(false);
            }

            return true;
        });
    }

    public void DeleteMany(IReadOnlyList<string> keys) => Run(async token =>
    {
        // A key that is longer than keys are has no value.
        foreach (string[] some in keys.Where(k => k.Length <= MaxKey).Distinct(StringComparer.Ordinal).Chunk(AtOnce))
        {
            await Task.WhenAll(some.Select(key => Remove(key, token))).ConfigureAwait(false);
        }

        return true;
    });

    private static long Sum(string key, VersionedValue? current, long delta, long min)
    {
        long before = 0;
        if (current is { } c && !long.TryParse(c.Bytes, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out before)) throw new KeyValueException($"the value of `{key}` is not a number");
        try
        {
            long sum = checked(before + delta);
            return sum >= min ? sum : throw new KeyValueException($"the value of `{key}` would be {sum}, and may not be less than {min}");
        }
        catch (OverflowException)
        {
            throw new KeyValueException($"the value of `{key}` would be more than 64 bits hold");
        }
    }

    private void Check(string key, int valueLength)
    {
        if (key.Length > MaxKey) throw new KeyValueException($"a key has at most {MaxKey} characters, this one has {key.Length}");
        // The server's bound is for headers and data together.
        int most = Math.Min(MaxValue, link.MaxPayload - (link.MaxPayload <= MaxValue ? 32 << 10 : 0));
        if (valueLength > most) throw new KeyValueException($"a value has at most {most} bytes here{(most < MaxValue ? " (max_payload of the NATS server)" : "")}, this one has {valueLength}");
    }

    private async Task<VersionedValue?> GetValue(string key, CancellationToken token) =>
        await Last(KeyNames.Of(key).Name, token).ConfigureAwait(false) is { IsRemoved: false } last ? new VersionedValue(last.Data, (long)last.Sequence) : null;

    /// <summary>The last that was written under a name: a value, or that it was removed.</summary>
    private async Task<(byte[] Data, ulong Sequence, bool IsRemoved)?> Last(string name, CancellationToken token)
    {
        if (await Opened(token).ConfigureAwait(false))
        {
            NatsMsg<byte[]> m = await link.Connection.RequestAsync<ReadOnlyMemory<byte>, byte[]>($"{link.JetStream.Opts.Prefix}.DIRECT.GET.{StreamName}.{SubjectOf(name)}", default, requestSerializer: NatsRawSerializer<ReadOnlyMemory<byte>>.Default, cancellationToken: token).ConfigureAwait(false);
            if (m.Headers is not { } headers || headers.Code == 404) return null;
            if (headers.Code >= 400 || !headers.TryGetLastValue("Nats-Sequence", out string? text) || !ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong sequence)) throw new NatsException($"`{StreamName}` gives no value: {headers.Code} {headers.MessageText}");
            return (m.Data ?? [], sequence, headers.ContainsKey(Operation));
        }

        // Of several replicas the leader is asked: another may not have the last write yet.
        NatsResultOf<StreamMsgGetResponse> got = await Ask(link.JetStream.JSRequestResponseAsync<StreamMsgGetRequest, StreamMsgGetResponse>($"{link.JetStream.Opts.Prefix}.STREAM.MSG.GET.{StreamName}", new StreamMsgGetRequest { LastBySubj = SubjectOf(name) }, token)).ConfigureAwait(false);
        if (got.Error is { Code: 404, ErrCode: not NoSuchStream }) return null;
        StoredMessage stored = got.OrThrow().Message;
        return (stored.Data.ToArray(), stored.Seq, stored.Hdrs is { } hdrs && Encoding.UTF8.GetString(Convert.FromBase64String(hdrs)).Contains($"\n{Operation}:", StringComparison.Ordinal));
    }

    private async Task<bool> Swap(string key, long? version, byte[] value, CancellationToken token)
    {
        if (await Put(key, value, (ulong)(version ?? 0), token).ConfigureAwait(false)) return true;
        if (version is not null) return false;
        // No value is also where one was removed: then the sequence of that is what must be the last still.
        return await Last(KeyNames.Of(key).Name, token).ConfigureAwait(false) is { IsRemoved: true } removed && await Put(key, value, removed.Sequence, token).ConfigureAwait(false);
    }

    /// <summary>Writes, where the key's last sequence is what it should be; false where it is not.</summary>
    private async Task<bool> Put(string key, ReadOnlyMemory<byte> value, ulong? expected, CancellationToken token)
    {
        (string name, bool isHash) = KeyNames.Of(key);
        NatsHeaders? headers = isHash ? new NatsHeaders { [KeyNames.Header] = KeyNames.ToHeader(key) } : null;
        PubAckResponse ack = await Publish(name, value, headers, expected, token).ConfigureAwait(false);
        if (expected is not null && ack.Error is { ErrCode: WrongLastSequence or WrongLastSequenceConstant }) return false;
        return ack.Error is not { } error ? true : throw new NatsJSApiException(error);
    }

    private async Task Remove(string key, CancellationToken token)
    {
        // First what says so to whoever watches the bucket, then all of the key, so that removed keys do not pile up.
        string name = KeyNames.Of(key).Name;
        PubAckResponse ack = await Publish(name, default, new NatsHeaders { [Operation] = "DEL" }, null, token).ConfigureAwait(false);
        if (ack.Error is { } error) throw new NatsJSApiException(error);
        // A bucket of somebody else's may deny this; the key is removed all the same.
        await Ask(link.JetStream.JSRequestResponseAsync<StreamPurgeRequest, StreamPurgeResponse>($"{link.JetStream.Opts.Prefix}.STREAM.PURGE.{StreamName}", new StreamPurgeRequest { Filter = SubjectOf(name), Seq = ack.Seq + 1 }, token)).ConfigureAwait(false);
    }

    private async Task<PubAckResponse> Publish(string name, ReadOnlyMemory<byte> value, NatsHeaders? headers, ulong? expected, CancellationToken token)
    {
        await Opened(token).ConfigureAwait(false);
        var options = expected is { } last ? new NatsJSPubOpts { ExpectedLastSubjectSequence = last } : null;
        NatsResult<PubAckResponse> result = await link.JetStream.TryPublishAsync(SubjectOf(name), value, NatsRawSerializer<ReadOnlyMemory<byte>>.Default, options, headers, token).ConfigureAwait(false);
        return result.Success ? result.Value : throw result.Error;
    }

    /// <summary>Looks for the bucket and makes it where there is none. Gives whether any server's answer is the last word on a value.</summary>
    private async ValueTask<bool> Opened(CancellationToken token)
    {
        Task<bool> opened = _opened ??= Open();
        try
        {
            return await opened.WaitAsync(token).ConfigureAwait(false);
        }
        catch
        {
            if (opened.IsFaulted || opened.IsCanceled) _opened = null; // tried again the next time
            throw;
        }
    }

    private async Task<bool> Open()
    {
        using var limit = new CancellationTokenSource(s_patience);
        NatsResultOf<INatsJSStream> found = await Ask(link.JetStream.GetStreamAsync(StreamName, cancellationToken: limit.Token)).ConfigureAwait(false);
        INatsJSStream stream = found.Error?.ErrCode != NoSuchStream ? found.OrThrow() : await link.JetStream.CreateStreamAsync(
            new StreamConfig(StreamName, [SubjectOf(">")])
            {
                Description = "A key-value store of Mote",
                MaxMsgsPerSubject = 1,
                MaxMsgs = -1,
                MaxBytes = -1,
                MaxConsumers = -1,
                MaxMsgSize = -1,
                NumReplicas = 1,
                Storage = StreamConfigStorage.File,
                Discard = StreamConfigDiscard.New,
                AllowRollupHdrs = true,
                DenyDelete = true,
                AllowDirect = true,
            },
            limit.Token).ConfigureAwait(false);
        return stream.Info.Config is { AllowDirect: true, NumReplicas: <= 1 };
    }

    private static async Task<NatsResultOf<T>> Ask<T>(ValueTask<T> request)
        where T : class
    {
        try
        {
            return new NatsResultOf<T>(await request.ConfigureAwait(false), null);
        }
        catch (NatsJSApiException e)
        {
            return new NatsResultOf<T>(null, e.Error);
        }
    }

    private T Run<T>(Func<CancellationToken, Task<T>> action)
    {
        if (!link.IsConnected) throw new KeyValueException($"NATS at {link.Address} is not there");
        using var limit = new CancellationTokenSource(s_patience);
        try
        {
            return action(limit.Token).GetAwaiter().GetResult();
        }
        catch (Exception e) when (e is not KeyValueException && LinkFault(e))
        {
            if (e is NatsJSException or NatsNoRespondersException) _opened = null; // the bucket may be gone: it is looked for anew
            throw new KeyValueException(e is OperationCanceledException ? $"NATS at {link.Address} does not answer" : $"NATS at {link.Address}, bucket `{bucket}`: {(e as NatsJSApiException)?.Error.Description ?? e.Message}", e);
        }
    }

    private static bool LinkFault(Exception e) => NatsLink.IsFault(e);

    /// <summary>What the server gave, or why it did not.</summary>
    private readonly record struct NatsResultOf<T>(T? Value, ApiError? Error)
        where T : class
    {
        public T OrThrow() => Value ?? throw new NatsJSApiException(Error!);
    }
}
