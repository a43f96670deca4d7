// What the samples' components in C share beyond text: errors, variables, state in the key-value store, alerts out.
// Include it after the bindings' header, with NAME defined to the world's name: bindings have its functions for strings.
#pragma once
#include "text.h"

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define guest_string JOIN(NAME, _string)
#define guest_string_t JOIN(NAME, _string_t)
#define guest_string_set JOIN(NAME, _string_set)
#define guest_string_free JOIN(NAME, _string_free)
#define guest_list_u8_t JOIN(NAME, _list_u8_t)
#define guest_list_u8_free JOIN(NAME, _list_u8_free)
#define guest_option_list_u8_t JOIN(NAME, _option_list_u8_t)
#define guest_option_string_t JOIN(NAME, _option_string_t)

typedef wasi_messaging_types_error_t error_t;

static bool fail(error_t *err, const char *text) {
    err->tag = WASI_MESSAGING_TYPES_ERROR_OTHER;
    guest_string_set(&err->val.other, text);
    return false;
}

static void warn(const char *context, const char *text) {
    wasi_logging_logging_log(WASI_LOGGING_LOGGING_LEVEL_WARN, guest_string(context), guest_string(text));
}

// A variable of the manifest that is a number; the standard value where it is not there, or is none in its range.
static double variable(const char *key, double standard, double min, double max) {
    guest_option_string_t text;
    if (!wasi_config_store_get(guest_string(key), &text, NULL) || !text.is_some) return standard;
    json_t j = { text.val.ptr, text.val.ptr + text.val.len };
    double value;
    bool good = number(&j, &value) && j.at == j.end && value >= min && value <= max;
    guest_string_free(&text.val);
    if (good) return value;
    warn(key, "this variable is not a number in its range: the standard value is used");
    return standard;
}

#ifndef WITHOUT_STORE // a world that does not import one

// ---- the key-value store; without one a component still works, and learns anew after a restart ----

static wasi_keyvalue_store_own_bucket_t bucket;

static bool store(void) {
    static bool refused;
    if (bucket.__handle) return true;
    if (refused) return false;
    if (wasi_keyvalue_store_open(guest_string("default"), &bucket, NULL)) return true;
    refused = true;
    warn("store", "there is no key-value store: what is learned is lost at a restart");
    return false;
}

// Keeps so many bytes under a key.
static void save(text_t key, const void *state, size_t size) {
    if (!store()) return;
    guest_list_u8_t bytes = { (uint8_t *)state, size };
    if (!wasi_keyvalue_store_bucket_set(wasi_keyvalue_store_bucket_borrow(bucket), (guest_string_t){ (uint8_t *)key.ptr, key.len }, bytes, NULL)) {
        warn("store", "what was learned could not be saved");
    }
}

// Reads what was kept, where it has this size and begins with this version; the state is as it was otherwise.
static bool load(text_t key, void *state, size_t size, uint32_t version) {
    guest_option_list_u8_t value;
    if (!store() || !wasi_keyvalue_store_bucket_get(wasi_keyvalue_store_bucket_borrow(bucket), (guest_string_t){ (uint8_t *)key.ptr, key.len }, &value, NULL) || !value.is_some) return false;
    uint32_t found = 0;
    bool good = value.val.len == size && size >= 4;
    if (good) {
        __builtin_memcpy(&found, value.val.ptr, 4);
        good = found == version;
    }
    if (good) __builtin_memcpy(state, value.val.ptr, size);
    guest_list_u8_free(&value.val);
    return good;
}

#endif

// ---- out ----

// Publishes JSON to topic `alerts`.
static bool publish(const out_t *o, error_t *err) {
    static wasi_messaging_types_own_client_t client;
    if (!client.__handle && !wasi_messaging_types_client_connect(guest_string("default"), &client, err)) return false;
    wasi_messaging_types_own_message_t message = wasi_messaging_types_message_new((guest_list_u8_t){ (uint8_t *)o->bytes, o->len });
    wasi_messaging_types_message_set_content_type(wasi_messaging_types_message_borrow(message), guest_string("application/json"));
    return wasi_messaging_producer_send(wasi_messaging_types_client_borrow(client), guest_string("alerts"), message, err);
}
