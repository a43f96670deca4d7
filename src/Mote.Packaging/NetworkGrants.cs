// The grants `http` and `sockets`: where a component may send requests, connect and listen.
using Mote.Packaging.Toml;

namespace Mote.Packaging;

internal static class NetworkGrants
{
    /// <summary>Most entries of one list: each is looked at for each connection.</summary>
    public const int Max = 256;

    public delegate bool Parser<T>(string text, out T? grant, out string? fault);

    /// <summary>http = ["https://api.example.com"], sockets = ["tcp://db.local:5432"]; variables may stand in them.</summary>
    public static List<T> Read<T>(TomlTable grants, string key, Func<TomlNode, string, string> expand, Parser<T> parse)
    {
        string[] texts = grants.Strings(key);
        var all = new List<T>(texts.Length);
        for (int i = 0; i < texts.Length; i++)
        {
            TomlNode at = ((TomlList)grants.Values[key]).Items[i];
            if (i == Max) throw at.Error($"`{key}` has at most {Max} entries");
            if (!parse(expand(at, texts[i]), out T? grant, out string? fault)) throw at.Error($"`{key}`: {fault}");
            all.Add(grant!);
        }

        return all;
    }
}
