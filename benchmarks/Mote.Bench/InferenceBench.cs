// A model through wasi:nn from a guest, against the same session called from C# with the same input.
using Mote.Capabilities.Nn;
using Mote.Components.Linking;
using Mote.Node;
using Mote.Packaging;
using Mote.Runtime;

namespace Mote.Bench;

internal static class InferenceBench
{
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
        var models = new ModelsConfig { Files = s_models.ToDictionary(m => m.Name, m => new ModelConfig(Path.GetFullPath(Datasets.Need(Path.Combine(data, m.Name, "model.onnx"))))) };
        using var host = new ComponentHost(new HostOptions { KeyValueFile = Path.Combine(Path.GetTempPath(), "mote-bench-keyvalue.db"), Models = models });
        using InstanceTemplate template = host.Load(Guests.PathOf("nn"));
        int rounds = quick ? 7 : 31;
        var report = new Report("inference", rounds);
        double worst = 0, added = 0;
        foreach ((string name, uint[] shape) in s_models)
        {
            using var model = new Model(host, template, name, shape);
            Dictionary<string, double[]> r = Rounds.Measure(rounds, TimeSpan.FromMilliseconds(quick ? 100 : 300), new Subject("native", model.Native), new Subject("guest", model.Guest));
            report.Metric($"{name}_native", r["native"]);
            report.Metric($"{name}_wasinn", r["guest"]);
            double ratio = Rounds.Ratio("", r["guest"], r["native"]).Median, more = new Samples("", r["guest"].Zip(r["native"], (g, n) => (g - n) / 1000)).Median;
            report.Key($"ratio_{name}", ratio);
            if (new Samples("", r["native"]).Median >= 2e6) worst = Math.Max(worst, ratio);
            else added = Math.Max(added, more);
        }

        report.Key("ratio_wasinn_vs_native", worst, 1.03);
        report.Key("added_us_small", added, 20);
        report.Note("native is the same session, with the input's tensor made once; a guest makes its tensor and takes the outputs into its memory each time");
        return report;
    }

    /// <summary>A model, called by both.</summary>
    private sealed class Model : IDisposable
    {
        private readonly IModel _model;
        private readonly TensorValue _input;
        private readonly string[] _names;
        private readonly MicroVm _vm;
        private readonly NnApi _api;

        public Model(ComponentHost host, InstanceTemplate template, string name, uint[] shape)
        {
            IModelBackend models = host.Models!;
            _model = models.OpenAsync(name).GetAwaiter().GetResult();
            _names = [_model.Inputs[0].Name];
            var floats = new float[shape.Aggregate(1u, (a, b) => a * b)];
            for (int i = 0; i < floats.Length; i++) floats[i] = (float)(((uint)i * 2654435761u) >> 24) / 255;
            _input = models.NewTensor(INnTensors.TensorType.FP32, Array.ConvertAll(shape, s => (long)s), System.Runtime.InteropServices.MemoryMarshal.AsBytes<float>(floats));
            _vm = host.Start(template, new AppComponent("bench", "nn", new Grants { Models = [name] }, new MicroVmLimits { Time = TimeSpan.FromMinutes(5) }));
            _api = NnApi.Bind(template)!;
            var opened = _api.Open(_vm.Instance, name, _names[0], shape);
            if (!opened.IsOk) throw new InvalidOperationException(opened.Error);
        }

        public void Native(long n)
        {
            for (long i = 0; i < n; i++)
            {
                foreach ((_, TensorValue tensor) in _model.Run(_names, [_input], CancellationToken.None)) tensor.Dispose();
            }
        }

        public void Guest(long n)
        {
            var done = _vm.Call((_api, n), static (instance, s) => s._api.Run(instance, (ulong)s.n));
            if (!done.IsOk) throw new InvalidOperationException(done.Error);
        }

        public void Dispose()
        {
            _vm.Dispose();
            _input.Dispose();
            _model.Dispose();
        }
    }
}
