// Guests as text.
namespace Mote.Cli.Tests;

internal static class Guests
{
    /// <summary>Functions of several types, in the root and in two interfaces.</summary>
    public const string Functions = """
        (component
          (core module $M
            (memory (export "memory") 1)
            (global $at (mut i32) (i32.const 1024)) (global $n (mut i32) (i32.const 0))
            (func (export "realloc") (param i32 i32 i32 i32) (result i32)
              (global.set $at (i32.and (i32.add (global.get $at) (i32.const 7)) (i32.const -8)))
              (global.get $at) (global.set $at (i32.add (global.get $at) (local.get 3))))
            (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
            (func (export "count") (result i32) (global.set $n (i32.add (global.get $n) (i32.const 1))) (global.get $n))
            (func (export "pair") (param i32 i32) (result i32) (i32.store (i32.const 16) (local.get 0)) (i32.store (i32.const 20) (local.get 1)) (i32.const 16))
            (func (export "check") (param i32) (result i32) (i32.store8 (i32.const 16) (i32.gt_u (local.get 0) (i32.const 9))) (i32.store (i32.const 20) (local.get 0)) (i32.const 16))
            (func (export "some") (param i32 i32) (result i32) (select (local.get 1) (i32.const 77) (local.get 0)))
            (func (export "tick")))
          (core instance $m (instantiate $M))
          (type $point (record (field "x" s32) (field "y" s32)))
          (export $p "point" (type $point))
          (func $add (param "a" u8) (param "b" u8) (result u32) (canon lift (core func $m "add")))
          (func $echo (param "text" string) (result string) (canon lift (core func $m "pair") (memory (core memory $m "memory")) (realloc (core func $m "realloc"))))
          (func $move (param "to" $p) (result $p) (canon lift (core func $m "pair") (memory (core memory $m "memory"))))
          (func $list (param "items" (list u16)) (result (list u16)) (canon lift (core func $m "pair") (memory (core memory $m "memory")) (realloc (core func $m "realloc"))))
          (func $check (param "n" u32) (result (result u32 (error u32))) (canon lift (core func $m "check") (memory (core memory $m "memory"))))
          (func $some (param "n" (option u32)) (result u32) (canon lift (core func $m "some")))
          (func $count (result u32) (canon lift (core func $m "count")))
          (func $tick (canon lift (core func $m "tick")))
          (export "add" (func $add)) (export "echo" (func $echo)) (export "move" (func $move)) (export "list" (func $list)) (export "check" (func $check)) (export "some" (func $some)) (export "tick" (func $tick))
          (instance $a (export "count" (func $count)) (export "only-a" (func $count)))
          (instance $b (export "count" (func $count)))
          (export "test:cli/a@1.2.0" (instance $a))
          (export "test:cli/b@1.0.0" (instance $b)))
        """;

    /// <summary>Code that goes wrong in named functions.</summary>
    public const string Trapping = """
        (component
          (core module $inner
            (memory 1 1)
            (func $deeper (param i32) (result i32) (i32.div_u (i32.const 1) (local.get 0)))
            (func $deep (param i32) (result i32) (call $deeper (local.get 0)))
            (func (export "divide") (param i32) (result i32) (call $deep (local.get 0)))
            (func (export "forever") (loop $l (br $l)))
            (func $recurse (export "recurse") (call $recurse))
            (func (export "outside") (result i32) (i32.load (i32.const 100000)))
            (func (export "grow") (result i32) (memory.grow (i32.const 1))))
          (core instance $i (instantiate $inner))
          (func (export "divide") (param "by" u32) (result u32) (canon lift (core func $i "divide")))
          (func (export "forever") (canon lift (core func $i "forever")))
          (func (export "recurse") (canon lift (core func $i "recurse")))
          (func (export "outside") (result u32) (canon lift (core func $i "outside")))
          (func (export "grow") (result s32) (canon lift (core func $i "grow"))))
        """;

    /// <summary>Imports that no host has.</summary>
    public const string Unhosted = """
        (component
          (import "acme:rocket/launch@2.0.0" (instance (export "go" (func (param "n" u32)))))
          (import "acme:rocket/land@2.0.0" (instance (export "now" (func)))))
        """;

    /// <summary>
    /// Preview 1: writes its arguments and variables, a line each, then standard input; its exit code is the number of arguments.
    /// </summary>
    public const string Program = """
        (module
          (import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "args_get" (func $args (param i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "environ_sizes_get" (func $env_sizes (param i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "environ_get" (func $env (param i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
          (memory (export "memory") 1)
          (func $put (param $at i32) (param $bytes i32)
            (i32.store (i32.const 16) (local.get $at)) (i32.store (i32.const 20) (local.get $bytes))
            (drop (call $write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 24))))
          (func (export "_start")
            (drop (call $sizes (i32.const 0) (i32.const 4)))
            (drop (call $args (i32.const 1024) (i32.const 4096)))
            (call $put (i32.const 4096) (i32.load (i32.const 4)))
            (drop (call $env_sizes (i32.const 8) (i32.const 12)))
            (drop (call $env (i32.const 2048) (i32.const 8192)))
            (call $put (i32.const 8192) (i32.load (i32.const 12)))
            (i32.store (i32.const 32) (i32.const 16384)) (i32.store (i32.const 36) (i32.const 1000))
            (loop $more
              (drop (call $read (i32.const 0) (i32.const 32) (i32.const 1) (i32.const 40)))
              (if (i32.load (i32.const 40)) (then (call $put (i32.const 16384) (i32.load (i32.const 40))) (br $more))))
            (call $exit (i32.load (i32.const 0)))))
        """;

