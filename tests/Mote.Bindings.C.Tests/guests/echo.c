// Answers every value with what the import of the same name makes of it.
#include "echo.h"

// The value that is not freed: nothing in it is on the heap.
#define PLAIN(type, name) \
    type exports_test_echo_values_##name(type v) { return test_echo_values_##name(v); }

#define OWNED(type, name, free) \
    type exports_test_echo_values_##name(type v) { \
        type ret = test_echo_values_##name(v); \
        free(&v); \
        return ret; \
    }

PLAIN(bool, e_bool)
PLAIN(int8_t, e_s8)
PLAIN(uint8_t, e_u8)
PLAIN(int16_t, e_s16)
PLAIN(uint16_t, e_u16)
PLAIN(int32_t, e_s32)
PLAIN(uint32_t, e_u32)
PLAIN(int64_t, e_s64)
PLAIN(uint64_t, e_u64)
PLAIN(float, e_f32)
PLAIN(double, e_f64)
PLAIN(uint32_t, e_char)
PLAIN(test_echo_values_color_t, e_color)
PLAIN(test_echo_values_f_one_t, e_f1)
PLAIN(test_echo_values_f_nine_t, e_f9)
PLAIN(test_echo_values_f_all_t, e_flags)
PLAIN(test_echo_values_scalars_t, e_scalars)
PLAIN(test_echo_values_narrow_t, e_narrow)
PLAIN(echo_list3_u16_t, e_fixed)
PLAIN(echo_tuple1_f32_t, e_one)
OWNED(echo_string_t, e_string, echo_string_free)
OWNED(test_echo_values_texts_t, e_texts, test_echo_values_texts_free)
OWNED(test_echo_values_joined_t, e_joined, test_echo_values_joined_free)
OWNED(echo_list_u8_t, e_bytes, echo_list_u8_free)
OWNED(echo_list_f64_t, e_doubles, echo_list_f64_free)
OWNED(echo_list_bool_t, e_bools, echo_list_bool_free)
OWNED(echo_list_char_t, e_chars, echo_list_char_free)
OWNED(echo_list_string_t, e_strings, echo_list_string_free)
OWNED(echo_list_list_string_t, e_grid, echo_list_list_string_free)
OWNED(echo_list_test_echo_values_joined_t, e_variants, echo_list_test_echo_values_joined_free)
OWNED(echo_list_test_echo_values_texts_t, e_records, echo_list_test_echo_values_texts_free)
OWNED(echo_list2_string_t, e_fixed_texts, echo_list2_string_free)
OWNED(echo_map_string_list_u32_t, e_map, echo_map_string_list_u32_free)
OWNED(echo_tuple3_u8_string_f64_t, e_tuple, echo_tuple3_u8_string_f64_free)
OWNED(echo_list_result_list_u8_option_string_t, e_results, echo_list_result_list_u8_option_string_free)

bool exports_test_echo_values_e_option(echo_option_u32_t v, uint32_t *ret) { return test_echo_values_e_option(v, ret); }

bool exports_test_echo_values_e_option_text(echo_option_string_t v, echo_string_t *ret) {
    bool some = test_echo_values_e_option_text(v, ret);
    echo_option_string_free(&v);
    return some;
}

bool exports_test_echo_values_e_nested(echo_option_option_string_t v, echo_option_string_t *ret) {
    bool some = test_echo_values_e_nested(v, ret);
    echo_option_option_string_free(&v);
    return some;
}

bool exports_test_echo_values_e_result(echo_result_u32_string_t v, uint32_t *ret, echo_string_t *err) {
    bool ok = test_echo_values_e_result(v, ret, err);
    echo_result_u32_string_free(&v);
    return ok;
}

bool exports_test_echo_values_e_result_ok(echo_result_string_void_t v, echo_string_t *ret) {
    bool ok = test_echo_values_e_result_ok(v, ret);
    echo_result_string_void_free(&v);
    return ok;
}

bool exports_test_echo_values_e_result_err(echo_result_void_test_echo_values_joined_t v, test_echo_values_joined_t *err) {
    bool ok = test_echo_values_e_result_err(v, err);
    echo_result_void_test_echo_values_joined_free(&v);
    return ok;
}

bool exports_test_echo_values_e_result_none(echo_result_void_void_t v) { return test_echo_values_e_result_none(v); }

echo_string_t exports_test_echo_values_sixteen(echo_string_t a, echo_string_t b, echo_string_t c, echo_string_t d, echo_string_t e, echo_string_t f, echo_string_t g, uint64_t h, float i) {
    echo_string_t ret = test_echo_values_sixteen(a, b, c, d, e, f, g, h, i);
    echo_string_t *all[] = { &a, &b, &c, &d, &e, &f, &g };
    for (int n = 0; n < 7; n++) echo_string_free(all[n]);
    return ret;
}

