// Has a frame's pixels in its memory, and its metadata: what every component that looks at a camera begins with.
#include "frame.h"

bool exports_wasi_messaging_incoming_handler_handle(wasi_messaging_types_own_message_t message, wasi_messaging_types_error_t *err) {
    (void)err;
    wasi_messaging_types_borrow_message_t m = wasi_messaging_types_message_borrow(message);
    frame_list_tuple2_string_string_t metadata;
    frame_list_u8_t pixels = wasi_messaging_types_message_data(m);
    bool has = wasi_messaging_types_message_metadata(m, &metadata);
    volatile uint8_t last = pixels.ptr[pixels.len - 1];
    (void)last;
    if (has) frame_list_tuple2_string_string_free(&metadata);
    frame_list_u8_free(&pixels);
    wasi_messaging_types_message_drop(message);
    return true;
}
