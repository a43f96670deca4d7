// Cron expressions against a walk through every minute, through clock changes in zones of several kinds.
using System.Globalization;
using Mote.Packaging.Timers;

namespace Mote.Packaging.Tests;

public sealed class CronScheduleTests
{
    private static readonly string[] s_months = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
    private static readonly string[] s_days = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

    /// <summary>An hour of difference in both halves of the year, half an hour, none, and offsets that are no whole hours.</summary>
    private static readonly string[] s_zones = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC", "Asia/Kathmandu"];

    [Fact]
    public void After_IsWhatAWalkThroughAllMinutesFinds()
    {
        int seed = Seeds.Of(20261123);
        var random = new Random(seed);
        foreach (string id in s_zones)
        {
            TimeZoneInfo zone = TimeZoneInfo.FindSystemTimeZoneById(id);
            // The clock changes of these zones are in these months; and one that has none.
            foreach (DateTime start in (DateTime[])[new(2026, 3, 5), new(2027, 10, 1), new(2028, 2, 20), new(2026, 10, 20)])
            {
                var walk = new Walk(zone, new DateTimeOffset(start, TimeSpan.Zero), days: 32);
                for (int i = 0; i < Seeds.Times(60, 2000); i++)
                {
                    Fields fields = Fields.Random(random);
                    string where = $"\"{fields.Text}\" in {id} from {start:yyyy-MM-dd}, seed {seed}";
                    Assert.True(CronSchedule.TryParse(fields.Text, zone, out CronSchedule? schedule, out string? fault), $"{where}: {fault}");
                    List<DateTimeOffset> wanted = walk.Times(fields);
                    var found = new List<DateTimeOffset>();
                    for (DateTimeOffset? t = schedule.After(walk.Start.AddTicks(-1)); t < walk.End; t = schedule.After(t.Value)) found.Add(t.Value);
                    Assert.True(wanted.SequenceEqual(found), $"{where}: {string.Join(' ', wanted.Except(found).Take(3).Select(t => $"not {t:O}"))} {string.Join(' ', found.Except(wanted).Take(3).Select(t => $"but {t:O}"))}");
                    // From a moment that is none of them.
                    DateTimeOffset moment = walk.Start.AddTicks(random.NextInt64((walk.End - walk.Start).Ticks));
                    DateTimeOffset? next = schedule.After(moment);
                    DateTimeOffset first = wanted.FirstOrDefault(t => t > moment);
                    if (first != default) Assert.True(next == first, $"{where}: after {moment:O} comes {first:O}, found {next:O}");
                    else Assert.False(next < walk.End, $"{where}: after {moment:O} comes none, found {next:O}");
                }
            }
        }
    }

    [Theory]
    // In spring 02:00 to 03:00 is not there; in autumn it is there twice.
    [InlineData("30 2 * * *", "2026-03-28T12:00:00Z", "2026-03-29T03:00:00+02:00 2026-03-30T02:30:00+02:00")]
    [InlineData("30 2 * * *", "2026-10-24T12:00:00Z", "2026-10-25T02:30:00+02:00 2026-10-26T02:30:00+01:00")]
    [InlineData("*/30 2 * * *", "2026-10-24T12:00:00Z", "2026-10-25T02:00:00+02:00 2026-10-25T02:30:00+02:00 2026-10-25T02:00:00+01:00 2026-10-25T02:30:00+01:00 2026-10-26T02:00:00+01:00")]
    // The 13th, or a Friday; a star makes it both.
    [InlineData("0 0 13 * FRI", "2026-11-07T00:00:00Z", "2026-11-13T00:00:00+01:00 2026-11-20T00:00:00+01:00 2026-11-27T00:00:00+01:00 2026-12-04T00:00:00+01:00 2026-12-11T00:00:00+01:00 2026-12-13T00:00:00+01:00")]
    [InlineData("0 0 */2 * 5", "2026-11-07T00:00:00Z", "2026-11-13T00:00:00+01:00 2026-11-27T00:00:00+01:00 2026-12-11T00:00:00+01:00")]
    [InlineData("0  12\t1 jan-MAR/2,12 *", "2026-11-07T00:00:00Z", "2026-12-01T12:00:00+01:00 2027-01-01T12:00:00+01:00 2027-03-01T12:00:00+01:00")]
    [InlineData("0 0 29 2 *", "2026-11-07T00:00:00Z", "2028-02-29T00:00:00+01:00 2032-02-29T00:00:00+01:00")]
    [InlineData("0 0 * * 7", "2026-11-07T00:00:00Z", "2026-11-08T00:00:00+01:00 2026-11-15T00:00:00+01:00")]
    public void After_InBerlin(string text, string from, string times)
    {
        Assert.True(CronSchedule.TryParse(text, TimeZoneInfo.FindSystemTimeZoneById("Europe/Berlin"), out CronSchedule? schedule, out _));
        DateTimeOffset at = DateTimeOffset.Parse(from, CultureInfo.InvariantCulture);
        foreach (string wanted in times.Split(' '))
        {
            at = schedule.After(at)!.Value;
            Assert.Equal(wanted, at.ToString("yyyy-MM-dd'T'HH:mm:sszzz", CultureInfo.InvariantCulture));
        }
    }

