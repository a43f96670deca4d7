// mote doctor: what this machine has and lacks for running and building components, and what to do about it.
using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Mote.Components;
using Mote.Node;
using Mote.Packaging;
using Mote.Runtime;
using Mote.Wasmtime;
using Mote.Wasmtime.Native;

namespace Mote.Cli.Commands;

internal static class DoctorCommand
{
    private enum Verdict
    {
        Ok,
        Note,
        Fail,
    }

    private static readonly System.Version s_glibc = new(2, 34);

    private sealed record Check(string Name, Verdict Verdict, string Text);

    public static Command Make()
    {
        var json = SharedOptions.Json();
        var dir = new Argument<string?>("DIR") { Description = "An app: its node's broker, upstream and disk are checked too, where it runs (the current folder, where that is one).", Arity = ArgumentArity.ZeroOrOne };
        var command = new Command("doctor", "Check this machine, and the node of an app where one runs. Ends with 1 where something fails that is needed to run components.") { dir, json };
        command.SetAction(async (r, token) =>
        {
            Check[] checks = [.. All(), .. await Node(r.GetValue(dir), token).ConfigureAwait(false)];
            if (r.GetValue(json))
            {
                ReportText.PrintJson(Console.Out, j =>
                {
                    j.WriteStartArray("checks");
                    foreach (Check c in checks)
                    {
                        j.WriteStartObject();
                        j.WriteString("name", c.Name);
                        j.WriteString("verdict", c.Verdict.ToString().ToLowerInvariant());
                        j.WriteString("text", c.Text);
                        j.WriteEndObject();
                    }

                    j.WriteEndArray();
                });
            }
            else
            {
                foreach (Check c in checks) Console.WriteLine($"  {c.Verdict switch { Verdict.Ok => "ok  ", Verdict.Note => "note", _ => "FAIL" }}  {c.Name,-16} {c.Text}");
            }

            return checks.Any(c => c.Verdict == Verdict.Fail) ? ExitCode.Failed : ExitCode.Ok;
        });
        return command;
    }

