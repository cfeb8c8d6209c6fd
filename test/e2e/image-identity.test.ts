/** A release that demands signatures by an identity: signed with certificates, proved offline, accepted by cosign behind the gap. */
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startRegistry } from '../../src/server/embedded-registry.ts';
import { makeIdentityCosign, type IdentityCosign } from '../helpers/cosign-identity.ts';
import { startDockerRegistry } from '../helpers/docker-registry.ts';
import { pushSample } from '../helpers/push-sample.ts';
import { makeMultiPlatformImage } from '../helpers/sample-image.ts';
import { makeSignatureManifest, signatureTag, signSimplyBy } from '../helpers/signed-image.ts';
import { ISSUER, startSigningServices, WORKFLOW, type SigningServices } from '../helpers/signing-services.ts';
import { makeTempDir, type TempDir } from '../helpers/temp.ts';
import { airgap, airgapJson, airgapOk, errorOf } from './support/program.ts';
import { buildArchive, makeKeys } from './support/release.ts';

const image = makeMultiPlatformImage({ name: 'app' });
const root = image.descriptor.digest;

let stack: AsyncDisposableStack;
let temp: TempDir;
let services: SigningServices;
let cosign: IdentityCosign | undefined;
let keys: { readonly key: string; readonly pub: string };

beforeAll(async () => {
  stack = new AsyncDisposableStack();
  temp = stack.use(await makeTempDir());
  services = stack.use(await startSigningServices());
  cosign = await makeIdentityCosign(temp, services);
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

async function writeRelease(trustedRoot: string, host: string, subject: string): Promise<string> {
  const directory = temp.join(`release-${(count += 1)}`);
  await mkdir(`${directory}/trust`, { recursive: true });
  await copyFile(trustedRoot, `${directory}/trust/trusted_root.json`);
  await writeFile(
    `${directory}/release.yaml`,
    `apiVersion: airgap.hexabase.ai/v1
kind: Release
name: signed
version: 1.0.0
created: 2026-01-31T12:00:00Z
platforms: all
imagePolicy:
  - match: ${host}/team/*
    signedBy:
      - issuer: ${ISSUER}
        ${subject}
        trustedRoot: trust/trusted_root.json
components:
  - name: core
    images: ['${host}/team/app:1.0']
`,
  );
  return `${directory}/release.yaml`;
}

describe.each([
  ['under its tag', 'embedded'],
  ['under its tag', 'docker'],
  ['as a bundle', 'embedded'],
  ['as a bundle', 'docker'],
] as const)('an image that an identity signed %s, in a registry of kind %s', (form, kind) => {
  test('is accepted here, carried, and accepted behind the gap', async (t) => {
    if (cosign === undefined) return t.skip();
    const source = await start(kind);
    const place = `${source.host}/team/app@${root}`;
    await pushSample(source.url, 'team/app', image, ['1.0']);
    if (form === 'as a bundle') await cosign.sign(place);
    else {
      const signature = makeSignatureManifest([await signSimplyBy(services, root)]);
      await pushSample(source.url, 'team/app', signature, [signatureTag(root)]);
    }
    const spec = await writeRelease(cosign.trustedRoot, source.host, `subject: ${WORKFLOW}`);
    const { images } = await airgapJson<{ images: { signatures: { subject: string; issuer: string }[] }[] }>([
      'resolve',
      spec,
    ]);
    expect(images[0]?.signatures).toEqual([expect.objectContaining({ issuer: ISSUER, subject: WORKFLOW })]);
    expect((await airgapOk(['resolve', spec, '--locked'])).stdout).toContain(`signed by ${WORKFLOW}`);

    const archive = temp.join(`${(count += 1)}.tar`);
    await buildArchive(spec.replace('.yaml', '.lock.json'), keys.key, archive);
    expect((await readFile(archive)).includes(`"value": "${WORKFLOW} (${ISSUER})"`)).toBe(true);
    const target = await start('embedded');
    const to = ['--to', `docker://${target.host}`, '--report', temp.join('report')];
    await airgapOk(['load', archive, '--key', keys.pub, ...to]);
    const inside = `${target.host}/${source.host.replace(':', '_')}/team/app@${root}`;
    for (const name of ['cosign2', 'cosign3'] as const) {
      if (name === 'cosign2' && form === 'as a bundle') continue; // which it does not read for identities
      const { exitCode, stderr } = await cosign.verify(name, inside);
      expect([name, exitCode, exitCode === 0 ? '' : stderr]).toEqual([name, 0, '']);
      expect((await cosign.verify(name, inside, `${WORKFLOW}1`)).exitCode).not.toBe(0);
    }
  });
});

test('an image by another identity is refused, with both named; a pattern may mean several', async (t) => {
  if (cosign === undefined) return t.skip();
  const source = await start('embedded');
  await pushSample(source.url, 'team/app', image, ['1.0']);
  await cosign.sign(`${source.host}/team/app@${root}`);
  const other = `subject: ${WORKFLOW.replace('/acme/', '/acme-evil/')}`;
  const refused = await airgap(['resolve', await writeRelease(cosign.trustedRoot, source.host, other), '--json']);
  expect([refused.exitCode, errorOf(refused).code]).toEqual([3, 'UNTRUSTED_SIGNER']);
  expect(errorOf(refused).message).toContain(`is by ${WORKFLOW} (${ISSUER}), which is not among the trusted signers`);
  expect(errorOf(refused).message).toContain(`needs one by ${other.slice('subject: '.length)} (${ISSUER})`);
  const pattern = "subjectPattern: 'https://ci.example/acme/app/**@refs/tags/*'";
  await airgapOk(['resolve', await writeRelease(cosign.trustedRoot, source.host, pattern)]);
  const spec = await writeRelease(cosign.trustedRoot, source.host, pattern);
  await airgapOk(['resolve', spec]);
  await using foreign = await startSigningServices();
  await writeFile(spec.replace('release.yaml', 'trust/trusted_root.json'), JSON.stringify(foreign.trustedRoot));
  const build = ['build', spec.replace('.yaml', '.lock.json'), '--key', keys.key, '--output', temp.join('no.tar')];
  const changed = errorOf(await airgap([...build, '--json']));
  expect([changed.code, changed.message]).toEqual([
    'DIGEST_MISMATCH',
    'trust/trusted_root.json has changed since the lock was written',
  ]);
  const unproved = errorOf(await airgap(['resolve', spec, '--json']));
  expect([unproved.code, unproved.message]).toEqual([
    'UNTRUSTED_SIGNER',
    expect.stringContaining('does not verify with the pinned trusted root'),
  ]);
});
