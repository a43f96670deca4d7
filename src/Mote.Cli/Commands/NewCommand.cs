// mote new: a project that builds and answers as it is.
using System.CommandLine;
using System.Text.RegularExpressions;

namespace Mote.Cli.Commands;

internal static partial class NewCommand
{
    private const int MaxName = 64;

    public static Command Make()
    {
        var name = new Argument<string?>("NAME") { Description = "The app's name: lowercase letters, digits and dashes.", Arity = ArgumentArity.ZeroOrOne };
        var template = new Option<string?>("--template", "-t") { Description = $"{string.Join(", ", Template.All.Select(t => t.Name))}.", HelpName = "TEMPLATE" };
        var output = new Option<string?>("--output", "-o") { Description = "The folder (one of the app's name, here).", HelpName = "DIR" };
        Option<bool> json = SharedOptions.Json();
        var command = new Command("new", "Write a project from a template; without one, list them.") { template, name, output, json };
        command.SetAction(r =>
        {
            if (r.GetValue(name) is not { } project)
            {
                if (r.GetValue(template) is not null) throw new CliException(ExitCode.Usage, "the project needs a name: mote new -t TEMPLATE NAME");
                List(r.GetValue(json));
                return ExitCode.Ok;
            }

            if (!NamePattern().IsMatch(project) || project.Length > MaxName) throw new CliException(ExitCode.Usage, $"`{project}` is no app's name: it may have lowercase letters, digits and dashes, begins with a letter, and has at most {MaxName} characters");
            Template chosen = Choose(r.GetValue(template));
            Write(chosen, project, r.GetValue(output) ?? project, r.GetValue(json));
            return ExitCode.Ok;
        });
        return command;
    }

    private static Template Choose(string? name) =>
        Template.All.FirstOrDefault(t => t.Name == name)
        ?? throw new CliException(ExitCode.Usage, $"{(name is null ? "which template? Say it with -t" : $"there is no template `{name}`")}: {string.Join(", ", Template.All.Select(t => t.Name))}");

    private static void List(bool json)
    {
        if (json)
        {
            ReportText.PrintJson(Console.Out, j =>
            {
                j.WriteStartArray("templates");
                foreach (Template t in Template.All)
                {
                    j.WriteStartObject();
                    j.WriteString("name", t.Name);
                    j.WriteString("description", t.Description);
                    j.WriteEndObject();
                }

                j.WriteEndArray();
            });
            return;
        }

        Console.WriteLine("mote new -t TEMPLATE NAME");
        ReportText.Print(Console.Out, Template.All.Select(t => (t.Name, t.Description)));
    }

    private static void Write(Template template, string project, string folder, bool json)
    {
        if (File.Exists(folder)) throw new CliException(ExitCode.BadInput, $"{folder}: this is a file; a project is a folder");
        if (Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any()) throw new CliException(ExitCode.BadInput, $"{folder}: the folder is not empty; choose another name or folder (--output)");
        IReadOnlyDictionary<string, string> files = template.Files(project);
        foreach ((string path, string text) in files)
        {
            string file = Path.Combine(folder, path);
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            File.WriteAllText(file, text);
        }

        WitPackages.Write(Path.Combine(folder, "wit"));
        if (json)
        {
            ReportText.PrintJson(Console.Out, j =>
            {
                j.WriteString("name", project);
                j.WriteString("template", template.Name);
                j.WriteString("folder", Path.GetFullPath(folder));
                j.WriteStartArray("files");
                foreach (string path in files.Keys) j.WriteStringValue(path);
                j.WriteEndArray();
            });
            return;
        }

        Console.WriteLine($"{folder}: {template.Description}");
        foreach (string path in files.Keys) Console.WriteLine($"  {path}");
        Console.WriteLine($"next: cd {folder} && mote build && mote up");
    }

    [GeneratedRegex(@"^[a-z][a-z0-9-]*\z")]
    private static partial Regex NamePattern();
}