    /// <summary>The running node of an app, in an operator's words; nothing where no app was named and none is here.</summary>
    private static async Task<Check[]> Node(string? dir, CancellationToken token)
    {
        if (dir is null && !File.Exists(AppManifest.FileName)) return [];
        NodeStatus? node = await ControlClient.AskAsync(UpCommand.Config(AppManifest.FileOf(dir ?? "."), null).DataFolder, TimeSpan.FromSeconds(10), token).ConfigureAwait(false);
        if (node is null) return [new("node", Verdict.Note, "it does not run: `mote up` starts it")];
        var checks = new List<Check> { new("node", Verdict.Ok, $"`{node.Name}` runs as process {node.ProcessId}") };
        if (node.DataPlane?.Broker is { } b)
        {
            string where = b.Embedded ? $"in the node, {b.Address}" : b.Address;
            checks.Add(b.Fault is not null ? new("broker", Verdict.Fail, $"{where}: {b.Fault}; the node goes on trying. See that the broker runs, that this machine reaches it, and `url` and credentials under [broker] in node.toml")
                : b.Dropped > 0 ? new("broker", Verdict.Note, $"{where}: {b.Dropped:n0} messages were dropped: a client or a component does not keep up")
                : b.RetainedRefused > 0 ? new("broker", Verdict.Note, $"{where}: {b.RetainedRefused:n0} messages were not retained, since {b.Retained:n0} of {AppsCommand.Mebibytes(b.RetainedBytes ?? 0)} are: `max-retained` and `max-retained-size` under [broker] in node.toml")
                : new("broker", Verdict.Ok, where));
        }

        if (node.DataPlane?.Nats is { } n)
        {
            checks.Add(n.Fault is not null ? new("nats", Verdict.Fail, $"{n.Address}: {n.Fault}; the node goes on trying. See that the server runs, that this machine reaches it, and `url` and credentials under [nats] in node.toml")
                : n.Dropped > 0 ? new("nats", Verdict.Note, $"{n.Address}: {n.Dropped:n0} messages without a stream were dropped: a component does not keep up")
                : new("nats", Verdict.Ok, $"connected to {n.Address}"));
        }

        if (node.DataPlane?.Upstream is { } u)
        {
            string lost = u.Refused + u.Dropped > 0 ? $"; {u.Refused:n0} refused and {u.Dropped:n0} dropped since the start" : "";
            checks.Add(u.Fault is not null ? new("upstream", Verdict.Fail, $"{u.Url} does not take events: {u.Fault}. {u.Waiting:n0} wait on disk and are sent when it does{lost}")
                : new("upstream", lost.Length > 0 ? Verdict.Note : Verdict.Ok, $"{u.Url}: {u.Sent:n0} events sent, {u.Waiting:n0} wait{lost}"));
        }

        if (node.DataPlane?.Disk is { } d)
        {
            string held = $"{d.OutboxMessages:n0} events wait for the upstream ({AppsCommand.Mebibytes(d.OutboxBytes)}), {d.InboxMessages:n0} messages for components ({AppsCommand.Mebibytes(d.InboxBytes)})";
            checks.Add(d.Fault is not null ? new("disk", Verdict.Fail, $"inbox and outbox cannot be written: {d.Fault}. Until they can, messages are not acknowledged. {held}")
                : d.InboxFull ? new("disk", Verdict.Note, $"the inbox is full, and publishers wait: a component does not keep up (more `concurrency`?), or raise `max-size` under [inbox] in node.toml. {held}")
                : d.Damaged > 0 ? new("disk", Verdict.Note, $"{d.Damaged:n0} records were damaged and are kept in the table `damaged` of outbox.db: check the storage. {held}")
                : new("disk", Verdict.Ok, held));
        }

        foreach (CameraStatus c in node.Cameras ?? [])
        {
            string seen = $"{c.Name} ({c.Source}, {c.Pictures}): {c.State}, {c.Frames:n0} frames, {c.Dropped:n0} dropped, opened {c.Opened:n0} times";
            checks.Add(c.Fault is not null ? new("camera", Verdict.Fail, $"{seen}; {c.Fault}. The node goes on trying: see `{c.Name}` under [cameras] in node.toml") : new("camera", Verdict.Ok, seen));
            if (c.ClipFault is not null) checks.Add(new("clips", Verdict.Fail, $"the last clip of {c.Name} is not whole: {c.ClipFault}"));
        }

        foreach (ModelStatus m in node.Models ?? [])
        {
            string which = $"{m.Name} ({m.Artifact})", come = m.Size > 0 && m.State != "here" ? $", {AppsCommand.Bytes(m.Bytes)} of {AppsCommand.Bytes(m.Size)}" : "";
            checks.Add(m.Fault is not null ? new("model", Verdict.Fail, $"{which} is not here: {m.Fault}{come}. The node goes on trying") : new("model", m.State == "here" ? Verdict.Ok : Verdict.Note, $"{which}: {m.State}{come}"));
        }

        if (node.View is { } view)
        {
            string seen = $"{view.Url}, {(view.Viewers == 1 ? "1 page is" : $"{view.Viewers} pages are")} looked at now";
            checks.Add(view.Remote ? new("view", Verdict.Note, $"{seen}; other machines can be let in too, and pictures leave the device there: `remote` under [view] in node.toml") : new("view", Verdict.Ok, $"{seen}; on this device only (`mote view`)"));
        }

        if (node.Ledger is { Disk: [var today, ..] days })
        {
            // Days that are over: today is not.
            WearDay[] before = [.. days.Skip(1).Take(7)];
            string kernel = today.Kernel is { } k ? $"; by the kernel's count {AppsCommand.Bytes(k)}" : "";
            string days7 = before.Length > 0 ? $"; {AppsCommand.Bytes(before.Sum(d => d.Total) / before.Length)} a day over the last {before.Length}" : "";
            checks.Add(new("flash wear", Verdict.Ok, $"{AppsCommand.Bytes(today.Total)} written today{(today.Total > 0 ? $" ({LedgerCommand.By(today)})" : "")}{kernel}{days7}"));
        }

        return [.. checks];
    }

