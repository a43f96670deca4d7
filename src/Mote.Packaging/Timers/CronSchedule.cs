// When a cron expression comes, in a time zone. What is cron's own and not the library's is here: five fields and no
// more, and a day of the month or a day of the week where both are named, as in crontab(5).
using System.Diagnostics.CodeAnalysis;
using Cronos;

namespace Mote.Packaging.Timers;

/// <summary>A cron expression of five fields in a time zone. Two are equal when they are written the same.</summary>
public sealed class CronSchedule : IEquatable<CronSchedule>
{
    private const int MaxLength = 500;

    /// <summary>What the library begins each message with.</summary>
    private const string Prefix = "The given cron expression has an invalid format. ";

    private static readonly char[] s_blanks = [' ', '\t'];

    private readonly CronExpression _expression;
    private readonly CronExpression? _other;

    private CronSchedule(string text, TimeZoneInfo zone, CronExpression expression, CronExpression? other)
    {
        Text = text;
        Zone = zone;
        _expression = expression;
        _other = other;
    }

    /// <summary>The expression, a blank between fields.</summary>
    public string Text { get; }

    /// <summary>The zone whose clock it is about.</summary>
    public TimeZoneInfo Zone { get; }

    /// <summary>
    /// Reads an expression: minute, hour, day of month, month, day of week, with names, ranges, lists and steps. Where
    /// neither the day of the month nor that of the week begins with `*`, either makes a day one of them.
    /// </summary>
    public static bool TryParse(string text, TimeZoneInfo zone, [NotNullWhen(true)] out CronSchedule? schedule, [NotNullWhen(false)] out string? fault)
    {
        schedule = null;
        if (text.Length > MaxLength)
        {
            fault = $"a cron expression has at most {MaxLength} characters";
            return false;
        }

        string[] fields = text.Split(s_blanks, StringSplitOptions.RemoveEmptyEntries);
        if (fields.Length != 5)
        {
            fault = $"a cron expression has 5 fields (minute, hour, day of month, month, day of week), as in \"*/5 * * * *\"; this has {fields.Length}: \"{text}\"";
            return false;
        }

        try
        {
            CronExpression whole = CronExpression.Parse(string.Join(' ', fields)), expression = whole;
            CronExpression? other = null;
            if (IsRestricted(fields[2]) && IsRestricted(fields[4]))
            {
                expression = CronExpression.Parse($"{fields[0]} {fields[1]} {fields[2]} {fields[3]} *");
                other = CronExpression.Parse($"{fields[0]} {fields[1]} * {fields[3]} {fields[4]}");
            }

            schedule = new CronSchedule(string.Join(' ', fields), zone, expression, other);
        }
        catch (Exception e) when (e is CronFormatException or MissingSeedException)
        {
            fault = e is MissingSeedException ? $"\"{text}\": H is no value: use `jitter` to spread firings" : $"\"{text}\": {e.Message.Replace(Prefix, "", StringComparison.Ordinal).TrimEnd('.')}";
            return false;
        }

        if (schedule.After(new DateTimeOffset(2000, 1, 1, 0, 0, 0, TimeSpan.Zero)) is null)
        {
            schedule = null;
            fault = $"\"{text}\" never comes: no month has such a day";
            return false;
        }

        fault = null;
        return true;
    }

    /// <summary>
    /// The first time after this one, with the zone's offset; null where there is none before the year 2500. A time that
    /// the clock skips in spring comes at the end of the gap. Of an hour that comes twice in autumn, the first counts,
    /// and both where minute or hour is a star, a range or a step.
    /// </summary>
    public DateTimeOffset? After(DateTimeOffset time)
    {
        DateTimeOffset? next = _expression.GetNextOccurrence(time, Zone);
        return _other?.GetNextOccurrence(time, Zone) is { } other && !(next < other) ? other : next;
    }

    /// <inheritdoc/>
    public bool Equals(CronSchedule? other) => other is not null && Text == other.Text && Zone.Id == other.Zone.Id;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as CronSchedule);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Text, Zone.Id);

    /// <inheritdoc/>
    public override string ToString() => $"{Text} ({Zone.Id})";

    private static bool IsRestricted(string field) => field[0] is not ('*' or '?');
}
