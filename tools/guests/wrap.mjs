#!/usr/bin/env node
// Makes components of preview-1 programs: standard input has a line for each, the module and the component with a tab between.
import { readFileSync, writeFileSync } from 'node:fs';
import { adapter, ensureInstalled } from './install.mjs';

ensureInstalled();
const { componentNew } = await import('@bytecodealliance/jco-transpile/wasm-tools');
const command = adapter('command');
for (const line of readFileSync(0, 'utf8').split('\n').filter((l) => l)) {
  const [from, to] = line.split('\t');
  try {
    writeFileSync(to, await componentNew(readFileSync(from), [['wasi_snapshot_preview1', command]]));
  } catch (e) {
    console.error(`${from}: ${e.payload ?? e.message ?? e}`);
    process.exitCode = 1;
  }
}
