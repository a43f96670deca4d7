;; Lists of a fixed length lie where they are, as a tuple of equal types would.
(component
  (core module $m
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 256))
    (func (export "sum3") (param i32 i32 i32) (result i32)
      (i32.add (local.get 0) (i32.add (i32.mul (i32.const 10) (local.get 1)) (i32.mul (i32.const 100) (local.get 2)))))
    ;; 20 bytes by pointer
    (func (export "last-of-20") (param i32) (result i32) (i32.load8_u (i32.add (local.get 0) (i32.const 19))))
    (func (export "give") (result i32)
      (i32.store (i32.const 64) (i32.const 0x04030201)) (i32.store (i32.const 68) (i32.const 0x08070605)) (i32.const 64)))
  (core instance $i (instantiate $m))
  (alias core export $i "memory" (core memory $memory))
  (func (export "sum3") (param "v" (list u32 3)) (result u32) (canon lift (core func $i "sum3")))
  (func (export "last-of-20") (param "v" (list u8 20)) (result u32) (canon lift (core func $i "last-of-20") (memory $memory) (realloc (core func $i "realloc"))))
  (func (export "eight") (result (list u8 8)) (canon lift (core func $i "give") (memory $memory)))
  (func (export "nested") (result (list (list u16 2) 2)) (canon lift (core func $i "give") (memory $memory))))

(assert_return (invoke "sum3" (list.const (u32.const 1) (u32.const 2) (u32.const 3))) (u32.const 321))
(assert_return (invoke "last-of-20" (list.const (u8.const 0) (u8.const 1) (u8.const 2) (u8.const 3) (u8.const 4) (u8.const 5) (u8.const 6) (u8.const 7) (u8.const 8) (u8.const 9) (u8.const 10) (u8.const 11) (u8.const 12) (u8.const 13) (u8.const 14) (u8.const 15) (u8.const 16) (u8.const 17) (u8.const 18) (u8.const 99))) (u32.const 99))
(assert_return (invoke "eight") (list.const (u8.const 1) (u8.const 2) (u8.const 3) (u8.const 4) (u8.const 5) (u8.const 6) (u8.const 7) (u8.const 8)))
(assert_return (invoke "nested") (list.const (list.const (u16.const 0x201) (u16.const 0x403)) (list.const (u16.const 0x605) (u16.const 0x807))))
(assert_invalid (component (type (list u8 0))) "Fixed-length lists must have more than zero elements")