    /// <summary>A command that writes a line and answers ok or err.</summary>
    public static string Command(bool ok) => $$"""
        (component
          (import "wasi:io/error@0.2.0" (instance $error (export "error" (type (sub resource)))))
          (alias export $error "error" (type $error-t))
          (import "wasi:io/streams@0.2.0" (instance $streams
            (export "output-stream" (type $out (sub resource)))
            (alias outer 1 $error-t (type $et)) (export "error" (type $e (eq $et)))
            (type $se (variant (case "last-operation-failed" (own $e)) (case "closed"))) (export "stream-error" (type $stream-error (eq $se)))
            (export "[method]output-stream.blocking-write-and-flush" (func (param "self" (borrow $out)) (param "contents" (list u8)) (result (result (error $stream-error)))))))
          (alias export $streams "output-stream" (type $out))
          (import "wasi:cli/stdout@0.2.0" (instance $stdout
            (alias outer 1 $out (type $o)) (export "output-stream" (type $os (eq $o)))
            (export "get-stdout" (func (result (own $os))))))
          (alias export $streams "[method]output-stream.blocking-write-and-flush" (func $write))
          (alias export $stdout "get-stdout" (func $get))
          (core module $Memory (memory (export "memory") 1) (data (i32.const 64) "hello from a component\n"))
          (core instance $memory (instantiate $Memory))
          (core func $write' (canon lower (func $write) (memory (core memory $memory "memory"))))
          (core func $get' (canon lower (func $get)))
          (core module $M
            (import "h" "write" (func $write (param i32 i32 i32 i32))) (import "h" "get" (func $get (result i32)))
            (func (export "run") (result i32) (call $write (call $get) (i32.const 64) (i32.const 23) (i32.const 0)) (i32.const {{(ok ? 0 : 1)}})))
          (core instance $m (instantiate $M (with "h" (instance (export "write" (func $write')) (export "get" (func $get'))))))
          (func $run (result (result)) (canon lift (core func $m "run")))
          (instance $i (export "run" (func $run)))
          (export "wasi:cli/run@0.2.0" (instance $i)))
        """;

    /// <summary>Takes every message and does nothing with it; <paramref name="body"/> gives the place of the result.</summary>
    public static string Handler(string body = "(i32.const 16)") => $$"""
        (component
          (import "wasi:messaging/types@0.2.0-draft" (instance $types
            (export "message" (type (sub resource)))
            (type $e (variant (case "timeout") (case "connection" string) (case "permission-denied" string) (case "other" string)))
            (export "error" (type (eq $e)))))
          (alias export $types "message" (type $message))
          (alias export $types "error" (type $error))
          (core func $drop (canon resource.drop $message))
          (core module $M (import "h" "drop" (func $drop (param i32))) (memory (export "memory") 1)
            (func $handle (export "handle") (param i32) (result i32) (call $drop (local.get 0)) {{body}}))
          (core instance $m (instantiate $M (with "h" (instance (export "drop" (func $drop))))))
          (func $handle (param "message" (own $message)) (result (result (error $error))) (canon lift (core func $m "handle") (memory (core memory $m "memory"))))
          (instance $i (export "handle" (func $handle)))
          (export "wasi:messaging/incoming-handler@0.2.0-draft" (instance $i)))
        """;

