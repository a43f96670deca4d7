// Resources both ways: those of the host are used, given on and dropped; stacks and counters are the guest's own.
#include "resources.h"

// ---- counters: each of ours stands before one of the host's ----

struct exports_test_resources_counters_counter_t {
    test_resources_counters_own_counter_t inner;
};

exports_test_resources_counters_own_counter_t exports_test_resources_counters_counter_new(uint32_t start) {
    exports_test_resources_counters_counter_t *counter = mote_malloc(sizeof *counter);
    counter->inner = test_resources_counters_counter_new(start);
    return exports_test_resources_counters_counter_own(counter);
}

uint32_t exports_test_resources_counters_counter_value(exports_test_resources_counters_borrow_counter_t self) {
    return test_resources_counters_counter_value(test_resources_counters_counter_borrow(self->inner));
}

void exports_test_resources_counters_counter_add(exports_test_resources_counters_borrow_counter_t self, uint32_t n) {
    // The guest counts double.
    test_resources_counters_counter_add(test_resources_counters_counter_borrow(self->inner), n * 2);
}

void exports_test_resources_counters_counter_destructor(exports_test_resources_counters_counter_t *object) {
    test_resources_counters_counter_drop(object->inner);
    mote_free(object);
}

resources_tuple2_test_resources_counters_plain_exports_test_resources_counters_pair_t exports_test_resources_counters_flip(exports_test_resources_counters_pair_t p, test_resources_counters_plain_t q) {
    exports_test_resources_counters_counter_add(exports_test_resources_counters_counter_rep(p.a), 1);
    resources_tuple2_test_resources_counters_plain_exports_test_resources_counters_pair_t ret = { q, p };
    ret.f0.text = p.text;
    ret.f1.text = q.text;
    return ret;
}

// ---- stacks ----

struct exports_test_resources_api_stack_t {
    resources_list_u32_t items;
};

typedef exports_test_resources_api_stack_t stack_t;

static int32_t live;

static stack_t *new_stack(uint32_t first) {
    stack_t *stack = mote_malloc(sizeof *stack);
    stack->items.ptr = mote_malloc(sizeof(uint32_t));
    stack->items.ptr[0] = first;
    stack->items.len = 1;
    live++;
    return stack;
}

exports_test_resources_api_own_stack_t exports_test_resources_api_stack_new(uint32_t first) { return exports_test_resources_api_stack_own(new_stack(first)); }

void exports_test_resources_api_stack_push(exports_test_resources_api_borrow_stack_t self, uint32_t n) {
    self->items.ptr = mote_realloc(self->items.ptr, (self->items.len + 1) * sizeof(uint32_t));
    self->items.ptr[self->items.len++] = n;
}

resources_list_u32_t exports_test_resources_api_stack_items(exports_test_resources_api_borrow_stack_t self) {
    resources_list_u32_t copy = { mote_malloc(self->items.len * sizeof(uint32_t)), self->items.len };
    __builtin_memcpy(copy.ptr, self->items.ptr, self->items.len * sizeof(uint32_t));
    return copy;
}

static uint32_t total(stack_t *stack) {
    uint32_t sum = 0;
    for (size_t i = 0; i < stack->items.len; i++) sum += stack->items.ptr[i];
    return sum;
}

uint32_t exports_test_resources_api_stack_total(resources_list_exports_test_resources_api_borrow_stack_t stacks, resources_option_exports_test_resources_api_borrow_stack_t more) {
    uint32_t sum = more.is_some ? total(more.val) : 0;
    for (size_t i = 0; i < stacks.len; i++) sum += total(stacks.ptr[i]);
    resources_list_exports_test_resources_api_borrow_stack_free(&stacks);
    return sum;
}

bool exports_test_resources_api_stack_merge(exports_test_resources_api_own_stack_t a, exports_test_resources_api_borrow_stack_t b, exports_test_resources_api_own_stack_t *ret, resources_string_t *err) {
    stack_t *into = exports_test_resources_api_stack_rep(a);
    if (into == b) {
        *err = resources_string("the same stack");
        exports_test_resources_api_stack_drop(a);
        return false;
    }
    for (size_t i = 0; i < b->items.len; i++) exports_test_resources_api_stack_push(into, b->items.ptr[i]);
    *ret = a;
    return true;
}

void exports_test_resources_api_stack_destructor(stack_t *object) {
    mote_free(object->items.ptr);
    mote_free(object);
    live--;
}

int32_t exports_test_resources_api_live(void) { return live; }

resources_list_exports_test_resources_api_own_stack_t exports_test_resources_api_stacks(resources_list_u32_t firsts) {
    resources_list_exports_test_resources_api_own_stack_t all = { mote_malloc(firsts.len * sizeof(exports_test_resources_api_own_stack_t)), firsts.len };
    for (size_t i = 0; i < firsts.len; i++) all.ptr[i] = exports_test_resources_api_stack_own(new_stack(firsts.ptr[i]));
    resources_list_u32_free(&firsts);
    return all;
}

