// What generated bindings are made of: attributes that ask for them, and the types they use.
using System.ComponentModel;
using Mote.Components.Abi;
using Mote.Components.Linking;
using Mote.Components.Resources;
using Mote.Wasmtime;

namespace Mote.Components;

/// <summary>
/// On a partial interface: the generator fills in what a host implements for a WIT interface, and the code that
/// lifts and lowers for it. The WIT files are additional files of the project.
/// </summary>
/// <param name="name">The interface, <c>ns:pkg/iface@version</c>, or a world whose imported functions are meant.</param>
[AttributeUsage(AttributeTargets.Interface)]
public sealed class WitHostAttribute(string name) : Attribute
{
    /// <summary>The interface or world.</summary>
    public string Name { get; } = name;
}

/// <summary>On a partial class: the generator fills in calls of what a component exports.</summary>
/// <param name="name">The interface, <c>ns:pkg/iface@version</c>, or a world whose exported functions are meant.</param>
[AttributeUsage(AttributeTargets.Class)]
public sealed class WitGuestAttribute(string name) : Attribute
{
    /// <summary>The interface or world.</summary>
    public string Name { get; } = name;
}

/// <summary>Nothing: the payload of a result that has none.</summary>
public readonly record struct Unit;

/// <summary>WIT's result: a value or an error, as a value.</summary>
public readonly struct Result<T, TError>
{
    private readonly T _value;
    private readonly TError _error;

    private Result(bool ok, T value, TError error)
    {
        IsOk = ok;
        _value = value;
        _error = error;
    }

    /// <summary>True for a value, false for an error.</summary>
    public bool IsOk { get; }

    /// <summary>The value.</summary>
    /// <exception cref="InvalidOperationException">It is an error.</exception>
    public T Value => IsOk ? _value : throw new InvalidOperationException($"the result is an error: {_error}");

    /// <summary>The error.</summary>
    /// <exception cref="InvalidOperationException">It is a value.</exception>
    public TError Error => IsOk ? throw new InvalidOperationException("the result is no error") : _error;

    /// <summary>A value.</summary>
    public static Result<T, TError> Ok(T value) => new(true, value, default!);

    /// <summary>An error.</summary>
    public static Result<T, TError> Err(TError error) => new(false, default!, error);

    /// <summary>A value.</summary>
    public static implicit operator Result<T, TError>(T value) => Ok(value);

    /// <summary>An error.</summary>
    public static implicit operator Result<T, TError>(TError error) => Err(error);

    /// <inheritdoc/>
    public override string ToString() => IsOk ? $"ok({_value})" : $"err({_error})";
}

/// <summary>WIT's option where null cannot say it: an option of an option.</summary>
public readonly record struct Option<T>(bool IsSome, T Value)
{
    /// <summary>A value.</summary>
    public static Option<T> Some(T value) => new(true, value);

    /// <summary>None.</summary>
    public static Option<T> None => default;
}

/// <summary>An exported function of a linked component, found and checked once; called with any of its instances.</summary>
[EditorBrowsable(EditorBrowsableState.Advanced)]
public sealed class GuestExport
{
    private readonly Plan _plan;
    private readonly PlanLift _lift;

    private GuestExport(Plan plan, PlanLift lift)
    {
        _plan = plan;
        _lift = lift;
    }

    /// <summary>Finds an export; null where the component has none of this name.</summary>
    /// <exception cref="ComponentException">It has another type than <paramref name="typeText"/>.</exception>
    public static GuestExport? Find(InstanceTemplate template, string? typeText, params ReadOnlySpan<string> path)
    {
        if (template.FindExport(path) is not { Lift: >= 0 } export) return null;
        PlanLift lift = template.Plan.Lifts[export.Lift];
        string actual = Signature.Of(lift.Type, r => Resolver.ResourceName(template.Plan, r));
        if (typeText is not null && actual != typeText) throw new ComponentException(ComponentErrorKind.Link, $"export `{string.Join('#', path)}` has another type: the component has `{actual}`, this host calls `{typeText}`");
        return new GuestExport(template.Plan, lift);
    }

    /// <summary>Begins a call.</summary>
    /// <exception cref="ArgumentException">The instance is of another component: its functions are others, with other types.</exception>
    public GuestCall Begin(ComponentInstance instance)
    {
        if (!ReferenceEquals(instance.Template.Plan, _plan)) ThrowForeign();
        return new GuestCall(instance, _lift);
    }

    private static void ThrowForeign() => throw new ArgumentException("the instance is of another component than the one that was bound", "instance");
}

