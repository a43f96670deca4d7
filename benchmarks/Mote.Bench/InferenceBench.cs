// A model through wasi:nn from a guest, against the same session called from C# with the same input: one caller and several,
// one row and many, and the same model in a worker process.
using System.Runtime.InteropServices;
using Mote.Capabilities.Nn;
using Mote.Components.Linking;
using Mote.Node;
using Mote.Packaging;
using Mote.Runtime;

namespace Mote.Bench;

internal static class InferenceBench
{
    private const string InWorker = "-worker", Batched = "vibration";

    private static readonly int[] s_callers = [2, 4];

    /// <summary>The models of ../shared/datasets/onnx-models, each with its input. The first is small; the others take 2 ms or more.</summary>
    private static readonly (string Name, uint[] Shape)[] s_models =
    [
        ("mnist", [1, 1, 28, 28]),
        ("fastestdet", [1, 3, 352, 352]),
        ("ultraface-rfb-320", [1, 3, 240, 320]),
        ("yolox-nano", [1, 3, 416, 416]),
    ];

    public static Report Run(bool quick)
    {
        string data = Path.Combine(Datasets.Folder, "onnx-models");
        var files = s_models.ToDictionary(m => m.Name, m => Path.GetFullPath(Datasets.Need(Path.Combine(data, m.Name, "model.onnx"))));
        files.Add(Batched, Path.Combine(Environment.GetEnvironmentVariable("MOTE_BENCH_ROOT") ?? ".", "samples", "07-inference", "vibration.onnx"));
        var models = new ModelsConfig { Files = files.SelectMany(f => ((string, ModelConfig)[])[(f.Key, new ModelConfig(f.Value)), (f.Key + InWorker, new ModelConfig(f.Value, null, Trusted: false))]).ToDictionary() };
        using var host = new ComponentHost(new HostOptions
        {
            Runtime = new RuntimeOptions { Compiler = new CompileWorker { Program = Environment.ProcessPath! } },
            KeyValueFile = Path.Combine(Path.GetTempPath(), "mote-bench-keyvalue.db"),
            Models = models,
        });
        using InstanceTemplate template = host.Load(Guests.PathOf("nn"));
        int rounds = quick ? 7 : 31;
        TimeSpan slice = TimeSpan.FromMilliseconds(quick ? 100 : 300);
        var report = new Report("inference", rounds);
        double worst = 0, added = 0, worstConcurrent = 0, workerAdded = 0, worstWorker = 0;
        foreach ((string name, uint[] shape) in s_models)
        {
            using var here = new Callers(host, template, name, shape, s_callers[^1]);
            using var there = new Callers(host, template, name + InWorker, shape, 1);
            Subject[] subjects =
            [
                new("native", n => here.Native(1, n)), new("guest", n => here.Guests(1, n)), new("worker", n => there.Native(1, n)),
                .. s_callers.SelectMany(c => (Subject[])[new($"native{c}", n => here.Native(c, n)), new($"guest{c}", n => here.Guests(c, n))]),
            ];
            Dictionary<string, double[]> r = Rounds.Measure(rounds, slice, subjects);
            report.Metric($"{name}_native", r["native"]);
            report.Metric($"{name}_wasinn", r["guest"]);
            report.Metric($"{name}_worker", r["worker"]);
            double ratio = Ratio(r, "guest", "native");
            report.Key($"ratio_{name}", ratio);
            double concurrent = s_callers.Max(c => Ratio(r, $"guest{c}", $"native{c}"));
            report.Key($"ratio_{name}_concurrent", concurrent);
            if (new Samples("", r["native"]).Median >= 2e6)
            {
                worst = Math.Max(worst, ratio);
                worstConcurrent = Math.Max(worstConcurrent, concurrent);
                worstWorker = Math.Max(worstWorker, Ratio(r, "worker", "native"));
            }
            else
            {
                added = Math.Max(added, More(r, "guest"));
                workerAdded = Math.Max(workerAdded, More(r, "worker"));
            }
        }

        report.Key("ratio_wasinn_vs_native", worst, 1.03);
        report.Key("ratio_concurrent", worstConcurrent, 1.03);
        report.Key("added_us_small", added, 20);
        report.Key("worker_added_us", workerAdded);
        report.Key("ratio_worker_vs_native", worstWorker);
        Batch(report, host, template, rounds, slice);
        report.Note("native is the same session, with the input's tensor made once; a guest makes its tensor and takes the outputs into its memory each time");
        report.Note($"concurrent: {string.Join(" and ", s_callers)} callers at once, each a thread of its own or a microVM of its own; the worse of the two");
        return report;
    }

