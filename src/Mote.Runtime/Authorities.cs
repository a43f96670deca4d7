// Which servers are trusted where the operator names the authorities.
using System.Security.Cryptography.X509Certificates;

namespace Mote.Runtime;

/// <summary>Trust in authorities of the operator's own.</summary>
public static class Authorities
{
    /// <summary>
    /// Certificates must be from one of these, and of no other authority of this machine. Revocation lists would have to be
    /// fetched, over a link that may have nothing but the one server.
    /// </summary>
    public static X509ChainPolicy Only(X509Certificate2Collection authorities)
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.AddRange(authorities);
        return policy;
    }
}
