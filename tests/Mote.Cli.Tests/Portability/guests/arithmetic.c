// Computes with integers, floats and vectors on awkward values and prints a hash of all results of each kind: the same
// lines must come out on every processor. Beside it is how many results were a NaN of another bit pattern than the
// canonical one. The arguments are the seed (so that the compiler can compute nothing beforehand) and the rounds.
#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wasm_simd128.h>

static uint64_t state, hash;
static unsigned strange, nans;

static uint64_t next(void) {
  state ^= state << 13;
  state ^= state >> 7;
  return state ^= state << 17;
}

static void add(const void *data, size_t size) {
  for (size_t i = 0; i < size; i++) hash = (hash ^ ((const uint8_t *)data)[i]) * 0x100000001b3;
}

static void begin(void) { hash = 0xcbf29ce484222325; }

static void end(const char *name) {
  printf("%-12s %016" PRIx64 " strange NaNs %u of %u\n", name, hash, strange, nans);
  strange = nans = 0;
}

static void u32(uint32_t v) { add(&v, 4); }
static void u64(uint64_t v) { add(&v, 8); }

static uint32_t bits32(float v) { uint32_t b; memcpy(&b, &v, 4); return b; }
static uint64_t bits64(double v) { uint64_t b; memcpy(&b, &v, 8); return b; }
static float f32_of(uint32_t b) { float v; memcpy(&v, &b, 4); return v; }
static double f64_of(uint64_t b) { double v; memcpy(&v, &b, 8); return v; }

static void f32(float v) {
  uint32_t b = bits32(v);
  if (v != v) { nans++; strange += b != 0x7fc00000; }
  u32(b);
}

static void f64(double v) {
  uint64_t b = bits64(v);
  if (v != v) { nans++; strange += b != 0x7ff8000000000000; }
  u64(b);
}

static void vector(v128_t v) { add(&v, 16); }

static void vector_f32(v128_t v) { float f[4]; wasm_v128_store(f, v); for (int i = 0; i < 4; i++) f32(f[i]); }
static void vector_f64(v128_t v) { double f[2]; wasm_v128_store(f, v); for (int i = 0; i < 2; i++) f64(f[i]); }

static const uint64_t edges[] = {
  0, 1, 2, 3, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0x80000001, 0xffffffff, 0x100000000,
  0x7fffffffffffffff, 0x8000000000000000, 0x8000000000000001, 0xffffffffffffffff, 0xaaaaaaaaaaaaaaaa, 0x5555555555555555,
};

static const uint32_t floats[] = {
  0, 0x80000000, 1, 0x80000001, 0x7fffff, 0x807fffff, 0x800000, 0x80800000, 0x3f800000, 0xbf800000, 0x3f000000, 0xbf000000, 0x3effffff,
  0x3fc00000, 0x40200000, 0xc0200000, 0x4b000000, 0x4b000001, 0xcb000000, 0x4f000000, 0xcf000000, 0xcf000001, 0x4f800000, 0x5f000000,
  0xdf000000, 0x5f800000, 0x7f7fffff, 0xff7fffff, 0x7f800000, 0xff800000, 0x7fc00000, 0xffc00000, 0x7f800001, 0xff800001, 0x7fa12345,
  0xffedcba9, 0x40490fdb, 0x402df854, 0x3eaaaaab, 0x0da24260,
};

static const uint64_t doubles[] = {
  0, 0x8000000000000000, 1, 0x8000000000000001, 0xfffffffffffff, 0x10000000000000, 0x3ff0000000000000, 0xbff0000000000000,
  0x3fe0000000000000, 0xbfe0000000000000, 0x3fdfffffffffffff, 0x3ff8000000000000, 0x4004000000000000, 0xc004000000000000,
  0x4330000000000000, 0x4330000000000001, 0xc330000000000000, 0x41dfffffffc00000, 0xc1e0000000000000, 0xc1e0000000200000,
  0x41efffffffe00000, 0x43e0000000000000, 0xc3e0000000000000, 0x43f0000000000000, 0x7fefffffffffffff, 0xffefffffffffffff,
  0x7ff0000000000000, 0xfff0000000000000, 0x7ff8000000000000, 0xfff8000000000000, 0x7ff0000000000001, 0xfff4000000000123,
  0x7ffdeadbeef12345, 0x400921fb54442d18, 0x3fd5555555555555, 0x47efffffe0000000, 0x36a0000000000000, 0x380fffffe0000000,
};

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* Awkward values and random ones, in turn. */
static uint64_t any64(void) { uint64_t r = next(); return r & 1 ? edges[(r >> 1) % COUNT(edges)] : next(); }
static float any_f32(void) { uint64_t r = next(); return f32_of(r & 1 ? floats[(r >> 1) % COUNT(floats)] : (uint32_t)(r >> 16)); }
static double any_f64(void) { uint64_t r = next(); return f64_of(r & 1 ? doubles[(r >> 1) % COUNT(doubles)] : next()); }
static v128_t any_v128(void) { uint64_t a = any64(), b = any64(); return wasm_u64x2_make(a, b); }
static v128_t any_f32x4(void) { float a = any_f32(), b = any_f32(), c = any_f32(), d = any_f32(); return wasm_f32x4_make(a, b, c, d); }
static v128_t any_f64x2(void) { double a = any_f64(), b = any_f64(); return wasm_f64x2_make(a, b); }

