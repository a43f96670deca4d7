// What is always there: of each pixel some values that it had, from different times. A pixel moves where too few of them
// are like its value now (as in ViBe, and in k-nearest-neighbour models); how like is like depends on the pixel's noise.
#pragma once
#include "picture.h"

enum {
    SAMPLES = 12,
    ENOUGH = 3,        // samples that are like the pixel, for it to be background
    LEAST_RADIUS = 12, // grey levels
    MOST_RADIUS = 40,
    WARM = 72,         // frames that are all learned from, whatever moves in them
    BACKGROUND_PLANES = SAMPLES + 3,
};

typedef struct {
    shape_t shape;
    uint8_t *sample[SAMPLES], *usual, *noise, *held;
    uint32_t absorb;   // each so many frames, a pixel that moves gets one step nearer to being background
    uint32_t frames;   // so far; stops before it is too large
    uint32_t seed;
    u32x4 seeds;
} background_t;

static inline uint32_t chance(background_t *b) {
    b->seed ^= b->seed << 13;
    b->seed ^= b->seed >> 17;
    b->seed ^= b->seed << 5;
    return b->seed;
}

// True in about one of sixteen lanes.
static inline u8x16 some16(background_t *b) {
    b->seeds ^= b->seeds << 13;
    b->seeds ^= b->seeds >> 17;
    b->seeds ^= b->seeds << 5;
    return (u8x16)((u8x16)b->seeds < all16(16));
}

static void background_start(background_t *b, shape_t shape, uint8_t **block, uint32_t absorb) {
    *b = (background_t){ .shape = shape, .absorb = absorb, .seed = 2463534242u, .seeds = { 1234567, 7654321, 11223344, 99887766 } };
    for (int k = 0; k < SAMPLES; k++) b->sample[k] = take_plane(block, shape);
    b->usual = take_plane(block, shape);
    b->noise = take_plane(block, shape);
    b->held = take_plane(block, shape);
}

// Learns from a frame; `mask` becomes 255 where something moves, 0 elsewhere.
static void background_step(background_t *b, const uint8_t *now, uint8_t *mask) {
    shape_t s = b->shape;
    if (b->frames == 0) {
        size_t before = (size_t)MARGIN_ROWS * s.stride + MARGIN;
        for (int k = 0; k < SAMPLES; k++) __builtin_memcpy(b->sample[k] - before, now - before, plane_bytes(s));
        __builtin_memcpy(b->usual - before, now - before, plane_bytes(s));
        __builtin_memset(b->noise - before, 2 * LEAST_RADIUS, plane_bytes(s));
        __builtin_memset(b->held - before, 0, plane_bytes(s));
    }
    bool warm = b->frames < WARM, hold = b->frames % b->absorb == 0;
    u8x16 listen = all16(b->frames % 4 == 0 ? 255 : 0);
    uint8_t *early = b->sample[b->frames / (WARM / SAMPLES) % SAMPLES];
    for (uint32_t y = 0; y < s.h; y++) {
        // Chance decides by rows which samples change, and by pixels whether they do: both are needed, and this is cheap.
        uint8_t *renew = b->sample[chance(b) % SAMPLES], *spread = b->sample[chance(b) % SAMPLES];
        ptrdiff_t beside = (ptrdiff_t)(chance(b) % 3) - 1 + ((ptrdiff_t)(chance(b) % 3) - 1) * (ptrdiff_t)s.stride;
        for (size_t i = (size_t)y * s.stride, end = i + s.w; i < end; i += LANES) {
            u8x16 c = load16(now + i), noise = load16(b->noise + i), count = all16(0);
            // Noise is the median distance from the usual value, in eighths; the radius is four times that.
            u8x16 radius = least(most(noise >> 1, all16(LEAST_RADIUS)), all16(MOST_RADIUS));
            for (int k = 0; k < SAMPLES; k++) count -= (u8x16)(apart(c, load16(b->sample[k] + i)) <= radius);
            u8x16 still = (u8x16)(count >= all16(ENOUGH)), held = load16(b->held + i);
            store16(mask + i, ~still);

            // Medians that move by one step to where the values are.
            u8x16 usual = load16(b->usual + i), distance = twice(twice(twice(apart(c, usual)))), learns = warm ? all16(255) : still;
            store16(b->usual + i, usual - ((u8x16)(c > usual) & learns) + ((u8x16)(c < usual) & learns));
            store16(b->noise + i, noise - ((u8x16)(noise < distance) & still & listen) + ((u8x16)(noise > distance) & still & listen));
            // What moves for very long, or no more, is background in the end.
            held = choose(still, all16(0), hold ? held - (u8x16)(held < all16(255)) : held);
            store16(b->held + i, held);

            if (warm) store16(early + i, c);
            else {
                u8x16 now_and_then = some16(b) & (still | (u8x16)(held == all16(255)));
                store16(renew + i, choose(now_and_then, c, load16(renew + i)));
            }
            // A neighbour learns it too: so holes in what is known close, and things shake a little.
            u8x16 give = some16(b) & still;
            uint8_t *to = spread + (ptrdiff_t)i + beside;
            store16(to, choose(give, c, load16(to)));
        }
    }
    if (++b->frames == 0xffff0000u) b->frames = WARM * b->absorb * 4;
}
