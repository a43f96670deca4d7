// mote view: lets whoever may use the node's data folder look at its cameras in a browser.
using System.CommandLine;
using System.Diagnostics;
using System.Net;
using System.Text.Json;
using Mote.Node;
using Mote.Node.View;
using Mote.Runtime;

namespace Mote.Cli.Commands;

internal static class ViewCommand
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    public static Command Make()
    {
        var node = new RunningNode();
        var noOpen = new Option<bool>("--no-open") { Description = "Only print the address, also where there is a display." };
        Option<bool> json = SharedOptions.Json();
        var command = new Command("view", "Look at the cameras of a running node, and what its apps make of them: prints an address for a browser on this device, which is good once and for two minutes, and opens it. The node has a view where node.toml has [view].");
        node.AddTo(command);
        command.Add(noOpen);
        command.Add(json);
        command.SetAction(async (r, token) =>
        {
            string folder = node.FolderOf(r);
            (ViewInvitation? invitation, bool runs) = await ControlClient.InviteAsync(folder, s_patience, token).ConfigureAwait(false);
            if (!runs) throw new CliException(ExitCode.Unavailable, RunningNode.NotRunning(folder));
            if (invitation is null) throw new CliException(ExitCode.Unavailable, "the node has no view: put [view] with address = \"127.0.0.1:8088\" into its node.toml, and start it anew");
            if (r.GetValue(json))
            {
                Console.Out.WriteLine(JsonSerializer.Serialize(invitation, StatusJson.Default.ViewInvitation));
                return ExitCode.Ok;
            }

            Console.Out.WriteLine(invitation.Url);
            Console.Error.WriteLine($"good once, until {invitation.Until.ToLocalTime():HH:mm:ss}");
            if (!r.GetValue(noOpen) && Opener() is { } opener) Open(opener, folder, invitation);
            return ExitCode.Ok;
        });
        return command;
    }

    /// <summary>What opens a page for the user who sits here; null where nobody does.</summary>
    private static string? Opener() =>
        OperatingSystem.IsMacOS() ? "open"
        : OperatingSystem.IsLinux() && (Environment.GetEnvironmentVariable("DISPLAY") ?? Environment.GetEnvironmentVariable("WAYLAND_DISPLAY")) is { Length: > 0 } ? "xdg-open"
        : null;

    /// <summary>
    /// The browser is given a file that leads to the address: arguments of a program can be read by every user of the
    /// machine, and the address lets in.
    /// </summary>
    private static void Open(string opener, string folder, ViewInvitation invitation)
    {
        string page = Path.Combine(folder, "view.html");
        try
        {
            using (var file = new StreamWriter(PrivateFile.Replace(page))) file.Write($"<!doctype html><meta charset=\"utf-8\"><meta http-equiv=\"refresh\" content=\"0; url={WebUtility.HtmlEncode(invitation.Url)}\"><title>mote view</title>\n");
            using Process? process = Process.Start(new ProcessStartInfo(opener, new Uri(page).AbsoluteUri) { RedirectStandardOutput = true, RedirectStandardError = true });
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or System.ComponentModel.Win32Exception)
        {
            Console.Error.WriteLine($"no browser could be opened ({e.Message}): open the address in one");
        }
    }
}
