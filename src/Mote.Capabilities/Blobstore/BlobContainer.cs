// A container in the guest's hands, and the names in it.
using Mote.Components;

namespace Mote.Capabilities.Blobstore;

internal sealed class BlobContainer(BlobGuest guest, string name) : IBlobContainers.IContainer
{
    private IBlobStore Containers => guest.Containers;

    public Result<string, string> Name() => Result<string, string>.Ok(name);

    public Result<IBlobTypes.ContainerMetadata, string> Info() => BlobGuest.Try(() =>
        new IBlobTypes.ContainerMetadata(name, Seconds(Containers.Container(name) ?? throw new BlobException($"there is no container `{name}` any more"))));

    public Result<IBlobTypes.IIncomingValue, string> GetData(string name1, ulong start, ulong end) => BlobGuest.Try<IBlobTypes.IIncomingValue>(() =>
    {
        if (start > end) throw new BlobException($"the first byte ({start}) comes after the last one ({end})");
        IBlobReader reader = guest.Keep(Containers.Read(new BlobId(name, name1)) ?? throw NotThere(name1));
        // What is asked for beyond the object's end is not there: whoever wants all of it need not know how much that is.
        long from = (long)Math.Min(start, (ulong)reader.Length);
        long to = (long)Math.Min(end, (ulong)long.MaxValue - 1) + 1;
        return new BlobIncoming(guest, reader, from, Math.Min(to, reader.Length) - from);
    });

    public Result<Unit, string> WriteData(string name1, IBlobTypes.IOutgoingValue data) => BlobGuest.Try(() =>
    {
        if (Containers.Container(name) is null) throw new BlobException($"there is no container `{name}` any more");
        ((BlobOutgoing)data).Add(new BlobId(name, name1));
        return default(Unit);
    });

    public Result<IBlobContainers.IStreamObjectNames, string> ListObjects() => BlobGuest.Try<IBlobContainers.IStreamObjectNames>(() => new Names(guest, guest.Keep(Containers.List(name))));

    public Result<Unit, string> DeleteObject(string name1) => DeleteObjects([name1]);

    public Result<Unit, string> DeleteObjects(string[] names) => BlobGuest.Try(() => guest.Away(() =>
    {
        Containers.Remove(name, names);
        return default(Unit);
    }));

    public Result<bool, string> HasObject(string name1) => BlobGuest.Try(() => Containers.Find(new BlobId(name, name1)) is not null);

    public Result<IBlobTypes.ObjectMetadata, string> ObjectInfo(string name1) => BlobGuest.Try(() =>
    {
        BlobInfo info = Containers.Find(new BlobId(name, name1)) ?? throw NotThere(name1);
        return new IBlobTypes.ObjectMetadata(name1, name, Seconds(info.Created), (ulong)info.Size);
    });

    public Result<Unit, string> Clear() => BlobGuest.Try(() => guest.Away(() =>
    {
        Containers.Clear(name);
        return default(Unit);
    }));

    private BlobException NotThere(string o) => new($"there is no object `{o}` in the container `{name}`");

    private static ulong Seconds(DateTimeOffset time) => (ulong)Math.Max(0, time.ToUnixTimeSeconds());

    private sealed class Names(BlobGuest guest, IBlobNames names) : IBlobContainers.IStreamObjectNames, IDisposable
    {
        /// <summary>Most names of one call, whatever the guest asks for.</summary>
        private const int MaxAtOnce = 1000;

        /// <summary>Read one ahead: then it is known whether there are more.</summary>
        private readonly Queue<string> _ahead = new();
        private bool _end;

        public Result<(string[], bool), string> ReadStreamObjectNames(ulong len) => BlobGuest.Try(() =>
        {
            string[] taken = Take((int)Math.Min(len, MaxAtOnce));
            return (taken, _end && _ahead.Count == 0);
        });

        public Result<(ulong, bool), string> SkipStreamObjectNames(ulong num) => BlobGuest.Try(() =>
        {
            ulong skipped = 0;
            while (skipped < num)
            {
                int taken = Take((int)Math.Min(num - skipped, MaxAtOnce)).Length;
                if (taken == 0) break;
                guest.Vm.CheckDeadline();
                skipped += (ulong)taken;
            }

            return (skipped, _end && _ahead.Count == 0);
        });

        private string[] Take(int most)
        {
            if (!_end && _ahead.Count <= most)
            {
                int wanted = most + 1 - _ahead.Count;
                IReadOnlyList<string> more = names.Next(wanted);
                foreach (string n in more) _ahead.Enqueue(n);
                _end = more.Count < wanted;
            }

            string[] taken = new string[Math.Min(most, _ahead.Count)];
            for (int i = 0; i < taken.Length; i++) taken[i] = _ahead.Dequeue();
            return taken;
        }

        public void Dispose() => guest.Close(names);
    }
}
