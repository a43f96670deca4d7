// Judges the rows of a pump's sensors where they are made, and sends a message to topic `alerts` when the pump leaves
// what is usual and when it is back. Everything else stays at the pump.
//
// A message is a JSON object. {"ts": "2020-03-09T10:14:33Z", "values": {"pressure": 0.05, ...}} is a row of sensors that
// are judged together (sensors.h); {"ts": ..., "value": 1.5} is a value of a series of its own (series.h). The topic
// says which pump, or which series, it is of.
//
// State is kept in memory, and now and then in the key-value store, from where a new instance goes on. Variables:
// `learn` (rows of sensors), `series_learn` (rows of a series), `threshold` (multiples of usual variation), `hold` (rows).
#define NAME watch
#include "watch.h"
#include "store.h"
#include "sensors.h"
#include "series.h"

enum {
    MAX_TOPICS = 1024,
    MAX_TOPIC = 256,
    SAVE_EVERY = 60, // rows; also whenever something was said
    VERSION = 1,     // of the states below, which are stored as they are in memory
};

// Rows of several sensors.
typedef struct {
    uint32_t version, count;    // count of sensors
    uint32_t alarmed, hold;     // rows that the alarm still holds
    uint64_t rows;
    sensor_t sensors[MAX_SENSORS];
} pump_t;

typedef struct { uint32_t version, spare; series_t series; } single_t;

// What is known of a topic: one of the two, by the first message that comes.
typedef struct {
    uint8_t name[MAX_TOPIC + 1];
    uint32_t name_len, unsaved;
    pump_t *pump;
    single_t *single;
} topic_t;

static topic_t *table[MAX_TOPICS * 2]; // open addressing, never more than half full
static uint32_t topics;
static struct { uint32_t learn, series_learn, hold; double threshold; bool loaded; } config;

static void load_config(void) {
    if (config.loaded) return;
    config.learn = (uint32_t)variable("learn", 400, 2 * warm_up, 1e6);
    config.series_learn = (uint32_t)variable("series_learn", 600, 50, 1e6);
    config.threshold = variable("threshold", 6.9, 0.1, 1e6);
    config.hold = (uint32_t)variable("hold", 2, 0, 1e6);
    config.loaded = true;
}

static topic_t *topic_of(text_t name) {
    uint32_t hash = 2166136261u; // FNV-1a
    for (size_t i = 0; i < name.len; i++) hash = (hash ^ name.ptr[i]) * 16777619u;
    uint32_t at = hash % (MAX_TOPICS * 2);
    for (; table[at]; at = (at + 1) % (MAX_TOPICS * 2)) {
        if (table[at]->name_len == name.len && equal(table[at]->name, name.ptr, name.len)) return table[at];
    }
    if (topics == MAX_TOPICS) return NULL;
    topic_t *t = mote_malloc(sizeof *t);
    *t = (topic_t){ .name_len = (uint32_t)name.len };
    __builtin_memcpy(t->name, name.ptr, name.len);
    table[at] = t;
    topics++;
    return t;
}

// The state's key: the topic, and a letter for what it is, as a topic may have both.
static text_t key_of(topic_t *t, char kind) {
    t->name[t->name_len] = (uint8_t)kind;
    return (text_t){ t->name, t->name_len + 1 };
}

static void begin(out_t *o, const topic_t *t, const char *state, text_t ts) {
    o->len = 0;
    put(o, "{\"source\":");
    put_string(o, t->name, t->name_len);
    put(o, ",\"state\":\"");
    put(o, state);
    put(o, "\"");
    if (ts.len && ts.len < 64) { put(o, ",\"ts\":"); put_string(o, ts.ptr, ts.len); }
}

// ---- a row of sensors ----

// The sensor of a name; one more where it is new and there is room.
static sensor_t *sensor_of(pump_t *p, text_t name) {
    for (uint32_t i = 0; i < p->count; i++) if (p->sensors[i].name_len == name.len && equal(p->sensors[i].name, name.ptr, name.len)) return &p->sensors[i];
    if (p->count == MAX_SENSORS) return NULL;
    sensor_t *s = &p->sensors[p->count++];
    *s = (sensor_t){ .name_len = (uint32_t)name.len };
    __builtin_memcpy(s->name, name.ptr, name.len);
    return s;
}

