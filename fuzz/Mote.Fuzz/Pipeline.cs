// Everything that happens to a component: decode, validate, plan, store, compile, link, instantiate, call.
using Mote.Components;
using Mote.Components.Inspection;
using Mote.Components.Linking;
using Mote.Wasmtime;

namespace Mote.Fuzz;

/// <summary>Runs components on two engines: one whose memories stay in place, and one whose memories move when they grow.</summary>
internal sealed class Pipeline : IDisposable
{
    private const int TickMilliseconds = 10;
    private const ulong TicksOfACall = 30;

    /// <summary>Of one that is to come to its end, on a machine that may stand still for a while.</summary>
    private const ulong TicksOfAGoodCall = 1000;

    private readonly Engine[] _engines;
    private readonly CancellationTokenSource _end = new();

    private readonly long _memoryBytes;

    /// <param name="memoryBytes">What a guest may have; what the host spends on its values is in proportion.</param>
    public Pipeline(long memoryBytes = 16 << 20)
    {
        _memoryBytes = memoryBytes;
        var quick = new EngineOptions { ParallelCompilation = false, Optimization = OptimizationLevel.None };
        _engines = [new Engine(quick), new Engine(EngineOptions.SmallDevice with { MemoryReservationForGrowth = 0, ParallelCompilation = false, Optimization = OptimizationLevel.None })];
        new Thread(Tick) { IsBackground = true }.Start();
    }

    private void Tick()
    {
        while (!_end.IsCancellationRequested)
        {
            Thread.Sleep(TickMilliseconds);
            lock (_engines)
            {
                if (_end.IsCancellationRequested) return;
                foreach (Engine e in _engines) e.IncrementEpoch();
            }
        }
    }

    /// <summary>Runs a file.</summary>
    /// <param name="file">It.</param>
    /// <param name="mustRun">It is valid, links, and no export of it traps.</param>
    /// <param name="rounds">Calls of each export.</param>
    public Outcome Run(byte[] file, bool mustRun, int rounds)
    {
        Random random = Seeding.Of(file);
        Engine engine = random.From(_engines);
        try
        {
            Component component = Component.Load(file, engine);
            ComponentDescription description = ComponentDescription.Of(file, engine);
            using CompiledComponent compiled = component.Compile(engine);
            CompiledComponent stored = Stored(compiled, random);
            var session = new Session(random, mustRun);
            using InstanceTemplate template = session.Host(description).Link(stored);
            using ComponentInstance instance = template.Instantiate(i => Limit(i, mustRun));
            bool whole = session.CallAll(instance, i => Renew(i, mustRun), rounds);
            session.DropHeld(instance);
            if (mustRun && (!whole || instance.IsPoisoned)) throw new FaultException($"a component that only echoes trapped: {session.Trap}");
            return whole ? Outcome.Accepted : Outcome.Refused;
        }
        catch (Exception e) when (!mustRun && e is ComponentException or WasmtimeException)
        {
            if (e is WasmtimeException trap) Session.Explained(trap);
            return Outcome.Refused;
        }
    }

    /// <summary>The plan as it is when it was written and read again: with the same bytes, and what is linked half of the time.</summary>
    private static CompiledComponent Stored(CompiledComponent compiled, Random random)
    {
        if (!CompiledStore.CanStore(compiled)) return compiled;
        byte[] bytes = PlanWriter.Write(compiled.Plan);
        Plan again = PlanReader.Read(bytes);
        if (!PlanWriter.Write(again).AsSpan().SequenceEqual(bytes)) throw new FaultException("a plan that was read is written differently");
        return random.Once(2) ? new CompiledComponent(compiled.Engine, again, compiled.Modules) : compiled;
    }

    private void Limit(ComponentInstance instance, bool mustRun)
    {
        instance.Store.SetLimits(new StoreLimits(MemoryBytes: _memoryBytes, TableElements: 10_000, Instances: 100, Tables: 32, Memories: 16));
        instance.LimitHandles(10_000);
        Renew(instance, mustRun);
    }

    private static void Renew(ComponentInstance instance, bool mustRun) => instance.Store.SetEpochDeadline(mustRun ? TicksOfAGoodCall : TicksOfACall);

    public void Dispose()
    {
        lock (_engines)
        {
            _end.Cancel();
            foreach (Engine e in _engines) e.Dispose();
        }
    }
}
