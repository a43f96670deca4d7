// Answers every request with a greeting of the name after /c/.
#include <stdlib.h>
#include <string.h>
#include "app.h" // written by `mote bindings c` into build/; its first lines say who owns what

// Text that grows.
typedef struct { uint8_t *ptr; size_t len; } text_t;

static void add(text_t *text, const void *bytes, size_t len) {
    uint8_t *grown = realloc(text->ptr, text->len + len + 1);
    if (!grown) abort();
    memcpy(grown + text->len, bytes, len);
    text->ptr = grown;
    text->len += len;
}

static void add_text(text_t *text, const char *words) { add(text, words, strlen(words)); }

// Answers with a status, a content type and a body.
static void respond(wasi_http_types_own_response_outparam_t out, uint16_t status, const char *type, text_t body) {
    wasi_http_types_own_fields_t headers = wasi_http_types_fields_new();
    app_string_t value = app_string(type);
    wasi_http_types_fields_append(wasi_http_types_fields_borrow(headers), app_string("content-type"), (wasi_http_types_field_value_t){ value.ptr, value.len }, NULL);
    wasi_http_types_own_outgoing_response_t response = wasi_http_types_outgoing_response_new(headers);
    wasi_http_types_borrow_outgoing_response_t r = wasi_http_types_outgoing_response_borrow(response);
    wasi_http_types_outgoing_response_set_status_code(r, status);
    wasi_http_types_own_outgoing_body_t content = { 0 };
    wasi_http_types_outgoing_response_body(r, &content);
    app_result_wasi_http_types_own_outgoing_response_wasi_http_types_error_code_t answer = { .is_err = false, .val.ok = response };
    wasi_http_types_response_outparam_set(out, answer);

    // The head is on its way; now the body, at most 4096 bytes at a time.
    wasi_io_streams_own_output_stream_t stream = { 0 };
    wasi_http_types_outgoing_body_write(wasi_http_types_outgoing_body_borrow(content), &stream);
    for (size_t at = 0; at < body.len;) {
        size_t n = body.len - at < 4096 ? body.len - at : 4096;
        if (!wasi_io_streams_output_stream_blocking_write_and_flush(wasi_io_streams_output_stream_borrow(stream), (app_list_u8_t){ body.ptr + at, n }, NULL)) break;
        at += n;
    }
    wasi_io_streams_output_stream_drop(stream);
    wasi_http_types_outgoing_body_finish(content, (app_option_wasi_http_types_own_fields_t){ 0 }, NULL);
}

void exports_wasi_http_incoming_handler_handle(wasi_http_types_own_incoming_request_t request, wasi_http_types_own_response_outparam_t response_out) {
    app_string_t path = { 0 };
    wasi_http_types_incoming_request_path_with_query(wasi_http_types_incoming_request_borrow(request), &path);
    app_option_string_t greeting = { 0 };
    wasi_config_store_get(app_string("greeting"), &greeting, NULL);

    // The name is what the path has after its second slash, up to whatever ends it.
    size_t from = 0, slashes = 0;
    while (from < path.len && slashes < 2) slashes += path.ptr[from++] == '/';
    size_t to = from;
    while (to < path.len && path.ptr[to] != '/' && path.ptr[to] != '?') to++;
    text_t body = { 0 };
    if (greeting.is_some) add(&body, greeting.val.ptr, greeting.val.len);
    else add_text(&body, "Hello");
    add_text(&body, ", ");
    if (to > from) add(&body, path.ptr + from, to - from);
    else add_text(&body, "world");
    add_text(&body, "! This is C.\n");
    wasi_logging_logging_log(WASI_LOGGING_LOGGING_LEVEL_INFO, app_string(""), path);
    respond(response_out, 200, "text/plain; charset=utf-8", body);

    free(body.ptr);
    app_option_string_free(&greeting);
    app_string_free(&path);
    wasi_http_types_incoming_request_drop(request);
}