    /// <summary>Reads the variable `token`, logs it, and answers with an error that has it.</summary>
    public const string Indiscreet = """
        (component
          (import "wasi:messaging/types@0.2.0-draft" (instance $types
            (export "message" (type (sub resource)))
            (type $e (variant (case "timeout") (case "connection" string) (case "permission-denied" string) (case "other" string)))
            (export "error" (type (eq $e)))))
          (alias export $types "message" (type $message))
          (alias export $types "error" (type $error))
          (import "wasi:config/store@0.2.0-rc.1" (instance $config
            (type $e (variant (case "upstream" string) (case "io" string)))
            (export "error" (type $error (eq $e)))
            (export "get" (func (param "key" string) (result (result (option string) (error $error)))))))
          (import "wasi:logging/logging@0.1.0-draft" (instance $logging
            (type $l (enum "trace" "debug" "info" "warn" "error" "critical"))
            (export "level" (type $level (eq $l)))
            (export "log" (func (param "level" $level) (param "context" string) (param "message" string)))))
          (core module $memory-module
            (memory (export "memory") 1)
            (global $at (mut i32) (i32.const 1024))
            (data (i32.const 64) "token")
            (func (export "realloc") (param i32 i32 i32) (param $size i32) (result i32)
              (global.set $at (i32.and (i32.add (global.get $at) (i32.const 7)) (i32.const -8)))
              (global.get $at) (global.set $at (i32.add (global.get $at) (local.get $size)))))
          (core instance $mem (instantiate $memory-module))
          (alias core export $mem "memory" (core memory $memory))
          (alias core export $mem "realloc" (core func $realloc))
          (core func $drop (canon resource.drop $message))
          (core func $get (canon lower (func $config "get") (memory $memory) (realloc $realloc)))
          (core func $log (canon lower (func $logging "log") (memory $memory) (realloc $realloc)))
          (core module $M
            (import "m" "memory" (memory 1))
            (import "h" "drop" (func $drop (param i32)))
            (import "h" "get" (func $get (param i32 i32 i32)))
            (import "h" "log" (func $log (param i32 i32 i32 i32 i32)))
            (func (export "handle") (param i32) (result i32)
              (call $drop (local.get 0))
              (call $get (i32.const 64) (i32.const 5) (i32.const 256))
              (call $log (i32.const 2) (i32.load (i32.const 264)) (i32.load (i32.const 268)) (i32.load (i32.const 264)) (i32.load (i32.const 268)))
              (i32.store (i32.const 128) (i32.const 1)) (i32.store (i32.const 132) (i32.const 3))
              (i32.store (i32.const 136) (i32.load (i32.const 264))) (i32.store (i32.const 140) (i32.load (i32.const 268)))
              (i32.const 128)))
          (core instance $m (instantiate $M (with "m" (instance $mem)) (with "h" (instance (export "drop" (func $drop)) (export "get" (func $get)) (export "log" (func $log))))))
          (func $handle (param "message" (own $message)) (result (result (error $error))) (canon lift (core func $m "handle") (memory $memory)))
          (instance $i (export "handle" (func $handle)))
          (export "wasi:messaging/incoming-handler@0.2.0-draft" (instance $i)))
        """;

    /// <summary>Answers each message with this text, on topic `out`.</summary>
    public static string Announcer(string text) => $$"""
        (component
          (import "wasi:messaging/types@0.2.0-draft" (instance $types
            (export "message" (type $message (sub resource)))
            (export "client" (type $client (sub resource)))
            (type $error-def (variant (case "timeout") (case "connection" string) (case "permission-denied" string) (case "other" string)))
            (export "error" (type $error (eq $error-def)))
            (export "[constructor]message" (func (param "data" (list u8)) (result (own $message))))
            (export "[static]client.connect" (func (param "name" string) (result (result (own $client) (error $error)))))))
          (alias export $types "message" (type $message))
          (alias export $types "client" (type $client))
          (alias export $types "error" (type $error))
          (import "wasi:messaging/producer@0.2.0-draft" (instance $producer
            (alias outer 1 $message (type $m)) (export "message" (type $message' (eq $m)))
            (alias outer 1 $client (type $c)) (export "client" (type $client' (eq $c)))
            (alias outer 1 $error (type $e)) (export "error" (type $error' (eq $e)))
            (export "send" (func (param "c" (borrow $client')) (param "topic" string) (param "message" (own $message')) (result (result (error $error')))))))
          (core module $memory-module
            (memory (export "memory") 1)
            (data (i32.const 16) "out") (data (i32.const 1024) "{{text}}")
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 8192)))
          (core instance $mem (instantiate $memory-module))
          (alias core export $mem "memory" (core memory $memory))
          (alias core export $mem "realloc" (core func $realloc))
          (core func $new (canon lower (func $types "[constructor]message") (memory $memory) (realloc $realloc)))
          (core func $connect (canon lower (func $types "[static]client.connect") (memory $memory) (realloc $realloc)))
          (core func $send (canon lower (func $producer "send") (memory $memory) (realloc $realloc)))
          (core func $drop (canon resource.drop $message))
          (core func $drop-client (canon resource.drop $client))
          (core module $main
            (import "m" "memory" (memory 0))
            (import "h" "new" (func $new (param i32 i32) (result i32)))
            (import "h" "connect" (func $connect (param i32 i32 i32)))
            (import "h" "send" (func $send (param i32 i32 i32 i32 i32)))
            (import "h" "drop" (func $drop (param i32)))
            (import "h" "drop-client" (func $drop-client (param i32)))
            (func (export "handle") (param $incoming i32) (result i32)
              (call $drop (local.get $incoming))
              (call $connect (i32.const 0) (i32.const 0) (i32.const 512))
              (call $send (i32.load (i32.const 516)) (i32.const 16) (i32.const 3) (call $new (i32.const 1024) (i32.const {{text.Length}})) (i32.const 528))
              (call $drop-client (i32.load (i32.const 516)))
              (i32.const 256)))
          (core instance $i (instantiate $main (with "m" (instance $mem))
            (with "h" (instance (export "new" (func $new)) (export "connect" (func $connect)) (export "send" (func $send)) (export "drop" (func $drop)) (export "drop-client" (func $drop-client))))))
          (func $handle (param "message" (own $message)) (result (result (error $error))) (canon lift (core func $i "handle") (memory $memory)))
          (instance $handler (export "handle" (func $handle)))
          (export "wasi:messaging/incoming-handler@0.2.0-draft" (instance $handler)))
        """;
}
