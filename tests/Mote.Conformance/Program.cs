// ./conformance PATH…: runs WAST scripts and prints a line for each file.
return Mote.Conformance.ConformanceProgram.Run(args, Console.Out, Console.Error);