echo_string_t exports_test_echo_values_twenty(bool a, int8_t b, uint8_t c, int16_t d, uint16_t e, int32_t f, uint32_t g, int64_t h, uint64_t i, float j, double k, uint32_t l, echo_string_t m, test_echo_values_color_t n, test_echo_values_f_nine_t o, echo_option_string_t p, echo_list_u16_t q, test_echo_values_joined_t r, echo_tuple2_u8_u64_t s, echo_result_u8_string_t t) {
    echo_string_t ret = test_echo_values_twenty(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t);
    echo_string_free(&m);
    echo_option_string_free(&p);
    echo_list_u16_free(&q);
    test_echo_values_joined_free(&r);
    echo_result_u8_string_free(&t);
    return ret;
}

void exports_test_echo_values_nothing(void) { test_echo_values_nothing(); }

// ---- what only the guest does ----

static uint32_t next(uint32_t *state) {
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

bool exports_test_echo_alone_stress(uint32_t seed, uint32_t rounds, echo_string_t *ret) {
    enum { SLOTS = 64 };
    static struct { uint8_t *ptr; uint32_t size; uint8_t fill; } slots[SLOTS];
    uint32_t state = seed;
    const char *fault = NULL;
    for (uint32_t round = 0; round < rounds && fault == NULL; round++) {
        uint32_t slot = next(&state) % SLOTS;
        // Mostly small ones, some large.
        uint32_t size = next(&state) % (next(&state) % 20 == 0 ? 100000 : 200) + 1;
        for (uint32_t i = 0; i < slots[slot].size; i++) {
            if (slots[slot].ptr[i] != slots[slot].fill) fault = "somebody wrote here";
        }
        uint32_t kept = 0;
        switch (next(&state) % 3) {
            case 0:
                mote_free(slots[slot].ptr);
                slots[slot].ptr = NULL;
                slots[slot].size = 0;
                continue;
            case 1:
                mote_free(slots[slot].ptr);
                slots[slot].ptr = mote_malloc(size);
                break;
            default:
                kept = slots[slot].size < size ? slots[slot].size : size;
                slots[slot].ptr = mote_realloc(slots[slot].ptr, size);
                break;
        }
        if (slots[slot].ptr == NULL) fault = "no memory";
        else if ((uintptr_t)slots[slot].ptr % 16 != 0) fault = "not aligned";
        for (uint32_t i = 0; fault == NULL && i < kept; i++) {
            if (slots[slot].ptr[i] != slots[slot].fill) fault = "realloc lost something";
        }
        slots[slot].size = size;
        slots[slot].fill = (uint8_t)round;
        if (fault == NULL) __builtin_memset(slots[slot].ptr, slots[slot].fill, size);
    }
    for (int i = 0; i < SLOTS; i++) {
        mote_free(slots[i].ptr);
        slots[i].ptr = NULL;
        slots[i].size = 0;
    }
    if (fault != NULL) echo_string_dup(ret, fault);
    return fault != NULL;
}

void exports_test_echo_alone_free_twice(void) {
    void *volatile p = mote_malloc(100);
    mote_free(p);
    mote_free(p);
}

echo_list_string_t exports_test_echo_alone_literals(void) {
    static echo_string_t texts[3];
    echo_string_set(&texts[0], "static");
    texts[1] = echo_string("data");
    echo_string_dup(&texts[2], "and the heap");
    return (echo_list_string_t){ texts, 3 };
}

bool exports_test_echo_alone_forgetful(echo_string_t *ret, echo_string_t *err) {
    (void)ret;
    (void)err;
    return false;
}

bool exports_test_echo_alone_ignore(echo_result_u32_string_t v) {
    bool ok = test_echo_values_e_result(v, NULL, NULL);
    echo_result_u32_string_free(&v);
    echo_result_u32_string_free(&v); // a value that was freed is empty
    return ok;
}

echo_list_string_t exports_test_echo_alone_helpers(echo_string_t v) {
    echo_list_string_t ret = { mote_malloc(4 * sizeof(echo_string_t)), 4 };
    echo_string_dup_n(&ret.ptr[0], (const char *)v.ptr, v.len);
    echo_string_dup(&ret.ptr[1], "");
    echo_string_set(&ret.ptr[2], "");
    ret.ptr[3] = v; // given on, and not freed
    return ret;
}

void exports_test_echo_alone_keep(uint32_t bytes) { mote_malloc(bytes); }
