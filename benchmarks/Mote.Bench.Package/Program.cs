// Prints the median nanoseconds of handing 1 MiB to a component through the Wasmtime package's component binding.
using System.Diagnostics;
using Wasmtime;
using Wasmtime.Components;

const int Size = 1 << 20;
string path = args[0];
int calls = int.Parse(args[1], System.Globalization.CultureInfo.InvariantCulture);

using var engine = new Engine();
using var component = Component.FromBytes(engine, File.ReadAllBytes(path));
using var linker = new ComponentLinker(engine);
var times = new List<double>();
for (int i = 0; i < calls; i++)
{
    // The budget for copied values belongs to a store and is not renewed, so each call has a fresh one.
    using var store = new Store(engine);
    ComponentInstance instance = linker.Instantiate(store, component);
    ComponentFunction take = instance.GetFunction("bench:boundary/api", "take-bytes") ?? throw new InvalidOperationException("no function");
    byte[] data = new byte[Size];
    long start = Stopwatch.GetTimestamp();
    // Building the boxed list is part of the cost: the bytes come from elsewhere as bytes.
    var values = new ComponentValue[Size];
    for (int b = 0; b < Size; b++) values[b] = ComponentValue.U8(data[b]);
    take.Call(ComponentValue.List(values));
    times.Add(Stopwatch.GetElapsedTime(start).TotalNanoseconds);
}

times.Sort();
Console.WriteLine(times[times.Count / 2].ToString(System.Globalization.CultureInfo.InvariantCulture));
