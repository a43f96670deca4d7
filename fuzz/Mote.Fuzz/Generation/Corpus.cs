// What mutations begin with: components from text in the seeds folder, and from a folder that is given.
using System.Text;
using Mote.Conformance;
using Mote.Wasmtime;

namespace Mote.Fuzz.Generation;

/// <summary>Binaries to mutate.</summary>
internal sealed class Corpus
{
    private const int MaxBytes = 200_000;

    private Corpus(List<byte[]> components, List<byte[]> modules)
    {
        Components = components;
        Modules = modules;
    }

    public IReadOnlyList<byte[]> Components { get; }

    public IReadOnlyList<byte[]> Modules { get; }

    /// <summary>The folder of our own texts.</summary>
    public static string Seeds => Path.Combine(AppContext.BaseDirectory, "seeds");

    /// <summary>Reads the seeds, and all files below a folder, in an order that does not depend on the machine.</summary>
    public static Corpus Load(string? folder)
    {
        var components = new List<byte[]>();
        var modules = new List<byte[]>();
        foreach (string file in Files(Seeds).Concat(folder is null ? [] : Files(folder)))
        {
            foreach (byte[] wasm in Binaries(file))
            {
                if (wasm.Length is < 8 or > MaxBytes) continue;
                (wasm[6] == 0 ? modules : components).Add(wasm);
            }
        }

        return new Corpus(components, modules);
    }

    /// <summary>Texts of a kind from the seeds.</summary>
    public static string[] Texts(string pattern) =>
        [.. Directory.EnumerateFiles(Seeds, pattern, SearchOption.AllDirectories).Order(StringComparer.Ordinal).Select(File.ReadAllText)];

    private static IEnumerable<string> Files(string folder) => Directory.EnumerateFiles(folder, "*.w*", SearchOption.AllDirectories).Order(StringComparer.Ordinal);

    private static IEnumerable<byte[]> Binaries(string file)
    {
        switch (Path.GetExtension(file))
        {
            case ".wasm":
                return [File.ReadAllBytes(file)];
            case ".wat":
                try
                {
                    return [Wat.ToWasm(File.ReadAllBytes(file))];
                }
                catch (WasmtimeException e)
                {
                    throw new InvalidDataException($"{file}: {e.Message}", e);
                }

            case ".wast":
                byte[] source = File.ReadAllBytes(file);
                try
                {
                    return [.. SExpr.ParseAll(source).SelectMany(f => Forms(f, source))];
                }
                catch (FormatException)
                {
                    return []; // a script in another dialect
                }

            default:
                return [];
        }
    }

    /// <summary>Components and modules of a script, those in assertions too.</summary>
    private static IEnumerable<byte[]> Forms(SExpr form, byte[] source)
    {
        if (form.Items is not { } items) yield break;
        if (form.Head is not ("component" or "module"))
        {
            foreach (byte[] inner in items.SelectMany(i => Forms(i, source))) yield return inner;
            yield break;
        }

        string text = Encoding.UTF8.GetString(source, form.Start, form.End - form.Start);
        if (items.FindIndex(i => i.Atom == "definition") is 1) text = $"({form.Head} {Encoding.UTF8.GetString(source, items[1].End, form.End - items[1].End)}";
        if (items.FindIndex(i => i.Atom == "binary") is >= 1 and <= 2 and var at)
        {
            yield return [.. items.Skip(at + 1).SelectMany(i => i.String ?? [])];
            yield break;
        }

        byte[] wasm;
        try
        {
            wasm = Wat.ToWasm(text);
        }
        catch (WasmtimeException)
        {
            yield break; // a text that must be refused, or one of the script's own commands
        }

        yield return wasm;
    }
}
