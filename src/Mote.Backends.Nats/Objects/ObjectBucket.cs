// The stream behind a container, and what is asked of it.
using System.Globalization;
using System.Text;
using System.Text.Json;
using Mote.Capabilities.Blobstore;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Mote.Backends.Nats.Objects;

/// <summary>A message of the stream.</summary>
internal sealed record StoredObject(string Subject, ulong Sequence, DateTimeOffset Time, byte[] Data);

/// <summary>One bucket. Every call may throw <see cref="BlobException"/>.</summary>
internal sealed class ObjectBucket(NatsLink link, string bucket)
{
    public const int NoSuchStream = 10059;
    private const int WrongLastSequence = 10071;
    private const int WrongLastSequenceConstant = 10164;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    /// <summary>Whether any server's answer is the last word.</summary>
    private bool _isDirect;

    public string Name => bucket;

    public string Stream => $"OBJ_{bucket}";

    public string AllRecords => $"$O.{bucket}.M.>";

    public string AllChunks => $"$O.{bucket}.C.>";

    public string RecordOf(string name) => $"$O.{bucket}.M.{ObjectNames.Token(name)}";

    public string ChunksOf(string nuid) => $"$O.{bucket}.C.{nuid}";

    /// <summary>What the server says of the stream; null where there is none.</summary>
    /// <param name="subjects">Subjects to be counted in it; null for none.</param>
    public StreamInfo? Info(string? subjects = null) => Run(async token =>
    {
        try
        {
            INatsJSStream stream = await link.JetStream.GetStreamAsync(Stream, subjects is null ? null : new StreamInfoRequest { SubjectsFilter = subjects }, token).ConfigureAwait(false);
            _isDirect = stream.Info.Config is { AllowDirect: true, NumReplicas: <= 1 };
            return stream.Info;
        }
        catch (NatsJSApiException e) when (e.Error.ErrCode == NoSuchStream)
        {
            return null;
        }
    });

    public void Create() => Run(async token => await link.JetStream.CreateStreamAsync(
        new StreamConfig(Stream, [AllChunks, AllRecords])
        {
            Description = "A blob container of Mote",
            MaxMsgs = -1,
            MaxBytes = -1,
            MaxConsumers = -1,
            MaxMsgSize = -1,
            MaxMsgsPerSubject = -1,
            NumReplicas = 1,
            Storage = StreamConfigStorage.File,
            Discard = StreamConfigDiscard.New,
            AllowRollupHdrs = true,
            AllowDirect = true,
        },
        token).ConfigureAwait(false));

    public void Delete() => Run(async token =>
    {
        try
        {
            return await link.JetStream.DeleteStreamAsync(Stream, token).ConfigureAwait(false);
        }
        catch (NatsJSApiException e) when (e.Error.ErrCode == NoSuchStream)
        {
            return true;
        }
    });

    /// <summary>The last message of a subject; null where there is none.</summary>
    public StoredObject? Last(string subject) => Get(new StreamMsgGetRequest { LastBySubj = subject }, $"{{\"last_by_subj\":\"{subject}\"}}");

    /// <summary>The first message of subjects at or behind a place; null where there is none.</summary>
    public StoredObject? Next(string subjects, ulong from) =>
        Get(new StreamMsgGetRequest { Seq = from, NextBySubj = subjects }, string.Create(CultureInfo.InvariantCulture, $"{{\"seq\":{from},\"next_by_subj\":\"{subjects}\"}}"));

    public void Purge(string subject, ulong? below = null) => Run(async token =>
    {
        var request = below is { } sequence ? new StreamPurgeRequest { Filter = subject, Seq = sequence } : new StreamPurgeRequest { Filter = subject };
        return await link.JetStream.JSRequestResponseAsync<StreamPurgeRequest, StreamPurgeResponse>($"{link.JetStream.Opts.Prefix}.STREAM.PURGE.{Stream}", request, token).ConfigureAwait(false);
    });

    /// <summary>Publishes chunks, a few on their way at once.</summary>
    public void PublishChunks(string subject, IEnumerable<ReadOnlyMemory<byte>> chunks)
    {
        var underWay = new Queue<Task>();
        foreach (ReadOnlyMemory<byte> chunk in chunks)
        {
            if (underWay.Count >= 8) Finish(underWay.Dequeue());
            underWay.Enqueue(Publish(subject, chunk, null, null));
        }

        while (underWay.TryDequeue(out Task? first)) Finish(first);

        void Finish(Task task) => Run(async _ =>
        {
            await task.ConfigureAwait(false);
            return true;
        });
    }

