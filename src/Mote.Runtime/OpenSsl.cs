// OpenSSL, which .NET takes its hashes and TLS from on Linux: without it the process aborts at the first hash, with four
// words. This asks before, and says what to install.
using System.Runtime.InteropServices;

namespace Mote.Runtime;

/// <summary>Whether OpenSSL is there.</summary>
public static class OpenSsl
{
    /// <summary>The versions that .NET takes, newest first.</summary>
    private static readonly string[] s_names = ["libssl.so.3", "libssl.so.1.1", "libssl.so.1.0.0", "libssl.so.10"];

    /// <summary>The library that .NET will take; null where there is none, and where none is needed.</summary>
    public static string? Name()
    {
        if (!OperatingSystem.IsLinux()) return null;
        if (Environment.GetEnvironmentVariable("CLR_OPENSSL_VERSION_OVERRIDE") is { Length: > 0 } version) return $"libssl.so.{version}";
        // It stays loaded: .NET uses it next.
        return Array.Find(s_names, name => NativeLibrary.TryLoad(name, out _));
    }

    /// <summary>Does nothing where it is there, or not needed.</summary>
    /// <exception cref="DllNotFoundException">It is not.</exception>
    public static void Require()
    {
        if (OperatingSystem.IsLinux() && Name() is null) throw new DllNotFoundException("OpenSSL (libssl.so.3) is not installed, and hashes and TLS need it: apt-get install libssl3");
    }
}
