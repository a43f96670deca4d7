// Answers each request as a gateway to slow devices does: it waits 100 ms for one, and computes a little on what came.
#include "worker.h"

#define WAIT 100000000ull // nanoseconds
#define SAMPLES 20000

/** What the device "said", reduced to a number: work that the compiler cannot leave out. */
static uint32_t reduce(uint32_t seed) {
    uint32_t sum = 0;
    for (int i = 0; i < SAMPLES; i++) {
        seed = seed * 1664525u + 1013904223u;
        sum += seed >> 16;
    }
    return sum;
}

void exports_wasi_http_incoming_handler_handle(wasi_http_types_own_incoming_request_t request, wasi_http_types_own_response_outparam_t out) {
    (void)request;
    wasi_io_poll_own_pollable_t device = wasi_clocks_monotonic_clock_subscribe_duration(WAIT);
    wasi_io_poll_pollable_block(wasi_io_poll_pollable_borrow(device));
    wasi_io_poll_pollable_drop(device);

    uint32_t n = reduce((uint32_t)wasi_clocks_monotonic_clock_now());
    uint8_t text[11];
    size_t at = sizeof text;
    text[--at] = '\n';
    do text[--at] = (uint8_t)('0' + n % 10); while (n /= 10);

    wasi_http_types_own_outgoing_response_t response = wasi_http_types_outgoing_response_new(wasi_http_types_fields_new());
    wasi_http_types_own_outgoing_body_t body;
    if (!wasi_http_types_outgoing_response_body(wasi_http_types_outgoing_response_borrow(response), &body)) __builtin_trap();
    worker_result_wasi_http_types_own_outgoing_response_wasi_http_types_error_code_t answer = { .is_err = false, .val.ok = response };
    wasi_http_types_response_outparam_set(out, answer);
    wasi_io_streams_own_output_stream_t stream;
    if (!wasi_http_types_outgoing_body_write(wasi_http_types_outgoing_body_borrow(body), &stream)) __builtin_trap();
    wasi_io_streams_output_stream_blocking_write_and_flush(wasi_io_streams_output_stream_borrow(stream), (worker_list_u8_t){ text + at, sizeof text - at }, NULL);
    wasi_io_streams_output_stream_drop(stream);
    worker_option_wasi_http_types_own_fields_t none = { .is_some = false };
    wasi_http_types_outgoing_body_finish(body, none, NULL);
}
