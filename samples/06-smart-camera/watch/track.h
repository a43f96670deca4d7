// Things that move, followed from frame to frame by where they are expected next. Regions of two things that meet become
// one; then both are expected to go on inside it until they part.
#pragma once
#include "regions.h"

enum {
    MAX_TRACKS = 64,
    CONFIRMED = 4,   // frames in which a region must be found until it is a thing
    LOST = 12,       // frames without it until it is gone
    COVERED = 60,    // frames in a region that is another's, too
};

typedef struct {
    uint32_t id;               // 0: not a thing yet
    float x, y, w, h, vx, vy;  // its box's middle and size, in pixels, and its way in a frame
    uint32_t seen, missed, covered;
    float score;               // of what moves in it
    // What the rules know of it.
    int side;                  // of the line: -1, 1, or 0 before it was clearly on one
    float side_x, side_y;      // where it was then
    bool inside;
    uint32_t changing;         // frames in which it was on the zone's other side
} track_t;

typedef struct { track_t track[MAX_TRACKS]; uint32_t count, last_id; } tracks_t;

static inline float least_of(float a, float b) { return a < b ? a : b; }
static inline float most_of(float a, float b) { return a > b ? a : b; }

static bool holds(const region_t *r, float x, float y) { return x >= (float)r->x0 && x < (float)r->x1 && y >= (float)r->y0 && y < (float)r->y1; }

// How badly a region fits a thing: 0 is where it was expected, as large as it was; above 1 it is another one.
static float misfit(const track_t *t, const region_t *r) {
    float w = (float)(r->x1 - r->x0), h = (float)(r->y1 - r->y0), x = (float)r->x0 + w / 2, y = (float)r->y0 + h / 2;
    float across = least_of(t->x + t->w / 2, x + w / 2) - most_of(t->x - t->w / 2, x - w / 2), down = least_of(t->y + t->h / 2, y + h / 2) - most_of(t->y - t->h / 2, y - h / 2);
    float common = across > 0 && down > 0 ? across * down : 0, of_both = common / (t->w * t->h + w * h - common);
    float dx = (x - t->x) / (t->w + w), dy = (y - t->y) / (t->h + h), away = __builtin_sqrtf(dx * dx + dy * dy);
    return away + (1 - of_both) * 0.5f;
}

static void follow(track_t *t, const region_t *r) {
    float w = (float)(r->x1 - r->x0), h = (float)(r->y1 - r->y0), dx = (float)r->x0 + w / 2 - t->x, dy = (float)r->y0 + h / 2 - t->y;
    t->x += 0.7f * dx;
    t->y += 0.7f * dy;
    t->vx += 0.25f * dx;
    t->vy += 0.25f * dy;
    t->w += 0.4f * (w - t->w);
    t->h += 0.4f * (h - t->h);
    t->missed = t->covered = 0;
    if (t->seen < 1000) t->seen++;
}

// A thing in a region that is not its alone goes on as it went, but not out of the region.
static void stay_in(track_t *t, const region_t *r) {
    t->x = most_of((float)r->x0 + least_of(t->w, (float)(r->x1 - r->x0)) / 2, least_of(t->x, (float)r->x1 - least_of(t->w, (float)(r->x1 - r->x0)) / 2));
    t->y = most_of((float)r->y0 + least_of(t->h, (float)(r->y1 - r->y0)) / 2, least_of(t->y, (float)r->y1 - least_of(t->h, (float)(r->y1 - r->y0)) / 2));
    t->missed = 0;
    t->covered++;
}

// Follows all things into a frame that came so many frames after the one before; `gone` is told of those that have left.
static void track_step(tracks_t *all, const region_t *regions, uint32_t count, float frames, void (*gone)(const track_t *)) {
    bool taken[MAX_REGIONS] = { false }, placed[MAX_TRACKS] = { false };
    uint8_t things[MAX_REGIONS] = { 0 };
    for (uint32_t i = 0; i < all->count; i++) {
        track_t *t = &all->track[i];
        t->x += t->vx * frames;
        t->y += t->vy * frames;
        for (uint32_t r = 0; r < count; r++) if (t->id && holds(&regions[r], t->x, t->y)) things[r]++;
    }
    // Regions with several things in them, larger than any of those was.
    for (uint32_t i = 0; i < all->count; i++) {
        track_t *t = &all->track[i];
        for (uint32_t r = 0; r < count && !placed[i] && t->id; r++) {
            float area = (float)(regions[r].x1 - regions[r].x0) * (float)(regions[r].y1 - regions[r].y0);
            if (things[r] < 2 || t->covered >= COVERED || !holds(&regions[r], t->x, t->y) || area < 1.3f * t->w * t->h) continue;
            stay_in(t, &regions[r]);
            taken[r] = placed[i] = true;
        }
    }
    // The best pairs first. A thing that is known goes before one that has just come.
    static float fits[MAX_TRACKS][MAX_REGIONS]; // of this call alone
    for (uint32_t i = 0; i < all->count; i++) for (uint32_t r = 0; r < count; r++) fits[i][r] = misfit(&all->track[i], &regions[r]) + (all->track[i].id ? 0 : 0.2f);
    for (;;) {
        float best = 1;
        uint32_t at = 0, with = 0;
        for (uint32_t i = 0; i < all->count; i++) for (uint32_t r = 0; r < count && !placed[i]; r++) {
            if (!taken[r] && fits[i][r] < best) { best = fits[i][r]; at = i; with = r; }
        }
        if (best == 1) break;
        follow(&all->track[at], &regions[with]);
        taken[with] = placed[at] = true;
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < all->count; i++) {
        track_t *t = &all->track[i];
        if (!placed[i]) { t->missed++; t->vx *= 0.9f; t->vy *= 0.9f; }
        if (t->missed > (t->id ? LOST : 1)) {
            if (t->id) gone(t);
            continue;
        }
        if (!t->id && t->seen >= CONFIRMED) t->id = ++all->last_id;
        if (kept != i) all->track[kept] = *t;
        kept++;
    }
    all->count = kept;
    for (uint32_t r = 0; r < count && all->count < MAX_TRACKS; r++) {
        if (taken[r]) continue;
        float w = (float)(regions[r].x1 - regions[r].x0), h = (float)(regions[r].y1 - regions[r].y0);
        all->track[all->count++] = (track_t){ .x = (float)regions[r].x0 + w / 2, .y = (float)regions[r].y0 + h / 2, .w = w, .h = h, .seen = 1 };
    }
}
