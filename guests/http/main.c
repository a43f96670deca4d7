// Answers requests in the ways that servers are tested and measured with: the first segment of the path says how.
#include "http.h"

#define PAGE (128 * 1024)

static uint8_t page[PAGE];

static size_t length_of(const char *text) {
    size_t n = 0;
    while (text[n]) n++;
    return n;
}

static bool is(http_string_t path, const char *name) {
    size_t n = length_of(name);
    if (path.len < n + 1 || path.ptr[0] != '/') return false;
    for (size_t i = 0; i < n; i++) if (path.ptr[i + 1] != (uint8_t)name[i]) return false;
    return path.len == n + 1 || path.ptr[n + 1] == '?' || path.ptr[n + 1] == '/';
}

/** The number after the first `?`. */
static uint64_t number(http_string_t path, uint64_t standard) {
    size_t i = 0;
    while (i < path.len && path.ptr[i] != '?') i++;
    if (++i >= path.len) return standard;
    uint64_t n = 0;
    for (; i < path.len && path.ptr[i] >= '0' && path.ptr[i] <= '9'; i++) n = n * 10 + (path.ptr[i] - '0');
    return n;
}

static http_list_u8_t bytes(const char *text) { return (http_list_u8_t){ (uint8_t *)text, length_of(text) }; }

static void header(wasi_http_types_own_fields_t fields, const char *name, const char *value) {
    wasi_http_types_fields_append(wasi_http_types_fields_borrow(fields), http_string(name), bytes(value), NULL);
}

static wasi_http_types_own_fields_t plain(void) {
    wasi_http_types_own_fields_t fields = wasi_http_types_fields_new();
    header(fields, "content-type", "text/plain");
    return fields;
}

/** Sends the head of an answer, and gives its body. */
static wasi_http_types_own_outgoing_body_t answer(wasi_http_types_own_response_outparam_t out, uint16_t status, wasi_http_types_own_fields_t fields) {
    wasi_http_types_own_outgoing_response_t response = wasi_http_types_outgoing_response_new(fields);
    wasi_http_types_outgoing_response_set_status_code(wasi_http_types_outgoing_response_borrow(response), status);
    wasi_http_types_own_outgoing_body_t body;
    wasi_http_types_outgoing_response_body(wasi_http_types_outgoing_response_borrow(response), &body);
    http_result_wasi_http_types_own_outgoing_response_wasi_http_types_error_code_t result = { .is_err = false, .val.ok = response };
    wasi_http_types_response_outparam_set(out, result);
    return body;
}

static wasi_io_streams_own_output_stream_t stream_of(wasi_http_types_own_outgoing_body_t body) {
    wasi_io_streams_own_output_stream_t stream;
    if (!wasi_http_types_outgoing_body_write(wasi_http_types_outgoing_body_borrow(body), &stream)) __builtin_trap();
    return stream;
}

static void finish(wasi_http_types_own_outgoing_body_t body) {
    http_option_wasi_http_types_own_fields_t none = { .is_some = false };
    wasi_http_types_error_code_t error;
    wasi_http_types_outgoing_body_finish(body, none, &error);
}

/** Writes all of it, as room comes. */
static bool put(wasi_io_streams_borrow_output_stream_t stream, const uint8_t *data, size_t length) {
    while (length > 0) {
        uint64_t room;
        if (!wasi_io_streams_output_stream_check_write(stream, &room, NULL)) return false;
        if (room == 0) {
            wasi_io_poll_own_pollable_t ready = wasi_io_streams_output_stream_subscribe(stream);
            wasi_io_poll_pollable_block(wasi_io_poll_pollable_borrow(ready));
            wasi_io_poll_pollable_drop(ready);
            continue;
        }
        size_t n = length < room ? length : (size_t)room;
        if (!wasi_io_streams_output_stream_write(stream, (http_list_u8_t){ (uint8_t *)data, n }, NULL)) return false;
        data += n;
        length -= n;
    }
    return true;
}

