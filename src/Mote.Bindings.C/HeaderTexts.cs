// The parts of the header that are the same for every world; NAME stands for the world's.
namespace Mote.Bindings.C;

internal static class HeaderTexts
{
    public const string Conventions = """
        //
        // Names: what is imported begins with ns_pkg_interface_, what is exported with exports_ns_pkg_interface_, and what
        // belongs to no interface with NAME_ or exports_NAME_. A resource's functions have its name before theirs, and
        // its constructor is called new. A version is in a name only where the world has two versions of a package. A
        // name that is taken, or a word of C or C++, gets an underscore at its end.
        //
        // Types: string and list {ptr, len}; record with its fields; tuple {f0, f1, ...}; option {is_some, val}; result {is_err,
        // val.ok, val.err}; variant {tag, val.case}; enum and flags a number with constants; map a list of {key, value}; list
        // of a fixed length {items}; char uint32_t. Handles are structs, owned or borrowed.
        //
        // Values: parameters and results are passed by value. A function that returns an option returns true and sets *ret,
        // or false. A function that returns a result returns true for success and sets *ret, or false and sets *err.
        //
        // Who owns what:
        // - What you pass to an import stays yours, except own handles: they are gone.
        // - What an import gives you is yours: free it with NAME_string_free and the other ..._free functions. ret and err
        //   of an import may be NULL; then what would go there is freed.
        // - What is passed to your export is yours, too: free it. Borrowed handles in it are valid until you return, and
        //   are given back for you.
        // - What your export gives back is freed for you after the caller has read it. It lies in memory of mote_malloc
        //   (NAME_string_dup and the imports' results do); freeing ignores what lies outside the heap, so that literals
        //   and static data may be given back as well.
        // - Freeing a value also drops the own handles in it, and leaves empty strings and lists behind.
        //
        // Compile the source beside this file with clang for wasm32, with -mbulk-memory. Without a libc it brings its own
        // allocator; with wasi-libc (or -DMOTE_LIBC_ALLOC) it uses malloc, unless -DMOTE_FREESTANDING_ALLOC says otherwise.

        """;

    public const string Prelude = """
        #include <stdbool.h>
        #include <stddef.h>
        #include <stdint.h>

        #ifdef __cplusplus
        extern "C" {
        #endif

        /** Text in UTF-8, without a zero at its end. */
        typedef struct { uint8_t *ptr; size_t len; } NAME_string_t;

        /** Points at a text that outlives the value: a literal, above all. Nothing is copied. */
        void NAME_string_set(NAME_string_t *ret, const char *text);
        /** The same as an expression: f(NAME_string("text")). */
        static inline NAME_string_t NAME_string(const char *text) { NAME_string_t ret; NAME_string_set(&ret, text); return ret; }
        /** A copy of a text, to be freed. */
        void NAME_string_dup(NAME_string_t *ret, const char *text);
        /** A copy of so many bytes, to be freed. */
        void NAME_string_dup_n(NAME_string_t *ret, const char *text, size_t len);
        void NAME_string_free(NAME_string_t *value);

        /** The allocator that all of this uses; aligned to 16 bytes. A definition of your own of these three replaces it. */
        void *mote_malloc(size_t size);
        void *mote_realloc(void *ptr, size_t size);
        void mote_free(void *ptr);


        """;
}
