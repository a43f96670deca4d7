// Watches a camera where it is, and sends messages when something crosses a line, enters or leaves a zone, or moves as
// nothing usually does there. The pictures stay: what leaves are boxes and scores.
//
// A message is a frame as [[trigger.camera]] gives it: the topic is the camera's name, the data grey pixels, and the metadata
// says what they are. Variables: see README.md. What is known of a scene is in this instance's memory alone: after a
// restart, or for another camera or size, it is learned anew.
#define NAME watch
#define OUT_BYTES 262144
#include "watch.h"
#include "guest.h"
#include "anomaly.h"
#include "background.h"
#include "rules.h"

enum {
    MAX_NAME = 256,
    CALM = 10,          // frames clearly below the threshold until an anomaly is over
    MOST_BOXES = 8,     // in an alert
    ANOTHER_VIEW = 30,  // frames in which nearly all of the picture moves, until what was learned is given up
};

typedef struct { uint32_t width, height, stride; uint64_t timestamp, sequence; } frame_t;

// The manifest's variables.
static struct {
    bool read, boxes, mask;
    double area, threshold;
    uint32_t absorb, learn, summary;
    shape_points_t line, zone;
} settings;

// The scene.
static struct {
    uint8_t name[MAX_NAME];
    size_t name_length;
    uint32_t width, height, factor; // of its frames, and how much smaller the picture is
    shape_t shape;                  // of the picture that is worked on
    void *memory;
    uint8_t *now, *mask, *scratch;
    background_t background;
    anomaly_t anomaly;
    tracks_t tracks;
    uint64_t last;                  // sequence
    bool alarm;
    uint32_t calm, flooded;
    float score, moving;            // of this frame: how unusual, and the part of the picture that moves
    uint32_t frames, to_left, to_right, entered, left, first_id; // since the last summary
    float worst;
} scene;

static frame_t frame; // the one that is being handled
static out_t out;

// ---- what comes ----

static bool option_is(const char *key, watch_option_string_t *text) { return wasi_config_store_get(guest_string(key), text, NULL) && text->is_some; }

static bool flag(const char *key) {
    watch_option_string_t text;
    if (!option_is(key, &text)) return false;
    bool yes = is((text_t){ text.val.ptr, text.val.len }, "true");
    watch_string_free(&text.val);
    return yes;
}

// Points such as "0.1,0.5 0.9,0.5", in fractions of the picture; none where there are too few or too many.
static void points(const char *key, uint32_t least_points, uint32_t most_points, shape_points_t *ret) {
    watch_option_string_t text;
    ret->count = 0;
    if (!option_is(key, &text)) return;
    json_t j = { text.val.ptr, text.val.ptr + text.val.len };
    bool good = true;
    uint32_t n = 0;
    while (good && !at_end(&j)) {
        double x, y;
        good = n < most_points && number(&j, &x) && take(&j, ',') && number(&j, &y) && x >= 0 && x <= 1 && y >= 0 && y <= 1;
        if (good) ret->corner[n++] = (point_t){ (float)x, (float)y };
    }
    if (good && (n == 0 || n >= least_points)) ret->count = n;
    else warn(key, "this variable is not a list of points from 0,0 to 1,1 such as 0.1,0.5 0.9,0.5: the rule is off");
    watch_string_free(&text.val);
}

static void read_settings(void) {
    if (settings.read) return;
    settings.read = true;
    settings.area = variable("area", 0.0004, 0.00001, 1);
    settings.absorb = (uint32_t)variable("absorb", 600, 1, 1e6);
    settings.learn = (uint32_t)variable("learn", 1500, 1, 1e9);
    settings.threshold = variable("threshold", 1.2, 0.1, 1e6);
    settings.summary = (uint32_t)variable("summary", 900, 0, 1e9);
    settings.boxes = flag("boxes");
    settings.mask = flag("mask");
    points("line", 2, 2, &settings.line);
    points("zone", 3, MAX_CORNERS, &settings.zone);
}