static void say(wasi_http_types_own_response_outparam_t out, uint16_t status, const uint8_t *text, size_t length) {
    wasi_http_types_own_outgoing_body_t body = answer(out, status, plain());
    wasi_io_streams_own_output_stream_t stream = stream_of(body);
    put(wasi_io_streams_output_stream_borrow(stream), text, length);
    wasi_io_streams_output_stream_drop(stream);
    finish(body);
}

static void words(wasi_http_types_own_response_outparam_t out, const char *text) { say(out, 200, (const uint8_t *)text, length_of(text)); }

static void rest(uint64_t milliseconds) {
    wasi_io_poll_own_pollable_t timer = wasi_clocks_monotonic_clock_subscribe_duration(milliseconds * 1000000);
    wasi_io_poll_pollable_block(wasi_io_poll_pollable_borrow(timer));
    wasi_io_poll_pollable_drop(timer);
}

/** The request's body. */
static wasi_http_types_own_incoming_body_t body_of(wasi_http_types_borrow_incoming_request_t request, wasi_io_streams_own_input_stream_t *stream) {
    wasi_http_types_own_incoming_body_t body;
    if (!wasi_http_types_incoming_request_consume(request, &body)) __builtin_trap();
    if (!wasi_http_types_incoming_body_stream(wasi_http_types_incoming_body_borrow(body), stream)) __builtin_trap();
    return body;
}

/** The body comes back as it goes: through the guest's memory, or from stream to stream. */
static void echo(wasi_http_types_borrow_incoming_request_t request, wasi_http_types_own_response_outparam_t out, bool splice) {
    wasi_io_streams_own_input_stream_t in;
    wasi_http_types_own_incoming_body_t from = body_of(request, &in);
    wasi_http_types_own_outgoing_body_t to = answer(out, 200, wasi_http_types_fields_new());
    wasi_io_streams_own_output_stream_t stream = stream_of(to);
    bool whole = false;
    while (true) {
        wasi_io_streams_stream_error_t error;
        if (splice) {
            uint64_t moved;
            if (!wasi_io_streams_output_stream_blocking_splice(wasi_io_streams_output_stream_borrow(stream), wasi_io_streams_input_stream_borrow(in), 65536, &moved, &error)) {
                whole = error.tag == WASI_IO_STREAMS_STREAM_ERROR_CLOSED;
                break;
            }
            continue;
        }
        http_list_u8_t chunk;
        if (!wasi_io_streams_input_stream_blocking_read(wasi_io_streams_input_stream_borrow(in), 65536, &chunk, &error)) {
            whole = error.tag == WASI_IO_STREAMS_STREAM_ERROR_CLOSED;
            break;
        }
        bool written = put(wasi_io_streams_output_stream_borrow(stream), chunk.ptr, chunk.len);
        http_list_u8_free(&chunk);
        if (!written) break;
    }
    wasi_io_streams_input_stream_drop(in);
    wasi_io_streams_output_stream_drop(stream);
    if (!whole) {
        wasi_http_types_incoming_body_drop(from);
        wasi_http_types_outgoing_body_drop(to); // not finished: the client must notice
        return;
    }
    wasi_http_types_own_future_trailers_t trailers = wasi_http_types_incoming_body_finish(from);
    http_option_wasi_http_types_own_fields_t back = { .is_some = false };
    http_result_result_option_wasi_http_types_own_fields_wasi_http_types_error_code_void_t got;
    if (wasi_http_types_future_trailers_get(wasi_http_types_future_trailers_borrow(trailers), &got) && !got.is_err && !got.val.ok.is_err) back = got.val.ok.val.ok;
    wasi_http_types_future_trailers_drop(trailers);
    wasi_http_types_error_code_t code;
    wasi_http_types_outgoing_body_finish(to, back, &code);
}

