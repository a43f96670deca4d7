// A real registry for tests (Debian's docker-registry), on a port of the loopback interface, with its files in a folder of
// the test's own. It may be ended and started again on what it had.
using System.Diagnostics;
using System.Text;

namespace Mote.Tests.Servers;

internal sealed class DockerRegistry : IDisposable
{
    /// <summary>Who is let in where a login is asked for.</summary>
    public const string User = "edge", Password = "s3cret-of-the-registry";

    // bcrypt of the password, which is the only kind of hash that it takes.
    private const string PasswordFile = $"{User}:$2b$05$aW46Ku3C0EmKahe7fm7qTeJv0DqIRBkodZNqKrsxcXXqzMa2JtNpq\n";

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    private readonly string _program, _folder, _config;
    private readonly bool _hasTls;
    private Process? _process;

    private DockerRegistry(string program, bool login, (string Certificate, string Key)? tls, string auth)
    {
        (_program, _hasTls) = (program, tls is not null);
        _folder = Directory.CreateTempSubdirectory("mote-registry-").FullName;
        Port = Loopback.FreePort();
        _config = Path.Combine(_folder, "config.yml");
        File.WriteAllText(Path.Combine(_folder, "htpasswd"), PasswordFile);
        if (login) auth = $"auth:\n  htpasswd: {{ realm: test, path: {_folder}/htpasswd }}\n";
        string certificate = tls is { } t ? $"\n  tls: {{ certificate: {t.Certificate}, key: {t.Key} }}" : "";
        File.WriteAllText(_config, $"version: 0.1\nlog: {{ level: error, accesslog: {{ disabled: true }} }}\nstorage:\n  filesystem: {{ rootdirectory: {_folder}/files }}\nhttp:\n  addr: 127.0.0.1:{Port}{certificate}\n{auth}");
        Start();
    }

    public int Port { get; }

    /// <summary>What references begin with.</summary>
    public string Host => $"127.0.0.1:{Port}";

    public Uri Url => new($"{(_hasTls ? "https" : "http")}://{Host}/");

    /// <summary>Starts one; the test is skipped where there is none to start.</summary>
    /// <param name="login">Whether it asks for user and password.</param>
    /// <param name="tls">The certificate that it has; null for none.</param>
    /// <param name="auth">Another way of asking, as its configuration has it.</param>
    public static DockerRegistry StartNew(bool login = false, (string Certificate, string Key)? tls = null, string auth = "")
    {
        string? program = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Concat(["/usr/bin", "/usr/local/bin"])
            .Select(folder => Path.Combine(folder, "docker-registry")).FirstOrDefault(File.Exists);
        Assert.SkipWhen(program is null, "docker-registry is not installed (Debian: apt install docker-registry)");
        return new DockerRegistry(program!, login, tls, auth);
    }

    /// <summary>One who may push.</summary>
    public static HttpClient Pusher()
    {
        var http = new HttpClient(new SocketsHttpHandler { SslOptions = { RemoteCertificateValidationCallback = (_, _, _, _) => true } });
        http.DefaultRequestHeaders.Authorization = new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{User}:{Password}")));
        return http;
    }

    /// <summary>Ends it at once.</summary>
    public void Kill()
    {
        if (_process is null) return;
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
        _process = null;
    }

    /// <summary>Starts it again, on the same port and files.</summary>
    public void Start()
    {
        _process = Process.Start(new ProcessStartInfo(_program, ["serve", _config]) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        // What it says is read, or the pipe would fill; the last words are shown where it does not start.
        var words = new Queue<string>();
        void Take(string? line)
        {
            lock (words)
            {
                words.Enqueue(line ?? "");
                if (words.Count > 20) words.Dequeue();
            }
        }

        _process.ErrorDataReceived += (_, e) => Take(e.Data);
        _process.OutputDataReceived += (_, e) => Take(e.Data);
        _process.BeginErrorReadLine();
        _process.BeginOutputReadLine();
        long start = Stopwatch.GetTimestamp();
        while (!Loopback.Listens(Port))
        {
            lock (words) Assert.False(_process.HasExited, $"docker-registry does not start: {string.Join('\n', words)}");
            Assert.True(Stopwatch.GetElapsedTime(start) < s_patience, "docker-registry does not listen");
            Thread.Sleep(10);
        }
    }

    public void Dispose()
    {
        Kill();
        Directory.Delete(_folder, recursive: true);
    }
}
