// Bundles dist/: the command line, the library, and the one file that travels in every archive.
import { rm } from 'node:fs/promises';
import { build } from 'esbuild';

await rm('dist', { recursive: true, force: true });

const common = {
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  outdir: 'dist',
  outExtension: { '.js': '.mjs' },
  legalComments: 'none',
  logLevel: 'warning',
  // Bundled CommonJS packages still ask for `require`.
  banner: {
    js: "import { createRequire as bundledRequire } from 'node:module'; const require = bundledRequire(import.meta.url);",
  },
  // dockerode can reach engines over SSH; this product does not, and ssh2 would bring native code.
  alias: { ssh2: './scripts/no-ssh.mjs' },
};

await Promise.all([
  build({
    ...common,
    entryPoints: { airgap: 'src/cli/main.ts', index: 'src/index.ts' },
    splitting: true,
    chunkNames: 'chunk-[hash]',
  }),
  build({ ...common, entryPoints: { 'verify-and-load': 'src/cli/verify-and-load.ts' }, minify: true }),
]);
