// Trains the vibration autoencoder and writes it as ONNX: node train.mjs [vibration.onnx]. Plain stochastic gradient descent
// on a machine that machine.mjs makes up; nothing but Node.js is needed. It takes some seconds.
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { machine, normal, random } from './machine.mjs';
import { attribute, constant, model, node } from './onnx.mjs';

const WINDOW = 64, HIDDEN = 16; // 64 samples are squeezed through 16 numbers and should come out again
const STEPS = 400_000, SEED = 7;

const next = random(SEED), gauss = normal(next);
const matrix = (rows, columns) => Float64Array.from({ length: rows * columns }, () => gauss() / Math.sqrt(rows));
const encode = matrix(WINDOW, HIDDEN), decode = matrix(HIDDEN, WINDOW), encodeBias = new Float64Array(HIDDEN), decodeBias = new Float64Array(WINDOW);
const hidden = new Float64Array(HIDDEN), error = new Float64Array(WINDOW), back = new Float64Array(HIDDEN);

/** Mean squared error of what comes out for samples[at..]; the errors stay in `error`. */
const forward = (samples, at) => {
  for (let h = 0; h < HIDDEN; h++) {
    let sum = encodeBias[h];
    for (let i = 0; i < WINDOW; i++) sum += samples[at + i] * encode[i * HIDDEN + h];
    hidden[h] = Math.tanh(sum);
  }
  let squares = 0;
  for (let i = 0; i < WINDOW; i++) {
    let sum = decodeBias[i];
    for (let h = 0; h < HIDDEN; h++) sum += hidden[h] * decode[h * WINDOW + i];
    error[i] = sum - samples[at + i];
    squares += error[i] * error[i];
  }
  return squares / WINDOW;
};

const learn = (samples, at, speed) => {
  forward(samples, at);
  for (let h = 0; h < HIDDEN; h++) {
    let sum = 0;
    for (let i = 0; i < WINDOW; i++) sum += error[i] * decode[h * WINDOW + i];
    back[h] = sum * (1 - hidden[h] * hidden[h]);
  }
  for (let i = 0; i < WINDOW; i++) {
    decodeBias[i] -= speed * error[i];
    for (let h = 0; h < HIDDEN; h++) decode[h * WINDOW + i] -= speed * error[i] * hidden[h];
    for (let h = 0; h < HIDDEN; h++) encode[i * HIDDEN + h] -= speed * back[h] * samples[at + i];
  }
  for (let h = 0; h < HIDDEN; h++) encodeBias[h] -= speed * back[h];
};

const recordings = Array.from({ length: 200 }, (_, i) => machine(4096, 1000 + i));
for (let step = 0; step < STEPS; step++) {
  const recording = recordings[Math.floor(next() * recordings.length)];
  learn(recording, Math.floor(next() * (recording.length - WINDOW)), 0.02 * (1 - step / STEPS) + 0.0005);
}

/** All windows' errors of a recording, one behind the other. */
const errors = recording => Array.from({ length: Math.floor(recording.length / WINDOW) }, (_, k) => forward(recording, k * WINDOW));
const share = (list, limit) => (100 * list.filter(e => e > limit).length / list.length).toFixed(1);

// The limit is what one window of a hundred of healthy machines goes beyond, on machines that were not learned from.
const healthy = Array.from({ length: 100 }, (_, i) => errors(machine(4096, 5000 + i))).flat().sort((a, b) => a - b);
const limit = healthy[Math.floor(healthy.length * 0.99)];
for (const [name, fault] of [['healthy', {}], ['looseness', { looseness: 1 }], ['bearing', { bearing: 1 }]]) {
  const list = Array.from({ length: 50 }, (_, i) => errors(machine(4096, 9000 + i, fault))).flat();
  console.log(`${name.padEnd(10)} ${share(list, limit)} % of the windows are beyond the limit`);
}

const file = process.argv[2] ?? fileURLToPath(new URL('../vibration.onnx', import.meta.url));
writeFileSync(file, model({
  name: 'vibration-autoencoder',
  inputs: [['samples', ['windows', WINDOW]]],
  outputs: [['score', ['windows', 1]]], // mean squared error, in limits: 1 is where an anomaly begins
  parts: [
    node('Gemm', ['samples', 'encode', 'encode-bias'], 'squeezed'),
    node('Tanh', ['squeezed'], 'code'),
    node('Gemm', ['code', 'decode', 'decode-bias'], 'again'),
    node('Sub', ['again', 'samples'], 'error'),
    node('Mul', ['error', 'error'], 'squares'),
    node('ReduceMean', ['squares'], 'mean', attribute('axes', [1]), attribute('keepdims', 1)),
    node('Div', ['mean', 'limit'], 'score'),
    constant('encode', [WINDOW, HIDDEN], encode),
    constant('encode-bias', [HIDDEN], encodeBias),
    constant('decode', [HIDDEN, WINDOW], decode),
    constant('decode-bias', [WINDOW], decodeBias),
    constant('limit', [1], [limit]),
  ],
}));
console.log(`${file}: limit ${limit.toExponential(3)} g²`);
