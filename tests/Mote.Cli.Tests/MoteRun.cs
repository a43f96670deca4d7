// One run of the program.
using System.Diagnostics;

namespace Mote.Cli.Tests;

/// <summary>What a run ended with.</summary>
internal sealed record MoteResult(int Code, string Out, string Error)
{
    /// <summary>It failed as it should: this code, one line on standard error, nothing of our own code in it.</summary>
    public string FailedWith(int code)
    {
        Assert.True(Code == code, $"exit code {Code} in place of {code}\n{Out}\n{Error}");
        string line = Assert.Single(Error.TrimEnd('\n').Split('\n'));
        Assert.StartsWith("mote: ", line);
        NoInternals();
        return line;
    }

    /// <summary>It failed as it should, after it had said other things on standard error.</summary>
    public string Failed(int code)
    {
        Assert.True(Code == code, $"exit code {Code} in place of {code}\n{Out}\n{Error}");
        NoInternals();
        return Assert.Single(Error.Split('\n'), l => l.StartsWith("mote: ", StringComparison.Ordinal));
    }

    /// <summary>What it printed; it did not fail.</summary>
    public string Succeeded()
    {
        Assert.True(Code == 0, $"exit code {Code}\n{Out}\n{Error}");
        NoInternals();
        return Out;
    }

    /// <summary>No stack trace, no internal error.</summary>
    public void NoInternals()
    {
        foreach (string text in (string[])[Out, Error])
        {
            Assert.DoesNotContain("   at Mote.", text);
            Assert.DoesNotContain("   at System.", text);
            Assert.DoesNotContain("internal error", text);
            Assert.DoesNotContain("Unhandled", text);
        }
    }
}

/// <summary>Starts the program, with a cache of its own and without the variables that change what it does.</summary>
internal sealed class MoteRun : IDisposable
{
    /// <summary>Nothing here takes as long, except on a machine that does something else.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    /// <summary>Builds install packages and run compilers of their own.</summary>
    private static readonly TimeSpan s_buildPatience = TimeSpan.FromMinutes(5);

    private static readonly Lazy<string> s_cache = new(() =>
    {
        string folder = Directory.CreateTempSubdirectory("mote-cli-tests-").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(folder, recursive: true);
        return folder;
    });

    private readonly Process _process;
    private readonly Lock _lock = new();
    private readonly List<string> _lines = [];
    private readonly TaskCompletionSource _outEnd = new(), _errorEnd = new();
    private readonly System.Text.StringBuilder _out = new(), _error = new();

    private MoteRun(string[] arguments, IReadOnlyDictionary<string, string>? environment, string? folder, string[]? program = null)
    {
        program ??= [MoteBinary.Path];
        var info = new ProcessStartInfo(program[0], program[1..]) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string a in arguments) info.ArgumentList.Add(a);
        if (folder is not null) info.WorkingDirectory = folder;
        foreach (string name in (string[])["MOTE_DEBUG", "MOTE_HOME"]) info.Environment.Remove(name);
        info.Environment["XDG_CACHE_HOME"] = s_cache.Value;
        foreach ((string name, string value) in environment ?? new Dictionary<string, string>()) info.Environment[name] = value;
        _process = new Process { StartInfo = info };
        _process.OutputDataReceived += (_, e) => Take(e.Data, _out, _outEnd);
        _process.ErrorDataReceived += (_, e) => Take(e.Data, _error, _errorEnd);
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>Runs it to its end.</summary>
    public static MoteResult Run(params string[] arguments) => RunWith(null, null, arguments);

    /// <summary>Runs it to its end, with standard input and variables.</summary>
    public static MoteResult RunWith(string? input, IReadOnlyDictionary<string, string>? environment, params string[] arguments)
    {
        using var run = new MoteRun(arguments, environment, null);
        if (input is not null) run._process.StandardInput.Write(input);
        run._process.StandardInput.Close();
        return run.End();
    }

    /// <summary>Runs another build of it to its end: the program, and what comes before the arguments.</summary>
    public static MoteResult RunOther(string[] program, params string[] arguments)
    {
        using var run = new MoteRun(arguments, null, null, program);
        run._process.StandardInput.Close();
        return run.End();
    }

    /// <summary>Runs it to its end in a folder.</summary>
    public static MoteResult RunIn(string folder, params string[] arguments)
    {
        using var run = new MoteRun(arguments, null, folder);
        run._process.StandardInput.Close();
        return run.End(s_buildPatience);
    }

    /// <summary>Starts it, and leaves it running.</summary>
    public static MoteRun Start(params string[] arguments) => StartWith(null, arguments);

    /// <summary>Starts it with variables of the environment, and leaves it running.</summary>
    public static MoteRun StartWith(IReadOnlyDictionary<string, string>? environment, params string[] arguments)
    {
        var run = new MoteRun(arguments, environment, null);
        run._process.StandardInput.Close();
        return run;
    }

    /// <summary>Waits for a line, on either output, that has this text.</summary>
    public string WaitFor(string text)
    {
        long start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(start) < s_patience)
        {
            lock (_lock)
            {
                if (_lines.FirstOrDefault(l => l.Contains(text)) is { } line) return line;
            }

            if (_process.HasExited && _outEnd.Task.IsCompleted && _errorEnd.Task.IsCompleted) break;
            Thread.Sleep(10); // the next look, not a guess at how long it takes
        }

        throw new InvalidOperationException($"no line with `{text}`:\n{_out}\n{_error}");
    }

    /// <summary>Sends a signal.</summary>
    public void Signal(string name)
    {
        using Process kill = Process.Start("kill", [$"-{name}", $"{_process.Id}"]);
        kill.WaitForExit();
        Assert.Equal(0, kill.ExitCode);
    }

    /// <summary>Waits for its end.</summary>
    public MoteResult End() => End(s_patience);

    private MoteResult End(TimeSpan patience)
    {
        if (!_process.WaitForExit(patience)) throw new InvalidOperationException($"it does not end: {string.Join(' ', _process.StartInfo.ArgumentList)}\n{_out}\n{_error}");
        Task.WaitAll(_outEnd.Task, _errorEnd.Task);
        return new MoteResult(_process.ExitCode, _out.ToString(), _error.ToString());
    }

    public void Dispose()
    {
        if (!_process.HasExited) _process.Kill();
        _process.Dispose();
    }

    private void Take(string? line, System.Text.StringBuilder into, TaskCompletionSource end)
    {
        if (line is null)
        {
            end.TrySetResult();
            return;
        }

        lock (_lock)
        {
            into.Append(line).Append('\n');
            _lines.Add(line);
        }
    }
}
