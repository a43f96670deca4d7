// Which firing of one timer is due, and what was missed. It is told the time, and has no clock, no queue and no disk.
//
// 1. All times up to the cursor are dealt with. The next firing is for the first time after it, or where the timer is
//    late (the node was off, the machine slept, the component took long) for what catch-up says.
// 2. A firing waits for its jitter, is given out, and is over when the component has had it. There is one at a time.
// 3. The mark that goes to disk is the cursor as it was when no firing was open: after a power cut an open one comes again.
// 4. A clock may be wrong, and be put right: see SetBack and Leap.
namespace Mote.Triggers.Timer;

/// <summary>What a timer did last, as it is kept on disk.</summary>
/// <param name="When">The schedule that it is of.</param>
/// <param name="Last">All times up to here are dealt with.</param>
/// <param name="High">The same, before the clock was set back, while the clock has not come there again.</param>
internal sealed record TimerMark(string When, DateTimeOffset Last, DateTimeOffset? High);

/// <summary>One timer. Not safe to use from several threads.</summary>
internal sealed class TimerReckoning
{
    /// <summary>Most firings that <see cref="CatchUp.All"/> makes up for; older ones are missed.</summary>
    public const int MaxBacklog = 1000;

    /// <summary>Missed firings are counted up to this many in one stretch.</summary>
    public const long MaxCount = 100_000;

    /// <summary>A firing that is late by no more than this has been held up; beyond it, it was missed.</summary>
    private static readonly TimeSpan s_grace = TimeSpan.FromMinutes(1);

    /// <summary>No machine sleeps this long: the clock was wrong, and has been set.</summary>
    private static readonly TimeSpan s_leap = TimeSpan.FromDays(366);

    private static readonly TimeSpan s_maxHold = TimeSpan.FromHours(3);
    private static readonly TimeSpan s_maxBackoff = TimeSpan.FromMinutes(1);

    private readonly Random _random;
    private readonly Action<string> _say;
    private DateTimeOffset _cursor;
    private DateTimeOffset _settled;
    private DateTimeOffset _seen;
    private TimeSpan _seenAt;
    private DateTimeOffset? _high;
    private Waiting? _waiting;
    private Firing? _inWork;
    private long _untold;
    private int _tries;
    private bool _isBehind;

    /// <summary>A timer that goes on from its mark, or begins now.</summary>
    public TimerReckoning(TimerOptions options, Random random, TimerMark? mark, DateTimeOffset now, TimeSpan uptime, Action<string> say)
    {
        Options = options;
        _random = random;
        _say = say;
        _seen = now;
        _seenAt = uptime;
        bool goesOn = options.CatchUp != CatchUp.Skip && mark?.When == options.When;
        _cursor = _settled = goesOn ? mark!.Last : now;
        _high = goesOn ? mark!.High : null;
        HasChanged = !goesOn;
    }

    /// <summary>What the timer is.</summary>
    public TimerOptions Options { get; }

    /// <summary>Firings that the component was called for.</summary>
    public long Fired { get; private set; }

    /// <summary>Times without a firing of their own.</summary>
    public long Missed { get; private set; }

    /// <summary>The mark is another than when this was last set to false.</summary>
    public bool HasChanged { get; set; }

    /// <summary>What to keep on disk.</summary>
    public TimerMark Mark => new(Options.When, _settled, _high);

    private TimerSchedule Schedule => Options.Schedule;

    /// <summary>When <see cref="Step"/> has something to do; null where only the end of a firing changes anything.</summary>
    public DateTimeOffset? Wake => _waiting is { } w ? w.Due : _inWork is null ? Schedule.After(_cursor) : null;

    /// <summary>When it fires next.</summary>
    public DateTimeOffset? Next(DateTimeOffset now) => _waiting is { } w ? w.Due : Schedule.After(now > _cursor ? now : _cursor);

    /// <summary>Looks at the clock; gives the firing that is due, which is open until <see cref="Done"/>.</summary>
    /// <param name="now">What the clock shows.</param>
    /// <param name="uptime">What a clock that nobody sets shows.</param>
    public Firing? Step(DateTimeOffset now, TimeSpan uptime)
    {
        bool leapt = now - _seen > s_leap;
        // Where the clock has been set, what came since then is still to be dealt with.
        DateTimeOffset start = now - (uptime > _seenAt ? uptime - _seenAt : TimeSpan.Zero);
        _seen = now;
        _seenAt = uptime;
        if (now < _cursor) SetBack(now, start);
        if (IsLate(Schedule.After(_cursor), now)) Leap(start, now, leapt);
        if (_high <= now)
        {
            _high = null;
            HasChanged = true;
        }

        if (_inWork is not null)
        {
            // With `all` they come when their turn does; else nothing waits behind an open firing.
            if (Options.CatchUp != CatchUp.All && Schedule.Count(_cursor, now, MaxCount) is > 0 and long passed)
            {
                Miss(passed);
                _cursor = now;
            }

            return null;
        }

        if (_waiting is null) Choose(now);
        if (_waiting is not { } next)
        {
            Settle();
            return null;
        }

        // It waits for a length of time and not for a moment: a clock that is set back must not make it longer.
        if (next.Due - now > next.Wait) _waiting = next = next with { Due = now + next.Wait };
        if (next.Due > now) return null;
        _waiting = null;
        _inWork = next.Firing with { Missed = next.Firing.Missed + _untold };
        _untold = 0;
        return _inWork;
    }

