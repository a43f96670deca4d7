// Files that are not what they should be: the documented code, one line with the file's name, the place and the reason.
using Mote.Wasmtime;

namespace Mote.Cli.Tests;

public sealed class BadFileTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static string[] Command(string command, string file) => command == "call" ? ["call", file, "add(1, 2)"] : [command, file];

    public static TheoryData<string> Commands => ["call", "run", "inspect"];

    [Theory]
    [MemberData(nameof(Commands))]
    public void Load_NoSuchFile_EndsWith66(string command)
    {
        string file = _folder["missing.wasm"];
        Assert.Equal($"mote: {file}: there is no such file", MoteRun.Run(Command(command, file)).FailedWith(66));
    }

    [Theory]
    [MemberData(nameof(Commands))]
    public void Load_Folder_EndsWith66(string command)
    {
        string line = MoteRun.Run(Command(command, _folder.Path)).FailedWith(66);
        Assert.Contains($"{_folder.Path}: this is a folder", line);
    }

    [Theory]
    [InlineData("")]
    [InlineData("\0")]
    [InlineData("\0as")]
    [InlineData("hello, this is text\n")]
    [InlineData("(component)")]
    [InlineData("\u007fELF\u0002\u0001\u0001\0\0\0\0\0")]
    public void Load_FileThatIsNoWasm_EndsWith65(string content)
    {
        string file = _folder.Write("bad.wasm", content);
        foreach (string command in Commands.Select(c => c.Data))
        {
            string line = MoteRun.Run(Command(command, file)).FailedWith(65);
            Assert.Contains($"{file}: ", line);
            Assert.Contains("offset 0x", line);
        }
    }

    [Fact]
    public void Load_TextWithAMistake_PointsAtIt()
    {
        string file = _folder.Write("bad.wat", "(component\n  (core modul))");
        MoteResult r = MoteRun.Run("inspect", file);
        Assert.Equal(65, r.Code);
        r.NoInternals();
        Assert.StartsWith($"mote: {file}: ", r.Error);
        Assert.Contains("2:", r.Error);
    }

    [Fact]
    public void Load_ComponentCutOffAnywhere_SaysWhere()
    {
        byte[] whole = Wat.ToWasm(Guests.Functions);
        for (int i = 0; i < 40; i++)
        {
            int length = 8 + ((whole.Length - 9) * i / 39);
            string file = _folder.Write($"cut.wasm", whole[..length]);
            MoteResult r = MoteRun.Run("call", file, "add(1, 2)");
            r.NoInternals();
            // Cut between two sections it is a component that has less.
            string line = r.FailedWith(65);
            Assert.True(line.Contains("offset 0x") || line.Contains("there is no function") || line.Contains("exports none"), $"cut at {length}: {line}");
            Assert.Contains(file, line);
        }
    }

    [Fact]
    public void Load_ComponentWithBitsChanged_NeverEndsInAnInternalError()
    {
        byte[] whole = Wat.ToWasm(Guests.Functions);
        var random = new Random(int.TryParse(Environment.GetEnvironmentVariable("MOTE_SEED"), out int seed) ? seed : 1);
        for (int i = 0; i < 60; i++)
        {
            byte[] changed = [.. whole];
            int at = random.Next(changed.Length);
            changed[at] ^= (byte)(1 << random.Next(8));
            MoteResult r = MoteRun.Run("call", "--time", "2s", _folder.Write("changed.wasm", changed), "add(1, 2)");
            r.NoInternals();
            Assert.True(r.Code is 0 or 65 or 134 or 124, $"byte {at} as 0x{changed[at]:x2}: exit code {r.Code}: {r.Error}");
            if (r.Code == 65) Assert.StartsWith("mote: ", r.Error);
        }
    }

    [Theory]
    [InlineData(new byte[] { 1, 0xff, 0xff, 0xff, 0xff, 0x0f }, "a section longer than the file")]
    [InlineData(new byte[] { 7, 6, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x73 }, "four billion types")]
    [InlineData(new byte[] { 11, 7, 1, 0, 0xff, 0xff, 0xff, 0xff, 0x07 }, "a name of two billion bytes")]
    [InlineData(new byte[] { 7, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01 }, "a number that is too long")]
    [InlineData(new byte[] { 0x63, 0 }, "an unknown section")]
    public void Load_HugeLengths_AreRefusedAtOnce(byte[] section, string what)
    {
        string file = _folder.Write("huge.wasm", [.. "\0asm\x0d\0\x01\0"u8, .. section]);
        string line = MoteRun.Run("inspect", file).FailedWith(65);
        Assert.True(line.Contains(file) && line.Contains("offset 0x"), $"{what}: {line}");
    }

    [Fact]
    public void Call_CoreModule_SaysThatAComponentIsNeeded()
    {
        string file = _folder.Wasm("module.wasm", "(module (func (export \"add\") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))");
        string line = MoteRun.Run("call", file, "add(1, 2)").FailedWith(65);
        Assert.Contains(file, line);
        Assert.Contains("core module", line);
    }

    [Fact]
    public void Call_ImportsThatAreNotHosted_NamesAllOfThem()
    {
        MoteResult r = MoteRun.Run("call", _folder.Wasm("rocket.wasm", Guests.Unhosted), "go()");
        r.NoInternals();
        Assert.Equal(65, r.Code);
        Assert.Contains("acme:rocket/launch@2.0.0", r.Error);
        Assert.Contains("acme:rocket/land@2.0.0", r.Error);
    }
}
