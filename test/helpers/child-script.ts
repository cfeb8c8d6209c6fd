/** Scripts that a test starts as processes of their own: bundled, which starts with a fifth of the CPU that the sources take. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { inject } from 'vitest';
import { bundledThreads } from '../../scripts/bundled-threads.ts';

/** Never asked for by what a script does; the product's own bundles leave them out as well. */
const EXTERNAL = ['xmlbuilder2', 'ssh2'];
/** Bundled CommonJS packages still ask for `require`. */
const REQUIRE =
  "import { createRequire as bundledRequire } from 'node:module'; const require = bundledRequire(import.meta.url);";

/**
 * The script with all that it imports, as one file for the pinned Node, which is there until the run of the tests ends:
 * `const CHILD = await childScript(new URL('cost-child.ts', import.meta.url))`. Addresses that begin at `import.meta.url`
 * are not those of the sources in it.
 */
export async function childScript(source: URL): Promise<string> {
  const path = fileURLToPath(source);
  const name = `${basename(path, '.ts')}-${createHash('sha256').update(path).digest('hex').slice(0, 12)}.mjs`;
  const bundle = join(inject('scripts'), name);
  if (existsSync(bundle)) return bundle;
  const { outputFiles } = await build({
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    write: false,
    logLevel: 'warning',
    entryPoints: [path],
    external: EXTERNAL,
    banner: { js: REQUIRE },
    define: await bundledThreads(),
  });
  // Another worker may be at it as well: a file is there with all of its bytes or not at all.
  const aside = `${bundle}.${process.pid}`;
  await writeFile(aside, outputFiles[0]?.contents ?? '');
  await rename(aside, bundle);
  return bundle;
}
