// Runs one WAST script: every module, component and assertion in it, in order.
using System.Text;
using Mote.Components;
using Mote.Components.Linking;
using Mote.Wasmtime;

namespace Mote.Conformance;

/// <summary>What came of a script. A skip has the line and the reason.</summary>
public sealed record WastResult(int Passed, IReadOnlyList<string> Failures, IReadOnlyList<(int Line, string Reason)> Skips);

/// <summary>How scripts are run.</summary>
/// <param name="Stored">Each component is written by <see cref="CompiledStore"/> and loaded again before it is instantiated.</param>
/// <param name="SmallDevice">The engine reserves no address space, so that a memory moves when it grows.</param>
public sealed record WastOptions(bool Stored = false, bool SmallDevice = false);

/// <summary>Runs WAST scripts of the Component Model.</summary>
public sealed class WastRunner : IDisposable
{
    private static readonly Lazy<Engine> s_engine = new(() => new Engine(new EngineOptions { Gc = true, Memory64 = true, EpochInterruption = false }));
    private static readonly Lazy<Engine> s_small = new(() => new Engine(EngineOptions.SmallDevice with { Gc = true, Memory64 = true, EpochInterruption = false }));

    private readonly WastOptions _options;
    private readonly byte[] _source;
    private readonly string _file;
    private readonly ComponentFeatures _features;
    private readonly List<string> _failures = [];
    private readonly List<(int, string)> _skips = [];
    private readonly Dictionary<string, byte[]> _definitions = [];
    private readonly Dictionary<string, WastInstance> _instances = [];
    private readonly SpecTestHost _host;
    private WastInstance? _current;
    private int _passed;

    /// <summary>Where components are stored, a folder for each; null before the first.</summary>
    private string? _store;
    private int _stored;

    /// <summary>Why the current instance is missing, where it could not be made because of something not supported.</summary>
    private string? _currentSkip;

    private readonly Dictionary<string, string> _skippedInstances = [];
    private readonly Dictionary<string, string> _skippedDefinitions = [];

    private WastRunner(string file, byte[] source, WastOptions options)
    {
        _file = file;
        _source = source;
        _options = options;
        _features = FeaturesOf(source);
        _host = new SpecTestHost(Engine);
    }

    private Engine Engine => _options.SmallDevice ? s_small.Value : s_engine.Value;

    /// <summary>Runs a script.</summary>
    public static WastResult Run(string file, WastOptions? options = null) => Run(file, File.ReadAllBytes(file), options);

    /// <summary>Runs a script that is in memory.</summary>
    public static WastResult Run(string file, byte[] source, WastOptions? options = null)
    {
        using var runner = new WastRunner(file, source, options ?? new WastOptions());
        runner.All();
        return new WastResult(runner._passed, runner._failures, runner._skips);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (WastInstance i in _instances.Values) i.Dispose();
        _current?.Dispose();
        if (_store is not null) Directory.Delete(_store, recursive: true);
    }

    /// <summary>Lines of the form <c>;;! component_model_map = false</c> at the top switch features.</summary>
    private static ComponentFeatures FeaturesOf(byte[] source)
    {
        ComponentFeatures features = ComponentFeatures.Default;
        foreach (string line in Encoding.UTF8.GetString(source).Split('\n').TakeWhile(l => l.StartsWith(";;!", StringComparison.Ordinal)))
        {
            string[] parts = line[3..].Split('=', StringSplitOptions.TrimEntries);
            if (parts is not [{ } name, "false"]) continue;
            features &= ~(name switch
            {
                "component_model_implements" => ComponentFeatures.Implements,
                "component_model_map" => ComponentFeatures.Map,
                "component_model_fixed_length_lists" => ComponentFeatures.FixedLengthLists,
                "component_model_async" => ComponentFeatures.Async,
                "component_model_error_context" => ComponentFeatures.ErrorContext,
                "component_model_threading" => ComponentFeatures.Threading,
                "component_model_async_stackful" => ComponentFeatures.AsyncStackful,
                "component_model_more_async_builtins" => ComponentFeatures.MoreAsyncBuiltins,
                _ => ComponentFeatures.None,
            });
        }

        return features;
    }

    private void All()
    {
        List<SExpr> forms;
        try
        {
            forms = SExpr.ParseAll(_source);
        }
        catch (FormatException e)
        {
            _failures.Add($"{_file}: {e.Message}");
            return;
        }

        bool notYet = WastFiles.IsNotYetImplemented(_file);
        foreach (SExpr form in forms)
        {
            try
            {
                Directive(form);
                _passed++;
            }
            catch (SkipException e)
            {
                _skips.Add((form.Line, e.Message));
            }
            catch (Exception e) when (notYet)
            {
                // What passes of such a file counts; what does not is the suite's own business for now.
                _skips.Add((form.Line, $"listed in the suite's own nyi.txt ({e.Message.Split('\n')[0]})"));
            }
            catch (Exception e)
            {
                _failures.Add($"{_file}:{form.Line}: {form.Head}: {(e is WastException ? e.Message : $"{e.GetType().Name}: {e.Message}")}");
            }
        }
    }

