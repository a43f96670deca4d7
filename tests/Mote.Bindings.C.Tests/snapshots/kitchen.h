// C bindings of the world test:kitchen/kitchen@1.2.0. Written by `mote bindings c`; do not edit.
// The whole of it.
//
// Names: what is imported begins with ns_pkg_interface_, what is exported with exports_ns_pkg_interface_, and what
// belongs to no interface with kitchen_ or exports_kitchen_. A resource's functions have its name before theirs, and
// its constructor is called new. A version is in a name only where the world has two versions of a package. A
// name that is taken, or a word of C or C++, gets an underscore at its end.
//
// Types: string and list {ptr, len}; record with its fields; tuple {f0, f1, ...}; option {is_some, val}; result {is_err,
// val.ok, val.err}; variant {tag, val.case}; enum and flags a number with constants; map a list of {key, value}; list
// of a fixed length {items}; char uint32_t. Handles are structs, owned or borrowed.
//
// Values: parameters and results are passed by value. A function that returns an option returns true and sets *ret,
// or false. A function that returns a result returns true for success and sets *ret, or false and sets *err.
//
// Who owns what:
// - What you pass to an import stays yours, except own handles: they are gone.
// - What an import gives you is yours: free it with kitchen_string_free and the other ..._free functions. ret and err
//   of an import may be NULL; then what would go there is freed.
// - What is passed to your export is yours, too: free it. Borrowed handles in it are valid until you return, and
//   are given back for you.
// - What your export gives back is freed for you after the caller has read it. It lies in memory of mote_malloc
//   (kitchen_string_dup and the imports' results do); freeing ignores what lies outside the heap, so that literals
//   and static data may be given back as well.
// - Freeing a value also drops the own handles in it, and leaves empty strings and lists behind.
//
// Compile the source beside this file with clang for wasm32, with -mbulk-memory. Without a libc it brings its own
// allocator; with wasi-libc (or -DMOTE_LIBC_ALLOC) it uses malloc, unless -DMOTE_FREESTANDING_ALLOC says otherwise.
#ifndef KITCHEN_H
#define KITCHEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Text in UTF-8, without a zero at its end. */
typedef struct { uint8_t *ptr; size_t len; } kitchen_string_t;

/** Points at a text that outlives the value: a literal, above all. Nothing is copied. */
void kitchen_string_set(kitchen_string_t *ret, const char *text);
/** The same as an expression: f(kitchen_string("text")). */
static inline kitchen_string_t kitchen_string(const char *text) { kitchen_string_t ret; kitchen_string_set(&ret, text); return ret; }
/** A copy of a text, to be freed. */
void kitchen_string_dup(kitchen_string_t *ret, const char *text);
/** A copy of so many bytes, to be freed. */
void kitchen_string_dup_n(kitchen_string_t *ret, const char *text, size_t len);
void kitchen_string_free(kitchen_string_t *value);

/** The allocator that all of this uses; aligned to 16 bytes. A definition of your own of these three replaces it. */
void *mote_malloc(size_t size);
void *mote_realloc(void *ptr, size_t size);
void mote_free(void *ptr);

// ---- import test:kitchen/types@1.2.0 ----

// Types of every kind.

/** A thing of the host's. */
typedef struct test_kitchen_types_own_thing_t { int32_t __handle; } test_kitchen_types_own_thing_t;
typedef struct test_kitchen_types_borrow_thing_t { int32_t __handle; } test_kitchen_types_borrow_thing_t;

/** A point in the plane. */
typedef struct test_kitchen_types_point_t {
    /** To the right. */
    float x;
    float y;
} test_kitchen_types_point_t;

