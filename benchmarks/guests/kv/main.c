// Adds one to a number in the store for each request, and answers with nothing.
#include "kv.h"

void exports_wasi_http_incoming_handler_handle(wasi_http_types_own_incoming_request_t request, wasi_http_types_own_response_outparam_t out) {
    wasi_http_types_incoming_request_drop(request);
    wasi_keyvalue_store_own_bucket_t bucket;
    int64_t count;
    bool ok = wasi_keyvalue_store_open(kv_string("default"), &bucket, NULL)
        && wasi_keyvalue_atomics_increment(wasi_keyvalue_store_bucket_borrow(bucket), kv_string("requests"), 1, &count, NULL);
    wasi_http_types_own_outgoing_response_t response = wasi_http_types_outgoing_response_new(wasi_http_types_fields_new());
    wasi_http_types_outgoing_response_set_status_code(wasi_http_types_outgoing_response_borrow(response), ok ? 200 : 500);
    wasi_http_types_own_outgoing_body_t body;
    wasi_http_types_outgoing_response_body(wasi_http_types_outgoing_response_borrow(response), &body);
    kv_result_wasi_http_types_own_outgoing_response_wasi_http_types_error_code_t result = { .is_err = false, .val.ok = response };
    wasi_http_types_response_outparam_set(out, result);
    kv_option_wasi_http_types_own_fields_t none = { .is_some = false };
    wasi_http_types_error_code_t error;
    wasi_http_types_outgoing_body_finish(body, none, &error);
}