uint32_t exports_test_resources_api_sum(resources_list_exports_test_resources_api_own_stack_t all) {
    uint32_t sum = 0;
    for (size_t i = 0; i < all.len; i++) sum += total(exports_test_resources_api_stack_rep(all.ptr[i]));
    resources_list_exports_test_resources_api_own_stack_free(&all); // drops them, too
    return sum;
}

// ---- things of the host's ----

resources_string_t exports_test_resources_api_name_of(test_resources_things_borrow_thing_t t) { return test_resources_things_thing_name(t); }

resources_list_string_t exports_test_resources_api_names_of(resources_list_test_resources_things_borrow_thing_t all, resources_option_test_resources_things_borrow_thing_t maybe, resources_tuple2_test_resources_things_borrow_thing_u8_t pair, resources_result_test_resources_things_borrow_thing_string_t choice) {
    resources_list_string_t names = { mote_malloc((all.len + 4) * sizeof(resources_string_t)), 0 };
    for (size_t i = 0; i < all.len; i++) names.ptr[names.len++] = test_resources_things_thing_name(all.ptr[i]);
    names.ptr[names.len++] = test_resources_things_thing_join(all);
    // The glue gives the borrowed handles back even if the list is gone by then.
    resources_list_test_resources_things_borrow_thing_free(&all);
    if (maybe.is_some) names.ptr[names.len++] = test_resources_things_thing_name(maybe.val);
    names.ptr[names.len++] = test_resources_things_thing_name(pair.f0);
    if (choice.is_err) names.ptr[names.len++] = choice.val.err;
    else names.ptr[names.len++] = test_resources_things_thing_name(choice.val.ok);
    return names;
}

test_resources_things_own_thing_t exports_test_resources_api_make(resources_string_t name) {
    test_resources_things_own_thing_t thing = test_resources_things_thing_new(name);
    test_resources_things_thing_rename(test_resources_things_thing_borrow(thing), resources_string("made"));
    resources_string_free(&name);
    return thing;
}

bool exports_test_resources_api_try_open(resources_string_t name, test_resources_things_own_thing_t *ret, resources_string_t *err) {
    bool ok = test_resources_things_thing_open(name, ret, err);
    resources_string_free(&name);
    return ok;
}

bool exports_test_resources_api_try_maybe(resources_string_t name, test_resources_things_own_thing_t *ret) {
    bool some = test_resources_things_thing_maybe(name, ret);
    resources_string_free(&name);
    return some;
}

resources_string_t exports_test_resources_api_consume(test_resources_things_own_thing_t t) {
    resources_string_t name = test_resources_things_thing_name(test_resources_things_thing_borrow(t));
    test_resources_things_thing_drop(t);
    test_resources_things_thing_drop((test_resources_things_own_thing_t){ 0 }); // ignored
    return name;
}

resources_string_t exports_test_resources_api_pass_on(test_resources_things_own_thing_t t) { return test_resources_things_take(t); }

resources_list_test_resources_things_own_thing_t exports_test_resources_api_relay(resources_list_test_resources_things_own_thing_t all) {
    resources_list_test_resources_things_own_thing_t back = test_resources_things_reverse(all);
    mote_free(all.ptr); // the handles in it are gone: only the memory is left
    return back;
}

test_resources_things_labelled_t exports_test_resources_api_relabel(test_resources_things_labelled_t l) {
    test_resources_things_labelled_t back = test_resources_things_label(l);
    l.it.__handle = 0; // gone
    test_resources_things_labelled_free(&l);
    return back;
}

void exports_test_resources_api_drop_all(resources_list_test_resources_things_labelled_t all) { resources_list_test_resources_things_labelled_free(&all); }

bool exports_test_resources_api_ignore(resources_string_t name) {
    bool ok = test_resources_things_thing_open(name, NULL, NULL);
    resources_string_free(&name);
    return ok;
}

uint32_t exports_test_resources_api_of_counter(exports_test_resources_counters_borrow_counter_t c) { return exports_test_resources_counters_counter_value(c); }

// ---- the world's own ----

resources_list_resources_own_plug_t exports_resources_plugs(resources_list_u32_t volts) {
    resources_list_resources_own_plug_t all = { mote_malloc(volts.len * sizeof(resources_own_plug_t)), volts.len };
    for (size_t i = 0; i < volts.len; i++) all.ptr[i] = resources_plug_new(volts.ptr[i]);
    resources_list_u32_free(&volts);
    return all;
}

uint32_t exports_resources_volts(resources_list_resources_borrow_plug_t all) {
    uint32_t sum = 0;
    for (size_t i = 0; i < all.len; i++) sum += resources_plug_volts(all.ptr[i]);
    resources_list_resources_borrow_plug_free(&all);
    return sum;
}
