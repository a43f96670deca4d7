// Reads {"value": NUMBER, …} and sends an alert where the value is over the variable `threshold`.
#include "telemetry.h"
#define NAME telemetry
#include "guest.h"

static bool handle(wasi_messaging_types_borrow_message_t message, error_t *err) {
    static double threshold = -1;
    if (threshold < 0) threshold = variable("threshold", 100, 0, 1e9);
    telemetry_list_u8_t data = wasi_messaging_types_message_data(message);
    json_t j = { data.ptr, data.ptr + data.len };
    double value = 0;
    bool found = false, good = take(&j, '{');
    while (good && !found) {
        text_t key;
        good = string(&j, &key) && take(&j, ':');
        if (!good) break;
        if (is(key, "value")) { found = number(&j, &value); break; }
        good = skip(&j, 0) && take(&j, ',');
    }
    bool sent = true;
    if (found && value >= threshold) {
        out_t o;
        o.len = 0;
        put_n(&o, data.ptr, data.len);
        sent = publish(&o, err);
    }
    telemetry_list_u8_free(&data);
    if (!found) return fail(err, "a reading is an object with a number \"value\"");
    return sent;
}

bool exports_wasi_messaging_incoming_handler_handle(wasi_messaging_types_own_message_t message, error_t *err) {
    bool good = handle(wasi_messaging_types_message_borrow(message), err);
    wasi_messaging_types_message_drop(message);
    return good;
}
