#!/usr/bin/env node
// Builds a component from C: compiles and links the files with clang, then makes the module a component of a WIT world.
// The bindings (`mote bindings c`: a .h and a .c) are made beforehand; the .c is one of the files.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { adapter, ensureInstalled } from './install.mjs';
import { gather, witFiles } from './wit.mjs';

const usage = `usage: node tools/guests/build-c.mjs --wit DIR --world NAME --out X.wasm [options] FILE.c...

  --wit DIR      the WIT package that has the world: a folder, with what it needs in deps/, or one file
  --world NAME   the world: NAME, or ns:pkg/NAME
  --out X.wasm   the component
  --deps DIR     a folder with more WIT packages, at any depth; may be repeated
  --libc         with wasi-libc instead of freestanding; the program must not call what needs WASI (no files, no stdio)
  --adapter KIND with wasi-libc and WASI's preview-1 adapter, which is put into the component: KIND is command for a
                 program with a main function (then --wit and --world may be left out), or reactor for a library
  -...           any other option goes to clang: -I, -D, -O2, -msimd128, -Wl,-z,stack-size=...

The compiler is clang-19 (or \$MOTE_CLANG).`;

/** Options of clang whose value may be the next argument. */
const takesNext = new Set(['-I', '-D', '-U', '-L', '-l', '-include', '-isystem', '-Xclang', '-Xlinker', '-z']);

class UserError extends Error {}

function parse(args) {
  const options = { deps: [], clang: [], files: [] };
  for (let i = 0; i < args.length; i++) {
    const a = args[i];
    if (a === '--help' || a === '-h') {
      console.log(usage);
      process.exit(0);
    }
    if (['--wit', '--world', '--out', '--deps', '--adapter'].includes(a)) {
      if (i + 1 === args.length) throw new UserError(`${a} needs a value\n\n${usage}`);
      const value = args[++i];
      if (a === '--deps') options.deps.push(value);
      else options[a.slice(2)] = value;
    } else if (a === '--libc') options.libc = true;
    else if (a.startsWith('-')) options.clang.push(a, ...(takesNext.has(a) && i + 1 < args.length ? [args[++i]] : []));
    else options.files.push(a);
  }
  if (options.adapter) {
    if (!['command', 'reactor'].includes(options.adapter)) throw new UserError(`--adapter is command or reactor, found ${options.adapter}`);
    options.libc = true;
  }
  const plain = options.adapter === 'command' && !options.wit && !options.world;
  for (const name of plain ? ['out'] : ['wit', 'world', 'out']) if (!options[name]) throw new UserError(`--${name} is missing\n\n${usage}`);
  if (options.files.length === 0) throw new UserError(`no C files are given\n\n${usage}`);
  for (const f of options.files) if (!existsSync(f)) throw new UserError(`${f}: there is no such file`);
  return options;
}

/** The compiler, with its linker checked. */
function findClang() {
  const clang = process.env.MOTE_CLANG ?? 'clang-19';
  const install = 'Debian and Ubuntu: apt install clang-19 lld-19 (elsewhere: LLVM 19 or newer, and MOTE_CLANG=its clang)';
  const targets = spawnSync(clang, ['--print-targets'], { encoding: 'utf8' });
  if (targets.error) throw new UserError(`${clang} is not installed. ${install}`);
  if (!/wasm32/.test(targets.stdout)) throw new UserError(`${clang} cannot compile for wasm32. ${install}`);
  const linker = spawnSync(clang, ['--target=wasm32-unknown-unknown', '--print-prog-name=wasm-ld'], { encoding: 'utf8' }).stdout.trim();
  if (!existsSync(linker) && spawnSync(linker, ['--version']).error) throw new UserError(`${clang} has no linker: wasm-ld is not installed. ${install}`);
  return clang;
}

/** The compiler's own runtime (128-bit arithmetic and such), where it is installed for wasm32. */
function builtins(clang) {
  const resources = execFileSync(clang, ['--print-resource-dir'], { encoding: 'utf8' }).trim();
  return ['lib/wasi/libclang_rt.builtins-wasm32.a', 'lib/wasm32-unknown-wasi/libclang_rt.builtins.a'].map((p) => join(resources, p)).filter((p) => existsSync(p));
}

