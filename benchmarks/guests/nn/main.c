// Runs a model through wasi:nn as an app does: a tensor of its own memory in, the outputs back into its own memory.
#include "nn.h"

#define MOST (1024 * 1024) // floats of an input

static float input[MOST];
static uint32_t shape[8];
static nn_list_u32_t dimensions = { shape, 0 };
static nn_string_t name;
static size_t count;
static wasi_nn_inference_own_graph_execution_context_t context;

static bool fail(wasi_nn_errors_own_error_t error, nn_string_t *err) {
    *err = wasi_nn_errors_error_data((wasi_nn_errors_borrow_error_t){ error.__handle });
    wasi_nn_errors_error_drop(error);
    return false;
}

static bool refuse(const char *why, nn_string_t *err) {
    nn_string_dup(err, why);
    return false;
}

bool exports_bench_nn_api_open(nn_string_t model, nn_string_t input_name, nn_list_u32_t dims, nn_string_t *err) {
    count = 1;
    if (dims.len > sizeof shape / sizeof *shape) return refuse("too many dimensions", err);
    for (size_t i = 0; i < dims.len; i++) {
        shape[i] = dims.ptr[i];
        if (shape[i] > MOST || (count *= shape[i]) > MOST) return refuse("the input is too large", err);
    }
    dimensions.len = dims.len;
    for (size_t i = 0; i < count; i++) input[i] = (float)((i * 2654435761u) >> 24) / 255;
    nn_string_dup_n(&name, (const char *)input_name.ptr, input_name.len);
    wasi_nn_errors_own_error_t error;
    wasi_nn_graph_own_graph_t graph;
    if (!wasi_nn_graph_load_by_name(model, &graph, &error)) return fail(error, err);
    bool ok = wasi_nn_graph_graph_init_execution_context((wasi_nn_graph_borrow_graph_t){ graph.__handle }, &context, &error);
    wasi_nn_graph_graph_drop(graph);
    return ok || fail(error, err);
}

bool exports_bench_nn_api_run(uint64_t times, uint64_t *ret, nn_string_t *err) {
    *ret = 0;
    for (uint64_t n = 0; n < times; n++) {
        wasi_nn_tensor_own_tensor_t tensor = wasi_nn_tensor_tensor_new(dimensions, WASI_NN_TENSOR_TENSOR_TYPE_FP32, (nn_list_u8_t){ (uint8_t *)input, count * sizeof *input });
        nn_tuple2_string_wasi_nn_tensor_own_tensor_t named = { name, tensor };
        nn_list_tuple2_string_wasi_nn_tensor_own_tensor_t outputs;
        wasi_nn_errors_own_error_t error;
        if (!wasi_nn_inference_graph_execution_context_compute((wasi_nn_inference_borrow_graph_execution_context_t){ context.__handle }, (nn_list_tuple2_string_wasi_nn_tensor_own_tensor_t){ &named, 1 }, &outputs, &error)) return fail(error, err);
        for (size_t i = 0; i < outputs.len; i++) {
            nn_list_u8_t data = wasi_nn_tensor_tensor_data((wasi_nn_tensor_borrow_tensor_t){ outputs.ptr[i].f1.__handle });
            if (data.len) *ret += data.ptr[0];
            nn_list_u8_free(&data);
        }
        nn_list_tuple2_string_wasi_nn_tensor_own_tensor_free(&outputs); // the tensors with it
    }
    return true;
}
