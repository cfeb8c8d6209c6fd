/** A release that demands signatures, with real cosigns and registries: signed there, demanded here, accepted behind the gap. */
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startRegistry } from '../../src/server/embedded-registry.ts';
import { makeCosign, type Cosign } from '../helpers/cosign.ts';
import { startDockerRegistry } from '../helpers/docker-registry.ts';
import { pushSample } from '../helpers/push-sample.ts';
import { makeMultiPlatformImage } from '../helpers/sample-image.ts';
import { makeTempDir, type TempDir } from '../helpers/temp.ts';
import { airgap, airgapJson, airgapOk, errorOf } from './support/program.ts';
import { buildArchive, makeKeys, readLockFile, replaceIn } from './support/release.ts';

interface Resolved {
  readonly images: readonly {
    readonly reference: string;
    readonly signatures?: readonly { readonly key: string; readonly keyId: string; readonly evidence: string }[];
  }[];
  readonly unusedRules?: readonly string[];
}

const image = makeMultiPlatformImage({ name: 'app' });
const bare = makeMultiPlatformImage({ name: 'bare' });
const root = image.descriptor.digest;

let stack: AsyncDisposableStack;
let temp: TempDir;
let cosign: Cosign | undefined;
let keys: { readonly key: string; readonly pub: string };

beforeAll(async () => {
  stack = new AsyncDisposableStack();
  temp = stack.use(await makeTempDir());
  cosign = await makeCosign(temp);
  keys = await makeKeys(temp.join('release-key'));
});
afterAll(() => stack.disposeAsync());

let count = 0;

async function start(kind: 'embedded' | 'docker'): Promise<{ readonly url: string; readonly host: string }> {
  if (kind === 'docker') {
    const { host } = stack.use(await startDockerRegistry());
    return { url: `http://${host}`, host };
  }
  const { url } = stack.use(await startRegistry({ directory: temp.join(`registry-${(count += 1)}`) }));
  return { url, host: new URL(url).host };
}

/** A release whose one image is named by a Kubernetes manifest alone, as vendors' images often are. */
async function writeRelease(by: Cosign, host: string, policy: string): Promise<string> {
  const directory = temp.join(`release-${(count += 1)}`);
  await mkdir(`${directory}/keys`, { recursive: true });
  await mkdir(`${directory}/manifests`);
  await copyFile(by.pub, `${directory}/keys/acme.pub`);
  await copyFile(keys.pub, `${directory}/keys/other.pub`);
  await writeFile(
    `${directory}/manifests/app.yaml`,
    `apiVersion: v1\nkind: Pod\nmetadata: { name: app }\nspec: { containers: [{ name: app, image: "${host}/team/app:1.0" }] }\n`,
  );
  await writeFile(
    `${directory}/release.yaml`,
    `apiVersion: airgap.hexabase.ai/v1
kind: Release
name: signed
version: 1.0.0
created: 2026-01-31T12:00:00Z
platforms: all
imagePolicy:
${policy}
components:
  - name: core
    manifests: [manifests]
`,
  );
  return `${directory}/release.yaml`;
}

const demanding = (host: string, key = 'acme'): string =>
  `  - match: ${host}/team/*\n    signedBy: [{ key: keys/${key}.pub }]`;

describe.each([
  ['cosign 2 under its tag', 'embedded', (by: Cosign, place: string) => by.sign('cosign2', place)],
  ['cosign 2 under its tag', 'docker', (by: Cosign, place: string) => by.sign('cosign2', place)],
  ['cosign 2 as a referrer', 'embedded', (by: Cosign, place: string) => by.signAsReferrer(place)],
  ['cosign 3 as a bundle', 'embedded', (by: Cosign, place: string) => by.sign('cosign3', place)],
  ['cosign 3 as a bundle', 'docker', (by: Cosign, place: string) => by.sign('cosign3', place)],
] as const)('an image signed by %s, in a registry of kind %s', (_, kind, sign) => {
  test('is refused before, accepted after, carried, and accepted behind the gap', async (t) => {
    if (cosign === undefined) return t.skip();
    const source = await start(kind);
    await pushSample(source.url, 'team/app', image, ['1.0']);
    const spec = await writeRelease(cosign, source.host, demanding(source.host));
    await cosign.attest('cosign3', `${source.host}/team/app@${root}`);
    const refused = await airgap(['resolve', spec, '--json']);
    expect([refused.exitCode, errorOf(refused).code]).toEqual([3, 'UNSIGNED']);
    expect(errorOf(refused).message).toContain(`${source.host}/team/app:1.0 (${root}) is unsigned`);
    await expect(readFile(spec.replace('.yaml', '.lock.json'))).rejects.toThrow('ENOENT');

    await sign(cosign, `${source.host}/team/app@${root}`);
    const { images } = await airgapJson<Resolved>(['resolve', spec]);
    expect(images.map(({ signatures }) => signatures?.map(({ key }) => key))).toEqual([['keys/acme.pub']]);
    expect((await airgapOk(['resolve', spec, '--locked'])).stdout).toContain('signed by keys/acme.pub');

    const archive = temp.join(`${(count += 1)}.tar`);
    await buildArchive(spec, keys.key, archive, ['--locked']);
    await buildArchive(spec.replace('.yaml', '.lock.json'), keys.key, `${archive}.again`);
    const [keyId] = images[0]?.signatures?.map((signature) => signature.keyId) ?? [];
    expect((await readFile(archive)).includes(`"value": "sha256:${keyId}"`)).toBe(true);

    const target = await start('embedded');
    const to = `docker://${target.host}/in`;
    await airgapOk(['load', archive, '--key', keys.pub, '--to', to, '--report', temp.join('report')]);
    const inside = `${target.host}/in/${source.host.replace(':', '_')}/team/app@${root}`;
    const accepted: boolean[] = [];
    for (const name of ['cosign2', 'cosign3'] as const) {
      const here = await cosign.verify(name, `${source.host}/team/app@${root}`);
      const there = await cosign.verify(name, inside);
      expect([name, there.exitCode]).toEqual([name, here.exitCode]);
      accepted.push(there.exitCode === 0);
    }
    expect(accepted).toContain(true);
  });
});

