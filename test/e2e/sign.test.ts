/** The two-person rule: a second key signs a finished archive, in a slot or beside it, and nothing else of it changes. */
import {
  chmod,
  copyFile,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { layoutArchive } from '../../src/archive/layout/archive-layout.ts';
import { hexOf, sha256 } from '../../src/oci/digest.ts';
import { startRegistry } from '../../src/server/embedded-registry.ts';
import { openNetworkNamespace, type NetworkNamespace } from '../helpers/network-namespace.ts';
import type { ProcessResult } from '../helpers/process.ts';
import { requireTool } from '../helpers/require-tool.ts';
import { run, runOk } from '../helpers/run.ts';
import { mountTmpfs } from '../helpers/tmpfs.ts';
import { useBuiltRelease } from './support/fixture.ts';
import {
  airgap,
  airgapJson,
  airgapOk,
  errorOf,
  programCommand,
  programEnvironment,
  runProgram,
  startAirgap,
} from './support/program.ts';
import { expectAllTagsComplete } from './support/registry-content.ts';
import { makeKeys, readInventory } from './support/release.ts';

const SECTOR_BYTES = 512;
const fixture = useBuiltRelease({ baseBytes: 300_000 });
/** The second person. */
let second: { readonly key: string; readonly pub: string };
/** A third. */
let third: typeof second;
/** A copy of the archive, signed by the first key only, in a directory of its own. */
let archive: string;
let folder: string;

beforeAll(async () => {
  second = await makeKeys(fixture.temp.join('second'), 'ed25519');
  third = await makeKeys(fixture.temp.join('third'));
});

beforeEach(async () => {
  folder = fixture.folder();
  await mkdir(folder);
  archive = `${folder}/release.tar`;
  await copyFile(fixture.archive, archive);
});

interface SignResult {
  readonly place: string;
  readonly keyId: string;
  readonly others: readonly string[];
}

const sign = (...args: readonly string[]): Promise<ProcessResult> => airgap(['sign', archive, ...args, '--json']);
const signOk = (...args: readonly string[]): Promise<SignResult> => airgapJson<SignResult>(['sign', archive, ...args]);
const bothKeys = (): string[] => ['--key', fixture.pub, '--key', second.pub, '--threshold', '2'];
const verifyBoth = (path = archive): Promise<ProcessResult> => airgap(['verify', path, ...bothKeys(), '--json']);
const idOf = async (pub: string): Promise<string> => (await airgapOk(['keys', 'show', pub])).stdout.slice(0, 64);
const detachedName = async (pub: string): Promise<string> =>
  `${archive}.${(await idOf(pub)).slice(0, 16)}.sigstore.json`;

/** Asserts a refusal, with its exit code, error code and words. */
function expectRefusal(result: ProcessResult, exitCode: number, code: string, ...words: readonly string[]): void {
  expect(errorOf(result)).toMatchObject({ code });
  const { message, hint = '' } = errorOf(result);
  for (const word of words) expect(`${message}\n${hint}`).toContain(word);
  expect(result.exitCode).toBe(exitCode);
}

/** Bytes that differ, as first and last offset. */
function difference(a: Buffer, b: Buffer): { first: number; last: number } | undefined {
  expect(a.length).toBe(b.length);
  const first = a.findIndex((byte, at) => byte !== b[at]);
  return first === -1 ? undefined : { first, last: a.findLastIndex((byte, at) => byte !== b[at]) };
}

async function slotOffset(index: number): Promise<number> {
  const slots = layoutArchive(await readInventory(archive)).segments.filter(({ kind }) => kind === 'slot');
  return slots[index]?.offset ?? Number.NaN;
}

/** Writes into the archive behind everybody's back. */
async function overwrite(bytes: Uint8Array, offset: number): Promise<void> {
  await using file = await open(archive, 'r+');
  await file.write(bytes, 0, bytes.length, offset);
}

describe('one signature is not two', () => {
  test('a threshold of two is refused before the second signs', async () => {
    expectRefusal(await verifyBoth(), 3, 'UNTRUSTED_SIGNER', '1 of 2');
  });

  test('the same key twice is one key, at building and at verifying', async () => {
    const verified = await airgap([
      'verify',
      archive,
      '--key',
      fixture.pub,
      '--key',
      fixture.pub,
      '--threshold',
      '2',
      '--json',
    ]);
    expectRefusal(verified, 2, 'USAGE', 'only 1 distinct');
    const built = await airgap([
      'build',
      fixture.release.spec,
      '--key',
      fixture.key,
      '--key',
      fixture.key,
      '--output',
      `${folder}/b.tar`,
      '--json',
    ]);
    expectRefusal(built, 2, 'USAGE', 'given before');
  });
});

describe('in a spare slot', () => {
  test('one sector changes, and both keys are then enough for everything', async () => {
    const before = await readFile(archive);
    const result = await signOk('--key', second.key);
    expect(result).toMatchObject({
      place: 'signatures/2.sigstore.json',
      keyId: await idOf(second.pub),
      others: [await idOf(fixture.pub)],
    });
    const changed = difference(before, await readFile(archive));
    expect(changed?.first).toBe(await slotOffset(1));
    expect((changed?.first ?? 1) % SECTOR_BYTES).toBe(0);
    expect((changed?.last ?? 0) - (changed?.first ?? 0)).toBeLessThan(SECTOR_BYTES);
    expect(await readdir(folder)).toEqual(['release.tar']);

    expect((await verifyBoth()).exitCode).toBe(0);
    expect((await runProgram('verify-and-load', [archive, ...bothKeys()])).exitCode).toBe(0);
    const streamed = await airgap(['verify', '-', ...bothKeys()], { input: await readFile(archive) });
    expect(streamed.exitCode).toBe(0);
    const { claimedSigners } = await airgapJson<{ claimedSigners: string[] }>(['inspect', archive]);
    expect(claimedSigners).toEqual([await idOf(fixture.pub), await idOf(second.pub)]);
    await using target = await startRegistry({ directory: `${folder}/registry` });
    await airgapOk(['load', archive, ...bothKeys(), '--to', `docker://${target.host}`, '--report', `${folder}/report`]);
    expect(await expectAllTagsComplete(`http://${target.host}`)).toBeGreaterThan(0);
  });

  test('until no slot is free', async () => {
    const extra = await Promise.all(
      [1, 2].map((number) => makeKeys(fixture.temp.join(`extra-${number}-${Date.now()}`))),
    );
    const places: string[] = [];
    for (const { key } of [second, third, extra[0] ?? third]) places.push((await signOk('--key', key)).place);
    expect(places).toEqual([2, 3, 4].map((number) => `signatures/${number}.sigstore.json`));
    const before = await readFile(archive);
    expectRefusal(await sign('--key', extra[1]?.key ?? ''), 2, 'USAGE', 'no free slot', '--detached');
    expect(difference(before, await readFile(archive))).toBeUndefined();
    expect((await signOk('--key', extra[1]?.key ?? '', '--detached')).place).toBe(
      await detachedName(extra[1]?.pub ?? ''),
    );
    const five = [fixture, second, third, ...extra].flatMap(({ pub }) => ['--key', pub]);
    expect((await airgap(['verify', archive, ...five, '--threshold', '5'])).exitCode).toBe(0);
  });

  test('more keys than slots are refused at building, not left out', async () => {
    const keys = await Promise.all([1, 2, 3, 4, 5].map((number) => makeKeys(fixture.temp.join(`five-${number}`))));
    const args = [
      'build',
      fixture.release.spec,
      ...keys.flatMap(({ key }) => ['--key', key]),
      '--output',
      `${folder}/b.tar`,
    ];
    expectRefusal(await airgap([...args, '--json']), 2, 'USAGE', 'room for 4');
    expect(await readdir(folder)).toEqual(['release.tar']);
  });
});

describe('beside the archive', () => {
  test('the archive stays as it is, and every command finds the file', async () => {
    const before = await readFile(archive);
    const { place } = await signOk('--key', second.key, '--detached');
    expect(place).toBe(await detachedName(second.pub));
    expect(difference(before, await readFile(archive))).toBeUndefined();
    expect((await readdir(folder)).length).toBe(2);

    expect((await verifyBoth()).exitCode).toBe(0);
    expect((await runProgram('verify-and-load', [archive, ...bothKeys()])).exitCode).toBe(0);
    expect((await airgap(['extract', archive, `${folder}/files`, ...bothKeys()])).exitCode).toBe(0);
    const { claimedSigners } = await airgapJson<{ claimedSigners: string[] }>(['inspect', archive]);
    expect(claimedSigners).toEqual([await idOf(fixture.pub), await idOf(second.pub)]);
    const images = ['--to', `dir:${folder}/images`, '--report', `${folder}/report`];
    expect((await runProgram('verify-and-load', [archive, ...bothKeys(), ...images])).exitCode).toBe(0);

    await rename(place, `${folder}/elsewhere.json`);
    expectRefusal(await verifyBoth(), 3, 'UNTRUSTED_SIGNER', '1 of 2');
  });

  test('a file that is marked read-only, and an archive reached by a link', async () => {
    await mkdir(`${folder}/disc`);
    await rename(archive, `${folder}/disc/release.tar`);
    await chmod(`${folder}/disc/release.tar`, 0o444);
    await symlink('disc/release.tar', archive);
    expectRefusal(await sign('--key', second.key), 2, 'USAGE', 'is read-only', '--detached');
    await signOk('--key', second.key, '--detached');
    // The signature lies beside the name that was given: a read-only disc needs no more than a link to it.
    expect(await readdir(`${folder}/disc`)).toEqual(['release.tar']);
    expect((await verifyBoth()).exitCode).toBe(0);
    expectRefusal(await verifyBoth(`${folder}/disc/release.tar`), 3, 'UNTRUSTED_SIGNER');
  });

  test('a medium that is mounted read-only', async () => {
    await using medium = await mountTmpfs({ maxBytes: 64 * 1024 * 1024 });
    const onDisc = `${medium.path}/release.tar`;
    await copyFile(archive, onDisc);
    await runOk('mount', ['-o', 'remount,ro', medium.path]);
    const refuse = async (...way: readonly string[]): Promise<ProcessResult> =>
      airgap(['sign', onDisc, '--key', second.key, ...way, '--json']);
    expectRefusal(await refuse(), 2, 'USAGE', 'is read-only', '--detached');
    expectRefusal(await refuse('--detached'), 1, 'STORE_IO', 'cannot write', 'make a link');
    await rm(archive);
    await symlink(onDisc, archive);
    await signOk('--key', second.key, '--detached');
    expect((await verifyBoth()).exitCode).toBe(0);
  });

  test('is held to the rules of a slot', async () => {
    const { place } = await signOk('--key', second.key, '--detached');
    const good = await readFile(place);
    const refused = async (bytes: Uint8Array, ...words: readonly string[]): Promise<void> => {
      await writeFile(place, bytes);
      // Even for who asks for the first key alone: a bad signature is no accident.
      expectRefusal(await airgap(['verify', archive, '--key', fixture.pub, '--json']), 3, ...(words as [string]));
    };
    await refused(Buffer.concat([good, Buffer.from('\n')]), 'SIGNATURE_INVALID', place, 'canonical');
    await refused(Buffer.from('{}'), 'SIGNATURE_INVALID', place);
    await refused(Buffer.alloc(70_000, ' '), 'MALFORMED', place, 'larger than');
    // The trusted key's own name on a signature it did not make.
    const json = JSON.parse(good.toString()) as { messageSignature: { signature: string } };
    json.messageSignature.signature = Buffer.alloc(64).toString('base64');
    await writeFile(place, JSON.stringify(json));
    expectRefusal(await verifyBoth(), 3, 'SIGNATURE_INVALID', await idOf(second.pub));
    await rm(place);
    await mkdir(place);
    expectRefusal(await verifyBoth(), 3, 'MALFORMED', place);
    await rm(place, { recursive: true });
    await runOk('mkfifo', [place]);
    expectRefusal(await verifyBoth(), 3, 'MALFORMED', place);
  });

  test('of another archive, or under the name of another key, is named as what it is', async () => {
    const { place } = await signOk('--key', second.key, '--detached');
    const stranger = `${archive}.0123456789abcdef.sigstore.json`;
    await copyFile(place, stranger);
    expectRefusal(await verifyBoth(), 3, 'SIGNATURE_INVALID', stranger, 'not the one in its name');
    await rm(stranger);
    const other = `${folder}/other.tar`;
    await copyFile(archive, other);
    // Another line in checksums.txt is another archive.
    const spec = fixture.release.spec;
    await airgapOk(['build', spec, '--key', third.key, '--output', `${folder}/again.tar`]);
    await rename(place, place.replace('release.tar.', 'again.tar.'));
    expect((await airgap(['verify', `${folder}/again.tar`, '--key', second.pub])).exitCode).toBe(0);
    const release = (await readFile(spec, 'utf8')).replace(/^version: .*$/m, 'version: 9.9.9');
    await writeFile(spec.replace('release.yaml', 'newer.yaml'), release);
    await airgapOk([
      'build',
      spec.replace('release.yaml', 'newer.yaml'),
      '--key',
      third.key,
      '--output',
      `${folder}/again.tar`,
      '--overwrite',
    ]);
    const stale = await airgap(['verify', `${folder}/again.tar`, '--key', third.pub, '--json']);
    expectRefusal(stale, 3, 'SIGNATURE_INVALID', 'again.tar.', 'another archive', 'earlier archive');
  });

  test('files that only look alike are not touched', async () => {
    for (const name of [
      'release.tar.sigstore.json',
      'release.tar.0123.sigstore.json',
      'release.tar.0123456789ABCDEF.sigstore.json',
      'xrelease.tar.0123456789abcdef.sigstore.json',
      'release.tar.0123456789abcdef.sigstore.json.bak',
    ]) {
      await writeFile(`${folder}/${name}`, 'nothing');
    }
    expect((await airgap(['verify', archive, '--key', fixture.pub])).exitCode).toBe(0);
  });

  test('a crowd of them is refused', async () => {
    for (let number = 0; number < 33; number++) {
      await writeFile(`${archive}.${String(number).padStart(16, '0')}.sigstore.json`, '{}');
    }
    expectRefusal(await verifyBoth(), 3, 'MALFORMED', '33 signatures');
  });
});

describe('what is not signed', () => {
  test('what this key has signed already, wherever', async () => {
    expectRefusal(await sign('--key', fixture.key), 2, 'USAGE', 'already, in signatures/1.sigstore.json');
    expectRefusal(await sign('--key', fixture.key, '--detached'), 2, 'USAGE', 'already');
    await signOk('--key', second.key, '--detached');
    expectRefusal(await sign('--key', second.key), 2, 'USAGE', 'already, in', await detachedName(second.pub));
    expectRefusal(await sign('--key', second.key, '--detached'), 2, 'USAGE', 'already');
  });

  test('an archive with one wrong byte, wherever it is', async () => {
    const { members, segments, size } = layoutArchive(await readInventory(archive));
    const content = segments.filter(({ kind }) => kind === 'content').at(-1)?.offset ?? 0;
    const inventory = members.find(({ path }) => path === 'release.json')?.offset ?? 0;
    for (const offset of [SECTOR_BYTES + 20, inventory + 20, content, size - 1]) {
      await copyFile(fixture.archive, archive);
      const byte = (await readFile(archive)).readUInt8(offset);
      await overwrite(Buffer.from([byte ^ 1]), offset);
      const before = await readFile(archive);
      for (const way of [[], ['--detached']]) {
        const result = await sign('--key', second.key, ...way);
        expect(result.exitCode).toBe(3);
        // The list of digests is what the maker's signature is over.
        const codes = offset === SECTOR_BYTES + 20 ? ['SIGNATURE_INVALID'] : ['MALFORMED', 'DIGEST_MISMATCH'];
        expect(codes).toContain(errorOf(result).code);
      }
      expect(difference(before, await readFile(archive))).toBeUndefined();
      expect(await readdir(folder)).toEqual(['release.tar']);
    }
  });

  test('an archive whose checksums.txt is wrong about a tarball, which no reader of ours looks at', async () => {
    const layout = layoutArchive(await readInventory(archive));
    const member = layout.members.find(({ path }) => path === 'checksums.txt');
    const start = member?.offset ?? 0;
    const text = (await readFile(archive)).toString('latin1', start, start + (member?.size ?? 0));
    const line = text.split('\n').find((each) => each.endsWith('  images/linux-amd64.tar')) ?? '';
    await overwrite(Buffer.from(hexOf(sha256('other'))), start + text.indexOf(line));
    expectRefusal(await sign('--key', second.key), 3, 'SIGNATURE_INVALID', 'signatures/1.sigstore.json holds');
    // Without the signature that gives it away.
    await overwrite(Buffer.alloc(SECTOR_BYTES, ' '), await slotOffset(0));
    expectRefusal(await sign('--key', second.key), 3, 'DIGEST_MISMATCH', 'images/linux-amd64.tar');
  });

  test('an archive in which somebody else signed in the name of this key', async () => {
    const { place } = await signOk('--key', second.key, '--detached');
    const bundle = JSON.parse(await readFile(place, 'utf8')) as { messageSignature: { signature: string } };
    await rm(place);
    bundle.messageSignature.signature = Buffer.alloc(64, 1).toString('base64');
    await overwrite(Buffer.from(JSON.stringify(bundle)), await slotOffset(1));
    expectRefusal(await sign('--key', second.key), 3, 'SIGNATURE_INVALID', await idOf(second.pub));
  });

  test('while another program builds or signs it', async () => {
    await writeFile(`${archive}.lock`, `${process.pid} - another-machine x\n`);
    expectRefusal(await sign('--key', second.key), 1, 'LOCKED');
    await rm(`${archive}.lock`);
  });

  test('without a key, with two, and with another than expected', async () => {
    expectRefusal(await sign(), 2, 'USAGE', 'one signature is added at a time');
    expectRefusal(await sign('--key', second.key, '--key', third.key), 2, 'USAGE', 'one signature');
    const other = await sign('--key', second.key, '--expect-key', third.pub);
    expectRefusal(other, 2, 'USAGE', 'which is not expected', await idOf(third.pub));
    await signOk('--key', second.key, '--expect-key', second.pub);
  });

  test('what is no archive, or not there', async () => {
    await writeFile(archive, 'x'.repeat(10_000));
    expectRefusal(await sign('--key', second.key), 3, 'MALFORMED');
    await rm(archive);
    expectRefusal(await sign('--key', second.key), 2, 'USAGE', 'cannot open');
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('killed in the middle', () => {
  const strace = requireTool('strace');
  const traced = (inject: readonly string[], log: string): Promise<ProcessResult> => {
    const [command, args] = programCommand('airgap', ['sign', archive, '--key', second.key]);
    const trace = ['-f', '-y', '-o', log, '-e', 'trace=pwrite64,fsync,pwritev,write', ...inject];
    // strace counts for each thread of its own: with one thread that writes, the first write is the first of all.
    return run(strace ?? '', [...trace, command, ...args], { env: programEnvironment({ UV_THREADPOOL_SIZE: '1' }) });
  };
  const writesOf = (log: string): string[] =>
    log.split('\n').filter((line) => /pwrite64\(\d+<[^>]*release\.tar>/.test(line));
  /** As it was, or signed; never anything in between, and the next attempt succeeds. */
  const expectWhole = async (): Promise<'unsigned' | 'signed'> => {
    const first = await airgap(['verify', archive, '--key', fixture.pub]);
    expect(first.stderr).not.toContain('error');
    expect(first.exitCode).toBe(0);
    if ((await verifyBoth()).exitCode === 0) return 'signed';
    await signOk('--key', second.key);
    expect((await verifyBoth()).exitCode).toBe(0);
    return 'unsigned';
  };

  test.skipIf(strace === undefined)('a slot is one write within one sector, and then on disk', async () => {
    expect((await traced([], `${folder}/log`)).exitCode).toBe(0);
    const log = await readFile(`${folder}/log`, 'utf8');
    const [write = '', ...more] = writesOf(log);
    expect(more).toEqual([]);
    const [, length, offset, written] = /, (\d+), (\d+)\) = (\d+)$/.exec(write) ?? [];
    expect(written).toBe(length);
    expect(Number(length)).toBeLessThan(SECTOR_BYTES);
    expect(Number(offset)).toBe(await slotOffset(1));
    expect(Number(offset) % SECTOR_BYTES).toBe(0);
    expect(log.slice(log.indexOf(write))).toMatch(/fsync\(\d+<[^>]*release\.tar>\) += 0/);
  });

  test.skipIf(strace === undefined).each([
    ['at the write', 'pwrite64:signal=KILL'],
    ['before the write is on disk', 'fsync:signal=KILL'],
  ])('%s', async (_, inject) => {
    const result = await traced(['-e', `inject=${inject}`], `${folder}/log`);
    expect(result.signal ?? result.exitCode).not.toBe(0);
    await expectWhole();
  });

  test.skipIf(strace === undefined).each([
    ['a full disk', ['error=ENOSPC:when=1'], 'no space left'],
    ['a disk that loses a part of it', ['retval=100:when=1'], 'does not hold what was written'],
  ])('%s leaves it as it was', async (_, faults, words) => {
    const inject = faults.flatMap((fault) => ['-e', `inject=pwrite64:${fault}`]);
    const result = await traced(inject, `${folder}/log`);
    expect(result.stderr).toContain(words);
    expect(result.exitCode).toBe(1);
    expect(difference(await readFile(fixture.archive), await readFile(archive))).toBeUndefined();
    expect(await expectWhole()).toBe('unsigned');
  });

  test('at any moment', async () => {
    const started = Date.now();
    await signOk('--key', second.key);
    const whole = Date.now() - started;
    const hasLock = (): boolean => existsSync(`${archive}.lock`);
    const moments: readonly ((since: number) => boolean)[] = [
      () => true,
      hasLock,
      ...[0.3, 0.6, 0.8, 0.9].map((share) => (since: number) => Date.now() - since > whole * share),
    ];
    const outcomes: string[] = [];
    for (const isNow of moments) {
      await copyFile(fixture.archive, archive);
      await using child = await startAirgap(['sign', archive, '--key', second.key]);
      const since = Date.now();
      await child.killWhen(() => isNow(since));
      outcomes.push(await expectWhole());
    }
    // Nobody signs at the moment he is born; all else depends on how busy the machine is.
    expect(outcomes[0]).toBe('unsigned');
    // The next to take the lock tidies up after the killed ones, even when there is nothing left to sign.
    expect((await airgap(['sign', archive, '--key', second.key])).stderr).toContain('is signed by the key');
    expect(await readdir(folder)).toEqual(['release.tar']);
  });
});

describe.each(['cosign2', 'cosign3'])('%s', (name) => {
  const cosign = requireTool(name);
  let offline: NetworkNamespace;
  beforeAll(async () => {
    offline = await openNetworkNamespace();
  });
  afterAll(() => offline.close());

  test.skipIf(cosign === undefined)('accepts both signatures, in the slot and beside', async () => {
    await signOk('--key', second.key);
    const { place } = await signOk('--key', third.key, '--detached');
    const files = `${folder}/files`;
    await mkdir(files);
    await runOk('tar', ['xf', archive], { cwd: files });
    const verify = async (pub: string, bundle: string): Promise<number | null> => {
      const args = ['verify-blob', '--key', pub, '--bundle', bundle, '--trusted-root', 'install/trusted-root.json'];
      return (
        await offline.run(cosign ?? '', [...args, '--insecure-ignore-tlog', 'checksums.txt'], {
          cwd: files,
          env: { HOME: folder },
        })
      ).exitCode;
    };
    expect(await verify(fixture.pub, 'signatures/1.sigstore.json')).toBe(0);
    expect(await verify(second.pub, 'signatures/2.sigstore.json')).toBe(0);
    expect(await verify(third.pub, place)).toBe(0);
    expect(await verify(second.pub, 'signatures/1.sigstore.json')).not.toBe(0);
    expect(await verify(second.pub, place)).not.toBe(0);
  });

  test.skipIf(cosign === undefined)(
    'signs with its own key, and so do we with it; its signature is taken over',
    async () => {
      const env = { COSIGN_PASSWORD: 'correct horse', HOME: folder };
      const flags = name === 'cosign2' ? ['--new-bundle-format'] : ['--use-signing-config=false'];
      const cosignOk = async (...args: readonly string[]): Promise<void> => {
        const result = await offline.run(cosign ?? '', args, { cwd: folder, env });
        expect(`${result.stderr}${String(result.exitCode)}`).toMatch(/0$/);
      };
      await cosignOk('generate-key-pair');
      const [key, pub] = [`${folder}/cosign.key`, `${folder}/cosign.pub`];
      const { stdout } = await runOk('tar', ['xOf', archive, 'checksums.txt']);
      await writeFile(`${folder}/checksums.txt`, stdout);
      const signBlob = ['sign-blob', '--key', key, '--tlog-upload=false', ...flags, '--yes'];
      await cosignOk(...signBlob, '--bundle', 'made.json', 'checksums.txt');
      await copyFile(archive, `${folder}/ours.tar`);

      expectRefusal(await sign('--bundle', `${folder}/made.json`), 2, 'USAGE', '--expect-key');
      const wrong = await sign('--bundle', `${folder}/made.json`, '--expect-key', third.pub);
      expectRefusal(wrong, 3, 'UNTRUSTED_SIGNER');
      await signOk('--bundle', `${folder}/made.json`, '--expect-key', pub);
      const keys = ['--key', fixture.pub, '--key', pub, '--threshold', '2'];
      expect((await airgap(['verify', archive, ...keys])).exitCode).toBe(0);
      expectRefusal(await sign('--bundle', `${folder}/made.json`, '--expect-key', pub), 2, 'USAGE', 'already');

      await airgapOk(['sign', `${folder}/ours.tar`, '--key', key]);
      expect((await airgap(['verify', `${folder}/ours.tar`, ...keys])).exitCode).toBe(0);

      await writeFile(`${folder}/other.txt`, 'other');
      await cosignOk(...signBlob, '--bundle', 'other.json', 'other.txt');
      await copyFile(fixture.archive, archive);
      const over = await sign('--bundle', `${folder}/other.json`, '--expect-key', pub);
      expectRefusal(over, 3, 'SIGNATURE_INVALID', 'other data');
      expect((await stat(archive)).size).toBe((await stat(fixture.archive)).size);
      expect(difference(await readFile(fixture.archive), await readFile(archive))).toBeUndefined();
    },
  );
});