// A whole number of the metadata, which must be there.
static bool whole(const wasi_messaging_types_metadata_t *pairs, const char *key, uint64_t most_value, uint64_t *ret) {
    for (size_t i = 0; i < pairs->len; i++) {
        text_t value = { pairs->ptr[i].f1.ptr, pairs->ptr[i].f1.len };
        if (!is((text_t){ pairs->ptr[i].f0.ptr, pairs->ptr[i].f0.len }, key)) continue;
        if (value.len == 0 || value.len > 19) return false;
        *ret = 0;
        for (size_t k = 0; k < value.len; k++) {
            if (value.ptr[k] < '0' || value.ptr[k] > '9') return false;
            *ret = *ret * 10 + (uint64_t)(value.ptr[k] - '0');
        }
        return *ret <= most_value;
    }
    return false;
}

static bool is_gray(const wasi_messaging_types_metadata_t *pairs) {
    for (size_t i = 0; i < pairs->len; i++) {
        if (is((text_t){ pairs->ptr[i].f0.ptr, pairs->ptr[i].f0.len }, "format")) return is((text_t){ pairs->ptr[i].f1.ptr, pairs->ptr[i].f1.len }, "gray");
    }
    return false;
}

static bool read_frame(const wasi_messaging_types_metadata_t *pairs, size_t bytes, error_t *err) {
    uint64_t width, height, stride;
    if (!is_gray(pairs)) return fail(err, "not a grey frame: the metadata must have format=gray (format = \"gray\" under [[trigger.camera]])");
    if (!whole(pairs, "width", MAX_SIDE, &width) || !whole(pairs, "height", MAX_SIDE, &height) || width < MIN_SIDE || height < MIN_SIDE) return fail(err, "the metadata must have the frame's width and height, from 32 to 8192");
    if (!whole(pairs, "stride", 8 * MAX_SIDE, &stride) || stride < width) return fail(err, "the metadata must have the stride, the bytes from a row to the next: not less than the width, at most 65536");
    if (!whole(pairs, "timestamp", UINT64_MAX, &frame.timestamp)) return fail(err, "the metadata must have the timestamp, in nanoseconds since 1970");
    if (!whole(pairs, "sequence", UINT64_MAX, &frame.sequence)) return fail(err, "the metadata must have the sequence, the frame's number");
    if (bytes != stride * height) return fail(err, "the frame is cut off or too long: it must have stride times height bytes");
    frame.width = (uint32_t)width;
    frame.height = (uint32_t)height;
    frame.stride = (uint32_t)stride;
    return true;
}

// ---- what is known ----

// Everything anew, for this camera and frame size.
static bool start(text_t name, error_t *err) {
    uint32_t id = scene.tracks.last_id;
    mote_free(scene.memory);
    __builtin_memset(&scene, 0, sizeof scene);
    uint32_t factor = 1;
    while ((frame.width / factor) * (frame.height / factor) > MAX_PIXELS) factor++;
    shape_t s = shape_of(frame.width / factor, frame.height / factor);
    size_t bytes = plane_bytes(s) * (BACKGROUND_PLANES + 3) + plane_bytes(small_shape(s)) * 2;
    if (s.w < MIN_SIDE || s.h < MIN_SIDE) return fail(err, "the frame is too narrow for its length");
    scene.memory = mote_malloc(bytes);
    if (!scene.memory) return fail(err, "there is not enough memory for frames of this size: memory under [component.watch.limits] says how much there is");
    uint8_t *block = scene.memory;
    __builtin_memset(block, 0, bytes);
    scene.now = take_plane(&block, s);
    scene.mask = take_plane(&block, s);
    scene.scratch = take_plane(&block, s);
    background_start(&scene.background, s, &block, settings.absorb / 255 + 1);
    anomaly_start(&scene.anomaly, s, &block);
    __builtin_memcpy(scene.name, name.ptr, name.len);
    scene.name_length = name.len;
    scene.width = frame.width;
    scene.height = frame.height;
    scene.factor = factor;
    scene.shape = s;
    scene.tracks.last_id = scene.first_id = id;
    return true;
}

