// A plant of presses with four sensors each, which work in cycles and break now and then. The same seed gives the same
// readings.
using System.Buffers;

namespace Mote.Cli.Simulation;

/// <summary>Ways in which a machine breaks.</summary>
internal enum FaultKind
{
    /// <summary>A bearing wears: vibration grows, the machine warms up.</summary>
    BearingWear,

    /// <summary>The drive is overloaded: current rises at once.</summary>
    Overload,

    /// <summary>A hydraulic line leaks: pressure falls.</summary>
    Leak,

    /// <summary>A sensor comes loose: its readings scatter.</summary>
    LooseSensor,
}

/// <summary>A fault of one machine.</summary>
/// <param name="Kind">What breaks.</param>
/// <param name="Machine">Which machine, as in the topic.</param>
/// <param name="Sensor">The sensor that shows it first.</param>
/// <param name="Start">When it begins.</param>
/// <param name="End">When it is repaired.</param>
internal sealed record Fault(FaultKind Kind, string Machine, string Sensor, TimeSpan Start, TimeSpan End);

/// <summary>What the simulation is like.</summary>
internal sealed record MachineOptions
{
    /// <summary>How many machines.</summary>
    public int Machines { get; init; } = 4;

    /// <summary>Readings a second, all sensors together.</summary>
    public double Rate { get; init; } = 2000;

    /// <summary>How long it runs; null is without end.</summary>
    public TimeSpan? Duration { get; init; }

    /// <summary>The mean time between faults in the whole plant; null is none.</summary>
    public TimeSpan? FaultEvery { get; init; } = TimeSpan.FromSeconds(8);

    /// <summary>How long before the first fault: filters need some time to learn what is normal.</summary>
    public TimeSpan Quiet { get; init; } = TimeSpan.FromSeconds(8);

    /// <summary>Seed of everything random.</summary>
    public int Seed { get; init; }

    /// <summary>First level of the topics.</summary>
    public string Prefix { get; init; } = "plant";
}

/// <summary>Produces readings of simulated machines.</summary>
internal sealed class MachineSimulator
{
    /// <summary>Sensors of a machine: name, unit, mean, part that follows the working cycle, noise (standard deviation).</summary>
    private static readonly (string Name, string Unit, double Mean, double Cycle, double Noise)[] s_sensors =
    [
        ("vibration", "mm/s", 2.1, 0.25, 0.09),
        ("temperature", "Cel", 56, 0.4, 0.15),
        ("current", "A", 12.4, 1.1, 0.2),
        ("pressure", "bar", 6.2, 0.08, 0.03),
    ];

    private static readonly TimeSpan s_cycle = TimeSpan.FromMilliseconds(600);

    private readonly MachineOptions _options;
    private readonly DateTimeOffset _start;
    private readonly Random _noise;
    private readonly Random _fate;
    private readonly string[] _topics;
    private readonly List<Fault> _faults = [];
    private TimeSpan _nextFault;

    /// <summary>A simulation whose readings carry times from <paramref name="start"/>.</summary>
    public MachineSimulator(MachineOptions options, DateTimeOffset start)
    {
        _options = options;
        _start = start;
        _noise = new Random(options.Seed);
        // Faults come from their own sequence, so that another rate does not give other faults.
        _fate = new Random(options.Seed ^ 0x5eed);
        _topics = [.. Enumerable.Range(0, options.Machines * s_sensors.Length).Select(i => $"{options.Prefix}/{Machine(i)}/{s_sensors[i % s_sensors.Length].Name}")];
        _nextFault = options.FaultEvery is null ? TimeSpan.MaxValue : options.Quiet + Gap();
    }

    /// <summary>Faults that have begun so far.</summary>
    public IReadOnlyList<Fault> Faults => _faults;

    /// <summary>The readings in order of time.</summary>
    public IEnumerable<SimulatedMessage> Messages()
    {
        var buffer = new ArrayBufferWriter<byte>(128);
        for (long i = 0; ; i++)
        {
            TimeSpan at = TimeSpan.FromSeconds(i / _options.Rate);
            if (at >= _options.Duration) yield break;
            while (at >= _nextFault) BeginFault();
            int series = (int)(i % _topics.Length);
            double value = Value(series, at);
            yield return new SimulatedMessage(at, _topics[series], Reading.ToJson(buffer, _start + at, Math.Round(value, 4), s_sensors[series % s_sensors.Length].Unit), Reading.ContentType);
        }
    }

    private static string Machine(int series) => $"press-{(series / s_sensors.Length) + 1}";

    private double Value(int series, TimeSpan at)
    {
        (string sensor, _, double mean, double cycle, double noise) = s_sensors[series % s_sensors.Length];
        double phase = 2 * Math.PI * ((at / s_cycle) + (0.37 * (series / s_sensors.Length)));
        double scatter = noise * Gaussian(_noise);
        double value = mean + (cycle * Math.Sin(phase));
        foreach (Fault fault in _faults)
        {
            if (at < fault.Start || at >= fault.End || fault.Machine != Machine(series)) continue;
            double progress = Math.Min(1, (at - fault.Start) / TimeSpan.FromSeconds(1));
            switch (fault.Kind, sensor)
            {
                case (FaultKind.BearingWear, "vibration"):
                    value += 1.6 * progress;
                    scatter *= 1 + (2 * progress);
                    break;
                case (FaultKind.BearingWear, "temperature"):
                    value += 0.3 * progress;
                    break;
                case (FaultKind.Overload, "current"):
                    value += 5.5;
                    break;
                case (FaultKind.Leak, "pressure"):
                    value -= 0.9 * progress;
                    break;
                case (FaultKind.LooseSensor, _) when sensor == fault.Sensor:
                    scatter *= 12;
                    break;
            }
        }

        return value + scatter;
    }

    private void BeginFault()
    {
        var kind = (FaultKind)_fate.Next(4);
        string sensor = kind switch
        {
            FaultKind.BearingWear => "vibration",
            FaultKind.Overload => "current",
            FaultKind.Leak => "pressure",
            _ => s_sensors[_fate.Next(s_sensors.Length)].Name,
        };
        string machine = $"press-{_fate.Next(_options.Machines) + 1}";
        TimeSpan length = TimeSpan.FromSeconds(2.5 + (2 * _fate.NextDouble()));
        // A machine has one fault at a time: two would be told apart by nobody.
        if (_faults.All(f => f.Machine != machine || f.End + TimeSpan.FromSeconds(2) < _nextFault)) _faults.Add(new Fault(kind, machine, sensor, _nextFault, _nextFault + length));
        _nextFault += Gap();
    }

    /// <summary>Times between faults are exponential.</summary>
    private TimeSpan Gap() => _options.FaultEvery!.Value * -Math.Log(1 - _fate.NextDouble());

    /// <summary>Box and Muller.</summary>
    private static double Gaussian(Random random) => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}
