// The arrows between projects point one way: Cli → Node → {Packaging, Triggers, Backends} → {Capabilities, DataPlane} →
// Runtime → Components → Wasmtime. Each may refer to what is beside its name here, and to nothing else.
using System.Xml.Linq;

namespace Mote.Architecture.Tests;

public sealed class ProjectTests
{
    /// <summary>A new project is added here, by somebody who has thought about where it belongs.</summary>
    private static readonly Dictionary<string, string[]> s_allowed = new()
    {
        ["Mote.Wasmtime"] = [],
        ["Mote.Age"] = [],
        ["Mote.Files"] = [],
        ["Mote.Wit"] = [],
        ["Mote.Components.Generator"] = [], // compiles Mote.Wit's files as its own
        ["Mote.Components"] = ["Mote.Wasmtime"],
        ["Mote.Bindings.C"] = ["Mote.Wit"],
        ["Mote.Runtime"] = ["Mote.Components"],
        ["Mote.Capabilities"] = ["Mote.Runtime", "Mote.Files", "Mote.Components.Generator"],
        ["Mote.Backends.Sqlite"] = ["Mote.Capabilities", "Mote.DataPlane"],
        ["NATS.NKeys"] = [], // in place of a package of that name
        ["Mote.Backends.Nats"] = ["NATS.NKeys", "Mote.Capabilities", "Mote.DataPlane", "Mote.Triggers"],
        ["Mote.Backends.Redis"] = ["Mote.Capabilities"],
        ["Mote.Backends.OnnxRuntime"] = ["Mote.Capabilities"],
        ["Mote.Backends.OpenTelemetry"] = ["Mote.Runtime"],
        ["Mote.DataPlane"] = ["Mote.Runtime"],
        ["Mote.Packaging"] = ["Mote.Runtime", "Mote.Age"],
        ["Mote.Triggers"] = ["Mote.Capabilities", "Mote.DataPlane", "Mote.Files", "Mote.Age"],
        ["Mote.Node"] = ["Mote.Backends.Sqlite", "Mote.Backends.Nats", "Mote.Backends.Redis", "Mote.Backends.OnnxRuntime", "Mote.Backends.OpenTelemetry", "Mote.Packaging", "Mote.Triggers"],
        ["Mote.Cli"] = ["Mote.Node", "Mote.Bindings.C"],
    };

    /// <summary>Packages that are the business of some projects only.</summary>
    private static readonly Dictionary<string, string[]> s_packages = new()
    {
        ["Wasmtime"] = ["Mote.Wasmtime"],
        ["Microsoft.Data.Sqlite"] = ["Mote.Backends.Sqlite"],
        ["StackExchange.Redis"] = ["Mote.Backends.Redis"],
        ["Microsoft.ML.OnnxRuntime"] = ["Mote.Backends.OnnxRuntime"],
        ["System.Numerics.Tensors"] = ["Mote.Backends.OnnxRuntime"],
        ["OpenTelemetry.Exporter.OpenTelemetryProtocol"] = ["Mote.Backends.OpenTelemetry"],
        ["BouncyCastle.Cryptography"] = ["NATS.NKeys", "Mote.Age"],
        ["NATS.Client.Core"] = ["Mote.Backends.Nats"],
        ["NATS.Client.JetStream"] = ["Mote.Backends.Nats"],
        ["MQTTnet"] = ["Mote.Triggers"],
        ["MQTTnet.Server"] = ["Mote.Triggers"],
        ["Cronos"] = ["Mote.Packaging"],
        ["Tomlyn"] = ["Mote.Packaging"],
        ["Spectre.Console"] = ["Mote.Cli"],
        ["System.CommandLine"] = ["Mote.Cli"],
    };

    private static string[] Items(string project, string item) =>
        [.. XDocument.Load(Path.Combine(Sources.Src, project, $"{project}.csproj")).Descendants(item).Select(e => (string)e.Attribute("Include")!)];