typedef struct { test_kitchen_types_point_t *ptr; size_t len; } kitchen_list_test_kitchen_types_point_t;
void kitchen_list_test_kitchen_types_point_free(kitchen_list_test_kitchen_types_point_t *value);
/** What can be drawn. */
typedef struct test_kitchen_types_shape_t {
    uint8_t tag;
    union {
        /** By its radius. */
        float circle;
        kitchen_list_test_kitchen_types_point_t polygon;
        kitchen_string_t label;
        /** The words of C and C++ get an underscore. */
        uint64_t default_;
    } val;
} test_kitchen_types_shape_t;
/** Nothing at all. */
#define TEST_KITCHEN_TYPES_SHAPE_EMPTY 0
#define TEST_KITCHEN_TYPES_SHAPE_CIRCLE 1
#define TEST_KITCHEN_TYPES_SHAPE_POLYGON 2
#define TEST_KITCHEN_TYPES_SHAPE_LABEL 3
#define TEST_KITCHEN_TYPES_SHAPE_DEFAULT 4
void test_kitchen_types_shape_free(test_kitchen_types_shape_t *value);

/** Colours, * / and no end of the comment. */
typedef uint8_t test_kitchen_types_color_t;
#define TEST_KITCHEN_TYPES_COLOR_RED ((test_kitchen_types_color_t)0)
#define TEST_KITCHEN_TYPES_COLOR_GREEN ((test_kitchen_types_color_t)1)
#define TEST_KITCHEN_TYPES_COLOR_DARK_BLUE ((test_kitchen_types_color_t)2)

typedef uint8_t test_kitchen_types_permissions_t;
#define TEST_KITCHEN_TYPES_PERMISSIONS_READ ((test_kitchen_types_permissions_t)1 << 0)
#define TEST_KITCHEN_TYPES_PERMISSIONS_WRITE ((test_kitchen_types_permissions_t)1 << 1)
#define TEST_KITCHEN_TYPES_PERMISSIONS_EXECUTE ((test_kitchen_types_permissions_t)1 << 2)

typedef uint16_t test_kitchen_types_wide_t;
#define TEST_KITCHEN_TYPES_WIDE_B0 ((test_kitchen_types_wide_t)1 << 0)
#define TEST_KITCHEN_TYPES_WIDE_B1 ((test_kitchen_types_wide_t)1 << 1)
#define TEST_KITCHEN_TYPES_WIDE_B2 ((test_kitchen_types_wide_t)1 << 2)
#define TEST_KITCHEN_TYPES_WIDE_B3 ((test_kitchen_types_wide_t)1 << 3)
#define TEST_KITCHEN_TYPES_WIDE_B4 ((test_kitchen_types_wide_t)1 << 4)
#define TEST_KITCHEN_TYPES_WIDE_B5 ((test_kitchen_types_wide_t)1 << 5)
#define TEST_KITCHEN_TYPES_WIDE_B6 ((test_kitchen_types_wide_t)1 << 6)
#define TEST_KITCHEN_TYPES_WIDE_B7 ((test_kitchen_types_wide_t)1 << 7)
#define TEST_KITCHEN_TYPES_WIDE_B8 ((test_kitchen_types_wide_t)1 << 8)

/** How long something takes, in nanoseconds. */
typedef uint64_t test_kitchen_types_duration_t;

typedef struct { uint8_t *ptr; size_t len; } kitchen_list_u8_t;
void kitchen_list_u8_free(kitchen_list_u8_t *value);
typedef kitchen_list_u8_t test_kitchen_types_blob_t;
static inline void test_kitchen_types_blob_free(test_kitchen_types_blob_t *value) { kitchen_list_u8_free(value); }

typedef struct { int16_t *ptr; size_t len; } kitchen_list_s16_t;
void kitchen_list_s16_free(kitchen_list_s16_t *value);
typedef struct { kitchen_list_s16_t *ptr; size_t len; } kitchen_list_list_s16_t;
void kitchen_list_list_s16_free(kitchen_list_list_s16_t *value);
typedef kitchen_list_list_s16_t test_kitchen_types_grid_t;
static inline void test_kitchen_types_grid_free(test_kitchen_types_grid_t *value) { kitchen_list_list_s16_free(value); }

typedef struct { uint16_t items[3]; } kitchen_list3_u16_t;
typedef kitchen_list3_u16_t test_kitchen_types_fixed_t;

