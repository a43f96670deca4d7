// A component's store on a disk whose fsync fails and whose power is then cut: what a call has changed, and said so, is there.
using System.Diagnostics;
using Mote.Packaging;
using Mote.Tests.Servers;

namespace Mote.Node.Tests.Faults;

public sealed class FailingFsyncKeyValueTests : IDisposable
{
    private static readonly int s_rounds = Environment.GetEnvironmentVariable("MOTE_LONG") == "1" ? 60 : 3;
    private readonly string _folder = Directory.CreateTempSubdirectory("mote-fsync-tests-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Store_WhoseFsyncFailed_HasWhatWasWrittenAfterwards_WhenThePowerIsCut()
    {
        string? program = Environment.GetEnvironmentVariable("MOTE_BINARY");
        Assert.SkipUnless(File.Exists(program), "MOTE_BINARY names no published mote (./test makes one)");
        var disk = new FailingDisk(Path.Combine(_folder, "data"), Directory.CreateDirectory(Path.Combine(_folder, "disk")).FullName);
        File.WriteAllBytes(Path.Combine(_folder, "handler.wasm"), Handler.Wasm);
        File.WriteAllText(Path.Combine(_folder, AppManifest.FileName), TestSite.AppOnce);
        int port = Loopback.FreePort();
        // Nothing goes upstream, and nobody's count waits for the outbox: what a client hears of is what the store has said.
        File.WriteAllText(Path.Combine(_folder, "node.toml"), $"[node]\ndata = \"data\"\n[broker]\nlisten = \"127.0.0.1:{port}\"\n");
        long highest = 0;
        for (int round = 0; round < s_rounds; round++)
        {
            // 1. An fsync fails, and the node is killed: what it had not on disk looks well to the next one, which reads it from
            // the kernel's memory.
            await Run(async ears =>
            {
                long first = (await Counts(ears, 8)).Min();
                Assert.True(first > highest, $"round {round}: the store has said {highest}, and after the power cut it goes on at {first}");
                int before = Failed(ears);
                disk.Fail(100);
                await Wait.Until(() => Failed(ears) > before, () => "no write of the store fails");
            });
            disk.Fail(0);

            // 2. The disk is well again, and says yes to all that comes behind the hole. Then the power goes.
            await Run(async ears => await Counts(ears, 20));
            disk.CutPower();
        }

        async Task Run(Func<Client, Task> act)
        {
            using Process node = NodeProcess.Start(program!, _folder, disk.Environment);
            using var stop = new CancellationTokenSource();
            Task counting = Task.CompletedTask;
            try
            {
                await using Client ears = await Connect(port, node);
                await ears.Subscribe("counts");
                await ears.Subscribe("dead-letter/#");
                counting = NodeProcess.Publish(port, [], () => "c", stop.Token);
                await act(ears);
                node.Kill();
                await node.WaitForExitAsync(TestContext.Current.CancellationToken);
                highest = Math.Max(highest, Heard(ears).Max());
            }
            finally
            {
                if (!node.HasExited) node.Kill();
                await node.WaitForExitAsync(CancellationToken.None);
                await stop.CancelAsync();
                await counting;
            }
        }

        static int Failed(Client ears) => ears.Received.Count(m => m.Topic.StartsWith("dead-letter", StringComparison.Ordinal));

        static long[] Heard(Client ears) => [.. ears.Received.Where(m => m.Topic == "counts").Select(m => BitConverter.ToInt64(m.Data))];

        static async Task<long[]> Counts(Client ears, int count)
        {
            await Wait.Until(() => Heard(ears).Length >= count, () => $"{Heard(ears).Length} of {count} counts came");
            return Heard(ears);
        }
    }

    private static async Task<Client> Connect(int port, Process node)
    {
        for (long start = Stopwatch.GetTimestamp(); ;)
        {
            Assert.False(node.HasExited, "the node ended by itself");
            try
            {
                return await Client.Connect($"127.0.0.1:{port}");
            }
            catch (MQTTnet.Exceptions.MqttCommunicationException) when (Stopwatch.GetElapsedTime(start) < Client.Patience)
            {
                await Task.Delay(20, CancellationToken.None); // it is not there yet
            }
        }
    }
}
