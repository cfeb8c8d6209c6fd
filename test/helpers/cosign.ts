/** Real cosign, without a network: signs with a key of its own and verifies by digest, both majors. */
import { writeFile } from 'node:fs/promises';
import type { ProcessResult } from './process.ts';
import { requireTool } from './require-tool.ts';
import { run, runOk } from './run.ts';
import type { TempDir } from './temp.ts';

/** 2 writes tags (`sha256-….sig`), 3 writes referrers with Sigstore bundles. */
export type CosignName = 'cosign2' | 'cosign3';

/** A key pair and the two programs that use it. */
export interface Cosign {
  /** Public key file. */
  readonly pub: string;
  /** @param key - another than its own */
  sign(by: CosignName, image: string, key?: string): Promise<void>;
  /** cosign 2's form as a referrer instead of a tag. */
  signAsReferrer(image: string): Promise<void>;
  /** Attests a statement of type CycloneDX. */
  attest(by: CosignName, image: string): Promise<void>;
  /** Attaches a bill of materials under the `.sbom` tag. */
  attachSbom(image: string): Promise<void>;
  verify(by: CosignName, image: string, pub?: string): Promise<ProcessResult>;
  verifyAttestation(by: CosignName, image: string): Promise<ProcessResult>;
}

const SBOM = '{"bomFormat":"CycloneDX","specVersion":"1.6","version":1}';
/** No Fulcio, no Rekor, no timestamp authority: only the key. */
const SIGNING_CONFIG = {
  mediaType: 'application/vnd.dev.sigstore.signingconfig.v0.2+json',
  caUrls: [],
  oidcUrls: [],
  rekorTlogUrls: [],
  tsaUrls: [],
  rekorTlogConfig: { selector: 'ANY' },
  tsaConfig: { selector: 'ANY' },
};
const OFFLINE: Readonly<Record<CosignName, readonly string[]>> = {
  cosign2: ['--tlog-upload=false'],
  cosign3: ['--signing-config', 'signing.json'],
};

/** Makes a key pair; undefined only when a program is missing and that is permitted. */
export async function makeCosign(temp: TempDir): Promise<Cosign | undefined> {
  const programs = { cosign2: requireTool('cosign2'), cosign3: requireTool('cosign3') };
  if (programs.cosign2 === undefined || programs.cosign3 === undefined) return undefined;
  const options = { cwd: temp.path, env: { HOME: temp.path, COSIGN_PASSWORD: '', PATH: process.env['PATH'] } };
  const call = async (by: CosignName, ...args: readonly string[]): Promise<void> => {
    await runOk(programs[by] ?? '', args, options);
  };
  const experimental = { ...options, env: { ...options.env, COSIGN_EXPERIMENTAL: '1' } };
  const ask = (by: CosignName, ...args: readonly string[]): Promise<ProcessResult> =>
    run(programs[by] ?? '', args, options);
  await writeFile(temp.join('sbom.json'), SBOM);
  await writeFile(temp.join('signing.json'), JSON.stringify(SIGNING_CONFIG));
  await call('cosign2', 'generate-key-pair');
  const signing = ['--key', 'cosign.key', '--yes'];
  return {
    pub: temp.join('cosign.pub'),
    sign: (by, image, key = 'cosign.key') => call(by, 'sign', '--key', key, '--yes', ...OFFLINE[by], image),
    signAsReferrer: async (image) => {
      const how = [...signing, ...OFFLINE.cosign2, '--registry-referrers-mode', 'oci-1-1'];
      await runOk(programs.cosign2 ?? '', ['sign', ...how, image], experimental);
    },
    attest: (by, image) =>
      call(by, 'attest', ...signing, ...OFFLINE[by], '--type', 'cyclonedx', '--predicate', 'sbom.json', image),
    attachSbom: (image) => call('cosign2', 'attach', 'sbom', '--sbom', 'sbom.json', '--type', 'cyclonedx', image),
    verify: (by, image, pub = 'cosign.pub') => ask(by, 'verify', '--key', pub, '--insecure-ignore-tlog', image),
    verifyAttestation: (by, image) =>
      ask(by, 'verify-attestation', '--key', 'cosign.pub', '--insecure-ignore-tlog', '--type', 'cyclonedx', image),
  };
}
