// The preview-1 functions of one instance.
using System.Text;
using Mote.Capabilities.Wasi.Cli;
using Mote.Capabilities.Wasi.Clocks;
using Mote.Capabilities.Wasi.Io;
using Mote.Capabilities.Wasi.Random;
using Mote.Components;
using Mote.Components.Abi;
using Mote.Runtime;

namespace Mote.Capabilities.Wasi.Preview1;

/// <summary>wasi_snapshot_preview1 for one instance. Functions answer with an error number; layouts are those of its witx.</summary>
public sealed class Preview1Guest
{
    private const uint MaxVectors = 1024;
    private const uint MaxSubscriptions = 1024;

    private const ulong RightRead = 1 << 1;
    private const ulong RightWrite = 1 << 6;
    private const ulong RightPoll = 1 << 27;
    private const byte TypeUnknown = 0;
    private const byte TypeCharacterDevice = 2;

    private readonly MicroVm _vm;
    private readonly CliGuest _cli;
    private readonly ClocksGuest _clocks;
    private readonly RandomGuest _random;
    private readonly Descriptor?[] _descriptors;

    internal Preview1Guest(MicroVm vm, CliGuest cli, ClocksGuest clocks, RandomGuest random)
    {
        _vm = vm;
        _cli = cli;
        _clocks = clocks;
        _random = random;
        StandardStreams s = cli.Streams;
        _descriptors = [new(s.Input, null, s.InputIsTerminal), new(null, s.Output, s.OutputIsTerminal), new(null, s.Error, s.ErrorIsTerminal)];
    }

    private sealed record Descriptor(InputStream? Input, OutputStream? Output, bool IsTerminal);

    // ---- arguments and environment ----

    internal Errno ArgsGet(ref GuestContext m, uint pointers, uint buffer) => Strings(ref m, _cli.GetArguments(), pointers, buffer);

    internal Errno ArgsSizesGet(ref GuestContext m, uint count, uint bytes) => Sizes(ref m, _cli.GetArguments(), count, bytes);

    internal Errno EnvironGet(ref GuestContext m, uint pointers, uint buffer) => Strings(ref m, Environment(), pointers, buffer);

    internal Errno EnvironSizesGet(ref GuestContext m, uint count, uint bytes) => Sizes(ref m, Environment(), count, bytes);

    private string[] Environment() => [.. _cli.GetEnvironment().Select(e => $"{e.Item1}={e.Item2}")];

    private static Errno Strings(ref GuestContext m, string[] strings, uint pointers, uint buffer)
    {
        foreach (string s in strings)
        {
            byte[] bytes = [.. Encoding.UTF8.GetBytes(s), 0];
            m.StoreU32(pointers, buffer);
            bytes.CopyTo(m.Block(buffer, (uint)bytes.Length));
            pointers += 4;
            buffer += (uint)bytes.Length;
        }

        return Errno.Success;
    }

    private static Errno Sizes(ref GuestContext m, string[] strings, uint count, uint bytes)
    {
        m.StoreU32(count, (uint)strings.Length);
        m.StoreU32(bytes, (uint)strings.Sum(s => Encoding.UTF8.GetByteCount(s) + 1));
        return Errno.Success;
    }

    // ---- clocks and random numbers ----

    internal Errno ClockResGet(ref GuestContext m, uint clock, uint result)
    {
        switch (clock)
        {
            case 0:
                m.StoreU64(result, Nanoseconds(((IWallClock)_clocks).Resolution()));
                return Errno.Success;
            case 1:
                m.StoreU64(result, ((IMonotonicClock)_clocks).Resolution());
                return Errno.Success;
            default:
                return Errno.Invalid; // the clocks of processes and threads, which a guest has none of
        }
    }

    internal Errno ClockTimeGet(ref GuestContext m, uint clock, uint result)
    {
        if (clock > 1) return Errno.Invalid;
        m.StoreU64(result, Now(clock));
        return Errno.Success;
    }

    private ulong Now(uint clock) => clock == 0 ? Nanoseconds(((IWallClock)_clocks).Now()) : ClocksGuest.MonotonicNow;

    private static ulong Nanoseconds(IWallClock.Datetime t) => (t.Seconds * 1_000_000_000) + t.Nanoseconds;

    internal Errno RandomGet(ref GuestContext m, uint buffer, uint length)
    {
        m.Block(buffer, length); // the guest's room first, our bytes after
        _random.GetRandomBytes(length).Span.CopyTo(m.Block(buffer, length));
        return Errno.Success;
    }

    // ---- descriptors ----

