// An open store in the guest's hands, in the types of both drafts.
using System.Globalization;
using Mote.Components;
using Draft1 = Mote.Capabilities.KeyValue.IStoreDraft1;
using Draft2 = Mote.Capabilities.KeyValue.IStoreDraft2;

namespace Mote.Capabilities.KeyValue;

internal sealed class Bucket(IKeyValueStore store) : Draft1.IBucket, Draft2.IBucket
{
    public static Bucket Of(object bucket) => (Bucket)bucket;

    public Result<T, Draft1.Error> Try1<T>(Func<IKeyValueStore, T> action)
    {
        try
        {
            return Result<T, Draft1.Error>.Ok(action(store));
        }
        catch (KeyValueException e)
        {
            return Result<T, Draft1.Error>.Err(new Draft1.Error.Other(e.Message));
        }
    }

    public Result<T, Draft2.Error> Try2<T>(Func<IKeyValueStore, T> action)
    {
        try
        {
            return Result<T, Draft2.Error>.Ok(action(store));
        }
        catch (KeyValueException e)
        {
            return Result<T, Draft2.Error>.Err(new Draft2.Error.Other(e.Message));
        }
    }

    private static ReadOnlyMemory<byte>? Bytes(VersionedValue? value) => value is { } v ? v.Bytes : (ReadOnlyMemory<byte>?)null;

    Result<ReadOnlyMemory<byte>?, Draft1.Error> Draft1.IBucket.Get(string key) => Try1(s => Bytes(s.Get(key)));

    Result<ReadOnlyMemory<byte>?, Draft2.Error> Draft2.IBucket.Get(string key) => Try2(s => Bytes(s.Get(key)));

    // Spans cannot go into a lambda, so the two writes are written out.
    Result<Unit, Draft1.Error> Draft1.IBucket.Set(string key, ReadOnlySpan<byte> value)
    {
        try
        {
            store.Set(key, value);
            return default(Unit);
        }
        catch (KeyValueException e)
        {
            return new Draft1.Error.Other(e.Message);
        }
    }

    Result<Unit, Draft2.Error> Draft2.IBucket.Set(string key, ReadOnlySpan<byte> value)
    {
        try
        {
            store.Set(key, value);
            return default(Unit);
        }
        catch (KeyValueException e)
        {
            return new Draft2.Error.Other(e.Message);
        }
    }

    Result<Unit, Draft1.Error> Draft1.IBucket.Delete(string key) => Try1(s => Delete(s, key));

    Result<Unit, Draft2.Error> Draft2.IBucket.Delete(string key) => Try2(s => Delete(s, key));

    private static Unit Delete(IKeyValueStore store, string key)
    {
        store.Delete(key);
        return default;
    }

    Result<bool, Draft1.Error> Draft1.IBucket.Exists(string key) => Try1(s => s.Exists(key));

    Result<bool, Draft2.Error> Draft2.IBucket.Exists(string key) => Try2(s => s.Exists(key));

    Result<Draft1.KeyResponse, Draft1.Error> Draft1.IBucket.ListKeys(ulong? cursor) => Try1(s =>
    {
        KeyPage page = s.List(cursor?.ToString(CultureInfo.InvariantCulture));
        if (page.Cursor is null) return new Draft1.KeyResponse(page.Keys, null);
        return ulong.TryParse(page.Cursor, NumberStyles.None, CultureInfo.InvariantCulture, out ulong next)
            ? new Draft1.KeyResponse(page.Keys, next)
            : throw new KeyValueException("this backend has no numeric cursors: use wasi:keyvalue 0.2.0-draft2");
    });

    Result<Draft2.KeyResponse, Draft2.Error> Draft2.IBucket.ListKeys(string? cursor) => Try2(s =>
    {
        KeyPage page = s.List(cursor);
        return new Draft2.KeyResponse(page.Keys, page.Cursor);
    });
}
