/** Without a key: a CI job's identity signs, logs tell when, and the other side proves it offline; cosign agrees. */
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readdir, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openNetworkNamespace } from '../helpers/network-namespace.ts';
import type { ProcessResult } from '../helpers/process.ts';
import { requireTool } from '../helpers/require-tool.ts';
import { runOk } from '../helpers/run.ts';
import { startScriptedServer } from '../helpers/scripted-server.ts';
import {
  ISSUER,
  startSigningServices,
  WORKFLOW,
  type Misbehaviour,
  type SigningServices,
} from '../helpers/signing-services.ts';
import { startTimestampAuthority, type TimestampAuthority } from '../helpers/timestamp-authority.ts';
import { useBuiltRelease } from './support/fixture.ts';
import { airgap, airgapJson, airgapOk, errorOf, programCommand, programEnvironment } from './support/program.ts';
import { makeKeys, type BuildResult } from './support/release.ts';

const fixture = useBuiltRelease();
const faults: Record<string, Misbehaviour | undefined> = {};
const HOUR_MS = 3_600_000;
let services: SigningServices;
let clock: TimestampAuthority;
/** The trusted root of both. */
let rootFile: string;
let tokenFile: string;
/** Signed by the workflow and by nobody else. */
let archive: string;

beforeAll(async () => {
  services = await startSigningServices(faults);
  clock = await startTimestampAuthority();
  rootFile = fixture.temp.join('trusted_root.json');
  tokenFile = fixture.temp.join('token');
  await writeFile(rootFile, JSON.stringify({ ...services.trustedRoot, timestampAuthorities: [clock.pinned] }));
  await writeFile(tokenFile, `${services.token()}\n`);
  archive = fixture.temp.join('keyless.tar');
  await build(archive);
});
afterAll(async () => {
  await services[Symbol.asyncDispose]();
  await clock[Symbol.asyncDispose]();
});

interface Report {
  readonly verdict: string;
  readonly trust: {
    readonly acceptedSigners: readonly object[];
    readonly uncheckedSigners: readonly string[];
    readonly ignoredSigners: readonly { readonly reason: string }[];
  };
  readonly provenance: { readonly accepted: readonly object[]; readonly unchecked: readonly object[] };
}

const keyless = (url = services.url): string[] => [
  ...['--fulcio-url', url, '--rekor-url', url, '--trusted-root', rootFile, '--identity-token', tokenFile],
];
const build = (output: string, ...extra: readonly string[]): Promise<BuildResult> =>
  airgapJson<BuildResult>(['build', fixture.release.lock, '--output', output, ...keyless(), ...extra]);
const byIdentity = (subject = WORKFLOW, issuer = ISSUER): string[] => [
  ...['--certificate-identity', subject, '--certificate-oidc-issuer', issuer, '--trusted-root', rootFile],
];
const verify = (path: string, ...args: readonly string[]): Promise<ProcessResult> =>
  airgap(['verify', path, ...args, '--json']);
const verifyOk = (path: string, ...args: readonly string[]): Promise<Report> =>
  airgapJson<Report>(['verify', path, ...args]);

/** Asserts a refusal, with its exit code, error code and words. */
function expectRefusal(result: ProcessResult, exitCode: number, code: string, ...words: readonly string[]): void {
  const { message, hint = '' } = errorOf(result);
  expect(errorOf(result)).toMatchObject({ code });
  for (const word of words) expect(`${message}\n${hint}`).toContain(word);
  expect(result.exitCode).toBe(exitCode);
}

