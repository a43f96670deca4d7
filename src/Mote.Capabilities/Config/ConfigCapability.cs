// wasi:config: the component's variables, read only.
using Mote.Components;
using Mote.Components.Linking;
using Mote.Runtime;

namespace Mote.Capabilities.Config;

/// <summary>wasi:config/store.</summary>
[WitHost("wasi:config/store@0.2.0-rc.1")]
public partial interface IConfigStore;

/// <summary>Hosts wasi:config/store in the three versions that are in use; they differ in nothing but the version.</summary>
public sealed class ConfigCapability : Capability<ConfigGuest>
{
    private static readonly string[] s_names = [IConfigStore.InterfaceName, "wasi:config/store@0.2.0-draft", "wasi:config/store@0.2.0-draft-2024-09-27"];

    /// <inheritdoc/>
    public override void Link(ComponentLinker linker)
    {
        foreach (string name in s_names) IConfigStore.Define(linker, Guest, name);
    }

    /// <inheritdoc/>
    protected override ConfigGuest Prepare(MicroVm vm) => new(vm.Component.Grants.Variables);
}

/// <summary>wasi:config for one instance.</summary>
public sealed class ConfigGuest(IReadOnlyDictionary<string, string> variables) : IConfigStore
{
    /// <inheritdoc/>
    public Result<string?, IConfigStore.Error> Get(string key) => Result<string?, IConfigStore.Error>.Ok(variables.GetValueOrDefault(key));

    /// <inheritdoc/>
    public Result<(string, string)[], IConfigStore.Error> GetAll() => variables.Select(v => (v.Key, v.Value)).ToArray();
}
