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

typedef wasi_messaging_types_error_t error_t;
typedef struct { const uint8_t *ptr; size_t len; } text_t;

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
static wasi_keyvalue_store_own_bucket_t bucket;
static wasi_messaging_types_own_client_t client;

// ---- small things that a libc would have ----

static bool equal(const void *a, const void *b, size_t n) {
    const uint8_t *x = a, *y = b;
    for (size_t i = 0; i < n; i++) if (x[i] != y[i]) return false;
    return true;
}

static size_t length(const char *s) { size_t n = 0; while (s[n]) n++; return n; }

// Text that is put together in a fixed buffer; what does not fit is left out.
typedef struct { char bytes[1024]; size_t len; } out_t;

static void put_n(out_t *o, const void *s, size_t n) {
    for (size_t i = 0; i < n && o->len < sizeof o->bytes; i++) o->bytes[o->len++] = ((const char *)s)[i];
}
static void put(out_t *o, const char *s) { put_n(o, s, length(s)); }

static void put_u64(out_t *o, uint64_t n) {
    char digits[20];
    int at = 20;
    do digits[--at] = (char)('0' + n % 10); while (n /= 10);
    put_n(o, digits + at, 20 - at);
}

// With four decimals, which is what a person reads.
static void put_number(out_t *o, double d) {
    if (!(d > -1e15 && d < 1e15)) { put(o, "null"); return; }
    if (d < 0) { put(o, "-"); d = -d; }
    uint64_t n = (uint64_t)(d * 10000 + 0.5);
    put_u64(o, n / 10000);
    char decimals[5] = { '.', (char)('0' + n / 1000 % 10), (char)('0' + n / 100 % 10), (char)('0' + n / 10 % 10), (char)('0' + n % 10) };
    put_n(o, decimals, 5);
}

// A JSON string; topics may have quotes in them.
static void put_string(out_t *o, const void *s, size_t n) {
    put(o, "\"");
    for (size_t i = 0; i < n; i++) {
        uint8_t c = ((const uint8_t *)s)[i];
        if (c == '"' || c == '\\') put(o, "\\");
        if (c < 0x20) put(o, " ");
        else put_n(o, &c, 1);
    }
    put(o, "\"");
}

static bool fail(error_t *err, const char *text) {
    err->tag = WASI_MESSAGING_TYPES_ERROR_OTHER;
    filter_string_set(&err->val.other, text);
    return false;
}

static void log_line(wasi_logging_logging_level_t level, const char *context, const char *text) {
    wasi_logging_logging_log(level, filter_string(context), filter_string(text));
}

// ---- JSON, as far as readings need it ----

typedef struct { const uint8_t *at, *end; } json_t;

static void space(json_t *j) { while (j->at < j->end && (*j->at == ' ' || *j->at == '\t' || *j->at == '\n' || *j->at == '\r')) j->at++; }
static bool take(json_t *j, char c) { space(j); if (j->at < j->end && *j->at == c) { j->at++; return true; } return false; }

// A string's bytes between its quotes, escapes as they stand.
static bool string(json_t *j, text_t *ret) {
    if (!take(j, '"')) return false;
    ret->ptr = j->at;
    for (; j->at < j->end && *j->at != '"'; j->at++) if (*j->at == '\\') { if (++j->at == j->end) return false; }
    if (j->at == j->end) return false;
    ret->len = j->at++ - ret->ptr;
    return true;
}

static double power_of_ten(int e) {
    double p = 1, base = 10;
    for (int n = e < 0 ? -e : e; n; n >>= 1, base *= base) if (n & 1) p *= base;
    return p;
}

static bool number(json_t *j, double *ret) {
    space(j);
    bool negative = j->at < j->end && *j->at == '-';
    if (negative) j->at++;
    uint64_t mantissa = 0;
    int exponent = 0, digits = 0;
    bool fraction = false;
    for (; j->at < j->end; j->at++) {
        uint8_t c = *j->at;
        if (c == '.' && !fraction) { fraction = true; continue; }
        if (c < '0' || c > '9') break;
        digits++;
        if (mantissa < 100000000000000000ull) { mantissa = mantissa * 10 + (c - '0'); exponent -= fraction; }
        else exponent += !fraction; // beyond what a double can tell apart
    }
    if (!digits) return false;
    if (j->at < j->end && (*j->at | 0x20) == 'e') {
        j->at++;
        bool down = j->at < j->end && *j->at == '-';
        if (j->at < j->end && (*j->at == '-' || *j->at == '+')) j->at++;
        int e = 0, n = 0;
        for (; j->at < j->end && *j->at >= '0' && *j->at <= '9'; j->at++, n++) if (e < 1000) e = e * 10 + (*j->at - '0');
        if (!n) return false;
        exponent += down ? -e : e;
    }
    double value = (double)mantissa;
    if (mantissa) {
        if (exponent > 400) exponent = 400;
        if (exponent < -400) exponent = -400;
        value = exponent < 0 ? value / power_of_ten(-exponent) : value * power_of_ten(exponent);
    }
    *ret = negative ? -value : value;
    return true;
}

