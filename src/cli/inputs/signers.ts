/** Opens the signers: a key file, a key that stays in its KMS or HSM, or the identity of the running job. */
import { UsageError } from '../../errors.ts';
import { keyId } from '../../trust/keys/public-key.ts';
import { isKeyUri, openPluginSigner } from '../../trust/signing/plugin-signer.ts';
import { isEncryptedPrivateKey, loadPrivateKey } from '../../trust/keys/private-key.ts';
import { createKeySigner, type KeySigner, type ReleaseSigner } from '../../trust/signing/signer.ts';
import type { Timestamper } from '../../trust/signing/bundling.ts';
import type { PinnedTrustedRoot } from '../../trust/signatures/pinned-root-schema.ts';
import type { Context } from '../context.ts';
import { readPrivateKeyFile, readPublicKeys } from './keys.ts';
import { PASSPHRASE_VARIABLE, readPassphrase } from './passphrase.ts';
import type { KeyOptions, SignerOptions } from '../options/signer-options.ts';

/**
 * Opens signers, asking for passphrases where keys need one: those with keys first.
 * @param pinned verifies signatures without a key, unless the options name another
 * @throws UsageError when none is given, for an unsigned archive could not be loaded by anybody; when one signs twice; or
 *   when one has another key than `expectKey` says.
 */
export async function openReleaseSigners(
  context: Context,
  options: SignerOptions,
  pinned?: PinnedTrustedRoot,
): Promise<readonly ReleaseSigner[]> {
  assertTogether(options);
  if (countNamedSigners(options) === 0) {
    throw new UsageError('USAGE', 'no key to sign with: an unsigned archive could not be loaded', {
      hint: 'give --key release.key; make a pair with: airgap keys generate --output release',
    });
  }
  const timestamp = await openTimestamper(context, options);
  const signers = await openKeySigners(context, options, timestamp);
  return options.fulcioUrl === undefined
    ? signers
    : [...signers, await openKeylessSigner(context, options, timestamp, pinned)];
}

/** Opens the signers with keys. @throws UsageError as {@link openReleaseSigners}, but for none at all. */
export async function openKeySigners(
  context: Context,
  options: KeyOptions,
  timestamp?: Timestamper,
): Promise<readonly KeySigner[]> {
  const expected = await readPublicKeys(options.expectKey, context.signal);
  const expectedIds = new Set(expected.map(keyId));
  const files = passphraseFiles(options);
  if (options.key.length > 1) noteVariable(context, options);
  const signers = new Map<string, KeySigner>();
  for (const key of options.key) {
    const signer = await openSigner(context, key, files.get(key), timestamp);
    if (expectedIds.size > 0 && !expectedIds.has(signer.keyId)) throw unexpected(key, signer, expectedIds);
    if (signers.has(signer.keyId)) {
      throw new UsageError('USAGE', `${key} is the key ${signer.keyId}, which was given before`, {
        hint: 'two signatures of one key count as one; give each key once',
      });
    }
    signers.set(signer.keyId, signer);
  }
  return [...signers.values()];
}

/** The file with the passphrase of each key. A key in a KMS has none. @throws UsageError when they do not match */
function passphraseFiles({ key, passphraseFile }: KeyOptions): ReadonlyMap<string, string> {
  const keys = key.filter((each) => !isKeyUri(each));
  if (passphraseFile.length > 1 && passphraseFile.length !== keys.length) {
    throw new UsageError(
      'USAGE',
      `--passphrase-file is given ${passphraseFile.length} times, for ${keys.length} key files`,
      {
        hint: 'give it once for all keys, or once for each --key with a file, in their order',
      },
    );
  }
  return new Map(
    keys.flatMap((each, index) => {
      const file = passphraseFile[index] ?? passphraseFile[0];
      return file === undefined ? [] : [[each, file] as const];
    }),
  );
}

/** One variable for several keys is no secret choice of this product's. */
function noteVariable({ env, output }: Context, { key, passphraseFile }: KeyOptions): void {
  if (passphraseFile.length > 0 || env[PASSPHRASE_VARIABLE] === undefined) return;
  const files = key.filter((each) => !isKeyUri(each));
  if (files.length > 1) output.note(`${PASSPHRASE_VARIABLE} is taken for the passphrase of ${files.join(' and of ')}`);
}

