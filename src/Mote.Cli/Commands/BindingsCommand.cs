// mote bindings: a C header and the glue of the canonical ABI for a WIT world; and the packages of a world as files.
using System.CommandLine;
using Mote.Bindings.C;
using Mote.Capabilities;
using Mote.Packaging;
using Mote.Wit;

namespace Mote.Cli.Commands;

internal static class BindingsCommand
{
    public static Command Make()
    {
        var command = new Command("bindings", "Write bindings of a WIT world for a guest's language.");
        command.Add(C());
        command.Add(Packages());
        return command;
    }

    private static Command Packages()
    {
        var folder = new Argument<string>("DIR") { Description = "The folder with the world's .wit file.", DefaultValueFactory = _ => "wit" };
        var command = new Command("wit", "The hosted packages that a world uses, below its deps/: what toolchains of JavaScript, Rust, Go and Python read.") { folder };
        command.SetAction(r =>
        {
            string path = r.GetValue(folder)!;
            if (!Directory.Exists(path)) throw new CliException(ExitCode.NoInput, $"{path}: there is no such folder");
            IReadOnlyCollection<string> packages = WitPackages.Write(path);
            Console.WriteLine($"{Path.Combine(path, "deps")}: {(packages.Count == 0 ? "nothing is needed" : string.Join(", ", packages))}");
            return ExitCode.Ok;
        });
        return command;
    }

    private static Command C()
    {
        var wit = new Argument<string>("WIT") { Description = "A .wit file, or a folder with the world's package and, below it, packages that it uses. What is hosted here need not be there." };
        var world = new Option<string?>("--world") { Description = "The world, where there are several: NAME or ns:pkg/NAME.", HelpName = "NAME" };
        var output = new Option<string>("--out") { Description = "Folder for the two files.", HelpName = "DIR", DefaultValueFactory = _ => "." };
        var name = new Option<string?>("--name") { Description = "Name of the files and prefix of unnamed types (the world's name).", HelpName = "NAME" };
        var features = new Option<string[]>("--feature") { Description = "Take @unstable items of this feature.", HelpName = "NAME", DefaultValueFactory = _ => [] };
        var command = new Command("c", "A C header and source.") { wit, world, output, name, features };
        command.SetAction(r =>
        {
            string path = r.GetValue(wit)!;
            try
            {
                List<(string Path, string Text)> files = Read(path);
                WitWorld chosen = Find(WitResolver.Resolve(files, r.GetValue(features), HostedWit.Files()), files, path, r.GetValue(world));
                (string headerName, string header, string sourceName, string source) = CBindings.Generate(chosen, new CBindingsOptions { Name = r.GetValue(name) });
                string folder = Directory.CreateDirectory(r.GetValue(output)!).FullName;
                File.WriteAllText(Path.Combine(folder, headerName), header);
                File.WriteAllText(Path.Combine(folder, sourceName), source);
                Console.WriteLine($"{Path.Combine(r.GetValue(output)!, headerName)} and {sourceName}: bindings of {chosen.QualifiedName}");
                return ExitCode.Ok;
            }
            catch (Exception e) when (e is WitException or CBindingsException)
            {
                throw new CliException(ExitCode.BadInput, e.Message);
            }
        });
        return command;
    }

    private static List<(string Path, string Text)> Read(string path)
    {
        if (File.Exists(path)) return [(path, Text(path))];
        if (!Directory.Exists(path)) throw new CliException(ExitCode.NoInput, $"{path}: there is no such file or folder");
        List<(string Path, string Text)> files = [.. Directory.EnumerateFiles(path, "*.wit", SearchOption.AllDirectories).Order(StringComparer.Ordinal).Select(f => (f, Text(f)))];
        return files.Count > 0 ? files : throw new CliException(ExitCode.NoInput, $"{path}: there are no .wit files here");
    }

    private static string Text(string path)
    {
        try
        {
            return BoundedFile.ReadText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException(ExitCode.NoInput, $"{path}: {e.Message}");
        }
    }

    private static WitWorld Find(WitResolve resolve, List<(string Path, string Text)> files, string path, string? name)
    {
        // The worlds of the library and of deps/ are found by their full names only: the user's own are meant otherwise.
        string deps = Path.Combine(path, "deps") + Path.DirectorySeparatorChar;
        WitWorld[] own = [.. resolve.Packages.SelectMany(p => p.Worlds).Where(w => files.Any(f => !f.Path.StartsWith(deps, StringComparison.Ordinal) && f.Text.Contains($"package {w.Package!.Name};", StringComparison.Ordinal)))];
        if (name is null && own.Length == 1) return own[0];
        string list = own.Length == 0 ? "there are no worlds" : $"there are {string.Join(", ", own.Select(w => w.QualifiedName))}";
        if (name is null) throw new CliException(ExitCode.BadInput, $"{path}: say which world with --world: {list}");
        return resolve.FindWorld(name) ?? throw new CliException(ExitCode.BadInput, $"{path}: there is no world `{name}`: {list}");
    }
}
