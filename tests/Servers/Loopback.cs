// Ports of this machine, for servers that tests start.
using System.Net;
using System.Net.Sockets;

namespace Mote.Tests.Servers;

internal static class Loopback
{
    // Ports for connections outward are from 32768 up on Linux (net.ipv4.ip_local_port_range): one of those may be the
    // near end of somebody's connection by the time a server wants it. These are not, and none is given twice.
    private const int First = 20_000, Count = 12_000;
    private static int s_next = Environment.ProcessId * 97;

    /// <summary>A port that nobody listens on, and that nobody else who asks here is given.</summary>
    public static int FreePort()
    {
        while (true)
        {
            int port = First + (int)((uint)Interlocked.Increment(ref s_next) % Count);
            try
            {
                using var probe = new TcpListener(IPAddress.Loopback, port);
                probe.Start();
                return port;
            }
            catch (SocketException)
            {
                // Somebody has it.
            }
        }
    }

    /// <summary>Whether somebody listens on a port.</summary>
    public static bool Listens(int port)
    {
        try
        {
            using var probe = new TcpClient();
            probe.Connect(IPAddress.Loopback, port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
