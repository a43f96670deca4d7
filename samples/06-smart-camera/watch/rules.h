// A line that things cross and a zone that they are in: of a thing counts where it stands, the middle of its box's lower edge.
#pragma once
#include "track.h"

enum { MAX_CORNERS = 16, SURE = 3 }; // SURE: frames on the zone's other side until a thing has changed sides

typedef struct { float x, y; } point_t;
typedef struct { point_t corner[MAX_CORNERS]; uint32_t count; } shape_points_t; // in fractions of the picture

typedef enum { NOTHING, CROSSED_TO_LEFT, CROSSED_TO_RIGHT, ENTERED, LEFT } happening_t;

static float turn_of(point_t a, point_t b, point_t p) { return (b.x - a.x) * (p.y - a.y) - (b.y - a.y) * (p.x - a.x); }

// Left and right are as one sees them who looks from the line's first point to its second. A thing must be off the line by
// a hundredth of the picture before it is on a side, so that one which stands on it does not cross it all the time.
static happening_t line_rule(const shape_points_t *line, track_t *t, point_t p) {
    if (line->count != 2) return NOTHING;
    point_t a = line->corner[0], b = line->corner[1];
    float dx = b.x - a.x, dy = b.y - a.y, distance = turn_of(a, b, p) / __builtin_sqrtf(dx * dx + dy * dy + 1e-12f);
    if (distance > -0.01f && distance < 0.01f) return NOTHING;
    int side = distance > 0 ? 1 : -1, before = t->side;
    point_t from = { t->side_x, t->side_y };
    t->side = side;
    t->side_x = p.x;
    t->side_y = p.y;
    if (before == 0 || before == side) return NOTHING;
    // It went round an end of the line if the ends are on one side of its way.
    if (turn_of(from, p, a) * turn_of(from, p, b) > 0) return NOTHING;
    return side > 0 ? CROSSED_TO_RIGHT : CROSSED_TO_LEFT;
}

static bool is_inside(const shape_points_t *zone, point_t p) {
    bool inside = false;
    for (uint32_t i = 0, k = zone->count - 1; i < zone->count; k = i++) {
        point_t a = zone->corner[i], b = zone->corner[k];
        if ((a.y > p.y) != (b.y > p.y) && p.x < (b.x - a.x) * (p.y - a.y) / (b.y - a.y) + a.x) inside = !inside;
    }
    return inside;
}

static happening_t zone_rule(const shape_points_t *zone, track_t *t, point_t p) {
    if (zone->count < 3) return NOTHING;
    if (is_inside(zone, p) == t->inside) t->changing = 0;
    else if (++t->changing >= SURE) {
        t->changing = 0;
        t->inside = !t->inside;
        return t->inside ? ENTERED : LEFT;
    }
    return NOTHING;
}
