// wasi:nn as generated from wit/nn.
using Mote.Components;

namespace Mote.Capabilities.Nn;

/// <summary>wasi:nn/tensor.</summary>
[WitHost("wasi:nn/tensor@0.2.0-rc-2024-10-28")]
public partial interface INnTensors;

/// <summary>wasi:nn/graph.</summary>
[WitHost("wasi:nn/graph@0.2.0-rc-2024-10-28")]
public partial interface INnGraphs;

/// <summary>wasi:nn/inference.</summary>
[WitHost("wasi:nn/inference@0.2.0-rc-2024-10-28")]
public partial interface INnInference;

/// <summary>wasi:nn/errors.</summary>
[WitHost("wasi:nn/errors@0.2.0-rc-2024-10-28")]
public partial interface INnErrors;