static bool skip(json_t *j, int depth) {
    text_t ignored;
    space(j);
    if (j->at == j->end || depth > 16) return false;
    char open = (char)*j->at;
    if (open == '"') return string(j, &ignored);
    if (open == '{' || open == '[') {
        char close = open == '{' ? '}' : ']';
        j->at++;
        if (take(j, close)) return true;
        do {
            if (open == '{' && !(string(j, &ignored) && take(j, ':'))) return false;
            if (!skip(j, depth + 1)) return false;
        } while (take(j, ','));
        return take(j, close);
    }
    const uint8_t *start = j->at; // a number, true, false or null
    while (j->at < j->end && *j->at != ',' && *j->at != '}' && *j->at != ']' && *j->at > ' ') j->at++;
    return j->at > start;
}

static bool is(text_t t, const char *s) { return t.len == length(s) && equal(t.ptr, s, t.len); }

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

static double variable(const char *key, double standard, double min, double max) {
    filter_option_string_t text;
    if (!wasi_config_store_get(filter_string(key), &text, NULL) || !text.is_some) return standard;
    json_t j = { text.val.ptr, text.val.ptr + text.val.len };
    double value;
    bool good = number(&j, &value) && j.at == j.end && value >= min && value <= max;
    filter_string_free(&text.val);
    if (good) return value;
    log_line(WASI_LOGGING_LOGGING_LEVEL_WARN, key, "this variable is not a number in its range: the standard value is used");
    return standard;
}

static void load_config(void) {
    if (config.loaded) return;
    config.window = (uint32_t)variable("window", 50, 2, 1000000);
    config.learn = (uint32_t)variable("learn", 20, 3, 1000000);
    config.threshold = variable("threshold", 6, 0.1, 1e6);
    config.loaded = true;
}

// ---- series: in memory, and in the store ----

static filter_string_t key_of(const series_t *s) { return (filter_string_t){ (uint8_t *)s->name, s->name_len }; }

// Without a store the filter still works; it then learns anew after a restart.
static bool store(void) {
    static bool refused;
    if (bucket.__handle) return true;
    if (refused) return false;
    if (wasi_keyvalue_store_open(filter_string("default"), &bucket, NULL)) return true;
    refused = true;
    log_line(WASI_LOGGING_LOGGING_LEVEL_WARN, "store", "there is no key-value store: what is learned is lost at a restart");
    return false;
}

static void save(series_t *s) {
    s->unsaved = 0;
    if (!store()) return;
    filter_list_u8_t bytes = { (uint8_t *)&s->state, sizeof s->state };
    if (!wasi_keyvalue_store_bucket_set(wasi_keyvalue_store_bucket_borrow(bucket), key_of(s), bytes, NULL)) {
        log_line(WASI_LOGGING_LOGGING_LEVEL_WARN, "store", "a series could not be saved");
    }
}

static void load(series_t *s) {
    filter_option_list_u8_t value;
    if (!store() || !wasi_keyvalue_store_bucket_get(wasi_keyvalue_store_bucket_borrow(bucket), key_of(s), &value, NULL) || !value.is_some) return;
    state_t saved;
    if (value.val.len == sizeof saved) {
        __builtin_memcpy(&saved, value.val.ptr, sizeof saved);
        if (saved.version == VERSION) s->state = saved;
    }
    filter_list_u8_free(&value.val);
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
    load(s);
    table[at] = s;
    series_count++;
    return s;
}

// ---- judging ----

static bool send_alert(const series_t *s, double level, double spread, double score, text_t ts, error_t *err) {
    if (!client.__handle && !wasi_messaging_types_client_connect(filter_string("default"), &client, err)) return false;
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
    wasi_messaging_types_own_message_t message = wasi_messaging_types_message_new((filter_list_u8_t){ (uint8_t *)o.bytes, o.len });
    wasi_messaging_types_message_set_content_type(wasi_messaging_types_message_borrow(message), filter_string("application/json"));
    return wasi_messaging_producer_send(wasi_messaging_types_client_borrow(client), filter_string("alerts"), message, err);
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
    if (++s->unsaved >= SAVE_EVERY || t->alarmed != was || t->learned == config.learn) save(s);
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

static bool starts_with(filter_string_t s, const char *prefix) {
    if (s.len < length(prefix)) return false;
    for (size_t i = 0; prefix[i]; i++) if ((s.ptr[i] | 0x20) != (uint8_t)(prefix[i] | 0x20)) return false;
    return true;
}

static bool handle(wasi_messaging_types_borrow_message_t message, text_t topic, error_t *err) {
    load_config();
    if (topic.len == 0 || topic.len > MAX_NAME) return fail(err, "the topic must have 1 to 256 bytes");
    filter_string_t type = { NULL, 0 };
    bool is_audio = wasi_messaging_types_message_content_type(message, &type) && starts_with(type, "audio/L16");
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