/** Method, target, authority and headers, a line each. */
static void describe(wasi_http_types_borrow_incoming_request_t request, wasi_http_types_own_response_outparam_t out) {
    size_t room = 64 * 1024, at = 0;
    uint8_t *text = mote_malloc(room);
#define ADD(p, n) do { for (size_t add_ = 0; add_ < (n) && at < room; add_++) text[at++] = (p)[add_]; } while (0)
    wasi_http_types_method_t method = wasi_http_types_incoming_request_method(request);
    text[at++] = '0' + method.tag;
    text[at++] = '\n';
    http_string_t s;
    if (wasi_http_types_incoming_request_path_with_query(request, &s)) ADD(s.ptr, s.len);
    text[at++] = '\n';
    if (wasi_http_types_incoming_request_authority(request, &s)) ADD(s.ptr, s.len);
    text[at++] = '\n';
    wasi_http_types_own_fields_t headers = wasi_http_types_incoming_request_headers(request);
    http_list_tuple2_string_list_u8_t all = wasi_http_types_fields_entries(wasi_http_types_fields_borrow(headers));
    for (size_t i = 0; i < all.len; i++) {
        ADD(all.ptr[i].f0.ptr, all.ptr[i].f0.len);
        ADD(": ", 2);
        ADD(all.ptr[i].f1.ptr, all.ptr[i].f1.len);
        ADD("\n", 1);
    }
    wasi_http_types_fields_drop(headers);
    say(out, 200, text, at);
}

static __attribute__((noinline)) uint64_t deeper(volatile uint64_t n) { return n == UINT64_MAX ? 0 : deeper(n + 1) + n; }

/** A request to the URL http://AUTHORITY/ that is in the header x-authority; its status, or the number of its error. */
static void ask(wasi_http_types_borrow_incoming_request_t request, wasi_http_types_own_response_outparam_t out) {
    wasi_http_types_own_fields_t headers = wasi_http_types_incoming_request_headers(request);
    http_list_list_u8_t values = wasi_http_types_fields_get(wasi_http_types_fields_borrow(headers), http_string("x-authority"));
    wasi_http_types_own_outgoing_request_t asked = wasi_http_types_outgoing_request_new(wasi_http_types_fields_new());
    http_option_string_t authority = { .is_some = values.len > 0 };
    if (values.len > 0) authority.val = (http_string_t){ values.ptr[0].ptr, values.ptr[0].len };
    http_option_wasi_http_types_scheme_t scheme = { .is_some = true, .val = { .tag = WASI_HTTP_TYPES_SCHEME_HTTP } };
    http_option_string_t path = { .is_some = true, .val = http_string("/") };
    if (!wasi_http_types_outgoing_request_set_authority(wasi_http_types_outgoing_request_borrow(asked), authority)
        || !wasi_http_types_outgoing_request_set_scheme(wasi_http_types_outgoing_request_borrow(asked), scheme)
        || !wasi_http_types_outgoing_request_set_path_with_query(wasi_http_types_outgoing_request_borrow(asked), path)) {
        words(out, "refused: the request is not valid\n");
        return;
    }
    wasi_http_types_own_future_incoming_response_t future;
    http_option_wasi_http_types_own_request_options_t none = { .is_some = false };
    wasi_http_types_error_code_t error;
    char text[] = "error 00\n";
    if (!wasi_http_outgoing_handler_handle(asked, none, &future, &error)) {
        text[6] += error.tag / 10;
        text[7] += error.tag % 10;
        words(out, text);
        return;
    }
    wasi_io_poll_own_pollable_t ready = wasi_http_types_future_incoming_response_subscribe(wasi_http_types_future_incoming_response_borrow(future));
    wasi_io_poll_pollable_block(wasi_io_poll_pollable_borrow(ready));
    wasi_io_poll_pollable_drop(ready);
    http_result_result_wasi_http_types_own_incoming_response_wasi_http_types_error_code_void_t got;
    if (!wasi_http_types_future_incoming_response_get(wasi_http_types_future_incoming_response_borrow(future), &got) || got.is_err) __builtin_trap();
    if (got.val.ok.is_err) {
        text[6] += got.val.ok.val.err.tag / 10;
        text[7] += got.val.ok.val.err.tag % 10;
        words(out, text);
        return;
    }
    uint16_t status = wasi_http_types_incoming_response_status(wasi_http_types_incoming_response_borrow(got.val.ok.val.ok));
    char number[] = "status 000\n";
    number[7] += status / 100;
    number[8] += status / 10 % 10;
    number[9] += status % 10;
    words(out, number);
}

