// A handler as small as handlers are, but that it uses 128 KiB of memory as programs with a language's runtime do. It
// echoes the body of a POST.
#include "hello.h"

static uint8_t page[128 * 1024];
static const char text[] = "Hello from a microVM\n";

static bool put(wasi_io_streams_borrow_output_stream_t stream, const uint8_t *data, size_t length) {
    while (length > 0) {
        uint64_t room;
        if (!wasi_io_streams_output_stream_check_write(stream, &room, NULL)) return false;
        if (room == 0) {
            if (!wasi_io_streams_output_stream_blocking_flush(stream, NULL)) return false;
            continue;
        }
        size_t n = length < room ? length : (size_t)room;
        if (!wasi_io_streams_output_stream_write(stream, (hello_list_u8_t){ (uint8_t *)data, n }, NULL)) return false;
        data += n;
        length -= n;
    }
    return true;
}

void exports_wasi_http_incoming_handler_handle(wasi_http_types_own_incoming_request_t request, wasi_http_types_own_response_outparam_t out) {
    wasi_http_types_method_t method = wasi_http_types_incoming_request_method(wasi_http_types_incoming_request_borrow(request));
    bool echo = method.tag == WASI_HTTP_TYPES_METHOD_POST;
    wasi_http_types_own_fields_t fields = wasi_http_types_fields_new();
    wasi_http_types_fields_append(wasi_http_types_fields_borrow(fields), hello_string("content-type"), (hello_list_u8_t){ (uint8_t *)"text/plain", 10 }, NULL);
    wasi_http_types_own_outgoing_response_t response = wasi_http_types_outgoing_response_new(fields);
    wasi_http_types_outgoing_response_set_status_code(wasi_http_types_outgoing_response_borrow(response), 200);
    wasi_http_types_own_outgoing_body_t body;
    wasi_http_types_outgoing_response_body(wasi_http_types_outgoing_response_borrow(response), &body);
    hello_result_wasi_http_types_own_outgoing_response_wasi_http_types_error_code_t result = { .is_err = false, .val.ok = response };
    wasi_http_types_response_outparam_set(out, result);
    wasi_io_streams_own_output_stream_t stream;
    wasi_http_types_outgoing_body_write(wasi_http_types_outgoing_body_borrow(body), &stream);
    if (echo) {
        wasi_http_types_own_incoming_body_t from;
        wasi_io_streams_own_input_stream_t in;
        wasi_http_types_incoming_request_consume(wasi_http_types_incoming_request_borrow(request), &from);
        wasi_http_types_incoming_body_stream(wasi_http_types_incoming_body_borrow(from), &in);
        hello_list_u8_t chunk;
        while (wasi_io_streams_input_stream_blocking_read(wasi_io_streams_input_stream_borrow(in), 65536, &chunk, NULL)) {
            bool ok = put(wasi_io_streams_output_stream_borrow(stream), chunk.ptr, chunk.len);
            hello_list_u8_free(&chunk);
            if (!ok) break;
        }
        wasi_io_streams_input_stream_drop(in);
        wasi_http_types_incoming_body_drop(from);
    } else {
        for (size_t i = 0; i < sizeof page; i += 4096) page[i] = 1;
        put(wasi_io_streams_output_stream_borrow(stream), (const uint8_t *)text, sizeof text - 1);
    }
    wasi_io_streams_output_stream_drop(stream);
    wasi_http_types_incoming_request_drop(request);
    hello_option_wasi_http_types_own_fields_t none = { .is_some = false };
    wasi_http_types_error_code_t error;
    wasi_http_types_outgoing_body_finish(body, none, &error);
}
