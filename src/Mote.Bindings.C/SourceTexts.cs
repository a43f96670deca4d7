// The parts of the source that are the same for every world; NAME stands for the world's.
namespace Mote.Bindings.C;

internal static class SourceTexts
{
    public const string Strings = """

        // ---- strings ----

        // Not strlen: there may be no libc, and the compiler must not make a call of it out of the loop.
        __attribute__((no_builtin("strlen"))) static size_t mote_length(const char *text) {
            size_t len = 0;
            while (text[len] != 0) len++;
            return len;
        }

        void NAME_string_set(NAME_string_t *ret, const char *text) {
            ret->ptr = (uint8_t *)text;
            ret->len = mote_length(text);
        }

        void NAME_string_dup_n(NAME_string_t *ret, const char *text, size_t len) {
            ret->ptr = len == 0 ? NULL : mote_malloc(len);
            ret->len = len;
            if (len == 0) return;
            if (ret->ptr == NULL) __builtin_trap();
            __builtin_memcpy(ret->ptr, text, len);
        }

        void NAME_string_dup(NAME_string_t *ret, const char *text) { NAME_string_dup_n(ret, text, mote_length(text)); }

        void NAME_string_free(NAME_string_t *value) {
            mote_give(value->ptr);
            value->ptr = NULL;
            value->len = 0;
        }

        """;

    /// <summary>Helpers by a name that their users mention.</summary>
    public static readonly (string Name, string Text)[] Helpers =
    [
        ("mote_f32_bits", """

        static int32_t mote_f32_bits(float value) {
            int32_t bits;
            __builtin_memcpy(&bits, &value, sizeof bits);
            return bits;
        }

        """),
        ("mote_f64_bits", """

        static int64_t mote_f64_bits(double value) {
            int64_t bits;
            __builtin_memcpy(&bits, &value, sizeof bits);
            return bits;
        }

        """),
        ("mote_f32_of", """

        static float mote_f32_of(int32_t bits) {
            float value;
            __builtin_memcpy(&value, &bits, sizeof value);
            return value;
        }

        """),
        ("mote_f64_of", """

        static double mote_f64_of(int64_t bits) {
            double value;
            __builtin_memcpy(&value, &bits, sizeof value);
            return value;
        }

        """),
        ("mote_lent_t", """

        // ---- borrowed handles inside parameters: given back when the author's function returns ----

        typedef struct { struct { int32_t handle; void (*drop)(int32_t); } *items; size_t len, room; } mote_lent_t;

        static void mote_collect(mote_lent_t *lent, int32_t handle, void (*drop)(int32_t)) {
            if (lent->len == lent->room) {
                lent->room = lent->room == 0 ? 8 : lent->room * 2;
                lent->items = mote_realloc(lent->items, lent->room * sizeof *lent->items);
                if (lent->items == NULL) __builtin_trap();
            }
            lent->items[lent->len].handle = handle;
            lent->items[lent->len++].drop = drop;
        }

        static void mote_give_back(mote_lent_t *lent) {
            for (size_t i = 0; i < lent->len; i++) lent->items[i].drop(lent->items[i].handle);
            mote_give(lent->items);
        }

        """),
    ];
}