describe('a release with a policy', () => {
  let source: { readonly url: string; readonly host: string };

  beforeAll(async () => {
    if (cosign === undefined) return;
    source = await start('embedded');
    await pushSample(source.url, 'team/app', image, ['1.0']);
    await pushSample(source.url, 'team/bare', bare, ['1.0']);
    await cosign.sign('cosign2', `${source.host}/team/app@${root}`);
    await cosign.sign('cosign3', `${source.host}/team/app@${root}`);
  });

  test('is refused for the key of another, who is not taken for the signer', async (t) => {
    if (cosign === undefined) return t.skip();
    const spec = await writeRelease(cosign, source.host, demanding(source.host, 'other'));
    const { exitCode, stderr } = await airgap(['resolve', spec]);
    expect(exitCode).toBe(3);
    expect(stderr).toMatch(/has no signature that counts; .*\/team\/\* needs one by keys\/other\.pub \([a-f0-9]{64}\)/);
    expect(stderr.match(/is by none of the keys that count/g)).toHaveLength(2);
    expect(stderr).toMatch(/it names key [a-f0-9]{64}/);
    expect(stderr).toContain('hint: have them signed');
  });

  test('warns of entries that decide about nothing, and lets others pass by name', async (t) => {
    if (cosign === undefined) return t.skip();
    const policy = `  - match: ${source.host}/teem/*\n    signedBy: [{ key: keys/acme.pub }]\n  - match: '*'\n    unsigned: allowed`;
    const spec = await writeRelease(cosign, source.host, policy);
    const { stdout, stderr } = await airgapOk(['resolve', spec]);
    expect(stdout).toContain('may be unsigned');
    expect(stderr).toContain(`warning: imagePolicy entry ${source.host}/teem/* applies to no image`);
    expect((await airgapJson<Resolved>(['resolve', spec])).unusedRules).toEqual([`${source.host}/teem/*`]);
  });

  test('is built from a lock only under the policy and with the keys of today', async (t) => {
    if (cosign === undefined) return t.skip();
    const spec = await writeRelease(cosign, source.host, demanding(source.host));
    const lock = spec.replace('.yaml', '.lock.json');
    await airgapOk(['resolve', spec]);
    const build = (input: string, ...args: string[]): ReturnType<typeof airgap> =>
      airgap(['build', input, '--key', keys.key, '--output', temp.join(`${(count += 1)}.tar`), '--json', ...args]);
    expect((await build(lock)).exitCode).toBe(0);

    const mirrored = await start('embedded');
    await airgapOk(['mirror', lock, '--to', `docker://${mirrored.host}`]);
    const place = `${mirrored.host}/${source.host.replace(':', '_')}/team/app@${root}`;
    expect((await cosign.verify('cosign3', place)).exitCode).toBe(0);

    const { imagePolicy: _, signedImages: __, ...without } = await readLockFile(lock);
    await replaceIn(spec, 'keys/acme.pub', 'keys/other.pub');
    for (const stale of [await build(lock), await build(spec, '--locked')]) expect(stale.exitCode).not.toBe(0);
    const stale = errorOf(await build(lock));
    expect([stale.code, stale.message]).toEqual([
      'INVALID_SPEC',
      `the imagePolicy of ${spec} is not the one that the lock was made with`,
    ]);
    await replaceIn(spec, 'keys/other.pub', 'keys/acme.pub');
    await writeFile(lock, JSON.stringify(without));
    expect(errorOf(await build(lock)).code).toBe('INVALID_SPEC');

    await airgapOk(['resolve', spec]);
    await copyFile(keys.pub, spec.replace('release.yaml', 'keys/acme.pub'));
    const changed = errorOf(await build(lock));
    expect([changed.code, changed.message]).toEqual([
      'DIGEST_MISMATCH',
      'keys/acme.pub has changed since the lock was written',
    ]);
    expect((await build(spec, '--locked')).exitCode).toBe(3);
  });
});
