// What a window of vibration says of a bearing: how strong it is, how spiky, in which bands, and how strongly its
// envelope repeats.
#pragma once
#include <stdbool.h>
#include "fft.h"

enum {
    BANDS = 16,                   // of equal width, from 0 to half the sampling rate
    RMS = 0, KURTOSIS, CREST, REPEAT, FIRST_BAND,
    FEATURES = FIRST_BAND + BANDS,
    ENVELOPE = 512,               // lines of the envelope's spectrum that are kept
};

// A natural logarithm of a positive number, without a libc: good to 1e-9, which is more than features need.
static double logarithm(double x) {
    if (!(x > 1e-30)) x = 1e-30;
    uint64_t bits;
    __builtin_memcpy(&bits, &x, 8);
    int e = (int)(bits >> 52 & 0x7ff) - 1023;
    bits = (bits & 0xfffffffffffffull) | 0x3ff0000000000000ull;
    double m;
    __builtin_memcpy(&m, &bits, 8);
    if (m > 1.4142135623730951) { m /= 2; e++; }
    double y = (m - 1) / (m + 1), y2 = y * y, sum = 0, term = y;
    for (int i = 1; i < 20; i += 2) { sum += term / i; term *= y2; }
    return 2 * sum + e * 0.693147180559945309;
}

typedef struct {
    double value[FEATURES];       // logarithms, so that a doubling is the same step everywhere
    double rms, kurtosis, crest;  // as people know them; rms in the unit of scale
    float envelope[ENVELOPE];     // amplitudes of the envelope's spectrum, line k at k * rate / n Hz
} features_t;

static fft_t fft_tables;
static float part_re[FFT_MAX] __attribute__((aligned(16))), part_im[FFT_MAX] __attribute__((aligned(16))), power[FFT_MAX / 2];

// The part's spectrum adds to `power`, and its envelope's to the features' `envelope`.
static void part_features(const float *x, uint32_t n, features_t *f) {
    for (uint32_t i = 0; i < n; i++) {
        double c, s;
        turn(i, n, &c, &s);
        part_re[i] = x[i] * (float)(0.5 - 0.5 * c); // Hann
        part_im[i] = 0;
    }
    fft(&fft_tables, part_re, part_im);
    for (uint32_t k = 0; k < n / 2; k++) power[k] += part_re[k] * part_re[k] + part_im[k] * part_im[k];

    // The envelope of what is above an eighth of the sampling rate, where a bearing rings when it is struck and a shaft
    // does not turn: without negative frequencies a signal is its analytic one, whose magnitude is its envelope.
    for (uint32_t k = 0; k < n; k++) if (k < n / 8 || k >= n / 2) part_re[k] = part_im[k] = 0;
    fft(&fft_tables, part_im, part_re); // the inverse, but for the factor 1/n
    double mean = 0;
    for (uint32_t i = 0; i < n; i++) {
        part_re[i] = __builtin_sqrtf(part_re[i] * part_re[i] + part_im[i] * part_im[i]) / (float)n;
        part_im[i] = 0;
        mean += part_re[i];
    }
    mean /= n;
    for (uint32_t i = 0; i < n; i++) part_re[i] -= (float)mean;
    fft(&fft_tables, part_re, part_im);
    for (uint32_t k = 0; k < ENVELOPE && k < n / 2; k++) f->envelope[k] += __builtin_sqrtf(part_re[k] * part_re[k] + part_im[k] * part_im[k]) / (float)n;
}

// Features of count samples, in parts of n (a power of two that is not more than count).
static void features_of(float *x, uint32_t count, uint32_t n, features_t *f) {
    *f = (features_t){ 0 };
    fft_init(&fft_tables, n);
    double mean = 0, square = 0, fourth = 0, peak = 0;
    for (uint32_t i = 0; i < count; i++) mean += x[i];
    mean /= count;
    for (uint32_t i = 0; i < count; i++) {
        double d = x[i] - mean, d2 = d * d;
        x[i] = (float)d;
        square += d2;
        fourth += d2 * d2;
        if (__builtin_fabs(d) > peak) peak = __builtin_fabs(d);
    }
    square /= count;
    f->rms = __builtin_sqrt(square);
    f->kurtosis = square > 0 ? fourth / count / (square * square) : 0;
    f->crest = square > 0 ? peak / f->rms : 0;
    f->value[RMS] = logarithm(f->rms + 1e-9);
    f->value[KURTOSIS] = logarithm(f->kurtosis + 1e-9);
    f->value[CREST] = logarithm(f->crest + 1e-9);

    __builtin_memset(power, 0, sizeof power);
    // Parts overlap so that the last samples are in one, too.
    uint32_t parts = (count + n - 1) / n;
    for (uint32_t p = 0; p < parts; p++) part_features(x + (parts == 1 ? 0 : (uint64_t)(count - n) * p / (parts - 1)), n, f);
    double all = 0, highest = 0;
    uint32_t lines = n / 2 < ENVELOPE ? n / 2 : ENVELOPE;
    for (uint32_t k = 0; k < lines; k++) {
        f->envelope[k] /= (float)parts;
        // The lowest lines are the slow change of a load.
        if (k < 3) continue;
        all += f->envelope[k];
        if (f->envelope[k] > highest) highest = f->envelope[k];
    }
    f->value[REPEAT] = logarithm(highest * lines / (all + 1e-30) + 1e-9);
    for (uint32_t b = 0; b < BANDS; b++) {
        double sum = 0;
        for (uint32_t k = n / 2 * b / BANDS; k < n / 2 * (b + 1) / BANDS; k++) sum += power[k];
        f->value[FIRST_BAND + b] = 0.5 * logarithm(sum / parts / n / n + 1e-18); // an amplitude, as rms is
    }
}
