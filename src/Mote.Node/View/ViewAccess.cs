// Who may look: an invitation, which whoever may use the data folder is given and which is good once and for a short time,
// is traded for a session.
using System.Buffers.Binary;
using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace Mote.Node.View;

/// <summary>A session. Both parts are needed: the cookie goes to every port of this machine, the page's key to no other.</summary>
/// <param name="Cookie">What the browser keeps and the page's script cannot read.</param>
/// <param name="PageKey">What the page keeps.</param>
/// <param name="Until">Its end.</param>
internal sealed record ViewSession(string Cookie, string PageKey, DateTimeOffset Until);

/// <summary>Invitations and sessions. Sessions are signed and kept nowhere, so that they outlive a restart of the node and need no bound.</summary>
/// <param name="key">The node's own, 32 bytes.</param>
/// <param name="session">How long a session lasts.</param>
/// <param name="time">The clock.</param>
internal sealed class ViewAccess(byte[] key, TimeSpan session, TimeProvider time)
{
    /// <summary>How long an invitation is good.</summary>
    public static readonly TimeSpan InvitationTime = TimeSpan.FromMinutes(2);

    /// <summary>Most invitations at once: beyond them the oldest is no good any more.</summary>
    public const int MostInvitations = 16;

    private const int ExpiryBytes = 8, NonceBytes = 16, MacBytes = 32, PayloadBytes = ExpiryBytes + NonceBytes;

    // By their hashes, so that how long a comparison takes says nothing.
    private readonly List<(string Hash, DateTimeOffset Until)> _invitations = [];
    private readonly Lock _lock = new();

    /// <summary>An invitation, and its end.</summary>
    public (string Token, DateTimeOffset Until) Invite()
    {
        string token = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));
        DateTimeOffset until = time.GetUtcNow() + InvitationTime;
        lock (_lock)
        {
            if (_invitations.Count == MostInvitations) _invitations.RemoveAt(0);
            _invitations.Add((Hash(token), until));
        }

        return (token, until);
    }

    /// <summary>A session for an invitation; null where it is none, or no good any more.</summary>
    public ViewSession? Accept(string token)
    {
        string hash = Hash(token);
        DateTimeOffset now = time.GetUtcNow();
        lock (_lock)
        {
            int at = _invitations.FindIndex(i => i.Hash == hash);
            if (at < 0) return null;
            DateTimeOffset end = _invitations[at].Until;
            _invitations.RemoveAt(at);
            if (end < now) return null;
        }

        DateTimeOffset until = DateTimeOffset.FromUnixTimeMilliseconds((now + session).ToUnixTimeMilliseconds());
        byte[] cookie = new byte[PayloadBytes + MacBytes];
        BinaryPrimitives.WriteInt64BigEndian(cookie, until.ToUnixTimeMilliseconds());
        RandomNumberGenerator.Fill(cookie.AsSpan(ExpiryBytes, NonceBytes));
        Mac("cookie", cookie.AsSpan(0, PayloadBytes)).CopyTo(cookie, PayloadBytes);
        return new ViewSession(Base64Url.EncodeToString(cookie), Base64Url.EncodeToString(Mac("page", cookie.AsSpan(0, PayloadBytes))), until);
    }

    /// <summary>The end of a session; null where it is none, or is over.</summary>
    public DateTimeOffset? Check(string? cookie, string? pageKey)
    {
        Span<byte> said = stackalloc byte[PayloadBytes + MacBytes], saidKey = stackalloc byte[MacBytes];
        if (!Decode(cookie, said) || !Decode(pageKey, saidKey)) return null;
        ReadOnlySpan<byte> payload = said[..PayloadBytes];
        // Both are compared, whatever the first is.
        bool isOurs = CryptographicOperations.FixedTimeEquals(Mac("cookie", payload), said[PayloadBytes..]) & CryptographicOperations.FixedTimeEquals(Mac("page", payload), saidKey);
        if (!isOurs) return null;
        DateTimeOffset until = DateTimeOffset.FromUnixTimeMilliseconds(BinaryPrimitives.ReadInt64BigEndian(payload));
        return until > time.GetUtcNow() ? until : null;
    }

    private static bool Decode(string? text, Span<byte> into) => text is not null && text.Length <= 128 && Base64Url.IsValid(text, out int length) && length == into.Length && Base64Url.TryDecodeFromChars(text, into, out _);

    private static string Hash(string token) => Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(token)));

    private byte[] Mac(string purpose, ReadOnlySpan<byte> payload)
    {
        using var mac = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, key);
        mac.AppendData(Encoding.ASCII.GetBytes(purpose));
        mac.AppendData(payload);
        return mac.GetHashAndReset();
    }
}
