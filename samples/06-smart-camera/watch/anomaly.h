// How unusual a frame's motion is: blocks of the picture are looked for in the frame before, and how far they have come is
// compared with what is usual in that part of the picture. Works on a picture of at most 512 by 512 pixels.
#pragma once
#include "picture.h"

enum {
    SMALL_SIDE = 512,
    CELL = 8,                     // pixels
    MAX_CELLS = SMALL_SIDE / CELL,
    PARTS = 8, MAX_PARTS = MAX_CELLS / PARTS, // a part of the picture has 8 by 8 cells
    BLOCK = 16,                   // pixels that are looked for, around a cell
    REACH_X = 8, REACH_Y = 4,     // how far they are looked for
    LEAST_CHANGE = 3 * CELL * CELL, // of a cell's pixels together, to be motion
    WINDOW = 9,                   // frames that a score is the mean of
    FORGET = 100000,              // blocks after which what is usual fades
};

typedef struct {
    shape_t shape;
    uint8_t *now, *before;
    bool has_before;
    uint32_t across, down;        // cells
    uint32_t learned;             // frames
    struct { double n, sum, squares; } part[MAX_PARTS][MAX_PARTS];
    float window[WINDOW];
    uint32_t windows;             // frames since the camera was opened, of which there is a score
    float block[MAX_CELLS][MAX_CELLS]; // the score of two by two cells, whose first is this one
} anomaly_t;

static inline shape_t small_shape(shape_t s) {
    while (s.w > SMALL_SIDE || s.h > SMALL_SIDE) { s.w /= 2; s.h /= 2; }
    return shape_of(s.w, s.h);
}

static void anomaly_start(anomaly_t *a, shape_t picture, uint8_t **block) {
    __builtin_memset(a, 0, sizeof *a);
    a->shape = small_shape(picture);
    a->now = take_plane(block, a->shape);
    a->before = take_plane(block, a->shape);
    // In a picture that is too narrow for a block nothing is judged.
    if (a->shape.w < BLOCK || a->shape.h < BLOCK) return;
    a->across = a->shape.w / CELL;
    a->down = a->shape.h / CELL;
}

// What was seen before has nothing to do with what comes: the camera was opened anew.
static void anomaly_cut(anomaly_t *a) { a->has_before = false; a->windows = 0; }

// A place that a block may have come from.
typedef struct { int x, y; uint32_t cost; } way_t;

// Tries whether the block that is now at x0,y0 was by so much elsewhere in the frame before, and keeps the better way.
static inline void try_way(const anomaly_t *a, const u8x16 *block, int x0, int y0, int dx, int dy, way_t *best) {
    int stride = (int)a->shape.stride, x = x0 + dx, y = y0 + dy;
    if (dx < -REACH_X || dx > REACH_X || dy < -REACH_Y || dy > REACH_Y || x < 0 || y < 0 || x > (int)a->shape.w - BLOCK || y > (int)a->shape.h - BLOCK) return;
    // Near is likelier than far.
    uint32_t cost = (uint32_t)((dx < 0 ? -dx : dx) + (dy < 0 ? -dy : dy)) * BLOCK;
    const uint8_t *p = a->before + y * stride + x;
    for (int row = 0; row < BLOCK && cost < best->cost; row += 4, p += 4 * stride) {
        u16x8 sum = { 0 };
        for (int k = 0; k < 4; k++) sum += pairs(apart(block[row + k], load16(p + k * stride)));
        cost += sum8(sum);
    }
    if (cost < best->cost) *best = (way_t){ dx, dy, cost };
}

// How far a cell's surroundings have come since the frame before; 0,0 where nothing is clearly better. Every second place is
// tried, and then those around the best.
static way_t find(const anomaly_t *a, uint32_t cx, uint32_t cy) {
    int w = (int)a->shape.w, h = (int)a->shape.h;
    int x0 = (int)cx * CELL - (BLOCK - CELL) / 2, y0 = (int)cy * CELL - (BLOCK - CELL) / 2;
    x0 = x0 < 0 ? 0 : x0 > w - BLOCK ? w - BLOCK : x0;
    y0 = y0 < 0 ? 0 : y0 > h - BLOCK ? h - BLOCK : y0;
    u8x16 block[BLOCK];
    for (int y = 0; y < BLOCK; y++) block[y] = load16(a->now + (y0 + y) * (int)a->shape.stride + x0);
    way_t best = { 0, 0, 0xffffffff };
    // Not moved comes first: most of what is worse is then given up early.
    try_way(a, block, x0, y0, 0, 0, &best);
    uint32_t still = best.cost;
    for (int dy = -REACH_Y; dy <= REACH_Y; dy += 2) for (int dx = -REACH_X; dx <= REACH_X; dx += 2) try_way(a, block, x0, y0, dx, dy, &best);
    int x = best.x, y = best.y;
    for (int dy = -1; dy <= 1; dy++) for (int dx = -1; dx <= 1; dx++) try_way(a, block, x0, y0, x + dx, y + dy, &best);
    return best.cost * 5 < still * 4 ? best : (way_t){ 0, 0, still };
}

