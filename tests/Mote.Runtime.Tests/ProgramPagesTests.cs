// Which mappings are unmapped when a node is at rest, and that what was there still runs.
using System.Globalization;

namespace Mote.Runtime.Tests;

public sealed class ProgramPagesTests
{
    [Fact]
    public void OnlyUnchangedMappingsOfPrograms_AreTaken()
    {
        string text = string.Join('\n', [
            .. Mapping($"1000-3000 r-xp 00000000 08:01 77 {Environment.ProcessPath}"), // the program: taken
            .. Mapping("3000-5000 r--p 00001000 08:01 78 /lib/with spaces/libx.so"), // taken
            .. Mapping("5000-6000 r--p 00001000 08:01 78 /lib/libx.so.3.1", anonymous: 4), // changed by the linker
            .. Mapping("6000-7000 r-xp 00001000 08:01 78 /lib/libx.so.3"), // taken
            .. Mapping("7000-8000 rw-p 00001000 08:01 78 /lib/libx.so.3"), // can be written
            .. Mapping("8000-9000 r--s 00001000 08:01 79 /lib/libx.so.3"), // shared
            .. Mapping("9000-a000 r-xp 00000000 08:01 80 /data/code/abc.cwasm"), // no program
            .. Mapping("a000-b000 r-xp 00000000 08:01 81 /lib/liby.so (deleted)"), // replaced
            .. Mapping("b000-c000 r-xp 00000000 00:00 0"),
            .. Mapping("c000-d000 r-xp 00000000 00:00 0 [vdso]"),
            "e000-f000 r-xp 00000000 08:01 78 /lib/libx.so.3", // its size is not told
            .. Mapping("f000-10000 rw-p 00000000 00:00 0 [heap]"),
            "zzz",
            "",
        ]);
        Assert.Equal([(0x1000, 0x3000), (0x3000, 0x5000), (0x6000, 0x7000)], ProgramPages.Unchanged(text.Split('\n')));

        static string[] Mapping(string head, int anonymous = 0) => [head, "Size: 4 kB", "Rss: 4 kB", $"Anonymous:             {anonymous} kB", "VmFlags: rd ex mr mw me sd"];
    }

    [Fact]
    public void WhatWasUnmapped_IsMappedAgainWhereItIsUsed()
    {
        if (!OperatingSystem.IsLinux()) Assert.Skip("there is no /proc");
        long before = Files();
        Assert.True(ProgramPages.Unmap() > 1 << 20);
        Assert.True(Files() < before, $"{before} KiB of files were resident, and {Files()} are");
        Assert.Equal(0, ProgramPages.Unmap("/proc/self/no-such-file"));
        GC.Collect();
        Assert.Equal("515377520732011331036461129765621272702107522001", System.Numerics.BigInteger.Pow(3, 100).ToString(CultureInfo.InvariantCulture)); // code that nobody has used lately

        static long Files() => long.Parse(File.ReadLines("/proc/self/status").First(l => l.StartsWith("RssFile:", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
    }
}
