// A component that handles messages, written as text. What a message says, it does.
using Mote.Wasmtime;

namespace Mote.Node.Tests;

internal static class Handler
{
    /// <summary>
    /// By the first byte of a message: '!' traps, 's' does not end, 'e' answers with an error, 'c' counts in the key-value
    /// store and sends the count (8 bytes) to `counts`, 'l' sends a message whose content type is 70,000 letters long,
    /// 'z' one whose content type is a NUL, 'd' sends to a topic that is not granted. Everything else is sent to `out` as it is.
    /// </summary>
    public static byte[] Wasm { get; } = Wat.ToWasm($$"""
        (component
          {{WatParts.Messaging}}
          (import "wasi:keyvalue/store@0.2.0-draft2" (instance $store
            (export "bucket" (type $bucket (sub resource)))
            (type $error-def (variant (case "no-such-store") (case "access-denied") (case "other" string)))
            (export "error" (type $error (eq $error-def)))
            (export "open" (func (param "identifier" string) (result (result (own $bucket) (error $error)))))))
          (alias export $store "bucket" (type $bucket))
          (alias export $store "error" (type $kv-error))
          (import "wasi:keyvalue/atomics@0.2.0-draft2" (instance $atomics
            (alias outer 1 $bucket (type $b)) (export "bucket" (type $bucket' (eq $b)))
            (alias outer 1 $kv-error (type $e)) (export "error" (type $error' (eq $e)))
            (export "increment" (func (param "bucket" (borrow $bucket')) (param "key" string) (param "delta" s64) (result (result s64 (error $error')))))))

          {{WatParts.Memory(pages: 4, from: 1024)}}
          {{WatParts.Lowered}}
          (core func $open (canon lower (func $store "open") (memory $memory) (realloc $realloc)))
          (core func $increment (canon lower (func $atomics "increment") (memory $memory) (realloc $realloc)))
          (core func $drop-bucket (canon resource.drop $bucket))

          (core module $main
            {{WatParts.MainImports}}
            (import "m" "reset" (func $reset))
            (import "h" "open" (func $open (param i32 i32 i32)))
            (import "h" "increment" (func $increment (param i32 i32 i32 i64 i32)))
            (import "h" "drop-bucket" (func $drop-bucket (param i32)))
            (data (i32.const 16) "out") (data (i32.const 32) "counts") (data (i32.const 48) "default") (data (i32.const 64) "n") (data (i32.const 80) "asked for it") (data (i32.const 96) "secret")
            (func $publish (param $topic i32) (param $topic-length i32) (param $message i32)
              (local $client i32)
              (call $connect (i32.const 0) (i32.const 0) (i32.const 512))
              (local.set $client (i32.load (i32.const 516)))
              (call $send (local.get $client) (local.get $topic) (local.get $topic-length) (local.get $message) (i32.const 512))
              (call $drop-client (local.get $client)))
            (func (export "handle") (param $incoming i32) (result i32)
              (local $at i32) (local $length i32) (local $command i32) (local $bucket i32) (local $message i32)
              (call $reset)
              (call $data (local.get $incoming) (i32.const 512))
              (local.set $at (i32.load (i32.const 512)))
              (local.set $length (i32.load (i32.const 516)))
              (call $drop-message (local.get $incoming))
              (i64.store (i32.const 256) (i64.const 0))
              (if (local.get $length) (then (local.set $command (i32.load8_u (local.get $at)))))
              (if (i32.eq (local.get $command) (i32.const 33)) (then unreachable))
              (if (i32.eq (local.get $command) (i32.const 115)) (then (loop $l (br $l))))
              (if (i32.eq (local.get $command) (i32.const 101))
                (then
                  (i32.store (i32.const 256) (i32.const 1)) (i32.store (i32.const 260) (i32.const 3))
                  (i32.store (i32.const 264) (i32.const 80)) (i32.store (i32.const 268) (i32.const 12))
                  (return (i32.const 256))))
              (if (i32.eq (local.get $command) (i32.const 99))
                (then
                  (call $open (i32.const 48) (i32.const 7) (i32.const 512))
                  (if (i32.load8_u (i32.const 512)) (then unreachable))
                  (local.set $bucket (i32.load (i32.const 516)))
                  (call $increment (local.get $bucket) (i32.const 64) (i32.const 1) (i64.const 1) (i32.const 512))
                  (if (i32.load8_u (i32.const 512)) (then unreachable))
                  (call $drop-bucket (local.get $bucket))
                  (call $publish (i32.const 32) (i32.const 6) (call $new (i32.const 520) (i32.const 8)))
                  (return (i32.const 256))))
              (if (i32.eq (local.get $command) (i32.const 100))
                (then (call $publish (i32.const 96) (i32.const 6) (call $new (local.get $at) (local.get $length))) (return (i32.const 256))))
              (local.set $message (call $new (local.get $at) (local.get $length)))
              (if (i32.eq (local.get $command) (i32.const 108))
                (then
                  (memory.fill (i32.const 0x20000) (i32.const 120) (i32.const 70000))
                  (call $set-type (local.get $message) (i32.const 0x20000) (i32.const 70000))))
              (if (i32.eq (local.get $command) (i32.const 122)) (then (call $set-type (local.get $message) (i32.const 0) (i32.const 1))))
              (call $publish (i32.const 16) (i32.const 3) (local.get $message))
              i32.const 256))
          (core instance $i (instantiate $main
            (with "m" (instance $mem))
            (with "h" (instance {{WatParts.Host}}
              (export "open" (func $open)) (export "increment" (func $increment))
              (export "drop-bucket" (func $drop-bucket))))))
          {{WatParts.Handler}})
        """);
}
