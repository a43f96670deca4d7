// Makes sure that the packages of this folder are installed, at the versions that package.json pins. There is no lock
// file: what the packages list for other platforms is not in every registry, and a lock without it is refused.
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const target = join(here, 'node_modules');

/** Installs what is missing; several processes may do so at once. */
export function ensureInstalled() {
  if (existsSync(join(target, '@bytecodealliance/jco-transpile/package.json'))) return;
  // Installed elsewhere and moved into place, so that nobody sees half of it.
  const staging = join(here, '../../artifacts/guest-tools', String(process.pid));
  mkdirSync(staging, { recursive: true });
  try {
    copyFileSync(join(here, 'package.json'), join(staging, 'package.json'));
    const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
    try {
      execFileSync(npm, ['install', '--no-package-lock', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
        cwd: staging,
        stdio: ['ignore', 'ignore', 'inherit'],
        shell: process.platform === 'win32',
      });
    } catch (e) {
      throw new Error(`could not install the packages of tools/guests/package.json with npm: ${e.message}`);
    }
    try {
      renameSync(join(staging, 'node_modules'), target);
    } catch (e) {
      // Somebody else was faster.
      if (!existsSync(join(target, '@bytecodealliance/jco-transpile/package.json'))) throw e;
    }
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

/** The package that has the preview-1 adapters. Only they are taken: what else is in it, and all it depends on, is large. */
const adapterPackage = '@bytecodealliance/jco@1.35.0';

/** Bytes of an adapter: command or reactor. */
export function adapter(kind) {
  const folder = join(target, '.adapters', adapterPackage.split('@').at(-1));
  const file = join(folder, `wasi_snapshot_preview1.${kind}.wasm`);
  if (existsSync(file)) return readFileSync(file);
  const staging = join(here, '../../artifacts/guest-tools', `adapters-${process.pid}`);
  mkdirSync(staging, { recursive: true });
  try {
    const name = execFileSync('npm', ['pack', adapterPackage, '--silent', '--pack-destination', staging], { encoding: 'utf8' }).trim().split('\n').at(-1);
    execFileSync('tar', ['xzf', join(staging, name), '-C', staging, '--strip-components=2', 'package/lib/wasi_snapshot_preview1.command.wasm', 'package/lib/wasi_snapshot_preview1.reactor.wasm']);
    mkdirSync(folder, { recursive: true });
    for (const k of ['command', 'reactor']) {
      // Renamed into place, so that nobody reads half of it.
      const from = join(staging, `wasi_snapshot_preview1.${k}.wasm`), half = join(folder, `${k}.${process.pid}`);
      copyFileSync(from, half);
      renameSync(half, join(folder, `wasi_snapshot_preview1.${k}.wasm`));
    }
    return readFileSync(file);
  } catch (e) {
    throw new Error(`could not get the preview-1 adapters from npm (${adapterPackage}): ${e.message}`);
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}
