// Components: mutated ones, valid ones that must echo, and valid ones with a guest that lies.
using System.Text;
using Mote.Fuzz.Generation;
using Mote.Wasmtime;

namespace Mote.Fuzz.Targets;

/// <summary>Mutated components, through everything.</summary>
internal sealed class MutatedComponents(Corpus corpus) : Target
{
    private readonly Pipeline _pipeline = new();

    public override string Name => "component";

    /// <summary>As of hostile guests: mutated ones are such.</summary>
    public override long AllocationBound(byte[] input) => 4L << 30;

    public override string Extension => "wasm";

    public override byte[] Make(Random random)
    {
        byte[] from = random.Next(4) switch
        {
            0 => Wat.ToWasm(EchoComponent.Make(random)),
            1 => Wat.ToWasm(HostileComponent.Make(random)),
            _ => random.From(corpus.Components),
        };
        return new Mutator(random, corpus.Components).Binary(from);
    }

    public override Outcome Run(byte[] input) => _pipeline.Run(input, mustRun: false, rounds: 2);

    public override void Dispose() => _pipeline.Dispose();
}

/// <summary>Valid components of random types whose exports answer with what they are given.</summary>
internal sealed class Echoes : Target
{
    private readonly Pipeline _pipeline = new();

    public override string Name => "echo";

    public override string Extension => "wat";

    public override byte[] Make(Random random) => Encoding.UTF8.GetBytes(EchoComponent.Make(random));

    public override Outcome Run(byte[] input) => _pipeline.Run(Wat.ToWasm(input), mustRun: true, rounds: 6);

    public override void Dispose() => _pipeline.Dispose();
}

/// <summary>Valid components with guests that return, pass and allocate anything.</summary>
internal sealed class HostileGuests : Target
{
    private readonly Pipeline _pipeline = new(memoryBytes: 1 << 20);

    public override string Name => "hostile";

    public override string Extension => "wat";

    /// <summary>The guest may have 1 MiB, and each lift may cost in proportion.</summary>
    public override long AllocationBound(byte[] input) => 1L << 30;

    public override byte[] Make(Random random) => Encoding.UTF8.GetBytes(HostileComponent.Make(random));

    public override Outcome Run(byte[] input) => _pipeline.Run(Wat.ToWasm(input), mustRun: false, rounds: 1);

    public override void Dispose() => _pipeline.Dispose();
}
