// Which component answers a path: routes as in Spin, the most specific first.
namespace Mote.Triggers.Http;

/// <summary>A fault of a route.</summary>
public sealed class RouteException(string message) : Exception(message);

/// <summary>
/// A route: `/api` is that path alone, `/api/...` it and everything under it, `/items/:id` any one segment in place of
/// `:id`.
/// </summary>
public sealed class HttpRoute<T>
{
    private readonly string[] _segments;
    private readonly bool _isOpen;

    /// <summary>Reads a route.</summary>
    /// <exception cref="RouteException">It is not one.</exception>
    public HttpRoute(string pattern, T target)
    {
        Pattern = pattern;
        Target = target;
        if (!pattern.StartsWith('/')) throw new RouteException($"a route begins with a slash, `{pattern}` does not");
        if (pattern.AsSpan().ContainsAnyExceptInRange('!', '~') || pattern.AsSpan().ContainsAny("?#%")) throw new RouteException($"a route is the path of a URL, without spaces, `?`, `#` and `%`: `{pattern}` has one");
        _isOpen = pattern.EndsWith("/...", StringComparison.Ordinal);
        _segments = Segments(_isOpen ? pattern[..^4] : pattern);
        foreach (string s in _segments)
        {
            if (s.Contains("...", StringComparison.Ordinal)) throw new RouteException($"`...` stands alone at the end of a route: `{pattern}`");
            if (s is ":" or "") throw new RouteException($"`{pattern}` has a segment without a name");
        }
    }

    /// <summary>As it was written.</summary>
    public string Pattern { get; }

    /// <summary>Who answers.</summary>
    public T Target { get; }

    /// <summary>Two routes with the same shape answer the same paths.</summary>
    public string Shape => $"/{string.Join('/', _segments.Select(s => s[0] == ':' ? ":" : s))}{(_isOpen ? "/..." : "")}";

    internal string? Exact => _isOpen || _segments.Any(s => s[0] == ':') ? null : Pattern;

    internal bool Matches(ReadOnlySpan<char> path)
    {
        ReadOnlySpan<char> rest = path;
        foreach (string segment in _segments)
        {
            if (rest.IsEmpty || rest[0] != '/') return false;
            rest = rest[1..];
            int end = rest.IndexOf('/');
            ReadOnlySpan<char> here = end < 0 ? rest : rest[..end];
            if (segment[0] == ':' ? here.IsEmpty : !here.SequenceEqual(segment)) return false;
            rest = rest[here.Length..];
        }

        return _isOpen ? rest.IsEmpty || rest[0] == '/' : rest.IsEmpty || (rest.Length == 1 && rest[0] == '/' && _segments.Length == 0);
    }

    /// <summary>Before another: at the first segment that differs, a name goes before any one segment, and that before the rest of a path.</summary>
    internal static int Compare(HttpRoute<T> a, HttpRoute<T> b)
    {
        for (int i = 0; ; i++)
        {
            int kindA = a.Kind(i), kindB = b.Kind(i);
            if (kindA != kindB) return kindA - kindB;
            if (kindA >= End) return 0;
        }
    }

    private const int Name = 0, Any = 1, End = 2, Open = 3;

    private int Kind(int i) => i < _segments.Length ? _segments[i][0] == ':' ? Any : Name : _isOpen ? Open : End;

    private static string[] Segments(string path) => path.Trim('/').Length == 0 ? path.Length > 1 ? [""] : [] : path[1..].Split('/');
}

/// <summary>All routes of a node. Never changed: another table takes its place.</summary>
public sealed class HttpRoutes<T>
    where T : class
{
    private readonly Dictionary<string, HttpRoute<T>> _exact = new(StringComparer.Ordinal);
    private readonly Dictionary<string, List<HttpRoute<T>>> _byFirst = new(StringComparer.Ordinal);
    private readonly List<HttpRoute<T>> _rest = [];
    private readonly Dictionary<string, List<HttpRoute<T>>>.AlternateLookup<ReadOnlySpan<char>> _firstLookup;
    private readonly Dictionary<string, HttpRoute<T>>.AlternateLookup<ReadOnlySpan<char>> _exactLookup;

    /// <summary>A table.</summary>
    /// <exception cref="RouteException">Two routes answer the same paths.</exception>
    public HttpRoutes(IEnumerable<HttpRoute<T>> routes)
    {
        var shapes = new Dictionary<string, HttpRoute<T>>(StringComparer.Ordinal);
        foreach (HttpRoute<T> route in routes)
        {
            if (!shapes.TryAdd(route.Shape, route)) throw new RouteException($"two routes answer the same paths: `{shapes[route.Shape].Pattern}` and `{route.Pattern}`");
            if (route.Exact is { } path) _exact.Add(path, route);
            else if (First(route.Pattern) is [not ':', ..] first && !first.StartsWith("...", StringComparison.Ordinal)) Add(first, route);
            else _rest.Add(route);
        }

        foreach (List<HttpRoute<T>> list in _byFirst.Values) list.Sort(HttpRoute<T>.Compare);
        _rest.Sort(HttpRoute<T>.Compare);
        _firstLookup = _byFirst.GetAlternateLookup<ReadOnlySpan<char>>();
        _exactLookup = _exact.GetAlternateLookup<ReadOnlySpan<char>>();

        void Add(string first, HttpRoute<T> route)
        {
            if (!_byFirst.TryGetValue(first, out List<HttpRoute<T>>? list)) _byFirst.Add(first, list = []);
            list.Add(route);
        }
    }

    /// <summary>How many there are.</summary>
    public int Count => _exact.Count + _rest.Count + _byFirst.Values.Sum(l => l.Count);

    /// <summary>The most specific route of a path; null where none answers.</summary>
    /// <param name="path">The path as it came, without query.</param>
    public HttpRoute<T>? Find(ReadOnlySpan<char> path)
    {
        // 1. The path itself. 2. Routes that begin with its first segment. 3. Routes that begin with anything.
        if (_exactLookup.TryGetValue(path, out HttpRoute<T>? exact)) return exact;
        if (_byFirst.Count > 0 && _firstLookup.TryGetValue(First(path), out List<HttpRoute<T>>? list))
        {
            foreach (HttpRoute<T> route in list)
            {
                if (route.Matches(path)) return route;
            }
        }

        foreach (HttpRoute<T> route in _rest)
        {
            if (route.Matches(path)) return route;
        }

        return null;
    }

    private static string First(string path) => First(path.AsSpan()).ToString();

    private static ReadOnlySpan<char> First(ReadOnlySpan<char> path)
    {
        if (path.IsEmpty) return path;
        path = path[1..];
        int end = path.IndexOf('/');
        return end < 0 ? path : path[..end];
    }
}
