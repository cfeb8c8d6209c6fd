/** Stock cosign, cut off from every network, accepts our signatures and refuses tampering. */
import { writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toPublicKeyPem } from '../../../src/trust/keys/public-key.ts';
import { fillSlot } from '../../../src/trust/signatures/slot.ts';
import { emptyTrustedRoot } from '../../../src/trust/signatures/empty-root.ts';
import { openNetworkNamespace, type NetworkNamespace } from '../../helpers/network-namespace.ts';
import { requireTool } from '../../helpers/require-tool.ts';
import { useTempDir } from '../../helpers/temp.ts';
import { ALGORITHMS, signWith } from '../signatures.ts';

const SLOT_BYTES = 4096;
const temp = useTempDir();
let offline: NetworkNamespace;

beforeAll(async () => {
  offline = await openNetworkNamespace();
});

afterAll(async () => {
  await offline.close();
});

describe.each(['cosign2', 'cosign3'])('%s', (name) => {
  const cosign = requireTool(name);
  const run = (...args: readonly string[]): ReturnType<NetworkNamespace['run']> =>
    offline.run(cosign ?? '', args, { cwd: temp.path, env: { HOME: temp.path } });

  it.skipIf(cosign === undefined).each(ALGORITHMS)('agrees on %s', async (algorithm) => {
    const data = Buffer.from(`${'ab'.repeat(32)}  release.json\n`);
    const signed = await signWith(data, algorithm);
    const other = await signWith(data, algorithm);
    await writeFile(temp.join('ours.pub'), toPublicKeyPem(signed.publicKey));
    await writeFile(temp.join('other.pub'), toPublicKeyPem(other.publicKey));
    await writeFile(temp.join('slot.json'), fillSlot(signed.bundle, SLOT_BYTES));
    await writeFile(temp.join('root.json'), emptyTrustedRoot);
    await writeFile(temp.join('checksums.txt'), data);
    await writeFile(temp.join('tampered.txt'), Buffer.from(data).fill('c', 0, 1));
    const verify = (key: string, file: string): ReturnType<typeof run> => {
      const flags = ['--bundle', 'slot.json', '--trusted-root', 'root.json', '--insecure-ignore-tlog'];
      return run('verify-blob', '--key', key, ...flags, file);
    };
    const accepted = await verify('ours.pub', 'checksums.txt');
    expect(accepted.stderr + accepted.stdout).toContain('Verified OK');
    expect(accepted.exitCode).toBe(0);
    const tampered = await verify('ours.pub', 'tampered.txt');
    expect(tampered.stderr).toMatch(/failed to verify signature/);
    expect(tampered.exitCode).toBe(1);
    const wrongKey = await verify('other.pub', 'checksums.txt');
    expect(wrongKey.exitCode).toBe(1);
  });
});