typedef struct { kitchen_string_t key; uint32_t value; } kitchen_entry_string_u32_t;
void kitchen_entry_string_u32_free(kitchen_entry_string_u32_t *value);
typedef struct { kitchen_entry_string_u32_t *ptr; size_t len; } kitchen_map_string_u32_t;
void kitchen_map_string_u32_free(kitchen_map_string_u32_t *value);
typedef kitchen_map_string_u32_t test_kitchen_types_ages_t;
static inline void test_kitchen_types_ages_free(test_kitchen_types_ages_t *value) { kitchen_map_string_u32_free(value); }

typedef struct { uint8_t f0; uint32_t f1; double f2; } kitchen_tuple3_u8_char_f64_t;
typedef struct { bool is_some; kitchen_string_t val; } kitchen_option_string_t;
void kitchen_option_string_free(kitchen_option_string_t *value);
typedef struct { bool is_some; test_kitchen_types_color_t val; } kitchen_option_test_kitchen_types_color_t;
typedef struct { bool is_some; kitchen_option_test_kitchen_types_color_t val; } kitchen_option_option_test_kitchen_types_color_t;
typedef struct { bool is_err; union { test_kitchen_types_shape_t ok; kitchen_string_t err; } val; } kitchen_result_test_kitchen_types_shape_string_t;
void kitchen_result_test_kitchen_types_shape_string_free(kitchen_result_test_kitchen_types_shape_string_t *value);
typedef struct { bool is_err; } kitchen_result_void_void_t;
typedef struct test_kitchen_types_all_t {
    bool a_bool;
    int8_t class_;
    kitchen_tuple3_u8_char_f64_t p;
    kitchen_option_string_t s;
    kitchen_option_option_test_kitchen_types_color_t nested;
    kitchen_result_test_kitchen_types_shape_string_t outcome;
    kitchen_result_void_void_t nothing;
    test_kitchen_types_duration_t how_long;
    test_kitchen_types_ages_t pairs;
    test_kitchen_types_fixed_t three;
} test_kitchen_types_all_t;
void test_kitchen_types_all_free(test_kitchen_types_all_t *value);

/** Gives a handle back. 0 is ignored. */
void test_kitchen_types_thing_drop(test_kitchen_types_own_thing_t handle);
/** Lends a handle for one call; there is nothing to give back. */
static inline test_kitchen_types_borrow_thing_t test_kitchen_types_thing_borrow(test_kitchen_types_own_thing_t handle) { test_kitchen_types_borrow_thing_t lent = { handle.__handle }; return lent; }

test_kitchen_types_own_thing_t test_kitchen_types_thing_new(kitchen_string_t name);

/** What it is called. */
kitchen_string_t test_kitchen_types_thing_name(test_kitchen_types_borrow_thing_t self);

bool test_kitchen_types_thing_find(kitchen_string_t name, test_kitchen_types_own_thing_t *ret);

void test_kitchen_types_thing_drop_(test_kitchen_types_borrow_thing_t self);

typedef struct { uint32_t *ptr; size_t len; } kitchen_list_char_t;
void kitchen_list_char_free(kitchen_list_char_t *value);
/** Takes everything. */
bool test_kitchen_types_take(test_kitchen_types_all_t all, uint32_t ret_, kitchen_list_char_t err_, test_kitchen_types_all_t *ret, test_kitchen_types_shape_t *err);

typedef struct { test_kitchen_types_color_t *ptr; size_t len; } kitchen_list_test_kitchen_types_color_t;
void kitchen_list_test_kitchen_types_color_free(kitchen_list_test_kitchen_types_color_t *value);
kitchen_list_test_kitchen_types_color_t test_kitchen_types_colors(test_kitchen_types_color_t c, test_kitchen_types_permissions_t p, test_kitchen_types_wide_t w);

// ---- import test:kitchen/shapes@1.2.0 ----

