// Manifests written to a file of a test's own and read as the node reads them.
using Mote.Packaging.Toml;

namespace Mote.Packaging.Tests;

public sealed class Manifests : IDisposable
{
    /// <summary>A manifest that uses everything there is.</summary>
    public const string Everything = """
        mote = 1

        [app]
        name = "press-line"
        version = "1.4.0"

        [[trigger.mqtt]]
        topic = "plant/+/vibration"
        component = "filter"

        [[trigger.mqtt]]
        topic = "plant/#"
        component = "archive"
        qos = 0

        [component.filter]
        source = "filter.wasm"
        instance = "pooled"
        floats = "fast"

        [component.filter.build]
        command = "make"
        workdir = "src"

        [component.filter.grants]
        keyvalue = ["default", "other"]
        publish = ["alerts"]

        [component.filter.variables]
        window = "{{ window }}"
        text = "a {{window}} b {{ secret }}"

        [component.filter.environment]
        LEVEL = "{{ level }}"

        [component.filter.limits]
        memory = "16MiB"
        time = "250ms"
        concurrency = 8
        queue = 100
        handles = 500

        [component.archive]
        source = "../archive.wasm"

        [variables]
        window = { default = "50" }
        secret = { required = true, secret = true }
        level = { default = "info" }
        """;

    private readonly string _folder = Directory.CreateTempSubdirectory("mote-packaging-tests-").FullName;

    public string File => Path.Combine(_folder, AppManifest.FileName);

    public string Folder => _folder;

    public AppManifest Read(string text, params (string Name, string Value)[] variables)
    {
        System.IO.File.WriteAllBytes(File, System.Text.Encoding.UTF8.GetBytes(text)); // half a character pair becomes a replacement character
        return AppManifest.Load(_folder, name => variables.FirstOrDefault(v => v.Name == name).Value);
    }

    /// <summary>Reads one that has a fault; the message must begin with the file and the line of the text that is given.</summary>
    public string Fault(string text, string at, params (string Name, string Value)[] variables)
    {
        ConfigException e = Assert.Throws<ConfigException>(() => Read(text, variables));
        int line = Array.FindIndex(text.Split('\n'), l => l.Contains(at, StringComparison.Ordinal)) + 1;
        Assert.Equal($"{File}:{line}: {e.Reason}", e.Message);
        return e.Reason;
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
