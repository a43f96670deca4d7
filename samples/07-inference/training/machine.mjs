// A machine that is made up: what an accelerometer on its housing measures, healthy or not. The same seed gives the same.
export const rate = 2000; // samples a second
export const scale = 0.001; // g, of one step of a 16-bit sample

/** Numbers from 0 to 1 (mulberry32). */
export const random = seed => () => {
  seed = (seed + 0x6d2b79f5) | 0;
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
};

/** Normally distributed numbers. */
export const normal = next => () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());

/**
 * Samples in g. The shaft turns 48 to 52 times a second; its unbalance, a coupling's second order and a gear's mesh of 5.2
 * orders are there always. `looseness` adds half orders, `bearing` a knock 3.6 times a turn that rings at 640 Hz.
 */
export const machine = (samples, seed, { looseness = 0, bearing = 0 } = {}) => {
  const next = random(seed), noise = normal(next);
  const shaft = 48 + 4 * next(), phases = Array.from({ length: 8 }, () => 2 * Math.PI * next());
  const load = 0.8 + 0.4 * next();
  const out = new Float64Array(samples);
  for (let i = 0; i < samples; i++) {
    const t = i / rate, turn = 2 * Math.PI * shaft * t;
    let g = load * (0.5 * Math.sin(turn + phases[0]) + 0.25 * Math.sin(2 * turn + phases[1]) + 0.15 * Math.sin(5.2 * turn + phases[2])) + 0.03 * noise();
    g += looseness * (0.3 * Math.sin(1.5 * turn + phases[3]) + 0.3 * Math.sin(3.5 * turn + phases[4]) + 0.2 * Math.sin(7.5 * turn + phases[5]));
    const since = (t * shaft * 3.6) % 1 / (shaft * 3.6);
    g += bearing * 1.5 * Math.exp(-since * 400) * Math.sin(2 * Math.PI * 640 * since);
    out[i] = g;
  }
  return out;
};
