// wasi:sockets/ip-name-lookup, and the resolver whose lookups cannot be cancelled.
using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Mote.Capabilities.Wasi.Net;
using Mote.Components;
using Mote.Runtime;
using Mote.Wasmtime;
using static Mote.Capabilities.Tests.Guest;

namespace Mote.Capabilities.Tests.Network;

public sealed class LookupTests
{
    /// <summary>Names this whole lookup found, in order, or the error.</summary>
    private static string LookUp(NetGuest g, string name)
    {
        var begun = (ResultValue)g.Guest.Call(Wasi.Lookup, "resolve-addresses", g.Network, S(name))!;
        if (!begun.IsOk) return Show(begun);
        var all = new List<string>();
        while (true)
        {
            g.Wait("resolve-address-stream", begun.Payload!);
            var next = (ResultValue)g.Call("resolve-address-stream.resolve-next-address", begun.Payload!)!;
            if (!next.IsOk) return Show(next);
            if (((OptionValue)next.Payload!).Some is not { } address) return string.Join(' ', all);
            all.Add(Show(address));
        }
    }

    [Fact]
    public void Lookup_OfAGrantedName_GivesItsAddresses()
    {
        FakeNames names = new FakeNames().With("db.test", ["10.0.0.5", "fd00::5", "::ffff:10.0.0.6"]).With("xn--bcher-kva.test", ["10.0.0.7"]);
        using NetGuest g = NetGuest.Start(["tcp://*.test:5432"], names);
        Assert.Equal("ipv4((10, 0, 0, 5)) ipv6((64768, 0, 0, 0, 0, 0, 0, 5)) ipv4((10, 0, 0, 6))", LookUp(g, "DB.test."));
        Assert.Equal("ipv4((10, 0, 0, 7))", LookUp(g, "bücher.test"));
        Assert.Equal("err(name-unresolvable)", LookUp(g, "nobody.test"));
        Assert.Equal("ipv4((192, 0, 2, 1))", LookUp(g, "192.0.2.1"));
        Assert.Equal("ipv6((0, 0, 0, 0, 0, 0, 0, 1))", LookUp(g, "::1"));
        Assert.Equal(["db.test", "xn--bcher-kva.test", "nobody.test"], names.Asked);
    }

    [Fact]
    public void Lookup_OfAnotherName_IsDenied_AndNobodyIsAsked()
    {
        var names = new FakeNames();
        using NetGuest g = NetGuest.Start(["tcp://db.test:5432", "tcp://10.0.0.0/8:*", "tcp-listen://*:*"], names);
        Assert.Equal("err(access-denied)", LookUp(g, "secret-data.evil.test"));
        Assert.Equal("err(invalid-argument)", LookUp(g, "2130706433"));
        Assert.Equal("err(invalid-argument)", LookUp(g, "0x7f000001"));
        Assert.Equal("err(invalid-argument)", LookUp(g, "127.1"));
        Assert.Equal("err(invalid-argument)", LookUp(g, "a b"));
        Assert.Equal("err(invalid-argument)", LookUp(g, ""));
        Assert.Equal("err(invalid-argument)", LookUp(g, "fe80::1%eth0"));
        Assert.Empty(names.Asked);
        Assert.Contains(g.Guest.Denials, d => d.EndsWith("put under [component.guest.grants]: sockets = [\"tcp://secret-data.evil.test:PORT\"]", StringComparison.Ordinal));
    }

    [Fact]
    public void Lookup_OfLocalhost_BySystem_Works()
    {
        using NetGuest g = NetGuest.Start(["tcp://localhost:*"]);
        Assert.Contains("ipv4((127, 0, 0, 1))", LookUp(g, "localhost"), StringComparison.Ordinal);
    }

    [Fact]
    public void Lookup_ThatHangs_EndsWithTheDeadline_AndTheGuestsThreadIsFree()
    {
        using var never = new ManualResetEventSlim();
        var resolver = new SystemNameResolver(_ =>
        {
            never.Wait();
            return [IPAddress.Loopback];
        });
        using NetGuest g = NetGuest.Start(["tcp://*.test:1"], resolver, new MicroVmLimits { MemoryBytes = 1 << 26, Time = TimeSpan.FromMilliseconds(200) });
        Value stream = g.Guest.Ok(Wasi.Lookup, "resolve-addresses", g.Network, S("slow.test"))!;
        Assert.Equal("err(would-block)", g.Show("resolve-address-stream.resolve-next-address", stream));
        Assert.IsType<DeadlineException>(Assert.Throws<TrapException>(() => g.Wait("resolve-address-stream", stream)).InnerException);
        never.Set();
    }

