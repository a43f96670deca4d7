// HTTP apps as their authors make and run them: the templates, the sample, and replacing code under load.
using System.Net;
using System.Text.Json;

namespace Mote.Cli.Tests;

public sealed class HttpAppTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly HttpClient _client = new() { Timeout = TimeSpan.FromSeconds(60) };

    public void Dispose()
    {
        _client.Dispose();
        _folder.Dispose();
    }

    private static Uri Address(MoteRun run, string route) => new($"http://{TemplateProject.Address(run.WaitFor(route), "http")}/");

    private Task<string> Get(Uri site, string path) => _client.GetStringAsync(new Uri(site, path), TestContext.Current.CancellationToken);

    [Fact]
    public async Task HttpC_AsItIs_BuildsAndAnswers_AndASaveUnderLoadLosesNoRequest()
    {
        string folder = TemplateProject.Build(_folder, "http-c");
        // As it is.
        using (MoteRun up = MoteRun.Start("up", folder, "--http", "127.0.0.1:0", "--variable", "greeting=Moin"))
        {
            Assert.Equal("Moin, world!\n", await Get(Address(up, "route "), "world?x=1"));
            up.Signal("TERM");
            up.End().Succeeded();
        }

        // Ten versions of it, which differ in the word that the code has where there is no variable.
        string wasm = Path.Combine(folder, "my-app.wasm"), manifest = Path.Combine(folder, "mote.toml");
        File.Move(wasm, Path.Combine(folder, "base.bin"));
        string text = File.ReadAllText(manifest);
        int build = text.IndexOf("[component.my-app.build]", StringComparison.Ordinal);
        File.WriteAllText(manifest, text[..build] + "[component.my-app.build]\ncommand = \"LC_ALL=C sed s/Hello/$(cat word.txt)/ base.bin > build/new && mv build/new my-app.wasm\"\nwatch = [\"word.txt\"]\n");
        Save(0);
        using MoteRun watch = MoteRun.Start("watch", folder, "--http", "127.0.0.1:0", "--json");
        Uri site = Address(watch, "route ");
        bool enough = false;
        var answers = new System.Collections.Concurrent.ConcurrentBag<string>();
        Task[] clients = [.. Enumerable.Range(0, 3).Select(_ => Task.Run(async () =>
        {
            while (!Volatile.Read(ref enough)) answers.Add(await Get(site, "you")); // whatever is not 200 throws
        }, TestContext.Current.CancellationToken))];
        for (int version = 1; version <= 10; version++)
        {
            Save(version);
            string expected = $"He{version:000}, you!\n";
            while (await Get(site, "you") != expected) Assert.DoesNotContain(clients, c => c.IsFaulted);
        }

        Volatile.Write(ref enough, true);
        await Task.WhenAll(clients);
        watch.Signal("TERM");
        string output = watch.End().Succeeded();
        Assert.Equal(10, output.Split('\n').Count(l => l.Contains("\"event\":\"swapped\"", StringComparison.Ordinal)));
        string[] versions = [.. Enumerable.Range(0, 11).Select(v => $"He{v:000}, you!\n")];
        Assert.Empty(answers.Distinct().Except(versions));
        Assert.True(answers.Count > 100, $"{answers.Count} answers are no load");

        void Save(int version) => File.WriteAllText(Path.Combine(folder, "word.txt"), $"He{version:000}");
    }

    [Fact]
    public async Task Sample_BothComponentsAndItsFiles_Answer()
    {
        string sample = Path.Combine(MoteBinary.Root, "samples", "02-http");
        foreach (string file in Directory.EnumerateFiles(sample, "*", SearchOption.AllDirectories).Where(f => !f.Contains("node_modules", StringComparison.Ordinal) && !f.EndsWith(".wasm", StringComparison.Ordinal)))
        {
            string copy = _folder[Path.GetRelativePath(sample, file)];
            if (copy.Contains("/.mote/", StringComparison.Ordinal)) continue;
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }

        foreach (string component in (string[])["hello-c", "hello-js"]) MoteRun.Run("bindings", "wit", _folder[$"{component}/wit"]).Succeeded();
        TemplateProject.BuildHere(_folder.Path, "npm", "clang-19", "wasm-ld-19");
        using MoteRun up = MoteRun.Start("up", _folder.Path, "--http", "127.0.0.1:0");
        Uri site = Address(up, "route ");
        up.WaitFor("data ");
        Assert.Equal("Hello, you! This is C.\n", await Get(site, "c/you"));
        using (JsonDocument json = JsonDocument.Parse(await (await _client.PostAsync(new Uri(site, "js/a?b=c"), new StringContent("text"), TestContext.Current.CancellationToken)).Content.ReadAsStringAsync(TestContext.Current.CancellationToken)))
        {
            Assert.Equal(("Hello from JavaScript", "POST", "/js/a", "text"), (Text("greeting"), Text("method"), Text("path"), Text("body")));
            Assert.Equal("c", json.RootElement.GetProperty("query").GetProperty("b").GetString());

            string? Text(string name) => json.RootElement.GetProperty(name).GetString();
        }

        using HttpResponseMessage page = await _client.GetAsync(site, TestContext.Current.CancellationToken);
        Assert.Equal(("text/html; charset=utf-8", TimeSpan.FromMinutes(1)), (page.Content.Headers.ContentType!.ToString(), page.Headers.CacheControl!.MaxAge));
        using HttpResponseMessage none = await _client.GetAsync(new Uri(site, "mote.toml"), TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.NotFound, none.StatusCode);
        up.Signal("TERM");
        up.End().Succeeded();
    }
}
