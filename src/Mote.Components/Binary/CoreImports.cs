// A core module may import the same name twice (AssemblyScript's compiler writes such modules); inside a component it may
// not. Names are made unique before the module is put into one.
namespace Mote.Components.Binary;

/// <summary>Makes the names of a module's function imports unique.</summary>
internal static class CoreImports
{
    private const char Mark = '#'; // in no name of preview 1

    /// <summary>The module with a mark and a number behind names that came before; as it is where there are none, or where it imports other things than functions.</summary>
    /// <param name="module">A valid module.</param>
    public static byte[] Unique(ReadOnlySpan<byte> module)
    {
        var output = new WasmWriter();
        var r = new WasmReader(module, 0);
        output.Raw(r.Bytes(8, "a module header"));
        while (!r.AtEnd)
        {
            byte id = r.Byte("a section id");
            WasmReader section = r.Sub((int)r.U32("section size"), "a section");
            output.Byte(id);
            if (id == 2)
            {
                if (Rewritten(section) is not { } imports) return module.ToArray();
                output.Sized(imports);
                continue;
            }

            output.U32((uint)section.Remaining);
            output.Raw(section.Bytes(section.Remaining, "a section"));
        }

        return output.ToArray();
    }

    /// <summary>The name without its mark.</summary>
    public static string Original(string name) => name.IndexOf(Mark) is >= 0 and var at ? name[..at] : name;

    /// <summary>The section's content; null where it is to stay as it is.</summary>
    private static WasmWriter? Rewritten(WasmReader section)
    {
        var imports = new WasmWriter();
        var seen = new Dictionary<(string, string), int>();
        bool twice = false;
        uint count = section.U32("imports");
        imports.U32(count);
        for (uint i = 0; i < count; i++)
        {
            string module = section.Name("a module's name"), name = section.Name("an import's name");
            byte kind = section.Byte("a kind");
            if (kind != 0) return null;
            int times = seen[(module, name)] = seen.GetValueOrDefault((module, name)) + 1;
            twice |= times > 1;
            imports.Name(module);
            imports.Name(times == 1 ? name : $"{name}{Mark}{times}");
            imports.Byte(kind);
            imports.U32(section.U32("a type"));
        }

        return twice ? imports : null;
    }
}
