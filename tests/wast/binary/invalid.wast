;; Well-formed, but against the rules: indices, sorts, sizes.
(assert_invalid (component (export "f" (func 0))) "index out of bounds")
(assert_invalid (component (export "i" (instance 0))) "index out of bounds")
(assert_invalid (component (core instance (instantiate 0))) "index out of bounds")
(assert_invalid (component (instance (instantiate 0))) "index out of bounds")
(assert_invalid (component (type (list 3))) "index out of bounds")
(assert_invalid (component (type $f (func)) (type (list $f))) "not a defined type")
(assert_invalid (component (import "f" (func (type 0)))) "index out of bounds")
(assert_invalid (component (type u32) (import "f" (func (type 0)))) "is not a function type")
(assert_invalid (component (type u32) (import "i" (instance (type 0)))) "is not an instance type")
(assert_invalid (component (type u32) (import "c" (component (type 0)))) "is not a component type")
(assert_invalid (component (core func (canon lower (func 0)))) "index out of bounds")
(assert_invalid
  (component
    (core module $m (func (export "f"))) (core instance $i (instantiate $m)) (type $t u32)
    (func (type $t) (canon lift (core func $i "f"))))
  "not a function type")
(assert_invalid
  (component (import "f" (func $f (param "s" string))) (core func (canon lower (func $f))))
  "canonical option `memory` is required")
(assert_invalid
  (component
    (core module $m (memory (export "m") 1)) (core instance $i (instantiate $m))
    (import "f" (func $f (result string)))
    (core func (canon lower (func $f) (memory (core memory $i "m")))))
  "canonical option `realloc` is required")
(assert_invalid
  (component
    (core module $m (memory (export "m") 1)) (core instance $i (instantiate $m))
    (import "f" (func $f))
    (core func (canon lower (func $f) (memory (core memory $i "m")) (memory (core memory $i "m")))))
  "canonical option `memory` is specified more than once")
(assert_invalid
  (component (import "f" (func $f)) (core func (canon lower (func $f) string-encoding=utf8 string-encoding=utf16)))
  "canonical encoding option `utf8` conflicts with option `utf16`")
(assert_invalid
  (component
    (core module $m (func (export "f"))) (core instance $i (instantiate $m))
    (import "f" (func $f))
    (core func (canon lower (func $f) (post-return (core func $i "f")))))
  "canonical option `post-return` cannot be specified for lowerings")
;; a core module inside that is not valid
(assert_invalid (component (core module (func (result i32)))) "type mismatch")
;; a value type larger than one value may be
(assert_invalid (component (type (list u64 4000000000))) "size")
