// A component that passes on what it gets as it is, and one that answers when it has time; written as text.
using Mote.Wasmtime;

namespace Mote.Node.Tests.Nats;

internal static class PassedOn
{
    /// <summary>Sends each message, and with it who waits for an answer, to `inner`.</summary>
    public static byte[] Forwarder { get; } = Wat.ToWasm($$"""
        (component
          {{WatParts.Messaging}}
          {{WatParts.OnePage}}
          {{WatParts.Lowered}}
          (core module $main
            {{WatParts.MainImports}}
            (data (i32.const 16) "inner")
            (func (export "handle") (param $incoming i32) (result i32)
              (local $client i32)
              (call $connect (i32.const 0) (i32.const 0) (i32.const 512))
              (local.set $client (i32.load (i32.const 516)))
              (call $send (local.get $client) (i32.const 16) (i32.const 5) (local.get $incoming) (i32.const 512))
              (if (i32.load8_u (i32.const 512)) (then unreachable))
              (call $drop-client (local.get $client))
              (i64.store (i32.const 256) (i64.const 0))
              i32.const 256))
          (core instance $i (instantiate $main
            (with "m" (instance $mem))
            (with "h" (instance {{WatParts.Host}}))))
          {{WatParts.Handler}})
        """);

    /// <summary>As <see cref="Responder"/>, but that a message beginning with `s` does not end.</summary>
    public static byte[] BusyResponder { get; } = Wat.ToWasm($$"""
        (component
          {{WatParts.Messaging}}
          {{WatParts.RequestReply}}
          {{WatParts.OnePage}}
          {{WatParts.Lowered}}
          (core func $reply (canon lower (func $asking "reply") (memory $memory) (realloc $realloc)))
          (core module $main
            {{WatParts.MainImports}}
            (import "h" "reply" (func $reply (param i32 i32 i32)))
            (data (i32.const 16) "ok")
            (func (export "handle") (param $incoming i32) (result i32)
              (call $data (local.get $incoming) (i32.const 512))
              (if (i32.and (i32.ne (i32.load (i32.const 516)) (i32.const 0)) (i32.eq (i32.load8_u (i32.load (i32.const 512))) (i32.const 115))) (then (loop $l (br $l))))
              (call $reply (local.get $incoming) (call $new (i32.const 16) (i32.const 2)) (i32.const 512))
              (if (i32.load8_u (i32.const 512)) (then unreachable))
              (call $drop-message (local.get $incoming))
              (i64.store (i32.const 256) (i64.const 0))
              i32.const 256))
          (core instance $i (instantiate $main
            (with "m" (instance $mem))
            (with "h" (instance {{WatParts.Host}} (export "reply" (func $reply))))))
          {{WatParts.Handler}})
        """);
}
