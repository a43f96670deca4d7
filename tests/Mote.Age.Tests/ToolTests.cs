// The tool `age` (Debian's package) reads what is written here, and the other way round.
using System.Diagnostics;

namespace Mote.Age.Tests;

public sealed class ToolTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("mote-age-tests-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string At(string name) => Path.Combine(_folder, name);

    private static async Task Run(string program, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        string words = await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(process.ExitCode == 0, words);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(65536)]
    [InlineData(300_001)]
    public async Task Tool_ReadsAndWritesTheSame(int length)
    {
        Assert.SkipUnless(File.Exists("/usr/bin/age") && File.Exists("/usr/bin/age-keygen"), "age is not installed (Debian: apt install age)");
        byte[] text = new byte[length];
        new Random(length).NextBytes(text);
        await Run("age-keygen", "-o", At("key.txt"));
        AgeIdentity identity = AgeIdentity.ParseFile(await File.ReadAllTextAsync(At("key.txt"), TestContext.Current.CancellationToken));

        // From here to there, with a key of the tool's own and one of ours.
        await File.WriteAllBytesAsync(At("ours.age"), Files.Encrypt(identity.Recipient, text), TestContext.Current.CancellationToken);
        await Run("age", "-d", "-i", At("key.txt"), "-o", At("ours"), At("ours.age"));
        Assert.Equal(text, await File.ReadAllBytesAsync(At("ours"), TestContext.Current.CancellationToken));
        AgeIdentity own = AgeIdentity.Create();
        await File.WriteAllTextAsync(At("own.txt"), own.ToFile(DateTimeOffset.UtcNow), TestContext.Current.CancellationToken);
        await File.WriteAllBytesAsync(At("own.age"), Files.Encrypt(own.Recipient, text), TestContext.Current.CancellationToken);
        await Run("age", "-d", "-i", At("own.txt"), "-o", At("own"), At("own.age"));
        Assert.Equal(text, await File.ReadAllBytesAsync(At("own"), TestContext.Current.CancellationToken));

        // And back, with a second recipient in the head.
        await File.WriteAllBytesAsync(At("text"), text, TestContext.Current.CancellationToken);
        await Run("age", "-r", own.Recipient.ToString(), "-r", identity.Recipient.ToString(), "-o", At("theirs.age"), At("text"));
        byte[] theirs = await File.ReadAllBytesAsync(At("theirs.age"), TestContext.Current.CancellationToken);
        foreach (AgeIdentity i in (AgeIdentity[])[identity, own]) Assert.Equal(text, Files.Decrypt(i, theirs).Read);
    }

    public static TheoryData<string> Vectors =>
        Environment.GetEnvironmentVariable("MOTE_AGE_TESTKIT") is { Length: > 0 } folder ? [.. Directory.GetFiles(folder).Select(f => Path.GetFileName(f)!).Order(StringComparer.Ordinal)] : ["(none)"];

    /// <summary>The format's own vectors: a head in text, an empty line, and the file.</summary>
    [Theory]
    [MemberData(nameof(Vectors))]
    public void Vector_OfTheFormat_HasTheOutcomeThatItNames(string name)
    {
        string? folder = Environment.GetEnvironmentVariable("MOTE_AGE_TESTKIT");
        Assert.SkipWhen(string.IsNullOrEmpty(folder), "MOTE_AGE_TESTKIT names no folder with the vectors of C2SP/CCTV, age/testdata");
        byte[] all = File.ReadAllBytes(Path.Combine(folder, name));
        int end = all.AsSpan().IndexOf("\n\n"u8);
        var head = System.Text.Encoding.UTF8.GetString(all, 0, end).Split('\n').Select(l => l.Split(": ", 2)).ToLookup(l => l[0], l => l[1]);
        Assert.SkipWhen(head.Contains("armored") || head.Contains("compressed") || head.Contains("passphrase"), "armor, compression and passphrases are not read");
        string[] identities = [.. head["identity"]];
        Assert.SkipWhen(identities.Length != 1 || !identities[0].StartsWith("AGE-SECRET-KEY-1", StringComparison.Ordinal), "one X25519 identity is read");
        (byte[] read, AgeException? fault) = Files.Decrypt(AgeIdentity.Parse(identities[0]), all[(end + 2)..]);
        string outcome = fault?.Fault switch
        {
            null => "success",
            AgeFault.NotForThisKey => "no match",
            AgeFault.Payload or AgeFault.Truncated => "payload failure",
            _ => "header failure",
        };
        string expected = head["expect"].Single();
        if (expected == "HMAC failure") expected = "header failure"; // one word for both here
        Assert.True(outcome == expected, $"{outcome}, and {expected} was expected: {fault?.Message}");
        if (head["payload"].SingleOrDefault() is { } hash) Assert.Equal(hash, Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(read)));
    }
}
