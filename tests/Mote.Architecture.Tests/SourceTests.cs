// What every source file must have, and what none may.
using System.Text.RegularExpressions;

namespace Mote.Architecture.Tests;

public sealed partial class SourceTests
{
    private static string[] Where(Func<string, bool> broken, string project = "") => [.. Sources.Files(project).Where(f => broken(f.Text)).Select(f => f.Path)];

    private static string[] Lines(Regex pattern, params ReadOnlySpan<string> projects)
    {
        var found = new List<string>();
        foreach (string project in projects)
        {
            foreach ((string path, string text) in Sources.Files(project))
            {
                string[] lines = text.Split('\n');
                for (int i = 0; i < lines.Length; i++)
                {
                    if (pattern.IsMatch(lines[i])) found.Add($"{path}:{i + 1}: {lines[i].Trim()}");
                }
            }
        }

        return [.. found];
    }

    [Fact]
    public void ThereAreSources() => Assert.True(Sources.Files().Count() > 100);

    [Fact]
    public void File_BeginsWithWhatItIsFor() => Assert.Empty(Where(t => !FirstLine().IsMatch(t)));

    [Fact]
    public void File_LeavesNothingForLater() => Assert.Empty(Lines(Later(), ""));

    [Fact]
    public void File_NamesNoMachinesPaths() => Assert.Empty(Lines(MachinePath(), ""));

    [Fact]
    public void File_HasANamespaceOfItsOwnLine() => Assert.Empty(Where(t => BlockNamespace().IsMatch(t)));

    [Fact]
    public void NativeCalls_AreSourceGenerated() => Assert.Empty(Lines(DllImport(), ""));

    /// <summary>Windows has no libc: what calls it asks for the system first, or is marked so that the compiler asks its callers to.</summary>
    [Fact]
    public void Libc_IsCalledWhereItIs() => Assert.Empty(Where(t => Libc().IsMatch(t) && !t.Contains("OperatingSystem.Is", StringComparison.Ordinal) && !t.Contains("SupportedOSPlatform", StringComparison.Ordinal)));

    [Fact]
    public void Memory_IsTouchedDirectlyBelowTheRuntimeOnly() =>
        Assert.Empty(Lines(RawMemory(), "Mote.Capabilities", "Mote.Backends.Sqlite", "Mote.Backends.Redis", "Mote.DataPlane", "Mote.Packaging", "Mote.Triggers", "Mote.Node", "Mote.Cli", "Mote.Wit", "Mote.Bindings.C"));

    /// <summary>Values of the engine's own (a memory, an instance, a store) are the component runtime's business; a trap is everyone's.</summary>
    [Fact]
    public void Capabilities_DoNotUseTheEnginesMemory() => Assert.Empty(Lines(EngineMemory(), "Mote.Capabilities"));

    /// <summary>What shows an address shows it by UrlUserInfo; these files need the user and the password themselves, to connect.</summary>
    [Fact]
    public void UserInformationOfURLs_IsReadWhereItIsNeededOnly()
    {
        string[] allowed = ["UrlUserInfo.cs", "UpstreamLogin.cs", "NatsConfig.cs", "MqttEndpoint.cs", "RedisKeyValue.cs", "OutgoingRequest.cs", "Publisher.cs", "HttpUpstream.cs"];
        string[] others = [.. Lines(UserInformation(), "").Where(l => !allowed.Any(a => l.Contains($"/{a}:", StringComparison.Ordinal)))];
        Assert.Empty(others);
    }

    [Fact]
    public void Unsafe_SaysWhyItIsSound()
    {
        // Where a file has unsafe code beyond calls of the C API, a SAFETY comment says why it holds.
        Assert.Empty(Where(t => RawPointers().IsMatch(t) && !t.Contains("SAFETY", StringComparison.Ordinal), "Mote.Runtime"));
        Assert.Empty(Where(t => (RawPointers().IsMatch(t) || FixedMemory().IsMatch(t)) && !t.Contains("SAFETY", StringComparison.Ordinal), "Mote.Files"));
    }

    [GeneratedRegex(@"\A\uFEFF?// \S")]
    private static partial Regex FirstLine();

    [GeneratedRegex(@"\b(TODO|FIXME|HACK|XXX)\b|simplified for now", RegexOptions.IgnoreCase)]
    private static partial Regex Later();

    [GeneratedRegex("\"(/home/|/Users/|/work/|C:\\\\\\\\Users)", RegexOptions.IgnoreCase)]
    private static partial Regex MachinePath();

    [GeneratedRegex(@"^namespace [\w.]+\s*\{", RegexOptions.Multiline)]
    private static partial Regex BlockNamespace();

    [GeneratedRegex(@"\.UserInfo\b")]
    private static partial Regex UserInformation();

    [GeneratedRegex(@"\[DllImport")]
    private static partial Regex DllImport();

    [GeneratedRegex(@"LibraryImport\((""libc""|Libc\b)")]
    private static partial Regex Libc();

    [GeneratedRegex(@"\bunsafe\b|\bUnsafe\.|MemoryMarshal\.(GetReference|CreateSpan|CreateReadOnlySpan|AsRef|Cast)|\bMarshal\.|\bstackalloc\b.*\*|NativeMemory|\bfixed \(")]
    private static partial Regex RawMemory();

    [GeneratedRegex(@"\b(Wasmtime\.)?(Memory|Instance|Store|Func|Module|Linker)\b(?=\.(GetBase|Create|Deserialize|CallUnchecked|Compile))|\.Memories\b|\.CoreInstances\b")]
    private static partial Regex EngineMemory();

    [GeneratedRegex(@"\bfixed \(")]
    private static partial Regex FixedMemory();

    [GeneratedRegex(@"\bunsafe\s*\{|\w+\*\s+\w+\s*=")]
    private static partial Regex RawPointers();
}