typedef test_kitchen_types_shape_t test_kitchen_shapes_form_t;
static inline void test_kitchen_shapes_form_free(test_kitchen_shapes_form_t *value) { test_kitchen_types_shape_free(value); }

typedef test_kitchen_types_point_t test_kitchen_shapes_point_t;

typedef test_kitchen_types_permissions_t test_kitchen_shapes_permissions_t;

typedef struct { test_kitchen_types_shape_t *ptr; size_t len; } kitchen_list_test_kitchen_types_shape_t;
void kitchen_list_test_kitchen_types_shape_free(kitchen_list_test_kitchen_types_shape_t *value);
bool test_kitchen_shapes_draw(kitchen_list_test_kitchen_types_shape_t forms, test_kitchen_shapes_point_t at, uint32_t *ret);

typedef struct { test_kitchen_types_borrow_thing_t *ptr; size_t len; } kitchen_list_test_kitchen_types_borrow_thing_t;
void kitchen_list_test_kitchen_types_borrow_thing_free(kitchen_list_test_kitchen_types_borrow_thing_t *value);
typedef struct { test_kitchen_types_own_thing_t *ptr; size_t len; } kitchen_list_test_kitchen_types_own_thing_t;
void kitchen_list_test_kitchen_types_own_thing_free(kitchen_list_test_kitchen_types_own_thing_t *value);
bool test_kitchen_shapes_same(kitchen_list_test_kitchen_types_borrow_thing_t things, kitchen_list_test_kitchen_types_own_thing_t keep, kitchen_list_test_kitchen_types_own_thing_t *ret);

uint64_t test_kitchen_shapes_many(uint8_t a, uint16_t b, uint32_t c, uint64_t d, float e, double f, kitchen_string_t g, kitchen_string_t h, bool i, uint32_t j, int8_t k, int16_t l, int32_t m, int64_t n, test_kitchen_shapes_permissions_t int_);

bool test_kitchen_shapes_plain(void);

bool test_kitchen_shapes_fail(uint8_t *err);

// ---- import inline ----

typedef uint32_t kitchen_inline_id_t;

bool kitchen_inline_get(kitchen_inline_id_t id, kitchen_string_t *ret);

// ---- import of the world kitchen itself ----

typedef struct kitchen_own_plug_t { int32_t __handle; } kitchen_own_plug_t;
typedef struct kitchen_borrow_plug_t { int32_t __handle; } kitchen_borrow_plug_t;

typedef test_kitchen_types_point_t kitchen_point_t;

typedef struct { kitchen_string_t *ptr; size_t len; } kitchen_list_string_t;
void kitchen_list_string_free(kitchen_list_string_t *value);
typedef struct kitchen_local_t {
    kitchen_point_t p;
    kitchen_list_string_t tags;
} kitchen_local_t;
void kitchen_local_free(kitchen_local_t *value);

/** Gives a handle back. 0 is ignored. */
void kitchen_plug_drop(kitchen_own_plug_t handle);
/** Lends a handle for one call; there is nothing to give back. */
static inline kitchen_borrow_plug_t kitchen_plug_borrow(kitchen_own_plug_t handle) { kitchen_borrow_plug_t lent = { handle.__handle }; return lent; }

void kitchen_log(kitchen_string_t text);

kitchen_own_plug_t kitchen_plug_new(void);

bool kitchen_plug_pull(kitchen_borrow_plug_t self);

kitchen_local_t kitchen_make(void);

// ---- export test:kitchen/shapes@1.2.0: you write these ----

typedef test_kitchen_types_shape_t exports_test_kitchen_shapes_form_t;
static inline void exports_test_kitchen_shapes_form_free(exports_test_kitchen_shapes_form_t *value) { test_kitchen_types_shape_free(value); }

typedef test_kitchen_types_point_t exports_test_kitchen_shapes_point_t;

typedef test_kitchen_types_permissions_t exports_test_kitchen_shapes_permissions_t;

bool exports_test_kitchen_shapes_draw(kitchen_list_test_kitchen_types_shape_t forms, exports_test_kitchen_shapes_point_t at, uint32_t *ret);

