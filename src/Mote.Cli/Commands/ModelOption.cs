// --model NAME=FILE: models of wasi:nn for a program that has no manifest.
using System.CommandLine;
using Mote.Packaging;

namespace Mote.Cli.Commands;

internal static class ModelOption
{
    private const string Name = "--model";

    public static Option<string[]> Make() => new(Name)
    {
        Description = "A model, an ONNX file, that the program may load by NAME; may be repeated. It can load no others.",
        HelpName = "NAME=FILE",
        DefaultValueFactory = _ => [],
        Validators =
        {
            r =>
            {
                var names = new HashSet<string>();
                foreach (var t in r.Tokens)
                {
                    int at = t.Value.IndexOf('=');
                    if (at <= 0) r.AddError($"{Name} {t.Value}: write {Name} NAME=FILE");
                    else if (!names.Add(t.Value[..at])) r.AddError($"{Name} {t.Value}: another model is named `{t.Value[..at]}` already");
                    else if (!File.Exists(t.Value[(at + 1)..])) r.AddError($"{Name} {t.Value}: there is no file {t.Value[(at + 1)..]}");
                }
            },
        },
    };

    public static ModelsConfig Config(string[] values) => new()
    {
        Files = values.Select(SharedOptions.Pair).ToDictionary(p => p.Key, p => new ModelConfig(Path.GetFullPath(p.Value))),
    };
}
