/** Provenance and the bill of materials: in every archive, proved offline, demanded by who wants it, read by stock cosign. */
import { createPublicKey } from 'node:crypto';
import { mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { Version } from '@cyclonedx/cyclonedx-library/Spec';
import { JsonStrictValidator } from '@cyclonedx/cyclonedx-library/Validation';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { layoutArchive } from '../../src/archive/layout/archive-layout.ts';
import { createKeySigner } from '../../src/trust/signing/signer.ts';
import { loadPrivateKey } from '../../src/trust/keys/private-key.ts';
import { fillSlot } from '../../src/trust/signatures/slot.ts';
import { STATEMENT_PAYLOAD_TYPE } from '../../src/trust/provenance/statement.ts';
import { startRegistry } from '../../src/server/embedded-registry.ts';
import { openNetworkNamespace } from '../helpers/network-namespace.ts';
import type { ProcessResult } from '../helpers/process.ts';
import { requireTool } from '../helpers/require-tool.ts';
import { runOk } from '../helpers/run.ts';
import { readArchive } from '../helpers/second-reader.ts';
import { useBuiltRelease } from './support/fixture.ts';
import { airgap, airgapJson, airgapOk, errorOf, programPath, runProgram } from './support/program.ts';
import { buildArchive, makeKeys, readInventory, readLockFile } from './support/release.ts';

const BUILDER = 'https://ci.example/releases/trusted';
const SOURCE = 'git+https://git.example/team/releases';
const COMMIT = '0123456789abcdef0123456789abcdef01234567';
const RUN = 'https://ci.example/runs/4711';
const fixture = useBuiltRelease();
/** An archive whose build said all there is to say. */
let told: string;
/** The same of one test alone, to be changed. */
let copy: string;
/** Whom nobody trusts. */
let stranger: { readonly key: string; readonly pub: string };

interface Statement {
  _type: string;
  predicateType: string;
  subject: { name: string; digest: Record<string, string> }[];
  predicate: {
    buildDefinition: {
      externalParameters: Record<string, unknown>;
      resolvedDependencies: { uri?: string; name?: string; digest?: Record<string, string> }[];
    };
    runDetails: { builder: { id: string }; metadata?: Record<string, string> };
  };
}

beforeAll(async () => {
  told = fixture.temp.join('told.tar');
  await buildArchive(fixture.release.lock, fixture.key, told, [
    ...['--builder-id', BUILDER, '--source-repository', SOURCE, '--source-commit', COMMIT, '--invocation-id', RUN],
  ]);
  stranger = await makeKeys(fixture.temp.join('stranger'));
});

beforeEach(async () => {
  const folder = fixture.folder();
  await mkdir(folder);
  copy = `${folder}/release.tar`;
  await writeFile(copy, await readFile(told));
});

const verify = (...args: readonly string[]): Promise<ProcessResult> =>
  airgap(['verify', copy, '--key', fixture.pub, '--json', ...args]);

function expectRefusal(result: ProcessResult, code: string, ...words: readonly string[]): void {
  expect([errorOf(result).code, result.exitCode]).toEqual([code, 3]);
  for (const word of words) expect(errorOf(result).message).toContain(word);
}

async function slotOf(path: string, archive = copy): Promise<{ readonly offset: number; readonly size: number }> {
  const member = layoutArchive(await readInventory(archive)).members.find((each) => each.path === path);
  if (member === undefined) throw new Error(`no member ${path}`);
  return member;
}

async function readSlotText(path: string, archive = copy): Promise<string> {
  const { offset, size } = await slotOf(path, archive);
  return (await readFile(archive)).toString('utf8', offset, offset + size).trimEnd();
}

async function writeSlot(content: Uint8Array | undefined): Promise<void> {
  const { offset, size } = await slotOf('attestations/1.sigstore.json');
  await using file = await open(copy, 'r+');
  await file.write(fillSlot(content, size), 0, size, offset);
}

async function readStatement(archive = copy): Promise<Statement> {
  const bundle = JSON.parse(await readSlotText('attestations/1.sigstore.json', archive)) as {
    dsseEnvelope: { payload: string };
  };
  return JSON.parse(Buffer.from(bundle.dsseEnvelope.payload, 'base64').toString()) as Statement;
}

/** Puts a statement into the slot that a key really signed. */
async function replaceStatement(
  change: (statement: Statement) => void,
  key = fixture.key,
  type = STATEMENT_PAYLOAD_TYPE,
): Promise<void> {
  const statement = await readStatement();
  change(statement);
  const signer = createKeySigner(
    loadPrivateKey(await readFile(key, 'utf8'), { passphrase: 'correct horse', name: key }),
  );
  await writeSlot(await signer.attest(Buffer.from(JSON.stringify(statement)), type));
}

describe('what is stated', () => {
  test('covers checksums.txt and every image, and says what was told and what went in', async () => {
    const statement = await readStatement();
    const lock = await readLockFile(fixture.release.lock);
    const [first, ...images] = statement.subject;
    const checksums = await readSlotText('checksums.txt');
    expect(first).toEqual({
      name: 'checksums.txt',
      digest: {
        sha256: (await airgapJson<{ digest: string }>(['verify', copy, '--key', fixture.pub])).digest.slice(7),
      },
    });
    expect(checksums).toContain('release.json');
    expect(images.map(({ digest }) => digest['sha256'])).toEqual(lock.images.map(({ digest }) => digest.slice(7)));
    const { buildDefinition, runDetails } = statement.predicate;
    expect(buildDefinition.externalParameters).toMatchObject({
      name: 'sample',
      version: '1.2.3',
      channel: 'stable',
      platforms: ['linux/amd64', 'linux/arm64'],
      specDigest: lock.specDigest,
      source: { repository: SOURCE, commit: COMMIT },
    });
    expect(runDetails).toMatchObject({ builder: { id: BUILDER }, metadata: { invocationId: RUN } });
    const { resolvedDependencies } = buildDefinition;
    expect(resolvedDependencies[0]).toEqual({ uri: SOURCE, digest: { gitCommit: COMMIT } });
    expect(resolvedDependencies.flatMap(({ name }) => name ?? [])).toEqual(lock.files.map(({ path }) => path));
    expect(resolvedDependencies.length).toBe(1 + lock.images.length + lock.files.length);
  });

  test('is in the report, in inspect, in the lines for people and in the report of a load', async () => {
    const known = {
      builderId: BUILDER,
      sourceRepository: SOURCE,
      sourceCommit: COMMIT,
      toolVersion: '0.1.0',
      invocationId: RUN,
    };
    const report = JSON.parse((await verify()).stdout) as { provenance: { accepted: object[]; unchecked: object[] } };
    expect(report.provenance).toMatchObject({ accepted: [known], unchecked: [] });
    const { claimedProvenance } = await airgapJson<{ claimedProvenance: object[] }>(['inspect', copy]);
    expect(claimedProvenance).toMatchObject([known]);
    const { stdout } = await airgapOk(['verify', copy, '--key', fixture.pub]);
    expect(stdout).toContain(`built by  ${BUILDER} from ${SOURCE} at ${COMMIT} (${RUN})`);
    expect((await airgapOk(['inspect', copy])).stdout).toContain(`claims to be built by ${BUILDER}`);
    await using target = await startRegistry({ directory: `${copy}.registry` });
    const load = await airgapJson<{ provenance: object[] }>([
      ...['load', copy, '--key', fixture.pub, '--builder-id', BUILDER, '--source-repository', SOURCE],
      ...['--to', `docker://${target.host}`, '--report', `${copy}.report`],
    ]);
    expect(load.provenance).toMatchObject([known]);
  });

  test('by default is who builds in which version, and no more that could differ', async () => {
    const { predicate } = await readStatement(fixture.archive);
    expect(predicate.runDetails).toEqual({ builder: { id: 'https://airgap.hexabase.ai/builder/v0.1.0' } });
    expect(predicate.buildDefinition.externalParameters).not.toHaveProperty('source');
  });

  test('comes from the environment where options are not given', async () => {
    const output = `${copy}.env.tar`;
    const env = { AIRGAP_BUILDER_ID: BUILDER, AIRGAP_SOURCE_REPOSITORY: SOURCE, AIRGAP_SOURCE_COMMIT: COMMIT };
    const args = ['build', fixture.release.lock, '--key', fixture.key, '--output', output];
    await airgapOk([...args, '--source-repository', 'git+https://other.example/x'], { env });
    const { predicate } = await readStatement(output);
    expect(predicate.runDetails.builder.id).toBe(BUILDER);
    expect(predicate.buildDefinition.externalParameters['source']).toEqual({
      repository: 'git+https://other.example/x',
      commit: COMMIT,
    });
  });

  test('must be a URI or a commit, and hold no password', async () => {
    const refuse = async (word: string, ...args: readonly string[]): Promise<void> => {
      const result = await airgap([
        'build',
        fixture.release.lock,
        '--key',
        fixture.key,
        '--output',
        `${copy}.x`,
        '--json',
        ...args,
      ]);
      expect([errorOf(result).code, result.exitCode]).toEqual(['USAGE', 2]);
      expect(errorOf(result).message).toContain(word);
      expect(errorOf(result).message).not.toContain('t0ken');
    };
    await refuse('password', '--source-repository', 'https://ci:t0ken@git.example/x');
    await refuse('URI', '--builder-id', 'the build machine');
    await refuse('commit in full', '--source-repository', SOURCE, '--source-commit', 'main');
    await refuse('repository', '--source-commit', COMMIT);
  });
});

describe('what is demanded', () => {
  test('is met by what was told, in both programs', async () => {
    const demand = ['--require-provenance', '--builder-id', BUILDER, '--source-repository', SOURCE];
    expect((await verify(...demand)).exitCode).toBe(0);
    expect((await runProgram('verify-and-load', [copy, '--key', fixture.pub, ...demand])).exitCode).toBe(0);
    const other = await runProgram('verify-and-load', [copy, '--key', fixture.pub, '--builder-id', 'https://x.example/', '--json']); // prettier-ignore
    expectRefusal(other, 'SUBJECT_MISMATCH', BUILDER, 'https://x.example/');
  });

  test('is compared as it is', async () => {
    expectRefusal(await verify('--builder-id', `${BUILDER}/`), 'SUBJECT_MISMATCH', BUILDER);
    expectRefusal(await verify('--source-repository', 'git+https://git.example/team'), 'SUBJECT_MISMATCH', SOURCE);
    copy = fixture.archive;
    expectRefusal(await verify('--source-repository', SOURCE), 'SUBJECT_MISMATCH', 'not stated');
  });

  test('is not met by nothing, nor by a key that is not trusted', async () => {
    await writeSlot(undefined);
    expect((await verify()).exitCode).toBe(0);
    expectRefusal(await verify('--require-provenance'), 'UNSIGNED', 'has none');
    await writeFile(copy, await readFile(told));
    await replaceStatement(() => undefined, stranger.key);
    const report = JSON.parse((await verify()).stdout) as { provenance: { accepted: object[]; unchecked: object[] } };
    expect([report.provenance.accepted.length, report.provenance.unchecked.length]).toEqual([0, 1]);
    expect((await airgapOk(['verify', copy, '--key', fixture.pub])).stdout).toContain('states how it was built');
    expectRefusal(await verify('--require-provenance'), 'UNTRUSTED_SIGNER', 'not trusted');
    expectRefusal(await verify('--builder-id', BUILDER), 'UNTRUSTED_SIGNER');
  });
});

describe('a statement that does not fit refuses the archive, although a trusted key signed it', () => {
  test.each<[string, string, (statement: Statement) => void]>([
    ['another archive', 'another archive', ({ subject }) => (subject[0] = { name: 'checksums.txt', digest: { sha256: 'a'.repeat(64) } })],
    ['an image too few', 'is not about the image', ({ subject }) => subject.pop()],
    ['an image too many', 'not an image', ({ subject }) => subject.push({ name: 'x.example/a', digest: { sha256: 'b'.repeat(64) } })],
    ['an image twice', 'named before', ({ subject }) => subject.push(subject[1] ?? { name: '', digest: {} })],
    ['another digest of an image', 'not an image', ({ subject }) => Object.assign(subject[1]?.digest ?? {}, { sha256: 'c'.repeat(64) })],
    ['another predicate', 'predicate type', (statement) => (statement.predicateType = 'https://cyclonedx.org/bom')],
    ['another statement', 'has the type', (statement) => (statement._type = 'https://in-toto.io/Statement/v0.1')],
    ['another version', 'gives the version', ({ predicate }) => (predicate.buildDefinition.externalParameters['version'] = '9.9.9')],
  ])('%s', async (_name, words, change) => {
    await replaceStatement(change);
    expectRefusal(await verify(), 'SUBJECT_MISMATCH', words);
  }); // prettier-ignore

  test('another payload type', async () => {
    await replaceStatement(() => undefined, fixture.key, 'application/json');
    expectRefusal(await verify(), 'SUBJECT_MISMATCH', 'application/json');
  });

  test('a field that nobody knows', async () => {
    await replaceStatement((statement) => Object.assign(statement.predicate, { extra: true }));
    expectRefusal(await verify(), 'SIGNATURE_INVALID', 'extra');
  });
});

test('a changed payload, a stranger under the name of the key, and a signature of a file are refused', async () => {
  const text = await readSlotText('attestations/1.sigstore.json');
  const bundle = JSON.parse(text) as { dsseEnvelope: { payload: string } };
  const statement = await readStatement();
  statement.predicate.runDetails.builder.id = 'https://evil.example/';
  bundle.dsseEnvelope.payload = Buffer.from(JSON.stringify(statement)).toString('base64');
  await writeSlot(Buffer.from(JSON.stringify(bundle)));
  expectRefusal(await verify(), 'SIGNATURE_INVALID', 'does not verify', 'attestations/1.sigstore.json');

  await writeFile(copy, await readFile(told));
  const hint = /"hint":"([^"]+)"/.exec(text)?.[1] ?? '';
  await replaceStatement(() => undefined, stranger.key);
  const forged = (await readSlotText('attestations/1.sigstore.json')).replace(/"hint":"[^"]+"/, `"hint":"${hint}"`);
  await writeSlot(Buffer.from(forged));
  expectRefusal(await verify(), 'SIGNATURE_INVALID', 'does not verify');

  await writeFile(copy, await readFile(told));
  await writeSlot(Buffer.from(await readSlotText('signatures/1.sigstore.json')));
  expectRefusal(await verify(), 'SIGNATURE_INVALID', 'messageSignature');

  // Of another build of the same bytes: how they came about is told twice, and true both times.
  await writeFile(copy, await readFile(told));
  const other = `${copy}.other.tar`;
  await buildArchive(fixture.release.lock, fixture.key, other, ['--builder-id', BUILDER]);
  await writeSlot(Buffer.from(await readSlotText('attestations/1.sigstore.json', other)));
  expect((await verify()).exitCode).toBe(0);
});

