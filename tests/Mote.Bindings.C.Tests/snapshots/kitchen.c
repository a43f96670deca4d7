// Glue of the world test:kitchen/kitchen@1.2.0. Written by `mote bindings c`; do not edit.
#include "kitchen.h"

// ---- memory ----
//
// These are weak: a definition elsewhere replaces them, and two worlds' glue in one program share one set.

#if defined(MOTE_LIBC_ALLOC) || (defined(__wasi__) && !defined(MOTE_FREESTANDING_ALLOC))

void *malloc(size_t);
void *realloc(void *, size_t);
void free(void *);

__attribute__((weak)) void *mote_malloc(size_t size) { return malloc(size); }
__attribute__((weak)) void *mote_realloc(void *ptr, size_t size) { return realloc(ptr, size); }
__attribute__((weak)) void mote_free(void *ptr) { free(ptr); }

extern unsigned char __heap_base;

#else

// Blocks lie one after the other. Each says how long it is and how long the one before is, so that a freed block
// finds both neighbours and becomes one with them if they are free. Free blocks hang in lists by powers of two. A
// block begins 8 before a multiple of 16, so that what follows its head of 8 bytes is aligned to 16.
typedef struct mote_block {
    uint32_t before;                    // size of the block before; 0 for none
    uint32_t size;                      // in bytes with the head, a multiple of 16; bit 0: in use
    struct mote_block *next, *previous; // of a free block: its list
} mote_block_t;

extern unsigned char __heap_base, __heap_end;

static mote_block_t *mote_bins[28];
static uint32_t mote_filled; // a bit for each list that is not empty
static uintptr_t mote_end;   // end of the memory that is ours; 0 before the first use

static mote_block_t *mote_at(mote_block_t *block, uint32_t offset) { return (mote_block_t *)((uintptr_t)block + offset); }

static unsigned mote_bin(uint32_t size) { return 27 - (unsigned)__builtin_clz(size); }

static void mote_unlink(mote_block_t *block) {
    unsigned bin = mote_bin(block->size);
    if (block->next) block->next->previous = block->previous;
    if (block->previous) block->previous->next = block->next;
    else if ((mote_bins[bin] = block->next) == NULL) mote_filled &= ~(1u << bin);
}

// Takes back a block that is in no list, as one with its free neighbours.
static void mote_insert(mote_block_t *block) {
    block->size &= ~1u;
    mote_block_t *after = mote_at(block, block->size);
    if ((after->size & 1) == 0) {
        mote_unlink(after);
        block->size += after->size;
    }
    if (block->before != 0) {
        mote_block_t *before = (mote_block_t *)((uintptr_t)block - block->before);
        if ((before->size & 1) == 0) {
            mote_unlink(before);
            before->size += block->size;
            block = before;
        }
    }
    mote_at(block, block->size)->before = block->size;
    unsigned bin = mote_bin(block->size);
    block->previous = NULL;
    block->next = mote_bins[bin];
    if (block->next) block->next->previous = block;
    mote_bins[bin] = block;
    mote_filled |= 1u << bin;
}

// Cuts off and takes back what a block in use has beyond `size`.
static void mote_trim(mote_block_t *block, uint32_t size) {
    uint32_t rest = (block->size & ~1u) - size;
    if (rest == 0) return;
    block->size = size | 1;
    mote_block_t *cut = mote_at(block, size);
    cut->before = size;
    cut->size = rest | 1;
    mote_at(cut, rest)->before = rest;
    mote_insert(cut);
}

// Memory from `start` to `end`; its last 8 bytes become a block in use without a size, where neighbours end.
static void mote_region(uintptr_t start, uintptr_t end) {
    mote_block_t *block;
    if (start == mote_end && start != 0) {
        block = (mote_block_t *)(start - 8); // the old end
    } else {
        block = (mote_block_t *)(((start + 23) & ~(uintptr_t)15) - 8);
        block->before = 0;
    }
    block->size = (uint32_t)(end - 8 - (uintptr_t)block) | 1;
    mote_block_t *last = (mote_block_t *)(end - 8);
    last->before = block->size & ~1u;
    last->size = 1;
    mote_end = end;
    mote_insert(block);
}

static bool mote_grow(uint32_t size) {
    size_t pages = ((size_t)size + 32 + 65535) / 65536;
    // Never the very last page: the end of memory would be address 0.
    if (__builtin_wasm_memory_size(0) + pages > 65535) return false;
    size_t old = __builtin_wasm_memory_grow(0, pages);
    if (old == (size_t)-1) return false;
    mote_region(old * 65536, (old + pages) * 65536);
    return true;
}

static mote_block_t *mote_find(uint32_t size) {
    unsigned bin = mote_bin(size);
    uint32_t larger = mote_filled & ~((2u << bin) - 1);
    // The first few of its own list; any of a larger one fits; memory grows only when nothing does.
    unsigned tries = larger == 0 ? ~0u : 8;
    for (mote_block_t *b = mote_bins[bin]; b && tries > 0; b = b->next, tries--) {
        if (b->size >= size) return b;
    }
    return larger == 0 ? NULL : mote_bins[__builtin_ctz(larger)];
}

