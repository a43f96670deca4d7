// The command line.
using System.Globalization;

namespace Mote.Fuzz;

/// <summary>What a run does. Null for a count or a time is no such bound.</summary>
internal sealed record Options
{
    public string Target { get; init; } = "all";

    public int Seed { get; init; } = 1;

    /// <summary>Inputs of each target.</summary>
    public long? Count { get; init; }

    /// <summary>Seconds of each target.</summary>
    public double? Seconds { get; init; }

    /// <summary>A folder with more .wasm, .wat and .wast files.</summary>
    public string? Corpus { get; init; }

    /// <summary>Where inputs with faults are kept.</summary>
    public string Faults { get; init; } = Path.Combine("artifacts", "fuzz");

    /// <summary>One input to run again, in this process.</summary>
    public string? Reproduce { get; init; }

    /// <summary>Of a child: where it notes the input it is about to run.</summary>
    public string? Child { get; init; }

    /// <summary>Of a child: the first input.</summary>
    public long Start { get; init; }

    public const string Usage = """
        mote-fuzz [--target NAME|all] [--seed N] [--seconds S] [--count N] [--corpus DIR] [--faults DIR]
        mote-fuzz --reproduce FILE [--target NAME]

          --target     which parser; `all` is each in turn
          --seed       the same seed gives the same inputs (1)
          --seconds    time for each target (10 where neither this nor --count is given)
          --count      inputs of each target
          --corpus     a folder with .wasm, .wat and .wast files to mutate besides the built-in ones
          --faults     where inputs with faults are written (artifacts/fuzz)
          --reproduce  runs one written input again in this process; the target is the file's first word

        Ends with 1 where an input had a fault.
        """;

    public static Options Parse(string[] args)
    {
        var o = new Options();
        for (int i = 0; i < args.Length; i++)
        {
            string Next() => ++i < args.Length ? args[i] : throw new ArgumentException($"{args[i - 1]} wants a value");
            o = args[i] switch
            {
                "--target" => o with { Target = Next() },
                "--seed" => o with { Seed = int.Parse(Next(), CultureInfo.InvariantCulture) },
                "--count" => o with { Count = long.Parse(Next(), CultureInfo.InvariantCulture) },
                "--seconds" => o with { Seconds = double.Parse(Next(), CultureInfo.InvariantCulture) },
                "--corpus" => o with { Corpus = Directory.Exists(Next()) ? args[i] : throw new ArgumentException($"{args[i]}: there is no such folder") },
                "--faults" => o with { Faults = Next() },
                "--reproduce" => o with { Reproduce = Next() },
                "--child" => o with { Child = Next() },
                "--start" => o with { Start = long.Parse(Next(), CultureInfo.InvariantCulture) },
                { } other => throw new ArgumentException($"unknown option {other}"),
            };
        }

        return o.Count is null && o.Seconds is null ? o with { Seconds = 10 } : o;
    }
}
