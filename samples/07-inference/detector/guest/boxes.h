// FastestDet's output as boxes: 85 planes of 22 by 22 cells, which are an object's likelihood, its place and size, and how
// much it looks like each of 80 classes (github.com/dog-qiuqiu/FastestDet).
#pragma once
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SIDE = 352, GRID = 22, CELLS = GRID * GRID, CLASSES = 80, PLANES = 5 + CLASSES, MAX_BOXES = 64 };

// Corners and score; the picture's width and height are 1.
typedef struct { float left, top, right, bottom, score; int label; } box_t;

static float sigmoid(float v) { return 1 / (1 + expf(-v)); }

static float at_most(float v, float least, float most) { return v < least ? least : v > most ? most : v; }

static float overlap(const box_t *a, const box_t *b) {
    float w = fminf(a->right, b->right) - fmaxf(a->left, b->left), h = fminf(a->bottom, b->bottom) - fmaxf(a->top, b->top);
    if (w <= 0 || h <= 0) return 0;
    float both = w * h;
    return both / ((a->right - a->left) * (a->bottom - a->top) + (b->right - b->left) * (b->bottom - b->top) - both);
}

// Puts a box in its place among those of a higher score; the lowest goes where there is no room.
static size_t insert(box_t *boxes, size_t count, box_t box) {
    size_t at = count < MAX_BOXES ? count : MAX_BOXES - 1;
    if (count == MAX_BOXES && boxes[at].score >= box.score) return count;
    for (; at > 0 && boxes[at - 1].score < box.score; at--) boxes[at] = boxes[at - 1];
    boxes[at] = box;
    return count < MAX_BOXES ? count + 1 : count;
}

// The boxes of a score from `least` on, the best first; of those of a class that overlap by more than 0.45, the best.
static size_t boxes_of(const float *out, float least, box_t *boxes) {
    static box_t all[MAX_BOXES];
    size_t found = 0, kept = 0;
    for (int cell = 0; cell < CELLS; cell++) {
        int label = 0;
        for (int c = 1; c < CLASSES; c++) if (out[(5 + c) * CELLS + cell] > out[(5 + label) * CELLS + cell]) label = c;
        float score = powf(out[cell], 0.6f) * powf(out[(5 + label) * CELLS + cell], 0.4f);
        if (!(score >= least)) continue; // nor what is not a number
        float x = ((float)(cell % GRID) + tanhf(out[CELLS + cell])) / GRID, y = ((float)(cell / GRID) + tanhf(out[2 * CELLS + cell])) / GRID;
        float w = sigmoid(out[3 * CELLS + cell]), h = sigmoid(out[4 * CELLS + cell]);
        found = insert(all, found, (box_t){ at_most(x - w / 2, 0, 1), at_most(y - h / 2, 0, 1), at_most(x + w / 2, 0, 1), at_most(y + h / 2, 0, 1), score, label });
    }
    for (size_t i = 0; i < found; i++) {
        bool covered = false;
        for (size_t k = 0; k < kept && !covered; k++) covered = boxes[k].label == all[i].label && overlap(&boxes[k], &all[i]) > 0.45f;
        if (!covered) boxes[kept++] = all[i];
    }
    return kept;
}