// Judges the picture that came so many frames after the one before; learns from it if it may. The score is the mean of the
// last nine frames', so it is best read as that of the frame four before; 0 until enough frames were learned from.
static float anomaly_step(anomaly_t *a, const uint8_t *picture, shape_t picture_shape, uint32_t frames, bool learn, uint32_t enough) {
    static uint16_t change[MAX_CELLS][MAX_CELLS]; // of this call alone, as are those below
    static int8_t vx[MAX_CELLS][MAX_CELLS], vy[MAX_CELLS][MAX_CELLS];
    uint8_t *last = a->before;
    a->before = a->now;
    a->now = last;
    if (picture_shape.w == a->shape.w) take_frame(picture, picture_shape.stride, 1, a->now, a->shape);
    else {
        uint32_t factor = 2;
        while (picture_shape.w / factor > a->shape.w) factor *= 2;
        take_frame(picture, picture_shape.stride, factor, a->now, a->shape);
    }
    bool known = a->learned >= enough;
    if (a->learned < 0xffffffff) a->learned++;
    bool judge = a->has_before;
    a->has_before = true;
    __builtin_memset(a->block, 0, sizeof a->block);
    if (!judge) return 0;

    int stride = (int)a->shape.stride;
    for (uint32_t cy = 0; cy < a->down; cy++) for (uint32_t cx = 0; cx < a->across; cx += 2) {
        u16x8 sum = { 0 };
        for (int y = 0; y < CELL; y++) {
            int i = ((int)cy * CELL + y) * stride + (int)cx * CELL;
            sum += pairs(apart(load16(a->now + i), load16(a->before + i)));
        }
        change[cy][cx] = sum[0] + sum[1] + sum[2] + sum[3];
        if (cx + 1 < MAX_CELLS) change[cy][cx + 1] = sum[4] + sum[5] + sum[6] + sum[7];
    }
    for (uint32_t cy = 0; cy < a->down; cy++) for (uint32_t cx = 0; cx < a->across; cx++) {
        way_t way = { 0, 0, 0 };
        if (change[cy][cx] >= LEAST_CHANGE) way = find(a, cx, cy);
        vx[cy][cx] = (int8_t)way.x;
        vy[cy][cx] = (int8_t)way.y;
    }

    float most = 0;
    for (uint32_t cy = 0; cy + 1 < a->down; cy++) for (uint32_t cx = 0; cx + 1 < a->across; cx++) {
        if (change[cy][cx] + change[cy][cx + 1] + change[cy + 1][cx] + change[cy + 1][cx + 1] < 4 * LEAST_CHANGE) continue;
        // Four cells that go the same way are one thing; those that do not, cancel out.
        float x = (float)(vx[cy][cx] + vx[cy][cx + 1] + vx[cy + 1][cx] + vx[cy + 1][cx + 1]), y = (float)(vy[cy][cx] + vy[cy][cx + 1] + vy[cy + 1][cx] + vy[cy + 1][cx + 1]);
        float speed = __builtin_sqrtf(x * x + y * y) / 4 / (float)frames;
        typeof(&a->part[0][0]) p = &a->part[cy / PARTS][cx / PARTS];
        double mean = p->sum / (p->n + 1), variance = p->squares / (p->n + 1) - mean * mean;
        // In deviations of what is usual, of at least a pixel a frame.
        float score = (speed - (float)mean) / __builtin_sqrtf((float)(variance > 0 ? variance : 0) + 1);
        if (known && score > 0) a->block[cy][cx] = score;
        if (score > most) most = score;
        if (!learn && known) continue;
        if (p->n >= FORGET) { p->n /= 2; p->sum /= 2; p->squares /= 2; }
        p->n++;
        p->sum += speed;
        p->squares += speed * speed;
    }
    if (!known) return 0;
    a->window[a->windows++ % WINDOW] = most;
    uint32_t n = a->windows < WINDOW ? a->windows : WINDOW;
    if (a->windows == 2 * WINDOW) a->windows = WINDOW;
    float sum = 0;
    for (uint32_t i = 0; i < n; i++) sum += a->window[i];
    return sum / (float)n;
}

// The highest score within a box of the picture, whose size is given too.
static float score_in(const anomaly_t *a, shape_t picture, float x0, float y0, float x1, float y1) {
    float across = (float)a->shape.w / (float)picture.w / CELL, down = (float)a->shape.h / (float)picture.h / CELL, most = 0;
    // Of a block its middle counts, the corner that its four cells share.
    for (uint32_t cy = 0; cy + 1 < a->down; cy++) for (uint32_t cx = 0; cx + 1 < a->across; cx++) {
        float x = (float)(cx + 1), y = (float)(cy + 1);
        if (x >= x0 * across && x <= x1 * across && y >= y0 * down && y <= y1 * down && a->block[cy][cx] > most) most = a->block[cy][cx];
    }
    return most;
}
