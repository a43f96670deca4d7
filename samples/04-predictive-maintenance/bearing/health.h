// The health of a bearing: features of a window against what they were when it was healthy.
#pragma once
#include "features.h"

// Stored as it is in memory, so a change of this struct needs a new HEALTH_VERSION.
typedef struct {
    uint32_t version, rate, part;        // of the samples that it was learned from
    uint32_t alarmed, hits, calm, said;  // the alarm, the windows that speak for changing it, windows since a summary
    uint64_t windows;
    double mean[FEATURES], squares[FEATURES]; // while learning (Welford)
    double index;                        // smoothed, for summaries
    double worst;                        // highest since the last summary
    uint32_t faults;                     // windows that the fault's envelope is made of, at most 32
    float envelope[ENVELOPE];
} health_t;

enum { HEALTH_VERSION = 1, TOP = 3 };

// Least standard deviation of a feature, as learned from few windows it may be anything: a tenth, in logarithms.
static const double least_deviation = 0.1;

// How unhealthy a window is: the mean of its TOP features that are most above their healthy values, in their standard
// deviations. What is lower than healthy (a machine that runs in, or idles) is no fault.
static double health_index(const health_t *h, const features_t *f, uint32_t learn, int *feature) {
    double top[TOP] = { 0 };
    *feature = 0;
    for (int i = 0; i < FEATURES; i++) {
        double deviation = __builtin_sqrt(h->squares[i] / learn);
        double z = (f->value[i] - h->mean[i]) / (deviation > least_deviation ? deviation : least_deviation);
        if (z > top[0]) *feature = i;
        for (int k = 0; k < TOP; k++) if (z > top[k]) { double t = top[k]; top[k] = z; z = t; }
    }
    double sum = 0;
    for (int k = 0; k < TOP; k++) sum += top[k];
    return sum / TOP;
}

static void health_learn(health_t *h, const features_t *f) {
    for (int i = 0; i < FEATURES; i++) {
        double d = f->value[i] - h->mean[i];
        h->mean[i] += d / (double)(h->windows + 1);
        h->squares[i] += d * (f->value[i] - h->mean[i]);
    }
}

// How far lines at harmonics of a frequency stand out of their surroundings: the mean over three of them.
static double stands_out(const float *envelope, uint32_t lines, double line) {
    double sum = 0;
    int harmonics = 0;
    for (int k = 1; k <= 3; k++) {
        double at = line * k;
        uint32_t around = 12, middle = (uint32_t)(at + 0.5), slack = (uint32_t)(at * 0.015 + 0.5);
        if (middle < 4 || middle + around >= lines) break;
        float peak = 0;
        for (uint32_t i = middle - slack; i <= middle + slack; i++) if (envelope[i] > peak) peak = envelope[i];
        double mean = 0;
        int n = 0;
        for (uint32_t i = middle > around + 2 ? middle - around : 3; i <= middle + around; i++) { mean += envelope[i]; n++; }
        sum += n ? peak / (mean / n + 1e-30) : 0;
        harmonics++;
    }
    return harmonics ? sum / harmonics : 0;
}
