// Runs the sample's transform, as it is compiled for the sample, and computes what it should be with libc's functions.
#include "transform.h"
#include "../../samples/04-predictive-maintenance/bearing/fft.h"
#include <math.h>

static fft_t tables;
static float re[FFT_MAX], im[FFT_MAX];
static double from_re[FFT_MAX], from_im[FFT_MAX], cosine[FFT_MAX], sine[FFT_MAX];

static double next(uint32_t *state) { // between -1 and 1
    *state = *state * 1664525u + 1013904223u;
    return (double)(*state >> 8) / (1 << 23) - 1;
}

static int fill(uint32_t n, uint32_t seed) {
    if (n < 8 || n > FFT_MAX || (n & (n - 1))) return 0;
    for (uint32_t i = 0; i < n; i++) {
        re[i] = (float)next(&seed);
        im[i] = (float)next(&seed);
        from_re[i] = re[i];
        from_im[i] = im[i];
    }
    fft_init(&tables, n);
    return 1;
}

double exports_transform_error(uint32_t n, uint32_t seed) {
    if (!fill(n, seed)) return -1;
    fft(&tables, re, im);
    for (uint32_t k = 0; k < n; k++) {
        cosine[k] = cos(6.283185307179586477 * k / n);
        sine[k] = -sin(6.283185307179586477 * k / n);
    }
    double most = 0;
    for (uint32_t k = 0; k < n; k++) {
        double r = 0, i = 0;
        for (uint32_t j = 0; j < n; j++) {
            uint32_t at = (uint32_t)((uint64_t)j * k % n);
            r += from_re[j] * cosine[at] - from_im[j] * sine[at];
            i += from_re[j] * sine[at] + from_im[j] * cosine[at];
        }
        most = fmax(most, fmax(fabs(r - re[k]), fabs(i - im[k])));
    }
    return most / sqrt(n);
}

double exports_transform_round_trip_error(uint32_t n, uint32_t seed) {
    if (!fill(n, seed)) return -1;
    fft(&tables, re, im);
    fft(&tables, im, re);
    double most = 0;
    for (uint32_t i = 0; i < n; i++) most = fmax(most, fmax(fabs(from_re[i] - re[i] / n), fabs(from_im[i] - im[i] / n)));
    return most;
}

double exports_transform_turn_error(uint32_t n) {
    double most = 0;
    for (uint32_t k = 0; k < n; k++) {
        double c, s, angle = 6.283185307179586477 * k / n;
        turn(k, n, &c, &s);
        most = fmax(most, fmax(fabs(c - cos(angle)), fabs(s - sin(angle))));
    }
    return most;
}