/** What follows the first `?`. */
static http_string_t query(http_string_t path) {
    size_t i = 0;
    while (i < path.len && path.ptr[i] != '?') i++;
    if (i < path.len) i++;
    return (http_string_t){ path.ptr + i, path.len - i };
}

static void failed(wasi_http_types_own_response_outparam_t out, uint8_t code) {
    char text[] = "error 00\n";
    text[6] += code / 10;
    text[7] += code % 10;
    words(out, text);
}

/** The file of a name in the first folder that there is: what is in it, or the number of the error; or makes it. */
static void file(http_string_t name, bool make, wasi_http_types_own_response_outparam_t out) {
    http_list_tuple2_wasi_filesystem_types_own_descriptor_string_t folders = wasi_filesystem_preopens_get_directories();
    if (folders.len == 0) {
        words(out, "no folder\n");
        return;
    }
    wasi_filesystem_types_own_descriptor_t opened;
    wasi_filesystem_types_error_code_t error;
    if (!wasi_filesystem_types_descriptor_open_at(wasi_filesystem_types_descriptor_borrow(folders.ptr[0].f0), 0, name, make ? WASI_FILESYSTEM_TYPES_OPEN_FLAGS_CREATE : 0,
            make ? WASI_FILESYSTEM_TYPES_DESCRIPTOR_FLAGS_WRITE : WASI_FILESYSTEM_TYPES_DESCRIPTOR_FLAGS_READ, &opened, &error)) {
        failed(out, error);
        return;
    }
    http_tuple2_list_u8_bool_t got;
    if (make) words(out, "made\n");
    else if (!wasi_filesystem_types_descriptor_read(wasi_filesystem_types_descriptor_borrow(opened), 4096, 0, &got, &error)) failed(out, error);
    else say(out, 200, got.f0.ptr, got.f0.len);
}

/** A connection to a port of this machine: what the server says, or the number of the error. */
static void dial(uint16_t port, wasi_http_types_own_response_outparam_t out) {
    wasi_sockets_network_own_network_t network = wasi_sockets_instance_network_instance_network();
    wasi_sockets_tcp_own_tcp_socket_t socket;
    wasi_sockets_network_error_code_t error;
    wasi_sockets_network_ip_socket_address_t to = { .tag = WASI_SOCKETS_NETWORK_IP_SOCKET_ADDRESS_IPV4, .val.ipv4 = { port, { 127, 0, 0, 1 } } };
    if (!wasi_sockets_tcp_create_socket_create_tcp_socket(WASI_SOCKETS_NETWORK_IP_ADDRESS_FAMILY_IPV4, &socket, &error)
        || !wasi_sockets_tcp_tcp_socket_start_connect(wasi_sockets_tcp_tcp_socket_borrow(socket), wasi_sockets_network_network_borrow(network), to, &error)) {
        failed(out, error);
        return;
    }
    wasi_io_poll_own_pollable_t ready = wasi_sockets_tcp_tcp_socket_subscribe(wasi_sockets_tcp_tcp_socket_borrow(socket));
    wasi_io_poll_pollable_block(wasi_io_poll_pollable_borrow(ready));
    wasi_io_poll_pollable_drop(ready);
    http_tuple2_wasi_io_streams_own_input_stream_wasi_io_streams_own_output_stream_t streams;
    if (!wasi_sockets_tcp_tcp_socket_finish_connect(wasi_sockets_tcp_tcp_socket_borrow(socket), &streams, &error)) {
        failed(out, error);
        return;
    }
    http_list_u8_t said;
    wasi_io_streams_stream_error_t end;
    if (wasi_io_streams_input_stream_blocking_read(wasi_io_streams_input_stream_borrow(streams.f0), 4096, &said, &end)) say(out, 200, said.ptr, said.len);
    else words(out, "nothing\n");
}

