// Builds a benchmark's guest in JavaScript: node build-js.mjs FOLDER WORLD OUT [feature to leave out]...; ./bench runs it
// from beside the packages that it needs.
import { renameSync, writeFileSync } from 'node:fs';
import { componentize } from '@bytecodealliance/componentize-js';

const [folder, worldName, out, ...disableFeatures] = process.argv.slice(2);
const { component } = await componentize({ sourcePath: `${folder}/main.js`, witPath: `${folder}/wit`, worldName, disableFeatures });
// Renamed into place: half of it would look like all of it.
writeFileSync(`${out}.part`, component);
renameSync(`${out}.part`, out);
