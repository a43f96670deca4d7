;; A component instantiated twice defines two resource types; a handle of one is none of the other.
(component
  (component $definer
    (type $r' (resource (rep i32)))
    (export $r "r" (type $r'))
    (core func $new (canon resource.new $r'))
    (core module $m
      (import "" "new" (func $new (param i32) (result i32)))
      (func (export "make") (result i32) (call $new (i32.const 9)))
      (func (export "take") (param i32)))
    (core instance $i (instantiate $m (with "" (instance (export "new" (func $new))))))
    (func (export "make") (result (own $r)) (canon lift (core func $i "make")))
    (func (export "take") (param "r" (borrow $r)) (canon lift (core func $i "take"))))
  (component $user
    (import "a" (instance $a (export "r" (type $r (sub resource))) (export "make" (func (result (own $r)))) (export "take" (func (param "r" (borrow $r))))))
    (import "b" (instance $b (export "r" (type $r (sub resource))) (export "make" (func (result (own $r)))) (export "take" (func (param "r" (borrow $r))))))
    (core func $make-a (canon lower (func $a "make")))
    (core func $take-a (canon lower (func $a "take")))
    (core func $take-b (canon lower (func $b "take")))
    (core module $m
      (import "" "make-a" (func $make-a (result i32)))
      (import "" "take-a" (func $take-a (param i32)))
      (import "" "take-b" (func $take-b (param i32)))
      (func (export "right") (call $take-a (call $make-a)))
      (func (export "wrong") (call $take-b (call $make-a))))
    (core instance $i (instantiate $m (with "" (instance (export "make-a" (func $make-a)) (export "take-a" (func $take-a)) (export "take-b" (func $take-b))))))
    (func (export "right") (canon lift (core func $i "right")))
    (func (export "wrong") (canon lift (core func $i "wrong"))))
  (instance $a (instantiate $definer))
  (instance $b (instantiate $definer))
  (instance $u (instantiate $user (with "a" (instance $a)) (with "b" (instance $b))))
  (export "right" (func $u "right"))
  (export "wrong" (func $u "wrong")))
(assert_return (invoke "right"))
(assert_trap (invoke "wrong") "used with the wrong type")

;; the two may not be mixed in types either
(assert_invalid
  (component
    (component $definer (type $r' (resource (rep i32))) (export "r" (type $r')))
    (component $same
      (import "x" (type $x (sub resource)))
      (import "y" (type $y (eq $x))))
    (instance $a (instantiate $definer))
    (instance $b (instantiate $definer))
    (alias export $a "r" (type $ra))
    (alias export $b "r" (type $rb))
    (instance (instantiate $same (with "x" (type $ra)) (with "y" (type $rb)))))
  "resource types are not the same")
;; of one instance they are the same
(component
  (component $definer (type $r' (resource (rep i32))) (export "r" (type $r')))
  (component $same
    (import "x" (type $x (sub resource)))
    (import "y" (type $y (eq $x))))
  (instance $a (instantiate $definer))
  (alias export $a "r" (type $ra))
  (instance (instantiate $same (with "x" (type $ra)) (with "y" (type $ra)))))
