/** Opens whoever signs: a key file, or a key that stays in its KMS or HSM. */
import { UsageError } from '../errors.ts';
import { keyId } from '../trust/keys.ts';
import { isKeyUri, openPluginSigner } from '../trust/plugin-signer.ts';
import { isEncryptedPrivateKey, loadPrivateKey } from '../trust/private-key.ts';
import { createKeySigner, type ReleaseSigner } from '../trust/signer.ts';
import type { Context } from './context.ts';
import { readKeyFile, readPublicKey } from './keys.ts';
import { readPassphrase } from './passphrase.ts';
import type { SignerOptions } from './signer-options.ts';

/**
 * Opens signers, asking for passphrases where keys need one.
 * @throws UsageError when none is given, for an unsigned archive could not be loaded by anybody; when one signs twice; or
 *   when one has another key than `expectKey` says.
 */
export async function openSigners(context: Context, options: SignerOptions): Promise<readonly ReleaseSigner[]> {
  if (options.key.length === 0) {
    throw new UsageError('USAGE', 'no key to sign with: an unsigned archive could not be loaded', {
      hint: 'give --key release.key; make a pair with: airgap keys generate --output release',
    });
  }
  const expected = await Promise.all(options.expectKey.map(readPublicKey));
  const expectedIds = new Set(expected.map(keyId));
  const signers = new Map<string, ReleaseSigner>();
  for (const key of options.key) {
    const signer = await openSigner(context, key, options.passphraseFile);
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

async function openSigner(context: Context, key: string, passphraseFile: string | undefined): Promise<ReleaseSigner> {
  const { env, signal } = context;
  if (isKeyUri(key)) return openPluginSigner(key, { environment: env, signal, onStderr: toNotes(context) });
  const pem = await readKeyFile(key);
  const passphrase = isEncryptedPrivateKey(pem)
    ? await readPassphrase({ subject: key, purpose: 'use', file: passphraseFile, environment: env, signal })
    : undefined;
  return createKeySigner(loadPrivateKey(pem, { passphrase, name: key }));
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

function unexpected(key: string, signer: ReleaseSigner, expected: ReadonlySet<string>): UsageError {
  return new UsageError('USAGE', `${key} is the key ${signer.keyId}, which is not expected`, {
    hint: `--expect-key names ${[...expected].join(', ')}`,
  });
}
