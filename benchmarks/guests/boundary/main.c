// The guest of `./bench boundary`: takes values and gives them back to its allocator.
#include "boundary.h"

void exports_bench_boundary_api_nop(void) {}

uint32_t exports_bench_boundary_api_take_bytes(boundary_list_u8_t data) {
    uint32_t ret = (uint32_t)data.len ^ (data.len ? data.ptr[data.len - 1] : 0);
    boundary_list_u8_free(&data);
    return ret;
}

uint32_t exports_bench_boundary_api_take_headers(boundary_list_tuple2_string_string_t headers) {
    uint32_t ret = (uint32_t)headers.len;
    for (size_t i = 0; i < headers.len; i++) ret += (uint32_t)headers.ptr[i].f1.len;
    boundary_list_tuple2_string_string_free(&headers);
    return ret;
}

uint32_t exports_bench_boundary_api_take_text(boundary_string_t text) {
    uint32_t ret = (uint32_t)text.len;
    boundary_string_free(&text);
    return ret;
}