    private sealed class SkipException(string reason) : Exception(reason);

    private sealed class WastException(string message) : Exception(message);

    private void Directive(SExpr form)
    {
        switch (form.Head)
        {
            case "component":
                ComponentDirective(form);
                break;
            case "module":
                throw new WastException("core modules at the top level are not part of this suite");
            case "invoke":
                Invoke(form);
                break;
            case "assert_return":
                AssertReturn(form);
                break;
            case "assert_trap":
                AssertTrap(form);
                break;
            case "assert_invalid" or "assert_malformed":
                AssertRefused(form);
                break;
            case "assert_unlinkable":
                AssertUnlinkable(form);
                break;
            default:
                throw new WastException($"unknown directive {form.Head}");
        }
    }

    // ---- components ----

    private void ComponentDirective(SExpr form)
    {
        List<SExpr> items = form.Items!;
        if (items.Count > 1 && items[1].Atom == "definition")
        {
            string? id = items.Count > 2 && items[2].Atom is { } a && a.StartsWith('$') ? a : null;
            try
            {
                byte[] wasm = Bytes(form, drop: 1);
                Supported(() => Component.Load(wasm, Engine, _features));
                _definitions[id ?? ""] = wasm;
            }
            catch (SkipException e)
            {
                _skippedDefinitions[id ?? ""] = e.Message;
                throw;
            }

            return;
        }

        if (items.Count > 1 && items[1].Atom == "instance")
        {
            string? instance = items.Count > 3 ? items[2].Atom : null;
            string definition = items[^1].Atom!;
            Install(instance, () => _definitions.TryGetValue(definition, out byte[]? wasm)
                ? Instantiate(wasm)
                : throw new SkipException(_skippedDefinitions.GetValueOrDefault(definition, $"there is no definition {definition}")));
            return;
        }

        string? name = items.Count > 1 && items[1].Atom is { } n && n.StartsWith('$') ? n : null;
        Install(name, () => Instantiate(Bytes(form)));
    }

    private void Install(string? name, Func<WastInstance> make)
    {
        _current = null;
        if (name is not null) _skippedInstances.Remove(name);
        try
        {
            _current = Supported(make);
            _currentSkip = null;
        }
        catch (SkipException e)
        {
            _currentSkip = e.Message;
            if (name is not null) _skippedInstances[name] = e.Message;
            throw;
        }

        if (name is null) return;
        _instances[name] = _current;
        _host.Define(name[1..], _current);
    }

    private WastInstance Instantiate(byte[] wasm)
    {
        Component component = Component.Load(wasm, Engine, _features);
        CompiledComponent compiled = component.Compile(Engine);
        if (_options.Stored && CompiledStore.CanStore(component)) compiled = StoreAndLoad(compiled);
        InstanceTemplate template = _host.Linker.Link(compiled);
        return new WastInstance(component, template, template.Instantiate());
    }

    private CompiledComponent StoreAndLoad(CompiledComponent compiled)
    {
        _store ??= Directory.CreateTempSubdirectory("mote-conformance-").FullName;
        string folder = Directory.CreateDirectory(Path.Combine(_store, $"{_stored++}")).FullName;
        foreach ((string name, byte[] content) in CompiledStore.Files(compiled)) File.WriteAllBytes(Path.Combine(folder, name), content);
        compiled.Dispose();
        return CompiledStore.Load(Engine, folder);
    }

    /// <summary>Runs something; what Mote says it does not support yet is a skip where the list of skips allows it.</summary>
    private static T Supported<T>(Func<T> action)
    {
        try
        {
            return action();
        }
        catch (ComponentException e) when (e.Kind == ComponentErrorKind.Unsupported && MaySkip(e.Reason) is { } reason)
        {
            throw new SkipException(reason);
        }
        catch (ComponentException e) when (e.Kind == ComponentErrorKind.Link && s_slowFunctions.Any(e.Message.Contains))
        {
            throw new SkipException("functions of the host that take time, which cannot be given yet");
        }
    }

    /// <summary>What Wasmtime's runner gives its scripts.</summary>
    private static readonly string[] s_slowFunctions = ["return-two-slowly", "return-hi", "never-return", "echo-slowly", "`wasmtime#set-max-table-capacity`"];

    private const string AsyncReason = "asynchronous parts (async, stream, future, waitable, thread)";

    /// <summary>The closed list of what may be skipped.</summary>
    private static string? MaySkip(string reason) =>
        reason.Contains("async") || reason.Contains("stream or a future") ? AsyncReason
        : reason.Contains("error-context") ? "error-context"
        : reason.Contains("GC ABI") ? "the GC ABI"
        : reason.Contains("memory64") ? "memory64"
        : reason.Contains("value imports and exports") ? "value imports and exports"
        : reason.Contains("shared-everything threads") ? "shared-everything threads"
        : null;