__attribute__((weak)) void *mote_malloc(size_t size) {
    if (size > 0x7fffffc0) return NULL;
    uint32_t need = ((uint32_t)size + 8 + 15) & ~15u;
    if (mote_end == 0) {
        uintptr_t start = (uintptr_t)&__heap_base, end = (uintptr_t)&__heap_end;
        if (end - start >= 64) mote_region(start, end);
    }
    mote_block_t *block = mote_find(need);
    if (block == NULL) {
        if (!mote_grow(need)) return NULL;
        block = mote_find(need);
    }
    mote_unlink(block);
    block->size |= 1;
    mote_trim(block, need);
    return (void *)((uintptr_t)block + 8);
}

__attribute__((weak)) void mote_free(void *ptr) {
    if (ptr == NULL) return;
    mote_block_t *block = (mote_block_t *)((uintptr_t)ptr - 8);
    if ((block->size & 1) == 0) __builtin_trap(); // freed before
    mote_insert(block);
}

__attribute__((weak)) void *mote_realloc(void *ptr, size_t size) {
    if (ptr == NULL) return mote_malloc(size);
    if (size > 0x7fffffc0) return NULL;
    mote_block_t *block = (mote_block_t *)((uintptr_t)ptr - 8);
    uint32_t need = ((uint32_t)size + 8 + 15) & ~15u, has = block->size & ~1u;
    mote_block_t *after = mote_at(block, has);
    if (need > has && (after->size & 1) == 0 && has + after->size >= need) {
        mote_unlink(after);
        has += after->size;
        block->size = has | 1;
        mote_at(block, has)->before = has;
    }
    if (need <= has) {
        mote_trim(block, need);
        return ptr;
    }
    void *moved = mote_malloc(size);
    if (moved == NULL) return NULL;
    __builtin_memcpy(moved, ptr, has - 8);
    mote_free(ptr);
    return moved;
}

#endif

// Frees what may be free to be freed: literals, static data and the stack lie below the heap.
static void mote_give(void *ptr) {
    if ((uintptr_t)ptr >= (uintptr_t)&__heap_base) mote_free(ptr);
}

// What the caller of this component allocates arguments and results with.
__attribute__((weak, export_name("cabi_realloc")))
void *cabi_realloc(void *ptr, size_t old_size, size_t align, size_t new_size) {
    if (new_size == 0) return (void *)align; // nothing to point at
    void *result = mote_realloc(old_size == 0 ? NULL : ptr, new_size);
    if (result == NULL) __builtin_trap();
    return result;
}

// ---- strings ----

// Not strlen: there may be no libc, and the compiler must not make a call of it out of the loop.
__attribute__((no_builtin("strlen"))) static size_t mote_length(const char *text) {
    size_t len = 0;
    while (text[len] != 0) len++;
    return len;
}

void kitchen_string_set(kitchen_string_t *ret, const char *text) {
    ret->ptr = (uint8_t *)text;
    ret->len = mote_length(text);
}

void kitchen_string_dup_n(kitchen_string_t *ret, const char *text, size_t len) {
    ret->ptr = len == 0 ? NULL : mote_malloc(len);
    ret->len = len;
    if (len == 0) return;
    if (ret->ptr == NULL) __builtin_trap();
    __builtin_memcpy(ret->ptr, text, len);
}

void kitchen_string_dup(kitchen_string_t *ret, const char *text) { kitchen_string_dup_n(ret, text, mote_length(text)); }

void kitchen_string_free(kitchen_string_t *value) {
    mote_give(value->ptr);
    value->ptr = NULL;
    value->len = 0;
}

// ---- borrowed handles inside parameters: given back when the author's function returns ----

typedef struct { struct { int32_t handle; void (*drop)(int32_t); } *items; size_t len, room; } mote_lent_t;

static void mote_collect(mote_lent_t *lent, int32_t handle, void (*drop)(int32_t)) {
    if (lent->len == lent->room) {
        lent->room = lent->room == 0 ? 8 : lent->room * 2;
        lent->items = mote_realloc(lent->items, lent->room * sizeof *lent->items);
        if (lent->items == NULL) __builtin_trap();
    }
    lent->items[lent->len].handle = handle;
    lent->items[lent->len++].drop = drop;
}

static void mote_give_back(mote_lent_t *lent) {
    for (size_t i = 0; i < lent->len; i++) lent->items[i].drop(lent->items[i].handle);
    mote_give(lent->items);
}

// ---- types that only the glue sees ----

typedef struct { bool is_some; test_kitchen_types_own_thing_t val; } kitchen_option_test_kitchen_types_own_thing_t;
typedef struct { bool is_err; union { test_kitchen_types_all_t ok; test_kitchen_types_shape_t err; } val; } kitchen_result_test_kitchen_types_all_test_kitchen_types_shape_t;
typedef struct { bool is_some; uint32_t val; } kitchen_option_u32_t;
typedef struct { bool is_err; union { kitchen_list_test_kitchen_types_own_thing_t ok; } val; } kitchen_result_list_test_kitchen_types_own_thing_void_t;
typedef struct { bool is_err; union { uint8_t err; } val; } kitchen_result_void_u8_t;
typedef struct { bool is_err; union { exports_test_kitchen_api_own_counter_t ok; kitchen_string_t err; } val; } kitchen_result_exports_test_kitchen_api_own_counter_string_t;
typedef struct { bool is_some; exports_test_kitchen_api_point_t val; } kitchen_option_test_kitchen_types_point_t;
typedef struct { bool is_err; union { uint32_t ok; kitchen_string_t err; } val; } kitchen_result_u32_string_t;

// ---- layouts that the canonical ABI asks for ----