    /// <summary>One row and many of a model that takes any number.</summary>
    private static void Batch(Report report, ComponentHost host, InstanceTemplate template, int rounds, TimeSpan slice)
    {
        const uint Rows = 1024, Columns = 64;
        using var one = new Callers(host, template, Batched, [1, Columns], 1);
        using var many = new Callers(host, template, Batched, [Rows, Columns], 1);
        Dictionary<string, double[]> r = Rounds.Measure(rounds, slice, new("one", n => one.Guests(1, n)), new("many", n => many.Guests(1, n)), new("native", n => many.Native(1, n)));
        report.Metric("batch_1_wasinn", r["one"]);
        report.Metric($"batch_{Rows}_wasinn", r["many"]);
        report.Metric($"batch_{Rows}_native", r["native"]);
        report.Key("ratio_batch", Ratio(r, "many", "native"));
        report.Key("batch_gain", Rows * new Samples("", r["one"]).Median / new Samples("", r["many"]).Median);
    }

    private static double Ratio(Dictionary<string, double[]> r, string a, string b) => Rounds.Ratio("", r[a], r[b]).Median;

    private static double More(Dictionary<string, double[]> r, string than) => new Samples("", r[than].Zip(r["native"], (g, n) => (g - n) / 1000)).Median;

    /// <summary>A model, called from C# and by guests, by one or several at once.</summary>
    private sealed class Callers : IDisposable
    {
        private readonly IModel _model;
        private readonly TensorValue _input;
        private readonly string[] _names;
        private readonly MicroVm[] _vms;
        private readonly NnApi _api;

        public Callers(ComponentHost host, InstanceTemplate template, string name, uint[] shape, int most)
        {
            IModelBackend models = host.Models!;
            _model = models.OpenAsync(name).GetAwaiter().GetResult();
            _names = [_model.Inputs[0].Name];
            var floats = new float[shape.Aggregate(1u, (a, b) => a * b)];
            for (int i = 0; i < floats.Length; i++) floats[i] = (float)(((uint)i * 2654435761u) >> 24) / 255;
            _input = models.NewTensor(INnTensors.TensorType.FP32, Array.ConvertAll(shape, s => (long)s), MemoryMarshal.AsBytes<float>(floats));
            _api = NnApi.Bind(template)!;
            _vms = [.. Enumerable.Range(0, most).Select(_ => host.Start(template, new AppComponent("bench", "nn", new Grants { Models = [name] }, new MicroVmLimits { Time = TimeSpan.FromMinutes(5) })))];
            foreach (MicroVm vm in _vms)
            {
                var opened = _api.Open(vm.Instance, name, _names[0], shape);
                if (!opened.IsOk) throw new InvalidOperationException(opened.Error);
            }
        }

        public void Native(int callers, long n) => Each(callers, n, (caller, times) =>
        {
            for (long i = 0; i < times; i++)
            {
                foreach ((_, TensorValue tensor) in _model.Run(_names, [_input], CancellationToken.None)) tensor.Dispose();
            }
        });

        /// <summary>Each run is a call of its own, as one for each frame is: a call that takes the processor for longer than 10 ms is given a lower priority, and would be measured against callers that are not.</summary>
        public void Guests(int callers, long n) => Each(callers, n, (caller, times) =>
        {
            for (long i = 0; i < times; i++)
            {
                var done = _vms[caller].Call(_api, static (instance, api) => api.Run(instance, 1));
                if (!done.IsOk) throw new InvalidOperationException(done.Error);
            }
        });

        public void Dispose()
        {
            foreach (MicroVm vm in _vms) vm.Dispose();
            _input.Dispose();
            _model.Dispose();
        }

        /// <summary>All callers together do it so many times, or a few times more; one does it on this thread.</summary>
        private static void Each(int callers, long n, Action<int, long> run)
        {
            if (callers == 1)
            {
                run(0, n);
                return;
            }

            long times = (n + callers - 1) / callers;
            Thread[] threads = [.. Enumerable.Range(0, callers).Select(c => new Thread(() => run(c, times)))];
            foreach (Thread t in threads) t.Start();
            foreach (Thread t in threads) t.Join();
        }
    }
}
