;; A map is a list of pairs at the boundary, in the order in which it comes.
(component
  (core module $m
    (memory (export "memory") 1)
    (global $next (mut i32) (i32.const 1024))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (local $at i32)
      (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
      (global.set $next (i32.add (local.get $at) (local.get 3)))
      (local.get $at))
    (func (export "echo") (param i32 i32) (result i32)
      (i32.store (i32.const 64) (local.get 0)) (i32.store (i32.const 68) (local.get 1)) (i32.const 64))
    ;; the value of the first pair: behind the key, aligned for itself
    (func (export "first") (param i32 i32) (result i64) (i64.load (i32.add (local.get 0) (i32.const 8)))))
  (core instance $i (instantiate $m))
  (alias core export $i "memory" (core memory $memory))
  (func (export "echo") (param "m" (map string u32)) (result (map string u32))
    (canon lift (core func $i "echo") (memory $memory) (realloc (core func $i "realloc"))))
  (func (export "first") (param "m" (map u8 u64)) (result u64)
    (canon lift (core func $i "first") (memory $memory) (realloc (core func $i "realloc")))))
(assert_invalid (component (type (map (list u8) u8))) "map")
(assert_invalid (component (type (map f32 u8))) "map")
