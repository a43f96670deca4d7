// What an instance's lookups found: sockets connect to addresses, and a grant by name holds for what the name led to.
using System.Diagnostics;
using System.Net;
using Mote.Runtime.Egress;

namespace Mote.Capabilities.Wasi.Net;

/// <summary>Addresses and the names that led to them, for an hour. Bounded; the oldest goes first. Of one instance, so of one thread.</summary>
public sealed class ResolvedNames
{
    /// <summary>Most answers kept.</summary>
    public const int Capacity = 512;

    private static readonly TimeSpan s_kept = TimeSpan.FromHours(1);
    private readonly LinkedList<(IPAddress Address, string Name, long At)> _answers = [];

    /// <summary>Notes an answer.</summary>
    public void Add(string name, IPAddress address)
    {
        address = AddressRange.Plain(address);
        for (LinkedListNode<(IPAddress Address, string Name, long At)>? n = _answers.First; n is not null; n = n.Next)
        {
            if (n.Value.Name != name || !n.Value.Address.Equals(address)) continue;
            _answers.Remove(n);
            break;
        }

        if (_answers.Count == Capacity) _answers.RemoveFirst();
        _answers.AddLast((address, name, Stopwatch.GetTimestamp()));
    }

    /// <summary>The names that led to an address.</summary>
    public IEnumerable<string> NamesOf(IPAddress address)
    {
        address = AddressRange.Plain(address);
        return _answers.Where(a => a.Address.Equals(address) && Stopwatch.GetElapsedTime(a.At) < s_kept).Select(a => a.Name);
    }
}
