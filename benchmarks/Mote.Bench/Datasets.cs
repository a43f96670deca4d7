// Where real data is: ../shared/datasets, which is no part of the project.
namespace Mote.Bench;

internal static class Datasets
{
    /// <summary>The project's folder.</summary>
    public static string Root => Environment.GetEnvironmentVariable("MOTE_BENCH_ROOT") is { Length: > 0 } root ? root : throw new MissingException("MOTE_BENCH_ROOT is missing: run ./bench, which sets it");

    /// <summary>The folder of all sets.</summary>
    public static string Folder
    {
        get
        {
            string data = Environment.GetEnvironmentVariable("MOTE_DATASETS") is { Length: > 0 } d ? d : Path.Combine(Root, "..", "shared", "datasets");
            return Directory.Exists(data) ? data : throw new MissingException($"the data sets are not here: {Path.GetFullPath(data)} is missing (MOTE_DATASETS=DIR names another folder)");
        }
    }

    /// <summary>A file or folder of a set.</summary>
    public static string Need(string path) => File.Exists(path) || Directory.Exists(path) ? path : throw new MissingException($"a data set is not whole: {path} is missing");
}
