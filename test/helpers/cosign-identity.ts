/** Real cosign with identities instead of keys: certificates of authorities on loopback, nothing of the public instance. */
import { writeFile } from 'node:fs/promises';
import type { CosignName } from './cosign.ts';
import type { ProcessResult } from './process.ts';
import { requireTool } from './require-tool.ts';
import { run, runOk } from './run.ts';
import { ISSUER, WORKFLOW, type SigningServices } from './signing-services.ts';
import type { TempDir } from './temp.ts';

/** The two programs. */
export interface IdentityCosign {
  /** The trusted root of the services. */
  readonly trustedRoot: string;
  /** Signs as the workflow: cosign 3, a bundle. */
  sign(image: string): Promise<void>;
  /** Whether the workflow, or somebody else, signed. cosign 2 knows the form under a tag alone. */
  verify(by: CosignName, image: string, subject?: string): Promise<ProcessResult>;
}

const SINCE = '2020-01-01T00:00:00Z';

/** Undefined only when a program is missing and that is permitted. */
export async function makeIdentityCosign(
  temp: TempDir,
  services: SigningServices,
): Promise<IdentityCosign | undefined> {
  const programs = { cosign2: requireTool('cosign2'), cosign3: requireTool('cosign3') };
  if (programs.cosign2 === undefined || programs.cosign3 === undefined) return undefined;
  const { url, trustedRoot } = services;
  const service = [{ url, majorApiVersion: 1, validFor: { start: SINCE }, operator: 'test' }];
  const signingConfig = {
    mediaType: 'application/vnd.dev.sigstore.signingconfig.v0.2+json',
    caUrls: service,
    oidcUrls: [],
    rekorTlogUrls: service,
    tsaUrls: [],
    rekorTlogConfig: { selector: 'ANY' },
    tsaConfig: { selector: 'ANY' },
  };
  const root = temp.join('trusted_root.json');
  await writeFile(root, JSON.stringify(trustedRoot));
  await writeFile(temp.join('identity-signing.json'), JSON.stringify(signingConfig));
  // cosign 2 takes a trusted root for bundles only, and otherwise one file for each authority.
  const { tlogs = [], ctlogs = [], certificateAuthorities = [] } = trustedRoot;
  await writeFile(temp.join('rekor.pub'), toPem('PUBLIC KEY', tlogs[0]?.publicKey.rawBytes));
  await writeFile(temp.join('ct.pub'), toPem('PUBLIC KEY', ctlogs[0]?.publicKey.rawBytes));
  await writeFile(
    temp.join('ca.pem'),
    toPem('CERTIFICATE', certificateAuthorities[0]?.certChain.certificates[0]?.rawBytes),
  );
  const home = { HOME: temp.path, PATH: process.env['PATH'] };
  const files = {
    SIGSTORE_REKOR_PUBLIC_KEY: 'rekor.pub',
    SIGSTORE_CT_LOG_PUBLIC_KEY_FILE: 'ct.pub',
    SIGSTORE_ROOT_FILE: 'ca.pem',
  };
  const trust = {
    cosign2: { args: [], env: { ...home, ...files } },
    cosign3: { args: ['--trusted-root', root], env: home },
  };
  return {
    trustedRoot: root,
    sign: async (image) => {
      await writeFile(temp.join('token'), services.token());
      const how = [
        '--yes',
        '--signing-config',
        'identity-signing.json',
        '--trusted-root',
        root,
        '--identity-token',
        'token',
      ];
      await runOk(programs.cosign3 ?? '', ['sign', ...how, image], { cwd: temp.path, env: home });
    },
    verify: (by, image, subject = WORKFLOW) => {
      const who = ['--certificate-identity', subject, '--certificate-oidc-issuer', ISSUER, '--offline'];
      const { args, env } = trust[by];
      return run(programs[by] ?? '', ['verify', ...who, ...args, image], { cwd: temp.path, env });
    },
  };
}

function toPem(label: string, base64 = ''): string {
  return `-----BEGIN ${label}-----\n${base64.replaceAll(/(.{64})/g, '$1\n')}\n-----END ${label}-----\n`;
}
