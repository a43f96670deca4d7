// Compiled code on disk. Machine code runs as it is, so it is kept where only this user can write, under an
// authentication tag of the node's own key, and is replaced whole, never changed.
using System.Security.Cryptography;
using System.Text;
using Mote.Components;
using Mote.Wasmtime;

namespace Mote.Runtime;

/// <summary>Keeps compiled components by content and engine.</summary>
public sealed class CodeCache
{
    private const string TagFile = "tag";
    private readonly string _folder;
    private readonly byte[] _key;
    private readonly HashSet<string> _verified = [];
    private readonly Lock _lock = new();

    /// <summary>A cache in a folder, which is made with mode 0700 where it is not there. The key is made on first use.</summary>
    /// <exception cref="IOException">The folder cannot be made, or others can write to it.</exception>
    public CodeCache(string folder)
    {
        _folder = Path.GetFullPath(folder);
        MakePrivate(_folder);
        _key = LoadKey(Path.Combine(_folder, "key"));
    }

    /// <summary>Where it is.</summary>
    public string Folder => _folder;

    /// <summary>The name under which a file's code is kept for an engine.</summary>
    public static string NameOf(ReadOnlySpan<byte> file, Engine engine)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(file);
        hash.AppendData(Encoding.UTF8.GetBytes(Fingerprint(engine)));
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>What compiled code depends on beside its source.</summary>
    private static string Fingerprint(Engine engine) =>
        $"{Native.Libwasmtime()}|{System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture}|{engine.Options}";

    /// <summary>The compiled component, from the cache or compiled now and kept.</summary>
    /// <exception cref="ComponentException">The file is not a valid component.</exception>
    public CompiledComponent Get(ReadOnlyMemory<byte> file, Engine engine)
    {
        string name = NameOf(file.Span, engine);
        if (TryLoad(name, engine) is { } known) return known;
        CompiledComponent compiled = Component.Load(file, engine).Compile(engine);
        if (!CompiledStore.CanStore(compiled)) return compiled;
        try
        {
            Save(name, compiled);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A full disk costs the next start some time; this one runs.
        }

        return compiled;
    }

    /// <summary>Loads an entry; null where there is none or it does not authenticate (it is removed then).</summary>
    public CompiledComponent? TryLoad(string name, Engine engine)
    {
        string entry = Path.Combine(_folder, name);
        if (!Directory.Exists(entry)) return null;
        try
        {
            if (!IsVerified(name) && !Verify(entry)) throw new InvalidDataException("the authentication tag does not fit");
            CompiledComponent component = CompiledStore.Load(engine, entry);
            lock (_lock) _verified.Add(name);
            return component;
        }
        catch (Exception e) when (e is InvalidDataException or WasmtimeException or IOException)
        {
            // Damaged, or of another engine: compiled again. Whoever has it mapped keeps the old files.
            TryDelete(entry);
            return null;
        }
    }

    private bool IsVerified(string name)
    {
        lock (_lock) return _verified.Contains(name);
    }

    /// <summary>Keeps an entry: written beside, synced, then renamed into place.</summary>
    public void Save(string name, CompiledComponent component)
    {
        string final = Path.Combine(_folder, name), temporary = Path.Combine(_folder, $".{name}.{Environment.ProcessId}.{Guid.NewGuid():N}");
        MakePrivate(temporary);
        try
        {
            using var tag = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, _key);
            foreach ((string file, byte[] content) in CompiledStore.Files(component))
            {
                WriteSynced(Path.Combine(temporary, file), content);
                Append(tag, file, content);
            }

            WriteSynced(Path.Combine(temporary, TagFile), tag.GetHashAndReset());
            Files.SyncFolder(temporary);
            Directory.Move(temporary, final);
            Files.SyncFolder(_folder);
        }
        catch (IOException) when (Directory.Exists(final))
        {
            // Another process was faster with the same content.
            TryDelete(temporary);
        }
        catch
        {
            TryDelete(temporary);
            throw;
        }
    }

    private bool Verify(string entry)
    {
        string tagPath = Path.Combine(entry, TagFile);
        if (!File.Exists(tagPath)) return false;
        using var tag = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, _key);
        string[] files = Directory.GetFiles(entry);
        foreach (string file in files.Where(f => Path.GetFileName(f) != TagFile).OrderBy(Order))
        {
            Append(tag, Path.GetFileName(file), File.ReadAllBytes(file));
        }

        return CryptographicOperations.FixedTimeEquals(tag.GetHashAndReset(), File.ReadAllBytes(tagPath));
    }

    /// <summary>The order that files were written in: the plan, then the modules by number.</summary>
    private static int Order(string path) => Path.GetExtension(path) == ".cwasm" && int.TryParse(Path.GetFileNameWithoutExtension(path), out int number) ? number : -1;

    private static void Append(IncrementalHash tag, string file, byte[] content)
    {
        tag.AppendData(Encoding.UTF8.GetBytes($"{file}:{content.Length}:"));
        tag.AppendData(content);
    }

    private static void WriteSynced(string path, byte[] content)
    {
        using var stream = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 16);
        stream.Write(content);
        stream.Flush(flushToDisk: true);
    }

    private static void TryDelete(string folder)
    {
        try
        {
            Directory.Delete(folder, recursive: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Left for the next start to clean up.
        }
    }

    private static void MakePrivate(string folder)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(folder);
            return;
        }

        const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
        Directory.CreateDirectory(folder, Private);
        UnixFileMode mode = File.GetUnixFileMode(folder);
        if ((mode & (UnixFileMode.GroupWrite | UnixFileMode.OtherWrite)) != 0)
        {
            throw new IOException($"the code cache '{folder}' can be written by others (mode {Convert.ToString((int)mode, 8)}), and what is in it runs as machine code: chmod 700 it");
        }
    }

    private static byte[] LoadKey(string path)
    {
        if (!File.Exists(path))
        {
            string temporary = $"{path}.{Environment.ProcessId}";
            WriteSynced(temporary, RandomNumberGenerator.GetBytes(32));
            if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(temporary, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            try
            {
                File.Move(temporary, path, overwrite: false);
            }
            catch (IOException) when (File.Exists(path))
            {
                File.Delete(temporary);
            }
        }

        byte[] key = File.ReadAllBytes(path);
        return key.Length == 32 ? key : throw new IOException($"the key '{path}' of the code cache is damaged: delete the folder, code is compiled again");
    }

    /// <summary>Which library compiles.</summary>
    private static class Native
    {
        public static string Libwasmtime() => Mote.Wasmtime.Native.Libwasmtime.BindingsVersion;
    }
}