static void integers(int rounds) {
  begin();
  for (int i = 0; i < rounds; i++) {
    uint64_t a = any64(), b = any64();
    uint32_t c = (uint32_t)a, d = (uint32_t)b;
    u64(a + b); u64(a - b); u64(a * b); u64(a & b); u64(a | b); u64(a ^ b);
    u64(a << (b & 63)); u64(a >> (b & 63)); u64((uint64_t)((int64_t)a >> (b & 63))); u64(__builtin_rotateleft64(a, b & 63));
    u32(c * d); u32(c << (d & 31)); u32((uint32_t)((int32_t)c >> (d & 31))); u32(__builtin_rotateright32(c, d & 31));
    if (b) { u64(a / b); u64(a % b); }
    if (d) { u32(c / d); u32(c % d); }
    if (b && !(a == 1ull << 63 && ~b == 0)) { u64((uint64_t)((int64_t)a / (int64_t)b)); u64((uint64_t)((int64_t)a % (int64_t)b)); }
    if (d && !(c == 1u << 31 && ~d == 0)) { u32((uint32_t)((int32_t)c / (int32_t)d)); u32((uint32_t)((int32_t)c % (int32_t)d)); }
    u32(a ? (uint32_t)__builtin_clzll(a) : 64); u32(a ? (uint32_t)__builtin_ctzll(a) : 64); u32((uint32_t)__builtin_popcountll(a));
    u64((uint64_t)(int64_t)(int8_t)a); u64((uint64_t)(int64_t)(int16_t)a); u64((uint64_t)(int64_t)(int32_t)a);
    u32((int64_t)a < (int64_t)b); u32(a < b); u32((int32_t)c < (int32_t)d); u32(c < d);
    unsigned __int128 wide = (unsigned __int128)a * b;
    u64((uint64_t)wide); u64((uint64_t)(wide >> 64));
  }
  end("integers");
}

static void scalars(int rounds) {
  begin();
  for (int i = 0; i < rounds; i++) {
    float a = any_f32(), b = any_f32();
    f32(a + b); f32(a - b); f32(a * b); f32(a / b); f32(__builtin_sqrtf(a)); f32(__builtin_wasm_min_f32(a, b)); f32(__builtin_wasm_max_f32(a, b));
    f32(__builtin_ceilf(a)); f32(__builtin_floorf(a)); f32(__builtin_truncf(a)); f32(__builtin_rintf(a));
    u32(bits32(__builtin_copysignf(a, b))); u32(bits32(-a)); u32(bits32(__builtin_fabsf(a))); u32(a < b); u32(a == b); u32(a >= b);
    u32((uint32_t)__builtin_wasm_trunc_saturate_s_i32_f32(a)); u32((uint32_t)__builtin_wasm_trunc_saturate_u_i32_f32(a));
    u64((uint64_t)__builtin_wasm_trunc_saturate_s_i64_f32(a)); u64((uint64_t)__builtin_wasm_trunc_saturate_u_i64_f32(a));
    f64((double)a); f32((float)(int64_t)any64()); f32((float)any64()); f32((float)(int32_t)any64()); f32((float)(uint32_t)any64());
  }
  end("float32");
  begin();
  for (int i = 0; i < rounds; i++) {
    double a = any_f64(), b = any_f64();
    f64(a + b); f64(a - b); f64(a * b); f64(a / b); f64(__builtin_sqrt(a)); f64(__builtin_wasm_min_f64(a, b)); f64(__builtin_wasm_max_f64(a, b));
    f64(__builtin_ceil(a)); f64(__builtin_floor(a)); f64(__builtin_trunc(a)); f64(__builtin_rint(a));
    u64(bits64(__builtin_copysign(a, b))); u64(bits64(-a)); u64(bits64(__builtin_fabs(a))); u32(a < b); u32(a == b); u32(a >= b);
    u32((uint32_t)__builtin_wasm_trunc_saturate_s_i32_f64(a)); u32((uint32_t)__builtin_wasm_trunc_saturate_u_i32_f64(a));
    u64((uint64_t)__builtin_wasm_trunc_saturate_s_i64_f64(a)); u64((uint64_t)__builtin_wasm_trunc_saturate_u_i64_f64(a));
    f32((float)a); f64((double)(int64_t)any64()); f64((double)any64());
  }
  end("float64");
}