    private Descriptor Get(uint fd) => fd < _descriptors.Length && _descriptors[fd] is { } d ? d : throw new Preview1Exception(Errno.BadFile);

    internal Errno OnStream(uint fd, Errno answer)
    {
        Get(fd);
        return answer;
    }

    internal Errno FdClose(uint fd)
    {
        Get(fd);
        _descriptors[fd] = null;
        return Errno.Success;
    }

    internal Errno FdRenumber(uint from, uint to)
    {
        Descriptor d = Get(from);
        Get(to);
        _descriptors[from] = null;
        _descriptors[to] = d;
        return Errno.Success;
    }

    internal Errno FdSync(uint fd)
    {
        if (Get(fd).Output is not { } output) return Errno.Invalid;
        return output.BlockingFlush().IsOk ? Errno.Success : Errno.Io;
    }

    internal Errno FdFdstatGet(ref GuestContext m, uint fd, uint result)
    {
        Descriptor d = Get(fd);
        m.Block(result, 24).Clear();
        m.StoreU8(result, d.IsTerminal ? TypeCharacterDevice : TypeUnknown);
        m.StoreU64(result + 8, (d.Input is null ? RightWrite : RightRead) | RightPoll);
        return Errno.Success;
    }

    internal Errno FdFilestatGet(ref GuestContext m, uint fd, uint result)
    {
        Descriptor d = Get(fd);
        m.Block(result, 64).Clear();
        m.StoreU8(result + 16, d.IsTerminal ? TypeCharacterDevice : TypeUnknown);
        return Errno.Success;
    }

    internal Errno FdRead(ref GuestContext m, uint fd, uint vectors, uint count, uint result)
    {
        if (Get(fd).Input is not { } input) return Errno.BadFile;
        if (count > MaxVectors) return Errno.Invalid;
        ulong room = 0;
        for (uint i = 0; i < count; i++) room += m.LoadU32(vectors + (i * 8) + 4);
        ReadOnlyMemory<byte> bytes = default;
        if (room > 0)
        {
            Result<ReadOnlyMemory<byte>, IStreams.StreamError> read = input.BlockingRead(room);
            if (read.IsOk) bytes = read.Value;
            else if (read.Error is not IStreams.StreamError.Closed) return Errno.Io;
        }

        uint done = 0;
        for (uint i = 0; i < count && done < bytes.Length; i++)
        {
            uint length = (uint)Math.Min(m.LoadU32(vectors + (i * 8) + 4), (ulong)bytes.Length - done);
            bytes.Span.Slice((int)done, (int)length).CopyTo(m.Block(m.LoadU32(vectors + (i * 8)), length));
            done += length;
        }

        m.StoreU32(result, done);
        return Errno.Success;
    }

    internal Errno FdWrite(ref GuestContext m, uint fd, uint vectors, uint count, uint result)
    {
        if (Get(fd).Output is not { } output) return Errno.BadFile;
        if (count > MaxVectors) return Errno.Invalid;
        ulong done = 0;
        for (uint i = 0; i < count; i++)
        {
            ReadOnlySpan<byte> bytes = m.Block(m.LoadU32(vectors + (i * 8)), m.LoadU32(vectors + (i * 8) + 4));
            while (bytes.Length > 0)
            {
                int n = (int)Math.Min((ulong)bytes.Length, OutputStream.Permit);
                if (!output.Write(bytes[..n]).IsOk) return Errno.Io;
                done += (ulong)n;
                bytes = bytes[n..];
                _vm.CheckDeadline(); // one call can carry as much as the memory holds
            }
        }

        if (done > uint.MaxValue) return Errno.Overflow;
        m.StoreU32(result, (uint)done);
        return output.Flush().IsOk ? Errno.Success : Errno.Io;
    }

    // ---- waiting ----

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
        foreach ((ulong userData, byte type, Pollable? pollable, Errno error) in waits)
        {
            if (pollable is not null && !pollable.Ready()) continue;
            uint at = events + (written++ * 32);
            m.Block(at, 32).Clear();
            m.StoreU64(at, userData);
            m.StoreU16(at + 8, (ushort)error);
            m.StoreU8(at + 10, type);
            if (type != 0 && error == Errno.Success) m.StoreU64(at + 16, 1); // at least one byte
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
            case 1:
                return Get(m.LoadU32(at + 16)).Input?.Subscribe() ?? throw new Preview1Exception(Errno.BadFile);
            case 2:
                return Get(m.LoadU32(at + 16)).Output?.Subscribe() ?? throw new Preview1Exception(Errno.BadFile);
            default:
                throw new Preview1Exception(Errno.Invalid);
        }
    }
}
