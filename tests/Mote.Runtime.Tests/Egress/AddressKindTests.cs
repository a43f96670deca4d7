// What kind of place an address is, in every form in which an address can be dressed up.
using System.Net;
using System.Net.Sockets;
using Mote.Runtime.Egress;

namespace Mote.Runtime.Tests.Egress;

public sealed class AddressKindTests
{
    [Theory]
    [InlineData("8.8.8.8", AddressKind.Public)]
    [InlineData("2a00:1450::1", AddressKind.Public)]
    [InlineData("10.255.255.255", AddressKind.Private)]
    [InlineData("172.15.255.255", AddressKind.Public)]
    [InlineData("172.16.0.0", AddressKind.Private)]
    [InlineData("172.32.0.0", AddressKind.Public)]
    [InlineData("192.168.1.1", AddressKind.Private)]
    [InlineData("100.63.255.255", AddressKind.Public)]
    [InlineData("100.64.0.1", AddressKind.Private)]
    [InlineData("100.100.100.200", AddressKind.Metadata)]
    [InlineData("fd12::1", AddressKind.Private)]
    [InlineData("127.0.0.1", AddressKind.Loopback)]
    [InlineData("127.255.0.3", AddressKind.Loopback)]
    [InlineData("::1", AddressKind.Loopback)]
    [InlineData("0.0.0.0", AddressKind.Unspecified)]
    [InlineData("0.1.2.3", AddressKind.Unspecified)]
    [InlineData("::", AddressKind.Unspecified)]
    [InlineData("169.254.0.1", AddressKind.LinkLocal)]
    [InlineData("fe80::1", AddressKind.LinkLocal)]
    [InlineData("febf::1", AddressKind.LinkLocal)]
    [InlineData("169.254.169.254", AddressKind.Metadata)]
    [InlineData("fd00:ec2::254", AddressKind.Metadata)]
    [InlineData("168.63.129.16", AddressKind.Metadata)]
    [InlineData("fe80::a9fe:a9fe", AddressKind.Metadata)]
    [InlineData("224.0.0.1", AddressKind.Multicast)]
    [InlineData("239.255.255.255", AddressKind.Multicast)]
    [InlineData("ff02::1", AddressKind.Multicast)]
    [InlineData("255.255.255.255", AddressKind.Broadcast)]
    [InlineData("240.0.0.1", AddressKind.Reserved)]
    [InlineData("2001:db8::1", AddressKind.Reserved)]
    // One address inside another.
    [InlineData("::ffff:127.0.0.1", AddressKind.Loopback)]
    [InlineData("::ffff:169.254.169.254", AddressKind.Metadata)]
    [InlineData("::ffff:8.8.8.8", AddressKind.Public)]
    [InlineData("::127.0.0.1", AddressKind.Loopback)]
    [InlineData("::ffff:0:127.0.0.1", AddressKind.Loopback)]
    [InlineData("64:ff9b::127.0.0.1", AddressKind.Loopback)]
    [InlineData("64:ff9b::a9fe:a9fe", AddressKind.Metadata)]
    [InlineData("64:ff9b::8.8.8.8", AddressKind.Public)]
    [InlineData("64:ff9b::10.0.0.1", AddressKind.Private)]
    [InlineData("64:ff9b:1:7f00:0:100::", AddressKind.Loopback)]
    [InlineData("2002:7f00:1::", AddressKind.Loopback)]
    [InlineData("2002:a9fe:a9fe::1", AddressKind.Metadata)]
    [InlineData("2002:808:808::1", AddressKind.Public)]
    [InlineData("2001::80ff:fffe", AddressKind.Loopback)] // Teredo: the client's address with every bit turned
    [InlineData("2a00::5efe:127.0.0.1", AddressKind.Loopback)]
    [InlineData("fd00::200:5efe:169.254.169.254", AddressKind.Metadata)]
    public void Of_Address_IsItsKind(string address, AddressKind kind) => Assert.Equal(kind, AddressKinds.Of(IPAddress.Parse(address)));

