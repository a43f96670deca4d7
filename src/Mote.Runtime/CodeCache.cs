// Compiled code on disk. Machine code runs as it is, so it is kept where only this user can write, under an
// authentication tag of the node's own key, and is replaced whole, never changed.
using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Win32.SafeHandles;
using Mote.Components;
using Mote.Wasmtime;

namespace Mote.Runtime;

/// <summary>Keeps compiled components by content and engine.</summary>
public sealed class CodeCache
{
    private const string TagFile = "tag";
    private const long PartBytes = 64 << 10;
    private readonly string _folder;
    private readonly byte[] _key;
    private readonly Action<string>? _log;
    private readonly DiskWear? _wear;
    private readonly HashSet<string> _verified = [];
    private readonly Lock _lock = new();
    private long _bytes = -1;

    /// <summary>A cache in a folder, which is made with mode 0700 where it is not there. The key is made on first use.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="log">Told where code cannot be kept.</param>
    /// <param name="wear">Told what is written; null for nobody.</param>
    /// <exception cref="IOException">The folder cannot be made, or others can write to it.</exception>
    /// <exception cref="DllNotFoundException">OpenSSL is not installed.</exception>
    public CodeCache(string folder, Action<string>? log = null, DiskWear? wear = null)
    {
        OpenSsl.Require();
        _folder = Path.GetFullPath(folder);
        _log = log;
        _wear = wear;
        MakePrivate(_folder);
        _key = LoadKey(Path.Combine(_folder, "key"));
        RemoveUnfinished();
    }

    /// <summary>Most bytes of it; what was not used for longest goes first.</summary>
    public long MaxBytes { get; init; } = 2L << 30;

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

    /// <summary>The compiled component, from the cache or compiled now and kept. A disk that takes nothing is no reason not to run it.</summary>
    /// <param name="file">The component.</param>
    /// <param name="engine">What it is to run on.</param>
    /// <param name="compile">Compiles each N.wasm of a folder to N.cwasm, with this engine's options; null compiles in this process.</param>
    /// <exception cref="ComponentException">The file is not a valid component.</exception>
    public CompiledComponent Get(ReadOnlyMemory<byte> file, Engine engine, Action<string>? compile = null)
    {
        string name = NameOf(file.Span, engine);
        if (TryLoad(name, engine) is { } known) return known;
        Component component = Component.Load(file, engine);
        if (!CompiledStore.CanStore(component)) return component.Compile(engine);
        CompiledComponent? compiled = null;
        try
        {
            if (compile is null)
            {
                compiled = component.Compile(engine);
                Save(name, compiled);
                return compiled;
            }

            Save(name, folder =>
            {
                CompiledStore.WriteSources(component, folder);
                compile(folder);
                return CompiledStore.FilesOf(component, folder);
            });
            if (TryLoad(name, engine) is { } kept) return kept;
            _log?.Invoke($"compiled code in '{_folder}' was not what was written there; it is compiled again");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _log?.Invoke($"compiled code cannot be kept in '{_folder}', so each start compiles again: {e.Message}");
        }

        return compiled ?? component.Compile(engine);
    }

