// Makes sure that the packages of this folder are installed, at the versions that package.json pins. There is no lock
// file: what the packages list for other platforms is not in every registry, and a lock without it is refused.
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
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
