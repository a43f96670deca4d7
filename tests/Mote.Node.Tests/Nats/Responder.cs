// A component that answers requests, written as text.
using Mote.Wasmtime;

namespace Mote.Node.Tests.Nats;

internal static class Responder
{
    /// <summary>Answers each message with `ok`; what nobody waits for an answer to, it fails at.</summary>
    public static byte[] Wasm { get; } = Wat.ToWasm($$"""
        (component
          {{WatParts.Messaging}}
          {{WatParts.RequestReply}}
          {{WatParts.OnePage}}
          {{WatParts.Lowered}}
          (core func $reply (canon lower (func $asking "reply") (memory $memory) (realloc $realloc)))
          (core module $main
            {{WatParts.MainImports}}
            (import "h" "reply" (func $reply (param i32 i32 i32)))
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
            (with "h" (instance {{WatParts.Host}} (export "reply" (func $reply))))))
          {{WatParts.Handler}})
        """);
}
