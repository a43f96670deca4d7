;; A plain name may say which interface stands behind it; the same interface may come in under several names.
(component definition
  (import "first" (implements "ns:pkg/store@1.0.0") (instance))
  (import "second" (implements "ns:pkg/store@1.0.0") (instance))
  (import "ns:pkg/store@1.0.0" (instance)))
(component
  (component $inner
    (import "a" (implements "ns:pkg/two") (instance $a (export "f" (func (result u32)))))
    (export "f" (func $a "f")))
  (core module $m (func (export "f") (result i32) (i32.const 2)))
  (core instance $i (instantiate $m))
  (func $f (result u32) (canon lift (core func $i "f")))
  (instance $two (export "f" (func $f)))
  (instance $inner (instantiate $inner (with "a" (instance $two))))
  (export "f" (func $inner "f")))
(assert_return (invoke "f") (u32.const 2))
(assert_invalid (component (import "a" (implements "ns:pkg/i") (func))) "only instances can have an `implements`")
(assert_invalid (component (import "a" (implements "plain") (instance))) "name `plain` must be an interface")
(assert_invalid (component (import "ns:pkg/j" (implements "ns:pkg/i") (instance))) "name `ns:pkg/j` is not valid with `implements`")
