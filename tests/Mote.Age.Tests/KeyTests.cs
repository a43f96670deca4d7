// Keys as text.
namespace Mote.Age.Tests;

public sealed class KeyTests
{
    [Fact]
    public void Keys_AreReadAsTheyAreWritten()
    {
        for (int i = 0; i < 50; i++)
        {
            AgeIdentity identity = AgeIdentity.Create();
            string file = identity.ToFile(DateTimeOffset.UtcNow);
            Assert.Equal(identity.Recipient.ToString(), AgeIdentity.ParseFile(file).Recipient.ToString());
            Assert.Equal(identity.Recipient.ToString(), AgeIdentity.ParseFile(file.Replace("\n", "\r\n", StringComparison.Ordinal)).Recipient.ToString());
            Assert.Equal(identity.Recipient.ToString(), AgeRecipient.Parse(identity.Recipient.ToString()).ToString());
        }
    }

    /// <summary>Bech32 finds any four wrong characters; one is tried at each place.</summary>
    [Fact]
    public void WrongCharacter_IsFound()
    {
        string text = AgeIdentity.Create().Recipient.ToString();
        for (int i = 0; i < text.Length; i++)
        {
            char other = text[i] == 'q' ? 'p' : 'q';
            Assert.Equal(AgeFault.Key, Assert.Throws<AgeException>(() => AgeRecipient.Parse($"{text[..i]}{other}{text[(i + 1)..]}")).Fault);
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("age1")]
    [InlineData("age1bbbbbb")]
    [InlineData("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5")]
    public void OtherTexts_AreNoRecipients(string text) => Assert.Contains("age1", Assert.Throws<AgeException>(() => AgeRecipient.Parse(text)).Message, StringComparison.Ordinal);

    [Fact]
    public void SecretKey_InPlaceOfARecipient_IsSaidToBeOne_WithoutIt()
    {
        string secret = AgeIdentity.Create().ToFile(DateTimeOffset.UtcNow).Split('\n')[2];
        string message = Assert.Throws<AgeException>(() => AgeRecipient.Parse(secret)).Message;
        Assert.Contains("secret key", message, StringComparison.Ordinal);
        Assert.DoesNotContain(secret[20..40], message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("# only a remark\n")]
    [InlineData("a\nb\n")]
    public void FileWithoutAKey_IsSaidToBeOne(string text) => Assert.Throws<AgeException>(() => AgeIdentity.ParseFile(text));
}
