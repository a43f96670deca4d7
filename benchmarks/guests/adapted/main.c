// Uses libc's stdio and environment, which makes the adapter and its imports part of the component.
#include <stdio.h>
#include <stdlib.h>
#include "adapted.h"

static uint32_t total;

uint32_t exports_bench_adapted_api_work(uint32_t n) {
    if (n == 0) {
        const char *home = getenv("HOME");
        printf("home is %s\n", home ? home : "nowhere");
    }
    return total += n;
}