_Static_assert(sizeof(void *) == 4, "compile for wasm32");
#define MOTE_LAYOUT(type, size, align) _Static_assert(sizeof(type) == size && _Alignof(type) == align, #type)
#define MOTE_PAYLOAD(type, offset) _Static_assert(offsetof(type, val) == offset, #type)
MOTE_LAYOUT(test_kitchen_types_point_t, 8, 4);
MOTE_LAYOUT(kitchen_list_test_kitchen_types_point_t, 8, 4);
MOTE_LAYOUT(test_kitchen_types_shape_t, 16, 8);
MOTE_PAYLOAD(test_kitchen_types_shape_t, 8);
MOTE_LAYOUT(kitchen_list_u8_t, 8, 4);
MOTE_LAYOUT(kitchen_list_s16_t, 8, 4);
MOTE_LAYOUT(kitchen_list_list_s16_t, 8, 4);
MOTE_LAYOUT(kitchen_list3_u16_t, 6, 2);
MOTE_LAYOUT(kitchen_entry_string_u32_t, 12, 4);
MOTE_LAYOUT(kitchen_map_string_u32_t, 8, 4);
MOTE_LAYOUT(kitchen_tuple3_u8_char_f64_t, 16, 8);
MOTE_LAYOUT(kitchen_option_string_t, 12, 4);
MOTE_PAYLOAD(kitchen_option_string_t, 4);
MOTE_LAYOUT(kitchen_option_test_kitchen_types_color_t, 2, 1);
MOTE_PAYLOAD(kitchen_option_test_kitchen_types_color_t, 1);
MOTE_LAYOUT(kitchen_option_option_test_kitchen_types_color_t, 3, 1);
MOTE_PAYLOAD(kitchen_option_option_test_kitchen_types_color_t, 1);
MOTE_LAYOUT(kitchen_result_test_kitchen_types_shape_string_t, 24, 8);
MOTE_PAYLOAD(kitchen_result_test_kitchen_types_shape_string_t, 8);
MOTE_LAYOUT(kitchen_result_void_void_t, 1, 1);
MOTE_LAYOUT(test_kitchen_types_all_t, 96, 8);
MOTE_LAYOUT(kitchen_list_char_t, 8, 4);
MOTE_LAYOUT(kitchen_list_test_kitchen_types_color_t, 8, 4);
MOTE_LAYOUT(kitchen_list_test_kitchen_types_shape_t, 8, 4);
MOTE_LAYOUT(kitchen_list_test_kitchen_types_borrow_thing_t, 8, 4);
MOTE_LAYOUT(kitchen_list_test_kitchen_types_own_thing_t, 8, 4);
MOTE_LAYOUT(kitchen_list_string_t, 8, 4);
MOTE_LAYOUT(kitchen_local_t, 16, 4);
MOTE_LAYOUT(exports_test_kitchen_api_holder_t, 12, 4);
MOTE_LAYOUT(kitchen_list_exports_test_kitchen_api_holder_t, 8, 4);
MOTE_LAYOUT(kitchen_option_test_kitchen_types_own_thing_t, 8, 4);
MOTE_PAYLOAD(kitchen_option_test_kitchen_types_own_thing_t, 4);
MOTE_LAYOUT(kitchen_result_test_kitchen_types_all_test_kitchen_types_shape_t, 104, 8);
MOTE_PAYLOAD(kitchen_result_test_kitchen_types_all_test_kitchen_types_shape_t, 8);
MOTE_LAYOUT(kitchen_option_u32_t, 8, 4);
MOTE_PAYLOAD(kitchen_option_u32_t, 4);
MOTE_LAYOUT(kitchen_result_list_test_kitchen_types_own_thing_void_t, 12, 4);
MOTE_PAYLOAD(kitchen_result_list_test_kitchen_types_own_thing_void_t, 4);
MOTE_LAYOUT(kitchen_result_void_u8_t, 2, 1);
MOTE_PAYLOAD(kitchen_result_void_u8_t, 1);
MOTE_LAYOUT(kitchen_result_exports_test_kitchen_api_own_counter_string_t, 12, 4);
MOTE_PAYLOAD(kitchen_result_exports_test_kitchen_api_own_counter_string_t, 4);
MOTE_LAYOUT(kitchen_option_test_kitchen_types_point_t, 12, 4);
MOTE_PAYLOAD(kitchen_option_test_kitchen_types_point_t, 4);
MOTE_LAYOUT(kitchen_result_u32_string_t, 12, 4);
MOTE_PAYLOAD(kitchen_result_u32_string_t, 4);

// ---- core functions of resources ----

__attribute__((import_module("test:kitchen/types@1.2.0"), import_name("[resource-drop]thing"))) extern void __wasm_import_test_kitchen_types_thing_drop(int32_t);
__attribute__((import_module("$root"), import_name("[resource-drop]plug"))) extern void __wasm_import_kitchen_plug_drop(int32_t);
__attribute__((import_module("[export]test:kitchen/api@1.2.0"), import_name("[resource-drop]counter"))) extern void __wasm_import_exports_test_kitchen_api_counter_drop(int32_t);
__attribute__((import_module("[export]test:kitchen/api@1.2.0"), import_name("[resource-new]counter"))) extern int32_t __wasm_import_exports_test_kitchen_api_counter_own(int32_t);
__attribute__((import_module("[export]test:kitchen/api@1.2.0"), import_name("[resource-rep]counter"))) extern int32_t __wasm_import_exports_test_kitchen_api_counter_rep(int32_t);