// ---- what leaves ----

static void begin(const char *state) {
    out.len = 0;
    put(&out, "{\"camera\":");
    put_string(&out, scene.name, scene.name_length);
    put(&out, ",\"state\":\""); put(&out, state);
    put(&out, "\",\"sequence\":"); put_u64(&out, frame.sequence);
    put(&out, ",\"timestamp\":"); put_u64(&out, frame.timestamp);
}

static double part_of(float value, uint32_t of) { return value < 0 ? 0 : value > (float)of ? 1 : (double)value / of; }

// The box in fractions of the picture: left, top, width, height.
static void put_box(const track_t *t) {
    double x0 = part_of(t->x - t->w / 2, scene.shape.w), y0 = part_of(t->y - t->h / 2, scene.shape.h);
    put(&out, "\"track\":"); put_u64(&out, t->id);
    put(&out, ",\"box\":["); put_number(&out, x0);
    put(&out, ","); put_number(&out, y0);
    put(&out, ","); put_number(&out, part_of(t->x + t->w / 2, scene.shape.w) - x0);
    put(&out, ","); put_number(&out, part_of(t->y + t->h / 2, scene.shape.h) - y0);
    put(&out, "],\"score\":"); put_number(&out, t->score);
}

// Boxes of the things whose score is at least this, at most so many.
static void put_boxes(float least_score, uint32_t most_boxes) {
    uint32_t n = 0;
    put(&out, ",\"boxes\":[");
    for (uint32_t i = 0; i < scene.tracks.count && n < most_boxes; i++) {
        const track_t *t = &scene.tracks.track[i];
        if (!t->id || t->missed || t->score < least_score) continue;
        put(&out, n++ ? ",{" : "{");
        put_box(t);
        put(&out, "}");
    }
    put(&out, "]");
}

static bool send_event(const char *event, const char *to, const track_t *t, error_t *err) {
    begin("event");
    put(&out, ",\"event\":\""); put(&out, event); put(&out, "\"");
    if (to) { put(&out, ",\"to\":\""); put(&out, to); put(&out, "\""); }
    if (t) { put(&out, ","); put_box(t); }
    put(&out, "}");
    return publish(&out, err);
}

// What an anomaly that was seen has come to is not known when the camera was closed meanwhile: it is over.
static bool send_anomaly(bool again, error_t *err) {
    bool was = scene.alarm;
    scene.calm = scene.score > 0.8f * (float)settings.threshold ? 0 : scene.calm < CALM ? scene.calm + 1 : CALM;
    if (scene.score > (float)settings.threshold) scene.alarm = true;
    else if (scene.calm == CALM || again) scene.alarm = false;
    if (scene.alarm == was) return true;
    begin(scene.alarm ? "raised" : "cleared");
    put(&out, ",\"event\":\"anomaly\",\"anomaly\":"); put_number(&out, scene.score);
    put_boxes(scene.alarm ? (float)settings.threshold : 0, MOST_BOXES);
    put(&out, "}");
    return publish(&out, err);
}

static bool send_summary(error_t *err) {
    if (!settings.summary || scene.frames < settings.summary) return true;
    begin("summary");
    put(&out, ",\"frames\":"); put_u64(&out, scene.frames);
    put(&out, ",\"things\":"); put_u64(&out, scene.tracks.last_id - scene.first_id);
    put(&out, ",\"crossed_to_left\":"); put_u64(&out, scene.to_left);
    put(&out, ",\"crossed_to_right\":"); put_u64(&out, scene.to_right);
    put(&out, ",\"entered\":"); put_u64(&out, scene.entered);
    put(&out, ",\"left\":"); put_u64(&out, scene.left);
    put(&out, ",\"worst\":"); put_number(&out, scene.worst);
    put(&out, "}");
    scene.frames = scene.to_left = scene.to_right = scene.entered = scene.left = 0;
    scene.worst = 0;
    scene.first_id = scene.tracks.last_id;
    return publish(&out, err);
}

