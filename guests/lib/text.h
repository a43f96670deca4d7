// What guests in freestanding C need of text: JSON as far as messages need it, and text put together in a fixed buffer.
// A header, for one file of a guest; nothing here allocates, and every read is checked against the end.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// What a libc would have.
static inline size_t length(const char *s) { size_t n = 0; while (s[n]) n++; return n; }

static inline bool equal(const void *a, const void *b, size_t n) {
    const uint8_t *x = a, *y = b;
    for (size_t i = 0; i < n; i++) if (x[i] != y[i]) return false;
    return true;
}

typedef struct { const uint8_t *ptr; size_t len; } text_t;

static inline bool is(text_t t, const char *s) { return t.len == length(s) && equal(t.ptr, s, t.len); }

// Whether t begins with the prefix, in any case of its letters.
static inline bool starts_with(text_t t, const char *prefix) {
    if (t.len < length(prefix)) return false;
    for (size_t i = 0; prefix[i]; i++) if ((t.ptr[i] | 0x20) != (uint8_t)(prefix[i] | 0x20)) return false;
    return true;
}

// ---- writing ----

#ifndef OUT_BYTES
#define OUT_BYTES 2048 // or as a guest says before it includes this
#endif

// Text in a fixed buffer; what does not fit is left out.
typedef struct { char bytes[OUT_BYTES]; size_t len; } out_t;

static inline void put_n(out_t *o, const void *s, size_t n) {
    for (size_t i = 0; i < n && o->len < sizeof o->bytes; i++) o->bytes[o->len++] = ((const char *)s)[i];
}
static inline void put(out_t *o, const char *s) { put_n(o, s, length(s)); }

static inline void put_u64(out_t *o, uint64_t n) {
    char digits[20];
    int at = 20;
    do digits[--at] = (char)('0' + n % 10); while (n /= 10);
    put_n(o, digits + at, 20 - at);
}

// With four decimals, which is what a person reads; what JSON has no number for is null.
static inline void put_number(out_t *o, double d) {
    if (!(d > -1e15 && d < 1e15)) { put(o, "null"); return; }
    if (d < 0) { put(o, "-"); d = -d; }
    uint64_t n = (uint64_t)(d * 10000 + 0.5);
    put_u64(o, n / 10000);
    char decimals[5] = { '.', (char)('0' + n / 1000 % 10), (char)('0' + n / 100 % 10), (char)('0' + n / 10 % 10), (char)('0' + n % 10) };
    put_n(o, decimals, 5);
}

// A JSON string of plain bytes; topics may have quotes in them.
static inline void put_string(out_t *o, const void *s, size_t n) {
    put(o, "\"");
    for (size_t i = 0; i < n; i++) {
        uint8_t c = ((const uint8_t *)s)[i];
        if (c == '"' || c == '\\') put(o, "\\");
        if (c < 0x20) put(o, " ");
        else put_n(o, &c, 1);
    }
    put(o, "\"");
}

// ---- reading ----

typedef struct { const uint8_t *at, *end; } json_t;

static inline void space(json_t *j) { while (j->at < j->end && (*j->at == ' ' || *j->at == '\t' || *j->at == '\n' || *j->at == '\r')) j->at++; }
static inline bool take(json_t *j, char c) { space(j); if (j->at < j->end && *j->at == c) { j->at++; return true; } return false; }
static inline bool at_end(json_t *j) { space(j); return j->at == j->end; }

// A string's bytes between its quotes, escapes as they stand.
static inline bool string(json_t *j, text_t *ret) {
    if (!take(j, '"')) return false;
    ret->ptr = j->at;
    for (; j->at < j->end && *j->at != '"'; j->at++) if (*j->at == '\\') { if (++j->at == j->end) return false; }
    if (j->at == j->end) return false;
    ret->len = j->at++ - ret->ptr;
    return true;
}

static inline double power_of_ten(int e) {
    double p = 1, base = 10;
    for (int n = e < 0 ? -e : e; n; n >>= 1, base *= base) if (n & 1) p *= base;
    return p;
}

