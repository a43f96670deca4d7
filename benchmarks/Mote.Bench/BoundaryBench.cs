// What it costs to hand values to a guest through generated bindings.
using System.Diagnostics;
using System.Globalization;
using System.Text;
using Mote.Components;
using Mote.Components.Inspection;
using Mote.Components.Linking;
using Mote.Wasmtime;

namespace Mote.Bench;

internal static unsafe class BoundaryBench
{
    private const int Bytes = 1 << 20;
    private const int Headers = 1000;
    private const string Text = "Ada Lovelace, London";

    public static Report Run(bool quick)
    {
        byte[] file = Guests.Read("boundary");
        using var engine = new Engine(Runtime.EngineProfile.Server(16));
        using CompiledComponent compiled = Component.Load(file, engine).Compile(engine);
        using InstanceTemplate template = new ComponentLinker().Link(compiled);
        using ComponentInstance instance = template.Instantiate();
        BoundaryApi api = BoundaryApi.Bind(template)!;
        using var core = new CoreGuest(engine, file);

        var data = new byte[Bytes];
        Random.Shared.NextBytes(data);
        (string, string)[] headers = [.. Enumerable.Range(0, Headers).Select(i => ($"x-header-{i}", $"the value of header number {i}"))];
        if (api.TakeBytes(instance, data) != core.TakeBytes(data)) throw new InvalidOperationException("the two ways to hand over bytes differ");
        if (api.TakeHeaders(instance, headers) != core.TakeHeaders(headers)) throw new InvalidOperationException("the two ways to hand over headers differ");

        int rounds = quick ? 15 : 51;
        TimeSpan slice = TimeSpan.FromMilliseconds(quick ? 40 : 100);
        Dictionary<string, double[]> r = Rounds.Measure(rounds, slice,
            new Subject("copy_1mib", n => { for (long i = 0; i < n; i++) core.Copy(data); }),
            new Subject("list_u8_1mib", n => { for (long i = 0; i < n; i++) api.TakeBytes(instance, data); }),
            new Subject("headers_1000_by_hand", n => { for (long i = 0; i < n; i++) core.TakeHeaders(headers); }),
            new Subject("headers_1000", n => { for (long i = 0; i < n; i++) api.TakeHeaders(instance, headers); }),
            new Subject("core_call", core.Nop),
            new Subject("nop_call", n => { for (long i = 0; i < n; i++) api.Nop(instance); }),
            new Subject("string_call", n => { for (long i = 0; i < n; i++) api.TakeText(instance, Text); }));

        var report = new Report("boundary", rounds);
        foreach ((string name, double[] values) in r) report.Metric(name, values);
        report.Key("ratio_list_u8_1mib_vs_copy", Rounds.Ratio("", r["list_u8_1mib"], r["copy_1mib"]).Median, 1.5);
        report.Key("ratio_headers_1000", Rounds.Ratio("", r["headers_1000"], r["headers_1000_by_hand"]).Median, 2);
        report.Key("ratio_string_call_vs_core_call", Rounds.Ratio("", r["string_call"], r["core_call"]).Median, 15);
        if (Package(quick) is { } package)
        {
            report.Metric("list_u8_1mib_package_binding", package);
            report.Key("speedup_list_u8_1mib_vs_package_binding", new Samples("", package).Median / new Samples("", r["list_u8_1mib"]).Median);
        }

        return report;
    }

    /// <summary>Medians of several runs of the other program; null where it is not built.</summary>
    private static double[]? Package(bool quick)
    {
        if (Environment.GetEnvironmentVariable("MOTE_BENCH_PACKAGE") is not { Length: > 0 } program) return null;
        var results = new double[quick ? 1 : 3];
        for (int i = 0; i < results.Length; i++)
        {
            using Process process = Process.Start(new ProcessStartInfo(program, [Guests.PathOf("boundary"), quick ? "5" : "15"]) { RedirectStandardOutput = true })!;
            string line = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            results[i] = double.Parse(line, CultureInfo.InvariantCulture);
        }

        return results;
    }

    /// <summary>The component's core module on its own, called as by hand.</summary>
    private sealed class CoreGuest : IDisposable
    {
        private readonly Module _module;
        private readonly Store _store;
        private readonly Memory _memory;
        private readonly Func _realloc;
        private readonly Func _nop;
        private readonly Func _takeBytes;
        private readonly Func _takeHeaders;
        private readonly uint _scratch;

        public CoreGuest(Engine engine, byte[] file)
        {
            ModuleDescription main = ComponentDescription.Of(file, engine).Modules[0];
            _module = Module.Compile(engine, file.AsSpan((int)main.Offset, main.Bytes));
            _store = new Store(engine);
            _store.SetEpochDeadline(ulong.MaxValue / 2);
            Instance instance = Instance.Create(_store, _module, []);
            _memory = Export(instance, "memory").AsMemory();
            _realloc = Export(instance, "cabi_realloc").AsFunc();
            _nop = Export(instance, "bench:boundary/api#nop").AsFunc();
            _takeBytes = Export(instance, "bench:boundary/api#take-bytes").AsFunc();
            _takeHeaders = Export(instance, "bench:boundary/api#take-headers").AsFunc();
            _scratch = Allocate(1, Bytes);
        }

        private static Extern Export(Instance instance, string name) =>
            instance.TryGetExport(name, out Extern item) ? item : throw new InvalidOperationException($"the guest exports no {name}");

        public void Copy(ReadOnlySpan<byte> data)
        {
            byte* memory = _memory.GetBase(out nuint length);
            data.CopyTo(new Span<byte>(memory + _scratch, (int)Math.Min((nuint)data.Length, length - _scratch)));
        }

        public void Nop(long n)
        {
            Span<ValRaw> none = stackalloc ValRaw[1];
            for (long i = 0; i < n; i++) _nop.CallUnchecked(none);
        }

        public uint TakeBytes(ReadOnlySpan<byte> data)
        {
            uint at = Allocate(1, (uint)data.Length);
            data.CopyTo(new Span<byte>(_memory.GetBase(out _) + at, data.Length));
            return Call(_takeBytes, at, (uint)data.Length);
        }

        /// <summary>What one would write by hand for ASCII headers.</summary>
        public uint TakeHeaders((string, string)[] headers)
        {
            uint list = Allocate(4, (uint)headers.Length * 16);
            for (int i = 0; i < headers.Length; i++)
            {
                uint entry = list + ((uint)i * 16);
                Put(entry, headers[i].Item1);
                Put(entry + 8, headers[i].Item2);
            }

            return Call(_takeHeaders, list, (uint)headers.Length);
        }

        public void Dispose()
        {
            _store.Dispose();
            _module.Dispose();
        }

        private void Put(uint entry, string text)
        {
            uint at = Allocate(1, (uint)text.Length);
            byte* memory = _memory.GetBase(out _);
            Encoding.UTF8.GetBytes(text, new Span<byte>(memory + at, text.Length));
            *(uint*)(memory + entry) = at;
            *(uint*)(memory + entry + 4) = (uint)text.Length;
        }

        private uint Allocate(uint alignment, uint size)
        {
            Span<ValRaw> v = stackalloc ValRaw[4];
            v[0].U64 = 0;
            v[1].U64 = 0;
            v[2].U64 = alignment;
            v[3].U64 = size;
            _realloc.CallUnchecked(v);
            return v[0].U32;
        }

        private static uint Call(Func func, uint a, uint b)
        {
            Span<ValRaw> v = stackalloc ValRaw[2];
            v[0].U64 = a;
            v[1].U64 = b;
            func.CallUnchecked(v);
            return v[0].U32;
        }
    }
}