    [Theory]
    [InlineData("* * * *", "has 5 fields (minute, hour, day of month, month, day of week), as in \"*/5 * * * *\"; this has 4")]
    [InlineData("0 * * * * *", "this has 6")]
    [InlineData("", "this has 0")]
    [InlineData("@daily", "this has 1")]
    [InlineData("60 * * * *", "Minutes: Value must be a number between 0 and 59")]
    [InlineData("* 24 * * *", "Hours: Value must be a number between 0 and 23")]
    [InlineData("* * 0 * *", "Days of month: Value must be a number between 1 and 31")]
    [InlineData("* * * 13 *", "Months: Value must be a number between 1 and 12")]
    [InlineData("* * * * 8", "Days of week: Value must be a number between 0 and 7")]
    [InlineData("*/0 * * * *", "Minutes: Value must be a number between 1 and 59")]
    [InlineData("1,,2 * * * *", "Minutes: ")]
    [InlineData("* * * MAI *", "Months: ")]
    [InlineData("H * * * *", "use `jitter`")]
    [InlineData("0 0 30 2 *", "never comes")]
    public void Text_ThatIsNone_SaysWhy(string text, string says)
    {
        Assert.False(CronSchedule.TryParse(text, TimeZoneInfo.Utc, out CronSchedule? schedule, out string? fault));
        Assert.Null(schedule);
        Assert.Contains(says, fault);
    }

    [Fact]
    public void Text_OfAnyKind_IsReadOrRefused()
    {
        int seed = Seeds.Of(7);
        var random = new Random(seed);
        const string Letters = "0123456789*/,-?LWH#@ \tJANSUN\0é.";
        for (int i = 0; i < Seeds.Times(20_000, 1_000_000); i++)
        {
            string text = string.Concat(Enumerable.Range(0, random.Next(40)).Select(_ => Letters[random.Next(Letters.Length)]));
            if (i % 2 == 0) text = string.Join(' ', Enumerable.Range(0, 5).Select(_ => string.Concat(Enumerable.Range(0, random.Next(1, 5)).Select(_ => Letters[random.Next(22)]))));
            if (CronSchedule.TryParse(text, TimeZoneInfo.Utc, out CronSchedule? schedule, out string? fault)) Assert.NotNull(schedule.After(DateTimeOffset.UnixEpoch));
            else Assert.False(string.IsNullOrEmpty(fault), text);
        }

        Assert.False(CronSchedule.TryParse(new string('*', 10_000), TimeZoneInfo.Utc, out _, out string? tooLong));
        Assert.Contains("at most 500 characters", tooLong);
    }

    [Fact]
    public void Equals_IsOfTextAndZone()
    {
        CronSchedule a = Of("0  1 * * *", "UTC"), b = Of("0 1 * * *", "UTC"), c = Of("0 1 * * *", "Europe/Berlin"), d = Of("0 2 * * *", "UTC");
        Assert.Equal(a, b);
        Assert.Equal(a.GetHashCode(), b.GetHashCode());
        Assert.NotEqual(b, c);
        Assert.NotEqual(b, d);

        static CronSchedule Of(string text, string zone) => CronSchedule.TryParse(text, TimeZoneInfo.FindSystemTimeZoneById(zone), out CronSchedule? s, out _) ? s : throw new InvalidOperationException(text);
    }

