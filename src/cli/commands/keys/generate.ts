/** `airgap keys generate`: a new key pair, the private half encrypted with a passphrase. */
import { choice, defineCommand, requiredText, text } from '../../command.ts';
import { readPassphrase } from '../../inputs/passphrase.ts';

export const keysGenerate = defineCommand({
  name: 'keys generate',
  summary: 'make a key pair to sign releases with',
  examples: [
    'keys generate --output release',
    'keys generate --output release --passphrase-file passphrase.txt --algorithm ed25519',
  ],
  arguments: {},
  options: {
    output: requiredText('--output <prefix>', 'writes <prefix>.key and <prefix>.pub'),
    algorithm: choice('--algorithm <name>', 'kind of key; the first if not given', ['ecdsa-p256', 'ed25519']),
    passphraseFile: text('--passphrase-file <file>', 'holds the passphrase; else AIRGAP_PASSPHRASE or a prompt'),
  },
  async run({ output, env, signal }, _args, { output: prefix, algorithm = 'ecdsa-p256', passphraseFile }) {
    const { generateKeyPair } = await import('../../../trust/keys/public-key.ts');
    const { writeKeyPair } = await import('../../../trust/keys/key-files.ts');
    const passphrase = await readPassphrase({
      subject: `${prefix}.key`,
      purpose: 'create',
      file: passphraseFile,
      environment: env,
      signal,
    });
    const written = await writeKeyPair(prefix, generateKeyPair(algorithm), passphrase);
    output.result({ algorithm, ...written }, [written.keyId]);
    output.note(
      `wrote ${written.privateKeyPath} (keep it secret) and ${written.publicKeyPath} (give it to those who verify)`,
    );
    output.note('the line above is the key id; compare it over the phone with everyone who receives the .pub file');
  },
});
