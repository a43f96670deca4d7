// ./conformance PATH…: runs WAST scripts and prints a line for each file. ./conformance wasi DIR: runs WASI's test suite.
return args is ["wasi", ..]
    ? Mote.Conformance.Wasi.WasiProgram.Run(args[1..], Console.Out, Console.Error)
    : Mote.Conformance.ConformanceProgram.Run(args, Console.Out, Console.Error);
