// Values of many types through the component ABI, and results that depend on every bit of them. Freestanding.
#include "numbers.h"

static uint64_t bits(double v) {
  uint64_t b;
  __builtin_memcpy(&b, &v, 8);
  return b;
}

bool exports_numbers_summarize(numbers_list_f64_t values, float scale, numbers_summary_t *ret, numbers_string_t *err) {
  if (values.len == 0) {
    numbers_string_set(err, "nothing to summarize");
    return false;
  }

  double sum = 0, squares = 0, least = values.ptr[0];
  numbers_summary_t s = {.count = (uint32_t)values.len};
  s.squares = (numbers_list_f64_t){mote_malloc(values.len * 8), values.len};
  s.bits = (numbers_list_u64_t){mote_malloc(values.len * 8), values.len};
  char words[16];
  for (size_t i = 0; i < values.len; i++) {
    double v = values.ptr[i] * scale;
    sum += v;
    squares += v * v;
    least = __builtin_wasm_min_f64(least, v);
    s.squares.ptr[i] = v * v / 3;
    s.bits.ptr[i] = bits(v * v / 3);
  }

  s.mean = sum / (double)values.len;
  s.deviation = (float)__builtin_sqrt(squares / (double)values.len - s.mean * s.mean);
  s.least = least;
  for (int i = 0; i < 16; i++) words[i] = "0123456789abcdef"[bits(s.mean) >> (60 - i * 4) & 15];
  numbers_string_dup_n(&s.words, words, 16);
  numbers_list_f64_free(&values);
  *ret = s;
  return true;
}

numbers_list_tuple2_f32_s64_t exports_numbers_halve(numbers_list_tuple3_s8_u16_f32_t pairs) {
  numbers_list_tuple2_f32_s64_t ret = {mote_malloc(pairs.len * sizeof *ret.ptr), pairs.len};
  for (size_t i = 0; i < pairs.len; i++) {
    ret.ptr[i].f0 = pairs.ptr[i].f2 / (float)pairs.ptr[i].f0;
    ret.ptr[i].f1 = (int64_t)pairs.ptr[i].f0 * pairs.ptr[i].f1 << 31;
  }

  numbers_list_tuple3_s8_u16_f32_free(&pairs);
  return ret;
}