// ---- going through values ----

static void mote_collect_kitchen_list_test_kitchen_types_borrow_thing_t(mote_lent_t *_lent, const kitchen_list_test_kitchen_types_borrow_thing_t *value);
static void mote_release_kitchen_result_list_test_kitchen_types_own_thing_void_t(kitchen_result_list_test_kitchen_types_own_thing_void_t *value);
static void mote_release_kitchen_result_exports_test_kitchen_api_own_counter_string_t(kitchen_result_exports_test_kitchen_api_own_counter_string_t *value);
static void mote_release_kitchen_list_exports_test_kitchen_api_holder_t(kitchen_list_exports_test_kitchen_api_holder_t *value);
static void kitchen_result_u32_string_free(kitchen_result_u32_string_t *value);
static void mote_release_kitchen_list_test_kitchen_types_own_thing_t(kitchen_list_test_kitchen_types_own_thing_t *value);

void kitchen_list_test_kitchen_types_point_free(kitchen_list_test_kitchen_types_point_t *value) {
    mote_give(value->ptr);
    value->ptr = NULL;
    value->len = 0;
}

void test_kitchen_types_shape_free(test_kitchen_types_shape_t *value) {
    switch (value->tag) {
        case 2: {
            kitchen_list_test_kitchen_types_point_free(&value->val.polygon);
            break;
        }
        case 3: {
            kitchen_string_free(&value->val.label);
            break;
        }
    }
}

void kitchen_list_u8_free(kitchen_list_u8_t *value) {
    mote_give(value->ptr);
    value->ptr = NULL;
    value->len = 0;
}

void kitchen_list_s16_free(kitchen_list_s16_t *value) {
    mote_give(value->ptr);
    value->ptr = NULL;
    value->len = 0;
}

void kitchen_list_list_s16_free(kitchen_list_list_s16_t *value) {
    for (size_t i = 0; i < value->len; i++) kitchen_list_s16_free(&value->ptr[i]);
    mote_give(value->ptr);
    value->ptr = NULL;
    value->len = 0;
}

void kitchen_entry_string_u32_free(kitchen_entry_string_u32_t *value) {
    kitchen_string_free(&value->key);
}

void kitchen_map_string_u32_free(kitchen_map_string_u32_t *value) {
    for (size_t i = 0; i < value->len; i++) kitchen_entry_string_u32_free(&value->ptr[i]);
    mote_give(value->ptr);
    value->ptr = NULL;
    value->len = 0;
}

void kitchen_option_string_free(kitchen_option_string_t *value) {
    if (value->is_some) {
        kitchen_string_free(&value->val);
    }
}

void kitchen_result_test_kitchen_types_shape_string_free(kitchen_result_test_kitchen_types_shape_string_t *value) {
    if (value->is_err) {
        kitchen_string_free(&value->val.err);
    } else {
        test_kitchen_types_shape_free(&value->val.ok);
    }
}

void test_kitchen_types_all_free(test_kitchen_types_all_t *value) {
    kitchen_option_string_free(&value->s);
    kitchen_result_test_kitchen_types_shape_string_free(&value->outcome);
    kitchen_map_string_u32_free(&value->pairs);
}

void kitchen_list_char_free(kitchen_list_char_t *value) {
    mote_give(value->ptr);
    value->ptr = NULL;
    value->len = 0;
}

void kitchen_list_test_kitchen_types_color_free(kitchen_list_test_kitchen_types_color_t *value) {
    mote_give(value->ptr);
    value->ptr = NULL;
    value->len = 0;
}

void kitchen_list_test_kitchen_types_shape_free(kitchen_list_test_kitchen_types_shape_t *value) {
    for (size_t i = 0; i < value->len; i++) test_kitchen_types_shape_free(&value->ptr[i]);
    mote_give(value->ptr);
    value->ptr = NULL;
    value->len = 0;
}

void kitchen_list_test_kitchen_types_borrow_thing_free(kitchen_list_test_kitchen_types_borrow_thing_t *value) {
    mote_give(value->ptr);
    value->ptr = NULL;
    value->len = 0;
}

void kitchen_list_test_kitchen_types_own_thing_free(kitchen_list_test_kitchen_types_own_thing_t *value) {
    for (size_t i = 0; i < value->len; i++) test_kitchen_types_thing_drop(value->ptr[i]);
    mote_give(value->ptr);
    value->ptr = NULL;
    value->len = 0;
}

void kitchen_list_string_free(kitchen_list_string_t *value) {
    for (size_t i = 0; i < value->len; i++) kitchen_string_free(&value->ptr[i]);
    mote_give(value->ptr);
    value->ptr = NULL;
    value->len = 0;
}

void kitchen_local_free(kitchen_local_t *value) {
    kitchen_list_string_free(&value->tags);
}

void exports_test_kitchen_api_holder_free(exports_test_kitchen_api_holder_t *value) {
    exports_test_kitchen_api_counter_drop(value->it);
}

void kitchen_list_exports_test_kitchen_api_holder_free(kitchen_list_exports_test_kitchen_api_holder_t *value) {
    for (size_t i = 0; i < value->len; i++) exports_test_kitchen_api_holder_free(&value->ptr[i]);
    mote_give(value->ptr);
    value->ptr = NULL;
    value->len = 0;
}

