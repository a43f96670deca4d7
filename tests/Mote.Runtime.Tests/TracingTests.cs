// Spans and durations: nothing is allocated while nobody listens, and a guest's host calls are bounded while somebody does.
using System.Diagnostics;
using Mote.Components.Linking;
using Mote.Runtime.Telemetry;

namespace Mote.Runtime.Tests;

public sealed class TracingTests
{
    [Fact]
    public void Nobody_Listens_NothingIsAllocated()
    {
        using var engine = new RuntimeEngine(new RuntimeOptions { Profile = ProfileKind.SmallDevice });
        using InstanceTemplate template = engine.Link(Guests.Everything);
        using MicroVm vm = engine.Start(template);
        using var metrics = new RuntimeMetrics();
        metrics.Add(vm.Component, "other");
        Assert.False(Tracing.IsOn);
        Do(vm); // what is made once
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++) Do(vm);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        static void Do(MicroVm vm)
        {
            using Activity? part = Tracing.Part("run", vm.Component);
            using Activity? call = Tracing.HostCall(vm, "get", "default", ActivityKind.Client);
            Tracing.Fail(call, "error", "reason");
            vm.Component.Durations!.Invoked(TimeSpan.FromMilliseconds(1));
            vm.Component.Durations.Started(TimeSpan.FromMilliseconds(1));
        }
    }

    [Fact]
    public void HostCalls_TooMany_AreCountedInOneSpan()
    {
        using var engine = new RuntimeEngine(new RuntimeOptions { Profile = ProfileKind.SmallDevice });
        using InstanceTemplate template = engine.Link(Guests.Everything);
        using MicroVm vm = engine.Start(template);
        List<Activity> spans = [];
        // Of this thread's trace only: other tests run meanwhile.
        using var listener = new ActivityListener
        {
            ShouldListenTo = static s => s.Name == Tracing.SourceName,
            Sample = static (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = a =>
            {
                lock (spans) spans.Add(a);
            },
        };
        ActivitySource.AddActivityListener(listener);
        string trace;
        using (Activity root = Tracing.Event("process t", ActivityKind.Consumer, vm.Component, "pubsub", null, null)!)
        {
            trace = root.TraceId.ToHexString();
            for (int call = 0; call < 2; call++) // each call of the guest may have as many
            {
                vm.Call(vm, static (_, vm) =>
                {
                    for (int i = 0; i < 1000; i++)
                    {
                        using Activity? span = Tracing.HostCall(vm, "get", "default", ActivityKind.Client);
                    }

                    return 0;
                });
            }
        }

        Activity[] mine = [.. spans.Where(s => s.TraceId.ToHexString() == trace)];
        Assert.Equal(2 * Tracing.MaxHostCalls, mine.Count(s => s.OperationName == "get default"));
        Activity[] runs = [.. mine.Where(s => s.OperationName == "run guest")];
        Assert.Equal([1000 - Tracing.MaxHostCalls, 1000 - Tracing.MaxHostCalls], runs.Select(r => (int)r.GetTagItem("mote.host_calls.untraced")!));
        Assert.All(runs, r => Assert.Equal(mine.Single(s => s.OperationName == "process t").SpanId, r.ParentSpanId));
    }
}