// A rule's points, as a view draws them.
static void put_shape(const char *key, const shape_points_t *shape) {
    if (shape->count == 0) return;
    put(&out, ",\""); put(&out, key); put(&out, "\":[{\"points\":[");
    for (uint32_t i = 0; i < shape->count; i++) {
        put(&out, i ? ",[" : "["); put_number(&out, shape->corner[i].x);
        put(&out, ","); put_number(&out, shape->corner[i].y);
        put(&out, "]");
    }
    put(&out, "]}]");
}

static bool send_boxes(error_t *err) {
    if (!settings.boxes) return true;
    begin("boxes");
    put(&out, ",\"anomaly\":"); put_number(&out, scene.score);
    put(&out, ",\"moving\":"); put_number(&out, scene.moving);
    put(&out, ",\"threshold\":"); put_number(&out, settings.threshold);
    put_shape("lines", &settings.line);
    put_shape("zones", &settings.zone);
    put_boxes(0, MAX_TRACKS);
    put(&out, "}");
    return publish_to("boxes", &out, err);
}

// Lengths of what does not move and what does, in turn, row after row: what a test compares with the truth.
static bool send_mask(uint32_t count, uint32_t least_pixels, error_t *err) {
    if (!settings.mask) return true;
    begin("mask");
    put(&out, ",\"width\":"); put_u64(&out, scene.shape.w);
    put(&out, ",\"height\":"); put_u64(&out, scene.shape.h);
    put(&out, ",\"runs\":[");
    uint32_t at = 0, width = scene.shape.w;
    for (uint32_t i = 0; i < count; i++) {
        if (runs[run_root(i)].region.area < least_pixels) continue;
        uint32_t first = runs[i].y * width + runs[i].x0, end = runs[i].y * width + runs[i].x1;
        put_u64(&out, first - at); put(&out, ",");
        put_u64(&out, end - first); put(&out, ",");
        at = end;
    }
    put_u64(&out, width * scene.shape.h - at);
    put(&out, "]}");
    if (out.len < sizeof out.bytes) return publish_to("mask", &out, err);
    warn("mask", "the mask of this frame has too many pieces: it is left out");
    return true;
}

// ---- a frame ----

static track_t gone[MAX_TRACKS]; // out of the picture since the last frame, while they were in the zone
static uint32_t gone_count;

static void has_gone(const track_t *t) { if (t->inside && gone_count < MAX_TRACKS) gone[gone_count++] = *t; }

static bool rules(error_t *err) {
    for (uint32_t i = 0; i < scene.tracks.count; i++) {
        track_t *t = &scene.tracks.track[i];
        if (!t->id) continue;
        t->score = score_in(&scene.anomaly, scene.shape, t->x - t->w / 2, t->y - t->h / 2, t->x + t->w / 2, t->y + t->h / 2);
        point_t stands = { t->x / (float)scene.shape.w, (t->y + t->h / 2) / (float)scene.shape.h };
        happening_t line = line_rule(&settings.line, t, stands), zone = zone_rule(&settings.zone, t, stands);
        if (line == CROSSED_TO_LEFT) scene.to_left++;
        if (line == CROSSED_TO_RIGHT) scene.to_right++;
        if (line && !send_event("crossed", line == CROSSED_TO_LEFT ? "left" : "right", t, err)) return false;
        if (zone == ENTERED) scene.entered++;
        if (zone == LEFT) scene.left++;
        if (zone && !send_event(zone == ENTERED ? "entered" : "left", NULL, t, err)) return false;
    }
    for (uint32_t i = 0; i < gone_count; i++) {
        scene.left++;
        if (!send_event("left", NULL, &gone[i], err)) return false;
    }
    return true;
}

