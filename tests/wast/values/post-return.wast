;; Post-return gets what the core function returned, after the host has read the result; it may call nothing.
(component
  (core module $m
    (memory (export "memory") 1)
    (global $freed (mut i32) (i32.const 0))
    (func (export "make") (result i32)
      (i32.store (i32.const 32) (i32.const 100)) (i32.store (i32.const 36) (i32.const 2))
      (i32.store8 (i32.const 100) (i32.const 0x6f)) (i32.store8 (i32.const 101) (i32.const 0x6b))
      (i32.const 32))
    (func (export "free") (param i32)
      (global.set $freed (i32.add (global.get $freed) (local.get 0)))
      ;; what it frees is overwritten: the host must have read it
      (i32.store (i32.const 32) (i32.const -1)))
    (func (export "freed") (result i32) (global.get $freed))
    (func (export "nothing"))
    (func (export "count") (global.set $freed (i32.add (global.get $freed) (i32.const 1)))))
  (core instance $i (instantiate $m))
  (func (export "make") (result string) (canon lift (core func $i "make") (memory (core memory $i "memory")) (post-return (core func $i "free"))))
  (func (export "nothing") (canon lift (core func $i "nothing") (post-return (core func $i "count"))))
  (func (export "freed") (result u32) (canon lift (core func $i "freed"))))
(assert_return (invoke "make") (str.const "ok"))
(assert_return (invoke "freed") (u32.const 32))
(assert_return (invoke "make") (str.const "ok"))
(assert_return (invoke "freed") (u32.const 64))
(assert_return (invoke "nothing"))
(assert_return (invoke "freed") (u32.const 65))

;; leaving from inside post-return traps
(component
  (import "host-return-two" (func $two (result u32)))
  (core func $two (canon lower (func $two)))
  (core module $m
    (import "" "two" (func $two (result i32)))
    (func (export "f"))
    (func (export "after") (drop (call $two))))
  (core instance $i (instantiate $m (with "" (instance (export "two" (func $two))))))
  (func (export "f") (canon lift (core func $i "f") (post-return (core func $i "after")))))
(assert_trap (invoke "f") "cannot leave component instance")

;; a trap in post-return ends the instance
(component
  (core module $m (func (export "f")) (func (export "after") unreachable))
  (core instance $i (instantiate $m))
  (func (export "f") (canon lift (core func $i "f") (post-return (core func $i "after")))))
(assert_trap (invoke "f") "unreachable")
(assert_trap (invoke "f") "cannot enter component instance")

(assert_invalid
  (component
    (core module $m (func (export "f") (result i32) (i32.const 0)) (func (export "after") (param i64)))
    (core instance $i (instantiate $m))
    (func (export "f") (result u32) (canon lift (core func $i "f") (post-return (core func $i "after")))))
  "canonical option `post-return` uses a core function with an incorrect signature")
