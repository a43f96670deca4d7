// A real registry for tests (Debian's docker-registry), on a port of the loopback interface, with its files in a folder of
// the test's own. It may be ended and started again on what it had.
using System.Text;

namespace Mote.Tests.Servers;

internal sealed class DockerRegistry : IDisposable
{
    /// <summary>Who is let in where a login is asked for.</summary>
    public const string User = "edge", Password = "s3cret-of-the-registry";

    // bcrypt of the password, which is the only kind of hash that it takes.
    private const string PasswordFile = $"{User}:$2b$05$aW46Ku3C0EmKahe7fm7qTeJv0DqIRBkodZNqKrsxcXXqzMa2JtNpq\n";

    private readonly string _folder;
    private readonly bool _hasTls;
    private readonly ServerProcess _process;

    private DockerRegistry(string program, bool login, (string Certificate, string Key)? tls, string auth)
    {
        _hasTls = tls is not null;
        _folder = Directory.CreateTempSubdirectory("mote-registry-").FullName;
        Port = Loopback.FreePort();
        string file = Path.Combine(_folder, "config.yml");
        File.WriteAllText(Path.Combine(_folder, "htpasswd"), PasswordFile);
        if (login) auth = $"auth:\n  htpasswd: {{ realm: test, path: {_folder}/htpasswd }}\n";
        string certificate = tls is { } t ? $"\n  tls: {{ certificate: {t.Certificate}, key: {t.Key} }}" : "";
        File.WriteAllText(file, $"version: 0.1\nlog: {{ level: error, accesslog: {{ disabled: true }} }}\nstorage:\n  filesystem: {{ rootdirectory: {_folder}/files }}\nhttp:\n  addr: 127.0.0.1:{Port}{certificate}\n{auth}");
        _process = new ServerProcess(program, ["serve", file], Port);
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
        string? program = ServerProcess.Find("docker-registry", "/usr/bin", "/usr/local/bin");
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
    public void Kill() => _process.Dispose();

    /// <summary>Starts it again, on the same port and files.</summary>
    public void Start() => _process.Start();

    public void Dispose()
    {
        Kill();
        Directory.Delete(_folder, recursive: true);
    }
}
