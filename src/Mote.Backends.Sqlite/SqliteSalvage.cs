// A database that SQLite finds damaged: put aside, never deleted, and read as far as it can be.
using Microsoft.Data.Sqlite;

namespace Mote.Backends.Sqlite;

internal static class SqliteSalvage
{
    /// <summary>SQLITE_CORRUPT.</summary>
    public const int Corrupt = 11;

    /// <summary>SQLITE_NOTADB.</summary>
    public const int NotADatabase = 26;

    /// <summary>Renames a database with its journal, and gives its new name.</summary>
    public static string PutAside(string path)
    {
        string aside = path + ".damaged";
        for (int n = 1; File.Exists(aside); n++) aside = $"{path}.damaged-{n}";
        File.Move(path, aside);
        foreach (string suffix in (string[])["-wal", "-shm"])
        {
            if (File.Exists(path + suffix)) File.Move(path + suffix, aside + suffix);
        }

        return aside;
    }

    /// <summary>Gives each row of a table with an integer primary key `id` that can be read, past those that cannot.</summary>
    /// <param name="path">The damaged file.</param>
    /// <param name="query">Selects one row: ... WHERE id > $after ORDER BY id LIMIT 256.</param>
    /// <param name="row">Takes a row; its first column is the id.</param>
    /// <returns>How many places could not be read.</returns>
    public static long Walk(string path, string query, Action<SqliteDataReader> row)
    {
        long after = 0, lost = 0, step = 1;
        using var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = path, Pooling = false }.ToString());
        try
        {
            connection.Open();
        }
        catch (SqliteException)
        {
            return 1;
        }

        while (true)
        {
            bool any = false;
            try
            {
                using SqliteCommand c = connection.CreateCommand();
                c.CommandText = query;
                c.Parameters.AddWithValue("$after", after);
                using SqliteDataReader r = c.ExecuteReader();
                while (r.Read())
                {
                    any = true;
                    row(r);
                    after = r.GetInt64(0);
                    step = 1;
                }

                if (!any) return lost;
            }
            catch (SqliteException)
            {
                // Over the hole in growing steps, as far as ids go.
                lost++;
                if (step > 1L << 40) return lost;
                after += step;
                step *= 2;
            }
        }
    }
}
