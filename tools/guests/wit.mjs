// Gathers WIT files the way the component encoder reads them: a package, and the packages it needs in deps/.
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

const isWit = (name) => name.endsWith('.wit');

/** The package that the files of a folder belong to; null where none says so. */
function packageOf(files) {
  for (const file of files) {
    const line = /^\s*package\s+([^;{\s]+)\s*;/m.exec(readFileSync(file, 'utf8'));
    if (line) return line[1];
  }
  return null;
}

/** Folders below one, itself included, that have WIT files directly. */
function* packageFolders(root) {
  const entries = readdirSync(root, { withFileTypes: true });
  const files = entries.filter((e) => e.isFile() && isWit(e.name)).map((e) => join(root, e.name));
  if (files.length > 0) yield { name: basename(root), files };
  for (const e of entries) if (e.isDirectory()) yield* packageFolders(join(root, e.name));
}

/** Every WIT file below a folder. */
export function witFiles(root) {
  return [...packageFolders(root)].flatMap((p) => p.files);
}

/**
 * A new folder with the files of `wit` (a folder, or one file) and, in deps/, every package of its own deps/ and of the
 * folders `deps`; a package that is there already is not taken again.
 */
export function gather(wit, deps) {
  if (!existsSync(wit)) throw new Error(`--wit ${wit}: there is no such file or folder`);
  const target = mkdtempSync(join(tmpdir(), 'mote-wit-'));
  const isFile = statSync(wit).isFile();
  const files = isFile ? [wit] : readdirSync(wit).filter(isWit).map((f) => join(wit, f));
  if (files.length === 0) throw new Error(`--wit ${wit}: the folder has no .wit files`);
  for (const f of files) cpSync(f, join(target, basename(f)));
  const known = new Set([packageOf(files)]);
  const own = join(wit, 'deps');
  let count = 0;
  for (const root of [...(!isFile && existsSync(own) ? [own] : []), ...deps]) {
    if (!existsSync(root)) throw new Error(`--deps ${root}: there is no such folder`);
    for (const { name, files: found } of packageFolders(root)) {
      const id = packageOf(found);
      if (id && known.has(id)) continue;
      known.add(id);
      const folder = join(target, 'deps', `${count++}-${name}`);
      mkdirSync(folder, { recursive: true });
      for (const f of found) cpSync(f, join(folder, basename(f)));
    }
  }
  return target;
}
