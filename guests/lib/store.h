// What samples in C keep in the key-value store; without one a component still works, and learns anew after a restart.
// Include it after guest.h.
#pragma once
#include "guest.h"

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
