// The filter of benchmarks/guests/telemetry by the batch: what is no reading is named as a failure.
#include "telemetry_batch.h"
#define NAME telemetry_batch
#include "guest.h"
#include "filter.h"

#define MOST 1000

bool exports_mote_messaging_batch_handler_handle(
    telemetry_batch_list_wasi_messaging_types_own_message_t messages, telemetry_batch_list_exports_mote_messaging_batch_handler_failure_t *ret, exports_mote_messaging_batch_handler_error_t *err) {
    static exports_mote_messaging_batch_handler_failure_t failures[MOST];
    (void)err;
    ret->ptr = failures;
    ret->len = 0;
    for (size_t i = 0; i < messages.len && i < MOST; i++) {
        error_t why;
        if (handle(wasi_messaging_types_message_borrow(messages.ptr[i]), &why)) continue;
        failures[ret->len].index = i;
        failures[ret->len++].error = why;
    }
    telemetry_batch_list_wasi_messaging_types_own_message_free(&messages);
    return true;
}
