/** `airgap keys show`: which key a file or a KMS holds. */
import type { KeyObject } from 'node:crypto';
import { argument, defineCommand, flag } from '../../command.ts';
import type { Context } from '../../context.ts';
import { readPublicKey } from '../../inputs/keys.ts';

export const keysShow = defineCommand({
  name: 'keys show',
  summary: 'print the key id of a public key, or of a key in a KMS or HSM',
  examples: ['keys show release.pub', 'keys show my-hsm://release', 'keys show my-hsm://release --pem > release.pub'],
  arguments: { key: argument('key', 'public key in PEM, or <name>://… for a KMS or HSM') },
  options: { pem: flag('--pem', 'print the public key itself, for those who verify') },
  async run(context, { key }, { pem }) {
    const { algorithmOf, keyId, toPublicKeyPem } = await import('../../../trust/keys/public-key.ts');
    const publicKey = await openPublicKey(context, key);
    const [id, algorithm, text] = [keyId(publicKey), algorithmOf(publicKey, key), toPublicKeyPem(publicKey)];
    const lines = pem ? text.trimEnd().split('\n') : [`${id}  ${algorithm}`];
    context.output.result({ path: key, keyId: id, algorithm, ...(pem ? { publicKey: text } : {}) }, lines);
  },
});

async function openPublicKey(context: Context, key: string): Promise<KeyObject> {
  const { isKeyUri, openPluginSigner } = await import('../../../trust/signing/plugin-signer.ts');
  if (!isKeyUri(key)) return readPublicKey(key, context.signal);
  const { toNotes } = await import('../../inputs/signers.ts');
  const { env, signal } = context;
  return (await openPluginSigner(key, { environment: env, signal, onStderr: toNotes(context) })).publicKey;
}
