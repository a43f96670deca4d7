// A compiled component as files: plan, machine code of each module.
using System.Buffers.Binary;
using System.Numerics;
using Mote.Components.Linking;
using Mote.Wasmtime;

namespace Mote.Components;

/// <summary>Writes compiled components to a folder and maps them from there.</summary>
public static class CompiledStore
{
    private const string PlanFile = "plan";

    /// <summary>True where this component can be stored: one that imports core modules cannot.</summary>
    public static bool CanStore(Component component) => component.Plan.ModuleImports.Count == 0;

    /// <inheritdoc cref="CanStore(Component)"/>
    public static bool CanStore(CompiledComponent component) => component.Plan.ModuleImports.Count == 0;

    /// <summary>Writes the core modules that are to be compiled, N.wasm each, for a compiler outside this process.</summary>
    public static void WriteSources(Component component, string folder)
    {
        for (int i = 0; i < component.Plan.Modules.Count; i++)
        {
            if (component.Plan.Modules[i].Needed) File.WriteAllBytes(Path.Combine(folder, $"{i}.wasm"), component.BytesOf(i).Span);
        }
    }

    /// <summary><see cref="Files"/> of a component whose modules were compiled, N.cwasm each, where <see cref="WriteSources"/> had put them. Removes those.</summary>
    public static IEnumerable<(string Name, byte[] Content)> FilesOf(Component component, string folder)
    {
        yield return (PlanFile, Seal(PlanWriter.Write(component.Plan)));
        for (int i = 0; i < component.Plan.Modules.Count; i++)
        {
            if (!component.Plan.Modules[i].Needed) continue;
            File.Delete(Path.Combine(folder, $"{i}.wasm"));
            yield return ($"{i}.cwasm", File.ReadAllBytes(Path.Combine(folder, $"{i}.cwasm")));
        }
    }

    /// <summary>The files of a compiled component: name and content. All of them are needed to load it.</summary>
    public static IEnumerable<(string Name, byte[] Content)> Files(CompiledComponent component)
    {
        yield return (PlanFile, Seal(PlanWriter.Write(component.Plan)));
        for (int i = 0; i < component.Modules.Length; i++)
        {
            if (component.Modules[i] is { } module) yield return ($"{i}.cwasm", module.Serialize());
        }
    }

    /// <summary>
    /// Loads what <see cref="Files"/> gave from a folder. The machine code is mapped, not read. It runs as it is: only a
    /// folder that this node wrote itself and authenticated may be given, and its files must never change.
    /// </summary>
    /// <exception cref="InvalidDataException">The plan is damaged or of another version.</exception>
    /// <exception cref="WasmtimeException">Machine code is of another engine.</exception>
    public static CompiledComponent Load(Engine engine, string folder)
    {
        Plan plan = PlanReader.Read(Unseal(File.ReadAllBytes(Path.Combine(folder, PlanFile))));
        var modules = new Module?[plan.Modules.Count];
        try
        {
            for (int i = 0; i < modules.Length; i++)
            {
                if (plan.Modules[i].Needed) modules[i] = Module.DeserializeFile(engine, Path.Combine(folder, $"{i}.cwasm"));
            }
        }
        catch
        {
            foreach (Module? m in modules) m?.Dispose();
            throw;
        }

        return new CompiledComponent(engine, plan, modules);
    }

    private static byte[] Seal(byte[] plan)
    {
        var sealedPlan = new byte[plan.Length + sizeof(uint)];
        plan.CopyTo(sealedPlan, 0);
        BinaryPrimitives.WriteUInt32LittleEndian(sealedPlan.AsSpan(plan.Length), Checksum(plan));
        return sealedPlan;
    }

    /// <summary>The plan without its checksum, which a torn write or a flipped bit does not pass.</summary>
    private static ReadOnlySpan<byte> Unseal(ReadOnlySpan<byte> file)
    {
        int length = file.Length - sizeof(uint);
        return length >= 0 && Checksum(file[..length]) == BinaryPrimitives.ReadUInt32LittleEndian(file[length..])
            ? file[..length] : throw new InvalidDataException("the stored plan is damaged");
    }

    private static uint Checksum(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        for (; bytes.Length >= sizeof(ulong); bytes = bytes[sizeof(ulong)..]) crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        foreach (byte b in bytes) crc = BitOperations.Crc32C(crc, b);
        return ~crc;
    }
}
