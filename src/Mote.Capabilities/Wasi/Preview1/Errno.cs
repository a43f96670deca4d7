// Error numbers of WASI preview 1 (witx: typename errno), those that are used.
namespace Mote.Capabilities.Wasi.Preview1;

internal enum Errno : uint
{
    Success = 0,
    BadFile = 8,
    Fault = 21,
    Invalid = 28,
    Io = 29,
    NotASocket = 57,
    NotSupported = 58,
    IllegalSeek = 70,
    NoSystemCall = 52,
    Overflow = 61,
}