static void mote_collect_kitchen_list_test_kitchen_types_borrow_thing_t(mote_lent_t *_lent, const kitchen_list_test_kitchen_types_borrow_thing_t *value) {
    for (size_t i = 0; i < value->len; i++) mote_collect(_lent, value->ptr[i].__handle, __wasm_import_test_kitchen_types_thing_drop);
}

static void mote_release_kitchen_result_list_test_kitchen_types_own_thing_void_t(kitchen_result_list_test_kitchen_types_own_thing_void_t *value) {
    if (!value->is_err) {
        mote_release_kitchen_list_test_kitchen_types_own_thing_t(&value->val.ok);
    }
}

static void mote_release_kitchen_result_exports_test_kitchen_api_own_counter_string_t(kitchen_result_exports_test_kitchen_api_own_counter_string_t *value) {
    if (value->is_err) {
        kitchen_string_free(&value->val.err);
    }
}

static void mote_release_kitchen_list_exports_test_kitchen_api_holder_t(kitchen_list_exports_test_kitchen_api_holder_t *value) {
    mote_give(value->ptr);
    value->ptr = NULL;
    value->len = 0;
}

static void kitchen_result_u32_string_free(kitchen_result_u32_string_t *value) {
    if (value->is_err) {
        kitchen_string_free(&value->val.err);
    }
}

static void mote_release_kitchen_list_test_kitchen_types_own_thing_t(kitchen_list_test_kitchen_types_own_thing_t *value) {
    mote_give(value->ptr);
    value->ptr = NULL;
    value->len = 0;
}

// ---- import test:kitchen/types@1.2.0 ----

void test_kitchen_types_thing_drop(test_kitchen_types_own_thing_t handle) { if (handle.__handle != 0) __wasm_import_test_kitchen_types_thing_drop(handle.__handle); }

__attribute__((import_module("test:kitchen/types@1.2.0"), import_name("[constructor]thing")))
extern int32_t __wasm_import_test_kitchen_types_thing_new(int32_t, int32_t);

test_kitchen_types_own_thing_t test_kitchen_types_thing_new(kitchen_string_t name) {
    test_kitchen_types_own_thing_t ret;
    int32_t _r = __wasm_import_test_kitchen_types_thing_new((int32_t)name.ptr, (int32_t)name.len);
    ret.__handle = _r;
    return ret;
}

__attribute__((import_module("test:kitchen/types@1.2.0"), import_name("[method]thing.name")))
extern void __wasm_import_test_kitchen_types_thing_name(int32_t, int32_t);

kitchen_string_t test_kitchen_types_thing_name(test_kitchen_types_borrow_thing_t self) {
    kitchen_string_t _ret;
    __wasm_import_test_kitchen_types_thing_name(self.__handle, (int32_t)&_ret);
    return _ret;
}

__attribute__((import_module("test:kitchen/types@1.2.0"), import_name("[static]thing.find")))
extern void __wasm_import_test_kitchen_types_thing_find(int32_t, int32_t, int32_t);

bool test_kitchen_types_thing_find(kitchen_string_t name, test_kitchen_types_own_thing_t *ret) {
    kitchen_option_test_kitchen_types_own_thing_t _ret;
    __wasm_import_test_kitchen_types_thing_find((int32_t)name.ptr, (int32_t)name.len, (int32_t)&_ret);
    if (_ret.is_some) {
        if (ret) *ret = _ret.val;
        else test_kitchen_types_thing_drop(_ret.val);
    }
    return _ret.is_some;
}

__attribute__((import_module("test:kitchen/types@1.2.0"), import_name("[method]thing.drop")))
extern void __wasm_import_test_kitchen_types_thing_drop_(int32_t);

void test_kitchen_types_thing_drop_(test_kitchen_types_borrow_thing_t self) {
    __wasm_import_test_kitchen_types_thing_drop_(self.__handle);
}

__attribute__((import_module("test:kitchen/types@1.2.0"), import_name("take")))
extern void __wasm_import_test_kitchen_types_take(int32_t, int32_t);

bool test_kitchen_types_take(test_kitchen_types_all_t all, uint32_t ret_, kitchen_list_char_t err_, test_kitchen_types_all_t *ret, test_kitchen_types_shape_t *err) {
    struct {
        test_kitchen_types_all_t all;
        uint32_t ret_;
        kitchen_list_char_t err_;
    } _args = { all, ret_, err_ };
    kitchen_result_test_kitchen_types_all_test_kitchen_types_shape_t _ret;
    __wasm_import_test_kitchen_types_take((int32_t)&_args, (int32_t)&_ret);
    if (_ret.is_err) {
        if (err) *err = _ret.val.err;
        else test_kitchen_types_shape_free(&_ret.val.err);
    } else {
        if (ret) *ret = _ret.val.ok;
        else test_kitchen_types_all_free(&_ret.val.ok);
    }
    return !_ret.is_err;
}

__attribute__((import_module("test:kitchen/types@1.2.0"), import_name("colors")))
extern void __wasm_import_test_kitchen_types_colors(int32_t, int32_t, int32_t, int32_t);

kitchen_list_test_kitchen_types_color_t test_kitchen_types_colors(test_kitchen_types_color_t c, test_kitchen_types_permissions_t p, test_kitchen_types_wide_t w) {
    kitchen_list_test_kitchen_types_color_t _ret;
    __wasm_import_test_kitchen_types_colors((int32_t)c, (int32_t)p, (int32_t)w, (int32_t)&_ret);
    return _ret;
}

