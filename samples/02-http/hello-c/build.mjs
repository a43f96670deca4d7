// Builds hello-c.wasm: bindings from wit/, the sources with clang and wasi-libc, and a component around the module.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { componentEmbed, componentNew } from '@bytecodealliance/jco-transpile/wasm-tools';
import { _setPreopens } from '@bytecodealliance/preview2-shim/filesystem';

const out = 'hello-c.wasm';
const clang = process.env.MOTE_CLANG ?? 'clang-19';

function run(program, ...args) {
  try {
    execFileSync(program, args, { stdio: 'inherit' });
  } catch (e) {
    const hint = { [clang]: 'apt install clang-19 lld-19 wasi-libc libclang-rt-19-dev-wasm32, or set MOTE_CLANG' }[program] ?? 'set MOTE to its path';
    console.error(e.code === 'ENOENT' ? `${program} is not installed: ${hint}` : `${program} failed`);
    process.exit(1);
  }
}

mkdirSync('build', { recursive: true });
run(process.env.MOTE ?? 'mote', 'bindings', 'c', 'wit', '--out', 'build');
const sources = readdirSync('src').filter((f) => f.endsWith('.c')).map((f) => join('src', f));
run(clang, '--target=wasm32-wasi', '-mexec-model=reactor', '-Os', '-mbulk-memory', '-Wall', '-Wextra', '-Wl,--stack-first', '-Wl,--strip-debug', '-I', 'build', ...sources, 'build/app.c', '-o', 'build/core.wasm');

_setPreopens({ '/wit': resolve('wit') });
try {
  const component = await componentNew(await componentEmbed({ binary: readFileSync('build/core.wasm'), witPath: '/wit', world: 'app' }), []);
  // Renamed into place: whoever watches the file never sees half of it.
  writeFileSync(`build/${out}`, component);
  renameSync(`build/${out}`, out);
  console.log(`${out}: ${(component.length / 1024).toFixed(1)} KiB`);
} catch (e) {
  const reason = String(e.payload ?? e.message ?? e).trim();
  const hint = reason.includes('wasi_snapshot_preview1') ? '\nthe program uses what libc asks the system for (stdio, files, clocks): import the WASI interface in wit/world.wit in its place' : '';
  console.error(`the module is no component of the world in wit/: ${reason}${hint}`);
  process.exit(1);
}
