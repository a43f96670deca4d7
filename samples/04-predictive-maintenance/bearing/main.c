// Judges windows of a bearing's vibration where they are measured, and sends a message to topic `alerts` when the bearing
// is not as healthy as it was, when it is again, what kind of fault it looks like, and now and then a summary. The samples stay.
//
// A message is a window of 16-bit samples in network byte order, channels interleaved, of type
// audio/L16;rate=12000;channels=2 (RFC 2586), and if they are known ;scale=0.0002 (the value of one step, in g) and
// ;rpm=1797 (of the shaft). The topic says which machine it is of; each channel is judged for itself.
//
// What is known of a bearing is in the key-value store alone: each window may meet another instance. Variables: `learn`
// (windows), `threshold` (of the health index), `summary` (windows; 0 is never), and the bearing's fault frequencies as
// multiples of its shaft's: `outer`, `inner`, `ball`.
#define NAME bearing
#include "bearing.h"
#include "store.h"
#include "health.h"

enum {
    MAX_TOPIC = 256,
    MAX_CHANNELS = 8,
    MAX_SAMPLES = 65536, // of a channel
    MIN_SAMPLES = 64,
    CALM = 3,            // windows below half of the threshold until an alarm is over
    FAULTS = 8,          // windows with an alarm until it is said what the fault looks like
};

static const char *const feature_names[FIRST_BAND] = { "rms", "kurtosis", "crest", "repetition" };
static const double stands_out_least = 2; // of a fault's lines above their surroundings

typedef struct { double rate, channels, scale, rpm; } format_t;

// The number of a parameter such as ;rate=12000; as it was where there is none.
static bool parameter(text_t type, const char *name, double *ret) {
    size_t n = length(name);
    for (size_t i = 0; i + n + 1 < type.len; i++) {
        if (type.ptr[i] != ';') continue;
        size_t at = i + 1;
        while (at < type.len && type.ptr[at] == ' ') at++;
        if (at + n >= type.len || !starts_with((text_t){ type.ptr + at, type.len - at }, name) || type.ptr[at + n] != '=') continue;
        json_t j = { type.ptr + at + n + 1, type.ptr + type.len };
        return bounded_number(&j, ret);
    }
    return true;
}

static void begin(out_t *o, text_t topic, uint32_t channel, const char *state, const features_t *f, const health_t *h) {
    o->len = 0;
    put(o, "{\"source\":");
    put_string(o, topic.ptr, topic.len);
    put(o, ",\"channel\":"); put_u64(o, channel);
    put(o, ",\"state\":\""); put(o, state);
    put(o, "\",\"windows\":"); put_u64(o, h->windows);
    put(o, ",\"rms\":"); put_number(o, f->rms);
    put(o, ",\"kurtosis\":"); put_number(o, f->kurtosis);
    put(o, ",\"crest\":"); put_number(o, f->crest);
}

static void put_feature(out_t *o, int feature, const health_t *h) {
    put(o, ",\"feature\":\"");
    if (feature < FIRST_BAND) put(o, feature_names[feature]);
    else {
        uint32_t b = (uint32_t)(feature - FIRST_BAND);
        put_u64(o, (uint64_t)h->rate / 2 * b / BANDS);
        put(o, "-");
        put_u64(o, (uint64_t)h->rate / 2 * (b + 1) / BANDS);
        put(o, " Hz");
    }
    put(o, "\"");
}

// What a fault looks like, by the frequencies at which its envelope repeats.
static bool say_fault(text_t topic, uint32_t channel, const features_t *f, const health_t *h, double rpm, error_t *err) {
    static const struct { const char *variable, *name; double multiple; } kinds[] = { { "outer", "outer race", 1 }, { "inner", "inner race", 1 }, { "ball", "ball", 1 }, { "ball", "ball", 2 } };
    if (!(rpm > 0)) return true;
    double best = 0, line = rpm / 60 / ((double)h->rate / h->part);
    const char *kind = "unclear";
    for (int i = 0; i < 4; i++) {
        double multiple = variable(kinds[i].variable, 0, 0, 1000) * kinds[i].multiple;
        double v = multiple > 0 ? stands_out(h->envelope, ENVELOPE < h->part / 2 ? ENVELOPE : h->part / 2, line * multiple) : 0;
        if (v > best) { best = v; if (v >= stands_out_least) kind = kinds[i].name; }
    }
    if (best == 0) return true; // nothing is known of this bearing
    out_t o;
    begin(&o, topic, channel, "fault", f, h);
    put(&o, ",\"kind\":\""); put(&o, kind);
    put(&o, "\",\"prominence\":"); put_number(&o, best);
    put(&o, "}");
    return publish(&o, err);
}