    [Fact]
    public void Of_AnyAddressInsideAnother_IsNeverBetterThanTheInner()
    {
        var random = new Random(Seeds.Of(7));
        var bytes = new byte[4];
        for (int i = 0; i < 20_000; i++)
        {
            random.NextBytes(bytes);
            if (i % 3 == 0) bytes[0] = (byte)(i % 2 == 0 ? 127 : 169);
            if (i % 6 == 3) bytes[1] = 254;
            byte[] v4 = bytes;
            AddressKind kind = AddressKinds.Of(new IPAddress(v4));
            IPAddress[] dressed =
            [
                new([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, .. v4]),
                new([0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, .. v4]),
                new([0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0, .. v4]),
                new([0, 0x64, 0xff, 0x9b, 0, 1, v4[0], v4[1], 0, v4[2], v4[3], 0, 0, 0, 0, 0]),
                new([0x20, 0x02, .. v4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
                new([0x20, 0x01, 0, 0, 8, 8, 8, 8, 0, 0, 0, 0, (byte)~v4[0], (byte)~v4[1], (byte)~v4[2], (byte)~v4[3]]),
                new([0x2a, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0x5e, 0xfe, .. v4]),
            ];
            foreach (IPAddress a in dressed)
            {
                AddressKind outer = AddressKinds.Of(a);
                if (kind.IsSpecial()) Assert.True(outer.IsSpecial(), $"{a} is {outer}, {new IPAddress(v4)} in it is {kind}");
                if (kind == AddressKind.Private) Assert.NotEqual(AddressKind.Public, outer);
            }
        }
    }

    [Fact]
    public void Of_AnyAddress_AgreesWithTheSystemsOwnView()
    {
        var random = new Random(Seeds.Of(7));
        var bytes = new byte[16];
        for (int i = 0; i < 50_000; i++)
        {
            random.NextBytes(bytes);
            if (i % 2 == 0) (bytes[0], bytes[1]) = ((byte, byte))(i % 4 == 0 ? (0xfe, 0x80 + (i % 0x40)) : (0xff, i & 0xff));
            var a = new IPAddress(bytes);
            AddressKind kind = AddressKinds.Of(a);
            if (a.IsIPv6LinkLocal) Assert.Contains(kind, (AddressKind[])[AddressKind.LinkLocal, AddressKind.Metadata]);
            if (a.IsIPv6Multicast) Assert.Equal(AddressKind.Multicast, kind);
            if (IPAddress.IsLoopback(a)) Assert.Equal(AddressKind.Loopback, kind);
            if (a.IsIPv6UniqueLocal) Assert.NotEqual(AddressKind.Public, kind);
            Assert.Equal(kind, AddressKinds.Of(new IPAddress(bytes, 3))); // a zone changes nothing
        }
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("0.0.0.0")]
    [InlineData("255.255.255.255")]
    [InlineData("::1")]
    [InlineData("1:2:3:4:5:6:7:8")]
    [InlineData("::ffff:1.2.3.4")]
    public void TryParseAddress_OfOneForm_IsRead(string text) => Assert.True(AddressRange.TryParseAddress(text, out _));

    [Theory]
    [InlineData("")]
    [InlineData("2130706433")]
    [InlineData("0x7f000001")]
    [InlineData("0x7f.0.0.1")]
    [InlineData("0177.0.0.1")]
    [InlineData("127.1")]
    [InlineData("127.0.0.01")]
    [InlineData("127.0.0.1.")]
    [InlineData("127.0.0.1.1")]
    [InlineData("127.0.0.256")]
    [InlineData(" 127.0.0.1")]
    [InlineData("127.0.0.1 ")]
    [InlineData("１27.0.0.1")]
    [InlineData("+127.0.0.1")]
    [InlineData("fe80::1%eth0")]
    [InlineData("fe80::1%1")]
    [InlineData("[::1]")]
    [InlineData("[::1]:80")]
    [InlineData("::ffff:0177.0.0.1")]
    [InlineData("::ffff:0x7f.1")]
    [InlineData("::1/128")]
    [InlineData(":::")]
    [InlineData("1:2")]
    public void TryParseAddress_OfAnotherForm_IsNone(string text) => Assert.False(AddressRange.TryParseAddress(text, out _));

    [Fact]
    public void TryParseAddress_WhateverItReads_TheSystemReadsAlike()
    {
        var random = new Random(Seeds.Of(7));
        const string letters = "0123456789abcdefx.:%[]/ ";
        int read = 0;
        for (int i = 0; i < 200_000; i++)
        {
            string text = i % 2 == 0
                ? string.Concat(Enumerable.Range(0, random.Next(1, 16)).Select(_ => letters[random.Next(letters.Length)]))
                : string.Join('.', Enumerable.Range(0, random.Next(1, 6)).Select(_ => random.Next(5) == 0 ? $"0{random.Next(400)}" : $"{random.Next(300)}"));
            if (!AddressRange.TryParseAddress(text, out IPAddress? ours)) continue;
            read++;
            Assert.Equal(IPAddress.Parse(text), ours);
        }

        Assert.True(read > 1000);
    }

    [Theory]
    [InlineData("10.0.0.0/8", "10.255.1.2", true)]
    [InlineData("10.0.0.0/8", "11.0.0.0", false)]
    [InlineData("10.0.0.0/8", "::ffff:10.1.1.1", true)]
    [InlineData("::ffff:10.0.0.0/104", "10.1.1.1", true)]
    [InlineData("192.168.16.0/20", "192.168.31.255", true)]
    [InlineData("192.168.16.0/20", "192.168.32.0", false)]
    [InlineData("fd00::/8", "fdff::1", true)]
    [InlineData("fd00::/8", "10.0.0.1", false)]
    [InlineData("0.0.0.0/0", "::1", false)]
    [InlineData("10.0.0.7", "10.0.0.7", true)]
    [InlineData("10.0.0.7", "10.0.0.6", false)]
    public void Range_Contains(string range, string address, bool inside) => Assert.Equal(inside, AddressRange.Parse(range).Contains(IPAddress.Parse(address)));

    [Theory]
    [InlineData("10.0.0.1/8")]
    [InlineData("10.0.0.0/33")]
    [InlineData("10.0.0.0/")]
    [InlineData("10.0.0.0/08888")]
    [InlineData("10.0.0.0/-1")]
    [InlineData("fd00::/129")]
    [InlineData("::ffff:10.0.0.0/95")]
    [InlineData("fd00::1/64")]
    public void Range_ThatIsNone_IsRefused(string text) => Assert.False(AddressRange.TryParse(text, out _));
}
