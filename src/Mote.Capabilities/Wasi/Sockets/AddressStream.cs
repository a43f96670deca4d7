// What a lookup of a name found, one address after another.
using System.Net;
using Mote.Capabilities.Wasi.Io;
using Mote.Capabilities.Wasi.Net;
using Mote.Components;
using Mote.Runtime.Egress;
using ErrorCode = Mote.Capabilities.Wasi.Sockets.INetworks.ErrorCode;
using IpAddress = Mote.Capabilities.Wasi.Sockets.INetworks.IpAddress;

namespace Mote.Capabilities.Wasi.Sockets;

/// <summary>Addresses of a name.</summary>
internal sealed class AddressStream : IIpNameLookup.IResolveAddressStream
{
    /// <summary>Most addresses of one name that a guest is given.</summary>
    private const int Most = 64;

    private readonly SocketsGuest _guest;
    private readonly string _name;
    private readonly Task<Lookup> _lookup;
    private readonly Signal _done = new();
    private Queue<IPAddress>? _addresses;

    /// <summary>A lookup that may still be under way; dropping the stream leaves it to itself.</summary>
    public AddressStream(SocketsGuest guest, string name, Task<Lookup> lookup)
    {
        _guest = guest;
        _name = name;
        _lookup = lookup;
        if (!lookup.IsCompleted) lookup.ContinueWith(_ => _done.Raise(), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
    }

    /// <inheritdoc/>
    public Result<IpAddress?, ErrorCode> ResolveNextAddress()
    {
        if (!_lookup.IsCompleted) return Result<IpAddress?, ErrorCode>.Err(ErrorCode.WouldBlock);
        Lookup found = _lookup.GetAwaiter().GetResult();
        if (found.Status != LookupStatus.Found)
        {
            return Result<IpAddress?, ErrorCode>.Err(found.Status switch
            {
                LookupStatus.NotFound => ErrorCode.NameUnresolvable,
                LookupStatus.Temporary => ErrorCode.TemporaryResolverFailure,
                _ => ErrorCode.PermanentResolverFailure,
            });
        }

        _addresses ??= Take(found.Addresses);
        return Result<IpAddress?, ErrorCode>.Ok(_addresses.TryDequeue(out IPAddress? next) ? Addresses.ToGuest(next) : null);
    }

    /// <inheritdoc/>
    public IPoll.IPollable Subscribe() => new SignalPollable(_guest.Vm, _done, () => _lookup.IsCompleted);

    private Queue<IPAddress> Take(IPAddress[] found)
    {
        var addresses = new Queue<IPAddress>();
        foreach (IPAddress a in found.Take(Most))
        {
            IPAddress plain = AddressRange.Plain(a);
            addresses.Enqueue(plain);
            _guest.Resolved.Add(_name, plain);
        }

        return addresses;
    }
}
