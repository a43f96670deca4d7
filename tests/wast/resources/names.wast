;; Names of constructors, methods and static functions say what their types must be.
(component definition
  (import "r" (type $r (sub resource)))
  (import "[constructor]r" (func (result (own $r))))
  (import "[method]r.get" (func (param "self" (borrow $r)) (result u32)))
  (import "[static]r.all" (func (result u32))))
(component definition
  (import "r" (type $r (sub resource)))
  ;; a constructor that can fail
  (import "[constructor]r" (func (result (result (own $r) (error string))))))
(assert_invalid
  (component (import "r" (type $r (sub resource))) (import "[constructor]r" (func (result u32))))
  "function should return `(own $T)`")
(assert_invalid
  (component (import "r" (type $r (sub resource))) (import "[constructor]r" (func)))
  "function should return")
(assert_invalid
  (component (import "r" (type $r (sub resource))) (import "[method]r.get" (func (result u32))))
  "should have at least one argument")
(assert_invalid
  (component (import "r" (type $r (sub resource))) (import "[method]r.get" (func (param "self" (own $r)))))
  "should take a first argument of `(borrow $T)`")
(assert_invalid
  (component (import "r" (type $r (sub resource))) (import "[method]r.get" (func (param "this" (borrow $r)))))
  "should have a first argument called `self`")
(assert_invalid
  (component (import "[static]r.all" (func)))
  "static resource name is not known in this context")
(assert_invalid
  (component (import "r" (type $r (sub resource))) (import "[method]q.get" (func (param "self" (borrow $r)))))
  "resource")
