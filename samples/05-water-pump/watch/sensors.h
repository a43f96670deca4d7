// The sensors of one machine, judged together.
//
// Each sensor learns its usual level and how much it varies, over three spans: a moment, some seconds, half a minute.
// What is judged afterwards is the moving mean of each span, in multiples of how much that mean varied while learning (or
// would in plain noise, where that is more): a large change shows in a moment, a small one that stays shows in half a minute.
//
// A sensor whose values hang together from row to row (a temperature) has no level that it keeps: it is judged by its
// distance to a reference that follows it slowly. While there is an alarm, nothing follows.
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum { SPANS = 3, MAX_SENSORS = 16, SENSOR_NAME = 32 };

// Chosen on half of the shared files of the Skoltech Anomaly Benchmark (`./bench detect` scores the others).
static const double spans[SPANS] = { 2, 8, 32 };
static const double span_weights[SPANS] = { 1, 1, 1 };
static const double drifting = 0.05;     // below this share of row-to-row variance, a sensor drifts
static const double drift_rate = 0.0143; // how fast a reference follows a drifting sensor, of the distance each row
static const double steady_rate = 0.0052; // and a steady one, once it has learned
static const double clip = 7;            // one wild row counts as this many standard deviations
static const uint32_t warm_up = 60;      // rows until moving means are worth learning from

typedef struct {
    char name[SENSOR_NAME];
    uint32_t name_len, drifts;
    uint64_t rows;
    double first;                    // values are kept as differences to it, so that large levels lose no digits
    double mean, squares;            // of the level while learning, and the sum of squared distances (Welford)
    double before, steps;            // the value before, and the sum of squared steps
    double reference;                // what a drifting sensor is compared with; of a steady one, how far its level has moved
    double steady[SPANS], drift[SPANS];             // moving means: of the value, and of its distance to the reference
    double steady_mean[SPANS], steady_squares[SPANS]; // of those, while learning
    double drift_squares[SPANS];
    double deviation;                // standard deviation, once learned
    double usual[SPANS];             // how much each moving mean varies, in deviations, once learned
} sensor_t;

static double follow(double mean, double value, uint64_t n, double span) { return mean + (value - mean) / (n < span ? (double)(n < 1 ? 1 : n) : span); }

static void sensor_learned(sensor_t *s, uint32_t learn) {
    double variance = s->squares / learn, share = s->steps / (learn - 1) / (2 * variance + 1e-30);
    s->drifts = share < drifting;
    // One that never varied is given a thousandth of its level, lest its last digit is an alarm.
    s->deviation = __builtin_sqrt(variance) + 1e-3 * __builtin_fabs(s->mean + s->first) + 1e-9;
    for (int k = 0; k < SPANS; k++) {
        double seen = (s->drifts ? s->drift_squares[k] : s->steady_squares[k]) / (learn - warm_up) / (s->deviation * s->deviation);
        double noise = 1 / (2 * spans[k] - 1);
        s->usual[k] = __builtin_sqrt((seen > noise ? seen : noise) + 1e-4);
        // From now on moving means are of the distance to what is usual, in deviations.
        s->steady[k] = ((s->drifts ? s->drift[k] : s->steady[k] - s->mean)) / s->deviation;
    }
    if (!s->drifts) s->reference = 0;
}

// Takes a value; how unusual the sensor is now, 0 while it learns.
static double sensor_judge(sensor_t *s, double value, uint32_t learn, bool alarmed) {
    if (s->rows == 0) { s->first = value; s->before = 0; }
    double x = value - s->first;
    s->rows++;
    if (s->rows <= learn) {
        if (s->rows == 1) s->reference = x;
        double from_mean = x - s->mean, step = x - s->before;
        s->mean += from_mean / (double)s->rows;
        s->squares += from_mean * (x - s->mean);
        s->steps += step * step;
        s->before = x;
        double away = x - s->reference;
        s->reference += drift_rate * away;
        for (int k = 0; k < SPANS; k++) {
            s->steady[k] = follow(s->steady[k], x, s->rows, spans[k]);
            s->drift[k] = follow(s->drift[k], away, s->rows, spans[k]);
            if (s->rows <= warm_up) continue;
            double d = s->steady[k] - s->steady_mean[k];
            s->steady_mean[k] += d / (double)(s->rows - warm_up);
            s->steady_squares[k] += d * (s->steady[k] - s->steady_mean[k]);
            s->drift_squares[k] += s->drift[k] * s->drift[k];
        }
        if (s->rows == learn) sensor_learned(s, learn);
        return 0;
    }

    double z;
    if (s->drifts) {
        z = (x - s->reference) / s->deviation;
        if (!alarmed) s->reference += drift_rate * (x - s->reference);
    } else {
        z = (x - s->mean - s->reference) / s->deviation;
        if (!alarmed) s->reference += steady_rate * z * s->deviation;
    }
    if (z > clip) z = clip;
    if (z < -clip) z = -clip;
    double score = 0;
    for (int k = 0; k < SPANS; k++) {
        s->steady[k] = follow(s->steady[k], z, s->rows, spans[k]);
        double v = __builtin_fabs(s->steady[k]) / s->usual[k] * span_weights[k];
        if (v > score) score = v;
    }
    return score;
}
