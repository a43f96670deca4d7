// What every source of a simulation produces.
namespace Mote.Cli.Simulation;

/// <summary>A message at a time of the simulation.</summary>
/// <param name="At">Time since the simulation's start.</param>
/// <param name="Topic">Where it is published.</param>
/// <param name="Payload">Its data.</param>
/// <param name="ContentType">What the data is.</param>
internal readonly record struct SimulatedMessage(TimeSpan At, string Topic, byte[] Payload, string ContentType);
