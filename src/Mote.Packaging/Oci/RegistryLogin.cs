// Who this node is to a registry: what node.toml says, or else what `docker login`, `oras login` and others have written.
using System.ComponentModel;
using System.Diagnostics;
using System.Text;
using System.Text.Json;

namespace Mote.Packaging.Oci;

/// <summary>Credentials of a registry.</summary>
/// <param name="User">The user; null where <paramref name="Secret"/> is a token.</param>
/// <param name="Secret">The password, or a token.</param>
/// <param name="IsRefreshToken">Whether the token is one that others are got with, and not one for the registry itself.</param>
public sealed record RegistryLogin(string? User, string Secret, bool IsRefreshToken = false)
{
    private const int MaxFile = 1 << 20, MaxAnswer = 64 << 10;
    private static readonly TimeSpan s_helperTime = TimeSpan.FromSeconds(30);

    /// <summary>User and password as Basic authentication has them.</summary>
    internal string Basic => Convert.ToBase64String(Encoding.UTF8.GetBytes($"{User}:{Secret}"));

    /// <summary>What no line may show.</summary>
    internal SecretValues Hidden => new(User is null ? [Secret] : [Secret, Basic]);

    /// <summary>Says nothing of it.</summary>
    public override string ToString() => SecretValues.Mark;

    /// <summary>The credentials for a repository; null where there are none.</summary>
    /// <param name="reference">The repository.</param>
    /// <param name="config">What node.toml says of its registry; null for nothing.</param>
    /// <param name="environment">The environment.</param>
    /// <exception cref="OciException">There are some that cannot be read. The message has nothing of them.</exception>
    public static RegistryLogin? Find(OciReference reference, RegistryConfig? config, Func<string, string?> environment)
    {
        ArgumentNullException.ThrowIfNull(reference);
        ArgumentNullException.ThrowIfNull(environment);
        if (config?.Login is { } login)
        {
            try
            {
                return new RegistryLogin(login.User, login.Secret.Value());
            }
            catch (IOException e)
            {
                throw new OciException(OciFault.Denied, $"the credentials of {reference.Host} ([registries] of node.toml) cannot be read: {e.Message}");
            }
        }

        string? folder = environment("DOCKER_CONFIG") is { Length: > 0 } set ? set : environment("HOME") is { Length: > 0 } home ? Path.Combine(home, ".docker") : null;
        string? file = folder is null ? null : Path.Combine(folder, "config.json");
        if (file is null || !File.Exists(file)) return null;
        try
        {
            using var json = JsonDocument.Parse(BoundedFile.Read(file, MaxFile));
            return OfDocker(json.RootElement, reference);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new OciException(OciFault.Denied, $"{file} cannot be read: {e.Message}");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException or DecoderFallbackException)
        {
            // Not the exception's own words: they may quote the file.
            throw new OciException(OciFault.Denied, $"{file} is not as `docker login` writes it");
        }
    }

    private static RegistryLogin? OfDocker(JsonElement root, OciReference reference)
    {
        if (root.ValueKind != JsonValueKind.Object) return null;
        if (Child(root, "credHelpers") is { } helpers && Text(helpers, reference.Host) is { Length: > 0 } helper) return OfHelper(helper, reference.Host);
        if (Child(root, "auths") is { } auths && Entry(auths, reference) is { } entry)
        {
            if (Text(entry, "identitytoken") is { Length: > 0 } identity) return new RegistryLogin(null, identity, IsRefreshToken: true);
            if (Text(entry, "registrytoken") is { Length: > 0 } token) return new RegistryLogin(null, token);
            if (Text(entry, "auth") is { Length: > 0 } packed)
            {
                string[] parts = new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(Convert.FromBase64String(packed)).TrimEnd('\0').Split(':', 2);
                return parts.Length == 2 ? new RegistryLogin(parts[0], parts[1]) : throw new FormatException();
            }

            if (Text(entry, "username") is { Length: > 0 } user && Text(entry, "password") is { } password) return new RegistryLogin(user, password);
        }

        return Text(root, "credsStore") is { Length: > 0 } store ? OfHelper(store, reference.Host) : null;
    }

    /// <summary>Docker has an entry for a registry, in one of several forms; podman also one for a path below it. The longest that fits is it.</summary>
    private static JsonElement? Entry(JsonElement auths, OciReference reference)
    {
        (JsonElement Entry, int Length)? best = null;
        string name = $"{reference.Host}/{reference.Repository}/";
        foreach (JsonProperty p in auths.EnumerateObject())
        {
            string key = p.Name;
            bool isUrl = key.StartsWith("https://", StringComparison.Ordinal) || key.StartsWith("http://", StringComparison.Ordinal);
            if (isUrl) key = key[(key.IndexOf("://", StringComparison.Ordinal) + 3)..].Split('/')[0];
            key = key.TrimEnd('/');
            if (p.Value.ValueKind == JsonValueKind.Object && key.Length > (best?.Length ?? 0) && name.StartsWith($"{key}/", StringComparison.Ordinal)) best = (p.Value, key.Length);
        }

        return best?.Entry;
    }

    /// <summary>A program that keeps credentials (docker-credential-NAME): it is given the registry's name and gives back who one is there.</summary>
    private static RegistryLogin? OfHelper(string name, string host)
    {
        if (!name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.')) throw new FormatException();
        string program = $"docker-credential-{name}";
        try
        {
            using Process process = Process.Start(new ProcessStartInfo(program, ["get"]) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true })!;
            using var end = new Timer(static p => Kill((Process)p!), process, s_helperTime, Timeout.InfiniteTimeSpan);
            process.ErrorDataReceived += static (_, _) => { }; // read, or its pipe would fill; not shown: nobody knows what it says
            process.BeginErrorReadLine();
            process.StandardInput.Write(host);
            process.StandardInput.Close();
            var answer = new char[MaxAnswer];
            int length = process.StandardOutput.ReadBlock(answer);
            if (length == answer.Length) Kill(process);
            process.WaitForExit();
            if (process.ExitCode != 0) return null; // that is how it says that it has none
            using var json = JsonDocument.Parse(answer.AsMemory(0, length));
            if (Text(json.RootElement, "Secret") is not { Length: > 0 } secret) return null;
            return Text(json.RootElement, "Username") is { } user and not "<token>" ? new RegistryLogin(user, secret) : new RegistryLogin(null, secret, IsRefreshToken: true);
        }
        catch (Win32Exception)
        {
            throw new OciException(OciFault.Denied, $"Docker's configuration has the credentials of {host} kept by {program}, which cannot be started: install it, or say who the node is under [registries] of node.toml");
        }
        catch (IOException)
        {
            throw new OciException(OciFault.Denied, $"{program}, which keeps the credentials of {host}, ended before it was asked");
        }
    }

    private static void Kill(Process process)
    {
        try
        {
            process.Kill();
        }
        catch (InvalidOperationException)
        {
            // It has ended.
        }
    }

    private static JsonElement? Child(JsonElement of, string key) => of.TryGetProperty(key, out JsonElement value) && value.ValueKind == JsonValueKind.Object ? value : null;

    private static string? Text(JsonElement of, string key) => of.ValueKind == JsonValueKind.Object && of.TryGetProperty(key, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