function compile(clang, options, out) {
  const target = options.libc
    ? ['--target=wasm32-wasi', `-mexec-model=${options.adapter ?? 'reactor'}`]
    : ['--target=wasm32-unknown-unknown', '-nostdlib', '-Wl,--no-entry'];
  const args = [
    ...target,
    '-Os',
    '-mbulk-memory',
    '-Wall',
    '-Wextra',
    // The stack comes first in memory: an overflow traps, and does not run into the data.
    '-Wl,--stack-first',
    '-Wl,--strip-debug',
    ...options.clang,
    ...options.files,
    ...(options.libc ? [] : builtins(clang)),
    '-o',
    out,
  ];
  const run = spawnSync(clang, args, { encoding: 'utf8', maxBuffer: 1 << 26 });
  if (run.stderr) process.stderr.write(run.stderr);
  if (run.status === 0) return;
  let hint = '';
  const missing = /undefined symbol: (exports_\w+)/.exec(run.stderr);
  if (missing) hint = `\n${missing[1]} is an export of the world: its prototype is in the bindings' header, and you write it`;
  else if (/undefined symbol: mem(cpy|set|move)/.test(run.stderr)) hint = '\nthere is no libc here: copy with a loop or __builtin_memcpy (-mbulk-memory makes an instruction of it), or use --libc';
  else if (options.libc && /wasi|crt1|stdlib\.h|-lc/.test(run.stderr)) hint = '\n--libc needs wasi-libc. Debian and Ubuntu: apt install wasi-libc libclang-rt-19-dev-wasm32';
  throw new UserError(`clang failed${hint}`);
}

/** The module with the world that it is meant for. */
async function embed(core, options, witFolder, { componentEmbed, componentWitMetadataForWorld, reason }) {
  const { _setPreopens } = await import('@bytecodealliance/preview2-shim/filesystem');
  // The encoder is a component itself, and sees the files it is given.
  _setPreopens({ '/wit': witFolder });
  try {
    return await componentEmbed({ binary: core, witPath: '/wit', world: options.world });
  } catch (e) {
    let why = reason(e);
    // The encoder says that a package cannot be parsed, and not why: it does for a single text.
    if (why.startsWith('failed to parse')) {
      for (const file of witFiles(witFolder)) {
        try {
          await componentWitMetadataForWorld({ tag: 'source', val: readFileSync(file, 'utf8') }, undefined);
        } catch (e) {
          if (/^(expected|unexpected|invalid|unterminated|name|type|unknown)/i.test(reason(e))) why += `\n${relative(witFolder, file)}: ${reason(e)}`;
        }
      }
    }
    throw new UserError(`the world ${options.world} of ${options.wit}: ${why}`);
  }
}

async function componentize(core, options, witFolder) {
  ensureInstalled();
  const { componentEmbed, componentNew, componentWitMetadataForWorld } = await import('@bytecodealliance/jco-transpile/wasm-tools');
  const reason = (e) => String(e.payload ?? e.message ?? e).trim();
  const embedded = options.world ? await embed(core, options, witFolder, { componentEmbed, componentWitMetadataForWorld, reason }) : core;
  try {
    return await componentNew(embedded, options.adapter ? [['wasi_snapshot_preview1', adapter(options.adapter)]] : []);
  } catch (e) {
    const hint = /wasi_snapshot_preview1/.test(reason(e)) && !options.adapter ? '\nthe program calls WASI through its libc: use --adapter, or import the interfaces of WASI in the world and call those' : '';
    throw new UserError(`the module does not fit the world ${options.world}: ${reason(e)}${hint}`);
  }
}

let scratch, witFolder;
try {
  const options = parse(process.argv.slice(2));
  const clang = findClang();
  scratch = mkdtempSync(join(tmpdir(), 'mote-c-'));
  const core = join(scratch, 'core.wasm');
  compile(clang, options, core);
  if (options.wit) witFolder = gather(options.wit, options.deps);
  const component = await componentize(readFileSync(core), options, witFolder);
  mkdirSync(dirname(options.out), { recursive: true });
  writeFileSync(options.out, component);
  console.log(`${options.out}: ${(component.length / 1024).toFixed(1)} KiB (core module ${(statSync(core).size / 1024).toFixed(1)} KiB)`);
} catch (e) {
  console.error(`build-c: ${e.message}`);
  if (!(e instanceof UserError)) console.error(e.stack);
  process.exitCode = 1;
} finally {
  for (const folder of [scratch, witFolder]) if (folder) rmSync(folder, { recursive: true, force: true });
}