    /// <summary>The binary of a component form; <paramref name="drop"/> words after the head are left out of the text.</summary>
    private byte[] Bytes(SExpr form, int drop = 0)
    {
        List<SExpr> items = form.Items!;
        int at = 1 + drop;
        if (at < items.Count && items[at].Atom is { } id && id.StartsWith('$')) at++;
        if (at < items.Count && items[at].Atom is "binary") return [.. items.Skip(at + 1).SelectMany(i => i.String!)];
        if (at < items.Count && items[at].Atom is "quote")
        {
            string quoted = string.Concat(items.Skip(at + 1).Select(i => i.Text));
            return ToWasm(Encoding.UTF8.GetBytes($"({form.Head} {quoted})"));
        }

        if (drop == 0) return ToWasm(_source[form.Start..form.End]);
        int head = items[drop].End;
        return ToWasm([.. Encoding.UTF8.GetBytes($"({form.Head} "), .. _source[head..form.End]]);
    }

    private static byte[] ToWasm(byte[] text)
    {
        try
        {
            return TextFormat.ToWasm(text);
        }
        catch (WasmtimeException e) when (e.Message.Contains("the `cancellable` option is no longer supported"))
        {
            // Of asynchronous built-ins only; libwasmtime's text parser has already left it behind.
            throw new SkipException(AsyncReason);
        }
        catch (WasmtimeException e)
        {
            throw new TextException(e.Message);
        }
    }

    /// <summary>The text of a component is not well-formed.</summary>
    private sealed class TextException(string message) : Exception(message);

    // ---- assertions ----

    private void AssertRefused(SExpr form)
    {
        string expected = form.Items![2].Text;
        string actual;
        try
        {
            SExpr subject = form.Items[1];
            byte[] wasm = subject.Items!.Count > 1 && subject.Items[1].Atom == "definition" ? Bytes(subject, 1) : Bytes(subject);
            if (subject.Head == "module")
            {
                actual = Engine.Validate(wasm) ?? throw new WastException($"was accepted, expected it to be refused with \"{expected}\"");
            }
            else
            {
                Component.Load(wasm, Engine, _features);
                throw new WastException($"was accepted, expected it to be refused with \"{expected}\"");
            }
        }
        catch (TextException e)
        {
            actual = e.Message;
        }
        catch (ComponentException e)
        {
            if (e.Kind == ComponentErrorKind.Unsupported && MaySkip(e.Reason) is { } reason) throw new SkipException(reason);
            actual = e.Message;
        }

        Messages.Check(expected, actual, trap: false);
    }

    private void AssertUnlinkable(SExpr form)
    {
        string expected = form.Items![2].Text;
        byte[] wasm = Bytes(form.Items[1]);
        try
        {
            Supported(() => Instantiate(wasm)).Dispose();
        }
        catch (ComponentException e) when (e.Kind == ComponentErrorKind.Link)
        {
            Messages.Check(expected, e.Message, trap: false);
            return;
        }

        throw new WastException($"was linked, expected \"{expected}\"");
    }

    private Value? Invoke(SExpr form)
    {
        List<SExpr> items = form.Items!;
        int at = 1;
        WastInstance? instance = _current;
        string? skip = _currentSkip;
        if (items[at].Atom is { } name)
        {
            skip = _skippedInstances.GetValueOrDefault(name);
            instance = skip is null ? _instances.GetValueOrDefault(name) : null;
            at++;
        }

        if (instance is null) throw new SkipException(skip ?? "the instance was not made (see the failure above)");
        string function = items[at].Text;
        ComponentFunction f = instance.Instance.GetFunction(function);
        Value[] arguments = [.. items.Skip(at + 1).Select(Constants.Parse)];
        return f.Call(arguments);
    }

    private void AssertReturn(SExpr form)
    {
        Value? actual = Invoke(form.Items![1]);
        if (form.Items.Count == 2)
        {
            if (actual is not null) throw new WastException($"expected no result, got {actual}");
            return;
        }

        if (actual is null) throw new WastException("expected a result, got none");
        if (Constants.Mismatch(form.Items[2], actual) is { } error) throw new WastException(error);
    }

    private void AssertTrap(SExpr form)
    {
        string expected = form.Items![2].Text;
        SExpr action = form.Items[1];
        try
        {
            if (action.Head == "invoke") Invoke(action);
            else if (action.Items!.Count > 1 && action.Items[1].Atom == "instance") ComponentDirective(action);
            else Supported(() => Instantiate(Bytes(action))).Dispose();
        }
        catch (WasmtimeException e)
        {
            Messages.Check(expected, e is TrapException t ? t.Describe() : e.Message, trap: true);
            return;
        }

        throw new WastException($"returned, expected a trap with \"{expected}\"");
    }
}

/// <summary>A component that runs, for a script.</summary>
internal sealed class WastInstance(Component component, InstanceTemplate template, ComponentInstance instance) : IDisposable
{
    public Component Component { get; } = component;

    public InstanceTemplate Template { get; } = template;

    public ComponentInstance Instance { get; } = instance;

    public void Dispose()
    {
        Instance.Dispose();
        Template.Dispose();
        Template.Component.Dispose();
    }
}
