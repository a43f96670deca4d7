// A component that handles batches of messages, written as text. What a message says, it does.
using Mote.Wasmtime;

namespace Mote.Node.Tests.Batches;

internal static class BatchHandlerGuest
{
    /// <summary>
    /// Sends each message of a batch to `out` as it is, and then all of them to `batches`, each with a newline behind it. By the
    /// first byte of a message: '!' traps, 's' does not end, 'e' is named as a failure, 'E' makes an error of the whole batch,
    /// 'i' names a message that is not there, 'd' names one twice.
    /// </summary>
    public static byte[] Wasm { get; } = Wat.ToWasm($$"""
        (component
          {{WatParts.Messaging}}

          {{WatParts.Memory(pages: 16, from: 0x80000)}}
          {{WatParts.Lowered}}

          (core module $main
            {{WatParts.MainImports}}
            (import "m" "reset" (func $reset))
            (data (i32.const 16) "out") (data (i32.const 32) "batches") (data (i32.const 80) "asked for it")
            ;; what has failed: 16 bytes each from 0x1000 on; all data of the batch: from 0x20000 on
            (global $failed (mut i32) (i32.const 0))
            (func $publish (param $topic i32) (param $topic-length i32) (param $at i32) (param $length i32)
              (local $client i32)
              (call $connect (i32.const 0) (i32.const 0) (i32.const 512))
              (local.set $client (i32.load (i32.const 516)))
              (call $send (local.get $client) (local.get $topic) (local.get $topic-length) (call $new (local.get $at) (local.get $length)) (i32.const 512))
              (call $drop-client (local.get $client)))
            (func $fail (param $index i32)
              (local $at i32)
              (local.set $at (i32.add (i32.const 0x1000) (i32.mul (global.get $failed) (i32.const 16))))
              (i32.store (local.get $at) (local.get $index))
              (i32.store (i32.add (local.get $at) (i32.const 4)) (i32.const 3))
              (i32.store (i32.add (local.get $at) (i32.const 8)) (i32.const 80))
              (i32.store (i32.add (local.get $at) (i32.const 12)) (i32.const 12))
              (global.set $failed (i32.add (global.get $failed) (i32.const 1))))
            (func (export "handle") (param $messages i32) (param $count i32) (result i32)
              (local $i i32) (local $message i32) (local $at i32) (local $length i32) (local $command i32) (local $all i32)
              (global.set $failed (i32.const 0))
              (local.set $all (i32.const 0x20000))
              (loop $next
                (if (i32.lt_u (local.get $i) (local.get $count))
                  (then
                    (local.set $message (i32.load (i32.add (local.get $messages) (i32.mul (local.get $i) (i32.const 4)))))
                    (call $data (local.get $message) (i32.const 512))
                    (local.set $at (i32.load (i32.const 512)))
                    (local.set $length (i32.load (i32.const 516)))
                    (call $drop-message (local.get $message))
                    (local.set $command (i32.const 0))
                    (if (local.get $length) (then (local.set $command (i32.load8_u (local.get $at)))))
                    (if (i32.eq (local.get $command) (i32.const 33)) (then unreachable))
                    (if (i32.eq (local.get $command) (i32.const 115)) (then (loop $l (br $l))))
                    (if (i32.eq (local.get $command) (i32.const 69))
                      (then
                        (i32.store (i32.const 256) (i32.const 1)) (i32.store (i32.const 260) (i32.const 3))
                        (i32.store (i32.const 264) (i32.const 80)) (i32.store (i32.const 268) (i32.const 12))
                        (call $reset)
                        (return (i32.const 256))))
                    (if (i32.eq (local.get $command) (i32.const 101)) (then (call $fail (local.get $i))))
                    (if (i32.eq (local.get $command) (i32.const 105)) (then (call $fail (i32.add (local.get $count) (i32.const 7)))))
                    (if (i32.eq (local.get $command) (i32.const 100)) (then (call $fail (local.get $i)) (call $fail (local.get $i))))
                    (if (i32.and (i32.and (i32.ne (local.get $command) (i32.const 101)) (i32.ne (local.get $command) (i32.const 105))) (i32.ne (local.get $command) (i32.const 100)))
                      (then (call $publish (i32.const 16) (i32.const 3) (local.get $at) (local.get $length))))
                    (memory.copy (local.get $all) (local.get $at) (local.get $length))
                    (local.set $all (i32.add (local.get $all) (local.get $length)))
                    (i32.store8 (local.get $all) (i32.const 10))
                    (local.set $all (i32.add (local.get $all) (i32.const 1)))
                    (local.set $i (i32.add (local.get $i) (i32.const 1)))
                    (br $next))))
              (call $publish (i32.const 32) (i32.const 7) (i32.const 0x20000) (i32.sub (local.get $all) (i32.const 0x20000)))
              (i32.store (i32.const 256) (i32.const 0))
              (i32.store (i32.const 260) (i32.const 0x1000))
              (i32.store (i32.const 264) (global.get $failed))
              (call $reset)
              i32.const 256))
          (core instance $i (instantiate $main
            (with "m" (instance $mem))
            (with "h" (instance {{WatParts.Host}}))))
          (type $failure-def (record (field "index" u32) (field "error" $error)))
          (func $handle-plain (param "messages" (list (own $message))) (result (result (list $failure-def) (error $error)))
            (canon lift (core func $i "handle") (memory $memory) (realloc $realloc)))
          (instance $handler (export "failure" (type $failure-def)) (export "handle" (func $handle-plain)))
          (export "mote:messaging/batch-handler@0.1.0" (instance $handler)))
        """);
}
