// Adds up; calls the host only when asked for 0, so that its imports are real and cost nothing otherwise.
#include "small.h"

static uint32_t total;

uint32_t exports_bench_small_api_work(uint32_t n) {
    if (n == 0) {
        small_option_string_t value;
        if (wasi_config_store_get(small_string("key"), &value, NULL) && value.is_some) small_string_free(&value.val);
        small_list_string_t arguments = wasi_cli_environment_get_arguments();
        total += (uint32_t)arguments.len;
        small_list_string_free(&arguments);
        wasi_keyvalue_store_own_bucket_t bucket;
        if (wasi_keyvalue_store_open(small_string("default"), &bucket, NULL)) wasi_keyvalue_store_bucket_drop(bucket);
        wasi_logging_logging_log(WASI_LOGGING_LOGGING_LEVEL_INFO, small_string("bench"), small_string("asked"));
    }
    return total += n;
}
