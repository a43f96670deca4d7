// Options that several commands have: the same names, words and checks everywhere.
using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Numerics;
using Mote.Packaging;
using Mote.Runtime;

namespace Mote.Cli.Commands;

internal static class SharedOptions
{
    private const string UrlName = "URL";

    public static Option<bool> Json() => new("--json") { Description = "Print one JSON object for programs; words for people go to standard error." };

    /// <summary>Which node it is, by its configuration.</summary>
    public static Option<string?> Config() => new("--config") { Description = "Node config; by default node.toml beside the manifest, where there is one.", HelpName = "FILE" };

    /// <summary>Which node it is, by where it keeps what it has.</summary>
    public static Option<string?> Data() => new("--data") { Description = "The node's data folder (.mote beside the manifest).", HelpName = "DIR" };

    public static Option<string[]> Pairs(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "KEY=VALUE",
        DefaultValueFactory = _ => [],
        // What was found is not shown: it may be the secret that somebody forgot to name.
        Validators = { r => { if (r.Tokens.Any(t => t.Value.IndexOf('=') <= 0)) r.AddError($"{r.Option.Name} must be KEY=VALUE"); } },
    };

    public static KeyValuePair<string, string> Pair(string text)
    {
        int at = text.IndexOf('=');
        return new(text[..at], text[(at + 1)..]);
    }

    /// <summary>Values of an app's variables.</summary>
    public static Option<string[]> Variables() => Pairs("--variable", "A value for {{ KEY }} in the manifest. Where it is not given: --variables, then the environment's MOTE_VARIABLE_KEY, then the file KEY of $CREDENTIALS_DIRECTORY, then the default.");

    /// <summary>Files of them.</summary>
    public static Option<string[]> VariableFiles() => new("--variables")
    {
        Description = "A TOML file with values for the manifest's variables: KEY = \"VALUE\".",
        HelpName = "FILE",
        DefaultValueFactory = _ => [],
    };

    public static VariableValues VariablesOf(ParseResult r, Option<string[]> values, Option<string[]> files) =>
        new(r.GetValue(values)!.Select(Pair), r.GetValue(files)!, Environment.GetEnvironmentVariable);

    /// <summary>A time such as 30s or 2min; null where it is not given.</summary>
    public static Option<string?> Time(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "TIME",
        Validators = { r => Check(r, v => Units.TryTime(v) is { } t && t > TimeSpan.Zero, "must be a time like 500ms, 30s or 2min") },
    };

    public static TimeSpan? TimeOf(ParseResult r, Option<string?> option) => r.GetValue(option) is { } text ? Units.TryTime(text) : null;

    public static Option<string?> Url(string name, string description, params string[] schemes) => new(name)
    {
        Description = description,
        HelpName = UrlName,
        Validators = { r => Check(r, v => Uri.TryCreate(v, UriKind.Absolute, out Uri? u) && schemes.Contains(u.Scheme), $"must be a URL that begins with {string.Join(" or ", schemes.Select(s => s + "://"))}") },
    };

    public static Uri? UrlOf(ParseResult r, Option<string?> option) => r.GetValue(option) is { } text ? new Uri(text) : null;

    public static Option<T> Number<T>(string name, string description, T value, T min, T max)
        where T : struct, INumber<T> => new(name)
        {
            Description = description,
            DefaultValueFactory = _ => value,
            CustomParser = r => Parse(r, name, min, max) ?? value,
        };

    /// <summary>A seed; null where it is not given.</summary>
    public static Option<int?> Seed() => new("--seed")
    {
        Description = "The same seed gives the same readings and faults.",
        CustomParser = r => Parse(r, "--seed", 0, int.MaxValue),
    };

    /// <summary>The machine's profile; null where it is not given.</summary>
    public static Option<string?> Profile() => new("--profile")
    {
        Description = "server reserves address space and pools instances, small does neither, auto takes server where it can be had (auto).",
        HelpName = "auto|server|small",
        Validators = { r => Check(r, v => v is "auto" or "server" or "small", "is auto, server or small") },
    };

    public static ProfileKind? ProfileOf(ParseResult r, Option<string?> option) => r.GetValue(option) switch
    {
        null => null,
        "server" => ProfileKind.Server,
        "small" => ProfileKind.SmallDevice,
        _ => ProfileKind.Auto,
    };

    public static Option<string> Floats() => new("--floats")
    {
        Description = "deterministic gives the same bits on every processor; fast gives the processor's own NaNs.",
        HelpName = "deterministic|fast",
        DefaultValueFactory = _ => "deterministic",
        Validators = { r => Check(r, v => v is "deterministic" or "fast", "is deterministic or fast") },
    };

    public static FloatMode FloatsOf(ParseResult r, Option<string> option) => r.GetValue(option) == "fast" ? FloatMode.Fast : FloatMode.Deterministic;

    private static T? Parse<T>(ArgumentResult r, string name, T min, T max)
        where T : struct, INumber<T>
    {
        if (r.Tokens is not [{ Value: { } text }]) return null;
        if (T.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out T n) && n >= min && n <= max) return n;
        r.AddError(string.Create(CultureInfo.InvariantCulture, $"{name} must be a number from {min} to {max}, found `{text}`"));
        return null;
    }

    private static void Check(OptionResult r, Func<string, bool> isGood, string message)
    {
        foreach (Token t in r.Tokens)
        {
            if (!isGood(t.Value)) r.AddError($"{r.Option.Name} {message}, found `{(r.Option.HelpName == UrlName ? UrlUserInfo.MaskAddress(t.Value) : t.Value)}`");
        }
    }
}