test('a reader written from the format alone agrees', async () => {
  const key = createPublicKey(await readFile(fixture.pub, 'utf8'));
  const read = async (): Promise<unknown> => readArchive(await readFile(copy), [key]);
  await read();
  await replaceStatement(() => undefined, stranger.key);
  await read();
  await replaceStatement(({ subject }) => subject.pop());
  await expect(read()).rejects.toThrow('about these images');
  await writeFile(copy, await readFile(told));
  await replaceStatement(({ predicate }) => Object.assign(predicate, { extra: 1 }));
  await expect(read()).rejects.toThrow('statement');
  await writeFile(copy, await readFile(told));
  const text = await readSlotText('attestations/1.sigstore.json');
  await writeSlot(Buffer.from(text.replace(/"sig":"(.{20})../, '"sig":"$1AA')));
  await expect(read()).rejects.toThrow('signature of a statement');
  expectRefusal(await verify(), 'SIGNATURE_INVALID');
});

test("the bill of materials travels along, covered by checksums.txt, and is not in the secure side's tool", async () => {
  const files = fixture.folder();
  await mkdir(files);
  await runOk('tar', ['xf', told, 'sbom', 'checksums.txt'], { cwd: files });
  expect(await readFile(`${files}/checksums.txt`, 'utf8')).toContain('  sbom/sample-1.2.3.cdx.json\n');
  const bom = await readFile(`${files}/sbom/sample-1.2.3.cdx.json`, 'utf8');
  expect(await new JsonStrictValidator(Version.v1dot6).validate(bom)).toBeNull();
  const { components } = JSON.parse(bom) as { components: { type: string }[] };
  const lock = await readLockFile(fixture.release.lock);
  expect(components.length).toBe(lock.images.length + lock.files.length);
  expect(await readFile(programPath('verify-and-load'), 'utf8')).not.toContain('cyclonedx.org/schema');
});

test('a trust document says whose provenance counts, and that it has to be there', async () => {
  const witness = await makeKeys(`${copy}.witness`);
  const trust = `${copy}.trust`;
  await airgapOk([
    ...['trust', 'init', trust, '--product', 'sample', '--root', stranger.pub, '--release', fixture.pub],
    ...['--expires', '2100-01-01'],
  ]);
  await airgapOk(['trust', 'add-key', trust, witness.pub, '--role', 'provenance']);
  await airgapOk(['trust', 'sign', trust, '--key', stranger.key]);
  const judged = (path: string): Promise<ProcessResult> =>
    airgap(['verify', path, '--trust', `${trust}/1.trust.json`, '--json']);
  expectRefusal(await judged(copy), 'UNTRUSTED_SIGNER', 'of provenance');
  const other = `${copy}.other.tar`;
  await buildArchive(fixture.release.lock, fixture.key, other, ['--provenance-key', witness.key]);
  expect((await judged(other)).exitCode).toBe(0);
});

describe.each(['cosign2', 'cosign3'])('%s', (name) => {
  test('accepts the padded slot without a network, for checksums.txt and for each image, and nothing else', async (t) => {
    const cosign = requireTool(name) ?? t.skip();
    const files = fixture.folder();
    await mkdir(files);
    await runOk('tar', ['xf', told, 'checksums.txt', 'release.json', 'attestations', 'install'], { cwd: files });
    await using offline = await openNetworkNamespace();
    const attested = (...subject: readonly string[]) =>
      offline.run(
        cosign,
        [
          ...['verify-blob-attestation', '--key', fixture.pub, '--bundle', 'attestations/1.sigstore.json'],
          ...['--type', 'slsaprovenance1', '--trusted-root', 'install/trusted-root.json', '--insecure-ignore-tlog'],
          ...subject,
        ],
        { cwd: files, env: { HOME: fixture.temp.path } },
      );
    const accepted = await attested('checksums.txt');
    expect([accepted.exitCode, accepted.stderr + accepted.stdout]).toEqual([0, expect.stringContaining('Verified OK')]);
    // Version 2 has no option for an image by its digest.
    for (const { digest } of name === 'cosign2' ? [] : (await readInventory(told)).images) {
      const image = await attested('--digest', digest.slice(7), '--digestAlg', 'sha256');
      expect([image.exitCode, image.stderr + image.stdout]).toEqual([0, expect.stringContaining('Verified OK')]);
    }
    if (name === 'cosign3')
      expect((await attested('--digest', 'a'.repeat(64), '--digestAlg', 'sha256')).exitCode).not.toBe(0);
    expect((await attested('release.json')).exitCode).not.toBe(0);
    const slot = `${files}/attestations/1.sigstore.json`;
    const text = await readFile(slot, 'utf8');
    await writeFile(slot, text.replace(/"payload":"(.{40})./, '"payload":"$1A'));
    expect((await attested('checksums.txt')).exitCode).not.toBe(0);
  });
});