static void library(int rounds) {
  begin();
  for (int i = 0; i < rounds; i++) {
    double a = any_f64(), b = any_f64(), c = (double)(int64_t)next() / 4294967296.0;
    f64(sin(c)); f64(cos(c)); f64(exp(c / 1e8)); f64(log(fabs(c))); f64(pow(fabs(c), 0.37)); f64(atan2(a, c)); f64(fma(c, c, a)); f64(cbrt(c));
    f64(hypot(c, b)); f64(fmod(a, b)); f32(tanhf((float)c)); f64(strtod(c < 0 ? "-1.7976931348623157e308" : "4.9e-324", 0) / c);
  }
  char text[64];
  for (int i = 0; i < rounds / 16 + 1; i++) {
    double c = (double)(int64_t)next() / 65536.0;
    add(text, (size_t)snprintf(text, sizeof text, "%.17g %a %e", c, c, c));
    f64(strtod(text, 0));
  }
  end("library");
}

static void vectors(int rounds) {
  begin();
  for (int i = 0; i < rounds; i++) {
    v128_t a = any_v128(), b = any_v128(), m = any_v128();
    uint32_t n = (uint32_t)next() & 127;
    vector(wasm_i8x16_swizzle(a, b)); vector(wasm_v128_bitselect(a, b, m)); vector(wasm_i8x16_popcnt(a)); vector(wasm_u8x16_avgr(a, b));
    vector(wasm_i8x16_add_sat(a, b)); vector(wasm_u8x16_sub_sat(a, b)); vector(wasm_i16x8_add_sat(a, b)); vector(wasm_u16x8_sub_sat(a, b));
    vector(wasm_i16x8_q15mulr_sat(a, b)); vector(wasm_i16x8_mul(a, b)); vector(wasm_i32x4_mul(a, b)); vector(wasm_i64x2_mul(a, b));
    vector(wasm_i32x4_dot_i16x8(a, b)); vector(wasm_i16x8_extmul_low_i8x16(a, b)); vector(wasm_u32x4_extmul_high_u16x8(a, b)); vector(wasm_i64x2_extmul_low_i32x4(a, b));
    vector(wasm_i16x8_extadd_pairwise_i8x16(a)); vector(wasm_u32x4_extadd_pairwise_u16x8(a)); vector(wasm_i8x16_narrow_i16x8(a, b)); vector(wasm_u16x8_narrow_i32x4(a, b));
    vector(wasm_i8x16_shl(a, n)); vector(wasm_i16x8_shr(a, n)); vector(wasm_u32x4_shr(a, n)); vector(wasm_i64x2_shr(a, n));
    vector(wasm_i8x16_abs(a)); vector(wasm_i64x2_neg(a)); vector(wasm_i8x16_min(a, b)); vector(wasm_u16x8_max(a, b)); vector(wasm_i64x2_gt(a, b)); vector(wasm_u32x4_le(a, b));
    u32((uint32_t)wasm_i8x16_bitmask(a)); u32((uint32_t)wasm_i64x2_bitmask(a)); u32(wasm_i16x8_all_true(a)); u32(wasm_v128_any_true(a));
    vector(wasm_i16x8_extend_high_i8x16(a)); vector(wasm_u64x2_extend_low_u32x4(a)); vector(wasm_i8x16_shuffle(a, b, 0, 31, 2, 29, 4, 27, 6, 25, 8, 23, 10, 21, 12, 19, 14, 17));
  }
  end("vectors");
  begin();
  for (int i = 0; i < rounds; i++) {
    v128_t a = any_f32x4(), b = any_f32x4(), c = any_f64x2(), d = any_f64x2();
    vector_f32(wasm_f32x4_add(a, b)); vector_f32(wasm_f32x4_sub(a, b)); vector_f32(wasm_f32x4_mul(a, b)); vector_f32(wasm_f32x4_div(a, b)); vector_f32(wasm_f32x4_sqrt(a));
    vector_f32(wasm_f32x4_min(a, b)); vector_f32(wasm_f32x4_max(a, b)); vector(wasm_f32x4_pmin(a, b)); vector(wasm_f32x4_pmax(a, b));
    vector_f32(wasm_f32x4_ceil(a)); vector_f32(wasm_f32x4_nearest(a)); vector(wasm_f32x4_neg(a)); vector(wasm_f32x4_lt(a, b));
    vector(wasm_i32x4_trunc_sat_f32x4(a)); vector(wasm_u32x4_trunc_sat_f32x4(a)); vector_f32(wasm_f32x4_convert_i32x4(b)); vector_f32(wasm_f32x4_convert_u32x4(b));
    vector_f64(wasm_f64x2_add(c, d)); vector_f64(wasm_f64x2_sub(c, d)); vector_f64(wasm_f64x2_mul(c, d)); vector_f64(wasm_f64x2_div(c, d)); vector_f64(wasm_f64x2_sqrt(c));
    vector_f64(wasm_f64x2_min(c, d)); vector_f64(wasm_f64x2_max(c, d)); vector(wasm_f64x2_pmin(c, d)); vector(wasm_f64x2_abs(c)); vector_f64(wasm_f64x2_floor(c)); vector_f64(wasm_f64x2_trunc(c));
    vector(wasm_i32x4_trunc_sat_f64x2_zero(c)); vector(wasm_u32x4_trunc_sat_f64x2_zero(c)); vector_f32(wasm_f32x4_demote_f64x2_zero(c)); vector_f64(wasm_f64x2_promote_low_f32x4(a));
    vector_f64(wasm_f64x2_convert_low_i32x4(a)); vector_f64(wasm_f64x2_convert_low_u32x4(b));
  }
  end("vector-float");
}

