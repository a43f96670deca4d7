// Answers every message on hello/NAME with one on the topic `greetings`.
#include <stdlib.h>
#include <string.h>
#include "app.h" // written by `mote bindings c` into build/; its first lines say who owns what

typedef wasi_messaging_types_error_t error_t;

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

bool exports_wasi_messaging_incoming_handler_handle(wasi_messaging_types_own_message_t message, error_t *err) {
    wasi_messaging_types_borrow_message_t m = wasi_messaging_types_message_borrow(message);
    app_string_t topic = { 0 };
    wasi_messaging_types_message_topic(m, &topic);
    app_list_u8_t data = wasi_messaging_types_message_data(m);
    app_option_string_t greeting = { 0 };
    wasi_config_store_get(app_string("greeting"), &greeting, NULL);

    // What comes after the topic's last slash.
    size_t at = topic.len;
    while (at > 0 && topic.ptr[at - 1] != '/') at--;
    text_t answer = { 0 };
    if (greeting.is_some) add(&answer, greeting.val.ptr, greeting.val.len);
    else add_text(&answer, "Hello");
    add_text(&answer, ", ");
    add(&answer, topic.ptr + at, topic.len - at);
    add_text(&answer, "! You said: ");
    add(&answer, data.ptr, data.len);
    wasi_logging_logging_log(WASI_LOGGING_LOGGING_LEVEL_INFO, app_string(""), (app_string_t){ answer.ptr, answer.len });

    wasi_messaging_types_own_client_t client;
    bool sent = wasi_messaging_types_client_connect(app_string(""), &client, err);
    if (sent) {
        wasi_messaging_types_own_message_t out = wasi_messaging_types_message_new((app_list_u8_t){ answer.ptr, answer.len });
        sent = wasi_messaging_producer_send(wasi_messaging_types_client_borrow(client), app_string("greetings"), out, err);
        wasi_messaging_types_client_drop(client);
    }

    free(answer.ptr);
    app_option_string_free(&greeting);
    app_list_u8_free(&data);
    app_string_free(&topic);
    wasi_messaging_types_message_drop(message);
    return sent;
}
