// Rights of a preview-1 descriptor. They are what the guest sees and can give up; what it may do is decided by its grants.
namespace Mote.Capabilities.Wasi.Preview1;

[Flags]
internal enum Rights : ulong
{
    None = 0,
    FdDataSync = 1 << 0,
    FdRead = 1 << 1,
    FdSeek = 1 << 2,
    FdSetFlags = 1 << 3,
    FdSync = 1 << 4,
    FdTell = 1 << 5,
    FdWrite = 1 << 6,
    FdAdvise = 1 << 7,
    FdAllocate = 1 << 8,
    PathCreateDirectory = 1 << 9,
    PathCreateFile = 1 << 10,
    PathLinkSource = 1 << 11,
    PathLinkTarget = 1 << 12,
    PathOpen = 1 << 13,
    FdReadDir = 1 << 14,
    PathReadLink = 1 << 15,
    PathRenameSource = 1 << 16,
    PathRenameTarget = 1 << 17,
    PathStatusGet = 1 << 18,
    PathSetSize = 1 << 19,
    PathSetTimes = 1 << 20,
    FdStatusGet = 1 << 21,
    FdSetSize = 1 << 22,
    FdSetTimes = 1 << 23,
    PathSymlink = 1 << 24,
    PathRemoveDirectory = 1 << 25,
    PathUnlinkFile = 1 << 26,
    Poll = 1 << 27,

    /// <summary>All that applies to a folder.</summary>
    Folder = FdSetFlags | FdSync | FdAdvise | PathCreateDirectory | PathCreateFile | PathLinkSource | PathLinkTarget | PathOpen | FdReadDir | PathReadLink | PathRenameSource
        | PathRenameTarget | PathStatusGet | PathSetSize | PathSetTimes | FdStatusGet | FdSetTimes | PathSymlink | PathRemoveDirectory | PathUnlinkFile | Poll,

    /// <summary>All that applies to a file.</summary>
    File = FdDataSync | FdRead | FdSeek | FdSetFlags | FdSync | FdTell | FdWrite | FdAdvise | FdAllocate | FdStatusGet | FdSetSize | FdSetTimes | Poll,
}

[Flags]
internal enum FdFlags : ushort
{
    None = 0,
    Append = 1,
    DataSync = 2,
    NonBlocking = 4,
    ReadSync = 8,
    Sync = 16,
    All = 31,
}