// ---- import test:kitchen/shapes@1.2.0 ----

__attribute__((import_module("test:kitchen/shapes@1.2.0"), import_name("draw")))
extern void __wasm_import_test_kitchen_shapes_draw(int32_t, int32_t, float, float, int32_t);

bool test_kitchen_shapes_draw(kitchen_list_test_kitchen_types_shape_t forms, test_kitchen_shapes_point_t at, uint32_t *ret) {
    kitchen_option_u32_t _ret;
    __wasm_import_test_kitchen_shapes_draw((int32_t)forms.ptr, (int32_t)forms.len, at.x, at.y, (int32_t)&_ret);
    if (_ret.is_some) {
        if (ret) *ret = _ret.val;
    }
    return _ret.is_some;
}

__attribute__((import_module("test:kitchen/shapes@1.2.0"), import_name("same")))
extern void __wasm_import_test_kitchen_shapes_same(int32_t, int32_t, int32_t, int32_t, int32_t);

bool test_kitchen_shapes_same(kitchen_list_test_kitchen_types_borrow_thing_t things, kitchen_list_test_kitchen_types_own_thing_t keep, kitchen_list_test_kitchen_types_own_thing_t *ret) {
    kitchen_result_list_test_kitchen_types_own_thing_void_t _ret;
    __wasm_import_test_kitchen_shapes_same((int32_t)things.ptr, (int32_t)things.len, (int32_t)keep.ptr, (int32_t)keep.len, (int32_t)&_ret);
    if (!_ret.is_err) {
        if (ret) *ret = _ret.val.ok;
        else kitchen_list_test_kitchen_types_own_thing_free(&_ret.val.ok);
    }
    return !_ret.is_err;
}

__attribute__((import_module("test:kitchen/shapes@1.2.0"), import_name("many")))
extern int64_t __wasm_import_test_kitchen_shapes_many(int32_t);

uint64_t test_kitchen_shapes_many(uint8_t a, uint16_t b, uint32_t c, uint64_t d, float e, double f, kitchen_string_t g, kitchen_string_t h, bool i, uint32_t j, int8_t k, int16_t l, int32_t m, int64_t n, test_kitchen_shapes_permissions_t int_) {
    struct {
        uint8_t a;
        uint16_t b;
        uint32_t c;
        uint64_t d;
        float e;
        double f;
        kitchen_string_t g;
        kitchen_string_t h;
        bool i;
        uint32_t j;
        int8_t k;
        int16_t l;
        int32_t m;
        int64_t n;
        test_kitchen_shapes_permissions_t int_;
    } _args = { a, b, c, d, e, f, g, h, i, j, k, l, m, n, int_ };
    return (uint64_t)__wasm_import_test_kitchen_shapes_many((int32_t)&_args);
}

__attribute__((import_module("test:kitchen/shapes@1.2.0"), import_name("plain")))
extern int32_t __wasm_import_test_kitchen_shapes_plain(void);

bool test_kitchen_shapes_plain(void) {
    return __wasm_import_test_kitchen_shapes_plain() == 0;
}

__attribute__((import_module("test:kitchen/shapes@1.2.0"), import_name("fail")))
extern void __wasm_import_test_kitchen_shapes_fail(int32_t);

bool test_kitchen_shapes_fail(uint8_t *err) {
    kitchen_result_void_u8_t _ret;
    __wasm_import_test_kitchen_shapes_fail((int32_t)&_ret);
    if (_ret.is_err) {
        if (err) *err = _ret.val.err;
    }
    return !_ret.is_err;
}

// ---- import inline ----

__attribute__((import_module("inline"), import_name("get")))
extern void __wasm_import_kitchen_inline_get(int32_t, int32_t);

bool kitchen_inline_get(kitchen_inline_id_t id, kitchen_string_t *ret) {
    kitchen_option_string_t _ret;
    __wasm_import_kitchen_inline_get((int32_t)id, (int32_t)&_ret);
    if (_ret.is_some) {
        if (ret) *ret = _ret.val;
        else kitchen_string_free(&_ret.val);
    }
    return _ret.is_some;
}

// ---- import of the world kitchen itself ----

void kitchen_plug_drop(kitchen_own_plug_t handle) { if (handle.__handle != 0) __wasm_import_kitchen_plug_drop(handle.__handle); }

__attribute__((import_module("$root"), import_name("log")))
extern void __wasm_import_kitchen_log(int32_t, int32_t);

void kitchen_log(kitchen_string_t text) {
    __wasm_import_kitchen_log((int32_t)text.ptr, (int32_t)text.len);
}

__attribute__((import_module("$root"), import_name("[constructor]plug")))
extern int32_t __wasm_import_kitchen_plug_new(void);

kitchen_own_plug_t kitchen_plug_new(void) {
    kitchen_own_plug_t ret;
    int32_t _r = __wasm_import_kitchen_plug_new();
    ret.__handle = _r;
    return ret;
}

__attribute__((import_module("$root"), import_name("[method]plug.pull")))
extern int32_t __wasm_import_kitchen_plug_pull(int32_t);

bool kitchen_plug_pull(kitchen_borrow_plug_t self) {
    return __wasm_import_kitchen_plug_pull(self.__handle) != 0;
}

__attribute__((import_module("$root"), import_name("make")))
extern void __wasm_import_kitchen_make(int32_t);