/** How many signers the options name. */
export function countNamedSigners({ key, fulcioUrl }: SignerOptions): number {
  return key.length + (fulcioUrl === undefined ? 0 : 1);
}

async function openSigner(
  context: Context,
  key: string,
  passphraseFile: string | undefined,
  timestamp: Timestamper | undefined,
): Promise<KeySigner> {
  const { env, signal } = context;
  if (isKeyUri(key)) {
    return openPluginSigner(key, { environment: env, signal, onStderr: toNotes(context), timestamp });
  }
  const pem = await readPrivateKeyFile(context, key);
  const passphrase = isEncryptedPrivateKey(pem)
    ? await readPassphrase({ subject: key, purpose: 'use', file: passphraseFile, environment: env, signal })
    : undefined;
  return createKeySigner(loadPrivateKey(pem, { passphrase, name: key }), { timestamp });
}

/** Nothing of what was given is left unused without a word. */
function assertTogether({ fulcioUrl, rekorUrl, identityToken, trustedRoot }: SignerOptions): void {
  if (fulcioUrl === undefined && (rekorUrl ?? identityToken ?? trustedRoot) !== undefined) {
    throw new UsageError('USAGE', '--rekor-url, --identity-token and --trusted-root need --fulcio-url', {
      hint: 'give all of them to sign without a key',
    });
  }
}

async function openTimestamper(
  { env, signal }: Context,
  { timestampUrl }: SignerOptions,
): Promise<Timestamper | undefined> {
  if (timestampUrl === undefined) return undefined;
  const { createTimestamper } = await import('../../trust/signing/timestamps.ts');
  const { parseServiceUrl } = await import('../../trust/signing/signing-service.ts');
  return createTimestamper(parseServiceUrl(timestampUrl, '--timestamp-url'), { environment: env, signal });
}

async function openKeylessSigner(
  { env, signal, now }: Context,
  { fulcioUrl = '', rekorUrl, identityToken, trustedRoot }: SignerOptions,
  timestamp: Timestamper | undefined,
  pinned: PinnedTrustedRoot | undefined,
): Promise<ReleaseSigner> {
  if (rekorUrl === undefined) {
    throw new UsageError('USAGE', 'a signature without a key must be logged: --rekor-url', {
      hint: 'give the URL of the transparency log that the secure side has pinned',
    });
  }
  const { openAuthorities } = await import('../../trust/signatures/pinned-root.ts');
  const { readTrustedRoot } = await import('./trusted-root-file.ts');
  const root = trustedRoot === undefined ? pinned : await readTrustedRoot(trustedRoot, signal);
  if (root === undefined) {
    throw new UsageError('USAGE', 'no trusted root to verify the new signature with', {
      hint: 'give --trusted-root FILE, the one that the secure side pins, or --trust with a document that has one',
    });
  }
  const { createKeylessSigner } = await import('../../trust/signing/keyless-signer.ts');
  const { getIdentityToken } = await import('../../trust/signing/identity-token.ts');
  const { parseServiceUrl } = await import('../../trust/signing/signing-service.ts');
  const source = { environment: env, signal, now, file: identityToken };
  const signer = createKeylessSigner({
    ...source,
    fulcioUrl: parseServiceUrl(fulcioUrl, '--fulcio-url'),
    rekorUrl: parseServiceUrl(rekorUrl, '--rekor-url'),
    authorities: openAuthorities(root, trustedRoot ?? 'the trust document'),
    timestamp,
  });
  // Asked for once at the beginning: that there is none is not found out at the end of a long download.
  await getIdentityToken(source);
  return signer;
}

/** Whole lines of what a plugin says to the person, such as that the device wants to be touched. */
export function toNotes({ output }: Context): (text: string) => void {
  let line = '';
  return (text) => {
    const lines = `${line}${text}`.split('\n');
    line = lines.pop() ?? '';
    for (const each of lines) output.note(each);
  };
}

function unexpected(key: string, signer: KeySigner, expected: ReadonlySet<string>): UsageError {
  return new UsageError('USAGE', `${key} is the key ${signer.keyId}, which is not expected`, {
    hint: `--expect-key names ${[...expected].join(', ')}`,
  });
}
