// Everything that components can import, linked once, and the engine they run on. `mote run`, `mote call` and a node
// all host components with this.
using Mote.Backends.OnnxRuntime;
using Mote.Backends.Sqlite;
using Mote.Capabilities;
using Mote.Capabilities.Blobstore;
using Mote.Capabilities.Config;
using Mote.Capabilities.KeyValue;
using Mote.Capabilities.Logging;
using Mote.Capabilities.Messaging;
using Mote.Capabilities.Nn;
using Mote.Capabilities.Wasi.Cli;
using Mote.Capabilities.Wasi.Clocks;
using Mote.Capabilities.Wasi.Filesystem;
using Mote.Capabilities.Wasi.Http;
using Mote.Capabilities.Wasi.Io;
using Mote.Capabilities.Wasi.Net;
using Mote.Capabilities.Wasi.Preview1;
using Mote.Capabilities.Wasi.Random;
using Mote.Capabilities.Wasi.Sockets;
using Mote.Components;
using Mote.Components.Inspection;
using Mote.Components.Linking;
using Mote.Packaging;
using Mote.Runtime;
using Mote.Wasmtime;

namespace Mote.Node;

/// <summary>What a host is made of.</summary>
public sealed record HostOptions
{
    /// <summary>Compiling and stopping guests.</summary>
    public RuntimeOptions Runtime { get; init; } = new();

    /// <summary>The key-value database; opened when a component first opens a store.</summary>
    public required string KeyValueFile { get; init; }

    /// <summary>Where keys and values are in place of the file; null is the file. It is disposed of with the host.</summary>
    public IKeyValueBackend? KeyValue { get; init; }

    /// <summary>Where blob containers are; null is a folder `blobs` beside <see cref="KeyValueFile"/>.</summary>
    public IBlobBackend? Blobs { get; init; }

    /// <summary>The models that components run; each is loaded when it is first asked for.</summary>
    public ModelsConfig Models { get; init; } = new();

    /// <summary>Further models, by names that <see cref="Models"/> does not have; null for none.</summary>
    public ModelStore? ModelStore { get; init; }

    /// <summary>Told of worker processes of models that end.</summary>
    public Action<string> ModelLog { get; init; } = static _ => { };

    /// <summary>The broker that a component reaches by the name of a client, which is empty for the default one; null for none.</summary>
    public Func<AppComponent, string, IMessageBroker?> Broker { get; init; } = static (_, _) => null;

    /// <summary>Times and limits of requests that components send.</summary>
    public OutgoingOptions Outgoing { get; init; } = new();

    /// <summary>The standard streams of an instance.</summary>
    public Func<MicroVm, StandardStreams> Streams { get; init; } = StandardStreams.ToLog;
}

/// <summary>An engine and the capabilities of a node.</summary>
public sealed class ComponentHost : IDisposable
{
    private readonly IKeyValueBackend _keyValue;
    private readonly OnnxModels? _models;

    /// <summary>Makes them.</summary>
    /// <exception cref="WasmtimeException">The engine's profile is not possible on this machine.</exception>
    public ComponentHost(HostOptions options)
    {
        Runtime = new RuntimeEngine(options.Runtime);
        Scheduler = Schedule(Runtime);
        _models = new ModelBackends(options.Models, options.ModelStore).Make(options.Runtime.Compiler?.Program, options.ModelLog);
        _keyValue = options.KeyValue ?? new LazyKeyValue(options.KeyValueFile, options.Runtime.Wear);
        Messaging = new MessagingCapability(options.Broker);
        Cli = new CliCapability(options.Streams);
        var names = new SystemNameResolver();
        Http = new HttpCapability(new OutgoingClient(names, options.Outgoing));
        var clocks = new ClocksCapability(TimeProvider.System);
        var random = new RandomCapability();
        var files = new FilesystemCapability();
        Capabilities = new CapabilitySet(
            new IoCapability(), clocks, random, Cli, files, new SocketsCapability(names), new Preview1Capability(Cli, clocks, random, files),
            new KeyValueCapability(_keyValue), new BlobstoreCapability(options.Blobs ?? new FileBlobs(Path.Combine(Path.GetDirectoryName(Path.GetFullPath(options.KeyValueFile))!, "blobs"), options.Runtime.Wear)), new ConfigCapability(), new LoggingCapability(), new NnCapability(_models), Messaging, Http);
    }

    /// <summary>The engine.</summary>
    public RuntimeEngine Runtime { get; }

    /// <summary>Where guests of a node run that are started by events.</summary>
    public GuestScheduler Scheduler { get; }

    /// <summary>Everything that components can import.</summary>
    public CapabilitySet Capabilities { get; }

    /// <summary>Where messages that components send are found.</summary>
    public MessagingCapability Messaging { get; }

    /// <summary>Where requests are given to components.</summary>
    public HttpCapability Http { get; }

    /// <summary>The models that components run; null where there are none.</summary>
    public IModelBackend? Models => _models;

    /// <summary>Where standard streams are found.</summary>
    public CliCapability Cli { get; }

