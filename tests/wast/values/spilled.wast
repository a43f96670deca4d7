;; More than 16 core parameters go by a pointer to the callee's memory, more than one core result by one from the callee.
(component
  (core module $m
    (memory (export "memory") 1)
    (global $asked (mut i32) (i32.const 0))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      ;; size times 100 plus alignment
      (global.set $asked (i32.add (i32.mul (local.get 3) (i32.const 100)) (local.get 2)))
      (i32.const 512))
    (func (export "asked") (result i32) (global.get $asked))
    (func (export "sixteen") (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32) (local.get 15))
    (func (export "seventeen") (param i32) (result i32) (i32.load8_u (i32.add (local.get 0) (i32.const 16))))
    (func (export "with-u64") (param i32) (result i64) (i64.load (i32.add (local.get 0) (i32.const 24))))
    (func (export "two") (param i32) (result i32) (i32.store (i32.const 96) (local.get 0)) (i32.store (i32.const 100) (i32.const 7)) (i32.const 96)))
  (core instance $i (instantiate $m))
  (alias core export $i "memory" (core memory $memory))
  (alias core export $i "realloc" (core func $realloc))
  (func (export "asked") (result u32) (canon lift (core func $i "asked")))
  (func (export "sixteen") (param "v" (tuple u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8)) (result u32) (canon lift (core func $i "sixteen")))
  (func (export "seventeen")
    (param "v" (tuple u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8)) (param "w" u8) (result u32)
    (canon lift (core func $i "seventeen") (memory $memory) (realloc $realloc)))
  (func (export "with-u64")
    (param "v" (tuple u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8)) (param "w" u64) (result u64)
    (canon lift (core func $i "with-u64") (memory $memory) (realloc $realloc)))
  (func (export "two") (param "v" u32) (result (tuple u32 u32)) (canon lift (core func $i "two") (memory $memory))))
(assert_return (invoke "sixteen" (tuple.const (u8.const 0) (u8.const 1) (u8.const 2) (u8.const 3) (u8.const 4) (u8.const 5) (u8.const 6) (u8.const 7) (u8.const 8) (u8.const 9) (u8.const 10) (u8.const 11) (u8.const 12) (u8.const 13) (u8.const 14) (u8.const 15))) (u32.const 15))
(assert_return (invoke "asked") (u32.const 0))
(assert_return (invoke "seventeen" (tuple.const (u8.const 0) (u8.const 1) (u8.const 2) (u8.const 3) (u8.const 4) (u8.const 5) (u8.const 6) (u8.const 7) (u8.const 8) (u8.const 9) (u8.const 10) (u8.const 11) (u8.const 12) (u8.const 13) (u8.const 14) (u8.const 15)) (u8.const 77)) (u32.const 77))
(assert_return (invoke "asked") (u32.const 1701))
(assert_return (invoke "with-u64" (tuple.const (u8.const 0) (u8.const 1) (u8.const 2) (u8.const 3) (u8.const 4) (u8.const 5) (u8.const 6) (u8.const 7) (u8.const 8) (u8.const 9) (u8.const 10) (u8.const 11) (u8.const 12) (u8.const 13) (u8.const 14) (u8.const 15) (u8.const 16)) (u64.const 0xabcdef0123)) (u64.const 0xabcdef0123))
(assert_return (invoke "asked") (u32.const 3208))
(assert_return (invoke "two" (u32.const 5)) (tuple.const (u32.const 5) (u32.const 7)))

;; the core type must be the one that the rules give
(assert_invalid
  (component
    (core module $m (func (export "f") (param i32) (result i32) (local.get 0)))
    (core instance $i (instantiate $m))
    (func (export "f") (param "a" u64) (result u32) (canon lift (core func $i "f"))))
  "lowered parameter types")
(assert_invalid
  (component
    (core module $m (func (export "f") (result i32 i32) (i32.const 0) (i32.const 0)))
    (core instance $i (instantiate $m))
    (func (export "f") (result (tuple u32 u32)) (canon lift (core func $i "f"))))
  "canonical option `memory` is required")
(assert_invalid
  (component
    (core module $m (memory (export "m") 1) (func (export "f") (param i32 i32)))
    (core instance $i (instantiate $m))
    (func (export "f") (param "s" string) (canon lift (core func $i "f") (memory (core memory $i "m")))))
  "canonical option `realloc` is required")