describe('an archive that a workflow signed', () => {
  test('is proved by who that is, and says so', async () => {
    const report = await verifyOk(archive, ...byIdentity());
    const signedAt: unknown = expect.stringMatching(/^\d{4}-.*Z$/);
    expect(report.verdict).toBe('verified');
    expect(report.trust.acceptedSigners).toEqual([{ issuer: ISSUER, subject: WORKFLOW, signedAt }]);
    expect(report.provenance.accepted).toMatchObject([{ issuer: ISSUER, subject: WORKFLOW }]);
    const { stdout } = await airgapOk(['verify', archive, ...byIdentity()]);
    expect(stdout).toContain(`  signed    ${WORKFLOW} (${ISSUER}), at 20`);
    expect(stdout).toContain(`provenance signed by ${WORKFLOW} (${ISSUER})`);
    expect((await airgapOk(['inspect', archive])).stdout).toContain(`claims to be signed by ${WORKFLOW} (${ISSUER})`);
  });

  test('is proved without a network by the file that travels in it', async () => {
    await using offline = await openNetworkNamespace();
    const [node, args] = programCommand('verify-and-load', [archive, ...byIdentity()]);
    const result = await offline.run(node, args, { env: programEnvironment() });
    expect([result.exitCode, result.stdout]).toEqual([0, expect.stringContaining(`signed    ${WORKFLOW}`)]);
    const loaded = programCommand('verify-and-load', [
      ...[archive, ...byIdentity(), '--to', `oci:${fixture.folder()}`, '--report', fixture.folder()],
    ]);
    expect(await offline.run(...loaded, { env: programEnvironment() })).toMatchObject({ exitCode: 0 });
  });

  test('is refused to whoever expects somebody else, who is told whom it names', async () => {
    const named = [`${WORKFLOW} (${ISSUER})`];
    expectRefusal(await verify(archive, ...byIdentity(`${WORKFLOW}0`)), 3, 'UNTRUSTED_SIGNER', ...named);
    expectRefusal(await verify(archive, ...byIdentity(WORKFLOW, `${ISSUER}.evil`)), 3, 'UNTRUSTED_SIGNER', ...named);
    expectRefusal(await verify(archive, '--key', fixture.pub), 3, 'UNTRUSTED_SIGNER', ...named);
  });

  test('is refused when the root pins other authorities', async () => {
    await using others = await startSigningServices();
    const theirs = fixture.temp.join('their_root.json');
    await writeFile(theirs, JSON.stringify(others.trustedRoot));
    const args = ['--certificate-identity', WORKFLOW, '--certificate-oidc-issuer', ISSUER, '--trusted-root', theirs];
    expectRefusal(await verify(archive, ...args), 3, 'SIGNATURE_INVALID', 'pinned trusted root');
  });

  test('wants all of an identity, and an exact one', async () => {
    for (const part of [0, 2, 4]) {
      const some = byIdentity().toSpliced(part, 2);
      expectRefusal(await verify(archive, ...some), 2, 'USAGE', '--certificate-oidc-issuer and --trusted-root');
    }
    expectRefusal(await verify(archive, ...byIdentity('https://ci.example/**')), 2, 'USAGE', 'wildcard');
    expectRefusal(await verify(archive, ...byIdentity(), '--trust', 'x'), 2, 'USAGE', 'not both');
  });
});

describe.each(['cosign2', 'cosign3'])('%s', (name) => {
  test('accepts the signature and the provenance without a network, and nothing else', async (t) => {
    const cosign = requireTool(name) ?? t.skip();
    const files = fixture.folder();
    await mkdir(files);
    await runOk('tar', ['xf', archive, 'checksums.txt', 'release.json', 'signatures', 'attestations'], { cwd: files });
    await using offline = await openNetworkNamespace();
    const check = (subject: string, file: string, issuer = ISSUER): Promise<ProcessResult> => {
      const isBlob = subject === 'verify-blob';
      return offline.run(
        cosign,
        [
          ...[subject, '--bundle', `${isBlob ? 'signatures' : 'attestations'}/1.sigstore.json`],
          ...['--certificate-identity', WORKFLOW, '--certificate-oidc-issuer', issuer, '--trusted-root', rootFile],
          ...(isBlob ? [] : ['--type', 'slsaprovenance1']),
          file,
        ],
        { cwd: files, env: { HOME: fixture.temp.path } },
      );
    };
    for (const command of ['verify-blob', 'verify-blob-attestation']) {
      const accepted = await check(command, 'checksums.txt');
      expect([accepted.exitCode, accepted.stderr + accepted.stdout]).toEqual([
        0,
        expect.stringContaining('Verified OK'),
      ]);
      expect((await check(command, 'release.json')).exitCode).not.toBe(0);
      expect((await check(command, 'checksums.txt', 'https://other.example')).exitCode).not.toBe(0);
    }
  });
});

