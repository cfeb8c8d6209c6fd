// Bundles dist/ (or the directory given): the command line, the library, and the one file that travels in every archive.
import { chmod, copyFile, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { bundledThreads } from './bundled-threads.ts';
import { ENGINE_FILES, isOfTheseSources } from './helm-engine/sources.ts';

const [output = 'dist'] = process.argv.slice(2);
// Built aside and swapped, so that a failed build leaves the old one.
const aside = `${output}.new-${process.pid}`;

const common = {
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  outdir: aside,
  outExtension: { '.js': '.mjs' },
  legalComments: 'none',
  logLevel: 'warning',
  // Bundled CommonJS packages still ask for `require`.
  banner: {
    js: "import { createRequire as bundledRequire } from 'node:module'; const require = bundledRequire(import.meta.url);",
  },
  // Every start of the program reads all of this; names stay, for stack traces.
  minifySyntax: true,
  minifyWhitespace: true,
  // An optional companion of the CycloneDX library, for XML, which nobody asks it for; and OpenPGP, which npm installs
  // beside the program: under the LGPL, it must stay a part that its users can replace.
  external: ['xmlbuilder2', 'openpgp'],
};

/** Packages of which the bundles get a part, because every start of the program reads all that is in them. */
const standIns = {
  name: 'stand-ins',
  setup({ onResolve }) {
    const replace = (packages, file) =>
      onResolve({ filter: packages }, () => ({ path: fileURLToPath(new URL(file, import.meta.url)) }));
    // dockerode can reach engines over SSH and build images; this product does neither.
    replace(/^(ssh2|@grpc\/grpc-js|@grpc\/proto-loader|protobufjs)$/, 'no-docker-extras.mjs');
    replace(/^undici$/, 'undici-core.mjs');
  },
};

/**
 * Built-in modules through `require`: an export that an older Node lacks is then undefined instead of an error before
 * the first line runs.
 */
const requiredBuiltins = {
  name: 'required-builtins',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:/ }, ({ path, kind }) =>
      kind === 'require-call' ? { path, external: true } : { path, namespace: 'builtin' },
    );
    onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => ({
      contents: `module.exports = require(${JSON.stringify(path)});`,
    }));
  },
};

common.define = await bundledThreads();

await Promise.all([
  build({
    ...common,
    entryPoints: { airgap: 'src/cli/main.ts', index: 'src/index.ts' },
    splitting: true,
    chunkNames: 'chunk-[hash]',
    plugins: [standIns],
  }),
  build({
    ...common,
    entryPoints: { 'verify-and-load': 'src/cli/verify-and-load.ts' },
    minify: true,
    // An older Node must be able to read the file to say that it is too old.
    target: 'node18',
    plugins: [standIns, requiredBuiltins],
  }),
]);

// npm puts it into PATH, where the kernel has to know what runs it.
const program = join(aside, 'airgap.mjs');
await writeFile(program, `#!/usr/bin/env node\n${await readFile(program, 'utf8')}`);
await chmod(program, 0o755);

// Where Go is not at hand the engine is not there; a helm program then renders charts.
const engine = join(process.env.AIRGAP_TOOLS || '.tools', 'helm-engine');
if (isOfTheseSources(engine)) {
  for (const file of ENGINE_FILES) await copyFile(join(engine, file), join(aside, file));
}

await rm(output, { recursive: true, force: true });
await rename(aside, output);
