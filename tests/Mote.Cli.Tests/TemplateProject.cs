// A project of a template, built as its user would; skips the test where the tools of its language cannot be had.
using System.Diagnostics;

namespace Mote.Cli.Tests;

internal static class TemplateProject
{
    /// <summary>Writes and builds a project in a folder; its path.</summary>
    public static string Build(TempFolder folder, string template, string name = "my-app")
    {
        string[] tools = template.EndsWith("-c", StringComparison.Ordinal) ? ["npm", "clang-19", "wasm-ld-19"] : ["npm"];
        Need(tools);
        MoteRun.RunIn(folder.Path, "new", "-t", template, name).Succeeded();
        BuildHere(folder[name], tools);
        return folder[name];
    }

    /// <summary>Builds a project that is there.</summary>
    public static void BuildHere(string folder, params string[] tools)
    {
        Need(tools);
        MoteResult build = MoteRun.RunIn(folder, "build");
        if (build.Error.Contains("`npm install", StringComparison.Ordinal)) Assert.Skip($"npm cannot get the packages of the template: {build.Error.Trim().Split('\n')[^2]}");
        build.Succeeded();
    }

    /// <summary>Skips the test where one of these programs is not there.</summary>
    public static void Need(string[] tools)
    {
        foreach (string tool in tools)
        {
            if (!IsInstalled(tool)) Assert.Skip($"{tool} is not installed");
        }
    }

    /// <summary>The first address with this scheme in a line: host and port.</summary>
    public static string Address(string line, string scheme)
    {
        string begin = $"{scheme}://";
        int at = line.IndexOf(begin, StringComparison.Ordinal) + begin.Length;
        return line[at..].Split(' ', '/')[0];
    }

    private static bool IsInstalled(string tool)
    {
        try
        {
            using Process process = Process.Start(new ProcessStartInfo(tool, "--version") { RedirectStandardOutput = true, RedirectStandardError = true })!;
            process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return true;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}
