// Compiling in a process of its own, with limits: a module that was made to be large or slow to compile takes that
// process with it, and not the node. Both sides are here.
using System.Diagnostics;
using Mote.Wasmtime;

namespace Mote.Runtime;

/// <summary>A component takes more memory or time to compile than it may, or the compiler failed on it.</summary>
public sealed class CompileException(string message) : Exception(message);

/// <summary>Runs the compiler in a child process.</summary>
public sealed record CompileWorker
{
    /// <summary>The program's first argument that makes it a worker; <see cref="Run"/> takes the rest.</summary>
    public const string Command = "compile-worker";

    /// <summary>The program, which calls <see cref="Run"/> when its first argument is <see cref="Command"/>.</summary>
    public required string Program { get; init; }

    /// <summary>Most bytes of the worker's data (RLIMIT_DATA). A 12 MB JavaScript component takes 435 MB.</summary>
    public long MemoryBytes { get; init; } = 2L << 30;

    /// <summary>Most time on the wall clock.</summary>
    public TimeSpan Time { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>Compiles each N.wasm of a folder to N.cwasm.</summary>
    /// <param name="folder">Where the modules are.</param>
    /// <param name="engine">The engine's name, as <see cref="EngineProfile.Name"/> gives it.</param>
    /// <param name="log">Told where the compiler runs in this process.</param>
    /// <exception cref="WasmtimeException">The compiler refuses a module.</exception>
    /// <exception cref="CompileException">It took too much, or the worker failed.</exception>
    internal void Compile(string folder, string engine, Action<string>? log)
    {
        var start = new ProcessStartInfo(Program, [Command, folder, engine, $"{MemoryBytes}", $"{(long)Math.Ceiling(Time.TotalSeconds)}"])
        {
            RedirectStandardError = true,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        if (Start(start) is not { } worker)
        {
            log?.Invoke("this program runs under an emulator and cannot start itself: components are compiled in this process, without limits of memory and time");
            CompileFolder(folder, engine);
            return;
        }

        using Process _ = worker;
        worker.StandardInput.Close();
        var words = new BoundedText();
        worker.ErrorDataReceived += (_, e) => words.Add(e.Data);
        worker.OutputDataReceived += (_, _) => { };
        worker.BeginErrorReadLine();
        worker.BeginOutputReadLine();
        if (!worker.WaitForExit(Time))
        {
            worker.Kill();
            worker.WaitForExit();
            throw new CompileException($"compiling it takes longer than {Time.TotalSeconds:0} s");
        }

        worker.WaitForExit(); // until its words are read, too
        switch (worker.ExitCode)
        {
            case 0:
                return;
            case RefusedCode:
                throw new WasmtimeException(words.ToString());
            default:
                bool memory = words.ToString().Contains("memory", StringComparison.OrdinalIgnoreCase);
                throw new CompileException(memory ? $"compiling it takes more than {MemoryBytes >> 20} MiB of memory"
                    : worker.ExitCode == 128 + Sigxcpu ? $"compiling it takes longer than {Time.TotalSeconds:0} s"
                    : $"the compiler ended with {worker.ExitCode}: {words}");
        }
    }

    /// <summary>Null where the system does not know this program's own processor: it runs under an emulator in user mode.</summary>
    private static Process? Start(ProcessStartInfo start)
    {
        const int ExecFormatError = 8;
        try
        {
            return Process.Start(start)!;
        }
        catch (System.ComponentModel.Win32Exception e) when (e.NativeErrorCode == ExecFormatError && start.FileName == Environment.ProcessPath)
        {
            return null;
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new CompileException($"the compiler `{start.FileName}` cannot be started: {e.Message}");
        }
    }

    private static void CompileFolder(string folder, string engineName)
    {
        using Engine engine = EngineProfile.ByName(engineName);
        foreach (string file in Directory.EnumerateFiles(folder, "*.wasm"))
        {
            using Module module = Module.Compile(engine, File.ReadAllBytes(file));
            Files.WriteSynced(Path.ChangeExtension(file, ".cwasm"), module.Serialize());
        }
    }

    private const int RefusedCode = 65;
    private const int Sigxcpu = 24;

    /// <summary>The worker's side.</summary>
    /// <param name="arguments">Folder, engine, bytes of memory, seconds.</param>
    /// <returns>The process's exit code.</returns>
    public static int Run(ReadOnlySpan<string> arguments)
    {
        if (arguments.Length != 4 || !long.TryParse(arguments[2], out long bytes) || !long.TryParse(arguments[3], out long seconds)) return 64;
        ProcessLimit.Data(bytes);
        ProcessLimit.NoCore();
        ProcessLimit.CpuSeconds(seconds * Environment.ProcessorCount);
        try
        {
            CompileFolder(arguments[0], arguments[1]);
            return 0;
        }
        catch (WasmtimeException e)
        {
            Console.Error.WriteLine(e.Message);
            return RefusedCode;
        }
    }
}
