// How often a detector was right, row by row.
namespace Mote.Cli.Scoring;

/// <summary>Counts of rows: was there an anomaly, and was there an alarm.</summary>
/// <param name="TruePositives">Both.</param>
/// <param name="FalsePositives">An alarm alone.</param>
/// <param name="FalseNegatives">An anomaly alone.</param>
/// <param name="TrueNegatives">Neither.</param>
internal readonly record struct Confusion(long TruePositives, long FalsePositives, long FalseNegatives, long TrueNegatives)
{
    /// <summary>Rows.</summary>
    public long Rows => TruePositives + FalsePositives + FalseNegatives + TrueNegatives;

    /// <summary>TP / (TP + (FP + FN) / 2); 0 where nothing was there and nothing was found, as the Skoltech benchmark has it.</summary>
    public double F1 => TruePositives == 0 ? 0 : TruePositives / (TruePositives + ((FalsePositives + FalseNegatives) / 2.0));

    /// <summary>Share of healthy rows with an alarm.</summary>
    public double FalseAlarmRate => FalsePositives + TrueNegatives == 0 ? 0 : (double)FalsePositives / (FalsePositives + TrueNegatives);

    /// <summary>Share of anomalous rows without one.</summary>
    public double MissedAlarmRate => FalseNegatives + TruePositives == 0 ? 0 : (double)FalseNegatives / (FalseNegatives + TruePositives);

    /// <summary>With one row more.</summary>
    public Confusion Add(bool anomaly, bool alarm) => new(
        TruePositives + (anomaly && alarm ? 1 : 0), FalsePositives + (!anomaly && alarm ? 1 : 0), FalseNegatives + (anomaly && !alarm ? 1 : 0), TrueNegatives + (!anomaly && !alarm ? 1 : 0));

    /// <summary>Counts of both.</summary>
    public static Confusion operator +(Confusion a, Confusion b) => new(a.TruePositives + b.TruePositives, a.FalsePositives + b.FalsePositives, a.FalseNegatives + b.FalseNegatives, a.TrueNegatives + b.TrueNegatives);
}

/// <summary>The alarm as it stands after what a detector has published.</summary>
internal struct AlarmState
{
    private bool _raised;

    /// <summary>Whether there is an alarm for the message that was just given: one that stands, or an event of its own.</summary>
    public bool After(IReadOnlyList<Alert> alerts)
    {
        bool now = _raised;
        foreach (Alert a in alerts)
        {
            if (a.State == "raised") now = _raised = true;
            else if (a.State == "cleared") now = _raised = false;
            else if (a.State == "event") now = true;
        }

        return now;
    }
}