#ifdef __wasm_relaxed_simd__
static void relaxed(int rounds) {
  begin();
  for (int i = 0; i < rounds; i++) {
    v128_t a = any_f32x4(), b = any_f32x4(), c = any_f32x4(), d = any_f64x2(), e = any_f64x2(), f = any_f64x2(), g = any_v128(), h = any_v128();
    vector_f32(wasm_f32x4_relaxed_madd(a, b, c)); vector_f32(wasm_f32x4_relaxed_nmadd(a, b, c)); vector_f64(wasm_f64x2_relaxed_madd(d, e, f)); vector_f64(wasm_f64x2_relaxed_nmadd(d, e, f));
    vector_f32(wasm_f32x4_relaxed_min(a, b)); vector_f32(wasm_f32x4_relaxed_max(a, b)); vector_f64(wasm_f64x2_relaxed_min(d, e)); vector_f64(wasm_f64x2_relaxed_max(d, e));
    vector(wasm_i8x16_relaxed_swizzle(g, h)); vector(wasm_i8x16_relaxed_laneselect(g, h, a)); vector(wasm_i32x4_relaxed_laneselect(g, h, a));
    vector(wasm_i32x4_relaxed_trunc_f32x4(a)); vector(wasm_u32x4_relaxed_trunc_f32x4(a)); vector(wasm_i32x4_relaxed_trunc_f64x2_zero(d)); vector(wasm_u32x4_relaxed_trunc_f64x2_zero(d));
    vector(wasm_i16x8_relaxed_q15mulr(g, h)); vector(wasm_i16x8_relaxed_dot_i8x16_i7x16(g, h)); vector(wasm_i32x4_relaxed_dot_i8x16_i7x16_add(g, h, a));
  }
  end("relaxed");
}
#endif

int main(int count, char **arguments) {
  if (count != 3) return 2;
  state = strtoull(arguments[1], 0, 10) * 0x9e3779b97f4a7c15 + 1;
  int rounds = atoi(arguments[2]);
  integers(rounds);
  scalars(rounds);
  library(rounds / 16 + 1);
  vectors(rounds);
#ifdef __wasm_relaxed_simd__
  relaxed(rounds);
#endif
  return 0;
}