describe('signing', () => {
  test('adds an identity to a key, beside the archive, once', async () => {
    const copy = fixture.temp.join('both.tar');
    await copyFile(fixture.archive, copy);
    const signed = await airgapJson<{ place: string }>(['sign', copy, ...keyless()]);
    // Longer than a sector, it could not be written into a slot in one go.
    expect(signed).toMatchObject({ issuer: ISSUER, subject: WORKFLOW });
    expect(signed.place).toMatch(/both\.tar\.[0-9a-f]{16}\.sigstore\.json$/);
    const both = ['--key', fixture.pub, ...byIdentity(), '--threshold', '2'];
    expect((await verifyOk(copy, ...both)).trust.acceptedSigners).toHaveLength(2);
    expectRefusal(await airgap(['sign', copy, ...keyless(), '--json']), 2, 'USAGE', 'signed in the name of', WORKFLOW);
    await writeFile(tokenFile, services.token({ sub: 'https://ci.example/second' }));
    const beside = await airgapJson<{ place: string }>(['sign', copy, ...keyless(), '--detached']);
    await writeFile(tokenFile, services.token());
    expect(beside.place).toMatch(/both\.tar\.[0-9a-f]{16}\.sigstore\.json$/);
    expect(await verify(copy, ...both)).toMatchObject({ exitCode: 0 });
    expect(await verify(copy, ...byIdentity('https://ci.example/second'))).toMatchObject({ exitCode: 0 });
  });

  test('takes the token from the environment, or from the GitHub Actions job it runs in', async () => {
    const seen: (string | undefined)[] = [];
    await using actions = await startScriptedServer((request, response) => {
      seen.push(request.headers.authorization, request.url);
      response.end(JSON.stringify({ value: services.token({ sub: 'https://ci.example/actions' }) }));
    });
    const args = keyless().slice(0, -2);
    for (const env of [
      { SIGSTORE_ID_TOKEN: services.token({ sub: 'https://ci.example/actions' }) },
      {
        ACTIONS_ID_TOKEN_REQUEST_URL: `http://${actions.host}/token?v=1`,
        ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'runner-secret',
      },
    ]) {
      const copy = `${fixture.folder()}.tar`;
      await copyFile(fixture.archive, copy);
      await airgapOk(['sign', copy, ...args], { env });
      expect(await verify(copy, ...byIdentity('https://ci.example/actions'))).toMatchObject({ exitCode: 0 });
    }
    expect(seen.slice(0, 2)).toEqual(['Bearer runner-secret', '/token?v=1&audience=sigstore']);
  });

  test('says what is missing before it begins', async () => {
    const output = fixture.temp.join('never.tar');
    const attempt = (...args: readonly string[]): Promise<ProcessResult> =>
      airgap(['build', fixture.release.lock, '--output', output, ...args, '--json']);
    const without = (option: string): string[] => keyless().toSpliced(keyless().indexOf(option), 2);
    expectRefusal(await attempt(...without('--rekor-url')), 2, 'USAGE', '--rekor-url');
    expectRefusal(await attempt(...without('--trusted-root')), 2, 'USAGE', '--trusted-root');
    expectRefusal(await attempt(...without('--identity-token')), 2, 'USAGE', 'SIGSTORE_ID_TOKEN');
    expectRefusal(await attempt(...without('--fulcio-url')), 2, 'USAGE', '--fulcio-url');
    expectRefusal(await attempt('--key', fixture.key, '--rekor-url', services.url), 2, 'USAGE', '--fulcio-url');
    expectRefusal(await attempt(...keyless('http://rekor.example')), 2, 'USAGE', 'https://');
    await writeFile(tokenFile, services.token({ exp: 1 }));
    expectRefusal(await attempt(...keyless()), 4, 'UNAUTHENTICATED', 'expired at 1970');
    await writeFile(tokenFile, 'not.a.token');
    expectRefusal(await attempt(...keyless()), 2, 'USAGE', 'does not hold an OpenID Connect token');
    await writeFile(tokenFile, services.token());
    expect(await readdir(fixture.temp.path)).not.toContain('never.tar');
  });

  const CERTIFICATES = '/api/v2/signingCert';
  const ENTRIES = '/api/v1/log/entries';
  test.each<[string, Misbehaviour, number, string]>([
    [CERTIFICATES, 'refuses', 4, 'DENIED'],
    [CERTIFICATES, 'garbles', 1, 'STORE_IO'],
    [CERTIFICATES, 'redirects', 1, 'STORE_IO'],
    [ENTRIES, 'refuses', 1, 'STORE_IO'],
    [ENTRIES, 'garbles', 1, 'STORE_IO'],
  ])(
    'fails when %s %s, names the service, keeps the token to itself, and goes on afterwards',
    async (path, fault, exitCode, code) => {
      const output = `${fixture.folder()}.tar`;
      const args = ['build', fixture.release.lock, '--output', output, ...keyless(), '--json'];
      faults[path] = fault;
      const failed = await airgap(args);
      faults[path] = undefined;
      expectRefusal(failed, exitCode, code, services.url);
      const [, payload = ''] = services.token().split('.');
      expect(failed.stdout + failed.stderr).not.toContain(payload.slice(0, 40));
      expect(failed.stdout + failed.stderr).not.toContain('c2VjcmV0');
      expect(existsSync(output)).toBe(false);
      await airgapOk(args);
      expect(await verify(output, ...byIdentity())).toMatchObject({ exitCode: 0 });
    },
  );

  test('fails when a service that was named is not there', async () => {
    const gone = await startScriptedServer(() => undefined);
    await gone[Symbol.asyncDispose]();
    const there = keyless();
    const output = fixture.temp.join('unreachable.tar');
    for (const option of ['--fulcio-url', '--rekor-url', '--timestamp-url']) {
      const args = there.includes(option)
        ? there.with(there.indexOf(option) + 1, `http://${gone.host}`)
        : [...there, option, `http://${gone.host}`];
      const result = await airgap(['build', fixture.release.lock, '--output', output, ...args, '--json']);
      expectRefusal(result, 1, 'STORE_IO', gone.host, 'reachable');
    }
    expect(await readdir(fixture.temp.path)).not.toContain('unreachable.tar');
  });

  test('is proved with the pinned root before anything is written', async () => {
    await using others = await startSigningServices();
    const theirs = fixture.temp.join('other_root.json');
    await writeFile(theirs, JSON.stringify(others.trustedRoot));
    const copy = fixture.temp.join('unproved.tar');
    await copyFile(fixture.archive, copy);
    const args = keyless().with(5, theirs);
    expectRefusal(await airgap(['sign', copy, ...args, '--json']), 3, 'SIGNATURE_INVALID', 'pinned trusted root');
    expect((await verifyOk(copy, '--key', fixture.pub)).trust.uncheckedSigners).toEqual([]);
  });
});

