// Where an MQTT broker is and how to speak to it: what a trigger's broker and an upstream have in common.
using System.Net;
using System.Security.Authentication;
using MQTTnet;
using MQTTnet.Diagnostics.Logger;
using MQTTnet.Formatter;

namespace Mote.Triggers.Mqtt;

/// <summary>An MQTT broker elsewhere.</summary>
/// <param name="Url">mqtt://[user:password@]host[:port], or mqtts:// for TLS.</param>
/// <param name="Is311">MQTT 3.1.1 in place of 5.</param>
/// <param name="Tls">Files for TLS; null for the system's authorities and no certificate of the node's.</param>
public sealed record MqttEndpoint(Uri Url, bool Is311 = false, MqttTlsFiles? Tls = null)
{
    private bool IsTls => Url.Scheme == "mqtts";

    private int Port => Url.IsDefaultPort || Url.Port < 0 ? IsTls ? 8883 : 1883 : Url.Port;

    /// <summary>Host and port, for people.</summary>
    public string Address => $"{Url.Host}:{Port}";

    /// <summary>Reads the files for TLS, so that what is wrong with them is known before anything connects.</summary>
    /// <exception cref="AuthenticationException">They cannot be used.</exception>
    public void Check()
    {
        _ = Tls?.Authorities();
        _ = Tls?.Own();
    }

    internal static IMqttClient Client() => new MqttClientFactory(new MqttNetNullLogger()).CreateMqttClient();

    internal MqttClientOptionsBuilder Options(string clientId, TimeSpan timeout)
    {
        MqttClientOptionsBuilder options = new MqttClientOptionsBuilder()
            .WithTcpServer(Url.IdnHost, Port)
            .WithProtocolVersion(Is311 ? MqttProtocolVersion.V311 : MqttProtocolVersion.V500)
            .WithClientId(clientId)
            .WithTimeout(timeout);
        if (IsTls) options = options.WithStreamProvider(new MqttTls(Url.IdnHost, Tls ?? new MqttTlsFiles(null, null, null)));
        if (Url.UserInfo.Length > 0)
        {
            string[] parts = Url.UserInfo.Split(':', 2);
            options = options.WithCredentials(Uri.UnescapeDataString(parts[0]), parts.Length > 1 ? Uri.UnescapeDataString(parts[1]) : null);
        }

        return options;
    }

    /// <summary>True for what a broker says when it will not have this node, now or later.</summary>
    internal static bool IsMisconfigured(MqttClientConnectResultCode code) => code is
        MqttClientConnectResultCode.BadUserNameOrPassword or MqttClientConnectResultCode.NotAuthorized or MqttClientConnectResultCode.Banned
        or MqttClientConnectResultCode.ClientIdentifierNotValid or MqttClientConnectResultCode.BadAuthenticationMethod or MqttClientConnectResultCode.UnsupportedProtocolVersion;

    /// <summary>True for what a connection fails with: everything else is a fault of this program.</summary>
    internal static bool IsConnectionFault(Exception e) => e is MQTTnet.Exceptions.MqttCommunicationException or MQTTnet.Exceptions.MqttProtocolViolationException
        or InvalidOperationException or ObjectDisposedException or System.Net.Sockets.SocketException or IOException or AuthenticationException or OperationCanceledException;
}
