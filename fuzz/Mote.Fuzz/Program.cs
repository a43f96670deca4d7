// Seeded fuzzing; docs/fuzzing.md says how to use it and what was found.
using Mote.Fuzz;

Options options;
try
{
    if (args is ["--help" or "-h", ..])
    {
        Console.WriteLine(Options.Usage);
        Console.WriteLine($"\ntargets: {string.Join(", ", TargetList.Names)}");
        return 0;
    }

    options = Options.Parse(args);
    if (options.Target is not ("all" or TargetList.CrashForTests) && !TargetList.Names.Contains(options.Target)) throw new ArgumentException($"there is no target `{options.Target}`: {string.Join(", ", TargetList.Names)}");
}
catch (Exception e) when (e is ArgumentException or FormatException or OverflowException)
{
    Console.Error.WriteLine($"mote-fuzz: {e.Message}");
    return 64;
}

if (options.Reproduce is { } file)
{
    using Target target = TargetList.Make(options.Target == "all" ? Path.GetFileName(file).Split('-', '.')[0] : options.Target, options);
    (Outcome? outcome, string? fault) = (null, null);
    byte[] input = File.ReadAllBytes(file);
    var thread = new Thread(() => (outcome, fault) = Worker.Try(target, input), 1536 * 1024);
    thread.Start();
    thread.Join();
    Console.WriteLine(fault ?? outcome.ToString());
    return fault is null ? 0 : 1;
}

if (options.Child is not null)
{
    using Target target = TargetList.Make(options.Target, options);
    new Worker(target, options).Run();
    return 0;
}

var supervisor = new Supervisor(options, Console.Out);
long faults = 0;
foreach (string name in options.Target == "all" ? TargetList.Names : [options.Target]) faults += supervisor.Run(name).Faults;
return faults == 0 ? 0 : 1;