kitchen_local_t kitchen_make(void) {
    kitchen_local_t _ret;
    __wasm_import_kitchen_make((int32_t)&_ret);
    return _ret;
}

// ---- export test:kitchen/shapes@1.2.0 ----

__attribute__((export_name("test:kitchen/shapes@1.2.0#draw")))
int32_t __wasm_export_exports_test_kitchen_shapes_draw(int32_t _p0, int32_t _p1, float _p2, float _p3) {
    kitchen_list_test_kitchen_types_shape_t forms;
    forms.ptr = (test_kitchen_types_shape_t *)_p0;
    forms.len = (size_t)_p1;
    exports_test_kitchen_shapes_point_t at;
    at.x = _p2;
    at.y = _p3;
    uint32_t _ok = { 0 };
    static kitchen_option_u32_t _ret;
    _ret.is_some = exports_test_kitchen_shapes_draw(forms, at, &_ok);
    if (_ret.is_some) _ret.val = _ok;
    return (int32_t)&_ret;
}

__attribute__((export_name("test:kitchen/shapes@1.2.0#same")))
int32_t __wasm_export_exports_test_kitchen_shapes_same(int32_t _p0, int32_t _p1, int32_t _p2, int32_t _p3) {
    kitchen_list_test_kitchen_types_borrow_thing_t things;
    things.ptr = (test_kitchen_types_borrow_thing_t *)_p0;
    things.len = (size_t)_p1;
    kitchen_list_test_kitchen_types_own_thing_t keep;
    keep.ptr = (test_kitchen_types_own_thing_t *)_p2;
    keep.len = (size_t)_p3;
    mote_lent_t _items = { NULL, 0, 0 }, *_lent = &_items;
    mote_collect_kitchen_list_test_kitchen_types_borrow_thing_t(_lent, &things);
    kitchen_list_test_kitchen_types_own_thing_t _ok = { 0 };
    static kitchen_result_list_test_kitchen_types_own_thing_void_t _ret;
    _ret.is_err = !exports_test_kitchen_shapes_same(things, keep, &_ok);
    if (!_ret.is_err) {
        _ret.val.ok = _ok;
    }
    mote_give_back(_lent);
    return (int32_t)&_ret;
}

__attribute__((export_name("cabi_post_test:kitchen/shapes@1.2.0#same")))
void __wasm_export_exports_test_kitchen_shapes_same_post(int32_t _p0) { mote_release_kitchen_result_list_test_kitchen_types_own_thing_void_t((kitchen_result_list_test_kitchen_types_own_thing_void_t *)_p0); }

__attribute__((export_name("test:kitchen/shapes@1.2.0#many")))
int64_t __wasm_export_exports_test_kitchen_shapes_many(int32_t _p0) {
    typedef struct {
        uint8_t a;
        uint16_t b;
        uint32_t c;
        uint64_t d;
        float e;
        double f;
        kitchen_string_t g;
        kitchen_string_t h;
        bool i;
        uint32_t j;
        int8_t k;
        int16_t l;
        int32_t m;
        int64_t n;
        exports_test_kitchen_shapes_permissions_t int_;
    } _args_t;
    _args_t _args = *(_args_t *)_p0;
    mote_give((void *)_p0);
    uint64_t _r = exports_test_kitchen_shapes_many(_args.a, _args.b, _args.c, _args.d, _args.e, _args.f, _args.g, _args.h, _args.i, _args.j, _args.k, _args.l, _args.m, _args.n, _args.int_);
    return (int64_t)_r;
}

__attribute__((export_name("test:kitchen/shapes@1.2.0#plain")))
int32_t __wasm_export_exports_test_kitchen_shapes_plain(void) {
    bool _r = exports_test_kitchen_shapes_plain();
    return _r ? 0 : 1;
}

__attribute__((export_name("test:kitchen/shapes@1.2.0#fail")))
int32_t __wasm_export_exports_test_kitchen_shapes_fail(void) {
    uint8_t _err = { 0 };
    static kitchen_result_void_u8_t _ret;
    _ret.is_err = !exports_test_kitchen_shapes_fail(&_err);
    if (_ret.is_err) {
        _ret.val.err = _err;
    }
    return (int32_t)&_ret;
}

// ---- export test:kitchen/api@1.2.0 ----

void exports_test_kitchen_api_counter_drop(exports_test_kitchen_api_own_counter_t handle) { if (handle.__handle != 0) __wasm_import_exports_test_kitchen_api_counter_drop(handle.__handle); }

exports_test_kitchen_api_own_counter_t exports_test_kitchen_api_counter_own(exports_test_kitchen_api_counter_t *object) {
    exports_test_kitchen_api_own_counter_t handle = { __wasm_import_exports_test_kitchen_api_counter_own((int32_t)object) };
    return handle;
}

exports_test_kitchen_api_counter_t *exports_test_kitchen_api_counter_rep(exports_test_kitchen_api_own_counter_t handle) { return (exports_test_kitchen_api_counter_t *)__wasm_import_exports_test_kitchen_api_counter_rep(handle.__handle); }

__attribute__((export_name("test:kitchen/api@1.2.0#[dtor]counter")))
void __wasm_export_exports_test_kitchen_api_counter_destructor(int32_t object) { exports_test_kitchen_api_counter_destructor((exports_test_kitchen_api_counter_t *)object); }

