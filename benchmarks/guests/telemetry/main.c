// Reads {"value": NUMBER, …} and sends an alert where the value is over the variable `threshold`.
#include "telemetry.h"
#define NAME telemetry
#include "guest.h"
#include "filter.h"

bool exports_wasi_messaging_incoming_handler_handle(wasi_messaging_types_own_message_t message, error_t *err) {
    bool good = handle(wasi_messaging_types_message_borrow(message), err);
    wasi_messaging_types_message_drop(message);
    return good;
}
