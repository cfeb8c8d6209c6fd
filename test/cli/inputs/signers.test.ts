/** Key files of those who sign: who else can read them, and which passphrase is for which. */
import { chmod, writeFile } from 'node:fs/promises';
import { PassThrough } from 'node:stream';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Context } from '../../../src/cli/context.ts';
import { openKeySigners } from '../../../src/cli/inputs/signers.ts';
import { createOutput } from '../../../src/cli/output/output.ts';
import type { KeyOptions } from '../../../src/cli/options/signer-options.ts';
import { generateKeyPair, keyId } from '../../../src/trust/keys/public-key.ts';
import { useTempDir } from '../../helpers/temp.ts';

const temp = useTempDir();
const ids = new Map<string, string>();

/** What was said to the person, and a context that says it there. */
function listen(env: Readonly<Record<string, string>> = {}): {
  readonly context: Context;
  readonly said: () => string;
} {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const output = createOutput({ stdout, stderr }, { json: false, quiet: false, verbose: false, progress: 'none' });
  const stdin = new PassThrough();
  const { signal } = new AbortController();
  const context = { stdin, stdout, stderr, isTTY: false, env, signal, now: () => new Date(0), color: false, output };
  return { context, said: () => (stderr.read() as Buffer | null)?.toString('utf8') ?? '' };
}

/** A key file whose passphrase is its own; derived as OpenSSL does by default, which takes no time. */
async function makeKey(name: string, passphrase: string | undefined): Promise<void> {
  const { privateKey, publicKey } = generateKeyPair('ed25519');
  const locked = passphrase === undefined ? {} : { cipher: 'aes-256-cbc', passphrase };
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem', ...locked }) as string;
  await writeFile(temp.join(name), pem, { mode: 0o600 });
  ids.set(name, keyId(publicKey));
}

async function openAll(context: Context, options: Partial<KeyOptions>): Promise<readonly string[]> {
  const signers = await openKeySigners(context, { key: [], passphraseFile: [], expectKey: [], ...options });
  return signers.map((signer) => signer.keyId);
}

const at = (...names: readonly string[]): readonly string[] => names.map((name) => temp.join(name));
const idsOf = (...names: readonly string[]): readonly string[] => names.map((name) => ids.get(name) ?? '');

describe('a private key without a passphrase', () => {
  beforeEach(() => makeKey('a.key', undefined));

  test.each([0o640, 0o604, 0o644])('that others can read (mode %o) is taken, with a warning', async (mode) => {
    await chmod(temp.join('a.key'), mode);
    const { context, said } = listen();
    expect(await openAll(context, { key: at('a.key') })).toEqual(idsOf('a.key'));
    expect(said()).toContain(`${temp.join('a.key')} can be read by other users of this machine: chmod 600`);
  });

  test.each([0o600, 0o400, 0o700])('that its owner alone can read (mode %o) is taken without a word', async (mode) => {
    await chmod(temp.join('a.key'), mode);
    const { context, said } = listen();
    expect(await openAll(context, { key: at('a.key') })).toEqual(idsOf('a.key'));
    expect(said()).toBe('');
  });
});

describe('several keys with passphrases of their own', () => {
  beforeEach(async () => {
    await makeKey('a.key', 'first');
    await makeKey('b.key', 'second');
    await writeFile(temp.join('a.pass'), 'first\n');
    await writeFile(temp.join('b.pass'), 'second\n');
  });

  test('are opened with a file for each, in their order', async () => {
    const { context, said } = listen();
    const options = { key: at('a.key', 'b.key'), passphraseFile: at('a.pass', 'b.pass') };
    expect(await openAll(context, options)).toEqual(idsOf('a.key', 'b.key'));
    expect(said()).toBe('');
  });

  test('are refused with files in another order, by the name of the first key that does not open', async () => {
    const { context } = listen();
    const options = { key: at('a.key', 'b.key'), passphraseFile: at('b.pass', 'a.pass') };
    await expect(openAll(context, options)).rejects.toMatchObject({
      code: 'DENIED',
      message: expect.stringContaining(temp.join('a.key')) as string,
    });
  });

  test('are refused with files for some of them', async () => {
    await makeKey('c.key', undefined);
    const { context } = listen();
    const options = { key: at('a.key', 'b.key', 'c.key'), passphraseFile: at('a.pass', 'b.pass') };
    await expect(openAll(context, options)).rejects.toMatchObject({
      code: 'USAGE',
      message: '--passphrase-file is given 2 times, for 3 key files',
    });
  });

  test('are not tried with AIRGAP_PASSPHRASE in silence', async () => {
    const { context, said } = listen({ AIRGAP_PASSPHRASE: 'first' });
    await expect(openAll(context, { key: at('a.key', 'b.key') })).rejects.toMatchObject({
      message: expect.stringContaining(temp.join('b.key')) as string,
    });
    expect(said()).toContain(
      `AIRGAP_PASSPHRASE is taken for the passphrase of ${temp.join('a.key')} and of ${temp.join('b.key')}`,
    );
  });

  test('are opened with the files that are given, whatever AIRGAP_PASSPHRASE holds', async () => {
    const { context, said } = listen({ AIRGAP_PASSPHRASE: 'neither' });
    const options = { key: at('a.key', 'b.key'), passphraseFile: at('a.pass', 'b.pass') };
    expect(await openAll(context, options)).toEqual(idsOf('a.key', 'b.key'));
    expect(said()).toBe('');
  });
});

test('one passphrase file is for all keys', async () => {
  await makeKey('a.key', 'shared');
  await makeKey('b.key', 'shared');
  await writeFile(temp.join('pass'), 'shared');
  const { context } = listen();
  const options = { key: at('a.key', 'b.key'), passphraseFile: at('pass') };
  expect(await openAll(context, options)).toEqual(idsOf('a.key', 'b.key'));
});
