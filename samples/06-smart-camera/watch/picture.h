// Pictures of one byte a pixel, and what is done to all of their pixels: sixteen at a time, in WebAssembly's SIMD (or
// whatever the compiler's vectors become). A picture has a margin on each side, so that what looks at neighbours needs no
// case for the edges and cannot read beyond its memory.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LANES = 16,
    MARGIN = 16,               // columns on each side
    MARGIN_ROWS = 4,           // rows above and below
    MAX_PIXELS = 1024 * 576,   // of a picture that is worked on; larger frames are made smaller
    MIN_SIDE = 32,             // of a frame
    MAX_SIDE = 8192,
};

typedef uint8_t u8x16 __attribute__((vector_size(16)));
typedef uint16_t u16x8 __attribute__((vector_size(16)));
typedef uint32_t u32x4 __attribute__((vector_size(16)));

static inline u8x16 load16(const uint8_t *p) { u8x16 v; __builtin_memcpy(&v, p, sizeof v); return v; }
static inline void store16(uint8_t *p, u8x16 v) { __builtin_memcpy(p, &v, sizeof v); }
static inline u8x16 all16(uint8_t b) { return (u8x16){ b, b, b, b, b, b, b, b, b, b, b, b, b, b, b, b }; }
static inline u8x16 least(u8x16 a, u8x16 b) { return __builtin_elementwise_min(a, b); }
static inline u8x16 most(u8x16 a, u8x16 b) { return __builtin_elementwise_max(a, b); }
static inline u8x16 apart(u8x16 a, u8x16 b) { return most(a, b) - least(a, b); }
static inline u8x16 twice(u8x16 a) { return __builtin_elementwise_add_sat(a, a); } // at most 255
static inline u8x16 choose(u8x16 mask, u8x16 a, u8x16 b) { return (mask & a) | (~mask & b); }
static inline bool none16(const uint8_t *p) { uint64_t a[2]; __builtin_memcpy(a, p, sizeof a); return (a[0] | a[1]) == 0; }

// Sums of neighbours: lane i has bytes 2i and 2i+1.
static inline u16x8 pairs(u8x16 v) { u16x8 w = (u16x8)v; return (w & 0xff) + (w >> 8); }
static inline uint32_t sum8(u16x8 v) {
    uint32_t sum = 0;
    for (int i = 0; i < 8; i++) sum += v[i];
    return sum;
}

typedef struct { uint32_t w, h, stride; } shape_t;

static inline shape_t shape_of(uint32_t w, uint32_t h) { return (shape_t){ w, h, (w + LANES - 1) / LANES * LANES + 2 * MARGIN }; }
static inline size_t plane_bytes(shape_t s) { return (size_t)s.stride * (s.h + 2 * MARGIN_ROWS) + MARGIN; }

// The next plane of a block of memory: its pixel 0,0.
static inline uint8_t *take_plane(uint8_t **block, shape_t s) {
    uint8_t *p = *block + (size_t)MARGIN_ROWS * s.stride + MARGIN;
    *block += plane_bytes(s);
    return p;
}

// Makes the margin like the edge beside it.
static void extend(uint8_t *p, shape_t s) {
    for (uint32_t y = 0; y < s.h; y++) {
        uint8_t *row = p + (size_t)y * s.stride;
        u8x16 last = all16(row[s.w - 1]);
        store16(row - MARGIN, all16(row[0]));
        store16(row + s.w, last); // 16 to 31 bytes: those after the picture's last 16, and the margin
        store16(row + s.stride - 2 * MARGIN, last);
    }
    for (int i = 1; i <= MARGIN_ROWS; i++) {
        __builtin_memcpy(p - MARGIN - (ptrdiff_t)i * s.stride, p - MARGIN, s.stride);
        __builtin_memcpy(p - MARGIN + (size_t)(s.h - 1 + i) * s.stride, p - MARGIN + (size_t)(s.h - 1) * s.stride, s.stride);
    }
}

// Means of two by two pixels. The result may be in the same memory as what it is made of.
static void halve(const uint8_t *from, size_t from_stride, uint8_t *to, shape_t s) {
    for (uint32_t y = 0; y < s.h; y++) {
        const uint8_t *a = from + 2 * (size_t)y * from_stride, *b = a + from_stride;
        uint8_t *out = to + (size_t)y * s.stride;
        uint32_t x = 0;
        for (; x + LANES <= s.w; x += LANES) {
            u16x8 left = (pairs(load16(a + 2 * x)) + pairs(load16(b + 2 * x)) + 2) >> 2, right = (pairs(load16(a + 2 * x + 16)) + pairs(load16(b + 2 * x + 16)) + 2) >> 2;
            store16(out + x, __builtin_shufflevector((u8x16)left, (u8x16)right, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30));
        }
        for (; x < s.w; x++) out[x] = (uint8_t)((a[2 * x] + a[2 * x + 1] + b[2 * x] + b[2 * x + 1] + 2) / 4);
    }
}

// Copies a frame into a plane, smaller by a factor: means of its squares.
static void take_frame(const uint8_t *frame, size_t frame_stride, uint32_t factor, uint8_t *to, shape_t s) {
    if (factor == 1) {
        for (uint32_t y = 0; y < s.h; y++) __builtin_memcpy(to + (size_t)y * s.stride, frame + y * frame_stride, s.w);
    } else if (factor == 2) halve(frame, frame_stride, to, s);
    else {
        for (uint32_t y = 0; y < s.h; y++) for (uint32_t x = 0; x < s.w; x++) {
            const uint8_t *p = frame + (size_t)y * factor * frame_stride + (size_t)x * factor;
            uint32_t sum = 0;
            for (uint32_t j = 0; j < factor; j++, p += frame_stride) for (uint32_t i = 0; i < factor; i++) sum += p[i];
            to[(size_t)y * s.stride + x] = (uint8_t)((sum + factor * factor / 2) / (factor * factor));
        }
    }
    extend(to, s);
}