/// <summary>Handles and strings for generated bindings.</summary>
[EditorBrowsable(EditorBrowsableState.Advanced)]
public static class BindingExtensions
{
    /// <summary>
    /// The host object behind a handle that the guest lends for a call. It is not counted as lent: only the guest's
    /// realloc can run before the call returns, and that may not drop anything.
    /// </summary>
    public static T LiftBorrow<T>(this scoped in GuestContext cx, HostResource type, uint handle)
        where T : class => (T)cx.Handles.GetHandle(handle, type).Host!;

    /// <summary>The host object of a handle that the guest gives up.</summary>
    public static T LiftOwn<T>(this scoped in GuestContext cx, HostResource type, uint handle)
        where T : class => (T)cx.Handles.RemoveOwn(handle, type).Host!;

    /// <summary>A handle that the guest owns from now on.</summary>
    public static uint LowerOwn(this scoped in GuestContext cx, HostResource type, object value) => cx.Handles.AddOwn(type, 0, value);

    /// <summary>A handle that the guest may use until it returns.</summary>
    public static uint LowerBorrow(this scoped in GuestContext cx, HostResource type, object value) => cx.Handles.AddBorrow(type, 0, value, cx.Task!);

    /// <summary>A string of the guest.</summary>
    public static string LiftString(this scoped in GuestContext cx, uint offset, uint taggedUnits) => GuestStrings.Lift(cx, offset, taggedUnits);

    /// <summary>Copies a string into the guest and writes where it is to <paramref name="at"/>.</summary>
    public static void StoreString(this scoped ref GuestContext cx, uint at, string value)
    {
        uint offset = GuestStrings.Lower(ref cx, value, out uint units);
        cx.StoreU32(at, offset);
        cx.StoreU32(at + 4, units);
    }

    /// <summary>Copies a list of numbers into the guest and writes where it is to <paramref name="at"/>.</summary>
    public static void StoreNumbers<T>(this scoped ref GuestContext cx, uint at, ReadOnlySpan<T> values)
        where T : unmanaged
    {
        uint offset = cx.StoreSpan(values);
        cx.StoreU32(at, offset);
        cx.StoreU32(at + 4, (uint)values.Length);
    }

    /// <summary>Reads a list of numbers that lies in memory, as a copy.</summary>
    public static T[] LoadNumbers<T>(this scoped in GuestContext cx, uint at)
        where T : unmanaged => cx.LoadSpan<T>(cx.LoadU32(at), cx.LoadU32(at + 4)).ToArray();

    /// <summary>Copies a string into the guest; where it is goes into two core values.</summary>
    public static void LowerString(this scoped ref GuestContext cx, scoped Span<ValRaw> v, string value)
    {
        v[0].U64 = GuestStrings.Lower(ref cx, value, out uint units);
        v[1].U64 = units;
    }

    /// <summary>
    /// A resource of the guest's own that the host is given. The function's type was compared when it was bound; the
    /// name keeps one of another type out.
    /// </summary>
    public static ResourceHandle LiftGuestOwn(this scoped in GuestContext cx, string name, uint handle)
    {
        if (cx.Handles.Get(handle).Kind is not GuestResource type || type.Name != name) throw new TrapException($"handle index {handle} used with the wrong type, expected `{name}`");
        HandleTable.Entry taken = cx.Handles.RemoveOwn(handle, type);
        return new ResourceHandle(cx.Root, type, taken.Rep, taken.Host, owned: true);
    }

    /// <summary>Gives a guest its resource back.</summary>
    public static uint LowerGuestOwn(this scoped in GuestContext cx, ResourceHandle handle)
    {
        if (!handle.IsAlive || !handle.IsOwned) throw new InvalidOperationException("the resource was given up before, or is only borrowed");
        CheckInstance(cx, handle);
        handle.End();
        return cx.Handles.AddOwn(handle.Type, handle.Rep, handle.Host);
    }

    /// <summary>Lends a guest its resource for a call: it sees the representation.</summary>
    public static uint LowerGuestBorrow(this scoped in GuestContext cx, ResourceHandle handle)
    {
        if (!handle.IsAlive) throw new InvalidOperationException("the resource was given up before");
        CheckInstance(cx, handle);
        return handle.Type is GuestResource g && ReferenceEquals(g.Definer, cx.Instance) ? handle.Rep : cx.Handles.AddBorrow(handle.Type, handle.Rep, handle.Host, cx.Task!);
    }

    /// <summary>In another instance the representation would stand for something else.</summary>
    private static void CheckInstance(scoped in GuestContext cx, ResourceHandle handle)
    {
        if (!ReferenceEquals(handle.Instance, cx.Root)) throw new InvalidOperationException("the resource is of another instance");
    }

    /// <summary>A float as it crosses: every NaN is the canonical one.</summary>
    public static float Canonical(this float value) => Floats.Canonical(value);

    /// <summary>A float as it crosses: every NaN is the canonical one.</summary>
    public static double Canonical(this double value) => Floats.Canonical(value);
}
