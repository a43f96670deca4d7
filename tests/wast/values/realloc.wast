;; What realloc returns is checked; inside it the instance may call nothing.
(component definition $Realloc
  (core module $m
    (memory (export "memory") 1)
    (global $answer (mut i32) (i32.const 64))
    (func (export "set") (param i32) (global.set $answer (local.get 0)))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (if (i32.eq (global.get $answer) (i32.const -1)) (then unreachable))
      (global.get $answer))
    (func (export "length") (param i32 i32) (result i32) (local.get 1)))
  (core instance $i (instantiate $m))
  (func (export "set") (param "v" u32) (canon lift (core func $i "set")))
  (func (export "length") (param "v" (list u32)) (result u32)
    (canon lift (core func $i "length") (memory (core memory $i "memory")) (realloc (core func $i "realloc")))))
(component instance $a $Realloc)
(assert_return (invoke $a "length" (list.const (u32.const 1) (u32.const 2))) (u32.const 2))
(invoke $a "set" (u32.const 66))
(assert_trap (invoke $a "length" (list.const (u32.const 1))) "realloc return: result not aligned")
(component instance $a $Realloc)
(invoke $a "set" (u32.const 65536))
(assert_return (invoke $a "length" (list.const)) (u32.const 0))
(assert_trap (invoke $a "length" (list.const (u32.const 1))) "realloc return: beyond end of memory")
(component instance $a $Realloc)
(invoke $a "set" (u32.const 0xfffffffc))
(assert_trap (invoke $a "length" (list.const (u32.const 1) (u32.const 2))) "realloc return: beyond end of memory")
(component instance $a $Realloc)
(invoke $a "set" (u32.const -1))
(assert_trap (invoke $a "length" (list.const (u32.const 1))) "unreachable")
(assert_trap (invoke $a "set" (u32.const 64)) "cannot enter component instance")

(component
  (import "host-return-two" (func $two (result u32)))
  (core func $two (canon lower (func $two)))
  (core module $m
    (import "" "two" (func $two (result i32)))
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (call $two))
    (func (export "length") (param i32 i32) (result i32) (local.get 1)))
  (core instance $i (instantiate $m (with "" (instance (export "two" (func $two))))))
  (func (export "length") (param "v" (list u8)) (result u32)
    (canon lift (core func $i "length") (memory (core memory $i "memory")) (realloc (core func $i "realloc")))))
(assert_trap (invoke "length" (list.const (u8.const 1))) "cannot leave component instance")

;; a realloc that grows memory moves it on some engines: what is written afterwards must go to the new place
(component
  (core module $m
    (memory (export "memory") 1)
    (global $next (mut i32) (i32.const 65536))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (local $at i32)
      (local.set $at (global.get $next))
      (if (i32.eq (memory.grow (i32.const 1)) (i32.const -1)) (then unreachable))
      (global.set $next (i32.add (local.get $at) (i32.const 65536)))
      (local.get $at))
    (func (export "echo") (param i32 i32) (result i32)
      (i32.store (i32.const 8) (local.get 0)) (i32.store (i32.const 12) (local.get 1)) (i32.const 8)))
  (core instance $i (instantiate $m))
  (func (export "echo") (param "v" (list string)) (result (list string))
    (canon lift (core func $i "echo") (memory (core memory $i "memory")) (realloc (core func $i "realloc")))))
(assert_return (invoke "echo" (list.const (str.const "one") (str.const "") (str.const "three"))) (list.const (str.const "one") (str.const "") (str.const "three")))

(assert_invalid
  (component
    (core module $m (memory (export "m") 1) (func (export "r") (param i32 i32) (result i32) unreachable) (func (export "f") (param i32 i32)))
    (core instance $i (instantiate $m))
    (func (export "f") (param "s" string) (canon lift (core func $i "f") (memory (core memory $i "m")) (realloc (core func $i "r")))))
  "canonical option `realloc` uses a core function with an incorrect signature")
