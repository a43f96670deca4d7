;; A component cannot be entered while it runs, neither by itself nor by one that it is inside of.
(component definition $Reenter
  (component $child
    (import "f" (func $f))
    (core func $f (canon lower (func $f)))
    (core module $m (import "" "f" (func $f)) (func (export "g") (call $f)))
    (core instance $i (instantiate $m (with "" (instance (export "f" (func $f))))))
    (func (export "g") (canon lift (core func $i "g"))))
  (core module $shim
    (table (export "table") 1 funcref)
    (type $f (func))
    (func (export "call-table") (call_indirect (type $f) (i32.const 0)))
    (func (export "nothing")))
  (core instance $shim (instantiate $shim))
  (func $nothing (canon lift (core func $shim "nothing")))
  ;; the child calls back into the outer component, which runs
  (instance $child (instantiate $child (with "f" (func $nothing))))
  (core func $g (canon lower (func $child "g")))
  (core module $fill (import "" "g" (func $g)) (import "" "table" (table 1 funcref)) (elem (i32.const 0) $g))
  (core instance (instantiate $fill (with "" (instance (export "g" (func $g)) (export "table" (table $shim "table"))))))
  (func (export "through-child") (canon lift (core func $shim "call-table")))
  (func (export "nothing") (canon lift (core func $shim "nothing"))))
(component instance $a $Reenter)
(assert_return (invoke $a "nothing"))
(assert_trap (invoke $a "through-child") "cannot enter component instance")
(assert_trap (invoke $a "nothing") "cannot enter component instance")

;; a start function may not be entered either: its instance is not there yet
(component
  (import "host-return-two" (func $two (result u32)))
  (core func $two (canon lower (func $two)))
  (core module $m
    (import "" "two" (func $two (result i32)))
    (global $g (mut i32) (i32.const 0))
    (func $start (global.set $g (call $two)))
    (start $start)
    (func (export "g") (result i32) (global.get $g)))
  (core instance $i (instantiate $m (with "" (instance (export "two" (func $two))))))
  (func (export "g") (result u32) (canon lift (core func $i "g"))))
(assert_return (invoke "g") (u32.const 2))