    /// <summary>Reads, compiles and links a component file, or a core module with preview-1 imports.</summary>
    /// <exception cref="ComponentFileException">It cannot be read, is not valid, or imports what is not hosted.</exception>
    public InstanceTemplate Load(string path, FloatMode floats = FloatMode.Deterministic)
    {
        return Compile(path, floats, (_, compiled) => Capabilities.Linker.Link(compiled));
    }

    /// <summary>Reads, compiles and links a component, so that everything that is wrong with it is known now, and keeps no more than where its code is.</summary>
    /// <param name="path">The file.</param>
    /// <param name="floats">How exact its floating point is.</param>
    /// <param name="bind">Finds what is called in it.</param>
    /// <returns>Maps and links it again.</returns>
    /// <exception cref="ComponentFileException">It cannot be read, is not valid, or imports what is not hosted.</exception>
    public Func<(InstanceTemplate Template, T Binding)> Deploy<T>(string path, FloatMode floats, Func<InstanceTemplate, T> bind)
    {
        // In a method of its own: what is given back must not hold the file.
        CodeKey? key = Check(path, floats, bind);
        return () =>
        {
            CompiledComponent compiled = (key is null ? null : Runtime.Map(key)) ?? Again(path, floats, key);
            try
            {
                InstanceTemplate template = Capabilities.Linker.Link(compiled);
                return (template, bind(template));
            }
            catch
            {
                compiled.Dispose();
                throw;
            }
        };
    }

    private CodeKey? Check<T>(string path, FloatMode floats, Func<InstanceTemplate, T> bind)
    {
        return Compile(path, floats, (file, it) =>
        {
            using CompiledComponent compiled = it;
            using InstanceTemplate template = Capabilities.Linker.Link(compiled);
            bind(template);
            return Runtime.KeyOf(file, compiled);
        });
    }

    /// <summary>The cache has it no more: from the file, if that is still the one that was deployed.</summary>
    private CompiledComponent Again(string path, FloatMode floats, CodeKey? key)
    {
        return Compile(path, floats, (file, compiled) =>
        {
            if (key is null || Runtime.KeyOf(file, compiled) == key) return compiled;
            compiled.Dispose();
            throw new WasmtimeException("its compiled code is gone, and the file is not the one that was deployed: deploy it again");
        });
    }

    /// <summary>Reads and compiles a file, wrapping a core module first; what goes wrong then and in <paramref name="use"/> names the file.</summary>
    private T Compile<T>(string path, FloatMode floats, Func<byte[], CompiledComponent, T> use)
    {
        byte[] file = ComponentFileException.Read(path);
        return ComponentFileException.Explain(path, () =>
        {
            if (CoreModuleDescription.IsCoreModule(file)) file = CoreProgram.ToComponent(file, Runtime.Engine);
            return use(file, Runtime.Compile(file, floats));
        });
    }

    /// <summary>Makes a microVM of a linked component.</summary>
    /// <exception cref="TrapException">A start function trapped or took too long.</exception>
    /// <exception cref="WasmtimeException">The component needs more than its limits.</exception>
    public MicroVm Start(InstanceTemplate template, AppComponent component) => MicroVm.Create(template, component, Runtime, Capabilities.Slots);

    /// <summary>A pool of microVMs of a linked component.</summary>
    public MicroVmPool Pool(InstanceTemplate template, AppComponent component, InstancePolicy policy) => new(template, component, Runtime, Capabilities.Slots, policy);

    /// <inheritdoc/>
    public void Dispose()
    {
        Scheduler.Dispose();
        Runtime.Dispose();
        (_keyValue as IDisposable)?.Dispose();
        _models?.Dispose();
    }

    private static GuestScheduler Schedule(RuntimeEngine runtime)
    {
        // As many as the pool runs at once on events that are short: handing one on costs two switches (docs/adr/0006).
        int permits = Math.Max(4, 4 * Environment.ProcessorCount);
        // A guest may wait in the host on the thread that it was lent: the pool keeps more than those.
        ThreadPool.GetMinThreads(out int workers, out int io);
        ThreadPool.SetMinThreads(Math.Max(workers, permits + Environment.ProcessorCount), io);
        return new GuestScheduler(runtime.Ticker.Threads, permits, maxThreads: 256);
    }

    /// <summary>The file is made when it is first needed; one that cannot be opened is tried again the next time.</summary>
    private sealed class LazyKeyValue(string file, DiskWear? wear) : IKeyValueBackend, IDisposable
    {
        private readonly Lock _lock = new();
        private SqliteKeyValue? _backend;

        public IKeyValueStore Open(string app, string name)
        {
            lock (_lock)
            {
                if (_backend is null)
                {
                    SqliteKeyValue backend = _backend = new SqliteKeyValue(file);
                    wear?.Observe(WearSource.KeyValue, () => backend.BytesWritten);
                }

                return _backend.Open(app, name);
            }
        }

        public void Dispose() => _backend?.Dispose();
    }
}
