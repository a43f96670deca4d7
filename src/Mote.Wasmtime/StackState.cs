// What libwasmtime keeps in a store for the one stack that runs in it. Where guests of one store have threads of their
// own, in turn, it is exchanged with each turn (ADR 11). The C API does not show it: the offsets are of the pinned version,
// and a probe checks them.
using System.Runtime.CompilerServices;
using Mote.Wasmtime.Native;

namespace Mote.Wasmtime;

/// <summary>A store's words for one stack: its limit, and where wasm was last entered and left.</summary>
[InlineArray(Count)]
public struct StackWords
{
    /// <summary>How many.</summary>
    public const int Count = 8;

    private nint _first;
}

/// <summary>Exchanges what belongs to a stack. For one store; one thread at a time.</summary>
public sealed unsafe class StackExchange
{
    // VMFuncRef: array call, wasm call, type, vmctx. VMContext: magic, store context. VMStoreContext (in words): the limit
    // is the fourth; exit frame, exit address, entry stack, entry frame, trap handler and the chain's two are the seventh on.
    private const int FuncContext = 3, ContextStore = 1, Limit = 3, Rest = 6;
    private const uint CoreMagic = 0x65726f63;

    private readonly nint* _words;

    private StackExchange(nint* words) => _words = words;

    /// <summary>The exchange of a function's store; null where libwasmtime keeps things elsewhere than it should.</summary>
    /// <param name="func">Any function of a core instance, of a store in which nothing runs.</param>
    public static StackExchange? Find(Func func)
    {
        // SAFETY: the handle of a function of a live store points to its VMFuncRef, which has four words; that to its
        // context, whose first word is checked before the second is followed.
        var reference = (nint*)func.Handle.Private;
        var context = (nint*)reference[FuncContext];
        if (context is null || *(uint*)context != CoreMagic) return null;
        var words = (nint*)context[ContextStore];
        // Nothing runs, so there is no limit, and wasm has neither been entered nor left.
        if (words is null || words[Limit] != -1) return null;
        for (int i = 0; i < 5; i++)
        {
            if (words[Rest + i] != 0) return null;
        }

        return new StackExchange(words);
    }

    /// <summary>Takes what is there.</summary>
    public StackWords Take()
    {
        StackWords taken = default;
        taken[0] = _words[Limit];
        for (int i = 1; i < StackWords.Count; i++) taken[i] = _words[Rest + i - 1];
        return taken;
    }

    /// <summary>Puts something in its place.</summary>
    public void Put(in StackWords words)
    {
        _words[Limit] = words[0];
        for (int i = 1; i < StackWords.Count; i++) _words[Rest + i - 1] = words[i];
    }
}