    /// <summary>Five fields as sets and as text that was made from the same parts.</summary>
    private sealed record Fields(string Text, HashSet<int>[] Values, bool IsInterval, bool IsEitherDay)
    {
        public static Fields Random(Random random)
        {
            (int Min, int Max, string[]? Names)[] ranges = [(0, 59, null), (0, 23, null), (1, 31, null), (1, 12, s_months), (0, 6, s_days)];
            string[] texts = new string[5];
            var values = new HashSet<int>[5];
            bool interval = false;
            for (int f = 0; f < 5; f++)
            {
                (int min, int max, string[]? names) = ranges[f];
                values[f] = [];
                // Hours around the changes, often; months seldom, or most would be empty.
                bool star = f == 3 ? random.Next(6) > 0 : random.Next(f >= 2 ? 2 : 4) == 0;
                if (star)
                {
                    int step = random.Next(3) == 0 ? random.Next(1, max) : 1;
                    texts[f] = step == 1 ? "*" : $"*/{step}";
                    for (int v = min; v <= max; v += step) values[f].Add(v);
                    interval |= f < 2;
                    continue;
                }

                var parts = new List<string>();
                for (int n = random.Next(1, 4); n > 0; n--)
                {
                    int from = f == 1 && random.Next(2) == 0 ? random.Next(0, 4) : random.Next(min, max + 1);
                    string Name(int v) => names is not null && random.Next(2) == 0 ? names[v - min] : v.ToString(CultureInfo.InvariantCulture);
                    if (random.Next(3) > 0)
                    {
                        parts.Add(Name(from));
                        values[f].Add(from);
                        continue;
                    }

                    int to = random.Next(from, max + 1), step = random.Next(2) == 0 ? random.Next(1, 8) : 1;
                    parts.Add($"{Name(from)}-{Name(to)}{(step > 1 ? $"/{step}" : "")}");
                    for (int v = from; v <= to; v += step) values[f].Add(v);
                    interval |= f < 2;
                }

                texts[f] = string.Join(',', parts);
            }

            // One that is never would be refused.
            if (!values[2].Any(d => d <= 28) && texts[4][0] == '*') return Random(random);
            return new Fields(string.Join(' ', texts), values, interval, texts[2][0] != '*' && texts[4][0] != '*');
        }

        public bool Match(DateTime local)
        {
            bool dayOfMonth = Values[2].Contains(local.Day), dayOfWeek = Values[4].Contains((int)local.DayOfWeek);
            return Values[0].Contains(local.Minute) && Values[1].Contains(local.Hour) && Values[3].Contains(local.Month) && (IsEitherDay ? dayOfMonth || dayOfWeek : dayOfMonth && dayOfWeek);
        }
    }

    /// <summary>Every minute of some days with what the zone's clock shows, worked out without the schedule's code.</summary>
    private sealed class Walk
    {
        private readonly List<(DateTimeOffset Utc, DateTime Local, bool IsSecond, DateTime? SkippedFrom)> _minutes = [];

        public Walk(TimeZoneInfo zone, DateTimeOffset start, int days)
        {
            Start = start;
            End = start.AddDays(days);
            var shown = new HashSet<DateTime>();
            DateTime before = TimeZoneInfo.ConvertTime(start.AddMinutes(-1), zone).DateTime;
            for (DateTimeOffset t = start; t < End; t = t.AddMinutes(1))
            {
                DateTime local = TimeZoneInfo.ConvertTime(t, zone).DateTime;
                _minutes.Add((t, local, !shown.Add(local), local > before.AddMinutes(1) ? before.AddMinutes(1) : null));
                before = local;
            }
        }

        public DateTimeOffset Start { get; }

        public DateTimeOffset End { get; }

        public List<DateTimeOffset> Times(Fields fields)
        {
            var times = new List<DateTimeOffset>();
            foreach ((DateTimeOffset utc, DateTime local, bool isSecond, DateTime? skippedFrom) in _minutes)
            {
                bool comes = fields.Match(local) && (!isSecond || fields.IsInterval);
                for (DateTime? skipped = skippedFrom; skipped < local && !comes; skipped = skipped.Value.AddMinutes(1)) comes = fields.Match(skipped.Value);
                if (comes) times.Add(utc);
            }

            return times;
        }
    }
}