    [Fact]
    public async Task Resolver_RunsABoundedNumber_AndAnAppHasHalfOfIt()
    {
        using var go = new ManualResetEventSlim();
        using var started = new SemaphoreSlim(0);
        int running = 0, most = 0;
        var byApp = new ConcurrentDictionary<char, int>();
        var mostByApp = new ConcurrentDictionary<char, int>();
        var gate = new Lock();
        IPAddress[] Slow(string name)
        {
            lock (gate)
            {
                most = Math.Max(most, ++running);
                mostByApp[name[0]] = Math.Max(mostByApp.GetValueOrDefault(name[0]), byApp.AddOrUpdate(name[0], 1, (_, n) => n + 1));
            }

            started.Release();
            go.Wait();
            lock (gate)
            {
                running--;
                byApp[name[0]]--;
            }

            return [IPAddress.Parse("10.0.0.1")];
        }

        var resolver = new SystemNameResolver(Slow);
        Task<Lookup>[] a = [.. Enumerable.Range(0, SystemNameResolver.WaitingOfOneApp + 20).Select(i => resolver.LookUp("a", $"a{i}.test"))];
        Task<Lookup>[] b = [.. Enumerable.Range(0, 20).Select(i => resolver.LookUp("b", $"b{i}.test"))];
        Assert.Same(b[0], resolver.LookUp("c", "b0.test")); // the same name is asked for once
        for (int i = 0; i < SystemNameResolver.Threads; i++) Assert.True(await started.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken));
        // What was refused until now depends on when the threads came; from now on nothing moves.
        var more = new List<Task<Lookup>>();
        do more.Add(resolver.LookUp("a", $"more{more.Count}.test"));
        while (!more[^1].IsCompleted);
        Assert.InRange(more.Count, 1, SystemNameResolver.ThreadsOfOneApp + 1);
        Assert.Equal(LookupStatus.Temporary, (await more[^1]).Status);
        go.Set();
        Lookup[] all = [.. await Task.WhenAll([.. a, .. more]), .. await Task.WhenAll(b)];
        Assert.Equal(SystemNameResolver.Threads, most);
        Assert.Equal(SystemNameResolver.ThreadsOfOneApp, mostByApp['a']);
        Assert.Equal(SystemNameResolver.ThreadsOfOneApp, mostByApp['b']);
        Assert.Equal(20 + SystemNameResolver.WaitingOfOneApp + SystemNameResolver.ThreadsOfOneApp, all.Count(l => l.Status == LookupStatus.Found));
        Assert.Equal(all.Length, all.Count(l => l.Status is LookupStatus.Found or LookupStatus.Temporary));
    }

    [Theory]
    [InlineData(SocketError.HostNotFound, LookupStatus.NotFound, "name-unresolvable")]
    [InlineData(SocketError.NoData, LookupStatus.NotFound, "name-unresolvable")]
    [InlineData(SocketError.TryAgain, LookupStatus.Temporary, "temporary-resolver-failure")]
    [InlineData(SocketError.NoRecovery, LookupStatus.Permanent, "permanent-resolver-failure")]
    public async Task Resolver_Failure_IsAValue(SocketError error, LookupStatus status, string code)
    {
        var resolver = new SystemNameResolver(_ => throw new SocketException((int)error));
        Assert.Equal(status, (await resolver.LookUp("app", "a.test")).Status);
        using NetGuest g = NetGuest.Start(["tcp://a.test:1"], resolver);
        Assert.Equal($"err({code})", LookUp(g, "a.test"));
        Assert.Equal(LookupStatus.Permanent, (await new SystemNameResolver(_ => throw new InvalidOperationException()).LookUp("app", "b.test")).Status);
        Assert.Equal(LookupStatus.NotFound, (await new SystemNameResolver(_ => []).LookUp("app", "c.test")).Status);
    }
}
