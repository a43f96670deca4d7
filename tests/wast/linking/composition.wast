;; Component calls component: values are copied from one memory to the other, each side with its own allocator.
(component
  (component $lib
    (core module $m
      (memory (export "memory") 1)
      (global $next (mut i32) (i32.const 1024))
      (func (export "realloc") (param i32 i32 i32 i32) (result i32)
        (local $at i32)
        (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
        (global.set $next (i32.add (local.get $at) (local.get 3)))
        (local.get $at))
      (func (export "echo") (param i32 i32) (result i32)
        (i32.store (i32.const 8) (local.get 0)) (i32.store (i32.const 12) (local.get 1)) (i32.const 8)))
    (core instance $i (instantiate $m))
    (type $item (tuple string (list string) (option u64)))
    (func (export "echo") (param "v" (list $item)) (result (list $item))
      (canon lift (core func $i "echo") (memory (core memory $i "memory")) (realloc (core func $i "realloc")))))
  (component $app
    (import "lib" (instance $lib
      (type $item (tuple string (list string) (option u64)))
      (export "echo" (func (param "v" (list $item)) (result (list $item))))))
    (core module $memory
      (memory (export "memory") 1)
      (global $next (mut i32) (i32.const 32768))
      (func (export "realloc") (param i32 i32 i32 i32) (result i32)
        (local $at i32)
        (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
        (global.set $next (i32.add (local.get $at) (local.get 3)))
        (local.get $at)))
    (core instance $memory (instantiate $memory))
    (alias core export $memory "memory" (core memory $mem))
    (alias core export $memory "realloc" (core func $realloc))
    (core func $echo (canon lower (func $lib "echo") (memory $mem) (realloc $realloc)))
    (core module $m
      (import "" "echo" (func $echo (param i32 i32 i32)))
      (func (export "run") (param i32 i32) (result i32)
        (call $echo (local.get 0) (local.get 1) (i32.const 16)) (i32.const 16)))
    (core instance $i (instantiate $m (with "" (instance (export "echo" (func $echo))))))
    (type $item (tuple string (list string) (option u64)))
    (func (export "run") (param "v" (list $item)) (result (list $item)) (canon lift (core func $i "run") (memory $mem) (realloc $realloc))))
  (instance $l (instantiate $lib))
  (instance $a (instantiate $app (with "lib" (instance $l))))
  (export "run" (func $a "run")))
(assert_return (invoke "run" (list.const)) (list.const))
(assert_return
  (invoke "run" (list.const
    (tuple.const (str.const "a") (list.const) (option.none))
    (tuple.const (str.const "") (list.const (str.const "x") (str.const "\u{e4}\u{1f980}")) (option.some (u64.const 0xffffffffffffffff)))))
  (list.const
    (tuple.const (str.const "a") (list.const) (option.none))
    (tuple.const (str.const "") (list.const (str.const "x") (str.const "\u{e4}\u{1f980}")) (option.some (u64.const 0xffffffffffffffff)))))

;; scalars are cut and checked on the way from guest to guest
(component
  (component $lib
    (core module $m (func (export "id") (param i32) (result i32) (local.get 0)))
    (core instance $i (instantiate $m))
    (func (export "bool") (param "v" bool) (result u32) (canon lift (core func $i "id")))
    (func (export "s8") (param "v" s8) (result u32) (canon lift (core func $i "id")))
    (func (export "u16") (param "v" u16) (result u32) (canon lift (core func $i "id")))
    (func (export "char") (param "v" char) (result u32) (canon lift (core func $i "id"))))
  (component $app
    (import "bool" (func $bool (param "v" bool) (result u32)))
    (import "s8" (func $s8 (param "v" s8) (result u32)))
    (import "u16" (func $u16 (param "v" u16) (result u32)))
    (import "char" (func $char (param "v" char) (result u32)))
    (core func $cbool (canon lower (func $bool)))
    (core func $cs8 (canon lower (func $s8)))
    (core func $cu16 (canon lower (func $u16)))
    (core func $cchar (canon lower (func $char)))
    (core module $m
      (type $f (func (param i32) (result i32)))
      (import "" "bool" (func $bool (type $f))) (import "" "s8" (func $s8 (type $f)))
      (import "" "u16" (func $u16 (type $f))) (import "" "char" (func $char (type $f)))
      (func (export "bool") (type $f) (call $bool (local.get 0)))
      (func (export "s8") (type $f) (call $s8 (local.get 0)))
      (func (export "u16") (type $f) (call $u16 (local.get 0)))
      (func (export "char") (type $f) (call $char (local.get 0))))
    (core instance $i (instantiate $m (with "" (instance (export "bool" (func $cbool)) (export "s8" (func $cs8)) (export "u16" (func $cu16)) (export "char" (func $cchar))))))
    (func (export "bool") (param "v" u32) (result u32) (canon lift (core func $i "bool")))
    (func (export "s8") (param "v" u32) (result u32) (canon lift (core func $i "s8")))
    (func (export "u16") (param "v" u32) (result u32) (canon lift (core func $i "u16")))
    (func (export "char") (param "v" u32) (result u32) (canon lift (core func $i "char"))))
  (instance $l (instantiate $lib))
  (instance $a (instantiate $app (with "bool" (func $l "bool")) (with "s8" (func $l "s8")) (with "u16" (func $l "u16")) (with "char" (func $l "char"))))
  (export "bool" (func $a "bool"))
  (export "s8" (func $a "s8"))
  (export "u16" (func $a "u16"))
  (export "char" (func $a "char")))
(assert_return (invoke "bool" (u32.const 0x700)) (u32.const 1))
(assert_return (invoke "s8" (u32.const 0xff)) (u32.const 0xffffffff))
(assert_return (invoke "s8" (u32.const 0x17f)) (u32.const 0x7f))
(assert_return (invoke "u16" (u32.const 0xabcdef01)) (u32.const 0xef01))
(assert_return (invoke "char" (u32.const 0x1f980)) (u32.const 0x1f980))
(assert_trap (invoke "char" (u32.const 0xdfff)) "invalid `char` bit pattern")

;; four components deep, an export passed on under another name
(component
  (component $one
    (core module $m (func (export "f") (result i32) (i32.const 41)))
    (core instance $i (instantiate $m))
    (func (export "f") (result u32) (canon lift (core func $i "f"))))
  (component $plus
    (import "f" (func $f (result u32)))
    (core func $f (canon lower (func $f)))
    (core module $m (import "" "f" (func $f (result i32))) (func (export "g") (result i32) (i32.add (call $f) (i32.const 1))))
    (core instance $i (instantiate $m (with "" (instance (export "f" (func $f))))))
    (func (export "g") (result u32) (canon lift (core func $i "g"))))
  (instance $a (instantiate $one))
  (instance $b (instantiate $plus (with "f" (func $a "f"))))
  (instance $c (instantiate $plus (with "f" (func $b "g"))))
  (instance $d (instantiate $plus (with "f" (func $c "g"))))
  (export "answer" (func $d "g")))
(assert_return (invoke "answer") (u32.const 44))

;; an import of the root passed down
(component
  (import "host-echo-u32" (func $echo (param "v" u32) (result u32)))
  (component $inner
    (import "e" (func $e (param "v" u32) (result u32)))
    (core func $e (canon lower (func $e)))
    (core module $m (import "" "e" (func $e (param i32) (result i32))) (func (export "f") (param i32) (result i32) (call $e (i32.add (local.get 0) (i32.const 1)))))
    (core instance $i (instantiate $m (with "" (instance (export "e" (func $e))))))
    (func (export "f") (param "v" u32) (result u32) (canon lift (core func $i "f"))))
  (instance $i (instantiate $inner (with "e" (func $echo))))
  (export "f" (func $i "f")))
(assert_return (invoke "f" (u32.const 6)) (u32.const 7))

;; an import lifted straight through: exported as it came in
(component
  (import "host-echo-u32" (func $echo (param "v" u32) (result u32)))
  (component $pass (import "e" (func $e (param "v" u32) (result u32))) (export "e2" (func $e)))
  (instance $i (instantiate $pass (with "e" (func $echo))))
  (core func $c (canon lower (func $i "e2")))
  (core module $m (import "" "e" (func $e (param i32) (result i32))) (func (export "f") (param i32) (result i32) (call $e (local.get 0))))
  (core instance $c (instantiate $m (with "" (instance (export "e" (func $c))))))
  (func (export "f") (param "v" u32) (result u32) (canon lift (core func $c "f"))))
(assert_return (invoke "f" (u32.const 9)) (u32.const 9))