void exports_wasi_http_incoming_handler_handle(wasi_http_types_own_incoming_request_t request, wasi_http_types_own_response_outparam_t out) {
    wasi_http_types_borrow_incoming_request_t r = wasi_http_types_incoming_request_borrow(request);
    http_string_t path;
    if (!wasi_http_types_incoming_request_path_with_query(r, &path)) path = http_string("/");

    if (is(path, "hello")) {
        for (size_t i = 0; i < PAGE; i += 4096) page[i] = 1; // as real programs do: 128 KiB of memory in use
        words(out, "Hello from a microVM\n");
    } else if (is(path, "echo")) {
        echo(r, out, false);
    } else if (is(path, "splice")) {
        echo(r, out, true);
    } else if (is(path, "describe")) {
        describe(r, out);
    } else if (is(path, "status")) {
        finish(answer(out, (uint16_t)number(path, 204), wasi_http_types_fields_new()));
    } else if (is(path, "bytes")) {
        // So many bytes, in pieces.
        uint64_t left = number(path, 1000000);
        wasi_http_types_own_outgoing_body_t body = answer(out, 200, plain());
        wasi_io_streams_own_output_stream_t stream = stream_of(body);
        while (left > 0 && put(wasi_io_streams_output_stream_borrow(stream), page, left < PAGE ? (size_t)left : PAGE)) left -= left < PAGE ? left : PAGE;
        wasi_io_streams_output_stream_drop(stream);
        finish(body);
    } else if (is(path, "ticks")) {
        // A line every 50 ms, each sent at once.
        uint64_t n = number(path, 3);
        wasi_http_types_own_outgoing_body_t body = answer(out, 200, plain());
        wasi_io_streams_own_output_stream_t stream = stream_of(body);
        for (uint64_t i = 0; i < n; i++) {
            if (!wasi_io_streams_output_stream_blocking_write_and_flush(wasi_io_streams_output_stream_borrow(stream), bytes("tick\n"), NULL)) break;
            rest(50);
        }
        wasi_io_streams_output_stream_drop(stream);
        finish(body);
    } else if (is(path, "short")) {
        // Says 100 bytes and gives 5.
        wasi_http_types_own_fields_t fields = plain();
        header(fields, "content-length", "100");
        wasi_http_types_own_outgoing_body_t body = answer(out, 200, fields);
        wasi_io_streams_own_output_stream_t stream = stream_of(body);
        put(wasi_io_streams_output_stream_borrow(stream), (const uint8_t *)"short", 5);
        wasi_io_streams_output_stream_drop(stream);
        finish(body);
    } else if (is(path, "half")) {
        // Sends something and traps.
        wasi_http_types_own_outgoing_body_t body = answer(out, 200, plain());
        wasi_io_streams_own_output_stream_t stream = stream_of(body);
        wasi_io_streams_output_stream_blocking_write_and_flush(wasi_io_streams_output_stream_borrow(stream), bytes("half of it"), NULL);
        __builtin_trap();
    } else if (is(path, "unfinished")) {
        // Traps with an answer begun of which nothing has gone out.
        wasi_http_types_own_outgoing_body_t body = answer(out, 200, plain());
        wasi_io_streams_own_output_stream_t stream = stream_of(body);
        put(wasi_io_streams_output_stream_borrow(stream), (const uint8_t *)"short", 5);
        __builtin_trap();
    } else if (is(path, "early")) {
        // Answers, and works on for a while.
        words(out, "early\n");
        rest(number(path, 300));
    } else if (is(path, "sleep")) {
        rest(number(path, 100));
        words(out, "awake\n");
    } else if (is(path, "forbidden")) {
        wasi_http_types_own_fields_t fields = plain();
        wasi_http_types_header_error_t error = { .tag = 255 };
        bool ok = wasi_http_types_fields_append(wasi_http_types_fields_borrow(fields), http_string("transfer-encoding"), bytes("chunked"), &error);
        words(out, ok ? "allowed\n" : error.tag == WASI_HTTP_TYPES_HEADER_ERROR_FORBIDDEN ? "forbidden\n" : "another error\n");
    } else if (is(path, "error")) {
        http_result_wasi_http_types_own_outgoing_response_wasi_http_types_error_code_t result = { .is_err = true };
        result.val.err.tag = (uint8_t)number(path, WASI_HTTP_TYPES_ERROR_CODE_HTTP_REQUEST_LENGTH_REQUIRED);
        wasi_http_types_response_outparam_set(out, result);
    } else if (is(path, "ask")) {
        ask(r, out);
    } else if (is(path, "file") || is(path, "make")) {
        file(query(path), is(path, "make"), out);
    } else if (is(path, "dial")) {
        dial((uint16_t)number(path, 0), out);
    } else if (is(path, "nothing")) {
        wasi_http_types_response_outparam_drop(out);
    } else if (is(path, "trap")) {
        __builtin_trap();
    } else if (is(path, "spin")) {
        for (volatile uint64_t i = 0;; i++) { }
    } else if (is(path, "work")) {
        // So many milliseconds of the processor.
        uint64_t end = wasi_clocks_monotonic_clock_now() + number(path, 10) * 1000000;
        while (wasi_clocks_monotonic_clock_now() < end) for (volatile int i = 0; i < 10000; i++) { }
        words(out, "worked\n");
    } else if (is(path, "memory")) {
        while (__builtin_wasm_memory_grow(0, 16) != (size_t)-1) { }
        uint8_t *end = (uint8_t *)(__builtin_wasm_memory_size(0) * 65536);
        for (uint8_t *p = page; p < end; p += 4096) *p = 1;
        words(out, "all of it\n");
    } else if (is(path, "recurse")) {
        deeper(0);
    } else if (is(path, "handles")) {
        for (uint64_t i = 0; i < 10000000; i++) wasi_http_types_fields_new();
    } else if (is(path, "strings")) {
        uint8_t *text = mote_malloc(32 << 20);
        for (size_t i = 0; i < 32 << 20; i++) text[i] = 'x';
        for (int i = 0; i < 1000; i++) wasi_logging_logging_log(WASI_LOGGING_LOGGING_LEVEL_INFO, http_string("big"), (http_string_t){ text, 32 << 20 });
    } else if (is(path, "fields")) {
        wasi_http_types_own_fields_t fields = wasi_http_types_fields_new();
        for (uint64_t i = 0; i < 10000000; i++) header(fields, "x-field", "a value that takes some room");
    } else if (is(path, "hoard")) {
        // Headers of 100 KB without end, none of which is given back; so many of them at a time are.
        uint64_t kept = number(path, UINT64_MAX);
        for (size_t i = 0; i < PAGE; i++) page[i] = 'x';
        for (uint64_t i = 0; i < 100000; i++) {
            wasi_http_types_own_fields_t fields = wasi_http_types_fields_new();
            wasi_http_types_fields_append(wasi_http_types_fields_borrow(fields), http_string("x-field"), (http_list_u8_t){ page, 100000 }, NULL);
            if (i >= kept) wasi_http_types_fields_drop(fields);
        }
        words(out, "hoarded\n");
    } else if (is(path, "flood")) {
        for (uint64_t i = 0; i < number(path, 1000000); i++) wasi_logging_logging_log(WASI_LOGGING_LOGGING_LEVEL_INFO, http_string("flood"), http_string("a line that says nothing"));
        words(out, "said\n");
    } else if (is(path, "forever")) {
        wasi_io_poll_own_pollable_t timer = wasi_clocks_monotonic_clock_subscribe_duration(UINT64_MAX / 2);
        wasi_io_poll_pollable_block(wasi_io_poll_pollable_borrow(timer));
    } else {
        say(out, 404, (const uint8_t *)"no such test\n", 13);
    }
}