static bool look(const uint8_t *pixels, error_t *err) {
    shape_t s = scene.shape;
    bool again = scene.background.frames > 0 && frame.sequence <= scene.last; // the camera was opened anew: the scene is still the same
    uint64_t passed = scene.background.frames > 0 && !again ? frame.sequence - scene.last : 1;
    uint32_t frames = passed > 30 ? 30 : (uint32_t)passed;
    scene.last = frame.sequence;
    if (again) {
        anomaly_cut(&scene.anomaly);
        scene.tracks.count = 0;
    } else if (frames > 3) scene.anomaly.has_before = false; // nothing is found that far from where it was

    take_frame(pixels, frame.stride, scene.factor, scene.now, s);
    bool warm = scene.background.frames < WARM;
    background_step(&scene.background, scene.now, scene.mask);
    scene.score = anomaly_step(&scene.anomaly, scene.now, s, frames, !scene.alarm, settings.learn);
    if (scene.score > scene.worst) scene.worst = scene.score;

    static region_t found[MAX_REGIONS];
    uint32_t pixel_count = s.w * s.h, least_pixels = (uint32_t)(settings.area * pixel_count) + 1, count = 0, regions = 0;
    gone_count = 0;
    scene.moving = 0;
    if (!warm) {
        clean(scene.mask, scene.scratch, s);
        fill_holes(scene.mask, s, pixel_count / 40);
        regions = regions_of(scene.mask, s, least_pixels, found, &count);
        uint32_t moving = 0;
        for (uint32_t r = 0; r < regions; r++) moving += found[r].area;
        scene.moving = (float)moving / (float)pixel_count;
        scene.flooded = scene.moving > 0.7f ? scene.flooded + 1 : 0;
        if (scene.flooded) regions = 0; // the light has changed, or the camera was moved: that is no thing
        track_step(&scene.tracks, found, regions, (float)frames, has_gone);
    }
    scene.frames++;
    if (scene.flooded >= ANOTHER_VIEW) {
        scene.flooded = 0;
        scene.background.frames = 0;
        scene.tracks.count = 0;
        if (!send_event("view changed", NULL, NULL, err)) return false;
    }
    return rules(err) && send_anomaly(again, err) && send_summary(err) && send_boxes(err) && send_mask(count, least_pixels, err);
}

static bool handle(text_t name, const wasi_messaging_types_metadata_t *pairs, const uint8_t *data, size_t bytes, error_t *err) {
    if (name.len == 0 || name.len > MAX_NAME) return fail(err, "the topic must be the camera's name, with 1 to 256 bytes");
    if (!read_frame(pairs, bytes, err)) return false;
    read_settings();
    bool same = scene.memory && scene.width == frame.width && scene.height == frame.height && scene.name_length == name.len && equal(scene.name, name.ptr, name.len);
    return (same || start(name, err)) && look(data, err);
}

bool exports_wasi_messaging_incoming_handler_handle(wasi_messaging_types_own_message_t message, error_t *err) {
    wasi_messaging_types_borrow_message_t m = wasi_messaging_types_message_borrow(message);
    watch_string_t topic = { NULL, 0 };
    wasi_messaging_types_metadata_t pairs = { NULL, 0 };
    wasi_messaging_types_message_topic(m, &topic);
    wasi_messaging_types_message_metadata(m, &pairs);
    watch_list_u8_t data = wasi_messaging_types_message_data(m);
    bool good = handle((text_t){ topic.ptr, topic.len }, &pairs, data.ptr, data.len, err);
    watch_list_u8_free(&data);
    wasi_messaging_types_metadata_free(&pairs);
    watch_string_free(&topic);
    wasi_messaging_types_message_drop(message);
    return good;
}