    private static IEnumerable<Check> All()
    {
        yield return Machine();
        if (OperatingSystem.IsLinux())
        {
            yield return CLibrary();
            yield return Ssl();
        }

        (Check library, Engine? engine) = Library(out ProfileKind profile);
        yield return library;
        if (engine is not null)
        {
            using (engine)
            {
                yield return new("profile", profile == ProfileKind.Server ? Verdict.Ok : Verdict.Note, profile == ProfileKind.Server
                    ? "server: address space is reserved and instances are pooled, they start in microseconds"
                    : "small: address space cannot be reserved here (a container's or ulimit -v's limit?), so instances start slower and run with explicit bounds checks");
                yield return Run(engine);
            }
        }

        if (OperatingSystem.IsLinux()) yield return Mappings();
        yield return Cache();
        yield return Port("broker port", 1883, "`mote up` needs --listen with another port, or `listen` under [broker] in node.toml");
        yield return Tool("clang", ["clang-19", "clang"], "--version", "C guests are built with it: apt-get install clang-19 lld-19 wasi-libc libclang-rt-19-dev-wasm32");
        yield return Tool("wasm linker", ["wasm-ld-19", "wasm-ld"], "--version", "C guests are linked with it: apt-get install lld-19");
        yield return Tool("ffmpeg", ["ffmpeg"], "-version", "pictures of cameras are decoded with it, 5.1 or newer: apt-get install ffmpeg");
        yield return Tool("node", ["node"], "--version", "guests are made into components with an npm package: apt-get install nodejs npm");
    }

    private static Check Machine()
    {
        string text = $"{RuntimeInformation.OSDescription.Trim()}, {RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()}, {Environment.ProcessorCount} processors, {GC.GetGCMemoryInfo().TotalAvailableMemoryBytes >> 20} MiB of memory";
        return RuntimeInformation.ProcessArchitecture is Architecture.X64 or Architecture.Arm64
            ? new("machine", Verdict.Ok, text)
            : new("machine", Verdict.Fail, $"{text}: components run on x86-64 and arm64 only");
    }

    private static Check CLibrary() => Libc.GlibcVersion() is not { } version
        ? new("C library", Verdict.Fail, "not glibc (musl?): libwasmtime is built for glibc 2.28 and newer, the SQLite library for 2.34")
        : System.Version.TryParse(version, out System.Version? v) && v < s_glibc
            ? new("C library", Verdict.Note, $"glibc {version}: the SQLite library, which key-value stores are in, needs {s_glibc}")
            : new("C library", Verdict.Ok, $"glibc {version}");

    private static Check Ssl() => OpenSsl.Name() is { } name
        ? new("OpenSSL", Verdict.Ok, name)
        : new("OpenSSL", Verdict.Fail, "libssl.so.3 is not installed, and hashes and TLS need it: apt-get install libssl3");

    private static (Check Check, Engine? Engine) Library(out ProfileKind profile)
    {
        profile = ProfileKind.Auto;
        try
        {
            Engine engine = EngineProfile.Create(ProfileKind.Auto, 16, out profile);
            string? version = LibraryVersion.Read(engine);
            string text = $"{version ?? "unknown version"} from {Libwasmtime.LoadedFrom}; the bindings are for {Libwasmtime.BindingsVersion}";
            bool same = version is not null && (version == Libwasmtime.BindingsVersion || version == Libwasmtime.BindingsVersion.Split('.')[0]);
            return (new("libwasmtime", same ? Verdict.Ok : Verdict.Note, same ? text : $"{text}: another version may have another C API"), engine);
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException or WasmtimeException)
        {
            return (new("libwasmtime", Verdict.Fail, $"{e.Message} (a musl system? glibc 2.34 or newer is needed; {Libwasmtime.PathVariable} names another library)"), null);
        }
    }

