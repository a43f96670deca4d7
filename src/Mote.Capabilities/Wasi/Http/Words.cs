// Methods and schemes, as text and as the interface has them.
using Method = Mote.Capabilities.Wasi.Http.IHttpTypes.Method;
using Scheme = Mote.Capabilities.Wasi.Http.IHttpTypes.Scheme;

namespace Mote.Capabilities.Wasi.Http;

/// <summary>Methods and schemes as text.</summary>
public static class Words
{
    /// <summary>Most characters of a method, scheme, authority or target that a guest sets.</summary>
    public const int MaxLength = 8 * 1024;

    /// <summary>A method of the wire.</summary>
    public static Method MethodOf(string text) => text switch
    {
        "GET" => Method.Get.Instance,
        "HEAD" => Method.Head.Instance,
        "POST" => Method.Post.Instance,
        "PUT" => Method.Put.Instance,
        "DELETE" => Method.Delete.Instance,
        "CONNECT" => Method.Connect.Instance,
        "OPTIONS" => Method.Options.Instance,
        "TRACE" => Method.Trace.Instance,
        "PATCH" => Method.Patch.Instance,
        _ => new Method.Other(text),
    };

    /// <summary>A method as it is on the wire.</summary>
    public static string TextOf(Method method) => method is Method.Other other ? other.Value : method.GetType().Name.ToUpperInvariant();

    /// <summary>A scheme of a URL.</summary>
    public static Scheme SchemeOf(string text) => text switch
    {
        "http" => Scheme.HTTP.Instance,
        "https" => Scheme.HTTPS.Instance,
        _ => new Scheme.Other(text),
    };

    /// <summary>A scheme as it is in a URL.</summary>
    public static string TextOf(Scheme scheme) => scheme switch
    {
        Scheme.HTTP => "http",
        Scheme.HTTPS => "https",
        Scheme.Other other => other.Value,
        _ => "",
    };
}
