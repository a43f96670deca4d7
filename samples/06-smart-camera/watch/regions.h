// Regions of what moves: a mask is cleaned, its holes are filled, and what hangs together is one region with its box.
#pragma once
#include "picture.h"

enum { MAX_RUNS = 32768, MAX_REGIONS = 64 };

typedef struct { uint32_t x0, y0, x1, y1, area; } region_t; // x1 and y1 are beside it

// Pixels of a row that are alike, and (in the run that stands for its whole region) the region.
typedef struct { uint32_t parent; uint16_t y, x0, x1; region_t region; } run_t;

static run_t runs[MAX_RUNS];

typedef enum { SUM, MOST, LEAST } window_t;

static inline u8x16 combine(window_t how, u8x16 a, u8x16 b) { return how == SUM ? a + b : how == MOST ? most(a, b) : least(a, b); }

// Of five by five pixels: their sum, the most or the least of them. The mask's margin must be as its edge.
static inline void window(const uint8_t *in, uint8_t *scratch, uint8_t *out, shape_t s, window_t how) {
    ptrdiff_t d = s.stride;
    for (uint32_t y = 0; y < s.h; y++) {
        for (ptrdiff_t i = (ptrdiff_t)y * d - MARGIN; i < (ptrdiff_t)y * d + d - MARGIN; i += LANES) {
            u8x16 v = combine(how, combine(how, load16(in + i - 2 * d), load16(in + i - d)), combine(how, load16(in + i + d), load16(in + i + 2 * d)));
            store16(scratch + i, combine(how, v, load16(in + i)));
        }
    }
    for (uint32_t y = 0; y < s.h; y++) {
        for (ptrdiff_t i = (ptrdiff_t)y * d; i < (ptrdiff_t)y * d + (ptrdiff_t)s.w; i += LANES) {
            u8x16 v = combine(how, combine(how, load16(scratch + i - 2), load16(scratch + i - 1)), combine(how, load16(scratch + i + 1), load16(scratch + i + 2)));
            v = combine(how, v, load16(scratch + i));
            // A pixel of the mask is -1 in a sum.
            store16(out + i, how == SUM ? (u8x16)(all16(0) - v >= all16(13)) : v);
        }
    }
    extend(out, s);
}

// Single pixels go, gaps close.
static void clean(uint8_t *mask, uint8_t *scratch, shape_t s) {
    extend(mask, s);
    window(mask, scratch, mask, s, SUM);
    window(mask, scratch, mask, s, MOST);
    window(mask, scratch, mask, s, LEAST);
}

static uint32_t run_root(uint32_t i) {
    while (runs[i].parent != i) i = runs[i].parent = runs[runs[i].parent].parent;
    return i;
}

// Puts the pixels that are (or are not) in the mask into runs, and those that hang together into regions. How many runs
// there are; MAX_RUNS + 1 where there are more than there is room for.
static uint32_t label(const uint8_t *mask, shape_t s, bool moving) {
    uint32_t n = 0, above = 0;
    for (uint32_t y = 0; y < s.h; y++) {
        const uint8_t *row = mask + (size_t)y * s.stride;
        uint32_t first = n, other = above;
        for (uint32_t x = 0; x < s.w;) {
            if (moving) while (x + LANES <= s.w && none16(row + x)) x += LANES;
            while (x < s.w && (row[x] != 0) != moving) x++;
            if (x >= s.w) break;
            uint32_t start = x;
            while (x < s.w && (row[x] != 0) == moving) {
                if (!moving) while (x + LANES < s.w && none16(row + x)) x += LANES;
                if ((row[x] != 0) == moving) x++;
            }
            if (n == MAX_RUNS) return MAX_RUNS + 1;
            runs[n] = (run_t){ n, (uint16_t)y, (uint16_t)start, (uint16_t)x, { 0 } };
            // Runs of the row above that touch it: both rows are in order.
            while (other < first && runs[other].x1 <= start) other++;
            for (uint32_t k = other; k < first && runs[k].x0 < x; k++) {
                uint32_t a = run_root(k), b = run_root(n);
                if (a < b) runs[b].parent = a;
                else runs[a].parent = b;
            }
            n++;
        }
        above = first;
    }
    for (uint32_t i = 0; i < n; i++) {
        const run_t *run = &runs[i];
        region_t *r = &runs[run_root(i)].region;
        if (r->area == 0) *r = (region_t){ run->x0, run->y, run->x1, run->y, 0 };
        r->area += run->x1 - run->x0;
        if (run->x0 < r->x0) r->x0 = run->x0;
        if (run->x1 > r->x1) r->x1 = run->x1;
        r->y1 = run->y + 1;
    }
    return n;
}

// Holes of at most so many pixels are part of what is around them; one that reaches the picture's edge is no hole.
static void fill_holes(uint8_t *mask, shape_t s, uint32_t most_pixels) {
    uint32_t n = label(mask, s, false);
    for (uint32_t i = 0; i < n && n <= MAX_RUNS; i++) {
        const region_t *r = &runs[run_root(i)].region;
        if (r->area > most_pixels || r->x0 == 0 || r->y0 == 0 || r->x1 == s.w || r->y1 == s.h) continue;
        __builtin_memset(mask + (size_t)runs[i].y * s.stride + runs[i].x0, 255, runs[i].x1 - runs[i].x0);
    }
}

// The largest regions of at least so many pixels, in `found`; the runs of all of them stay in `runs`, `count` of them.
static uint32_t regions_of(const uint8_t *mask, shape_t s, uint32_t least_pixels, region_t *found, uint32_t *count) {
    uint32_t n = label(mask, s, true), regions = 0;
    if (n > MAX_RUNS) n = 0; // a picture of dots: nothing in it hangs together
    for (uint32_t i = 0; i < n; i++) {
        const region_t *r = &runs[i].region;
        if (runs[i].parent != i || r->area < least_pixels) continue;
        uint32_t at = regions < MAX_REGIONS ? regions++ : MAX_REGIONS;
        for (; at > 0 && found[at - 1].area < r->area; at--) if (at < MAX_REGIONS) found[at] = found[at - 1];
        if (at < MAX_REGIONS) found[at] = *r;
    }
    *count = n;
    return regions;
}
