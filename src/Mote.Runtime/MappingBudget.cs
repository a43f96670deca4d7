// How many memory mappings this process may still use for guests: beyond the system's limit everything fails at once, so
// guests are refused before.
namespace Mote.Runtime;

/// <summary>No room for another microVM on this node now.</summary>
public sealed class CapacityException(string message) : Exception(message);

/// <summary>Counts the memory mappings of guests (measured: a loaded module takes 3, a live microVM 3).</summary>
public sealed class MappingBudget
{
    /// <summary>Mappings of one live microVM, and of one loaded module.</summary>
    public const int PerGuest = 3;

    private const double Share = 0.7;
    private long _taken;
    private long _refused;

    /// <summary>A budget of this many mappings.</summary>
    public MappingBudget(long limit) => Limit = limit;

    /// <summary>Most mappings.</summary>
    public long Limit { get; }

    /// <summary>Mappings in use.</summary>
    public long Taken => Volatile.Read(ref _taken);

    /// <summary>How often there was no room.</summary>
    public long Refused => Volatile.Read(ref _refused);

    /// <summary>70 % of what the system allows a process (vm.max_map_count), or of its usual 65,530.</summary>
    public static MappingBudget OfSystem()
    {
        long limit = 65_530;
        try
        {
            if (OperatingSystem.IsLinux() && long.TryParse(File.ReadAllText("/proc/sys/vm/max_map_count").Trim(), out long said)) limit = said;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A sandbox without /proc: the usual limit.
        }

        return new MappingBudget((long)(limit * Share));
    }

    /// <summary>Takes the mappings of guests; false where there is no room.</summary>
    public bool TryTake(int guests = 1)
    {
        if (Interlocked.Add(ref _taken, guests * PerGuest) <= Limit) return true;
        Give(guests);
        Interlocked.Increment(ref _refused);
        return false;
    }

    /// <summary>Gives them back.</summary>
    public void Give(int guests = 1) => Interlocked.Add(ref _taken, -guests * PerGuest);
}