    /// <summary>Compiles and runs something, which shows that signals and memory protection work.</summary>
    private static Check Run(Engine engine)
    {
        const string Text = """
            (component
              (core module $m (func (export "answer") (result i32) (i32.const 42)) (func (export "trap") (unreachable)))
              (core instance $i (instantiate $m))
              (func (export "answer") (result u32) (canon lift (core func $i "answer")))
              (func (export "trap") (canon lift (core func $i "trap"))))
            """;
        try
        {
            using CompiledComponent component = Component.Load(Wat.ToWasm(Text), engine).Compile(engine);
            using var template = new Components.Linking.ComponentLinker().Link(component);
            long start = Stopwatch.GetTimestamp();
            using ComponentInstance instance = template.Instantiate();
            if (instance.GetFunction("answer").Call() is not UnsignedValue { Value: 42 }) return new("self-test", Verdict.Fail, "a component gave the wrong answer");
            TimeSpan took = Stopwatch.GetElapsedTime(start);
            try
            {
                instance.GetFunction("trap").Call();
                return new("self-test", Verdict.Fail, "a trap went unnoticed");
            }
            catch (TrapException)
            {
                return new("self-test", Verdict.Ok, string.Create(CultureInfo.InvariantCulture, $"a component started and answered in {took.TotalMicroseconds:0} µs, and one that trapped was stopped"));
            }
        }
        catch (Exception e) when (e is WasmtimeException or ComponentException)
        {
            return new("self-test", Verdict.Fail, e.Message);
        }
    }

    private static Check Mappings()
    {
        try
        {
            long max = long.Parse(File.ReadAllText("/proc/sys/vm/max_map_count"), CultureInfo.InvariantCulture);
            return new("memory mappings", max >= 65_530 ? Verdict.Ok : Verdict.Note, string.Create(CultureInfo.InvariantCulture, $"vm.max_map_count is {max}: a live microVM takes 3, as does a loaded module, so about {max * 7 / 10 / 3} of both together"));
        }
        catch (Exception e) when (e is IOException or FormatException or UnauthorizedAccessException)
        {
            return new("memory mappings", Verdict.Note, $"vm.max_map_count cannot be read: {e.Message}");
        }
    }

    private static Check Cache()
    {
        string folder = ToolHost.CacheFolder();
        return folder.Length > 0 ? new("cache", Verdict.Ok, folder) : new("cache", Verdict.Note, "no cache folder can be made: `mote run` and `mote call` compile each time; set XDG_CACHE_HOME");
    }

    private static Check Port(string name, int port, string advice)
    {
        try
        {
            using var probe = new TcpListener(IPAddress.Loopback, port);
            probe.Start();
            return new(name, Verdict.Ok, $"127.0.0.1:{port} is free");
        }
        catch (SocketException)
        {
            return new(name, Verdict.Note, $"127.0.0.1:{port} is in use: {advice}");
        }
    }

    private static Check Tool(string name, string[] programs, string argument, string advice)
    {
        foreach (string program in programs)
        {
            try
            {
                using var process = Process.Start(new ProcessStartInfo(program, argument) { RedirectStandardOutput = true, RedirectStandardError = true });
                if (process is null) continue;
                string line = process.StandardOutput.ReadLine() ?? "";
                process.WaitForExit();
                if (process.ExitCode == 0) return new(name, Verdict.Ok, $"{program}: {line}");
            }
            catch (System.ComponentModel.Win32Exception)
            {
                // Not installed under this name.
            }
        }

        return new(name, Verdict.Note, $"not found; {advice}");
    }
}
