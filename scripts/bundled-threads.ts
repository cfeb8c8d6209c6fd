/** The code of the product's threads, as strings: a bundle has no file beside it that a thread could start from. */
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const SOURCES = fileURLToPath(new URL('../src/', import.meta.url));

/** What esbuild's option `define` needs for a bundle that starts threads. */
export async function bundledThreads(): Promise<Record<string, string>> {
  return {
    AIRGAP_HASH_WORKER: JSON.stringify(await bundleThread('archive/hashing/hash-thread.ts')),
    AIRGAP_RENDER_WORKER: JSON.stringify(await bundleThread('kubernetes/rendering/engine/engine-thread.ts')),
  };
}

async function bundleThread(source: string): Promise<string> {
  const { outputFiles } = await build({
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'cjs',
    minify: true,
    write: false,
    entryPoints: [SOURCES + source],
    // It starts no threads of its own.
    define: { 'import.meta.url': '""' },
  });
  return outputFiles[0]?.text ?? '';
}
