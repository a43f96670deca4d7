// What components written as text have in common: what they import of wasi:messaging, their memory, and their handler. A
// component is `(component`, Messaging, other imports, a memory, Lowered, the module `$main`, its instance `$i`, and Handler.
namespace Mote.Node.Tests;

internal static class WatParts
{
    /// <summary>The imports wasi:messaging types and producer: <c>$types</c>, <c>$producer</c>, and the types <c>$message</c>, <c>$client</c> and <c>$error</c>.</summary>
    public const string Messaging = """
        (import "wasi:messaging/types@0.2.0-draft" (instance $types
          (export "message" (type $message (sub resource)))
          (export "client" (type $client (sub resource)))
          (type $error-def (variant (case "timeout") (case "connection" string) (case "permission-denied" string) (case "other" string)))
          (export "error" (type $error (eq $error-def)))
          (export "[constructor]message" (func (param "data" (list u8)) (result (own $message))))
          (export "[method]message.data" (func (param "self" (borrow $message)) (result (list u8))))
          (export "[method]message.set-content-type" (func (param "self" (borrow $message)) (param "content-type" string)))
          (export "[static]client.connect" (func (param "name" string) (result (result (own $client) (error $error)))))))
        (alias export $types "message" (type $message))
        (alias export $types "client" (type $client))
        (alias export $types "error" (type $error))
        (import "wasi:messaging/producer@0.2.0-draft" (instance $producer
          (alias outer 1 $message (type $m)) (export "message" (type $message' (eq $m)))
          (alias outer 1 $client (type $c)) (export "client" (type $client' (eq $c)))
          (alias outer 1 $error (type $e)) (export "error" (type $error' (eq $e)))
          (export "send" (func (param "c" (borrow $client')) (param "topic" string) (param "message" (own $message')) (result (result (error $error')))))))
        """;

    /// <summary>The import wasi:messaging request-reply: <c>$asking</c>, of which there is <c>reply</c>.</summary>
    public const string RequestReply = """
        (import "wasi:messaging/request-reply@0.2.0-draft" (instance $asking
          (alias outer 1 $message (type $m)) (export "message" (type $message' (eq $m)))
          (alias outer 1 $error (type $e)) (export "error" (type $error' (eq $e)))
          (export "reply" (func (param "reply-to" (borrow $message')) (param "message" (own $message')) (result (result (error $error')))))))
        """;

    /// <summary>A page, in which all that the host gives is at 4096: each time in the place of the last.</summary>
    public const string OnePage = $"""
        (core module $memory-module
          (memory (export "memory") 1)
          (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 4096))
        {MemoryInstance}
        """;

    /// <summary>The functions of <see cref="Messaging"/> as core functions, and <c>$drop-message</c> and <c>$drop-client</c>. Behind the memory.</summary>
    public const string Lowered = """
        (core func $new (canon lower (func $types "[constructor]message") (memory $memory) (realloc $realloc)))
        (core func $data (canon lower (func $types "[method]message.data") (memory $memory) (realloc $realloc)))
        (core func $set-type (canon lower (func $types "[method]message.set-content-type") (memory $memory) (realloc $realloc)))
        (core func $connect (canon lower (func $types "[static]client.connect") (memory $memory) (realloc $realloc)))
        (core func $send (canon lower (func $producer "send") (memory $memory) (realloc $realloc)))
        (core func $drop-message (canon resource.drop $message))
        (core func $drop-client (canon resource.drop $client))
        """;

    /// <summary>The imports of the module <c>$main</c>: the memory, and the functions of <see cref="Lowered"/>.</summary>
    public const string MainImports = """
        (import "m" "memory" (memory 0))
        (import "h" "new" (func $new (param i32 i32) (result i32)))
        (import "h" "data" (func $data (param i32 i32)))
        (import "h" "set-type" (func $set-type (param i32 i32 i32)))
        (import "h" "connect" (func $connect (param i32 i32 i32)))
        (import "h" "send" (func $send (param i32 i32 i32 i32 i32)))
        (import "h" "drop-message" (func $drop-message (param i32)))
        (import "h" "drop-client" (func $drop-client (param i32)))
        """;

    /// <summary>What the instance "h" of <c>$main</c> has for <see cref="MainImports"/>.</summary>
    public const string Host = """
        (export "new" (func $new)) (export "data" (func $data)) (export "set-type" (func $set-type)) (export "connect" (func $connect))
        (export "send" (func $send)) (export "drop-message" (func $drop-message)) (export "drop-client" (func $drop-client))
        """;

    /// <summary>The export wasi:messaging incoming-handler, by the function <c>handle</c> of <c>$i</c>.</summary>
    public const string Handler = """
        (func $handle (param "message" (own $message)) (result (result (error $error))) (canon lift (core func $i "handle") (memory $memory) (realloc $realloc)))
        (instance $handler (export "handle" (func $handle)))
        (export "wasi:messaging/incoming-handler@0.2.0-draft" (instance $handler))
        """;

    private const string MemoryInstance = """
        (core instance $mem (instantiate $memory-module))
        (alias core export $mem "memory" (core memory $memory))
        (alias core export $mem "realloc" (core func $realloc))
        """;

    /// <summary>A memory that grows, and whose <c>reset</c> gives back all that the host was given in it.</summary>
    /// <param name="pages">Its pages at first.</param>
    /// <param name="from">Where the host's begins.</param>
    public static string Memory(int pages, int from) => $"""
        (core module $memory-module
          (memory (export "memory") {pages})
          (global $at (mut i32) (i32.const {from}))
          (func (export "reset") (global.set $at (i32.const {from})))
          (func (export "realloc") (param i32 i32) (param $align i32) (param $size i32) (result i32)
            (local $new i32)
            (local.set $new (i32.and (i32.add (global.get $at) (i32.sub (local.get $align) (i32.const 1))) (i32.sub (i32.const 0) (local.get $align))))
            (global.set $at (i32.add (local.get $new) (local.get $size)))
            (loop $more
              (if (i32.gt_u (global.get $at) (i32.mul (memory.size) (i32.const 65536)))
                (then (if (i32.eq (memory.grow (i32.const 16)) (i32.const -1)) (then unreachable)) (br $more))))
            local.get $new))
        {MemoryInstance}
        """;
}
