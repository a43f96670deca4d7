// Sizes and times as people write them.
using System.Globalization;
using Mote.Packaging.Toml;
using Mote.Runtime;

namespace Mote.Packaging;

/// <summary>Reads "16MiB", "50ms" and the like.</summary>
public static class Units
{
    private static readonly (string Suffix, long Factor)[] s_sizes =
    [
        ("KiB", 1L << 10), ("MiB", 1L << 20), ("GiB", 1L << 30), ("KB", 1000), ("kB", 1000), ("MB", 1_000_000), ("GB", 1_000_000_000), ("B", 1),
    ];

    private static readonly (string Suffix, double Seconds)[] s_times =
    [
        ("us", 1e-6), ("ms", 1e-3), ("min", 60), ("s", 1), ("m", 60), ("h", 3600), ("d", 86400),
    ];

    /// <summary>Bytes; null where it is not a size.</summary>
    public static long? TryBytes(string text)
    {
        foreach ((string suffix, long factor) in s_sizes)
        {
            if (!text.EndsWith(suffix, StringComparison.Ordinal)) continue;
            return TryNumber(text, suffix) is { } n && n * factor <= long.MaxValue ? (long)(n * factor) : null;
        }

        return null;
    }

    /// <summary>A time; null where it is not one.</summary>
    public static TimeSpan? TryTime(string text)
    {
        foreach ((string suffix, double seconds) in s_times)
        {
            if (!text.EndsWith(suffix, StringComparison.Ordinal)) continue;
            return TryNumber(text, suffix) is { } n && n * seconds < TimeSpan.MaxValue.TotalSeconds ? TimeSpan.FromTicks((long)Math.Round(n * seconds * TimeSpan.TicksPerSecond)) : null;
        }

        return null;
    }

    private static double? TryNumber(string text, string suffix) =>
        double.TryParse(text.AsSpan(0, text.Length - suffix.Length).Trim(), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double n) && n >= 0 && double.IsFinite(n) ? n : null;

    /// <summary>A size in a config file, or null.</summary>
    public static long? Bytes(this TomlTable table, string key, long min, long max)
    {
        if (table.String(key) is not { } text) return null;
        long bytes = TryBytes(text) ?? throw table.Values[key].Error($"`{key}` must be a size like \"16MiB\", found \"{text}\"");
        return bytes >= min && bytes <= max ? bytes : throw table.Values[key].Error($"`{key}` must be from {ShowBytes(min)} to {ShowBytes(max)}, found \"{text}\"");
    }

    /// <summary>A budget such as "64KiB/h" in a config file, or null.</summary>
    public static EgressBudget? Egress(this TomlTable table, string key)
    {
        if (table.String(key) is not { } text) return null;
        int slash = text.IndexOf('/', StringComparison.Ordinal);
        string per = slash < 0 ? "" : text[(slash + 1)..].Trim();
        long? bytes = slash < 0 ? null : TryBytes(text[..slash].Trim());
        TimeSpan? time = per.Length == 0 ? null : TryTime(char.IsAsciiDigit(per[0]) ? per : "1" + per);
        return bytes is { } b && time is { } t && t > TimeSpan.Zero ? new EgressBudget(b, t)
            : throw table.Values[key].Error($"`{key}` must be a size in a time like \"64KiB/h\", \"1MiB/d\" or \"10KB/30s\", found \"{text}\"");
    }

    /// <summary>A time in a config file, or null.</summary>
    public static TimeSpan? Time(this TomlTable table, string key, TimeSpan max)
    {
        if (table.String(key) is not { } text) return null;
        TimeSpan time = TryTime(text) ?? throw table.Values[key].Error($"`{key}` must be a time like \"50ms\", found \"{text}\"");
        if (time <= TimeSpan.Zero) throw table.Values[key].Error($"`{key}` must be more than zero");
        return time <= max ? time : throw table.Values[key].Error($"`{key}` must be at most {max.TotalHours.ToString(CultureInfo.InvariantCulture)}h, found \"{text}\"");
    }

    /// <summary>A time for people: in days, hours, minutes or seconds, whichever is the largest that it is a whole number of.</summary>
    public static string ShowTime(TimeSpan time)
    {
        (string name, double count) = Array.Find([("days", time.TotalDays), ("h", time.TotalHours), ("min", time.TotalMinutes)], u => u.Item2 >= 1 && u.Item2 == Math.Floor(u.Item2) && (u.Item1 != "days" || u.Item2 >= 2));
        return name is null ? string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:0.###} s") : string.Create(CultureInfo.InvariantCulture, $"{count:0} {name}");
    }

    /// <summary>Bytes for people.</summary>
    public static string ShowBytes(double bytes)
    {
        string[] units = ["B", "KiB", "MiB", "GiB", "TiB"];
        int unit = 0;
        while (bytes >= 1024 && unit < units.Length - 1)
        {
            bytes /= 1024;
            unit++;
        }

        return string.Create(CultureInfo.InvariantCulture, $"{bytes:0.#} {units[unit]}");
    }
}
