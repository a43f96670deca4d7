// The preview-1 functions of one instance: arguments, environment, clocks and random numbers.
using System.Text;
using Mote.Capabilities.Wasi.Cli;
using Mote.Capabilities.Wasi.Clocks;
using Mote.Capabilities.Wasi.Filesystem;
using Mote.Capabilities.Wasi.Random;
using Mote.Components.Abi;
using Mote.Runtime;

namespace Mote.Capabilities.Wasi.Preview1;

/// <summary>wasi_snapshot_preview1 for one instance. Functions answer with an error number; layouts are those of its witx.</summary>
public sealed partial class Preview1Guest
{
    private readonly MicroVm _vm;
    private readonly CliGuest _cli;
    private readonly ClocksGuest _clocks;
    private readonly RandomGuest _random;
    private readonly GuestFiles _files;
    private readonly DescriptorTable _descriptors;

    internal Preview1Guest(MicroVm vm, CliGuest cli, ClocksGuest clocks, RandomGuest random, GuestFiles files)
    {
        _vm = vm;
        _cli = cli;
        _clocks = clocks;
        _random = random;
        _files = files;
        _descriptors = new DescriptorTable(cli.Streams, files);
    }

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
}
