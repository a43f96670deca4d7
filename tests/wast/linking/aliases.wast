;; Aliases reach exports, core exports and, through any number of components, what stands outside.
(component
  (type $outside (record (field "x" u32)))
  (core module $shared (func (export "seven") (result i32) (i32.const 7)))
  (component $named
    (core module $m (func (export "f") (result i32) (i32.const 3)))
    (core instance $i (instantiate $m))
    (func (export "three") (result u32) (canon lift (core func $i "f"))))
  (component $a
    (component $b
      ;; two levels out: a module and a component
      (alias outer 2 $shared (core module $s))
      (alias outer 2 $named (component $n))
      (alias outer 2 $outside (type $t))
      (core instance $i (instantiate $s))
      (instance $n (instantiate $n))
      (func (export "seven") (result u32) (canon lift (core func $i "seven")))
      (export "three" (func $n "three")))
    (instance $b (instantiate $b))
    (export "inner" (instance $b)))
  (instance $a (instantiate $a))
  (alias export $a "inner" (instance $inner))
  (export "seven" (func $inner "seven"))
  (export "three" (func $a "inner" "three")))
(assert_return (invoke "seven") (u32.const 7))
(assert_return (invoke "three") (u32.const 3))

;; memories, tables and globals are aliased from one core instance to the next
(component
  (core module $a
    (memory (export "mem") 1) (data (i32.const 4) "\2a")
    (table (export "tab") 1 funcref) (elem (i32.const 0) $f) (func $f (result i32) (i32.const 5))
    (global (export "glob") i32 (i32.const 11)))
  (core instance $a (instantiate $a))
  (alias core export $a "mem" (core memory $mem))
  (alias core export $a "tab" (core table $tab))
  (alias core export $a "glob" (core global $glob))
  (core module $b
    (import "x" "mem" (memory 1)) (import "x" "tab" (table 1 funcref)) (import "x" "glob" (global i32))
    (type $f (func (result i32)))
    (func (export "sum") (result i32)
      (i32.add (i32.load8_u (i32.const 4)) (i32.add (call_indirect (type $f) (i32.const 0)) (global.get 0)))))
  (core instance $b (instantiate $b (with "x" (instance
    (export "mem" (memory $mem)) (export "tab" (table $tab)) (export "glob" (global $glob))))))
  (func (export "sum") (result u32) (canon lift (core func $b "sum"))))
(assert_return (invoke "sum") (u32.const 58))

(assert_invalid (component (alias outer 1 0 (type))) "invalid outer alias")
(assert_invalid (component (component (alias outer 5 0 (type)))) "invalid outer alias")
(assert_invalid (component (component (alias outer 1 3 (type)))) "index out of bounds")
(assert_invalid (component (import "i" (instance $i)) (alias export $i "x" (func))) "has no export named `x`")
(assert_invalid (component (import "i" (instance $i (export "x" (func)))) (alias export $i "x" (instance))) "is not a instance")
(assert_invalid
  (component (core module $m) (core instance $i (instantiate $m)) (alias core export $i "f" (core func)))
  "has no export named `f`")
(assert_invalid
  (component (type $r (resource (rep i32))) (component (alias outer 1 $r (type))))
  "refers to resources not defined in the current component")
