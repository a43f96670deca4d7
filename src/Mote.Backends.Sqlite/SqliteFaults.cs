// What SQLite says of a disk, in an operator's words.
using Microsoft.Data.Sqlite;

namespace Mote.Backends.Sqlite;

internal static class SqliteFaults
{
    private const int Io = 10, Full = 13, IoFsync = Io | (4 << 8), IoDirectoryFsync = Io | (5 << 8);

    public static string Describe(SqliteException e) => e switch
    {
        { SqliteErrorCode: Full } => "the disk is full: make room, or give the node another data folder",
        { SqliteExtendedErrorCode: IoFsync or IoDirectoryFsync } => "the disk does not confirm what is written (fsync fails): look at the storage (dmesg), or give the node another data folder",
        { SqliteErrorCode: Io } => $"the disk fails (SQLite's code {e.SqliteExtendedErrorCode}): look at the storage (dmesg), or give the node another data folder",
        _ => e.Message,
    };
}
