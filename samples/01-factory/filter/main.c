// Judges sensor readings where they are made: learns what is normal for each sensor, and sends a message to topic
// `alerts` when a sensor leaves that and when it is back. Everything else stays in the factory.
//
// A reading is a JSON object with a number "value" and, if it likes, a time "ts"; its topic says which sensor it is of.
// A message of type audio/L16 is a window of vibration samples. Readings are taken together in windows; a window has a
// level (mean, or root mean square) and a spread (standard deviation, or kurtosis). Both are compared with what they
// were before, in multiples of how much they usually vary.
//
// The state of each sensor is kept in memory, and now and then in the key-value store, from where a new instance goes
// on. Variables: `window` (readings), `learn` (windows), `threshold` (multiples of the usual variation).
#include "filter.h"
#define NAME filter
#include "store.h"

enum {
    MAX_SERIES = 4096,
    MAX_NAME = 256,
    CONFIRM = 2,      // windows beyond the threshold before an alarm
    SETTLE = 3,       // calm windows before it is over
    SAVE_EVERY = 64,  // windows
};

// ---- what is known of one sensor ----

// Mean and variance of a feature of windows: exact while learning, then of the recent past.
typedef struct { double mean, variance; } usual_t;

// Stored as it is in memory, so a change of this struct needs a new VERSION.
typedef struct {
    uint32_t version, learned;         // windows that the usual values are made of
    uint32_t alarmed, hits, calm;      // the alarm, and the windows that speak for changing it
    uint32_t filled;                   // readings in the current window
    double sum, squares, first;        // of them; differences to the first, so that large levels lose no digits
    uint64_t readings;
    usual_t level, spread;
} state_t;

enum { VERSION = 1 };

typedef struct {
    char *name;
    uint32_t name_len, unsaved;
    state_t state;
} series_t;

static series_t *table[MAX_SERIES * 2]; // open addressing, never more than half full
static uint32_t series_count;

static struct { uint32_t window, learn; double threshold; bool loaded; } config;

// {"value": number, "ts": "text", …}
static bool reading(json_t j, double *value, text_t *ts) {
    bool has_value = false;
    ts->len = 0;
    if (!take(&j, '{')) return false;
    if (take(&j, '}')) return false;
    do {
        text_t key;
        if (!string(&j, &key) || !take(&j, ':')) return false;
        if (is(key, "value")) { if (!number(&j, value)) return false; has_value = true; }
        else if (is(key, "ts")) { if (!string(&j, ts)) return false; }
        else if (!skip(&j, 0)) return false;
    } while (take(&j, ','));
    if (!take(&j, '}')) return false;
    space(&j);
    return has_value && j.at == j.end;
}

// ---- configuration ----

static void load_config(void) {
    if (config.loaded) return;
    config.window = (uint32_t)variable("window", 50, 2, 1000000);
    config.learn = (uint32_t)variable("learn", 20, 3, 1000000);
    config.threshold = variable("threshold", 6, 0.1, 1e6);
    config.loaded = true;
}

// ---- series: in memory, and in the store ----

static text_t key_of(const series_t *s) { return (text_t){ (uint8_t *)s->name, s->name_len }; }

static void keep(series_t *s) {
    s->unsaved = 0;
    save(key_of(s), &s->state, sizeof s->state);
}

// The series of a name, made and loaded when it is first seen; NULL where there are too many.
static series_t *series(text_t name) {
    uint32_t hash = 2166136261u; // FNV-1a
    for (size_t i = 0; i < name.len; i++) hash = (hash ^ name.ptr[i]) * 16777619u;
    uint32_t at = hash % (MAX_SERIES * 2);
    for (; table[at]; at = (at + 1) % (MAX_SERIES * 2)) {
        if (table[at]->name_len == name.len && equal(table[at]->name, name.ptr, name.len)) return table[at];
    }
    if (series_count == MAX_SERIES) return NULL;
    series_t *s = mote_malloc(sizeof *s);
    *s = (series_t){ .name = mote_malloc(name.len), .name_len = (uint32_t)name.len, .state = { .version = VERSION } };
    __builtin_memcpy(s->name, name.ptr, name.len);
    load(key_of(s), &s->state, sizeof s->state, VERSION);
    table[at] = s;
    series_count++;
    return s;
}

// ---- judging ----

static bool send_alert(const series_t *s, double level, double spread, double score, text_t ts, error_t *err) {
    out_t o;
    o.len = 0;
    put(&o, "{\"series\":");
    put_string(&o, s->name, s->name_len);
    put(&o, s->state.alarmed ? ",\"state\":\"raised\"" : ",\"state\":\"cleared\"");
    if (ts.len && ts.len < 64) { put(&o, ",\"ts\":"); put_string(&o, ts.ptr, ts.len); }
    put(&o, ",\"level\":"); put_number(&o, level);
    put(&o, ",\"usual_level\":"); put_number(&o, s->state.level.mean);
    put(&o, ",\"spread\":"); put_number(&o, spread);
    put(&o, ",\"usual_spread\":"); put_number(&o, s->state.spread.mean);
    put(&o, ",\"score\":"); put_number(&o, score);
    put(&o, ",\"readings\":"); put_u64(&o, s->state.readings);
    put(&o, "}");
    return publish(&o, err);
}

// How far a value is from what it usually is, in multiples of how much it usually varies. A sensor that never varied
// is given a thousandth of its level, lest its last digit is an alarm.
static double distance(usual_t u, double value) {
    double floor = 0.001 * __builtin_fabs(u.mean) + 1e-9;
    return __builtin_fabs(value - u.mean) / __builtin_sqrt(u.variance + floor * floor);
}

