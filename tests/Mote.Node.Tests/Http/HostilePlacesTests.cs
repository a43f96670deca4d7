// Apps that mean harm where the host calls them and they it, not in their own function: while they start, in realloc, in a
// destructor; and a node without room for another microVM.
using System.Diagnostics;
using System.Net;
using Mote.Wasmtime;

namespace Mote.Node.Tests.Http;

public sealed class HostilePlacesTests
{
    private const string Two = """
        mote = 1
        [app]
        name = "web"
        [[trigger.http]]
        route = "/..."
        component = "hostile"
        [[trigger.http]]
        route = "/good/..."
        component = "web"
        [component.hostile]
        source = "hostile.wasm"
        [component.hostile.limits]
        memory = "64MiB"
        time = "250ms"
        concurrency = 1
        [component.web]
        source = "web.wasm"
        """;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>An app whose parts are given; what is not given does no harm.</summary>
    private static byte[] App(string start = "", string realloc = "(i32.const 1024)", string destructor = "", string handle = "") => Wat.ToWasm($$"""
        (component
          (import "wasi:http/types@0.2.0" (instance $types
            (export "incoming-request" (type $request (sub resource)))
            (export "response-outparam" (type (sub resource)))
            (export "[method]incoming-request.path-with-query" (func (param "self" (borrow $request)) (result (option string))))))
          (alias export $types "incoming-request" (type $request))
          (alias export $types "response-outparam" (type $outparam))
          (alias export $types "[method]incoming-request.path-with-query" (func $path))
          (core module $libc
            (memory (export "memory") 1)
            (func $spin (export "spin") (loop $l (br $l)))
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) {{realloc}})
            (func (export "dtor") (param i32) {{destructor}}))
          (core instance $libc (instantiate $libc))
          (type $own (resource (rep i32) (dtor (core func $libc "dtor"))))
          (core func $new (canon resource.new $own))
          (core func $drop (canon resource.drop $own))
          (core func $path (canon lower (func $path) (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
          (core module $m
            (import "" "memory" (memory 1))
            (import "" "path" (func $path (param i32 i32)))
            (import "" "new" (func $new (param i32) (result i32)))
            (import "" "drop" (func $drop (param i32)))
            (table $t 1 externref)
            (func (export "handle") (param $request i32) (param $out i32) {{handle}})
            {{start}})
          (core instance $i (instantiate $m (with "" (instance
            (export "memory" (memory $libc "memory")) (export "path" (func $path)) (export "new" (func $new)) (export "drop" (func $drop))))))
          (func $handle (param "request" (own $request)) (param "response-out" (own $outparam)) (canon lift (core func $i "handle")))
          (instance $handler (export "handle" (func $handle)))
          (export "wasi:http/incoming-handler@0.2.0" (instance $handler)))
        """);

    private static byte[] Hostile(string place) => place switch
    {
        "start" => App(start: "(func $spin (loop $l (br $l))) (start $spin)"),
        "realloc" => App(realloc: "(call $spin) unreachable", handle: "(call $path (local.get $request) (i32.const 16))"),
        "destructor" => App(destructor: "(call $spin)", handle: "(call $drop (call $new (i32.const 1)))"),
        "table" => App(handle: """
            (loop $more (br_if $more (i32.ne (table.grow $t (ref.null extern) (i32.const 16)) (i32.const -1))))
            (loop $l (table.fill $t (i32.const 0) (ref.null extern) (table.size $t)) (br $l))
            """),
        "memory" => App(handle: """
            (loop $more (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
            (loop $l (memory.fill (i32.const 0) (i32.const 7) (i32.mul (i32.const 65536) (memory.size))) (br $l))
            """),
        _ => throw new ArgumentException(place),
    };

    [Theory]
    [InlineData("start")]
    [InlineData("realloc")]
    [InlineData("destructor")]
    [InlineData("table")]
    [InlineData("memory")]
    public async Task Guest_IsStoppedAtItsDeadline_AndTheNodeGoesOn(string place)
    {
        await using HttpSite site = await HttpSite.Start(Two, null, ("hostile.wasm", Hostile(place)));
        Assert.Equal("no such test\n", (await site.Get("/good/")).Text);
        for (int i = 1; i <= 3; i++)
        {
            long start = Stopwatch.GetTimestamp();
            (HttpStatusCode status, string text) = await site.Get("/");
            TimeSpan took = Stopwatch.GetElapsedTime(start);
            TestContext.Current.TestOutputHelper?.WriteLine($"{place}: answered {took.TotalMilliseconds - 250:0.0} ms after the deadline");
            Assert.Equal((HttpStatusCode.GatewayTimeout, "the app took too long\n"), (status, text));
            // Generous, because the machine is shared; the line above has what it was.
            Assert.InRange(took, TimeSpan.FromMilliseconds(250), TimeSpan.FromSeconds(6));
            Assert.Equal(i, site.Handler("hostile").Counts.Failed);
            Assert.Equal("no such test\n", (await site.Get("/good/")).Text);
        }

        Assert.Equal(3, site.Log.Count(l => l.Contains("longer than its limit of 250 ms (`time` under limits)", StringComparison.Ordinal)));
        await Wait.Until(() => site.Handler("hostile").Counts.Running == 0, () => "it runs on");
    }

    [Fact]
    public async Task NoRoomForAnotherMicroVm_Is503_Counted_AndPasses()
    {
        await using HttpSite site = await HttpSite.Start();
        Assert.Equal(HttpStatusCode.OK, (await site.Get("/hello")).Status);
        long before = site.Handler().Component.Usage.Counts.Refused;
        int taken = 0;
        while (site.Node.Mappings.TryTake()) taken++;
        long refused = site.Node.Mappings.Refused;
        for (int i = 1; i <= 3; i++)
        {
            using HttpClient client = site.Client();
            using HttpResponseMessage response = await client.GetAsync("/hello", Token);
            Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
            Assert.Equal(TimeSpan.FromSeconds(1), response.Headers.RetryAfter?.Delta);
            Assert.Equal("this node has no room for another microVM\n", await response.Content.ReadAsStringAsync(Token));
            Assert.Equal(refused + i, site.Node.Mappings.Refused);
            Assert.Equal(before + i, site.Handler().Component.Usage.Counts.Refused);
        }

        site.Node.Mappings.Give(taken);
        Assert.Equal(HttpStatusCode.OK, (await site.Get("/hello")).Status);
        Assert.Equal(refused + 3, site.Node.Mappings.Refused);
    }
}