__attribute__((export_name("test:kitchen/api@1.2.0#[constructor]counter")))
int32_t __wasm_export_exports_test_kitchen_api_counter_new(int32_t _p0) {
    exports_test_kitchen_api_own_counter_t _r = exports_test_kitchen_api_counter_new((uint32_t)_p0);
    return _r.__handle;
}

__attribute__((export_name("test:kitchen/api@1.2.0#[method]counter.value")))
int32_t __wasm_export_exports_test_kitchen_api_counter_value(int32_t _p0) {
    uint32_t _r = exports_test_kitchen_api_counter_value((exports_test_kitchen_api_borrow_counter_t)_p0);
    return (int32_t)_r;
}

__attribute__((export_name("test:kitchen/api@1.2.0#[static]counter.merge")))
int32_t __wasm_export_exports_test_kitchen_api_counter_merge(int32_t _p0, int32_t _p1) {
    exports_test_kitchen_api_own_counter_t a;
    a.__handle = _p0;
    exports_test_kitchen_api_own_counter_t _ok = { 0 };
    kitchen_string_t _err = { 0 };
    static kitchen_result_exports_test_kitchen_api_own_counter_string_t _ret;
    _ret.is_err = !exports_test_kitchen_api_counter_merge(a, (exports_test_kitchen_api_borrow_counter_t)_p1, &_ok, &_err);
    if (_ret.is_err) {
        _ret.val.err = _err;
    } else {
        _ret.val.ok = _ok;
    }
    return (int32_t)&_ret;
}

__attribute__((export_name("cabi_post_test:kitchen/api@1.2.0#[static]counter.merge")))
void __wasm_export_exports_test_kitchen_api_counter_merge_post(int32_t _p0) { mote_release_kitchen_result_exports_test_kitchen_api_own_counter_string_t((kitchen_result_exports_test_kitchen_api_own_counter_string_t *)_p0); }

__attribute__((export_name("test:kitchen/api@1.2.0#all-of")))
int32_t __wasm_export_exports_test_kitchen_api_all_of(int32_t _p0, int32_t _p1, int32_t _p2, int32_t _p3, int32_t _p4) {
    kitchen_list_test_kitchen_types_borrow_thing_t things;
    things.ptr = (test_kitchen_types_borrow_thing_t *)_p0;
    things.len = (size_t)_p1;
    test_kitchen_types_borrow_thing_t one;
    one.__handle = _p2;
    kitchen_list_exports_test_kitchen_api_holder_t holders;
    holders.ptr = (exports_test_kitchen_api_holder_t *)_p3;
    holders.len = (size_t)_p4;
    mote_lent_t _items = { NULL, 0, 0 }, *_lent = &_items;
    mote_collect_kitchen_list_test_kitchen_types_borrow_thing_t(_lent, &things);
    static kitchen_list_exports_test_kitchen_api_holder_t _ret;
    _ret = exports_test_kitchen_api_all_of(things, one, holders);
    __wasm_import_test_kitchen_types_thing_drop(one.__handle);
    mote_give_back(_lent);
    return (int32_t)&_ret;
}

__attribute__((export_name("cabi_post_test:kitchen/api@1.2.0#all-of")))
void __wasm_export_exports_test_kitchen_api_all_of_post(int32_t _p0) { mote_release_kitchen_list_exports_test_kitchen_api_holder_t((kitchen_list_exports_test_kitchen_api_holder_t *)_p0); }

__attribute__((export_name("test:kitchen/api@1.2.0#pick")))
int32_t __wasm_export_exports_test_kitchen_api_pick(int32_t _p0) {
    exports_test_kitchen_api_point_t _ok = { 0 };
    static kitchen_option_test_kitchen_types_point_t _ret;
    _ret.is_some = exports_test_kitchen_api_pick((exports_test_kitchen_api_color_t)_p0, &_ok);
    if (_ret.is_some) _ret.val = _ok;
    return (int32_t)&_ret;
}

// ---- export of the world kitchen itself ----

__attribute__((export_name("run")))
int32_t __wasm_export_exports_kitchen_run(int32_t _p0, int32_t _p1) {
    kitchen_list_string_t args;
    args.ptr = (kitchen_string_t *)_p0;
    args.len = (size_t)_p1;
    uint32_t _ok = { 0 };
    kitchen_string_t _err = { 0 };
    static kitchen_result_u32_string_t _ret;
    _ret.is_err = !exports_kitchen_run(args, &_ok, &_err);
    if (_ret.is_err) {
        _ret.val.err = _err;
    } else {
        _ret.val.ok = _ok;
    }
    return (int32_t)&_ret;
}

__attribute__((export_name("cabi_post_run")))
void __wasm_export_exports_kitchen_run_post(int32_t _p0) { kitchen_result_u32_string_free((kitchen_result_u32_string_t *)_p0); }

__attribute__((export_name("local-of")))
int32_t __wasm_export_exports_kitchen_local_of(float _p0, float _p1, int32_t _p2, int32_t _p3) {
    kitchen_local_t l;
    l.p.x = _p0;
    l.p.y = _p1;
    l.tags.ptr = (kitchen_string_t *)_p2;
    l.tags.len = (size_t)_p3;
    static kitchen_local_t _ret;
    _ret = exports_kitchen_local_of(l);
    return (int32_t)&_ret;
}

__attribute__((export_name("cabi_post_local-of")))
void __wasm_export_exports_kitchen_local_of_post(int32_t _p0) { kitchen_local_free((kitchen_local_t *)_p0); }

