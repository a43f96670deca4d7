// Something in use that can be replaced meanwhile: whoever has begun with the old goes on with it, whoever comes after
// gets the new, and the old is disposed of when its last user is done.
namespace Mote.Runtime;

/// <summary>Holds the one of several successive values that is in use. Safe to use from many threads.</summary>
/// <typeparam name="T">What is replaced.</typeparam>
public sealed class Replaceable<T> : IDisposable
    where T : class, IDisposable
{
    private volatile Counted _now;

    /// <summary>Begins with a value, which belongs to this from now on.</summary>
    public Replaceable(T value) => _now = new Counted(value);

    /// <summary>The value in use, for looking at it: it may be replaced and disposed of at any time.</summary>
    public T Now => _now.Value;

    /// <summary>Takes the value in use; it stays as it is until this is given back.</summary>
    /// <exception cref="ObjectDisposedException">All of it is over.</exception>
    public Lease Take()
    {
        while (true)
        {
            Counted now = _now;
            if (now.TryEnter()) return new Lease(now);
            // Replaced between the two lines above, or over.
            ObjectDisposedException.ThrowIf(ReferenceEquals(now, _now), this);
        }
    }

    /// <summary>Replaces the value. The old one is disposed of now, or by its last user.</summary>
    public void Replace(T value) => Interlocked.Exchange(ref _now, new Counted(value)).Leave();

    /// <summary>Disposes of the value, now or by its last user. Not to be called together with <see cref="Replace"/>.</summary>
    public void Dispose() => _now.Close();

    /// <summary>Use of a value; dispose of it once.</summary>
    public readonly struct Lease : IDisposable
    {
        private readonly Counted _counted;

        internal Lease(Counted counted) => _counted = counted;

        /// <summary>The value.</summary>
        public T Value => _counted.Value;

        /// <inheritdoc/>
        public void Dispose() => _counted.Leave();
    }

    /// <summary>A value with the number of its users, of whom the holder is one.</summary>
    internal sealed class Counted(T value)
    {
        private int _users = 1;
        private int _closed;

        public T Value => value;

        public bool TryEnter()
        {
            int users = Volatile.Read(ref _users);
            while (users > 0)
            {
                int found = Interlocked.CompareExchange(ref _users, users + 1, users);
                if (found == users) return true;
                users = found;
            }

            return false;
        }

        public void Leave()
        {
            if (Interlocked.Decrement(ref _users) == 0) value.Dispose();
        }

        public void Close()
        {
            if (Interlocked.Exchange(ref _closed, 1) == 0) Leave();
        }
    }
}