    /// <summary>Writes a record, where the last of its name is still the one of this sequence; null where it is not.</summary>
    public ulong? PublishRecord(ObjectRecord record, ulong expected) => Run(async _ =>
    {
        PubAckResponse ack = await Publish(RecordOf(record.Name), JsonSerializer.SerializeToUtf8Bytes(record, ObjectJson.Default.ObjectRecord), new NatsHeaders { ["Nats-Rollup"] = "sub" }, expected).ConfigureAwait(false);
        return ack.Error is null ? ack.Seq : (ulong?)null;
    });

    /// <summary>The record in a message; null where it is none that can be read.</summary>
    public static ObjectRecord? Read(StoredObject? stored)
    {
        try
        {
            return stored is null ? null : JsonSerializer.Deserialize(stored.Data, ObjectJson.Default.ObjectRecord);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private async Task<PubAckResponse> Publish(string subject, ReadOnlyMemory<byte> data, NatsHeaders? headers, ulong? expected)
    {
        using var limit = new CancellationTokenSource(s_patience);
        var options = expected is { } last ? new NatsJSPubOpts { ExpectedLastSubjectSequence = last } : null;
        NatsResult<PubAckResponse> result = await link.JetStream.TryPublishAsync(subject, data, NatsRawSerializer<ReadOnlyMemory<byte>>.Default, options, headers, limit.Token).ConfigureAwait(false);
        PubAckResponse ack = result.Success ? result.Value : throw result.Error;
        return ack.Error is null || (expected is not null && ack.Error.ErrCode is WrongLastSequence or WrongLastSequenceConstant) ? ack : throw new NatsJSApiException(ack.Error);
    }

    private StoredObject? Get(StreamMsgGetRequest request, string direct) => Run(async token =>
    {
        if (_isDirect)
        {
            NatsMsg<byte[]> m = await link.Connection.RequestAsync<ReadOnlyMemory<byte>, byte[]>($"{link.JetStream.Opts.Prefix}.DIRECT.GET.{Stream}", Encoding.ASCII.GetBytes(direct), requestSerializer: NatsRawSerializer<ReadOnlyMemory<byte>>.Default, cancellationToken: token).ConfigureAwait(false);
            if (m.Headers is not { } headers || headers.Code == 404) return null;
            if (headers.Code >= 400 || !headers.TryGetLastValue("Nats-Sequence", out string? text) || !ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong sequence)
                || !headers.TryGetLastValue("Nats-Subject", out string? subject) || !headers.TryGetLastValue("Nats-Time-Stamp", out string? time) || !DateTimeOffset.TryParse(time, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset at))
            {
                throw new NatsException($"`{Stream}` gives no message: {headers.Code} {headers.MessageText}");
            }

            return new StoredObject(subject, sequence, at, m.Data ?? []);
        }

        // Of several replicas the leader is asked: another may not have the last write yet.
        try
        {
            StoredMessage stored = (await link.JetStream.JSRequestResponseAsync<StreamMsgGetRequest, StreamMsgGetResponse>($"{link.JetStream.Opts.Prefix}.STREAM.MSG.GET.{Stream}", request, token).ConfigureAwait(false)).Message;
            return new StoredObject(stored.Subject, stored.Seq, stored.Time, stored.Data.ToArray());
        }
        catch (NatsJSApiException e) when (e.Error is { Code: 404, ErrCode: not NoSuchStream })
        {
            return null;
        }
    });

    private T Run<T>(Func<CancellationToken, Task<T>> action)
    {
        if (!link.IsConnected) throw new BlobException($"NATS at {link.Address} is not there");
        using var limit = new CancellationTokenSource(s_patience);
        try
        {
            return action(limit.Token).GetAwaiter().GetResult();
        }
        catch (Exception e) when (e is NatsNoRespondersException or NatsJSPublishNoResponseException || e is NatsJSApiException { Error.ErrCode: NoSuchStream })
        {
            throw new BucketGoneException($"NATS at {link.Address} has no bucket `{bucket}` any more, or no JetStream", e);
        }
        catch (Exception e) when (NatsLink.IsFault(e))
        {
            throw new BlobException(e is OperationCanceledException ? $"NATS at {link.Address} does not answer" : $"NATS at {link.Address}, bucket `{bucket}`: {(e as NatsJSApiException)?.Error.Description ?? e.Message}", e);
        }
    }
}