static bool judge(text_t topic, uint32_t channel, float *samples, uint32_t count, const format_t *format, error_t *err) {
    static health_t h; // of this call alone
    static features_t f;
    uint8_t name[MAX_TOPIC + 2];
    __builtin_memcpy(name, topic.ptr, topic.len);
    name[topic.len] = '#';
    name[topic.len + 1] = (uint8_t)('0' + channel);
    text_t key = { name, topic.len + 2 };

    uint32_t part = FFT_MAX;
    while (part > count) part /= 2;
    if (!load(key, &h, sizeof h, HEALTH_VERSION)) {
        __builtin_memset(&h, 0, sizeof h);
        h.version = HEALTH_VERSION;
        h.rate = (uint32_t)format->rate;
        h.part = part;
    }
    if (h.rate != (uint32_t)format->rate || h.part != part) return fail(err, "the machine's earlier windows had another sampling rate or length: what was learned does not fit; give it a topic of its own");

    features_of(samples, count, part, &f);
    uint32_t learn = (uint32_t)variable("learn", 10, 3, 1e6);
    if (h.windows < learn) {
        health_learn(&h, &f);
        h.windows++;
        save(key, &h, sizeof h);
        return true;
    }

    double threshold = variable("threshold", 10, 0.1, 1e6);
    int feature;
    double index = health_index(&h, &f, learn, &feature);
    h.windows++;
    h.index += (index - h.index) / (h.windows - learn < 16 ? (double)(h.windows - learn) : 16);
    if (index > h.worst) h.worst = index;
    // Two windows in a row, or one that is far beyond.
    uint32_t was = h.alarmed;
    if (index <= threshold) h.hits = 0;
    else if (h.hits < 2) h.hits += index > 1.5 * threshold ? 2 : 1;
    h.calm = index < threshold / 2 ? h.calm + 1 : 0;
    if (!h.alarmed && h.hits >= 2) {
        h.alarmed = 1;
        h.faults = 0;
        __builtin_memset(h.envelope, 0, sizeof h.envelope);
    } else if (h.alarmed && h.calm >= CALM) h.alarmed = 0;

    bool sent = true;
    out_t o;
    if (h.alarmed != was) {
        begin(&o, topic, channel, h.alarmed ? "raised" : "cleared", &f, &h);
        put(&o, ",\"index\":"); put_number(&o, index);
        put_feature(&o, feature, &h);
        put(&o, "}");
        sent = publish(&o, err);
    }
    if (h.alarmed && index > threshold / 2) {
        uint32_t n = ++h.faults < 32 ? h.faults : 32;
        for (int k = 0; k < ENVELOPE; k++) h.envelope[k] += (f.envelope[k] - h.envelope[k]) / (float)n;
        if (sent && h.faults == FAULTS) sent = say_fault(topic, channel, &f, &h, format->rpm, err);
        if (h.faults > 1000000) h.faults = 32; // no need to count for ever
    }
    uint32_t summary = (uint32_t)variable("summary", 100, 0, 1e9);
    if (sent && summary && ++h.said >= summary) {
        begin(&o, topic, channel, "summary", &f, &h);
        put(&o, ",\"alarm\":"); put(&o, h.alarmed ? "true" : "false");
        put(&o, ",\"index\":"); put_number(&o, h.index);
        put(&o, ",\"worst\":"); put_number(&o, h.worst);
        put(&o, "}");
        h.said = 0;
        h.worst = 0;
        sent = publish(&o, err);
    }
    if (sent) save(key, &h, sizeof h);
    return sent;
}

static bool handle(text_t topic, text_t type, const uint8_t *data, size_t bytes, error_t *err) {
    format_t format = { 0, 1, 1, 0 };
    if (topic.len == 0 || topic.len > MAX_TOPIC) return fail(err, "the topic must have 1 to 256 bytes");
    if (!starts_with(type, "audio/L16")) return fail(err, "not a window of samples: the type must be audio/L16;rate=HZ, with ;channels=, ;scale= and ;rpm= if they are known");
    if (!parameter(type, "rate", &format.rate) || !parameter(type, "channels", &format.channels) || !parameter(type, "scale", &format.scale) || !parameter(type, "rpm", &format.rpm)) return fail(err, "a parameter of the type is not a number");
    if (!(format.rate >= 1 && format.rate <= 1e7)) return fail(err, "the type must have a rate from 1 to 10000000: audio/L16;rate=12000");
    if (!(format.channels >= 1 && format.channels <= MAX_CHANNELS)) return fail(err, "a window may have 1 to 8 channels");
    if (!(format.scale > 0 && format.scale < 1e6)) return fail(err, "the scale must be above 0 and below 1000000");
    uint32_t channels = (uint32_t)format.channels;
    size_t count = bytes / 2 / channels;
    if (bytes % (2 * channels) != 0) return fail(err, "the last sample is cut off, or the number of channels is wrong");
    if (count < MIN_SAMPLES || count > MAX_SAMPLES) return fail(err, "a window must have 64 to 65536 samples of each channel");
    static float samples[MAX_SAMPLES];
    for (uint32_t c = 0; c < channels; c++) {
        for (size_t i = 0; i < count; i++) {
            const uint8_t *p = data + (i * channels + c) * 2;
            samples[i] = (float)((int16_t)(p[0] << 8 | p[1]) * format.scale);
        }
        if (!judge(topic, c, samples, (uint32_t)count, &format, err)) return false;
    }
    return true;
}

bool exports_wasi_messaging_incoming_handler_handle(wasi_messaging_types_own_message_t message, error_t *err) {
    wasi_messaging_types_borrow_message_t m = wasi_messaging_types_message_borrow(message);
    bearing_string_t topic = { NULL, 0 }, type = { NULL, 0 };
    wasi_messaging_types_message_topic(m, &topic);
    wasi_messaging_types_message_content_type(m, &type);
    bearing_list_u8_t data = wasi_messaging_types_message_data(m);
    bool good = handle((text_t){ topic.ptr, topic.len }, (text_t){ type.ptr, type.len }, data.ptr, data.len, err);
    bearing_list_u8_free(&data);
    bearing_string_free(&type);
    bearing_string_free(&topic);
    wasi_messaging_types_message_drop(message);
    return good;
}
