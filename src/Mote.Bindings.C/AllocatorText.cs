// The memory part of the source: which allocator, the one we bring, and what the host allocates with.
namespace Mote.Bindings.C;

internal static class AllocatorText
{
    public const string Text = """
        // ---- memory ----
        //
        // These are weak: a definition elsewhere replaces them, and two worlds' glue in one program share one set.

        #if defined(MOTE_LIBC_ALLOC) || (defined(__wasi__) && !defined(MOTE_FREESTANDING_ALLOC))

        void *malloc(size_t);
        void *realloc(void *, size_t);
        void free(void *);

        __attribute__((weak)) void *mote_malloc(size_t size) { return malloc(size); }
        __attribute__((weak)) void *mote_realloc(void *ptr, size_t size) { return realloc(ptr, size); }
        __attribute__((weak)) void mote_free(void *ptr) { free(ptr); }

        extern unsigned char __heap_base;

        #else

        // Blocks lie one after the other. Each says how long it is and how long the one before is, so that a freed block
        // finds both neighbours and becomes one with them if they are free. Free blocks hang in lists by powers of two. A
        // block begins 8 before a multiple of 16, so that what follows its head of 8 bytes is aligned to 16.
        typedef struct mote_block {
            uint32_t before;                    // size of the block before; 0 for none
            uint32_t size;                      // in bytes with the head, a multiple of 16; bit 0: in use
            struct mote_block *next, *previous; // of a free block: its list
        } mote_block_t;

        extern unsigned char __heap_base, __heap_end;

        static mote_block_t *mote_bins[28];
        static uint32_t mote_filled; // a bit for each list that is not empty
        static uintptr_t mote_end;   // end of the memory that is ours; 0 before the first use

        static mote_block_t *mote_at(mote_block_t *block, uint32_t offset) { return (mote_block_t *)((uintptr_t)block + offset); }

        static unsigned mote_bin(uint32_t size) { return 27 - (unsigned)__builtin_clz(size); }

        static void mote_unlink(mote_block_t *block) {
            unsigned bin = mote_bin(block->size);
            if (block->next) block->next->previous = block->previous;
            if (block->previous) block->previous->next = block->next;
            else if ((mote_bins[bin] = block->next) == NULL) mote_filled &= ~(1u << bin);
        }

        // Takes back a block that is in no list, as one with its free neighbours.
        static void mote_insert(mote_block_t *block) {
            block->size &= ~1u;
            mote_block_t *after = mote_at(block, block->size);
            if ((after->size & 1) == 0) {
                mote_unlink(after);
                block->size += after->size;
            }
            if (block->before != 0) {
                mote_block_t *before = (mote_block_t *)((uintptr_t)block - block->before);
                if ((before->size & 1) == 0) {
                    mote_unlink(before);
                    before->size += block->size;
                    block = before;
                }
            }
            mote_at(block, block->size)->before = block->size;
            unsigned bin = mote_bin(block->size);
            block->previous = NULL;
            block->next = mote_bins[bin];
            if (block->next) block->next->previous = block;
            mote_bins[bin] = block;
            mote_filled |= 1u << bin;
        }

        // Cuts off and takes back what a block in use has beyond `size`.
        static void mote_trim(mote_block_t *block, uint32_t size) {
            uint32_t rest = (block->size & ~1u) - size;
            if (rest == 0) return;
            block->size = size | 1;
            mote_block_t *cut = mote_at(block, size);
            cut->before = size;
            cut->size = rest | 1;
            mote_at(cut, rest)->before = rest;
            mote_insert(cut);
        }

        // Memory from `start` to `end`; its last 8 bytes become a block in use without a size, where neighbours end.
        static void mote_region(uintptr_t start, uintptr_t end) {
            mote_block_t *block;
            if (start == mote_end && start != 0) {
                block = (mote_block_t *)(start - 8); // the old end
            } else {
                block = (mote_block_t *)(((start + 23) & ~(uintptr_t)15) - 8);
                block->before = 0;
            }
            block->size = (uint32_t)(end - 8 - (uintptr_t)block) | 1;
            mote_block_t *last = (mote_block_t *)(end - 8);
            last->before = block->size & ~1u;
            last->size = 1;
            mote_end = end;
            mote_insert(block);
        }

        static bool mote_grow(uint32_t size) {
            size_t pages = ((size_t)size + 32 + 65535) / 65536;
            // Never the very last page: the end of memory would be address 0.
            if (__builtin_wasm_memory_size(0) + pages > 65535) return false;
            size_t old = __builtin_wasm_memory_grow(0, pages);
            if (old == (size_t)-1) return false;
            mote_region(old * 65536, (old + pages) * 65536);
            return true;
        }

        static mote_block_t *mote_find(uint32_t size) {
            unsigned bin = mote_bin(size);
            uint32_t larger = mote_filled & ~((2u << bin) - 1);
            // The first few of its own list; any of a larger one fits; memory grows only when nothing does.
            unsigned tries = larger == 0 ? ~0u : 8;
            for (mote_block_t *b = mote_bins[bin]; b && tries > 0; b = b->next, tries--) {
                if (b->size >= size) return b;
            }
            return larger == 0 ? NULL : mote_bins[__builtin_ctz(larger)];
        }

        __attribute__((weak)) void *mote_malloc(size_t size) {
            if (size > 0x7fffffc0) return NULL;
            uint32_t need = ((uint32_t)size + 8 + 15) & ~15u;
            if (mote_end == 0) {
                uintptr_t start = (uintptr_t)&__heap_base, end = (uintptr_t)&__heap_end;
                if (end - start >= 64) mote_region(start, end);
            }
            mote_block_t *block = mote_find(need);
            if (block == NULL) {
                if (!mote_grow(need)) return NULL;
                block = mote_find(need);
            }
            mote_unlink(block);
            block->size |= 1;
            mote_trim(block, need);
            return (void *)((uintptr_t)block + 8);
        }

        __attribute__((weak)) void mote_free(void *ptr) {
            if (ptr == NULL) return;
            mote_block_t *block = (mote_block_t *)((uintptr_t)ptr - 8);
            if ((block->size & 1) == 0) __builtin_trap(); // freed before
            mote_insert(block);
        }

        __attribute__((weak)) void *mote_realloc(void *ptr, size_t size) {
            if (ptr == NULL) return mote_malloc(size);
            if (size > 0x7fffffc0) return NULL;
            mote_block_t *block = (mote_block_t *)((uintptr_t)ptr - 8);
            uint32_t need = ((uint32_t)size + 8 + 15) & ~15u, has = block->size & ~1u;
            mote_block_t *after = mote_at(block, has);
            if (need > has && (after->size & 1) == 0 && has + after->size >= need) {
                mote_unlink(after);
                has += after->size;
                block->size = has | 1;
                mote_at(block, has)->before = has;
            }
            if (need <= has) {
                mote_trim(block, need);
                return ptr;
            }
            void *moved = mote_malloc(size);
            if (moved == NULL) return NULL;
            __builtin_memcpy(moved, ptr, has - 8);
            mote_free(ptr);
            return moved;
        }

        #endif

        // Frees what may be free to be freed: literals, static data and the stack lie below the heap.
        static void mote_give(void *ptr) {
            if ((uintptr_t)ptr >= (uintptr_t)&__heap_base) mote_free(ptr);
        }

        // What the caller of this component allocates arguments and results with.
        __attribute__((weak, export_name("cabi_realloc")))
        void *cabi_realloc(void *ptr, size_t old_size, size_t align, size_t new_size) {
            if (new_size == 0) return (void *)align; // nothing to point at
            void *result = mote_realloc(old_size == 0 ? NULL : ptr, new_size);
            if (result == NULL) __builtin_trap();
            return result;
        }

        """;
}
