// Waiting in preview 1: for times, standard streams and files.
using Mote.Capabilities.Wasi.Io;
using Mote.Components.Abi;

namespace Mote.Capabilities.Wasi.Preview1;

public sealed partial class Preview1Guest
{
    private const uint MaxSubscriptions = 1024;

    /// <summary>Waits for the first of a list of times and descriptors. A subscription has 48 bytes, an event 32.</summary>
    internal Errno PollOneoff(ref GuestContext m, uint subscriptions, uint events, uint count, uint result)
    {
        if (count is 0 or > MaxSubscriptions) return Errno.Invalid;
        var waits = new (ulong UserData, byte Type, Pollable? Pollable, Errno Error)[count];
        for (uint i = 0; i < count; i++)
        {
            uint at = subscriptions + (i * 48);
            waits[i] = (m.LoadU64(at), m.LoadU8(at + 8), null, Errno.Success);
            try
            {
                waits[i].Pollable = (Pollable)Subscribe(ref m, at);
            }
            catch (Preview1Exception e)
            {
                waits[i].Error = e.Error;
            }
        }

        // One that cannot be waited for is an event at once; the others are then only looked at.
        Pollable[] pollables = [.. waits.Select(w => w.Pollable).OfType<Pollable>()];
        if (pollables.Length == count) Pollable.WaitAny(_vm, pollables);
        uint written = 0;
        for (uint i = 0; i < count; i++)
        {
            (ulong userData, byte type, Pollable? pollable, Errno error) = waits[i];
            if (pollable is not null && !pollable.Ready()) continue;
            uint at = events + (written++ * 32);
            m.Block(at, 32).Clear();
            m.StoreU64(at, userData);
            m.StoreU16(at + 8, (ushort)error);
            m.StoreU8(at + 10, type);
            if (type != 0 && error == Errno.Success) m.StoreU64(at + 16, ReadyBytes(m.LoadU32(subscriptions + (i * 48) + 16), type));
        }

        m.StoreU32(result, written);
        return Errno.Success;
    }

    private IPoll.IPollable Subscribe(ref GuestContext m, uint at)
    {
        switch (m.LoadU8(at + 8))
        {
            case 0:
                uint clock = m.LoadU32(at + 16);
                ulong timeout = m.LoadU64(at + 24);
                if (clock > 1) throw new Preview1Exception(Errno.Invalid);
                if ((m.LoadU16(at + 40) & 1) == 0) return _clocks.SubscribeDuration(timeout);
                ulong now = Now(clock);
                return _clocks.SubscribeDuration(timeout > now ? timeout - now : 0);
            case 1 or 2:
                Entry entry = _descriptors.Get(m.LoadU32(at + 16));
                if (entry is FileEntry) return new ReadyPollable(_vm); // files never make one wait
                var stream = (StreamEntry)entry;
                return (m.LoadU8(at + 8) == 1 ? stream.Input?.Subscribe() : stream.Output?.Subscribe()) ?? throw new Preview1Exception(Errno.BadFile);
            default:
                throw new Preview1Exception(Errno.Invalid);
        }
    }

    /// <summary>How much can be read or written at least: of a file what is left of it, of a stream one byte.</summary>
    private ulong ReadyBytes(uint fd, byte type)
    {
        if (type != 1 || _descriptors.Get(fd) is not FileEntry { IsFolder: false } file || file.Host.Status() is not { IsOk: true } status) return 1;
        return status.Value.Size > file.Position ? status.Value.Size - file.Position : 0;
    }
}