static bool take_row(topic_t *t, json_t values, text_t ts, error_t *err) {
    if (!t->pump) {
        t->pump = mote_malloc(sizeof(pump_t));
        __builtin_memset(t->pump, 0, sizeof(pump_t));
        t->pump->version = VERSION;
        load(key_of(t, 'p'), t->pump, sizeof(pump_t), VERSION);
    }
    pump_t *p = t->pump;

    // Read as a whole before anything is judged: half of a row must not be learned.
    struct { text_t name; double value; } row[MAX_SENSORS];
    int n = 0;
    if (!take(&values, '{')) return fail(err, "\"values\" must be an object of numbers");
    if (!take(&values, '}')) {
        do {
            text_t name;
            double value;
            if (!string(&values, &name) || !take(&values, ':')) return fail(err, "\"values\" must be an object of numbers");
            if (name.len == 0 || name.len > SENSOR_NAME) return fail(err, "the name of a sensor must have 1 to 32 bytes");
            json_t before = values;
            if (!bounded_number(&values, &value)) {
                // A sensor that says null has nothing to say in this row.
                values = before;
                text_t none;
                space(&values);
                none.ptr = values.at;
                none.len = (size_t)(values.end - values.at) < 4 ? 0 : 4;
                if (!is(none, "null")) return fail(err, "\"values\" must be an object of numbers");
                values.at += 4;
                continue;
            }
            if (n == MAX_SENSORS) return fail(err, "a row may have 16 sensors; give the others a topic of their own");
            row[n].name = name;
            row[n++].value = value;
        } while (take(&values, ','));
        if (!take(&values, '}')) return fail(err, "\"values\" must be an object of numbers");
    }

    double score = 0, its_value = 0;
    const sensor_t *worst = NULL;
    uint32_t known = p->count;
    bool learned = false;
    for (int i = 0; i < n; i++) {
        sensor_t *s = sensor_of(p, row[i].name);
        if (!s) {
            p->count = known; // those that this row brought are not kept
            return fail(err, "this topic has had 16 sensors: more are not kept");
        }
        double v = sensor_judge(s, row[i].value, config.learn, p->alarmed);
        learned |= s->rows == config.learn;
        if (v > score || !worst) { score = v; worst = s; its_value = row[i].value; }
    }
    p->rows++;

    // The alarm stays for some rows after the last one beyond the threshold.
    uint32_t was = p->alarmed;
    if (score > config.threshold) p->hold = config.hold + 1;
    p->alarmed = p->hold > 0;
    if (p->hold) p->hold--;
    bool sent = true;
    if (p->alarmed != was) {
        out_t o;
        begin(&o, t, p->alarmed ? "raised" : "cleared", ts);
        if (worst) {
            put(&o, ",\"sensor\":"); put_string(&o, worst->name, worst->name_len);
            put(&o, ",\"value\":"); put_number(&o, its_value);
            put(&o, ",\"usual\":"); put_number(&o, worst->first + (worst->drifts ? worst->reference : worst->mean + worst->reference));
            put(&o, ",\"deviation\":"); put_number(&o, worst->deviation);
        }
        put(&o, ",\"score\":"); put_number(&o, score);
        put(&o, ",\"rows\":"); put_u64(&o, p->rows);
        put(&o, "}");
        sent = publish(&o, err);
    }
    if (++t->unsaved >= SAVE_EVERY || p->alarmed != was || learned) {
        t->unsaved = 0;
        save(key_of(t, 'p'), p, sizeof *p);
    }
    return sent;
}

// ---- a value of a series ----

static bool take_value(topic_t *t, double value, text_t ts, error_t *err) {
    if (!t->single) {
        t->single = mote_malloc(sizeof(single_t));
        __builtin_memset(t->single, 0, sizeof(single_t));
        t->single->version = VERSION;
        load(key_of(t, 's'), t->single, sizeof(single_t), VERSION);
    }
    double time = 0;
    bool has_time = ts.len && time_of(ts, &time);
    series_verdict_t v = series_judge(&t->single->series, value, has_time, time, config.series_learn);
    bool sent = true;
    if (v.event) {
        out_t o;
        begin(&o, t, "event", ts);
        put(&o, ",\"measure\":\""); put(&o, series_measures[v.measure]); put(&o, "\"");
        put(&o, ",\"value\":"); put_number(&o, value);
        put(&o, ",\"score\":"); put_number(&o, v.score);
        put(&o, ",\"rows\":"); put_u64(&o, t->single->series.rows);
        put(&o, "}");
        sent = publish(&o, err);
    }
    if (++t->unsaved >= SAVE_EVERY || v.event) {
        t->unsaved = 0;
        save(key_of(t, 's'), t->single, sizeof *t->single);
    }
    return sent;
}

static bool take_message(text_t topic, json_t j, error_t *err) {
    static const char *const form = "not a row: a JSON object with a number \"value\", or with sensors in \"values\", is needed";
    text_t ts = { NULL, 0 };
    json_t values = { NULL, NULL };
    double value = 0;
    bool has_value = false;
    if (!take(&j, '{') || take(&j, '}')) return fail(err, form);
    do {
        text_t key;
        if (!string(&j, &key) || !take(&j, ':')) return fail(err, form);
        if (is(key, "value")) { if (!bounded_number(&j, &value)) return fail(err, form); has_value = true; }
        else if (is(key, "ts")) { if (!string(&j, &ts)) return fail(err, form); }
        else {
            space(&j);
            json_t from = j;
            if (!skip(&j, 0)) return fail(err, form);
            if (is(key, "values")) values = (json_t){ from.at, j.at };
        }
    } while (take(&j, ','));
    if (!take(&j, '}') || !at_end(&j) || has_value == (values.at != NULL)) return fail(err, form);
    topic_t *t = topic_of(topic);
    if (!t) return fail(err, "too many topics: 1024 are kept");
    return has_value ? take_value(t, value, ts, err) : take_row(t, values, ts, err);
}

bool exports_wasi_messaging_incoming_handler_handle(wasi_messaging_types_own_message_t message, error_t *err) {
    wasi_messaging_types_borrow_message_t m = wasi_messaging_types_message_borrow(message);
    load_config();
    watch_string_t topic = { NULL, 0 };
    wasi_messaging_types_message_topic(m, &topic);
    watch_list_u8_t data = wasi_messaging_types_message_data(m);
    bool good = topic.len > 0 && topic.len <= MAX_TOPIC
        ? take_message((text_t){ topic.ptr, topic.len }, (json_t){ data.ptr, data.ptr + data.len }, err)
        : fail(err, "the topic must have 1 to 256 bytes");
    watch_list_u8_free(&data);
    watch_string_free(&topic);
    wasi_messaging_types_message_drop(message);
    return good;
}
