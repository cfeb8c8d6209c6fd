/** The offline verifier is bundled from these files: nothing they reach may open a connection or start a process. */
import { build } from 'esbuild';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const HARMLESS_MODULES = ['crypto', 'node:crypto', 'util'];
const HARMLESS_PACKAGES = ['@sigstore/bundle', '@sigstore/core', '@sigstore/protobuf-specs', '@sigstore/verify'];

async function reach(...names: readonly string[]): Promise<{ modules: string[]; packages: string[] }> {
  const { metafile } = await build({
    entryPoints: names.map((name) => fileURLToPath(new URL(`../../src/trust/${name}.ts`, import.meta.url))),
    bundle: true,
    platform: 'node',
    format: 'esm',
    metafile: true,
    write: false,
    outdir: 'unused',
    logLevel: 'silent',
  });
  const inputs = Object.entries(metafile.inputs);
  const modules = inputs.flatMap(([, { imports }]) =>
    imports.filter(({ external }) => external).map(({ path }) => path),
  );
  const packages = inputs.flatMap(([path]) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? []);
  return { modules: [...new Set(modules)].sort(), packages: [...new Set(packages)].sort() };
}

it('keeps the verifying half free of everything that talks to a network', async () => {
  expect(
    await reach(
      'signatures/evaluate-signatures',
      'signatures/bundle',
      'signatures/slot',
      'keys/public-key',
      'signatures/empty-root',
    ),
  ).toEqual({
    modules: HARMLESS_MODULES,
    packages: HARMLESS_PACKAGES,
  });
});

it('keeps trust documents and the decisions on releases free of it too', async () => {
  const { modules, packages } = await reach(
    'signatures/dsse',
    'documents/trust-document',
    'documents/trust-chain',
    'documents/release-policy',
    'documents/draft',
    'documents/changes',
    'rollback/evaluate-rollback',
    'provenance/evaluate-provenance',
    'signing/signer',
    'signing/certificate-signer',
    'signing/timestamp-request',
  );
  expect(modules).toEqual(HARMLESS_MODULES);
  expect(packages).toEqual([...HARMLESS_PACKAGES, 'zod']);
});

it('keeps the judging of signatures of images free of it', async () => {
  const { modules, packages } = await reach('evidence/image-signature');
  expect(modules).toEqual(HARMLESS_MODULES);
  expect(packages).toEqual([...HARMLESS_PACKAGES, 'zod']);
});

it('sees the network where there is one', async () => {
  const { modules, packages } = await reach('../base/http/client');
  expect(packages).toContain('undici');
  expect(modules).toContain('node:net');
});
