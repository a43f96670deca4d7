// A component that answers requests, written as text.
using Mote.Wasmtime;

namespace Mote.Node.Tests.Nats;

internal static class Responder
{
    /// <summary>Answers each message with `ok`; what nobody waits for an answer to, it fails at.</summary>
    public static byte[] Wasm { get; } = Wat.ToWasm("""
        (component
          (import "wasi:messaging/types@0.2.0-draft" (instance $types
            (export "message" (type $message (sub resource)))
            (type $error-def (variant (case "timeout") (case "connection" string) (case "permission-denied" string) (case "other" string)))
            (export "error" (type $error (eq $error-def)))
            (export "[constructor]message" (func (param "data" (list u8)) (result (own $message))))))
          (alias export $types "message" (type $message))
          (alias export $types "error" (type $error))
          (import "wasi:messaging/request-reply@0.2.0-draft" (instance $asking
            (alias outer 1 $message (type $m)) (export "message" (type $message' (eq $m)))
            (alias outer 1 $error (type $e)) (export "error" (type $error' (eq $e)))
            (export "reply" (func (param "reply-to" (borrow $message')) (param "message" (own $message')) (result (result (error $error')))))))
          (core module $memory-module
            (memory (export "memory") 1)
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 4096))
          (core instance $mem (instantiate $memory-module))
          (alias core export $mem "memory" (core memory $memory))
          (alias core export $mem "realloc" (core func $realloc))
          (core func $new (canon lower (func $types "[constructor]message") (memory $memory) (realloc $realloc)))
          (core func $reply (canon lower (func $asking "reply") (memory $memory) (realloc $realloc)))
          (core func $drop-message (canon resource.drop $message))
          (core module $main
            (import "m" "memory" (memory 0))
            (import "h" "new" (func $new (param i32 i32) (result i32)))
            (import "h" "reply" (func $reply (param i32 i32 i32)))
            (import "h" "drop-message" (func $drop-message (param i32)))
            (data (i32.const 16) "ok") (data (i32.const 32) "not answered")
            (func (export "handle") (param $incoming i32) (result i32)
              (i64.store (i32.const 256) (i64.const 0))
              (call $reply (local.get $incoming) (call $new (i32.const 16) (i32.const 2)) (i32.const 512))
              (call $drop-message (local.get $incoming))
              (if (i32.load8_u (i32.const 512))
                (then
                  (i32.store (i32.const 256) (i32.const 1)) (i32.store (i32.const 260) (i32.const 3))
                  (i32.store (i32.const 264) (i32.const 32)) (i32.store (i32.const 268) (i32.const 12))))
              i32.const 256))
          (core instance $i (instantiate $main
            (with "m" (instance $mem))
            (with "h" (instance (export "new" (func $new)) (export "reply" (func $reply)) (export "drop-message" (func $drop-message))))))
          (func $handle (param "message" (own $message)) (result (result (error $error))) (canon lift (core func $i "handle") (memory $memory) (realloc $realloc)))
          (instance $handler (export "handle" (func $handle)))
          (export "wasi:messaging/incoming-handler@0.2.0-draft" (instance $handler)))
        """);
}