// Welford's update; from `most` values on the older ones count less and less.
static void learn(usual_t *u, double value, uint32_t n, uint32_t most) {
    double weight = 1.0 / (n < most ? n : most);
    double delta = value - u->mean;
    u->mean += weight * delta;
    u->variance = (1 - weight) * (u->variance + weight * delta * delta);
}

static bool judge(series_t *s, double level, double spread, text_t ts, error_t *err) {
    state_t *t = &s->state;
    uint32_t was = t->alarmed;
    double score = 0;
    bool learning = t->learned < config.learn;
    if (!learning) {
        double a = distance(t->level, level), b = distance(t->spread, spread);
        score = a > b ? a : b;
        t->hits = score > config.threshold ? t->hits + 1 : 0;
        t->calm = score < config.threshold / 2 ? t->calm + 1 : 0;
        if (!t->alarmed && t->hits >= CONFIRM) t->alarmed = 1;
        else if (t->alarmed && t->calm >= SETTLE) t->alarmed = 0;
    }
    // What is far from usual must not become usual.
    if (learning || (!t->alarmed && score <= config.threshold)) {
        t->learned++;
        learn(&t->level, level, t->learned, 200);
        learn(&t->spread, spread, t->learned, 200);
    }
    bool sent = t->alarmed == was || send_alert(s, level, spread, score, ts, err);
    if (++s->unsaved >= SAVE_EVERY || t->alarmed != was || t->learned == config.learn) keep(s);
    return sent;
}

static bool take_reading(series_t *s, double value, text_t ts, error_t *err) {
    state_t *t = &s->state;
    if (t->filled == 0) { t->first = value; t->sum = t->squares = 0; }
    double d = value - t->first;
    t->sum += d;
    t->squares += d * d;
    t->readings++;
    if (++t->filled < config.window) return true;
    double n = t->filled, mean = t->sum / n, variance = t->squares / n - mean * mean;
    t->filled = 0;
    return judge(s, t->first + mean, variance > 0 ? __builtin_sqrt(variance) : 0, ts, err);
}

// A window of 16-bit samples in network byte order, channels interleaved (RFC 2586): each channel is a series.
static bool take_samples(text_t topic, filter_list_u8_t data, uint32_t channels, error_t *err) {
    size_t samples = data.len / 2 / channels;
    if (samples < 2) return fail(err, "audio/L16 without samples");
    for (uint32_t c = 0; c < channels; c++) {
        double sum = 0;
        for (size_t i = 0; i < samples; i++) { const uint8_t *p = data.ptr + (i * channels + c) * 2; sum += (int16_t)(p[0] << 8 | p[1]); }
        double mean = sum / (double)samples, square = 0, fourth = 0;
        for (size_t i = 0; i < samples; i++) {
            const uint8_t *p = data.ptr + (i * channels + c) * 2;
            double d = (int16_t)(p[0] << 8 | p[1]) - mean;
            square += d * d;
            fourth += d * d * d * d;
        }
        square /= (double)samples;
        fourth /= (double)samples;
        char name[MAX_NAME + 8];
        __builtin_memcpy(name, topic.ptr, topic.len);
        name[topic.len] = '#';
        name[topic.len + 1] = (char)('0' + c);
        series_t *s = series((text_t){ (uint8_t *)name, topic.len + 2 });
        if (!s) return fail(err, "too many series: 4096 are kept");
        s->state.readings++;
        if (!judge(s, __builtin_sqrt(square), square > 0 ? fourth / (square * square) : 0, (text_t){ 0, 0 }, err)) return false;
    }
    return true;
}

// The number after `channels=` in audio/L16;rate=25600;channels=2; 1 where it does not say.
static uint32_t channels_of(filter_string_t type) {
    const char *key = "channels=";
    for (size_t i = 0; i + 9 < type.len; i++) {
        if (equal(type.ptr + i, key, 9) && type.ptr[i + 9] >= '1' && type.ptr[i + 9] <= '9') return type.ptr[i + 9] - '0';
    }
    return 1;
}

static bool handle(wasi_messaging_types_borrow_message_t message, text_t topic, error_t *err) {
    load_config();
    if (topic.len == 0 || topic.len > MAX_NAME) return fail(err, "the topic must have 1 to 256 bytes");
    filter_string_t type = { NULL, 0 };
    bool is_audio = wasi_messaging_types_message_content_type(message, &type) && starts_with((text_t){ type.ptr, type.len }, "audio/L16");
    uint32_t channels = is_audio ? channels_of(type) : 0;
    filter_string_free(&type);
    filter_list_u8_t data = wasi_messaging_types_message_data(message);
    bool good;
    if (is_audio) {
        good = take_samples(topic, data, channels, err);
    } else {
        double value;
        text_t ts;
        series_t *s = NULL;
        if (!reading((json_t){ data.ptr, data.ptr + data.len }, &value, &ts)) good = fail(err, "not a reading: a JSON object with a number \"value\" is needed");
        else if (!(s = series(topic))) good = fail(err, "too many series: 4096 are kept");
        else good = take_reading(s, value, ts, err);
    }
    filter_list_u8_free(&data);
    return good;
}

bool exports_wasi_messaging_incoming_handler_handle(wasi_messaging_types_own_message_t message, error_t *err) {
    wasi_messaging_types_borrow_message_t m = wasi_messaging_types_message_borrow(message);
    filter_string_t topic = { NULL, 0 };
    wasi_messaging_types_message_topic(m, &topic);
    bool good = handle(m, (text_t){ topic.ptr, topic.len }, err);
    filter_string_free(&topic);
    wasi_messaging_types_message_drop(message);
    return good;
}
