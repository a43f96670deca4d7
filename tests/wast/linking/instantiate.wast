;; What is given to an import must be a subtype of it.
(component
  (component $c
    (import "i" (instance $i (export "f" (func (result u32)))))
    (export "f" (func $i "f")))
  (component $more
    (core module $m (func (export "f") (result i32) (i32.const 8)))
    (core instance $i (instantiate $m))
    (func (export "f") (result u32) (canon lift (core func $i "f")))
    (func (export "g") (result u32) (canon lift (core func $i "f"))))
  (instance $more (instantiate $more))
  ;; an instance with more exports than asked for
  (instance $c (instantiate $c (with "i" (instance $more))))
  (export "f" (func $c "f")))
(assert_return (invoke "f") (u32.const 8))

(assert_invalid
  (component (component $c (import "f" (func))) (instance (instantiate $c)))
  "missing import named `f`")
(assert_invalid
  (component
    (import "g" (func $g (param "x" u8)))
    (component $c (import "f" (func)))
    (instance (instantiate $c (with "f" (func $g)))))
  "expected 0 parameters, found 1")
(assert_invalid
  (component
    (import "g" (func $g (result u8)))
    (component $c (import "f" (func (result u16))))
    (instance (instantiate $c (with "f" (func $g)))))
  "expected primitive `u16` found primitive `u8`")
(assert_invalid
  (component
    (import "g" (func $g (param "y" u8)))
    (component $c (import "f" (func (param "x" u8))))
    (instance (instantiate $c (with "f" (func $g)))))
  "expected parameter named `x`, found `y`")
(assert_invalid
  (component
    (import "i" (instance $i))
    (component $c (import "i" (instance (export "f" (func)))))
    (instance (instantiate $c (with "i" (instance $i)))))
  "missing expected export `f`")
(assert_invalid
  (component
    (import "g" (func $g))
    (component $c (import "f" (instance)))
    (instance (instantiate $c (with "f" (func $g)))))
  "expected instance, found func")
(assert_invalid
  (component
    (import "g" (func $g))
    (component $c (import "f" (func)))
    (instance (instantiate $c (with "f" (func $g)) (with "f" (func $g)))))
  "conflicts with previous argument `f`")
(assert_invalid
  (component
    (core module $m (import "a" "b" (func)))
    (core instance (instantiate $m)))
  "missing module instantiation argument named `a`")
(assert_invalid
  (component
    (core module $m (import "a" "b" (func)))
    (core module $n (func (export "b") (param i32)))
    (core instance $n (instantiate $n))
    (core instance (instantiate $m (with "a" (instance $n)))))
  "type mismatch")
(assert_invalid
  (component
    (core module $m (import "a" "b" (func)))
    (core module $n)
    (core instance $n (instantiate $n))
    (core instance (instantiate $m (with "a" (instance $n)))))
  "does not export an item named `b`")
;; records are compared field by field
(assert_invalid
  (component
    (type $r1 (record (field "a" u8)))
    (import "r1" (type $e1 (eq $r1)))
    (component $c (type $r2 (record (field "b" u8))) (import "t" (type (eq $r2))))
    (instance (instantiate $c (with "t" (type $e1)))))
  "expected field name `b`, found `a`")
(assert_invalid
  (component
    (type $e1' (enum "x" "y"))
    (import "e1" (type $e1 (eq $e1')))
    (component $c (type $e2 (enum "x" "z")) (import "t" (type (eq $e2))))
    (instance (instantiate $c (with "t" (type $e1)))))
  "mismatch")
