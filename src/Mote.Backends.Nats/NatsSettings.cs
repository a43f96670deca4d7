// What a connection to NATS needs to know.
using NATS.Client.Core;
using NATS.NKeys;

namespace Mote.Backends.Nats;

/// <summary>Where NATS is, and who this node is there.</summary>
/// <param name="Urls">Its servers; one that answers is used.</param>
/// <param name="Name">What the servers call this connection.</param>
public sealed record NatsSettings(IReadOnlyList<Uri> Urls, string Name)
{
    /// <summary>The file of credentials; it is read at each connection, so that renewed ones are taken.</summary>
    public string? CredentialsFile { get; init; }

    /// <summary>The file with the seed of an nkey; it is read at each connection.</summary>
    public string? NKeyFile { get; init; }

    /// <summary>The user.</summary>
    public string? User { get; init; }

    /// <summary>The user's password, or a token where there is no user.</summary>
    public string? Password { get; init; }

    /// <summary>Certificates of the authorities that the servers' are checked with, a PEM file; null for the system's.</summary>
    public string? AuthorityFile { get; init; }

    /// <summary>The certificate and the key by which the servers know this node, PEM files.</summary>
    public (string Certificate, string Key)? Certificate { get; init; }

    /// <summary>Refuses a connection without TLS.</summary>
    public bool RequiresTls { get; init; }

    /// <summary>Looks whether the files are what they should be, so that a node says so when it starts.</summary>
    /// <exception cref="InvalidDataException">One is not; the message says which and why.</exception>
    public void Check()
    {
        try
        {
            if (NKeyFile is not null) KeyPair.FromSeed(Seed(NKeyFile)).Dispose();
        }
        catch (Exception e) when (e is NKeysException or IOException or UnauthorizedAccessException)
        {
            throw new InvalidDataException($"the nkey in {NKeyFile} cannot be used: {e.Message}", e);
        }

        try
        {
            if (CredentialsFile is not null && !File.ReadAllText(CredentialsFile).Contains("BEGIN NATS USER JWT", StringComparison.Ordinal)) throw new InvalidDataException($"{CredentialsFile} has no credentials: `nsc generate creds` writes them");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InvalidDataException($"the credentials in {CredentialsFile} cannot be read: {e.Message}", e);
        }
    }

    internal NatsAuthOpts Authentication() =>
        CredentialsFile is { } credentials ? new NatsAuthOpts { AuthCredCallback = (_, _) => ValueTask.FromResult(NatsAuthCred.FromCredsFile(credentials)) }
        : NKeyFile is { } file ? new NatsAuthOpts { AuthCredCallback = (_, _) => ValueTask.FromResult(NatsAuthCred.FromNkey(Seed(file))) }
        : User is not null ? new NatsAuthOpts { Username = User, Password = Password }
        : Password is not null ? new NatsAuthOpts { Token = Password }
        : NatsAuthOpts.Default;

    internal NatsTlsOpts Tls() => !RequiresTls ? NatsTlsOpts.Default
        : new NatsTlsOpts { Mode = TlsMode.Require, CaFile = AuthorityFile, CertFile = Certificate?.Certificate, KeyFile = Certificate?.Key };

    /// <summary>The line that is a seed: the file may have the public key and comments beside it.</summary>
    private static string Seed(string file)
    {
        foreach (string line in File.ReadLines(file))
        {
            if (line.Trim() is ['S', ..] seed) return seed;
        }

        throw new NKeysException("no line of it is a seed, which begins with SU");
    }
}
