// A model of wasi:nn from C: opened by its name once, run on tensors of floats. Include it after guest.h; the world imports
// wasi:nn tensor, graph, inference and errors.
#pragma once
#include "guest.h"

typedef JOIN(NAME, _list_tuple2_string_wasi_nn_tensor_own_tensor_t) model_outputs_t;

static wasi_nn_inference_own_graph_execution_context_t model_context;

// The host's words become the message's fault.
static bool model_fault(wasi_nn_errors_own_error_t error, error_t *err) {
    err->tag = WASI_MESSAGING_TYPES_ERROR_OTHER;
    err->val.other = wasi_nn_errors_error_data(wasi_nn_errors_error_borrow(error));
    wasi_nn_errors_error_drop(error);
    return false;
}

// Opens the model where it is not open; an instance that stays warm does so once.
static bool model_open(const char *name, error_t *err) {
    if (model_context.__handle) return true;
    wasi_nn_errors_own_error_t error;
    wasi_nn_graph_own_graph_t graph;
    if (!wasi_nn_graph_load_by_name(guest_string(name), &graph, &error)) return model_fault(error, err);
    bool ok = wasi_nn_graph_graph_init_execution_context(wasi_nn_graph_graph_borrow(graph), &model_context, &error);
    wasi_nn_graph_graph_drop(graph);
    return ok || model_fault(error, err);
}

// Runs it on one input of floats. The outputs are the caller's to free, with model_free.
static bool model_run(const char *input, const uint32_t *dimensions, size_t rank, const float *values, model_outputs_t *outputs, error_t *err) {
    size_t count = 1;
    for (size_t i = 0; i < rank; i++) count *= dimensions[i];
    wasi_nn_tensor_own_tensor_t tensor = wasi_nn_tensor_tensor_new((JOIN(NAME, _list_u32_t)){ (uint32_t *)dimensions, rank }, WASI_NN_TENSOR_TENSOR_TYPE_FP32, (guest_list_u8_t){ (uint8_t *)values, count * sizeof *values });
    JOIN(NAME, _tuple2_string_wasi_nn_tensor_own_tensor_t) named = { guest_string(input), tensor };
    wasi_nn_errors_own_error_t error;
    return wasi_nn_inference_graph_execution_context_compute(wasi_nn_inference_graph_execution_context_borrow(model_context), (model_outputs_t){ &named, 1 }, outputs, &error) || model_fault(error, err);
}

// The floats of an output, copied; how many there are, at most `most`. 0 where there is no such output of floats.
static size_t model_floats(const model_outputs_t *outputs, size_t which, float *values, size_t most) {
    if (which >= outputs->len) return 0;
    wasi_nn_tensor_borrow_tensor_t tensor = wasi_nn_tensor_tensor_borrow(outputs->ptr[which].f1);
    if (wasi_nn_tensor_tensor_ty(tensor) != WASI_NN_TENSOR_TENSOR_TYPE_FP32) return 0;
    guest_list_u8_t data = wasi_nn_tensor_tensor_data(tensor);
    size_t count = data.len / sizeof *values;
    if (count > most) count = most;
    __builtin_memcpy(values, data.ptr, count * sizeof *values);
    guest_list_u8_free(&data);
    return count;
}

static void model_free(model_outputs_t *outputs) { JOIN(NAME, _list_tuple2_string_wasi_nn_tensor_own_tensor_free)(outputs); }
