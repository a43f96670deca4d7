// Writes recordings of machines that are made up, for `mote simulate --wav`:
//   node record.mjs FILE.wav [--seconds N] [--seed N] [--looseness N] [--bearing N]     (1 is a fault that can be seen well)
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { machine, rate, scale } from './machine.mjs';

const text = standard => ({ type: 'string', default: standard });
const { values, positionals } = parseArgs({ allowPositionals: true, options: { seconds: text('30'), seed: text('1'), looseness: text('0'), bearing: text('0') } });
if (positionals.length !== 1) {
  console.error('usage: node record.mjs FILE.wav [--seconds N] [--seed N] [--looseness N] [--bearing N]');
  process.exit(64);
}
const samples = machine(Number(values.seconds) * rate, Number(values.seed), { looseness: Number(values.looseness), bearing: Number(values.bearing) });
const wav = Buffer.alloc(44 + samples.length * 2);
wav.write('RIFF', 0);
wav.writeUInt32LE(wav.length - 8, 4);
wav.write('WAVEfmt ', 8);
wav.writeUInt32LE(16, 16); // of PCM: one channel, 16 bits
wav.writeUInt16LE(1, 20);
wav.writeUInt16LE(1, 22);
wav.writeUInt32LE(rate, 24);
wav.writeUInt32LE(rate * 2, 28);
wav.writeUInt16LE(2, 32);
wav.writeUInt16LE(16, 34);
wav.write('data', 36);
wav.writeUInt32LE(samples.length * 2, 40);
samples.forEach((g, i) => wav.writeInt16LE(Math.max(-32768, Math.min(32767, Math.round(g / scale))), 44 + i * 2));
writeFileSync(positionals[0], wav);
