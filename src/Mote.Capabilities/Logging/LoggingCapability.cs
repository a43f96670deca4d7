// wasi:logging: a component's messages go to the node's log, each bounded.
using Mote.Components;
using Mote.Components.Linking;
using Mote.Runtime;

namespace Mote.Capabilities.Logging;

/// <summary>wasi:logging/logging, as drafted.</summary>
[WitHost("wasi:logging/logging@0.1.0-draft")]
public partial interface ILogging;

/// <summary>Hosts wasi:logging, with and without a version: toolchains exist for both.</summary>
public sealed class LoggingCapability : Capability<LoggingGuest>
{
    /// <inheritdoc/>
    public override void Link(ComponentLinker linker)
    {
        ILogging.Define(linker, Guest);
        ILogging.Define(linker, Guest, "wasi:logging/logging");
    }

    /// <inheritdoc/>
    protected override LoggingGuest Prepare(MicroVm vm) => new(vm.Component);
}

/// <summary>wasi:logging for one instance.</summary>
public sealed class LoggingGuest(AppComponent component) : ILogging
{
    private const int MaxMessage = 16 * 1024;

    /// <inheritdoc/>
    public void Log(ILogging.Level level, string context, string message) =>
        component.Log(component.Name, (GuestLogLevel)level, Cut(context), Cut(message));

    private static string Cut(string text) => text.Length <= MaxMessage ? text : string.Concat(text.AsSpan(0, MaxMessage), $" … ({text.Length} characters)");
}
