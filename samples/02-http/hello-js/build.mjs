// Builds hello-js.wasm: bundles the source with the packages that it imports, then puts a JavaScript engine around it.
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { componentize } from '@bytecodealliance/componentize-js';
import { rolldown } from 'rolldown';

const source = 'src/index.js';
const out = 'hello-js.wasm';

mkdirSync('build', { recursive: true });
const bundle = await rolldown({ input: source, platform: 'neutral', resolve: { mainFields: ['module', 'main'] }, external: /^wasi:/ });
await bundle.write({ file: 'build/bundle.js' });
const { component } = await componentize({
  sourcePath: 'build/bundle.js',
  witPath: 'wit',
  worldName: 'app',
  disableFeatures: [],
});
// Renamed into place: whoever watches the file never sees half of it.
writeFileSync(`build/${out}`, component);
renameSync(`build/${out}`, out);
console.log(`${out}: ${(component.length / 1048576).toFixed(1)} MiB`);
