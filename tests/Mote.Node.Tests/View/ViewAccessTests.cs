// Invitations and sessions of the view by themselves, on a clock that the test moves.
using System.Security.Cryptography;
using Mote.Node.Tests.Timer;
using Mote.Node.View;

namespace Mote.Node.Tests.View;

public sealed class ViewAccessTests
{
    private static readonly TimeSpan s_session = TimeSpan.FromHours(12);
    private readonly ManualTime _time = new(new DateTimeOffset(2026, 11, 23, 12, 0, 0, TimeSpan.Zero));
    private readonly byte[] _key = RandomNumberGenerator.GetBytes(32);

    private ViewAccess Access(byte[]? key = null) => new(key ?? _key, s_session, _time);

    [Fact]
    public void Invitation_IsGoodOnce()
    {
        ViewAccess access = Access();
        string token = access.Invite().Token;
        Assert.True(token.Length >= 43); // 32 bytes
        Assert.NotNull(access.Accept(token));
        Assert.Null(access.Accept(token));
        Assert.Null(access.Accept(""));
        Assert.Null(access.Accept(new string('A', 43)));
    }

    [Fact]
    public void Invitation_IsGoodForTwoMinutes()
    {
        ViewAccess access = Access();
        (string token, DateTimeOffset until) = access.Invite();
        Assert.Equal(_time.GetUtcNow() + TimeSpan.FromMinutes(2), until);
        _time.Pass(TimeSpan.FromMinutes(2) + TimeSpan.FromSeconds(1));
        Assert.Null(access.Accept(token));
    }

    [Fact]
    public void Invitations_AreBounded_AndTheOldestGoes()
    {
        ViewAccess access = Access();
        string[] tokens = [.. Enumerable.Range(0, ViewAccess.MostInvitations + 1).Select(_ => access.Invite().Token)];
        Assert.Null(access.Accept(tokens[0]));
        Assert.All(tokens[1..], t => Assert.NotNull(access.Accept(t)));
    }

    [Fact]
    public void Session_NeedsBothParts_AndEnds()
    {
        ViewAccess access = Access();
        ViewSession session = access.Accept(access.Invite().Token)!, other = access.Accept(access.Invite().Token)!;
        Assert.Equal(session.Until, access.Check(session.Cookie, session.PageKey));
        Assert.Null(access.Check(session.Cookie, null));
        Assert.Null(access.Check(null, session.PageKey));
        Assert.Null(access.Check(session.Cookie, other.PageKey));
        Assert.Null(access.Check(other.Cookie, session.PageKey));
        Assert.Null(access.Check(session.Cookie, ""));
        Assert.Null(access.Check(new string('A', 100_000), session.PageKey));
        _time.Pass(s_session);
        Assert.Null(access.Check(session.Cookie, session.PageKey));
    }

    /// <summary>Every bit of the cookie is signed, its end among them.</summary>
    [Fact]
    public void Session_ThatWasChanged_IsNone()
    {
        ViewAccess access = Access();
        ViewSession session = access.Accept(access.Invite().Token)!;
        byte[] cookie = System.Buffers.Text.Base64Url.DecodeFromChars(session.Cookie);
        for (int bit = 0; bit < cookie.Length * 8; bit++)
        {
            byte[] changed = [.. cookie];
            changed[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.Null(access.Check(System.Buffers.Text.Base64Url.EncodeToString(changed), session.PageKey));
        }
    }

    /// <summary>A page on a wall is let in again after the node was updated; a node with another key lets nobody in.</summary>
    [Fact]
    public void Session_OutlivesTheNode_ByItsKeyAlone()
    {
        ViewAccess before = Access();
        ViewSession session = before.Accept(before.Invite().Token)!;
        Assert.NotNull(Access().Check(session.Cookie, session.PageKey));
        Assert.Null(Access(RandomNumberGenerator.GetBytes(32)).Check(session.Cookie, session.PageKey));
    }

    [Fact]
    public void Key_IsKept_ForTheNodesUserAlone()
    {
        string folder = Directory.CreateTempSubdirectory("mote-view-").FullName;
        try
        {
            string file = Path.Combine(folder, "view.key");
            byte[] key = ViewKey.Load(file, _ => { });
            Assert.Equal(key, ViewKey.Load(file, _ => { }));
            if (OperatingSystem.IsWindows()) return;
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
            // What others could read, or what is no key, is replaced.
            File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.OtherRead);
            byte[] second = ViewKey.Load(file, _ => { });
            Assert.NotEqual(key, second);
            File.WriteAllBytes(file, second[1..]);
            Assert.Equal(32, ViewKey.Load(file, _ => { }).Length);
            // Where it cannot be kept that is said, and there is one all the same.
            var said = new List<string>();
            Assert.Equal(32, ViewKey.Load(Path.Combine(folder, "view.key", "below"), said.Add).Length);
            Assert.Contains("cannot be kept", Assert.Single(said), StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