describe('a trust document', () => {
  let root: { readonly key: string; readonly pub: string };
  beforeAll(async () => {
    root = await makeKeys(fixture.temp.join('root'));
  });

  const start = ['--product', 'sample', '--expires', '2099-01-01'];
  const trustFile = (directory: string, version = 1): string => `${directory}/${version}.trust.json`;

  test('counts an identity beside keys, by a pattern, until it is revoked', async () => {
    const trust = fixture.folder();
    const pattern = ['--issuer', ISSUER, '--subject-pattern', 'https://ci.example/acme/app/**@refs/tags/*'];
    const init = ['trust', 'init', trust, ...start, '--root', root.pub, '--release', fixture.pub];
    const begun = await airgapOk([...init, ...pattern, '--trusted-root', rootFile, '--release-threshold', '2']);
    expect(begun.stdout).toContain(`+ https://ci.example/acme/app/**@refs/tags/* (${ISSUER}) signs releases`);
    expect(begun.stdout).toContain(`+ signature log ${services.url} (`);
    expect(begun.stdout).toContain('2 of 2 keys and identities must sign releases');
    await airgapOk(['trust', 'sign', trust, '--key', root.key]);
    expect((await airgapOk(['trust', 'show', trust])).stdout).toContain('certificate authority');
    const signed = fixture.temp.join('trusted.tar');
    const out = await airgapJson<{ signers: string[] }>([
      ...['build', fixture.release.lock, '--output', signed, '--key', fixture.key, '--trust', trust],
      ...['--fulcio-url', services.url, '--rekor-url', services.url, '--identity-token', tokenFile],
    ]);
    expect(out.signers).toContain(`${WORKFLOW} (${ISSUER})`);
    const report = await verifyOk(signed, '--trust', trustFile(trust));
    expect(report.trust.acceptedSigners).toHaveLength(2);
    expectRefusal(await verify(archive, '--trust', trustFile(trust)), 3, 'UNTRUSTED_SIGNER', '1 of 2');
    const exact = ['--issuer', ISSUER, '--subject', WORKFLOW];
    const revoked = await airgapOk(['trust', 'revoke', trust, ...exact]);
    expect(revoked.stdout).toContain(`! ${WORKFLOW} (${ISSUER}) is revoked permanently`);
    await airgapOk(['trust', 'sign', trust, '--key', root.key]);
    expectRefusal(await verify(signed, '--trust', trustFile(trust, 2)), 3, 'REVOKED', WORKFLOW, 'is revoked');
  });

  test('is changed in words, and refuses what could never count', async () => {
    const trust = fixture.folder();
    await airgapOk(['trust', 'init', trust, ...start, '--root', root.pub, '--release', fixture.pub]);
    const exact = ['--issuer', ISSUER, '--subject', WORKFLOW];
    const add = ['trust', 'add-identity', trust, ...exact, '--role'];
    expectRefusal(await airgap([...add, 'release', '--json']), 2, 'USAGE', 'no trusted root');
    expectRefusal(await airgap([...add, 'root', '--json']), 2, 'USAGE', 'not one of release, provenance');
    await airgapOk(['trust', 'set-trusted-root', trust, rootFile]);
    expect((await airgapOk([...add, 'provenance'])).stdout).toContain('signs provenance');
    const removed = await airgapOk(['trust', 'remove-identity', trust, ...exact]);
    expect(removed.stdout).not.toContain('signs provenance');
    expectRefusal(await airgap(['trust', 'remove-identity', trust, ...exact, '--json']), 2, 'USAGE', 'does not list');
    expectRefusal(
      await airgap(['trust', 'add-identity', trust, '--issuer', ISSUER, '--role', 'release', '--json']),
      2,
      'USAGE',
      '--subject',
    );
  });

  test('lets what a key signed outlive the key, by the word of a pinned clock and no other', async () => {
    const trust = fixture.folder();
    const passing = await makeKeys(`${trust}-passing`);
    const until = (offsetMs: number): string => new Date(Date.now() + offsetMs).toISOString().replace(/\.\d+Z$/, 'Z');
    await airgapOk(['trust', 'init', trust, ...start, '--root', root.pub, '--release', fixture.pub]);
    const add = ['trust', 'add-key', trust, passing.pub, '--role', 'release'];
    await airgapOk([...add, '--valid-until', until(HOUR_MS)]);
    await airgapOk(['trust', 'remove-key', trust, fixture.pub]);
    await airgapOk(['trust', 'set-trusted-root', trust, rootFile]);
    await airgapOk(['trust', 'sign', trust, '--key', root.key]);
    await using stranger = await startTimestampAuthority();
    const paths: string[] = [];
    for (const [name, args] of Object.entries({
      stamped: ['--timestamp-url', clock.url],
      strange: ['--timestamp-url', stranger.url],
      bare: [],
    })) {
      const path = fixture.temp.join(`${name}.tar`);
      await airgapOk(['build', fixture.release.lock, '--key', passing.key, '--output', path, ...args]);
      expect(await verify(path, '--trust', trustFile(trust))).toMatchObject({ exitCode: 0 });
      expect(await verify(path, '--key', passing.pub)).toMatchObject({ exitCode: 0 });
      paths.push(path);
    }
    const [stamped = '', strange = '', bare = ''] = paths;
    const later = { now: () => new Date(Date.now() + 2 * HOUR_MS) };
    const verifyLater = (path: string, version?: number): Promise<ProcessResult> =>
      airgap(['verify', path, '--trust', trustFile(trust, version), '--json', '--quiet'], later);
    const proved = await verifyLater(stamped);
    expect([proved.exitCode, proved.stderr]).toEqual([0, '']);
    const { trust: judged } = JSON.parse(proved.stdout) as Report;
    expect(judged.acceptedSigners).toMatchObject([{ algorithm: 'ecdsa-p256', signedAt: expect.any(String) as string }]);
    expectRefusal(await verifyLater(strange), 3, 'EXPIRED', 'authority that is not pinned');
    expectRefusal(await verifyLater(bare), 3, 'EXPIRED', 'no trusted timestamp');
    // Signed too late, whatever the clock says of it: the key's time was over an hour before.
    const ago = { now: () => new Date(Date.now() - 2 * HOUR_MS) };
    await airgapOk([...add, '--valid-until', until(-HOUR_MS)], ago);
    await airgapOk(['trust', 'sign', trust, '--key', root.key], ago);
    expectRefusal(await verifyLater(stamped, 2), 3, 'EXPIRED', 'it signed at');
  });
});
