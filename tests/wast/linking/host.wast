;; Imports of the root: found by name, compared by type.
(component
  (import "host-return-two" (func $two (result u32)))
  (import "host" (instance $host
    (export "return-three" (func (result u32)))
    (export "nested" (instance (export "return-four" (func (result u32)))))))
  (alias export $host "nested" (instance $nested))
  (core func $two (canon lower (func $two)))
  (core func $three (canon lower (func $host "return-three")))
  (core func $four (canon lower (func $nested "return-four")))
  (core module $m
    (type $f (func (result i32)))
    (import "" "two" (func $two (type $f))) (import "" "three" (func $three (type $f))) (import "" "four" (func $four (type $f)))
    (func (export "sum") (type $f) (i32.add (call $two) (i32.add (call $three) (call $four)))))
  (core instance $i (instantiate $m (with "" (instance (export "two" (func $two)) (export "three" (func $three)) (export "four" (func $four))))))
  (func (export "sum") (result u32) (canon lift (core func $i "sum"))))
(assert_return (invoke "sum") (u32.const 9))

;; a core module of the host
(component
  (import "host" (instance $host (export "simple-module" (core module (export "g" (global i32)) (export "f" (func (result i32)))))))
  (alias export $host "simple-module" (core module $m))
  (core instance $i (instantiate $m))
  (func (export "f") (result u32) (canon lift (core func $i "f"))))
(assert_return (invoke "f") (u32.const 101))

(assert_unlinkable (component (import "no-such-thing" (func))) "no-such-thing")
(assert_unlinkable (component (import "host" (instance (export "no-such-thing" (func))))) "no-such-thing")
(assert_unlinkable (component (import "host-return-two" (func (result u64)))) "host-return-two")
(assert_unlinkable (component (import "host-return-two" (func (param "x" u32) (result u32)))) "host-return-two")
(assert_unlinkable (component (import "host-return-two" (instance))) "host-return-two")
(assert_unlinkable (component (import "host" (func))) "host")
(assert_unlinkable
  (component (import "host" (instance (export "simple-module" (core module (export "f" (func (param i32))))))))
  "simple-module")
