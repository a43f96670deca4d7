// Looks for objects in a camera's frames, and says on topic `alerts` what is there whenever that changes: labels, scores and
// boxes. The pictures stay.
//
// A message is a frame of type video/raw, of the format rgb24, with its width, height and stride (bytes of a row) as metadata.
// The model is FastestDet, by the name `detector`. Variable `score`: how sure it must be, from 0 to 1.
#define NAME detector
#include "detector.h"
#include "model.h"
#include "boxes.h"
#include "labels.h"

enum { MAX_SIDE = 8192, MOST_SAID = 12 };

typedef struct { double width, height, stride; bool rgb; } frame_t;

static bool format_of(wasi_messaging_types_borrow_message_t m, frame_t *f) {
    detector_list_tuple2_string_string_t metadata;
    *f = (frame_t){ 0, 0, 0, false };
    if (!wasi_messaging_types_message_metadata(m, &metadata)) return false;
    for (size_t i = 0; i < metadata.len; i++) {
        text_t key = { metadata.ptr[i].f0.ptr, metadata.ptr[i].f0.len }, value = { metadata.ptr[i].f1.ptr, metadata.ptr[i].f1.len };
        json_t j = { value.ptr, value.ptr + value.len };
        double *to = is(key, "width") ? &f->width : is(key, "height") ? &f->height : is(key, "stride") ? &f->stride : NULL;
        if (to && !number(&j, to)) *to = 0;
        if (is(key, "format")) f->rgb = is(value, "rgb24");
    }
    detector_list_tuple2_string_string_free(&metadata);
    return true;
}

// The frame in the model's size, as planes of blue, green and red from 0 to 1: each pixel is the one that is nearest.
static void resize(const uint8_t *data, const frame_t *f, float *planes) {
    for (uint32_t y = 0; y < SIDE; y++) {
        const uint8_t *row = data + (size_t)(y * (uint32_t)f->height / SIDE) * (size_t)f->stride;
        for (uint32_t x = 0; x < SIDE; x++) {
            const uint8_t *pixel = row + (size_t)(x * (uint32_t)f->width / SIDE) * 3;
            for (uint32_t c = 0; c < 3; c++) planes[(c * SIDE + y) * SIDE + x] = (float)pixel[2 - c] / 255;
        }
    }
}

static bool say(text_t camera, const box_t *boxes, size_t count, const frame_t *f, error_t *err) {
    out_t o = { .len = 0 };
    put(&o, "{\"camera\":");
    put_string(&o, camera.ptr, camera.len);
    put(&o, ",\"count\":"); put_u64(&o, count);
    put(&o, ",\"objects\":[");
    for (size_t i = 0; i < count && i < MOST_SAID; i++) {
        const box_t *b = &boxes[i];
        if (i) put(&o, ",");
        put(&o, "{\"label\":\""); put(&o, labels[b->label]);
        put(&o, "\",\"score\":"); put_number(&o, b->score);
        put(&o, ",\"box\":["); // in pixels of the frame: left, top, width, height
        put_u64(&o, (uint64_t)(b->left * f->width)); put(&o, ",");
        put_u64(&o, (uint64_t)(b->top * f->height)); put(&o, ",");
        put_u64(&o, (uint64_t)((b->right - b->left) * f->width)); put(&o, ",");
        put_u64(&o, (uint64_t)((b->bottom - b->top) * f->height));
        put(&o, "]}");
    }
    put(&o, "]}");
    return publish(&o, err);
}

static bool look(text_t camera, const frame_t *f, const uint8_t *data, size_t bytes, error_t *err) {
    static float planes[3 * SIDE * SIDE], out[PLANES * CELLS];
    static uint8_t last[CLASSES]; // how many of each class were there; the instance is kept while the camera streams
    if (!f->rgb) return fail(err, "a frame must be rgb24: format = \"rgb24\" under [[trigger.camera]]");
    if (!(f->width >= 1 && f->width <= MAX_SIDE && f->height >= 1 && f->height <= MAX_SIDE && f->stride >= 3 * f->width && f->stride <= 8 * MAX_SIDE)) return fail(err, "the width, height or stride of the frame is missing or cannot be");
    if ((double)bytes < f->stride * (f->height - 1) + 3 * f->width) return fail(err, "the frame is cut off");
    resize(data, f, planes);
    model_outputs_t outputs;
    if (!model_open("detector", err) || !model_run("input.1", (uint32_t[]){ 1, 3, SIDE, SIDE }, 4, planes, &outputs, err)) return false;
    size_t count = model_floats(&outputs, 0, out, PLANES * CELLS);
    model_free(&outputs);
    if (count != PLANES * CELLS) return fail(err, "the model `detector` does not give 85 planes of 22 by 22: it is not FastestDet");

    box_t boxes[MAX_BOXES];
    size_t found = boxes_of(out, (float)variable("score", 0.6, 0, 1), boxes);
    uint8_t now[CLASSES] = { 0 };
    for (size_t i = 0; i < found; i++) now[boxes[i].label]++;
    if (equal(now, last, sizeof now)) return true;
    if (!say(camera, boxes, found, f, err)) return false;
    __builtin_memcpy(last, now, sizeof now);
    return true;
}

bool exports_wasi_messaging_incoming_handler_handle(wasi_messaging_types_own_message_t message, error_t *err) {
    wasi_messaging_types_borrow_message_t m = wasi_messaging_types_message_borrow(message);
    detector_string_t camera = { NULL, 0 };
    frame_t frame;
    wasi_messaging_types_message_topic(m, &camera);
    bool good = format_of(m, &frame) || fail(err, "not a frame: it has no metadata");
    if (good) {
        detector_list_u8_t data = wasi_messaging_types_message_data(m);
        good = look((text_t){ camera.ptr, camera.len }, &frame, data.ptr, data.len, err);
        detector_list_u8_free(&data);
    }
    detector_string_free(&camera);
    wasi_messaging_types_message_drop(message);
    return good;
}