// A JSON number; one that is too large for a double is infinite.
static inline bool number(json_t *j, double *ret) {
    space(j);
    bool negative = j->at < j->end && *j->at == '-';
    if (negative) j->at++;
    uint64_t mantissa = 0;
    int exponent = 0, digits = 0;
    bool fraction = false;
    for (; j->at < j->end; j->at++) {
        uint8_t c = *j->at;
        if (c == '.' && !fraction) { fraction = true; continue; }
        if (c < '0' || c > '9') break;
        digits++;
        if (mantissa < 100000000000000000ull) { mantissa = mantissa * 10 + (c - '0'); exponent -= fraction; }
        else exponent += !fraction; // beyond what a double can tell apart
    }
    if (!digits) return false;
    if (j->at < j->end && (*j->at | 0x20) == 'e') {
        j->at++;
        bool down = j->at < j->end && *j->at == '-';
        if (j->at < j->end && (*j->at == '-' || *j->at == '+')) j->at++;
        int e = 0, n = 0;
        for (; j->at < j->end && *j->at >= '0' && *j->at <= '9'; j->at++, n++) if (e < 1000) e = e * 10 + (*j->at - '0');
        if (!n) return false;
        exponent += down ? -e : e;
    }
    double value = (double)mantissa;
    if (mantissa) {
        if (exponent > 400) exponent = 400;
        if (exponent < -400) exponent = -400;
        value = exponent < 0 ? value / power_of_ten(-exponent) : value * power_of_ten(exponent);
    }
    *ret = negative ? -value : value;
    return true;
}

// A JSON number that can be reckoned with; a larger one is refused.
static inline bool bounded_number(json_t *j, double *ret) { return number(j, ret) && *ret > -1e300 && *ret < 1e300; }

// Any value.
static inline bool skip(json_t *j, int depth) {
    text_t ignored;
    space(j);
    if (j->at == j->end || depth > 16) return false;
    char open = (char)*j->at;
    if (open == '"') return string(j, &ignored);
    if (open == '{' || open == '[') {
        char close = open == '{' ? '}' : ']';
        j->at++;
        if (take(j, close)) return true;
        do {
            if (open == '{' && !(string(j, &ignored) && take(j, ':'))) return false;
            if (!skip(j, depth + 1)) return false;
        } while (take(j, ','));
        return take(j, close);
    }
    const uint8_t *start = j->at; // a number, true, false or null
    while (j->at < j->end && *j->at != ',' && *j->at != '}' && *j->at != ']' && *j->at > ' ') j->at++;
    return j->at > start;
}

// Seconds since 1970 of a time as RFC 3339 writes it (2020-03-09T10:14:33.5Z, or with +01:00, or without a zone: UTC).
static inline bool time_of(text_t t, double *ret) {
    static const uint8_t form[] = "0000-00-00T00:00:00";
    if (t.len < 19) return false;
    int part[6] = { 0 }, at = 0;
    for (int i = 0; i < 19; i++) {
        uint8_t c = t.ptr[i];
        if (form[i] == '0') { if (c < '0' || c > '9') return false; part[at] = part[at] * 10 + (c - '0'); }
        else if (c == form[i] || (form[i] == 'T' && (c == ' ' || c == 't'))) at++;
        else return false;
    }
    if (part[1] < 1 || part[1] > 12 || part[2] < 1 || part[2] > 31 || part[3] > 23 || part[4] > 59 || part[5] > 60) return false;
    // Days since 1970 of a day of the Gregorian calendar, its year beginning in March.
    int64_t y = part[0] - (part[1] <= 2), era = y / 400, of_era = y - era * 400;
    int64_t day = (153 * (part[1] + (part[1] > 2 ? -3 : 9)) + 2) / 5 + part[2] - 1;
    int64_t days = era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + day - 719468;
    double seconds = (double)days * 86400 + part[3] * 3600 + part[4] * 60 + part[5], unit = 0.1;
    size_t i = 19;
    if (i < t.len && t.ptr[i] == '.') for (i++; i < t.len && t.ptr[i] >= '0' && t.ptr[i] <= '9'; i++, unit /= 10) seconds += (t.ptr[i] - '0') * unit;
    if (i + 6 == t.len && (t.ptr[i] == '+' || t.ptr[i] == '-')) {
        const uint8_t *z = t.ptr + i + 1;
        double offset = ((z[0] - '0') * 10 + (z[1] - '0')) * 3600 + ((z[3] - '0') * 10 + (z[4] - '0')) * 60;
        seconds += t.ptr[i] == '+' ? -offset : offset;
    }
    *ret = seconds;
    return true;
}
