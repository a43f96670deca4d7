// One series of values, judged by itself: what happens now is worth a message where it is more than anything that
// happened before.
//
// Seven measures of a row are kept (a step, a distance to the level, how restless it is, how far from the same time on
// other days, ...), each with the greatest value it has had; that record fades slowly. A row is an event where a measure
// comes near its record or beats it, and for a while nothing was an event. So no scale of the values has to be known,
// and a series that is wild by nature raises its own bar.
#pragma once
#include <stdint.h>

enum { SERIES_MEASURES = 7, SERIES_RING = 48, SERIES_BINS = 288 };

typedef struct {
    uint64_t rows, last;                // rows so far, and the last one that a measure was near its record
    double before;                      // the value of the row before
    double fast, slow;                  // levels of about the last 12 and 600 rows
    double restless;                    // mean step of the last 24
    double off_day, off_day_slow;       // distance to other days at this time, of the last 6 and 48 rows
    double ring[SERIES_RING];           // the last values
    double record[SERIES_MEASURES];
    float day[SERIES_BINS];             // level at each time of the day, in five minutes
    uint8_t days[SERIES_BINS];          // days that it is made of, at most 4
} series_t;

typedef struct { bool event; int measure; double score; } series_verdict_t;

static const char *const series_measures[SERIES_MEASURES] = { "step", "jump", "level", "time-of-day", "day", "restless", "range" };

// Chosen on half of the Numenta Anomaly Benchmark's shared streams (`./bench detect` scores the others).
static const double series_weights[SERIES_MEASURES] = { 0.85, 0.85, 0.85, 1, 1, 0.85, 0.85 };
static const double series_fading = 0.99991;  // of a record, each row
static const double series_rest = 78.0 / 604; // of the rows of learning: so long nothing more is said

static series_verdict_t series_judge(series_t *s, double x, bool has_time, double time, uint32_t learn) {
    double m[SERIES_MEASURES] = { 0 };
    if (s->rows == 0) s->before = s->fast = s->slow = x;
    double step = __builtin_fabs(x - s->before);
    m[0] = step;
    m[1] = __builtin_fabs(x - s->fast);
    m[2] = __builtin_fabs(s->fast - s->slow);
    double off = 0;
    bool known = false;
    if (has_time) {
        double day = time - __builtin_floor(time / 86400) * 86400;
        int bin = (int)(day / 300);
        if (bin < 0 || bin >= SERIES_BINS) bin = 0;
        known = s->days[bin] > 0;
        if (known) off = x - (double)s->day[bin];
        if (s->days[bin] < 4) s->days[bin]++;
        s->day[bin] += (float)((x - (double)s->day[bin]) / s->days[bin]);
    }
    s->off_day += (off - s->off_day) / 6;
    s->off_day_slow += (off - s->off_day_slow) / 48;
    m[3] = known ? __builtin_fabs(s->off_day) : 0;
    m[4] = __builtin_fabs(s->off_day_slow);
    s->fast += (x - s->fast) / 12;
    s->slow += (x - s->slow) / 600;
    s->restless += (step - s->restless) / 24;
    m[5] = s->restless;
    s->before = x;
    s->ring[s->rows % SERIES_RING] = x;
    s->rows++;
    if (s->rows > SERIES_RING) {
        double low = s->ring[0], high = s->ring[0];
        for (int i = 1; i < SERIES_RING; i++) {
            if (s->ring[i] < low) low = s->ring[i];
            if (s->ring[i] > high) high = s->ring[i];
        }
        m[6] = high - low;
    }

    series_verdict_t v = { false, 0, 0 };
    for (int i = 0; i < SERIES_MEASURES; i++) {
        // A measure that was never above nothing has no record to beat: its first value is one.
        double ratio = m[i] <= 1e-12 ? 0 : s->record[i] > 0 ? m[i] / s->record[i] * series_weights[i] : 1e6;
        if (ratio > v.score) { v.score = ratio; v.measure = i; }
        s->record[i] *= series_fading;
        if (m[i] > s->record[i]) s->record[i] = m[i];
    }
    if (s->rows <= learn / 2 || v.score < 1) return v;
    v.event = s->rows > learn && (s->last == 0 || s->rows - s->last > (uint64_t)(series_rest * learn));
    s->last = s->rows;
    return v;
}
