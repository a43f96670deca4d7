// A component that has a model do its work, written as text: it takes a message of two floats and sends what the model `neg`
// makes of them to `out`. Where the host refuses something, it answers with an error.
using Mote.Wasmtime;

namespace Mote.Node.Tests.Models;

internal static class Negator
{
    private const string Version = "@0.2.0-rc-2024-10-28";

    public static byte[] Wasm { get; } = Wat.ToWasm($$"""
        (component
          {{WatParts.Messaging}}
          (import "wasi:nn/errors{{Version}}" (instance $errors
            (export "error" (type $error (sub resource)))))
          (alias export $errors "error" (type $nn-error))
          (import "wasi:nn/tensor{{Version}}" (instance $tensors
            (type $dims (list u32)) (export "tensor-dimensions" (type $dims' (eq $dims)))
            (type $ty (enum "FP16" "FP32" "FP64" "BF16" "U8" "I32" "I64")) (export "tensor-type" (type $ty' (eq $ty)))
            (type $bytes (list u8)) (export "tensor-data" (type $bytes' (eq $bytes)))
            (export "tensor" (type $tensor (sub resource)))
            (export "[constructor]tensor" (func (param "dimensions" $dims') (param "ty" $ty') (param "data" $bytes') (result (own $tensor))))
            (export "[method]tensor.data" (func (param "self" (borrow $tensor)) (result $bytes')))))
          (alias export $tensors "tensor" (type $tensor))
          (import "wasi:nn/inference{{Version}}" (instance $inference
            (alias outer 1 $nn-error (type $e)) (export "error" (type $error (eq $e)))
            (alias outer 1 $tensor (type $t)) (export "tensor" (type $tensor' (eq $t)))
            (type $named (tuple string (own $tensor'))) (export "named-tensor" (type $named' (eq $named)))
            (export "graph-execution-context" (type $context (sub resource)))
            (export "[method]graph-execution-context.compute" (func (param "self" (borrow $context)) (param "inputs" (list $named')) (result (result (list $named') (error (own $error))))))))
          (alias export $inference "graph-execution-context" (type $context))
          (import "wasi:nn/graph{{Version}}" (instance $graphs
            (alias outer 1 $nn-error (type $e)) (export "error" (type $error (eq $e)))
            (alias outer 1 $context (type $c)) (export "graph-execution-context" (type $context' (eq $c)))
            (export "graph" (type $graph (sub resource)))
            (export "[method]graph.init-execution-context" (func (param "self" (borrow $graph)) (result (result (own $context') (error (own $error))))))
            (export "load-by-name" (func (param "name" string) (result (result (own $graph) (error (own $error))))))))
          (alias export $graphs "graph" (type $graph))

          {{WatParts.Memory(pages: 4, from: 1024)}}
          {{WatParts.Lowered}}
          (core func $load (canon lower (func $graphs "load-by-name") (memory $memory) (realloc $realloc)))
          (core func $init (canon lower (func $graphs "[method]graph.init-execution-context") (memory $memory) (realloc $realloc)))
          (core func $tensor (canon lower (func $tensors "[constructor]tensor") (memory $memory) (realloc $realloc)))
          (core func $elements (canon lower (func $tensors "[method]tensor.data") (memory $memory) (realloc $realloc)))
          (core func $compute (canon lower (func $inference "[method]graph-execution-context.compute") (memory $memory) (realloc $realloc)))
          (core func $drop-graph (canon resource.drop $graph))
          (core func $drop-context (canon resource.drop $context))
          (core func $drop-tensor (canon resource.drop $tensor))

          (core module $main
            {{WatParts.MainImports}}
            (import "m" "reset" (func $reset))
            (import "h" "load" (func $load (param i32 i32 i32)))
            (import "h" "init" (func $init (param i32 i32)))
            (import "h" "tensor" (func $tensor (param i32 i32 i32 i32 i32) (result i32)))
            (import "h" "elements" (func $elements (param i32 i32)))
            (import "h" "compute" (func $compute (param i32 i32 i32 i32)))
            (import "h" "drop-graph" (func $drop-graph (param i32)))
            (import "h" "drop-context" (func $drop-context (param i32)))
            (import "h" "drop-tensor" (func $drop-tensor (param i32)))
            (data (i32.const 16) "out") (data (i32.const 32) "neg") (data (i32.const 48) "x") (data (i32.const 64) "\02\00\00\00") (data (i32.const 80) "refused")
            (func $refused (result i32)
              (i32.store (i32.const 256) (i32.const 1)) (i32.store (i32.const 260) (i32.const 3))
              (i32.store (i32.const 264) (i32.const 80)) (i32.store (i32.const 268) (i32.const 7))
              i32.const 256)
            (func (export "handle") (param $incoming i32) (result i32)
              (local $at i32) (local $length i32) (local $graph i32) (local $context i32) (local $result i32) (local $client i32)
              (call $reset)
              (i64.store (i32.const 256) (i64.const 0))
              (call $data (local.get $incoming) (i32.const 512))
              (local.set $at (i32.load (i32.const 512)))
              (local.set $length (i32.load (i32.const 516)))
              (call $drop-message (local.get $incoming))
              (call $load (i32.const 32) (i32.const 3) (i32.const 512))
              (if (i32.load8_u (i32.const 512)) (then (return (call $refused))))
              (local.set $graph (i32.load (i32.const 516)))
              (call $init (local.get $graph) (i32.const 512))
              (if (i32.load8_u (i32.const 512)) (then (return (call $refused))))
              (local.set $context (i32.load (i32.const 516)))
              (call $drop-graph (local.get $graph))
              ;; one input: x, an FP32 of 2
              (i32.store (i32.const 600) (i32.const 48)) (i32.store (i32.const 604) (i32.const 1))
              (i32.store (i32.const 608) (call $tensor (i32.const 64) (i32.const 1) (i32.const 1) (local.get $at) (local.get $length)))
              (call $compute (local.get $context) (i32.const 600) (i32.const 1) (i32.const 512))
              (call $drop-context (local.get $context))
              (if (i32.load8_u (i32.const 512)) (then (return (call $refused))))
              (local.set $result (i32.load offset=8 (i32.load (i32.const 516))))
              (call $elements (local.get $result) (i32.const 512))
              (call $drop-tensor (local.get $result))
              (local.set $at (i32.load (i32.const 512)))
              (local.set $length (i32.load (i32.const 516)))
              (call $connect (i32.const 0) (i32.const 0) (i32.const 512))
              (local.set $client (i32.load (i32.const 516)))
              (call $send (local.get $client) (i32.const 16) (i32.const 3) (call $new (local.get $at) (local.get $length)) (i32.const 512))
              (call $drop-client (local.get $client))
              i32.const 256))
          (core instance $i (instantiate $main
            (with "m" (instance $mem))
            (with "h" (instance {{WatParts.Host}}
              (export "load" (func $load)) (export "init" (func $init)) (export "tensor" (func $tensor)) (export "elements" (func $elements))
              (export "compute" (func $compute)) (export "drop-graph" (func $drop-graph)) (export "drop-context" (func $drop-context))
              (export "drop-tensor" (func $drop-tensor))))))
          {{WatParts.Handler}})
        """);
}