bool exports_test_kitchen_shapes_same(kitchen_list_test_kitchen_types_borrow_thing_t things, kitchen_list_test_kitchen_types_own_thing_t keep, kitchen_list_test_kitchen_types_own_thing_t *ret);

uint64_t exports_test_kitchen_shapes_many(uint8_t a, uint16_t b, uint32_t c, uint64_t d, float e, double f, kitchen_string_t g, kitchen_string_t h, bool i, uint32_t j, int8_t k, int16_t l, int32_t m, int64_t n, exports_test_kitchen_shapes_permissions_t int_);

bool exports_test_kitchen_shapes_plain(void);

bool exports_test_kitchen_shapes_fail(uint8_t *err);

// ---- export test:kitchen/api@1.2.0: you write these ----

// What the component gives.

/** Counts. */
typedef struct exports_test_kitchen_api_counter_t exports_test_kitchen_api_counter_t; // yours: define the struct
typedef struct exports_test_kitchen_api_own_counter_t { int32_t __handle; } exports_test_kitchen_api_own_counter_t;
typedef exports_test_kitchen_api_counter_t *exports_test_kitchen_api_borrow_counter_t;

typedef test_kitchen_types_point_t exports_test_kitchen_api_point_t;

typedef struct exports_test_kitchen_api_holder_t {
    exports_test_kitchen_api_own_counter_t it;
    exports_test_kitchen_api_point_t where;
} exports_test_kitchen_api_holder_t;
void exports_test_kitchen_api_holder_free(exports_test_kitchen_api_holder_t *value);

typedef uint8_t exports_test_kitchen_api_color_t;
#define EXPORTS_TEST_KITCHEN_API_COLOR_CYAN ((exports_test_kitchen_api_color_t)0)

/** A new handle for an object of yours: what the caller of a function that returns `counter` is given. */
exports_test_kitchen_api_own_counter_t exports_test_kitchen_api_counter_own(exports_test_kitchen_api_counter_t *object);
/** The object behind a handle. */
exports_test_kitchen_api_counter_t *exports_test_kitchen_api_counter_rep(exports_test_kitchen_api_own_counter_t handle);
/** Gives a handle back: your destructor runs. 0 is ignored. */
void exports_test_kitchen_api_counter_drop(exports_test_kitchen_api_own_counter_t handle);
/** You write this: the last handle is gone, free the object. */
void exports_test_kitchen_api_counter_destructor(exports_test_kitchen_api_counter_t *object);

exports_test_kitchen_api_own_counter_t exports_test_kitchen_api_counter_new(uint32_t start);

uint32_t exports_test_kitchen_api_counter_value(exports_test_kitchen_api_borrow_counter_t self);

bool exports_test_kitchen_api_counter_merge(exports_test_kitchen_api_own_counter_t a, exports_test_kitchen_api_borrow_counter_t b, exports_test_kitchen_api_own_counter_t *ret, kitchen_string_t *err);

typedef struct { exports_test_kitchen_api_holder_t *ptr; size_t len; } kitchen_list_exports_test_kitchen_api_holder_t;
void kitchen_list_exports_test_kitchen_api_holder_free(kitchen_list_exports_test_kitchen_api_holder_t *value);
kitchen_list_exports_test_kitchen_api_holder_t exports_test_kitchen_api_all_of(kitchen_list_test_kitchen_types_borrow_thing_t things, test_kitchen_types_borrow_thing_t one, kitchen_list_exports_test_kitchen_api_holder_t holders);

bool exports_test_kitchen_api_pick(exports_test_kitchen_api_color_t c, exports_test_kitchen_api_point_t *ret);

// ---- export of the world kitchen itself: you write these ----

bool exports_kitchen_run(kitchen_list_string_t args, uint32_t *ret, kitchen_string_t *err);

kitchen_local_t exports_kitchen_local_of(kitchen_local_t l);

#ifdef __cplusplus
}
#endif

#endif // KITCHEN_H
