// The filter, whichever way messages come: sends an alert where the number `value` of a reading is over the variable
// `threshold`. Include it after guest.h.
#pragma once

static bool handle(wasi_messaging_types_borrow_message_t message, error_t *err) {
    static double threshold = -1;
    if (threshold < 0) threshold = variable("threshold", 100, 0, 1e9);
    guest_list_u8_t data = wasi_messaging_types_message_data(message);
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
    guest_list_u8_free(&data);
    if (!found) return fail(err, "a reading is an object with a number \"value\"");
    return sent;
}
