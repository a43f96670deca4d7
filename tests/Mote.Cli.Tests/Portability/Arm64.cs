// The arm64 build of the program, on this machine under an emulator.
using System.Runtime.InteropServices;

namespace Mote.Cli.Tests.Portability;

internal static class Arm64
{
    /// <summary>The emulator and the program; skips the test where one is missing.</summary>
    public static string[] Program
    {
        get
        {
            if (RuntimeInformation.ProcessArchitecture != Architecture.X64) Assert.Skip("this machine is not x86-64: there is no other processor to compare with");
            string? emulator = Environment.GetEnvironmentVariable("MOTE_ARM64_EMULATOR"), program = Environment.GetEnvironmentVariable("MOTE_ARM64_BINARY");
            if (string.IsNullOrEmpty(emulator) || !File.Exists(program)) Assert.Skip("no arm64 build and emulator: ./test makes them where gcc-aarch64-linux-gnu and qemu-user-static can be installed");
            return [.. emulator.Split(' ', StringSplitOptions.RemoveEmptyEntries), program];
        }
    }

    /// <summary>Runs the arm64 build, with the small-device profile where the arguments do not say: reservations are slow under the emulator.</summary>
    public static MoteResult Run(params string[] arguments) =>
        MoteRun.RunOther(Program, arguments is ["doctor", ..] || arguments.Contains("--profile") ? arguments : [arguments[0], "--profile", "small", .. arguments[1..]]);

    /// <summary>Runs both builds with the same arguments, asserts that they end alike, and gives what they said.</summary>
    public static string RunBoth(params string[] arguments)
    {
        MoteResult there = Run(arguments), here = MoteRun.Run(arguments);
        Assert.Equal((here.Code, here.Out), (there.Code, there.Out));
        Assert.Equal(0, here.Code);
        return here.Out;
    }
}
