// A fast Fourier transform of a power of two of complex numbers, four at a time (SIMD of WebAssembly, or of whatever
// the compiler's vectors become). Stockham's order: each pass writes its results sorted, so nothing is reversed at the
// end. Real and imaginary parts are in arrays of their own, which keeps every load and store a plain vector.
#pragma once
#include <stdint.h>

enum { FFT_MAX = 2048 };

typedef float f4 __attribute__((vector_size(16)));

static inline f4 f4_load(const float *p) { f4 v; __builtin_memcpy(&v, p, sizeof v); return v; }
static inline void f4_store(float *p, f4 v) { __builtin_memcpy(p, &v, sizeof v); }

// Cosine and sine of k/n of a turn, without a libc: reduced to an eighth of a turn, then the series, which ends below
// what a double can tell apart.
static void turn(uint32_t k, uint32_t n, double *cosine, double *sine) {
    uint32_t eighth = (uint32_t)((uint64_t)(k % n) * 8 / n);
    // The angle to the nearest axis, with its sign: quarter turns are exact.
    uint32_t quarter = (eighth + 1) / 2;
    double x = ((double)(k % n) / n - quarter * 0.25) * 6.283185307179586477, x2 = x * x, c = 1, s = x, term = x;
    double even = 1;
    for (int i = 1; i < 10; i++) {
        even *= -x2 / ((2 * i - 1) * (2 * i));
        term *= -x2 / ((2 * i) * (2 * i + 1));
        c += even;
        s += term;
    }
    switch (quarter & 3) {
    case 0: *cosine = c; *sine = s; break;
    case 1: *cosine = -s; *sine = c; break;
    case 2: *cosine = -c; *sine = -s; break;
    default: *cosine = s; *sine = -c; break;
    }
}

typedef struct {
    uint32_t n;
    float cosine[FFT_MAX / 2], sine[FFT_MAX / 2];     // of -k/n of a turn
    float re[FFT_MAX] __attribute__((aligned(16))), im[FFT_MAX] __attribute__((aligned(16))); // the other half of each pass
} fft_t;

// For n numbers: a power of two from 8 to FFT_MAX.
static void fft_init(fft_t *f, uint32_t n) {
    if (f->n == n) return;
    f->n = n;
    for (uint32_t k = 0; k < n / 2; k++) {
        double c, s;
        turn(k, n, &c, &s);
        f->cosine[k] = (float)c;
        f->sine[k] = (float)-s;
    }
}

// One pass: sums and turned differences of numbers half an array apart, in runs of s numbers that have one twiddle.
static void fft_pass(const fft_t *f, uint32_t s, const float *xr, const float *xi, float *yr, float *yi) {
    uint32_t half = f->n / 2, m = half / s;
    if (s >= 4) {
        for (uint32_t p = 0; p < m; p++) {
            float wr = f->cosine[p * s], wi = f->sine[p * s];
            f4 cr = { wr, wr, wr, wr }, ci = { wi, wi, wi, wi };
            const float *ar = xr + s * p, *ai = xi + s * p, *br = ar + half, *bi = ai + half;
            float *sr = yr + 2 * s * p, *si = yi + 2 * s * p;
            for (uint32_t q = 0; q < s; q += 4) {
                f4 a = f4_load(ar + q), b = f4_load(br + q), c = f4_load(ai + q), d = f4_load(bi + q);
                f4 dr = a - b, di = c - d;
                f4_store(sr + q, a + b);
                f4_store(si + q, c + d);
                f4_store(sr + s + q, dr * cr - di * ci);
                f4_store(si + s + q, dr * ci + di * cr);
            }
        }
    } else if (s == 2) {
        for (uint32_t p = 0; p < m; p += 2) {
            float c0 = f->cosine[p * 2], c1 = f->cosine[p * 2 + 2], s0 = f->sine[p * 2], s1 = f->sine[p * 2 + 2];
            f4 cr = { c0, c0, c1, c1 }, ci = { s0, s0, s1, s1 };
            f4 a = f4_load(xr + 2 * p), b = f4_load(xr + 2 * p + half), c = f4_load(xi + 2 * p), d = f4_load(xi + 2 * p + half);
            f4 dr = a - b, di = c - d, sr = a + b, si = c + d, tr = dr * cr - di * ci, ti = dr * ci + di * cr;
            f4_store(yr + 4 * p, __builtin_shufflevector(sr, tr, 0, 1, 4, 5));
            f4_store(yi + 4 * p, __builtin_shufflevector(si, ti, 0, 1, 4, 5));
            f4_store(yr + 4 * p + 4, __builtin_shufflevector(sr, tr, 2, 3, 6, 7));
            f4_store(yi + 4 * p + 4, __builtin_shufflevector(si, ti, 2, 3, 6, 7));
        }
    } else {
        for (uint32_t p = 0; p < m; p += 4) {
            f4 cr = f4_load(f->cosine + p), ci = f4_load(f->sine + p);
            f4 a = f4_load(xr + p), b = f4_load(xr + p + half), c = f4_load(xi + p), d = f4_load(xi + p + half);
            f4 dr = a - b, di = c - d, sr = a + b, si = c + d, tr = dr * cr - di * ci, ti = dr * ci + di * cr;
            f4_store(yr + 2 * p, __builtin_shufflevector(sr, tr, 0, 4, 1, 5));
            f4_store(yi + 2 * p, __builtin_shufflevector(si, ti, 0, 4, 1, 5));
            f4_store(yr + 2 * p + 4, __builtin_shufflevector(sr, tr, 2, 6, 3, 7));
            f4_store(yi + 2 * p + 4, __builtin_shufflevector(si, ti, 2, 6, 3, 7));
        }
    }
}

// Transforms in place: X[k] = sum of x[j] exp(-2 pi i j k / n). For the inverse, exchange re and im and divide by n.
static void fft(fft_t *f, float *re, float *im) {
    float *xr = re, *xi = im, *yr = f->re, *yi = f->im;
    for (uint32_t s = 1; s < f->n; s *= 2) {
        fft_pass(f, s, xr, xi, yr, yi);
        float *r = xr, *i = xi;
        xr = yr; xi = yi; yr = r; yi = i;
    }
    if (xr == re) return;
    __builtin_memcpy(re, xr, f->n * sizeof *re);
    __builtin_memcpy(im, xi, f->n * sizeof *im);
}
