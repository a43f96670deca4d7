// The connections of one component's requests: made only to addresses that its grants allow, and kept for its next ones.
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Mote.Capabilities.Wasi.Net;
using Mote.Runtime;
using Mote.Runtime.Egress;
using ErrorCode = Mote.Capabilities.Wasi.Http.IHttpTypes.ErrorCode;

namespace Mote.Capabilities.Wasi.Http;

internal sealed class OutgoingConnections
{
    /// <summary>One of several addresses has this long before the next is tried.</summary>
    private static readonly TimeSpan s_perAddress = TimeSpan.FromSeconds(5);

    private readonly AppComponent _component;
    private readonly INameResolver _resolver;
    private readonly OutgoingOptions _options;
    private readonly EgressPolicy _policy;

    public OutgoingConnections(AppComponent component, INameResolver resolver, OutgoingOptions options)
    {
        _component = component;
        _resolver = resolver;
        _options = options;
        _policy = new EgressPolicy(component);
        Invoker = new HttpMessageInvoker(new SocketsHttpHandler
        {
            // Whatever would send a request elsewhere, or more than the guest wrote, is off.
            AllowAutoRedirect = false,
            UseProxy = false,
            UseCookies = false,
            AutomaticDecompression = DecompressionMethods.None,
            PreAuthenticate = false,
            Credentials = null,
            ConnectTimeout = options.ConnectTimeout,
            PooledConnectionIdleTimeout = options.IdleTimeout,
            PooledConnectionLifetime = options.Lifetime,
            MaxConnectionsPerServer = options.MostConnections,
            MaxResponseHeadersLength = options.MostHeaderKilobytes,
            MaxResponseDrainSize = 64 * 1024,
            ResponseDrainTimeout = TimeSpan.FromSeconds(1),
            RequestHeaderEncodingSelector = static (_, _) => Encoding.Latin1,
            ResponseHeaderEncodingSelector = static (_, _) => Encoding.Latin1,
            EnableMultipleHttp2Connections = true,
            ConnectCallback = Connect,
            SslOptions = { RemoteCertificateValidationCallback = CheckCertificate, CertificateChainPolicy = Policy(options.Authorities) },
        });
    }

    public HttpMessageInvoker Invoker { get; }

    /// <summary>Finds the addresses, keeps those that may be connected to, and connects to exactly one of them.</summary>
    private async ValueTask<Stream> Connect(SocketsHttpConnectionContext context, CancellationToken cancellation)
    {
        string scheme = context.InitialRequestMessage.RequestUri!.Scheme;
        context.InitialRequestMessage.Options.TryGetValue(OutgoingClient.ExchangeKey, out OutgoingExchange? exchange);
        if (!Authority.TryParse($"{Bracketed(context.DnsEndPoint.Host)}:{context.DnsEndPoint.Port}", 0, out Authority? to)) throw Failed(ErrorCode.HTTPRequestURIInvalid.Instance, "the authority is none");
        exchange?.Connecting();
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(exchange?.ConnectTimeout ?? _options.ConnectTimeout);
        try
        {
            IPAddress[] allowed = [.. (await AddressesOf(to, limit.Token).ConfigureAwait(false)).Where(a => _policy.AllowsHttpConnection(scheme, to, a))];
            if (allowed.Length == 0) throw Failed(ErrorCode.DestinationIPProhibited.Instance, $"{to} leads to no address that is granted");
            Socket socket = await ConnectToOne(allowed, to.Port, limit.Token).ConfigureAwait(false);
            exchange?.Connected();
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw Failed(ErrorCode.ConnectionTimeout.Instance, $"{to} did not take the connection in time");
        }
    }

    private async Task<IPAddress[]> AddressesOf(Authority to, CancellationToken cancellation)
    {
        if (to.Address is not null) return [AddressRange.Plain(to.Address)];
        Lookup found;
        try
        {
            // The lookup itself cannot be stopped; who waits for it can go away.
            found = await _resolver.LookUp(_component.App, to.Name!).WaitAsync(cancellation).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            cancellation.ThrowIfCancellationRequested();
            throw;
        }

        return found.Status switch
        {
            LookupStatus.Found => [.. found.Addresses.Select(AddressRange.Plain).Distinct()],
            LookupStatus.Temporary => throw Failed(new ErrorCode.DNSError(new IHttpTypes.DNSErrorPayload("SERVFAIL", null)), $"{to.Name} could not be looked up"),
            LookupStatus.NotFound => throw Failed(new ErrorCode.DNSError(new IHttpTypes.DNSErrorPayload("NXDOMAIN", null)), $"there is no {to.Name}"),
            _ => throw Failed(new ErrorCode.DNSError(new IHttpTypes.DNSErrorPayload(null, null)), $"{to.Name} could not be looked up"),
        };
    }

    private static async Task<Socket> ConnectToOne(IPAddress[] addresses, int port, CancellationToken cancellation)
    {
        for (int i = 0; ; i++)
        {
            bool last = i == addresses.Length - 1;
            var socket = new Socket(addresses[i].AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
                if (!last) limit.CancelAfter(s_perAddress);
                await socket.ConnectAsync(new IPEndPoint(addresses[i], port), limit.Token).ConfigureAwait(false);
                return socket;
            }
            catch (Exception e) when (!last && !cancellation.IsCancellationRequested && e is SocketException or OperationCanceledException)
            {
                socket.Dispose(); // the next one
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        }
    }

    private static bool CheckCertificate(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors) =>
        errors == SslPolicyErrors.None ? true : throw Failed(ErrorCode.TLSCertificateError.Instance, $"the server's certificate is not trusted: {errors}");

    private static X509ChainPolicy? Policy(X509Certificate2Collection? authorities) => authorities is null ? null : Authorities.Only(authorities);

    private static string Bracketed(string host) => host.Contains(':') && host[0] != '[' ? $"[{host}]" : host;

    private static HttpBodyException Failed(ErrorCode code, string message) => new(code, message);
}
