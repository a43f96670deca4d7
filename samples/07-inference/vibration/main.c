// Asks a neural network whether a machine vibrates as it should, and sends a message to topic `alerts` when it does not any
// more, and when it does again. The samples stay.
//
// A message is 16-bit samples in network byte order, one channel, of type audio/L16;rate=2000;scale=0.001 (RFC 2586; scale is
// the value of one step, in g, the variable `scale` where it is missing). The model takes windows of 64 samples, as many at once as there are, and gives a score for
// each: 1 is what one window of a hundred of a healthy machine goes beyond. A message is an anomaly when more than `share`
// of its windows do. What is known of a machine is in the key-value store: the next message may meet another instance.
#define NAME vibration
#include "vibration.h"
#include "store.h"
#include "model.h"

enum {
    WINDOW = 64,
    MAX_WINDOWS = 1024,
    MAX_TOPIC = 256,
    CALM = 3, // messages without an anomaly until it is over
    VERSION = 1,
};

typedef struct { uint32_t version, alarmed, calm; } machine_t;

// The number behind a parameter such as ;scale=; the standard value where there is none.
static double parameter(text_t type, const char *name, double standard) {
    size_t n = length(name);
    for (size_t i = 0; i + n < type.len; i++) {
        if (!equal(type.ptr + i, name, n)) continue;
        json_t j = { type.ptr + i + n, type.ptr + type.len };
        double value;
        return number(&j, &value) ? value : standard;
    }
    return standard;
}

static bool say(text_t topic, const char *state, size_t windows, size_t beyond, double mean, error_t *err) {
    out_t o = { .len = 0 };
    put(&o, "{\"source\":");
    put_string(&o, topic.ptr, topic.len);
    put(&o, ",\"state\":\""); put(&o, state);
    put(&o, "\",\"windows\":"); put_u64(&o, windows);
    put(&o, ",\"beyond\":"); put_u64(&o, beyond);
    put(&o, ",\"score\":"); put_number(&o, mean);
    put(&o, "}");
    return publish(&o, err);
}

static bool handle(text_t topic, text_t type, const uint8_t *data, size_t bytes, error_t *err) {
    static float samples[WINDOW * MAX_WINDOWS], scores[MAX_WINDOWS];
    if (topic.len == 0 || topic.len > MAX_TOPIC) return fail(err, "the topic must have 1 to 256 bytes");
    if (!starts_with(type, "audio/L16")) return fail(err, "not samples: the type must be audio/L16;rate=2000;scale=G, one channel");
    if (parameter(type, ";channels=", 1) != 1) return fail(err, "one channel is looked at: give each a topic of its own");
    if (parameter(type, ";rate=", 2000) != 2000) return fail(err, "the model was trained on 2000 samples a second: train.mjs trains one for another rate");
    double scale = parameter(type, ";scale=", variable("scale", 1, 0, 1e6));
    size_t windows = bytes / 2 / WINDOW;
    if (windows == 0 || windows > MAX_WINDOWS) return fail(err, "a message must have 64 to 65536 samples");
    for (size_t i = 0; i < windows * WINDOW; i++) samples[i] = (float)((int16_t)(data[2 * i] << 8 | data[2 * i + 1]) * scale);

    model_outputs_t outputs;
    if (!model_open("vibration", err) || !model_run("samples", (uint32_t[]){ (uint32_t)windows, WINDOW }, 2, samples, &outputs, err)) return false;
    size_t count = model_floats(&outputs, 0, scores, MAX_WINDOWS);
    model_free(&outputs);
    if (count != windows) return fail(err, "the model `vibration` does not give a score for each window of 64 samples");
    size_t beyond = 0;
    double sum = 0;
    for (size_t i = 0; i < windows; i++) { beyond += scores[i] > 1; sum += scores[i]; }

    machine_t m = { VERSION, 0, 0 };
    load(topic, &m, sizeof m, VERSION);
    machine_t was = m;
    bool anomaly = (double)beyond > variable("share", 0.25, 0, 1) * (double)windows;
    m.calm = anomaly ? 0 : m.calm < CALM ? m.calm + 1 : CALM;
    if (anomaly) m.alarmed = 1;
    else if (m.calm == CALM) m.alarmed = 0;
    if (m.alarmed != was.alarmed && !say(topic, m.alarmed ? "raised" : "cleared", windows, beyond, sum / (double)windows, err)) return false;
    if (!equal(&m, &was, sizeof m)) save(topic, &m, sizeof m);
    return true;
}

bool exports_wasi_messaging_incoming_handler_handle(wasi_messaging_types_own_message_t message, error_t *err) {
    wasi_messaging_types_borrow_message_t m = wasi_messaging_types_message_borrow(message);
    vibration_string_t topic = { NULL, 0 }, type = { NULL, 0 };
    wasi_messaging_types_message_topic(m, &topic);
    wasi_messaging_types_message_content_type(m, &type);
    vibration_list_u8_t data = wasi_messaging_types_message_data(m);
    bool good = handle((text_t){ topic.ptr, topic.len }, (text_t){ type.ptr, type.len }, data.ptr, data.len, err);
    vibration_list_u8_free(&data);
    vibration_string_free(&type);
    vibration_string_free(&topic);
    wasi_messaging_types_message_drop(message);
    return good;
}
