// wasi:random: every guest may have random numbers.
using System.Buffers.Binary;
using System.Security.Cryptography;
using Mote.Components;
using Mote.Components.Linking;
using Mote.Runtime;
using Mote.Wasmtime;

namespace Mote.Capabilities.Wasi.Random;

/// <summary>wasi:random/random.</summary>
[WitHost("wasi:random/random@0.2.12")]
public partial interface IRandom;

/// <summary>wasi:random/insecure.</summary>
[WitHost("wasi:random/insecure@0.2.12")]
public partial interface IInsecure;

/// <summary>wasi:random/insecure-seed.</summary>
[WitHost("wasi:random/insecure-seed@0.2.12")]
public partial interface IInsecureSeed;

/// <summary>Hosts wasi:random. The insecure interfaces are served from the secure source as well.</summary>
public sealed class RandomCapability : Capability<RandomGuest>
{
    /// <inheritdoc/>
    public override void Link(ComponentLinker linker)
    {
        IRandom.Define(linker, Guest);
        IInsecure.Define(linker, Guest);
        IInsecureSeed.Define(linker, Guest);
    }

    /// <inheritdoc/>
    protected override RandomGuest Prepare(MicroVm vm) => new();
}

/// <summary>wasi:random for one instance.</summary>
public sealed class RandomGuest : IRandom, IInsecure, IInsecureSeed
{
    /// <summary>Most bytes of one call; more is a fault of the guest, not a need.</summary>
    private const ulong MaxBytes = 16 << 20;

    private (ulong, ulong)? _seed;

    /// <inheritdoc/>
    public ReadOnlyMemory<byte> GetRandomBytes(ulong len) =>
        len <= MaxBytes ? RandomNumberGenerator.GetBytes((int)len) : throw new TrapException($"{len} random bytes in one call: at most {MaxBytes} are given");

    /// <inheritdoc/>
    public ulong GetRandomU64()
    {
        Span<byte> bytes = stackalloc byte[8];
        RandomNumberGenerator.Fill(bytes);
        return BinaryPrimitives.ReadUInt64LittleEndian(bytes);
    }

    /// <inheritdoc/>
    public ReadOnlyMemory<byte> GetInsecureRandomBytes(ulong len) => GetRandomBytes(len);

    /// <inheritdoc/>
    public ulong GetInsecureRandomU64() => GetRandomU64();

    /// <inheritdoc/>
    public (ulong, ulong) InsecureSeed() => _seed ??= (GetRandomU64(), GetRandomU64());
}