    private static string[] References(string project) => [.. Items(project, "ProjectReference").Select(p => Path.GetFileNameWithoutExtension(p.Replace('\\', '/')))];

    private static string[] Projects => [.. Directory.GetDirectories(Sources.Src).Select(d => Path.GetFileName(d)!).Order(StringComparer.Ordinal)];

    public static TheoryData<string> AllProjects => new(Projects);

    [Fact]
    public void EveryProject_HasItsPlace() => Assert.Equal(s_allowed.Keys.Order(StringComparer.Ordinal), Projects);

    [Theory]
    [MemberData(nameof(AllProjects))]
    public void Project_RefersToWhatItMay(string project) => Assert.Empty(References(project).Except(s_allowed.GetValueOrDefault(project, [])));

    [Theory]
    [MemberData(nameof(AllProjects))]
    public void Project_IsInTheSolution(string project) =>
        Assert.Contains($"src/{project}/{project}.csproj", File.ReadAllText(Path.Combine(Sources.Root, "Mote.slnx")), StringComparison.Ordinal);

    [Fact]
    public void Arrows_HaveNoCircle()
    {
        var done = new HashSet<string>();
        foreach (string project in Projects) Visit(project, []);

        void Visit(string project, string[] path)
        {
            Assert.False(path.Contains(project), $"{string.Join(" → ", path)} → {project}");
            if (!done.Add(project)) return;
            foreach (string next in References(project)) Visit(next, [.. path, project]);
        }
    }

    [Fact]
    public void Packages_AreReferredToWhereTheyBelong()
    {
        foreach (string project in Projects)
        {
            foreach (string package in Items(project, "PackageReference"))
            {
                if (s_packages.TryGetValue(package, out string[]? owners)) Assert.True(owners.Contains(project), $"{project} refers to {package}, which is of {string.Join(" and ", owners)}");
                else Assert.True(project is "Mote.Components.Generator", $"{project} refers to {package}: say in this test whose it is");
            }
        }
    }

    /// <summary>The one folder that may be used by all others in Capabilities is Wasi/Io; the older names of WASI are built on the newer.</summary>
    [Fact]
    public void Capabilities_FoldersUseOnlyWhatIsBelowThem()
    {
        var allowed = new Dictionary<string, string[]>
        {
            ["Blobstore"] = ["Wasi.Io"],
            ["Wasi.Clocks"] = ["Wasi.Io"],
            ["Wasi.Cli"] = ["Wasi.Io"],
            ["Wasi.Filesystem"] = ["Wasi.Io", "Wasi.Clocks"], // its WIT uses the clocks' datetime
            ["Wasi.Sockets"] = ["Wasi.Io", "Wasi.Net"],
            ["Wasi.Http"] = ["Wasi.Io", "Wasi.Net"],
            ["Wasi.Preview1"] = ["Wasi.Io", "Wasi.Cli", "Wasi.Clocks", "Wasi.Filesystem", "Wasi.Random"],
        };
        foreach ((string path, string text) in Sources.Files("Mote.Capabilities"))
        {
            string folder = string.Join('.', path.Split('/')[1..^1]);
            foreach (System.Text.RegularExpressions.Match m in System.Text.RegularExpressions.Regex.Matches(text, @"^using (?:\w+ = )?Mote\.Capabilities\.([A-Za-z0-9.]+);", System.Text.RegularExpressions.RegexOptions.Multiline))
            {
                string used = m.Groups[1].Value;
                if (used.StartsWith(folder, StringComparison.Ordinal) && folder.Length > 0) continue;
                string usedFolder = string.Join('.', used.Split('.').TakeWhile(p => !(p.StartsWith('I') && p.Length > 1 && char.IsUpper(p[1]))));
                if (usedFolder == folder) continue;
                Assert.True(allowed.GetValueOrDefault(folder, []).Contains(usedFolder), $"{path} uses {usedFolder}");
            }
        }
    }
}