    /// <summary>Loads an entry; null where there is none or it does not authenticate (it is removed then).</summary>
    public CompiledComponent? TryLoad(string name, Engine engine)
    {
        string entry = Path.Combine(_folder, name);
        if (!Directory.Exists(entry)) return null;
        try
        {
            if (!IsVerified(name) && !Verify(name)) throw new InvalidDataException("the authentication tag does not fit");
            CompiledComponent component = CompiledStore.Load(engine, entry);
            lock (_lock)
            {
                if (_verified.Add(name)) Directory.SetLastWriteTimeUtc(entry, DateTime.UtcNow); // used: see Prune
            }

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
    public void Save(string name, CompiledComponent component) => Save(name, _ => CompiledStore.Files(component));

    /// <param name="name">Name of the entry.</param>
    /// <param name="make">Gives the entry's files; may use the folder that they will be in, and leaves nothing else there.</param>
    private void Save(string name, Func<string, IEnumerable<(string Name, byte[] Content)>> make)
    {
        string final = Path.Combine(_folder, name), temporary = Path.Combine(_folder, $".{name}.{Environment.ProcessId}.{Guid.NewGuid():N}");
        MakePrivate(temporary);
        try
        {
            long bytes = 0;
            using IncrementalHash tag = BeginTag(name);
            foreach ((string file, byte[] content) in make(temporary))
            {
                string path = Path.Combine(temporary, file);
                if (!File.Exists(path)) Files.WriteSynced(path, content);
                Append(tag, file, content);
                bytes += content.Length;
            }

            Files.WriteSynced(Path.Combine(temporary, TagFile), tag.GetHashAndReset());
            Files.SyncFolder(temporary);
            _wear?.Add(WearSource.Code, bytes);
            Directory.Move(temporary, final);
            Files.SyncFolder(_folder);
            Prune(keep: final, bytes);
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

    /// <summary>
    /// Removes what is too much. Whoever has an entry mapped keeps it. Other processes may use the folder too, so that it is
    /// looked at first, and again when this one has added a quarter of what it may hold.
    /// </summary>
    private void Prune(string keep, long added)
    {
        lock (_lock)
        {
            if (_bytes >= 0 && (_bytes += added) <= MaxBytes) return;
            _bytes = Math.Max(RemoveOldest(keep), MaxBytes - (MaxBytes / 4));
        }
    }

    /// <returns>What is left.</returns>
    private long RemoveOldest(string keep)
    {
        var entries = new List<(DirectoryInfo Entry, long Bytes)>();
        foreach (DirectoryInfo entry in new DirectoryInfo(_folder).EnumerateDirectories().Where(e => !e.Name.StartsWith('.')))
        {
            try
            {
                entries.Add((entry, entry.EnumerateFiles().Sum(f => f.Length)));
            }
            catch (IOException)
            {
                // Another process removes it now.
            }
        }

        long total = entries.Sum(e => e.Bytes);
        foreach ((DirectoryInfo entry, long bytes) in entries.Where(e => e.Entry.FullName != keep).OrderBy(e => e.Entry.LastWriteTimeUtc))
        {
            if (total <= MaxBytes) break;
            TryDelete(entry.FullName);
            total -= bytes;
        }

        return total;
    }

    private bool Verify(string name)
    {
        string entry = Path.Combine(_folder, name);
        string tagPath = Path.Combine(entry, TagFile);
        if (!File.Exists(tagPath)) return false;
        using IncrementalHash tag = BeginTag(name);
        string[] files = Directory.GetFiles(entry);
        foreach (string file in files.Where(f => Path.GetFileName(f) != TagFile).OrderBy(Order))
        {
            Append(tag, file);
        }

        return CryptographicOperations.FixedTimeEquals(tag.GetHashAndReset(), File.ReadAllBytes(tagPath));
    }

    /// <summary>The tag is of the name too: an entry that is whole, under the name of another component, is not that component.</summary>
    private IncrementalHash BeginTag(string name)
    {
        var tag = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, _key);
        tag.AppendData(Encoding.UTF8.GetBytes($"{name}:"));
        return tag;
    }

    /// <summary>What a process that was killed had begun to write: .NAME.PROCESS.RANDOM.</summary>
    private void RemoveUnfinished()
    {
        foreach (string folder in Directory.GetDirectories(_folder, ".*"))
        {
            if (Path.GetFileName(folder).Split('.') is [_, _, { } process, _] && int.TryParse(process, out int id) && !IsRunning(id)) TryDelete(folder);
        }
    }

    private static bool IsRunning(int process)
    {
        try
        {
            System.Diagnostics.Process.GetProcessById(process).Dispose();
            return true;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }

    /// <summary>The order that files were written in: the plan, then the modules by number.</summary>
    private static int Order(string path) => Path.GetExtension(path) == ".cwasm" && int.TryParse(Path.GetFileNameWithoutExtension(path), out int number) ? number : -1;

    private static void Append(IncrementalHash tag, string file, byte[] content)
    {
        tag.AppendData(Encoding.UTF8.GetBytes($"{file}:{content.Length}:"));
        tag.AppendData(content);
    }

    /// <summary>The same of a file, a part at a time: code is large, and only looked at here.</summary>
    private static void Append(IncrementalHash tag, string path)
    {
        using SafeFileHandle file = File.OpenHandle(path);
        long length = RandomAccess.GetLength(file);
        tag.AppendData(Encoding.UTF8.GetBytes($"{Path.GetFileName(path)}:{length}:"));
        byte[] part = ArrayPool<byte>.Shared.Rent((int)Math.Min(length, PartBytes));
        for (long at = 0; at < length;)
        {
            int n = RandomAccess.Read(file, part.AsSpan(0, (int)Math.Min(length - at, part.Length)), at);
            if (n == 0) throw new IOException($"'{path}' became shorter while it was read");
            tag.AppendData(part, 0, n);
            at += n;
        }

        ArrayPool<byte>.Shared.Return(part);
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
        PrivateFile.CreateFolder(folder);
        if (OperatingSystem.IsWindows()) return;
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
            string temporary = $"{path}.{Guid.NewGuid():N}";
            using (FileStream file = PrivateFile.Create(temporary))
            {
                file.Write(RandomNumberGenerator.GetBytes(32));
                file.Flush(flushToDisk: true);
            }

            try
            {
                Files.MoveNew(temporary, path);
            }
            catch (IOException) when (File.Exists(path))
            {
                // Another process was faster: its key is the one.
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
