// The status of an answer that a guest gave as an error.
using ErrorCode = Mote.Capabilities.Wasi.Http.IHttpTypes.ErrorCode;

namespace Mote.Triggers.Http;

internal static class HttpStatus
{
    /// <summary>What a client is told: its own mistakes as such, those of servers behind the guest as a gateway's, the rest as ours.</summary>
    public static (int Status, string Words) Of(ErrorCode error) => error switch
    {
        ErrorCode.HTTPRequestLengthRequired => (411, "the request needs a content-length\n"),
        ErrorCode.HTTPRequestBodySize => (413, "the request's body is too large\n"),
        ErrorCode.HTTPRequestMethodInvalid => (405, "the method is not allowed here\n"),
        ErrorCode.HTTPRequestURIInvalid => (400, "the request's target is not valid\n"),
        ErrorCode.HTTPRequestURITooLong => (414, "the request's target is too long\n"),
        ErrorCode.HTTPRequestHeaderSectionSize or ErrorCode.HTTPRequestHeaderSize or ErrorCode.HTTPRequestTrailerSectionSize or ErrorCode.HTTPRequestTrailerSize => (431, "the request's headers are too large\n"),
        ErrorCode.HTTPRequestDenied => (403, "the app may not do this\n"),
        ErrorCode.LoopDetected => (508, "a loop of requests\n"),
        ErrorCode.DNSTimeout or ErrorCode.ConnectionTimeout or ErrorCode.ConnectionReadTimeout or ErrorCode.ConnectionWriteTimeout or ErrorCode.HTTPResponseTimeout => (504, "a server behind the app did not answer in time\n"),
        ErrorCode.InternalError or ErrorCode.ConfigurationError => (500, "the app failed\n"),
        _ => (502, "a server behind the app failed\n"),
    };
}