    /// <summary>The open firing is over.</summary>
    /// <param name="outcome">What became of it.</param>
    /// <param name="now">What the clock shows.</param>
    /// <param name="uptime">What a clock that nobody sets shows.</param>
    public void Done(Outcome outcome, DateTimeOffset now, TimeSpan uptime)
    {
        if (_inWork is not { } firing) return;
        _ = Step(now, uptime); // what came while it was open
        _inWork = null;
        if (outcome == Outcome.NotDelivered && Options.CatchUp != CatchUp.Skip)
        {
            TimeSpan wait = TimeSpan.FromSeconds(Math.Min(s_maxBackoff.TotalSeconds, 1 << Math.Min(_tries++, 10)));
            _waiting = new Waiting(firing, now + wait, wait);
            return;
        }

        _tries = 0;
        Fired++;
        Settle();
    }

    private static bool IsLate(DateTimeOffset? time, DateTimeOffset now) => now - time > s_grace;

    private void Choose(DateTimeOffset now)
    {
        if (Schedule.After(_cursor) is not { } first || first > now) return;
        // What is not made up for is missed, and the last of the rest decides.
        DateTimeOffset start = Schedule.StartOfLast(Options.CatchUp == CatchUp.All ? MaxBacklog : 1, _cursor, now);
        if (start > _cursor)
        {
            long passed = Schedule.Count(_cursor, start, MaxCount);
            Miss(passed);
            if (Options.CatchUp == CatchUp.All) _say($"{passed} firings before {Show(start)} were missed: at most {MaxBacklog} are made up for");
            first = Schedule.After(start)!.Value;
        }

        bool isLate = IsLate(first, now);
        if (isLate && Options.CatchUp == CatchUp.Skip)
        {
            Miss(1);
            _cursor = now;
            return;
        }

        _cursor = first;
        TimeSpan jitter = Options.Jitter * _random.NextDouble();
        // Nodes that got their power back together spread what they make up for, too.
        _waiting = new Waiting(new Firing(first, 0), (isLate && !_isBehind ? now : first) + jitter, jitter);
        _isBehind = isLate;
    }

    /// <summary>
    /// The clock shows a time that has been dealt with. By a little (half of the time to the next firing, three hours at
    /// most) the timer waits, so that nothing fires twice; by more it goes on from the new time, so that it does not stand
    /// still until the clock has caught up. How far it had come is kept: perhaps this time is the wrong one.
    /// </summary>
    private void SetBack(DateTimeOffset now, DateTimeOffset start)
    {
        TimeSpan back = _cursor - now;
        TimeSpan hold = Schedule.After(_cursor) is { } next && (next - _cursor) / 2 < s_maxHold ? (next - _cursor) / 2 : s_maxHold;
        if (back <= hold) return;
        _say($"the clock was set back from {Show(_cursor)} or later to {Show(now)}: it goes on from there");
        if (Options.CatchUp != CatchUp.Skip && !(_high > _cursor)) _high = _cursor;
        _cursor = start;
        _untold += _waiting?.Firing.Missed ?? 0;
        _waiting = null;
        HasChanged = true;
    }

    /// <summary>
    /// The timer is late. Where the clock was set back before and is past that point again, what counts is how far the
    /// timer had come then (a machine without a battery for its clock starts in 1970, and is put right later). A leap of
    /// more than a year from there, too, is a clock that was or is wrong, and not an absence: nothing is made up for.
    /// </summary>
    private void Leap(DateTimeOffset start, DateTimeOffset now, bool leapt)
    {
        if (_high > _cursor && _high <= now && !(leapt && now - _high > s_leap))
        {
            _cursor = _high.Value;
        }
        else if (leapt)
        {
            _say($"the clock leapt from {Show(_cursor)} or later to {Show(now)}: it goes on from there");
            _cursor = start;
        }
    }

    private void Settle()
    {
        if (_settled == _cursor) return;
        _settled = _cursor;
        HasChanged = true;
    }

    private void Miss(long count)
    {
        Missed += count;
        _untold += count;
    }

    private static string Show(DateTimeOffset time) => TimerMessage.Show(time);

    /// <summary>A firing that waits for its jitter, or to be tried again.</summary>
    private readonly record struct Waiting(Firing Firing, DateTimeOffset Due, TimeSpan Wait);
}
