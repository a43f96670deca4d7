;; Flags lie in one, two or four bytes; bits that have no name are ignored.
(component
  (core module $m
    (memory (export "memory") 1)
    (func (export "id") (param i32) (result i32) (local.get 0))
    ;; stores the word at 16 and gives its address
    (func (export "in-memory") (param i32) (result i32) (i32.store (i32.const 16) (local.get 0)) (i32.const 16)))
  (core instance $i (instantiate $m))
  (type $small' (flags "a" "b" "c"))
  (export $small "small" (type $small'))
  (type $wide' (flags "f0" "f1" "f2" "f3" "f4" "f5" "f6" "f7" "f8" "f9"))
  (export $wide "wide" (type $wide'))
  (type $full' (flags "g0" "g1" "g2" "g3" "g4" "g5" "g6" "g7" "g8" "g9" "g10" "g11" "g12" "g13" "g14" "g15" "g16" "g17" "g18" "g19" "g20" "g21" "g22" "g23" "g24" "g25" "g26" "g27" "g28" "g29" "g30" "g31"))
  (export $full "full" (type $full'))
  (alias core export $i "id" (core func $id))
  (alias core export $i "in-memory" (core func $in-memory))
  (func (export "small-of") (param "v" u32) (result $small) (canon lift (core func $id)))
  (func (export "wide-of") (param "v" u32) (result $wide) (canon lift (core func $id)))
  (func (export "full-of") (param "v" u32) (result $full) (canon lift (core func $id)))
  (func (export "of-small") (param "v" $small) (result u32) (canon lift (core func $id)))
  (func (export "of-wide") (param "v" $wide) (result u32) (canon lift (core func $id)))
  (func (export "of-full") (param "v" $full) (result u32) (canon lift (core func $id)))
  (func (export "small-at") (param "v" u32) (result (tuple $small u8)) (canon lift (core func $in-memory) (memory (core memory $i "memory"))))
  (func (export "wide-at") (param "v" u32) (result (tuple $wide u8 u8)) (canon lift (core func $in-memory) (memory (core memory $i "memory")))))

(assert_return (invoke "small-of" (u32.const 5)) (flags.const "a" "c"))
(assert_return (invoke "small-of" (u32.const 0xfffffff8)) (flags.const))
(assert_return (invoke "wide-of" (u32.const 0x201)) (flags.const "f0" "f9"))
(assert_return (invoke "wide-of" (u32.const 0xfc00)) (flags.const))
(assert_return (invoke "full-of" (u32.const 0x80000001)) (flags.const "g0" "g31"))
(assert_return (invoke "of-small" (flags.const "c" "a")) (u32.const 5))
(assert_return (invoke "of-small" (flags.const)) (u32.const 0))
(assert_return (invoke "of-wide" (flags.const "f8")) (u32.const 0x100))
(assert_return (invoke "of-full" (flags.const "g31" "g0")) (u32.const 0x80000001))
;; one byte of flags, then the next byte
(assert_return (invoke "small-at" (u32.const 0x0902)) (tuple.const (flags.const "b") (u8.const 9)))
;; two bytes of flags
(assert_return (invoke "wide-at" (u32.const 0x07060201)) (tuple.const (flags.const "f0" "f9") (u8.const 6) (u8.const 7)))

(assert_invalid (component (type (flags))) "flags must have at least one entry")
(assert_invalid (component (type (flags "a" "b" "a"))) "conflicts with previous flag name")
(assert_invalid (component (type (flags "a" "A"))) "conflicts with previous flag name")
(assert_invalid
  (component (type (flags "g0" "g1" "g2" "g3" "g4" "g5" "g6" "g7" "g8" "g9" "g10" "g11" "g12" "g13" "g14" "g15" "g16" "g17" "g18" "g19" "g20" "g21" "g22" "g23" "g24" "g25" "g26" "g27" "g28" "g29" "g30" "g31" "g32")))
  "cannot have more than 32 flags")
